#include "tests/unit/protocols/irc/irc_fixture.h"

START_TEST(test_channel_and_private)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_ask(alice, "PRIVMSG #X :hello, bob");
	irc_expect(bob, ":alice!~alice@localhost PRIVMSG #x :hello, bob");
	irc_ask(alice, "NOTICE #x hi");
	irc_expect(bob, ":alice!~alice@localhost NOTICE #x :hi");
	irc_ask(alice, "PRIVMSG BOB :psst");
	irc_expect(bob, ":alice!~alice@localhost PRIVMSG bob :psst");
	irc_ask(alice, "NOTICE bob ::)");
	irc_expect(bob, ":alice!~alice@localhost NOTICE bob ::)");
	irc_expect_nothing(bob);
	ck_assert_uint_eq(irc_metric(SN_IRC_MESSAGES), 4);
}
END_TEST

START_TEST(test_refused)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_ask(bob, "PRIVMSG", ":irc.test 411 bob :No recipient given (PRIVMSG)");
	irc_ask(bob, "PRIVMSG :", ":irc.test 411 bob :No recipient given (PRIVMSG)");
	irc_ask(bob, "PRIVMSG #x", ":irc.test 412 bob :No text to send");
	irc_ask(bob, "PRIVMSG #x :", ":irc.test 412 bob :No text to send");
	irc_ask(bob, "PRIVMSG #x :hi", ":irc.test 404 bob #x :Cannot send to channel");
	irc_ask(bob, "PRIVMSG @#x :hi", ":irc.test 404 bob @#x :Cannot send to channel");
	irc_ask(bob, "PRIVMSG #none :hi", ":irc.test 403 bob #none :No such channel");
	irc_ask(bob, "PRIVMSG nobody :hi", ":irc.test 401 bob nobody :No such nick or channel");
	irc_expect_nothing(alice);
	ck_assert_uint_eq(irc_metric(SN_IRC_MESSAGES), 0);
}
END_TEST

/* Whatever is wrong with a notice, nothing comes back. */
START_TEST(test_notices_are_not_answered)
{
	struct irc_peer *bob = irc_user("bob");

	(void)irc_member("alice", "#x");
	irc_ask(bob, "NOTICE");
	irc_ask(bob, "NOTICE #x");
	irc_ask(bob, "NOTICE #x :hi");
	irc_ask(bob, "NOTICE #none :hi");
	irc_ask(bob, "NOTICE nobody :hi");
	irc_ask(bob, "NOTICE a,b,c,d,e :hi");
}
END_TEST

START_TEST(test_four_targets)
{
	struct irc_peer *alice = irc_user("alice"), *bob = irc_user("bob");

	irc_ask(alice, "PRIVMSG bob,bob,,bob,bob,bob :hi",
		":irc.test 407 alice bob :Too many targets");
	for (int i = 0; i < 4; i++)
		irc_expect(bob, ":alice!~alice@localhost PRIVMSG bob :hi");
	irc_expect_nothing(bob);
	irc_ask(alice, "PRIVMSG nobody,bob :hi", ":irc.test 401 alice nobody *");
	irc_expect(bob, ":alice!* PRIVMSG bob :hi");
}
END_TEST

START_TEST(test_moderated)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(alice, "MODE #x +m");
	irc_forget_all();
	irc_ask(bob, "PRIVMSG #x :hi", ":irc.test 404 bob #x :Cannot send to channel");
	irc_say(alice, "MODE #x +v bob");
	irc_forget_all();
	irc_ask(bob, "PRIVMSG #x :hi");
	irc_expect(alice, ":bob!* PRIVMSG #x :hi");
}
END_TEST

START_TEST(test_from_outside)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(alice, "MODE #x -n");
	irc_forget_all();
	irc_ask(bob, "PRIVMSG #x :hi");
	irc_expect(alice, ":bob!* PRIVMSG #x :hi");
}
END_TEST

