#include "daemon/base/mem.h"
#include "tests/unit/protocols/irc/irc_fixture.h"

START_TEST(test_welcome)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "NICK alice");
	irc_say(peer, "USER al 0 * :Alice Liddell");
	irc_expect(peer, ":irc.test 001 alice :Welcome to the Knots network, alice");
	irc_expect(peer,
		":irc.test 002 alice :Your host is irc.test, running version " PACKAGE_VERSION);
	irc_expect(peer, ":irc.test 003 alice :This server was started at 20*-*-*T*Z");
	irc_expect(peer, ":irc.test 004 alice irc.test " PACKAGE_VERSION " io biklmnostv bklov");
	irc_skip_to(peer, ":irc.test 251 alice :There are 1 users and 0 invisible on 1 server");
	irc_skip_to(peer, ":irc.test 422 alice :MOTD File is missing");
	irc_expect_nothing(peer);
	ck_assert_uint_eq(irc_metric(SN_IRC_USERS), 1);
}
END_TEST

START_TEST(test_user_before_nick)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "USER al 0 * :Alice");
	irc_say(peer, "NICK alice");
	irc_expect(peer, ":irc.test 001 alice *");
}
END_TEST

START_TEST(test_pass_is_ignored)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "PASS sesame");
	irc_say(peer, "NICK alice\r\nUSER al 0 * :Alice");
	irc_expect(peer, ":irc.test 001 alice *");
	irc_forget(peer);
	irc_ask(peer, "PASS sesame", ":irc.test 462 alice :You may not reregister");
	irc_ask(peer, "USER al 0 * :Alice", ":irc.test 462 alice :You may not reregister");
}
END_TEST

START_TEST(test_user_rules)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "USER", ":irc.test 461 [*] USER :Not enough parameters");
	irc_ask(peer, "USER a 0 *", ":irc.test 461 [*] USER :Not enough parameters");
	irc_ask(peer, "USER a 0 * :", ":irc.test 461 [*] USER :Not enough parameters");
	irc_ask(peer, "USER a 0 * :A");
	irc_ask(peer, "USER b 0 * :B", ":irc.test 462 [*] :You may not reregister");
}
END_TEST

START_TEST(test_nick_rules)
{
	static const struct {
		const char *nick;
		bool good;
	} rows[] = {
		{ "bob", true },
		{ "[bob]", true },
		{ "b", true },
		{ "abcdefghijklmnopqrstuvwxyzabcdef", true },
		{ "abcdefghijklmnopqrstuvwxyzabcdefg", false },
		{ "1bob", false },
		{ "-bob", false },
		{ "#bob", false },
		{ "b.b", false },
		{ "b!b", false },
		{ "b@b", false },
		{ "b*", false },
		{ "caf\xc3\xa9", false },
		{ ":b b", false },
	};
	struct irc_peer *peer = irc_user("carol");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		irc_say(peer, "NICK %s", rows[i].nick);
		irc_expect(peer,
			rows[i].good ? ":*!~carol@localhost NICK :*"
				     : ":irc.test 432 * :Erroneous nickname");
		irc_expect_nothing(peer);
	}
	irc_say(peer, "NICK");
	irc_expect(peer, "* 431 * :No nickname given");
	irc_say(peer, "NICK :");
	irc_expect(peer, "* 431 * :No nickname given");
}
END_TEST

START_TEST(test_nick_length_is_configured)
{
	struct irc_peer *peer;

	irc_restart("nick_max = 5\n");
	peer = irc_connect();
	irc_ask(peer, "NICK abcdef", ":irc.test 432 [*] abcdef :Erroneous nickname");
	irc_ask(peer, "NICK abcde");
	irc_say(peer, "USER a 0 * :A");
	irc_expect(peer, "* 001 abcde *");
}
END_TEST

START_TEST(test_nick_in_use)
{
	struct irc_peer *alice = irc_user("alice"), *peer = irc_connect();

	irc_ask(peer, "NICK ALICE", ":irc.test 433 [*] ALICE :Nickname is already in use");
	irc_ask(peer, "NICK bob");
	irc_ask(peer, "NICK alice", ":irc.test 433 bob alice :Nickname is already in use");
	irc_say(peer, "USER b 0 * :B");
	irc_expect(peer, "* 001 bob *");
	irc_ask(alice, "NICK Bob", ":irc.test 433 alice Bob :Nickname is already in use");
}
END_TEST

/* Two want the same nick at the same time: the first to finish has it. */
START_TEST(test_nick_race)
{
	struct irc_peer *first = irc_connect(), *second = irc_connect();

	irc_ask(first, "NICK alice");
	irc_ask(second, "NICK Alice");
	irc_say(first, "USER a 0 * :A");
	irc_expect(first, "* 001 alice *");
	irc_ask(second, "USER a 0 * :A", ":irc.test 433 Alice Alice :Nickname is already in use");
	irc_say(second, "NICK anne");
	irc_expect(second, "* 001 anne *");
}
END_TEST

START_TEST(test_nick_change)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	irc_say(alice, "JOIN #y");
	irc_say(bob, "JOIN #y");
	irc_forget_all();
	irc_ask(alice, "NICK alice");
	irc_ask(alice, "NICK ALICE", ":alice!~alice@localhost NICK :ALICE");
	irc_expect(bob, ":alice!~alice@localhost NICK :ALICE");
	irc_ask(alice, "NICK anne", ":ALICE!~alice@localhost NICK :anne");
	irc_expect(bob, ":ALICE!~alice@localhost NICK :anne");
	irc_expect_nothing(bob);
	irc_expect_nothing(carol);
	irc_ask(carol, "NICK alice", ":carol!~carol@localhost NICK :alice");
}
END_TEST

