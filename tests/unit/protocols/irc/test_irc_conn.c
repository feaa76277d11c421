#include <unistd.h>

#include "daemon/service/service_listener.h"
#include "tests/support/split.h"
#include "tests/support/turn.h"
#include "tests/unit/protocols/irc/irc_fixture.h"

/* --- lines ---------------------------------------------------------------------------------- */

static const char dialogue[] = "NICK alice\r\n\r\nUSER a 0 * :A\nPING :one\r\nPRIVMSG alice :x y\n";

static void expect_dialogue(struct irc_peer *peer)
{
	irc_skip_to(peer, ":irc.test 422 *");
	irc_expect(peer, ":irc.test PONG irc.test :one");
	irc_expect(peer, ":alice!~a@localhost PRIVMSG alice :x y");
	irc_expect_nothing(peer);
	irc_hang_up(peer);
}

START_TEST(test_byte_by_byte)
{
	struct irc_peer *peer = irc_connect();

	for (size_t i = 0; i < strlen(dialogue); i++)
		irc_send(peer, sn_str_n(dialogue + i, 1));
	expect_dialogue(peer);
}
END_TEST

START_TEST(test_in_two_pieces)
{
	for (size_t i = 0; i <= strlen(dialogue); i++) {
		struct irc_peer *peer = irc_connect();

		irc_send(peer, sn_str_n(dialogue, i));
		irc_send(peer, sn_str(dialogue + i));
		expect_dialogue(peer);
	}
}
END_TEST

START_TEST(test_half_a_line_at_the_end)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_send(bob, SN_STR("PRIVMSG #x :whole\r\nPRIVMSG #x :half"));
	irc_hang_up(bob);
	irc_expect(alice, ":bob!* PRIVMSG #x :whole");
	irc_expect(alice, ":bob!* QUIT :Connection closed");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_too_long)
{
	struct irc_peer *alice = irc_user("alice");
	static char text[SN_IRC_INPUT_MAX + 2];

	memset(text, 'x', sizeof(text));
	irc_say(alice, "PING :%.*s", (int)(SN_IRC_LINE_MAX - strlen("PING :")), text);
	ck_assert(sn_str_starts(irc_next(alice), SN_STR(":irc.test PONG ")));
	irc_say(alice, "PING :%.*s", (int)(SN_IRC_LINE_MAX - strlen("PING :")) + 1, text);
	irc_expect(alice, ":irc.test 417 alice :Input line was too long");
	irc_say(alice, "%.*s", SN_IRC_INPUT_MAX + 1, text);
	irc_expect(alice, ":irc.test 417 alice :Input line was too long");
	irc_say(alice, "@%.*s PING x", SN_IRC_TAGS_MAX, text);
	irc_expect(alice, ":irc.test PONG irc.test :x");
	irc_say(alice, "@%.*s PING x", SN_IRC_TAGS_MAX + 1, text);
	irc_expect(alice, ":irc.test 417 alice :Input line was too long");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_endless_line)
{
	struct irc_peer *alice = irc_user("alice");
	static char text[16 << 10];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 20; i++)
		irc_send(alice, sn_str_n(text, sizeof(text)));
	irc_ask(alice, "\r\nPING x", ":irc.test 417 *", ":irc.test PONG irc.test :x");
}
END_TEST

/* What strangers on the wrong port say, and what they are told. */
START_TEST(test_not_irc)
{
	static const struct {
		const char *hello;
		size_t n;
		const char *answer;
	} rows[] = {
#define ROW(hello, answer) { hello, sizeof(hello) - 1, answer }
		ROW("\x16\x03\x01\x02\x00\x01", "This port speaks plain text, not TLS"),
		ROW("SSH-2.0-OpenSSH_9.2\r\n", "This is an IRC server: malformed line"),
		ROW("\x05\x01\x00\n", "This is an IRC server: malformed line"),
		ROW("<?xml version='1.0'?>\n", "This is an IRC server: malformed line"),
#undef ROW
	};
	char pattern[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct irc_peer *stranger = irc_connect();
		struct sn_strbuf b;

		irc_send(stranger, sn_str_n(rows[i].hello, rows[i].n));
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, "ERROR :Closing Link: localhost (%s)", rows[i].answer);
		irc_expect(stranger, pattern);
		irc_expect_end(stranger);
	}
}
END_TEST

