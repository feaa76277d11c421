#include "protocols/irc/irc_freeze.h"

#include "tests/unit/protocols/irc/irc_fixture.h"

#define KEYS \
	"flood_burst = 20\nflood_rate = 2\nping_interval = \"60s\"\nping_timeout = \"30s\"\n" \
	"auth = \"memory:carol:secret\"\nopen = true\n"
#define PEERS 5

/* One act of a client (0 to PEERS - 1), or time that passes (NULL text). */
struct act {
	unsigned who;
	const char *text; /* bytes; @ connects */
	int64_t passes;
};

/* A life on the server: everything a client can have here, and half of it in the middle. */
static const struct act acts[] = {
	{ 0, "@", 0 },
	{ 0, "CAP LS 302\r\nNICK alice\r\n", 0 },
	{ 0, "CAP REQ :multi-prefix away-notify account-notify invite-notify echo-message\r\n", 0 },
	{ 0, "USER alice 0 * :The real Alice\r\n", 0 },
	{ 0, "CAP END\r\n", 0 },
	{ 1, "@", 0 },
	{ 1, "NICK bo", 0 }, /* half a line */
	{ 1, "b\r\nUSER bob 0 * :Bob\r\n", 0 },
	{ 2, "@", 0 },
	{ 2, "CAP REQ :sasl server-time\r\nNICK carol\r\nUSER carol 0 * :Carol\r\n", 0 },
	{ 2, "AUTHENTICATE PLAIN\r\nAUTHENTICATE Y2Fyb2wAY2Fyb2wAc2VjcmV0\r\n", 0 },
	{ 2, "CAP END\r\n", 0 },
	{ 0, "JOIN #lobby\r\n", 0 },
	{ 2, "JOIN #lobby\r\n", 0 },
	{ 1, "JOIN #lobby\r\n", 0 },
	{ 0, "TOPIC #lobby :Knots and how to tie them\r\n", 0 },
	{ 0, NULL, SN_SEC(7) },
	{ 0, "MODE #lobby +vk bob sesame\r\n", 0 },
	{ 0, "MODE #lobby +o carol\r\nMODE #lobby +l 10\r\n", 0 },
	{ 2, "MODE #lobby +b *!*@evil.example\r\nMODE #lobby +b troll!*@*\r\n", 0 },
	{ 1, "AWAY :tying\r\n", 0 },
	{ 2, "JOIN #secret\r\nMODE #secret +is\r\nINVITE alice #secret\r\n", 0 },
	{ 3, "@", 0 },
	{ 3, "NICK dave\r\nUSER dave 0 * :Dave\r\n", 0 },
	{ 0, NULL, SN_SEC(30) },
	{ 0, "NAMES #lobby\r\nWHO #lobby\r\nMODE #lobby\r\nMODE #lobby b\r\n", 0 },
	{ 0, "WHOIS bob\r\nWHOIS carol\r\nLUSERS\r\nLIST\r\n", 0 },
	{ 0, "JOIN #secret\r\n", 0 }, /* the invitation */
	{ 3, "JOIN #lobby\r\nJOIN #lobby sesame\r\nJOIN #secret\r\n", 0 },
	{ 1, "PRIVMSG #lobby :hello\r\nPRIVMSG alice :he", 0 },
	{ 1, "llo\r\nNICK robert\r\n", 0 },
	{ 3,
		"PING 1\r\nPING 2\r\nPING 3\r\nPING 4\r\nPING 5\r\nPING 6\r\nPING 7\r\nPING 8\r\n"
		"PING 9\r\nPING 10\r\nPING 11\r\nPING 12\r\nPING 13\r\nPING 14\r\nPING 15\r\n"
		"PING 16\r\nPING 17\r\nPING 18\r\nPING 19\r\nPING 20\r\nPING 21\r\nPING 22\r\n"
		"PING 23\r\nPING 24\r\nPING 25\r\nPING 26\r\n",
		0 }, /* throttled */
	{ 0, NULL, SN_MS(700) },
	{ 0, NULL, SN_SEC(3) },
	{ 4, "@", 0 }, /* says nothing: registration times out */
	{ 0, NULL, SN_SEC(45) },
	{ 0, "PONG :x\r\n", 0 },
	{ 0, NULL, SN_SEC(20) }, /* asked whether they are there */
	{ 1, "PONG :x\r\n", 0 },
	{ 0, "KICK #lobby dave :enough\r\n", 0 },
	{ 2, "PART #secret :bye\r\nTOPIC #lobby\r\nNAMES #lobby\r\n", 0 },
	{ 0, NULL, SN_SEC(25) }, /* and those who did not answer go */
	{ 0, "WHO #lobby\r\nISON alice robert carol dave\r\nLUSERS\r\n", 0 },
	{ 1, "QUIT :done\r\n", 0 },
	{ 0, "NAMES #lobby\r\nLIST\r\n", 0 },
};
#define ACTS ((int)(sizeof(acts) / sizeof(acts[0])))

static struct irc_peer *cast[PEERS];

static void play(const struct act *act)
{
	if (act->text == NULL)
		irc_advance(act->passes);
	else if (act->text[0] == '@')
		cast[act->who] = irc_connect();
	else if (cast[act->who]->stream != NULL)
		irc_send(cast[act->who], sn_str(act->text));
}