START_TEST(test_login)
{
	static const struct {
		const char *given, *shown;
	} rows[] = {
		{ "a", "~a" },
		{ "abcdefghi", "~abcdefghi" },
		{ "abcdefghij", "~abcdefghi" },
		{ "a b", "~a" },
		{ "a@b!c", "~a_b_c" },
		{ "A.b-c_9", "~A.b-c_9" },
		{ "\xc3\xa9", "~__" },
	};
	char pattern[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct irc_peer *peer = irc_connect();
		struct sn_strbuf b;

		irc_say(peer, "NICK n%zu\r\nUSER %.*s 0 * :x", i, (int)strcspn(rows[i].given, " "),
			rows[i].given);
		irc_forget(peer);
		irc_say(peer, "JOIN #%zu", i);
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, ":n%zu!%s@localhost JOIN #%zu", i, rows[i].shown, i);
		irc_expect(peer, pattern);
	}
}
END_TEST

START_TEST(test_real_name_is_cut)
{
	struct irc_peer *peer = irc_connect();
	char real[160], pattern[300];
	struct sn_strbuf b;

	memset(real, 'x', 149);
	memcpy(real + 149, "\xc3\xa9", 3);
	irc_say(peer, "NICK alice\r\nUSER a 0 * :%s", real);
	irc_forget(peer);
	irc_say(peer, "WHOIS alice");
	real[149] = '\0';
	sn_strbuf_fixed(&b, pattern, sizeof(pattern));
	sn_strbuf_addf(&b, ":irc.test 311 alice alice ~a localhost [*] :%s", real);
	irc_expect(peer, pattern);
}
END_TEST

START_TEST(test_quit)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(alice, "JOIN #y");
	irc_say(bob, "JOIN #y");
	irc_forget_all();
	irc_ask(bob, "QUIT :so long", "ERROR :Closing Link: localhost (Quit: so long)");
	irc_expect(alice, ":bob!~bob@localhost QUIT :Quit: so long");
	irc_expect_nothing(alice);
	irc_expect_end(bob);
	ck_assert_uint_eq(irc_metric(SN_IRC_USERS), 1);
	irc_ask(alice, "NICK bob", ":alice!~alice@localhost NICK :bob");
}
END_TEST

START_TEST(test_quit_without_a_word)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *nobody = irc_connect();

	irc_ask(bob, "QUIT", "ERROR :Closing Link: localhost (Client quit)");
	irc_expect(alice, ":bob!~bob@localhost QUIT :Client quit");
	irc_expect_end(bob);
	irc_ask(nobody, "QUIT :x", "ERROR :Closing Link: localhost (Quit: x)");
	irc_expect_end(nobody);
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_quit_reason_is_cut)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	char reason[400];
	struct sn_str line;

	memset(reason, 'x', sizeof(reason));
	irc_say(bob, "QUIT :%.*s", (int)sizeof(reason), reason);
	line = irc_next(alice);
	ck_assert_uint_eq(line.n, strlen(":bob!~bob@localhost QUIT :Quit: ") + 300);
}
END_TEST

/* What comes after a QUIT is not looked at. */
START_TEST(test_nothing_after_quit)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(bob, "QUIT :x\r\nPRIVMSG #x :ghost\r\nQUIT :again");
	irc_expect(alice, ":bob!* QUIT :Quit: x");
	irc_expect_nothing(alice);
	irc_expect(bob, "ERROR *");
	irc_expect_end(bob);
}
END_TEST

START_TEST(test_ping)
{
	struct irc_peer *peer = irc_connect();

	irc_ask(peer, "PING", ":irc.test 409 [*] :No origin specified");
	irc_ask(peer, "PING :", ":irc.test 409 [*] :No origin specified");
	irc_ask(peer, "PING :a b", ":irc.test PONG irc.test :a b");
	irc_ask(peer, "PONG");
	irc_ask(peer, "PONG :x");
}
END_TEST

START_TEST(test_accounts_keep_guests_out)
{
	struct irc_peer *peer;

	irc_restart("auth = [\"memory:alice:secret\"]\n");
	peer = irc_connect();
	irc_say(peer, "NICK a\r\nUSER a 0 * :A");
	irc_expect(peer, "ERROR :Closing Link: localhost (You must log in with SASL *)");
	irc_expect_end(peer);
	irc_restart("auth = [\"memory:alice:secret\"]\nopen = true\n");
	(void)irc_user("guest");
}
END_TEST

Suite *sn_suite_irc_register(void)
{
	const TTest *const tests[] = {
		test_welcome,
		test_user_before_nick,
		test_pass_is_ignored,
		test_user_rules,
		test_nick_rules,
		test_nick_length_is_configured,
		test_nick_in_use,
		test_nick_race,
		test_nick_change,
		test_login,
		test_real_name_is_cut,
		test_quit,
		test_quit_without_a_word,
		test_quit_reason_is_cut,
		test_nothing_after_quit,
		test_ping,
		test_accounts_keep_guests_out,
	};

	return IRC_SUITE("irc_register", tests);
}