START_TEST(test_to_ranks)
{
	struct irc_peer *op = irc_member("op", "#x"), *voice = irc_member("voice", "#x");
	struct irc_peer *plain = irc_member("plain", "#x");

	irc_say(op, "MODE #x +v voice");
	irc_forget_all();
	irc_ask(plain, "PRIVMSG @#x :psst");
	irc_expect(op, ":plain!* PRIVMSG @#x :psst");
	irc_expect_nothing(voice);
	irc_ask(op, "NOTICE +#x :psst");
	irc_expect(voice, ":op!* NOTICE +#x :psst");
	irc_expect_nothing(plain);
	irc_ask(op, "PRIVMSG %#x :psst", ":irc.test 401 op %#x *");
	irc_ask(op, "PRIVMSG @ :psst", ":irc.test 401 op @ *");
}
END_TEST

START_TEST(test_echo)
{
	struct irc_peer *alice = irc_user_with("alice", "echo-message");

	(void)irc_member("bob", "#x");
	irc_say(alice, "JOIN #x");
	irc_forget_all();
	irc_ask(alice, "PRIVMSG #x :hi", ":alice!~alice@localhost PRIVMSG #x :hi");
	irc_ask(alice, "NOTICE bob :hi", ":alice!~alice@localhost NOTICE bob :hi");
	irc_ask(alice, "PRIVMSG @#x :hi", ":alice!~alice@localhost PRIVMSG @#x :hi");
}
END_TEST

START_TEST(test_to_oneself)
{
	struct irc_peer *alice = irc_user("alice"), *echo = irc_user_with("echo", "echo-message");

	irc_ask(alice, "PRIVMSG alice :milk", ":alice!~alice@localhost PRIVMSG alice :milk");
	irc_ask(echo, "PRIVMSG echo :milk", ":echo!~echo@localhost PRIVMSG echo :milk",
		":echo!~echo@localhost PRIVMSG echo :milk");
}
END_TEST

START_TEST(test_long_text_is_cut)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	char text[500];
	struct sn_str line;

	memset(text, 'x', sizeof(text));
	irc_say(alice, "PRIVMSG #x :%.*s", (int)(SN_IRC_LINE_MAX - strlen("PRIVMSG #x :")), text);
	line = irc_next(bob);
	ck_assert_uint_eq(line.n, SN_IRC_LINE_MAX);
	ck_assert(sn_str_starts(line, SN_STR(":alice!~alice@localhost PRIVMSG #x :xxx")));
}
END_TEST

START_TEST(test_bytes_pass_as_they_are)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(alice,
		"PRIVMSG #x :\x01"
		"ACTION \x02waves\x0f \xe4\xff\x01");
	irc_expect(bob,
		":alice!* PRIVMSG #x :\x01"
		"ACTION \x02waves\x0f ??\x01");
}
END_TEST

/* --- tags ----------------------------------------------------------------------------------- */

START_TEST(test_client_tags)
{
	struct irc_peer *alice = irc_user_with("alice", "message-tags");
	struct irc_peer *tagged = irc_user_with("tagged", "message-tags");
	struct irc_peer *plain = irc_member("plain", "#x");

	irc_say(alice, "JOIN #x");
	irc_say(tagged, "JOIN #x");
	irc_say(plain, "MODE #x -n");
	irc_forget_all();
	irc_ask(alice, "@+a=1;x=2;+b PRIVMSG #x :hi");
	irc_expect(tagged, "@msgid=*;+a=1;+b :alice!~alice@localhost PRIVMSG #x :hi");
	irc_expect(plain, ":alice!~alice@localhost PRIVMSG #x :hi");
	/* Tags of somebody who did not ask for them are dropped. */
	irc_ask(plain, "@+a=1 PRIVMSG #x :hi");
	irc_expect(tagged, "@msgid=[a-zA-Z0-9_-]* :plain!~plain@localhost PRIVMSG #x :hi");
	irc_expect(alice, "@msgid=* :plain!*");
	irc_expect_nothing(tagged);
}
END_TEST

