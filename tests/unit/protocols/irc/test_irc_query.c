#include "tests/unit/protocols/irc/irc_fixture.h"

/* --- WHO ------------------------------------------------------------------------------------ */

START_TEST(test_who_channel)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(alice, "MODE #x +v bob");
	irc_say(bob, "AWAY :lunch");
	irc_forget_all();
	irc_ask(bob, "WHO #X",
		":irc.test 352 bob #x ~alice localhost irc.test alice H@ :0 The real alice",
		":irc.test 352 bob #x ~bob localhost irc.test bob G+ :0 The real bob",
		":irc.test 315 bob #X :End of WHO list");
	irc_say(alice, "MODE #x +o bob");
	irc_forget_all();
	irc_ask(bob, "WHO #x", ":irc.test 352 bob #x * alice H@ :0 *",
		":irc.test 352 bob #x * bob G@ :0 *", ":irc.test 315 *");
	irc_say(bob, "CAP REQ :multi-prefix");
	irc_forget(bob);
	irc_ask(bob, "WHO #x", ":irc.test 352 bob #x * alice H@ :0 *",
		":irc.test 352 bob #x * bob G@+ :0 *", ":irc.test 315 *");
	irc_ask(bob, "WHO #none", ":irc.test 315 bob #none :End of WHO list");
	irc_ask(bob, "WHO #x o", ":irc.test 315 bob #x :End of WHO list");
}
END_TEST

START_TEST(test_who_hides)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	irc_say(bob, "MODE bob +i");
	irc_forget_all();
	irc_ask(carol, "WHO #x", ":irc.test 352 carol #x * alice H@ *", ":irc.test 315 *");
	irc_ask(carol, "WHO bo*", ":irc.test 315 *");
	irc_ask(carol, "WHO bob", ":irc.test 352 carol [*] ~bob localhost irc.test bob H :0 *",
		":irc.test 315 *");
	irc_ask(alice, "WHO bo*", ":irc.test 352 alice * bob H *", ":irc.test 315 *");
	irc_say(alice, "MODE #x +s");
	irc_forget_all();
	irc_ask(carol, "WHO #x", ":irc.test 315 carol #x *");
}
END_TEST

START_TEST(test_who_masks)
{
	static const struct {
		const char *mask, *who; /* first letters */
	} rows[] = {
		{ "*", "abc" },
		{ "0", "abc" },
		{ "", "abc" },
		{ "ALICE", "a" },
		{ "*l*", "abc" }, /* localhost */
		{ "~b*", "b" },
		{ "The?real?carol", "c" },
		{ "nobody*", "" },
		{ "nobody", "" },
	};
	struct irc_peer *alice = irc_user("alice");

	(void)irc_user("bob");
	(void)irc_user("carol");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		irc_say(alice, "WHO %s", rows[i].mask);
		for (const char *c = rows[i].who; *c != '\0'; c++) {
			const char pattern[] = { '*', ' ', *c, '*', ' ', 'H', ' ', ':', '0', '*',
				'\0' };

			irc_expect(alice, pattern);
		}
		irc_expect(alice, ":irc.test 315 *");
		irc_expect_nothing(alice);
	}
}
END_TEST

START_TEST(test_who_stops_when_too_long)
{
	struct irc_peer *alice;

	irc_restart("send_queue = \"16KiB\"\n");
	alice = irc_member("alice", "#x");
	for (int i = 0; i < 60; i++) {
		char nick[16];
		struct sn_strbuf b;

		sn_strbuf_fixed(&b, nick, sizeof(nick));
		sn_strbuf_addf(&b, "somebody%d", i);
		(void)irc_member(nick, "#x");
	}
	irc_say(alice, "WHO #x");
	irc_skip_to(alice, ":irc.test 416 alice WHO :Too many matches, narrow it down");
	irc_expect(alice, ":irc.test 315 alice #x *");
	irc_expect_nothing(alice);
	irc_say(alice, "WHO some*");
	irc_skip_to(alice, ":irc.test 416 alice WHO *");
	irc_expect(alice, ":irc.test 315 *");
}
END_TEST

/* --- WHOIS ---------------------------------------------------------------------------------- */

START_TEST(test_whois)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(bob, "JOIN #y,#x");
	irc_say(bob, "AWAY :lunch");
	irc_say(bob, "PRIVMSG #x :hi");
	irc_forget_all();
	irc_advance(SN_SEC(75));
	irc_forget_all();
	irc_ask(alice, "WHOIS BOB", ":irc.test 311 alice bob ~bob localhost [*] :The real bob",
		":irc.test 319 alice bob :@#y #x", ":irc.test 312 alice bob irc.test :Knots",
		":irc.test 301 alice bob :lunch",
		":irc.test 317 alice bob 75 [0-9]* :seconds idle, signon time",
		":irc.test 318 alice BOB :End of /WHOIS list");
	irc_ask(alice, "WHOIS irc.test nobody", ":irc.test 401 alice nobody *",
		":irc.test 318 alice nobody *");
	irc_ask(alice, "WHOIS", ":irc.test 431 alice :No nickname given");
	irc_ask(alice, "WHOIS :", ":irc.test 431 alice :No nickname given");
	irc_ask(alice, "WHOIS ,,");
}
END_TEST

