#include "tests/unit/protocols/irc/irc_fixture.h"

START_TEST(test_table)
{
	ck_assert(sn_verbs_check(&sn_irc_verbs));
}
END_TEST

static const struct sn_verb *row(size_t i)
{
	return (const struct sn_verb *)((const char *)sn_irc_verbs.rows + i * sn_irc_verbs.stride);
}

START_TEST(test_unknown)
{
	struct irc_peer *alice = irc_user("alice");

	irc_ask(alice, "BOGUS a b", ":irc.test 421 alice BOGUS :Unknown command");
	irc_ask(alice, "PRIVMS bob :x", ":irc.test 421 alice PRIVMS :Unknown command");
	irc_ask(alice, "123", ":irc.test 421 alice 123 :Unknown command");
	irc_ask(alice, "\x7f", ":irc.test 421 alice [*] :Unknown command");
}
END_TEST

START_TEST(test_case_does_not_matter)
{
	struct irc_peer *alice = irc_user("alice");

	irc_ask(alice, "ping x", ":irc.test PONG irc.test :x");
	irc_ask(alice, "PiNg x", ":irc.test PONG irc.test :x");
}
END_TEST

/* Every command says the same of missing arguments. */
START_TEST(test_too_few)
{
	struct irc_peer *alice = irc_user("alice");
	char pattern[100];

	for (size_t i = 0; i < sn_irc_verbs.count; i++) {
		struct sn_strbuf b;

		if (row(i)->min == 0)
			continue;
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, ":irc.test 461 alice %s :Not enough parameters", row(i)->name);
		irc_ask(alice, row(i)->name, pattern);
	}
	irc_ask(alice, "KICK #x", ":irc.test 461 alice KICK :Not enough parameters");
	irc_ask(alice, "INVITE bob", ":irc.test 461 alice INVITE :Not enough parameters");
	irc_ask(alice, "USER a b c", ":irc.test 461 alice USER :Not enough parameters");
}
END_TEST

START_TEST(test_before_registration)
{
	struct irc_peer *peer = irc_connect();

	for (size_t i = 0; i < sn_irc_verbs.count; i++) {
		if (row(i)->states & SN_IRC_UNREGISTERED)
			continue;
		irc_say(peer, "%s a b c d", row(i)->name);
		irc_expect(peer, ":irc.test 451 [*] :You have not registered");
		irc_expect_nothing(peer);
	}
	irc_ask(peer, "BOGUS", ":irc.test 451 [*] :You have not registered");
}
END_TEST

/* A row's cost is paid in time: two LISTs (3 each) and a WHO (2) fill a burst of eight. */
START_TEST(test_cost)
{
	struct irc_peer *alice;

	irc_restart("flood_burst = 10\nflood_rate = 1\n");
	alice = irc_user("alice");
	irc_advance(SN_SEC(60));
	irc_say(alice, "LIST\r\nLIST\r\nLIST\r\nMOTD\r\nPING x");
	irc_skip_to(alice, ":irc.test 422 *");
	irc_expect_nothing(alice);
	irc_advance(SN_MS(999));
	irc_expect_nothing(alice);
	irc_advance(SN_MS(2));
	irc_expect(alice, ":irc.test PONG *");
}
END_TEST

START_TEST(test_counted)
{
	struct irc_peer *alice = irc_user("alice");
	const uint64_t before = irc_metric(SN_IRC_COMMANDS);

	irc_say(alice, "PING x\r\nBOGUS\r\n\r\nJOIN");
	ck_assert_uint_eq(irc_metric(SN_IRC_COMMANDS), before + 3);
}
END_TEST

Suite *sn_suite_irc_command(void)
{
	const TTest *const tests[] = {
		test_table,
		test_unknown,
		test_case_does_not_matter,
		test_too_few,
		test_before_registration,
		test_cost,
		test_counted,
	};

	return IRC_SUITE("irc_command", tests);
}
