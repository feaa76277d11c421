#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "tests/support/turn.h"
#include "tests/unit/protocols/irc/irc_fixture.h"

#define AUTH "insecure_auth = true\nauth = [\"memory:alice:secret:bob:hunter2\"]\n"

/* A peer that has the capability and negotiates. */
static struct irc_peer *asker(void)
{
	struct irc_peer *peer = irc_connect();

	irc_say(peer, "CAP LS 302\r\nCAP REQ :sasl");
	irc_skip_to(peer, "* ACK :sasl");
	return peer;
}

/* What the client sends for PLAIN: base64 of [authzid] NUL account NUL password. */
static void say_plain(struct irc_peer *peer, struct sn_str response)
{
	struct sn_strbuf encoded;

	sn_strbuf_init(&encoded, 4000);
	sn_base64_encode(&encoded, response);
	irc_say(peer, "AUTHENTICATE %s", sn_strbuf_cstr(&encoded));
	sn_strbuf_fini(&encoded);
}

static void log_in(struct irc_peer *peer, struct sn_str response)
{
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	say_plain(peer, response);
}

START_TEST(test_plain)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	irc_ask(peer, "NICK anne\r\nUSER a 0 * :A");
	log_in(peer, SN_STR("\0alice\0secret"));
	irc_expect(peer,
		":irc.test 900 anne anne!~a@localhost alice :You are now logged in as "
		"alice");
	irc_expect(peer, ":irc.test 903 anne :SASL authentication successful");
	irc_expect_nothing(peer);
	irc_say(peer, "CAP END");
	irc_expect(peer, ":irc.test 001 anne *");
	irc_forget(peer);
	irc_say(peer, "WHOIS anne");
	irc_skip_to(peer, ":irc.test 330 anne anne alice :is logged in as");
	ck_assert_uint_eq(irc_metric(SN_IRC_LOGINS), 1);
	ck_assert_uint_eq(irc_metric(SN_IRC_LOGIN_FAILURES), 0);
}
END_TEST

START_TEST(test_before_nick_and_user)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	log_in(peer, SN_STR("alice\0alice\0secret"));
	irc_expect(peer, ":irc.test 900 [*] [*]![*]@localhost alice :*");
	irc_expect(peer, ":irc.test 903 [*] :*");
	irc_say(peer, "CAP END\r\nNICK anne\r\nUSER a 0 * :A");
	irc_expect(peer, ":irc.test 001 anne *");
}
END_TEST

START_TEST(test_refused)
{
	static const struct {
		const char *response;
		size_t n;
	} rows[] = {
#define RESPONSE(text) { text, sizeof(text) - 1 }
		RESPONSE("\0alice\0wrong"),
		RESPONSE("\0alice\0Secret"),
		RESPONSE("\0alice\0hunter2"),
		RESPONSE("\0nobody\0secret"),
		RESPONSE("bob\0alice\0secret"),
		RESPONSE("\0alice\0"),
		RESPONSE("\0\0secret"),
		RESPONSE("alice"),
		RESPONSE("\0alice"),
		RESPONSE("\0alice\0secret\0"),
		RESPONSE("\0alice\0secret\xff"),
		RESPONSE(""),
#undef RESPONSE
	};
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_in(peer, sn_str_n(rows[i].response, rows[i].n));
		irc_expect(peer,
			rows[i].n > 0 ? ":irc.test 904 [*] :SASL authentication failed"
				      : ":irc.test 461 [*] AUTHENTICATE :*");
		if (rows[i].n == 0)
			irc_ask(peer, "AUTHENTICATE +",
				":irc.test 904 [*] :SASL authentication failed");
		irc_expect_nothing(peer);
	}
	ck_assert_uint_eq(irc_metric(SN_IRC_LOGIN_FAILURES), sizeof(rows) / sizeof(rows[0]));
	/* And then it works. */
	log_in(peer, SN_STR("\0alice\0secret"));
	irc_skip_to(peer, ":irc.test 903 *");
}
END_TEST

START_TEST(test_who_did_not_log_in_stays_out)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	irc_say(peer, "NICK anne\r\nUSER a 0 * :A");
	log_in(peer, SN_STR("\0alice\0wrong"));
	irc_expect(peer, "* 904 *");
	irc_ask(peer, "CAP END", "ERROR :Closing Link: localhost (You must log in with SASL *)");
	irc_expect_end(peer);
}
END_TEST