/* The whole life on a fresh server that moves behind one act, or (-1) never, or (-2) behind each.
 */
static void live(int move_behind, struct sn_strbuf *transcript)
{
	irc_clock.wall_ns = SN_SEC(1790000000);
	irc_over_sockets = true;
	irc_restart(KEYS);
	for (int i = 0; i < ACTS; i++) {
		play(&acts[i]);
		if (move_behind == i || move_behind == -2)
			irc_move(KEYS);
	}
	irc_settle();
	for (int i = 0; i < PEERS; i++)
		sn_strbuf_addf(transcript, "--- %d %s\n%s", i,
			cast[i]->stream != NULL ? "here" : "gone", sn_strbuf_cstr(&cast[i]->text));
}

static void check_against_still(int move_behind)
{
	struct sn_strbuf still, moved;
	size_t same = 0;

	sn_strbuf_init(&still, 1 << 20);
	sn_strbuf_init(&moved, 1 << 20);
	live(-1, &still);
	live(move_behind, &moved);
	while (same < still.n && same < moved.n && still.p[same] == moved.p[same])
		same++;
	ck_assert_msg(same == still.n && same == moved.n,
		"moved behind %d: \"%.200s\" and not \"%.200s\"", move_behind,
		sn_strbuf_cstr(&moved) + same, sn_strbuf_cstr(&still) + same);
	/* It was a life: each of these is in it. */
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&still), "PONG irc.test :26"));
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&still), "Registration timed out"));
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&still), "Ping timeout"));
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&still), "You are now logged in as carol"));
	sn_strbuf_fini(&moved);
	sn_strbuf_fini(&still);
}

START_TEST(nobody_notices_a_move)
{
	for (int i = 0; i < ACTS; i++)
		check_against_still(i);
}
END_TEST

START_TEST(nor_many_moves)
{
	check_against_still(-2);
}
END_TEST

START_TEST(test_unsent_lines_go_along)
{
	struct irc_peer *alice;
	size_t lines = 0;

	irc_over_sockets = true;
	irc_restart("");
	alice = irc_user("alice");
	sn_stream_pause(alice->stream);
	for (int i = 0; i < 2000; i++)
		irc_say(alice, "PING %0400d", i);
	irc_move("");
	sn_stream_resume(alice->stream);
	for (int i = 0; i < 100; i++)
		irc_settle();
	for (; lines < 2000; lines++) {
		char want[500];

		(void)snprintf(want, sizeof(want), ":irc.test PONG irc.test :%0400zu", lines);
		irc_expect(alice, want);
	}
	irc_ask(alice, "PING end", ":irc.test PONG irc.test :end");
}
END_TEST

START_TEST(test_metrics_go_along)
{
	irc_over_sockets = true;
	irc_restart("");
	(void)irc_user("alice");
	irc_move("");
	ck_assert_uint_eq(irc_metric(SN_IRC_USERS), 1);
	ck_assert_uint_eq(irc_server()->unregistered, 0);
}
END_TEST

/* A SASL exchange has secrets that do not move. */
START_TEST(test_who_is_logging_in_reconnects)
{
	struct irc_peer *carol, *alice;

	irc_over_sockets = true;
	irc_restart(KEYS);
	alice = irc_user("alice");
	carol = irc_connect();
	irc_say(carol, "CAP REQ :sasl");
	irc_say(carol, "AUTHENTICATE PLAIN");
	irc_forget(carol);
	irc_move(KEYS);
	irc_expect(carol,
		"ERROR :Closing Link: localhost (Server is being updated: please reconnect)");
	irc_expect_end(carol);
	irc_ask(alice, "PING x", ":irc.test PONG irc.test :x");
}
END_TEST

/* Others hear of those who cannot come along, and see them nowhere afterwards. */
START_TEST(test_those_left_behind_have_quit)
{
	struct irc_peer *alice, *memory;

	irc_over_sockets = true;
	irc_restart("");
	irc_over_sockets = false;
	memory = irc_member("memory", "#lobby");
	irc_over_sockets = true;
	alice = irc_member("alice", "#lobby");
	irc_move("");
	irc_expect(memory, "ERROR *please reconnect)");
	irc_expect(alice, ":memory!* QUIT :Server is being updated: please reconnect");
	irc_ask(alice, "NAMES #lobby", ":irc.test 353 alice = #lobby :alice", ":irc.test 366 *");
}
END_TEST

START_TEST(test_another_version_starts_empty)
{
	struct irc_peer *alice;

	irc_over_sockets = true;
	irc_restart("");
	alice = irc_user("alice");
	irc_move_version = SN_IRC_FREEZE_VERSION + 1;
	irc_move("");
	irc_expect_end(alice);
	ck_assert_uint_eq(sn_chat_stats(irc_server()->chat).rooms, 0);
	(void)irc_user("alice");
}
END_TEST

Suite *sn_suite_irc_freeze(void)
{
	const TTest *const tests[] = {
		nobody_notices_a_move,
		nor_many_moves,
		test_unsent_lines_go_along,
		test_metrics_go_along,
		test_who_is_logging_in_reconnects,
		test_those_left_behind_have_quit,
		test_another_version_starts_empty,
	};

	return IRC_SUITE("irc_freeze", tests);
}