START_TEST(test_whois_several)
{
	struct irc_peer *alice = irc_user("alice");

	irc_say(alice, "WHOIS alice,nobody,Alice");
	irc_skip_to(alice, ":irc.test 318 alice alice *");
	irc_expect(alice, ":irc.test 401 alice nobody *");
	irc_expect(alice, ":irc.test 318 alice nobody *");
	irc_skip_to(alice, ":irc.test 318 alice Alice *");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_whois_hides_channels)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(bob, "JOIN #secret,#open,#x\r\nMODE #secret +s");
	irc_forget_all();
	irc_say(alice, "WHOIS bob");
	irc_skip_to(alice, ":irc.test 319 alice bob :@#open #x");
	irc_say(bob, "MODE bob +i");
	irc_say(alice, "WHOIS bob");
	irc_skip_to(alice, ":irc.test 319 alice bob :#x");
	irc_forget_all();
	irc_say(bob, "WHOIS bob");
	irc_skip_to(bob, ":irc.test 319 bob bob :@#secret @#open #x");
	irc_say(bob, "PART #x");
	irc_forget_all();
	irc_ask(alice, "WHOIS bob", ":irc.test 311 *", ":irc.test 312 *", ":irc.test 317 *",
		":irc.test 318 *");
}
END_TEST

START_TEST(test_whois_of_one_in_many_channels)
{
	struct irc_peer *alice = irc_user("alice");
	struct sn_str line;
	size_t channels = 0, lines = 0;

	for (int i = 0; i < 50; i++)
		irc_say(alice, "JOIN #channel-with-a-long-name-%d", i);
	irc_forget(alice);
	irc_say(alice, "WHOIS alice");
	irc_expect(alice, ":irc.test 311 *");
	while (sn_str_starts(line = irc_next(alice), SN_STR(":irc.test 319 "))) {
		ck_assert_uint_le(line.n, SN_IRC_LINE_MAX);
		lines++;
		for (size_t i = 0; i < line.n; i++)
			channels += line.p[i] == '#';
	}
	ck_assert_uint_eq(channels, 50);
	ck_assert_uint_gt(lines, 1);
}
END_TEST

START_TEST(test_whowas)
{
	struct irc_peer *alice = irc_user("alice");

	irc_ask(alice, "WHOWAS bob", ":irc.test 406 alice bob :There was no such nickname",
		":irc.test 369 alice bob :End of WHOWAS");
	irc_ask(alice, "WHOWAS", ":irc.test 431 alice :No nickname given");
}
END_TEST

/* --- USERHOST, ISON ------------------------------------------------------------------------- */

START_TEST(test_userhost)
{
	struct irc_peer *alice = irc_user("alice"), *bob = irc_user("bob");

	irc_say(bob, "AWAY :x");
	irc_ask(alice, "USERHOST Alice nobody bob",
		":irc.test 302 alice :alice=+~alice@localhost bob=-~bob@localhost");
	irc_ask(alice, "USERHOST nobody", ":irc.test 302 alice :");
	irc_ask(alice, "USERHOST 1 2 3 4 5 alice", ":irc.test 302 alice :");
	irc_ask(alice, "USERHOST 1 2 3 4 alice", ":irc.test 302 alice :alice=+~alice@localhost");
}
END_TEST

START_TEST(test_ison)
{
	struct irc_peer *alice = irc_user("alice");

	(void)irc_user("bob");
	irc_ask(alice, "ISON BOB nobody alice", ":irc.test 303 alice :bob alice");
	irc_ask(alice, "ISON :nobody bob", ":irc.test 303 alice :bob");
	irc_ask(alice, "ISON nobody", ":irc.test 303 alice :");
}
END_TEST

/* As many whole words as fit. */
START_TEST(test_ison_of_many)
{
	struct irc_peer *alice = irc_user("alice");
	struct sn_str line;

	irc_say(alice, "NICK abcdefghijklmnopqrstuvwxyzabcdef");
	irc_forget(alice);
	irc_say(alice,
		"ISON abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef abcdefghijklmnopqrstuvwxyzabcdef "
		"abcdefghijklmnopqrstuvwxyzabcdef");
	line = irc_next(alice);
	ck_assert(sn_str_ends(line, SN_STR("f abcdefghijklmnopqrstuvwxyzabcdef")));
}
END_TEST

Suite *sn_suite_irc_query(void)
{
	const TTest *const tests[] = {
		test_who_channel,
		test_who_hides,
		test_who_masks,
		test_who_stops_when_too_long,
		test_whois,
		test_whois_several,
		test_whois_hides_channels,
		test_whois_of_one_in_many_channels,
		test_whowas,
		test_userhost,
		test_ison,
		test_ison_of_many,
	};

	return IRC_SUITE("irc_query", tests);
}