/* Who is known may stumble. */
START_TEST(test_garbage_of_a_user)
{
	struct irc_peer *alice = irc_user("alice");

	irc_ask(alice, "\x16\x03\x01", ":irc.test 421 alice [*] :Unknown command");
	irc_ask(alice, "SSH-2.0", ":irc.test 421 alice [*] :Unknown command");
}
END_TEST

/* --- ends ----------------------------------------------------------------------------------- */

START_TEST(test_hang_up)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_hang_up(bob);
	irc_expect(alice, ":bob!~bob@localhost QUIT :Connection closed");
	irc_hang_up(irc_connect());
	ck_assert_uint_eq(irc_metric(SN_IRC_USERS), 1);
	ck_assert_uint_eq(irc_server()->unregistered, 0);
}
END_TEST

START_TEST(test_reset)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_send(bob, SN_STR("PRIVMSG #x :half a li"));
	irc_reset(bob);
	irc_expect(alice, ":bob!~bob@localhost QUIT :Connection reset by peer");
	ck_assert_uint_eq(irc_metric(SN_IRC_USERS), 1);
}
END_TEST

START_TEST(test_registration_timeout)
{
	struct irc_peer *peer = irc_connect(), *half = irc_connect();

	irc_say(half, "NICK alice");
	irc_advance(SN_SEC(60) - SN_MS(1));
	irc_expect_nothing(peer);
	irc_advance(SN_MS(2));
	irc_expect(peer, "ERROR :Closing Link: localhost (Registration timed out)");
	irc_expect_end(peer);
	irc_expect(half, "ERROR :*");
	irc_expect_end(half);
}
END_TEST

START_TEST(test_ping_timeout)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_advance(SN_SEC(90) - SN_MS(1));
	irc_expect_nothing(bob);
	irc_advance(SN_MS(2));
	irc_expect(bob, "PING :irc.test");
	irc_say(alice, "PONG :irc.test");
	irc_forget(alice);
	irc_advance(SN_SEC(60));
	irc_expect(bob, "ERROR :Closing Link: localhost (Ping timeout: 150 seconds)");
	irc_expect_end(bob);
	irc_expect(alice, ":bob!~bob@localhost QUIT :Ping timeout: 150 seconds");
	irc_expect_nothing(alice);
}
END_TEST

/* Whatever a client says, it is alive; and it is asked again only when it has been silent. */
START_TEST(test_any_line_is_a_sign_of_life)
{
	struct irc_peer *alice = irc_user("alice");

	for (int i = 0; i < 5; i++) {
		irc_advance(SN_SEC(60));
		irc_send(alice, SN_STR("\r\n"));
	}
	irc_expect_nothing(alice);
	irc_advance(SN_SEC(91));
	irc_expect(alice, "PING :irc.test");
	irc_advance(SN_SEC(58));
	irc_ask(alice, "PONG :irc.test");
	irc_advance(SN_SEC(89));
	irc_expect_nothing(alice);
	irc_advance(SN_SEC(2));
	irc_expect(alice, "PING :irc.test");
}
END_TEST

/* --- flood ---------------------------------------------------------------------------------- */