START_TEST(test_tagmsg)
{
	struct irc_peer *alice = irc_user_with("alice", "message-tags");
	struct irc_peer *tagged = irc_user_with("tagged", "message-tags");
	struct irc_peer *plain = irc_member("plain", "#x");

	irc_say(alice, "JOIN #x");
	irc_say(tagged, "JOIN #x");
	irc_forget_all();
	irc_ask(alice, "@+typing=active TAGMSG #x");
	irc_expect(tagged, "@msgid=*;+typing=active :alice!~alice@localhost TAGMSG #x");
	irc_ask(alice, "@+typing=active TAGMSG tagged,plain");
	irc_expect(tagged, "@msgid=*;+typing=active :alice!* TAGMSG tagged");
	irc_expect_nothing(plain);
	/* Nothing to pass on, nowhere to: silence. */
	irc_ask(alice, "TAGMSG #x");
	irc_ask(alice, "@a=1 TAGMSG #x");
	irc_ask(alice, "@+a=1 TAGMSG nobody");
	irc_ask(plain, "@+a=1 TAGMSG #x");
	irc_expect_nothing(tagged);
}
END_TEST

START_TEST(test_tagmsg_echo)
{
	struct irc_peer *alice = irc_user_with("alice", "message-tags echo-message");
	struct irc_peer *echo = irc_user_with("echo", "echo-message");

	irc_ask(alice, "@+a TAGMSG echo", "@msgid=*;+a :alice!* TAGMSG echo");
	irc_expect_nothing(echo);
}
END_TEST

/* --- AWAY ----------------------------------------------------------------------------------- */

START_TEST(test_away)
{
	struct irc_peer *alice = irc_user_with("alice", "away-notify");
	struct irc_peer *bob = irc_member("bob", "#x"), *carol = irc_member("carol", "#x");

	irc_say(alice, "JOIN #x");
	irc_forget_all();
	irc_ask(bob, "AWAY :at lunch", ":irc.test 306 bob :You have been marked as being away");
	irc_expect(alice, ":bob!~bob@localhost AWAY :at lunch");
	irc_expect_nothing(carol);
	irc_ask(carol, "PRIVMSG bob :hi", ":irc.test 301 carol bob :at lunch");
	irc_ask(carol, "NOTICE bob :hi");
	irc_ask(carol, "PRIVMSG #x :hi");
	irc_forget_all();
	irc_ask(bob, "AWAY :at lunch", ":irc.test 306 *");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_back)
{
	struct irc_peer *alice = irc_user_with("alice", "away-notify");
	struct irc_peer *bob = irc_member("bob", "#x");

	irc_say(alice, "JOIN #x");
	irc_say(bob, "AWAY :x");
	irc_forget_all();
	irc_ask(bob, "AWAY", ":irc.test 305 bob :You are no longer marked as being away");
	irc_expect(alice, ":bob!~bob@localhost AWAY");
	irc_say(bob, "AWAY :x");
	irc_forget_all();
	irc_ask(bob, "AWAY :", ":irc.test 305 bob *");
	irc_expect(alice, ":bob!~bob@localhost AWAY");
	irc_ask(bob, "AWAY", ":irc.test 305 bob *");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_away_is_cut)
{
	struct irc_peer *alice, *bob;

	irc_restart("away_max = 5\n");
	alice = irc_user("alice");
	bob = irc_user("bob");
	irc_say(bob, "AWAY :1234\xc3\xa9");
	irc_ask(alice, "PRIVMSG bob :hi", ":irc.test 301 alice bob :1234");
	irc_say(bob, "AWAY :123456");
	irc_ask(alice, "PRIVMSG bob :hi", ":irc.test 301 alice bob :12345");
}
END_TEST

Suite *sn_suite_irc_talk(void)
{
	const TTest *const tests[] = {
		test_channel_and_private,
		test_refused,
		test_notices_are_not_answered,
		test_four_targets,
		test_moderated,
		test_from_outside,
		test_to_ranks,
		test_echo,
		test_to_oneself,
		test_long_text_is_cut,
		test_bytes_pass_as_they_are,
		test_client_tags,
		test_tagmsg,
		test_tagmsg_echo,
		test_away,
		test_back,
		test_away_is_cut,
	};

	return IRC_SUITE("irc_talk", tests);
}