START_TEST(test_exchange_errors)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = irc_connect();
	irc_ask(peer, "AUTHENTICATE PLAIN",
		":irc.test 904 [*] :SASL authentication failed: request the sasl capability first");
	peer = asker();
	irc_ask(peer, "AUTHENTICATE BOGUS",
		":irc.test 908 [*] SCRAM-SHA-256,SCRAM-SHA-1,PLAIN :are available SASL mechanisms",
		":irc.test 904 [*] *");
	irc_ask(peer, "AUTHENTICATE *", ":irc.test 906 [*] :SASL authentication aborted");
	irc_ask(peer, "AUTHENTICATE plain", "AUTHENTICATE +");
	irc_ask(peer, "AUTHENTICATE *", ":irc.test 906 [*] :SASL authentication aborted");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	irc_ask(peer, "AUTHENTICATE !!!", ":irc.test 904 [*] *");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	irc_ask(peer, "CAP END", ":irc.test 906 [*] :SASL authentication aborted");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	irc_ask(peer, "AUTHENTICATE *", ":irc.test 906 [*] *");
}
END_TEST

static void say_chunk(struct irc_peer *peer, size_t n)
{
	char text[500];

	memset(text, 'A', n);
	irc_say(peer, "AUTHENTICATE %.*s", (int)n, text);
}

START_TEST(test_chunks)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	say_chunk(peer, 401);
	irc_expect(peer, ":irc.test 905 [*] :SASL message too long");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	say_chunk(peer, 400);
	irc_expect_nothing(peer);
	irc_ask(peer, "AUTHENTICATE +", ":irc.test 904 [*] *");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	for (int i = 0; i < 20; i++) {
		say_chunk(peer, 400);
		irc_expect_nothing(peer);
	}
	say_chunk(peer, 400);
	irc_expect(peer, ":irc.test 904 [*] *");
}
END_TEST

/* 502 bytes are 672 of base64, and a chunk holds 400. */
#define A250 A50 A50 A50 A50 A50
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

START_TEST(test_long_password_in_chunks)
{
	static const char response[] = "\0" A250 "\0" A250;
	struct sn_strbuf encoded;
	struct irc_peer *peer;

	irc_restart("insecure_auth = true\nauth = [\"memory:" A250 ":" A250 "\"]\n");
	peer = asker();
	sn_strbuf_init(&encoded, 1000);
	sn_base64_encode(&encoded, sn_str_n(response, sizeof(response) - 1));
	ck_assert_uint_gt(encoded.n, 400);
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	irc_say(peer, "AUTHENTICATE %.*s", 400, encoded.p);
	irc_expect_nothing(peer);
	irc_say(peer, "AUTHENTICATE %s", encoded.p + 400);
	irc_skip_to(peer, "* 903 *");
	sn_strbuf_fini(&encoded);
}
END_TEST

START_TEST(test_once_is_enough)
{
	struct irc_peer *peer;

	irc_restart(AUTH);
	peer = asker();
	log_in(peer, SN_STR("\0alice\0secret"));
	irc_skip_to(peer, "* 903 *");
	irc_ask(peer, "AUTHENTICATE PLAIN",
		":irc.test 907 [*] :You have already authenticated using SASL");
}
END_TEST

START_TEST(test_login_of_a_guest_is_told)
{
	struct irc_peer *bob, *peer;

	irc_restart(AUTH "open = true\n");
	bob = irc_user_with("bob", "account-notify");
	peer = irc_user_with("anne", "sasl");
	irc_say(bob, "JOIN #x");
	irc_say(peer, "JOIN #x");
	irc_forget_all();
	log_in(peer, SN_STR("\0alice\0secret"));
	irc_skip_to(peer, "* 903 *");
	irc_expect(bob, ":anne!~anne@localhost ACCOUNT alice");
	irc_expect_nothing(bob);
}
END_TEST

/* --- with a check that takes its time on another thread --------------------------------------- */

/* A password file that needs no place in the file system. */
static void restart_with_file(const char *line)
{
	const int fd = memfd_create("users", 0);
	char keys[200];
	struct sn_strbuf b;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, line, strlen(line)), strlen(line));
	sn_strbuf_fixed(&b, keys, sizeof(keys));
	sn_strbuf_addf(&b, "insecure_auth = true\nauth = [\"file:/proc/self/fd/%d\"]\n", fd);
	irc_restart(keys);
}

START_TEST(test_input_waits_for_the_answer)
{
	struct irc_peer *peer;

	restart_with_file("alice:secret\n");
	peer = asker();
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	/* "\0alice\0wrong", and at once what must not be answered before it. */
	irc_say(peer, "AUTHENTICATE AGFsaWNlAHdyb25n\r\nPING x");
	sn_test_turn_until(irc_loop, peer->read < peer->text.n);
	irc_settle();
	irc_expect(peer, ":irc.test 904 [*] *");
	irc_expect(peer, ":irc.test PONG irc.test :x");
}
END_TEST