START_TEST(test_burst_then_rate)
{
	struct irc_peer *peer;
	size_t got = 0;

	irc_restart("flood_burst = 5\nflood_rate = 2\n");
	peer = irc_connect();
	for (int i = 0; i < 10; i++)
		irc_say(peer, "PING %d", i);
	for (; irc_next(peer).p != NULL; got++)
		;
	/* One more than the burst: the account may be overdrawn by the last one. */
	ck_assert_uint_ge(got, 5);
	ck_assert_uint_le(got, 6);
	irc_advance(SN_SEC(1));
	for (; irc_next(peer).p != NULL; got++)
		;
	ck_assert_uint_ge(got, 7);
	ck_assert_uint_le(got, 8);
	irc_advance(SN_SEC(10));
	for (; irc_next(peer).p != NULL; got++)
		;
	ck_assert_uint_eq(got, 10);
	ck_assert_uint_gt(irc_metric(SN_IRC_THROTTLED), 0);
	ck_assert_uint_eq(irc_metric(SN_IRC_FLOODED), 0);
}
END_TEST

START_TEST(test_excess_flood)
{
	struct irc_peer *alice, *bob;

	irc_restart("flood_burst = 20\nflood_rate = 1\nflood_backlog = 1024\n");
	alice = irc_member("alice", "#x");
	bob = irc_member("bob", "#x");
	for (int i = 0; i < 40 && bob->stream != NULL; i++)
		sn_stream_write(bob->stream,
			SN_STR("PRIVMSG #x :0123456789012345678901234567890"
			       "1234567890123456789\r\n"));
	irc_settle();
	irc_skip_to(bob, "ERROR :Closing Link: localhost (Excess flood)");
	irc_expect_end(bob);
	irc_skip_to(alice, ":bob!~bob@localhost QUIT :Excess flood");
	irc_expect_nothing(alice);
	ck_assert_uint_eq(irc_metric(SN_IRC_FLOODED), 1);
}
END_TEST

START_TEST(test_gone_while_throttled)
{
	struct irc_peer *peer;

	irc_restart("flood_burst = 2\nflood_rate = 1\n");
	peer = irc_connect();
	irc_say(peer, "PING 1\r\nPING 2\r\nPING 3\r\nPING 4\r\nPING 5");
	irc_reset(peer);
	irc_advance(SN_SEC(10));
	ck_assert_uint_eq(irc_server()->unregistered, 0);
}
END_TEST

/* --- clients that do not read --------------------------------------------------------------- */

/* A client that asks and asks and takes no answer is read no further, and loses nothing. */
START_TEST(test_no_more_answers_than_are_read)
{
	struct irc_peer *alice;
	size_t asked = 0, answered = 0;

	irc_restart("send_queue = \"64KiB\"\n");
	alice = irc_user("alice");
	sn_stream_pause(alice->stream);
	for (; asked < 2000; asked++)
		sn_stream_write(alice->stream,
			SN_STR("PING :0123456789012345678901234567890123456789\r\n"));
	irc_settle();
	ck_assert_uint_lt(irc_metric(SN_IRC_COMMANDS), 2000);
	sn_stream_resume(alice->stream);
	irc_settle();
	for (; irc_next(alice).p != NULL; answered++)
		;
	ck_assert_uint_eq(answered, asked);
}
END_TEST

START_TEST(test_who_hears_and_never_reads_is_cut)
{
	struct irc_peer *alice, *deaf;
	struct sn_str line;
	int said = 0;

	irc_restart("send_queue = \"64KiB\"\n");
	alice = irc_member("alice", "#x");
	deaf = irc_member("deaf", "#x");
	sn_stream_pause(deaf->stream);
	do {
		irc_say(alice, "PRIVMSG #x :%0400d", 0);
		ck_assert_int_lt(++said, 1000);
		line = irc_next(alice);
	} while (line.p == NULL);
	ck_assert(sn_str_eq(line, SN_STR(":deaf!~deaf@localhost QUIT :SendQ exceeded")));
	ck_assert_int_gt(said, 100);
}
END_TEST

/* Much at once is no slowness of those who hear it. */
START_TEST(test_who_reads_is_not_cut)
{
	struct irc_peer *alice, *bob;
	struct sn_strbuf lines;

	irc_restart("send_queue = \"16KiB\"\n");
	alice = irc_member("alice", "#x");
	bob = irc_member("bob", "#x");
	sn_strbuf_init(&lines, 64 << 10);
	for (int i = 0; i < 100; i++)
		sn_strbuf_addf(&lines, "PRIVMSG #x :%0400d\r\n", i);
	irc_send(alice, sn_strbuf_str(&lines));
	for (int i = 0; i < 100; i++)
		irc_expect(bob, ":alice!~alice@localhost PRIVMSG #x :0*");
	irc_expect_nothing(alice);
	sn_strbuf_fini(&lines);
}
END_TEST

START_TEST(test_write_timeout)
{
	struct irc_peer *alice, *deaf;

	irc_restart("write_timeout = \"10s\"\n");
	alice = irc_member("alice", "#x");
	deaf = irc_member("deaf", "#x");
	sn_stream_pause(deaf->stream);
	for (int i = 0; i < 500; i++)
		irc_say(alice, "PRIVMSG #x :%0400d", 0);
	irc_advance(SN_SEC(11));
	irc_expect(alice, ":deaf!~deaf@localhost QUIT :Write timeout");
}
END_TEST

/* --- addresses ------------------------------------------------------------------------------ */

START_TEST(test_host_is_the_address)
{
	static const char hello[] = "NICK alice\r\nUSER a 0 * :A\r\nJOIN #x\r\n";
	const struct sn_addr *local = &irc_instance->listeners[0]->listener.sock.local;
	struct irc_peer *bob = irc_user_with("bob", "server-time");
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	irc_say(bob, "JOIN #x");
	irc_forget(bob);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &local->sa, local->len), 0);
	ck_assert_int_eq(write(fd, hello, sizeof(hello) - 1), sizeof(hello) - 1);
	sn_test_turn_until(irc_loop, bob->read < bob->text.n);
	irc_expect(bob, "@time=* :alice!~a@127.0.0.1 JOIN #x");
	(void)close(fd);
	sn_test_turn_until(irc_loop, bob->read < bob->text.n);
	irc_expect(bob, "@time=* :alice!~a@127.0.0.1 QUIT :*");
}
END_TEST

/* ::1, but a word of the protocol must not begin with a colon. */
START_TEST(test_host_that_would_begin_with_a_colon)
{
	const struct sn_addr *local;
	static const char hello[] = "NICK alice\r\nUSER a 0 * :A\r\nJOIN #x\r\n";
	struct irc_peer *bob;
	int fd;

	irc_restart("listen = [\"tcp:0:interface=\\\\:\\\\:1\"]\n");
	local = &irc_instance->listeners[0]->listener.sock.local;
	bob = irc_member("bob", "#x");
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &local->sa, local->len), 0);
	ck_assert_int_eq(write(fd, hello, sizeof(hello) - 1), sizeof(hello) - 1);
	sn_test_turn_until(irc_loop, bob->read < bob->text.n);
	irc_expect(bob, ":alice!~a@0::1 JOIN #x");
	(void)close(fd);
}
END_TEST

Suite *sn_suite_irc_conn(void)
{
	const TTest *const tests[] = {
		test_byte_by_byte,
		test_in_two_pieces,
		test_half_a_line_at_the_end,
		test_too_long,
		test_endless_line,
		test_not_irc,
		test_garbage_of_a_user,
		test_hang_up,
		test_reset,
		test_registration_timeout,
		test_ping_timeout,
		test_any_line_is_a_sign_of_life,
		test_burst_then_rate,
		test_excess_flood,
		test_gone_while_throttled,
		test_no_more_answers_than_are_read,
		test_who_hears_and_never_reads_is_cut,
		test_who_reads_is_not_cut,
		test_write_timeout,
		test_host_is_the_address,
		test_host_that_would_begin_with_a_colon,
	};

	return IRC_SUITE("irc_conn", tests);
}