/* The one who asked is gone when the answer comes; the sanitizers see what is left of it. */
START_TEST(test_gone_while_waiting)
{
	struct irc_peer *peer;

	restart_with_file("alice:secret\n");
	peer = asker();
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	sn_stream_write(peer->stream, SN_STR("AUTHENTICATE AGFsaWNlAHdyb25n\r\n"));
	for (int i = 0; i < 4; i++)
		sn_loop_turn(irc_loop, 0);
	irc_reset(peer);
	peer = irc_connect();
	irc_ask(peer, "PING x", ":irc.test PONG irc.test :x");
}
END_TEST

START_TEST(test_scram_is_told_apart_from_success)
{
	struct irc_peer *peer;
	struct sn_str line;

	irc_restart(AUTH);
	peer = asker();
	irc_ask(peer, "AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE +");
	/* "n,,n=alice,r=abc" */
	irc_say(peer, "AUTHENTICATE biwsbj1hbGljZSxyPWFiYw==");
	sn_test_turn_until(irc_loop, peer->read < peer->text.n);
	line = irc_skip_to(peer, "AUTHENTICATE cj1hYm*");
	ck_assert_uint_gt(line.n, 80);
	/* No proof at all. */
	irc_ask(peer, "AUTHENTICATE Yz1iaXdz", ":irc.test 904 [*] :SASL authentication failed");
	ck_assert_uint_eq(irc_metric(SN_IRC_LOGIN_FAILURES), 1);
}
END_TEST

START_TEST(test_an_operator_is_shown)
{
	struct irc_peer *peer, *bob;

	restart_with_file("alice:secret:operator\nbob:hunter2:guest\n");
	peer = asker();
	irc_ask(peer, "NICK anne\r\nUSER a 0 * :A");
	irc_ask(peer, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	say_plain(peer, SN_STR("\0alice\0secret"));
	sn_test_turn_until(irc_loop, peer->read < peer->text.n);
	irc_skip_to(peer, ":irc.test 903 anne *");
	irc_say(peer, "CAP END");
	irc_skip_to(peer, ":anne MODE anne :+o");
	irc_ask(peer, "MODE anne", ":irc.test 221 anne +o");
	irc_ask(peer, "MODE anne -o+i", ":anne MODE anne :+i");
	irc_ask(peer, "MODE anne", ":irc.test 221 anne +io");
	irc_ask(peer, "WHO anne", "* 352 anne * anne H[*] :*", "* 315 *");
	irc_ask(peer, "WHO * o", "* 352 anne * anne H[*] :*", "* 315 *");
	irc_say(peer, "WHOIS anne");
	irc_skip_to(peer, ":irc.test 313 anne anne :is an IRC operator");
	bob = asker();
	irc_ask(bob, "NICK bob\r\nUSER b 0 * :B");
	irc_ask(bob, "AUTHENTICATE PLAIN", "AUTHENTICATE +");
	say_plain(bob, SN_STR("\0bob\0hunter2"));
	sn_test_turn_until(irc_loop, bob->read < bob->text.n);
	irc_say(bob, "CAP END");
	irc_forget(bob);
	irc_ask(bob, "MODE bob", ":irc.test 221 bob +");
	irc_ask(bob, "WHO bob", "* 352 bob * bob H :*", "* 315 *");
	irc_ask(bob, "MODE bob +o");
	irc_ask(bob, "MODE bob", ":irc.test 221 bob +");
}
END_TEST

START_TEST(test_anonymous_has_no_name)
{
	struct irc_peer *peer;

	irc_restart("auth = [\"anonymous\"]\n");
	peer = irc_connect();
	irc_ask(peer, "CAP LS 302", "* LS :* sasl=ANONYMOUS *");
	irc_ask(peer, "CAP REQ :sasl", "* ACK :sasl");
	irc_ask(peer, "AUTHENTICATE ANONYMOUS", "AUTHENTICATE +");
	irc_ask(peer, "AUTHENTICATE +", ":irc.test 903 [*] *");
	irc_say(peer, "NICK anne\r\nUSER a 0 * :A\r\nCAP END");
	irc_skip_to(peer, ":irc.test 001 anne *");
	irc_forget(peer);
	irc_say(peer, "WHOIS anne");
	irc_skip_to(peer, "* 312 *");
	irc_expect(peer, "* 317 *");
}
END_TEST

Suite *sn_suite_irc_sasl(void)
{
	const TTest *const tests[] = {
		test_plain,
		test_before_nick_and_user,
		test_refused,
		test_who_did_not_log_in_stays_out,
		test_exchange_errors,
		test_chunks,
		test_long_password_in_chunks,
		test_once_is_enough,
		test_login_of_a_guest_is_told,
		test_scram_is_told_apart_from_success,
		test_an_operator_is_shown,
		test_anonymous_has_no_name,
		test_input_waits_for_the_answer,
		test_gone_while_waiting,
	};

	return IRC_SUITE("irc_sasl", tests);
}
