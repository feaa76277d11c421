#include "tests/unit/protocols/irc/irc_fixture.h"

/* --- JOIN ----------------------------------------------------------------------------------- */

START_TEST(test_join)
{
	struct irc_peer *alice = irc_user("alice"), *bob = irc_user("bob");

	irc_ask(alice, "JOIN #x", ":alice!~alice@localhost JOIN #x",
		":irc.test 353 alice = #x :@alice", ":irc.test 366 alice #x :End of /NAMES list");
	irc_say(alice, "TOPIC #x :knots");
	irc_forget(alice);
	irc_ask(bob, "JOIN #X", ":bob!~bob@localhost JOIN #x", ":irc.test 332 bob #x :knots",
		":irc.test 333 bob #x alice [0-9]*", ":irc.test 353 bob = #x :@alice bob",
		":irc.test 366 bob #x :End of /NAMES list");
	irc_expect(alice, ":bob!~bob@localhost JOIN #x");
	irc_expect_nothing(alice);
	irc_ask(bob, "JOIN #x");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_extended_join)
{
	struct irc_peer *alice = irc_user_with("alice", "extended-join");

	irc_say(alice, "JOIN #x");
	irc_expect(alice, ":alice!~alice@localhost JOIN #x [*] :The real alice");
	irc_forget(alice);
	(void)irc_user("bob");
	irc_say(irc_member("bobby", "#y"), "JOIN #x");
	irc_expect(alice, ":bobby!~bobby@localhost JOIN #x [*] :The real bobby");
}
END_TEST

START_TEST(test_who_is_away_joins)
{
	struct irc_peer *alice = irc_user_with("alice", "away-notify");
	struct irc_peer *bob = irc_user("bob");

	irc_say(alice, "JOIN #x");
	irc_say(bob, "AWAY :lunch");
	irc_forget_all();
	irc_say(bob, "JOIN #x");
	irc_expect(alice, ":bob!~bob@localhost JOIN #x");
	irc_expect(alice, ":bob!~bob@localhost AWAY :lunch");
	irc_expect_nothing(alice);
	irc_expect(bob, ":bob!~bob@localhost JOIN #x");
	irc_expect(bob, ":irc.test 353 *");
}
END_TEST

START_TEST(test_join_refused)
{
	struct irc_peer *alice = irc_member("alice", "#k,#i,#l,#b"), *bob = irc_user("bob");

	irc_say(alice, "MODE #k +k key\r\nMODE #i +i\r\nMODE #l +l 1\r\nMODE #b +b bob");
	irc_ask(bob, "JOIN #k,#i,#l,#b wrong", ":irc.test 475 bob #k :Cannot join channel (+k)",
		":irc.test 473 bob #i :Cannot join channel (+i)",
		":irc.test 471 bob #l :Cannot join channel (+l)",
		":irc.test 474 bob #b :Cannot join channel (+b)");
	irc_ask(bob, "JOIN x", ":irc.test 403 bob x :No such channel");
	irc_ask(bob, "JOIN #", ":irc.test 403 bob # :No such channel");
	irc_ask(bob, "JOIN &x", ":irc.test 403 bob &x :No such channel");
	irc_ask(bob, "JOIN #a*", ":irc.test 476 bob #a[*] :Bad channel name");
	irc_ask(bob, "JOIN #a\x07", ":irc.test 476 bob #a? :Bad channel name");
	irc_ask(bob, "JOIN :#a b", ":irc.test 476 bob #a b :Bad channel name");
	irc_say(bob, "JOIN #a,#k,#c x,key");
	irc_skip_to(bob, ":bob!* JOIN #a");
	irc_skip_to(bob, ":bob!* JOIN #k");
	irc_skip_to(bob, ":bob!* JOIN #c");
}
END_TEST

START_TEST(test_channel_length)
{
	struct irc_peer *alice = irc_user("alice");
	char name[70];

	memset(name, 'x', sizeof(name));
	irc_say(alice, "JOIN #%.*s", 65, name);
	irc_expect(alice, ":irc.test 476 alice *");
	irc_expect_nothing(alice);
	irc_say(alice, "JOIN #%.*s", 64, name);
	irc_expect(alice, ":alice!* JOIN *");
}
END_TEST

START_TEST(test_too_many_channels)
{
	struct irc_peer *alice;

	irc_restart("channels_per_user = 2\n");
	alice = irc_user("alice");
	irc_say(alice, "JOIN #a,#b,#c");
	irc_skip_to(alice, ":irc.test 405 alice #c :You have joined too many channels");
	irc_expect_nothing(alice);
}
END_TEST

/* "#1,#2,...,#n" */
static const char *list(char *text, size_t size, int n)
{
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, text, size);
	for (int i = 1; i <= n; i++)
		sn_strbuf_addf(&b, "%s#%d", i > 1 ? "," : "", i);
	return text;
}

START_TEST(test_twenty_targets)
{
	struct irc_peer *alice = irc_user("alice");
	char text[200];

	irc_say(alice, "JOIN %s", list(text, sizeof(text), 21));
	irc_skip_to(alice, ":alice!* JOIN #20");
	irc_skip_to(alice, ":irc.test 407 alice #21 :Too many targets");
	irc_expect_nothing(alice);
	irc_say(alice, "NAMES %s", list(text, sizeof(text), 21));
	irc_skip_to(alice, ":irc.test 366 alice #20 *");
	irc_expect(alice, ":irc.test 407 alice #21 *");
	irc_say(alice, "PART %s", text);
	irc_skip_to(alice, ":alice!* PART #20");
	irc_expect(alice, ":irc.test 407 alice #21 *");
	irc_say(alice, "JOIN ,,#a,,#b,");
	irc_skip_to(alice, ":alice!* JOIN #b");
	irc_skip_to(alice, ":irc.test 366 *");
	irc_expect_nothing(alice);
}
END_TEST

START_TEST(test_join_0)
{
	struct irc_peer *alice = irc_member("alice", "#a,#b");

	irc_ask(alice, "JOIN 0", ":alice!~alice@localhost PART #a",
		":alice!~alice@localhost PART #b");
	irc_ask(alice, "JOIN 0");
}
END_TEST

/* --- PART ----------------------------------------------------------------------------------- */

START_TEST(test_part)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_ask(bob, "PART #x :bye now", ":bob!~bob@localhost PART #x :bye now");
	irc_expect(alice, ":bob!~bob@localhost PART #x :bye now");
	irc_ask(bob, "PART #x", ":irc.test 442 bob #x :You're not on that channel");
	irc_ask(bob, "PART #none", ":irc.test 403 bob #none :No such channel");
	irc_ask(bob, "PART x", ":irc.test 403 bob x :No such channel");
	irc_ask(alice, "PART #x,#x", ":alice!* PART #x", ":irc.test 403 alice #x *");
}
END_TEST

START_TEST(test_part_reason_is_cut)
{
	struct irc_peer *alice = irc_member("alice", "#x");
	char reason[400];

	memset(reason, 'x', 400);
	irc_say(alice, "PART #x :%.*s\xc3\xa9", 389, reason);
	ck_assert_uint_eq(irc_next(alice).n, strlen(":alice!~alice@localhost PART #x :") + 389);
}
END_TEST

/* --- TOPIC ---------------------------------------------------------------------------------- */

START_TEST(test_topic)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	irc_ask(bob, "TOPIC #x", ":irc.test 331 bob #x :No topic is set");
	irc_ask(bob, "TOPIC #x :mine", ":irc.test 482 bob #x :You're not channel operator");
	irc_ask(carol, "TOPIC #x :mine", ":irc.test 442 carol #x :You're not on that channel");
	irc_ask(carol, "TOPIC #none", ":irc.test 403 carol #none :No such channel");
	irc_ask(carol, "TOPIC x", ":irc.test 403 carol x :No such channel");
	irc_ask(alice, "TOPIC #x :of knots", ":alice!~alice@localhost TOPIC #x :of knots");
	irc_expect(bob, ":alice!~alice@localhost TOPIC #x :of knots");
	irc_ask(carol, "TOPIC #x", ":irc.test 332 carol #x :of knots",
		":irc.test 333 carol #x alice [0-9]*");
	irc_say(alice, "MODE #x -t");
	irc_forget_all();
	irc_ask(bob, "TOPIC #x :", ":bob!~bob@localhost TOPIC #x :");
	irc_ask(bob, "TOPIC #x", ":irc.test 331 bob #x :No topic is set");
}
END_TEST

START_TEST(test_topic_of_a_secret_channel)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(alice, "MODE #x +s\r\nTOPIC #x :hidden");
	irc_forget_all();
	irc_ask(bob, "TOPIC #x", ":irc.test 403 bob #x :No such channel");
	irc_ask(bob, "TOPIC #x :mine", ":irc.test 403 bob #x :No such channel");
}
END_TEST

START_TEST(test_topic_is_cut)
{
	struct irc_peer *alice;
	struct sn_str line;

	irc_restart("topic_max = 10\n");
	alice = irc_member("alice", "#x");
	irc_say(alice, "TOPIC #x :0123456789");
	irc_expect(alice, "* TOPIC #x :0123456789");
	irc_say(alice, "TOPIC #x :0123456789x");
	irc_expect(alice, "* TOPIC #x :0123456789");
	irc_say(alice, "TOPIC #x :012345678\xe2\x82\xac");
	line = irc_next(alice);
	ck_assert(sn_str_ends(line, SN_STR(" TOPIC #x :012345678")));
}
END_TEST

/* --- NAMES ---------------------------------------------------------------------------------- */

START_TEST(test_names)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");

	irc_say(alice, "MODE #x +vo bob bob");
	irc_forget_all();
	irc_ask(bob, "NAMES #x", ":irc.test 353 bob = #x :@alice @bob", ":irc.test 366 bob #x *");
	irc_say(bob, "CAP REQ :multi-prefix");
	irc_forget(bob);
	irc_ask(bob, "NAMES #x", ":irc.test 353 bob = #x :@alice @+bob", ":irc.test 366 *");
	irc_say(bob, "CAP REQ :-multi-prefix userhost-in-names");
	irc_forget(bob);
	irc_ask(bob, "NAMES #x",
		":irc.test 353 bob = #x :@alice!~alice@localhost @bob!~bob@localhost",
		":irc.test 366 *");
	irc_ask(bob, "NAMES", ":irc.test 366 bob [*] :End of /NAMES list");
	irc_ask(bob, "NAMES #none,x", ":irc.test 366 bob #none *", ":irc.test 366 bob x *");
	irc_say(alice, "MODE #x -o bob");
	irc_forget_all();
	irc_say(bob, "CAP REQ :-userhost-in-names");
	irc_forget(bob);
	irc_ask(bob, "NAMES #x", ":irc.test 353 bob = #x :@alice +bob", ":irc.test 366 *");
}
END_TEST

START_TEST(test_names_of_hidden_things)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	irc_say(bob, "MODE bob +i");
	irc_forget_all();
	irc_ask(carol, "NAMES #x", ":irc.test 353 carol = #x :@alice", ":irc.test 366 *");
	irc_ask(alice, "NAMES #x", ":irc.test 353 alice = #x :@alice bob", ":irc.test 366 *");
	irc_say(alice, "MODE #x +s");
	irc_forget_all();
	irc_ask(carol, "NAMES #x", ":irc.test 366 carol #x :End of /NAMES list");
	irc_ask(bob, "NAMES #x", ":irc.test 353 bob @ #x :@alice bob", ":irc.test 366 *");
}
END_TEST

/* A long list comes in several lines, each within the limit, each name once. */
START_TEST(test_names_in_lines)
{
	struct irc_peer *alice = irc_member("alice", "#x");
	size_t names = 0, lines = 0;
	struct sn_str line;

	for (int i = 0; i < 60; i++) {
		char nick[40];
		struct sn_strbuf b;

		sn_strbuf_fixed(&b, nick, sizeof(nick));
		sn_strbuf_addf(&b, "somebody-with-a-long-name-%d", i);
		(void)irc_member(nick, "#x");
	}
	irc_say(alice, "NAMES #x");
	while (sn_str_starts(line = irc_next(alice), SN_STR(":irc.test 353 alice = #x :"))) {
		ck_assert_uint_le(line.n, SN_IRC_LINE_MAX);
		lines++;
		names++;
		for (size_t i = strlen(":irc.test 353 alice = #x :"); i < line.n; i++)
			names += line.p[i] == ' ';
	}
	ck_assert(sn_str_starts(line, SN_STR(":irc.test 366 ")));
	ck_assert_uint_eq(names, 61);
	ck_assert_uint_eq(lines, 4);
}
END_TEST

/* --- LIST ----------------------------------------------------------------------------------- */

static struct irc_peer *three_channels(void)
{
	struct irc_peer *alice = irc_member("alice", "#one,#two,#three"), *bob = irc_user("bob");

	irc_say(bob, "JOIN #two,#three");
	irc_say(alice, "TOPIC #one :first");
	irc_say(irc_member("carol", "#three"), "JOIN #secret");
	irc_say(alice, "JOIN #secret");
	irc_forget_all();
	return bob;
}

START_TEST(test_list)
{
	struct irc_peer *bob = three_channels();

	irc_ask(bob, "LIST", ":irc.test 321 bob Channel :Users  Name",
		":irc.test 322 bob #one 1 :first",
		":irc.test 322 bob #two 2 :", ":irc.test 322 bob #three 3 :",
		":irc.test 322 bob #secret 2 :", ":irc.test 323 bob :End of /LIST");
}
END_TEST

START_TEST(test_list_conditions)
{
	static const struct {
		const char *condition, *channels; /* the first letters after '#' */
	} rows[] = {
		{ ">1", "tts" },
		{ ">2", "t" },
		{ "<2", "o" },
		{ "<1", "" },
		{ ">1,<3", "ts" },
		{ "#one", "o" },
		{ "#ONE", "o" },
		{ "#t*", "tt" },
		{ "*e*", "ots" },
		{ "#none", "" },
		{ "#one,#two", "ot" },
		{ "#t*,<3", "t" },
		{ ",", "otts" },
		{ ">x", "" },
		{ ">99999999999", "" },
	};
	struct irc_peer *bob = three_channels();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		irc_say(bob, "LIST %s", rows[i].condition);
		irc_expect(bob, ":irc.test 321 *");
		for (const char *c = rows[i].channels; *c != '\0'; c++) {
			const struct sn_str line = irc_next(bob);
			const char first = line.p[strlen(":irc.test 322 bob #")];

			ck_assert_msg(first == *c, "%s: %.*s", rows[i].condition, SN_STR_ARG(line));
		}
		irc_expect(bob, ":irc.test 323 *");
		irc_expect_nothing(bob);
	}
}
END_TEST

START_TEST(test_list_hides_secrets)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(alice, "MODE #x +s");
	irc_forget_all();
	irc_ask(bob, "LIST", ":irc.test 321 *", ":irc.test 323 *");
	irc_ask(bob, "LIST #x", ":irc.test 321 *", ":irc.test 323 *");
	irc_ask(alice, "LIST", ":irc.test 321 *", ":irc.test 322 alice #x 1 :", ":irc.test 323 *");
}
END_TEST

/* Who does not read gets no endless list. */
START_TEST(test_list_stops_when_too_long)
{
	struct irc_peer *alice;

	irc_restart("send_queue = \"16KiB\"\nchannels_per_user = 1000\n");
	alice = irc_user("alice");
	for (int i = 0; i < 200; i++)
		irc_say(alice, "JOIN #channel-with-a-name-%d", i);
	irc_forget(alice);
	irc_say(alice, "LIST");
	irc_skip_to(alice, ":irc.test 416 alice LIST :Too many matches, narrow it down");
	irc_expect(alice, ":irc.test 323 *");
	irc_expect_nothing(alice);
}
END_TEST

/* --- KICK ----------------------------------------------------------------------------------- */

START_TEST(test_kick)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	irc_ask(bob, "KICK #x alice", ":irc.test 482 bob #x :You're not channel operator");
	irc_ask(carol, "KICK #x alice", ":irc.test 442 carol #x :You're not on that channel");
	irc_ask(alice, "KICK #none bob", ":irc.test 403 alice #none :No such channel");
	irc_ask(alice, "KICK #x nobody", ":irc.test 401 alice nobody :No such nick or channel");
	irc_ask(alice, "KICK #x carol",
		":irc.test 441 alice carol #x :They aren't on that channel");
	irc_ask(alice, "KICK #x BOB :enough", ":alice!~alice@localhost KICK #x bob :enough");
	irc_expect(bob, ":alice!~alice@localhost KICK #x bob :enough");
	irc_expect_nothing(bob);
	irc_ask(bob, "PART #x", ":irc.test 442 bob #x *");
}
END_TEST

START_TEST(test_kick_several)
{
	struct irc_peer *alice = irc_member("alice", "#x");

	(void)irc_member("b", "#x");
	(void)irc_member("c", "#x");
	irc_forget_all();
	irc_ask(alice, "KICK #x b,nobody,c", ":alice!* KICK #x b :alice",
		":irc.test 401 alice nobody *", ":alice!* KICK #x c :alice");
	irc_ask(alice, "KICK #x alice,b", ":alice!* KICK #x alice :alice",
		":irc.test 403 alice #x *");
}
END_TEST

START_TEST(test_kick_from_several)
{
	struct irc_peer *alice = irc_member("alice", "#x,#y");

	irc_say(irc_member("b", "#x,#y"), "JOIN #z");
	irc_say(irc_member("c", "#x,#y"), "JOIN #z");
	irc_forget_all();
	irc_ask(alice, "KICK #x,#y b,c :out", ":alice!* KICK #x b :out", ":alice!* KICK #y c :out");
	irc_ask(alice, "KICK #none,#z,#y b,c,b", ":irc.test 403 alice #none *",
		":irc.test 442 alice #z *", ":alice!* KICK #y b :alice");
	irc_ask(alice, "KICK #y,#x c,c,alice", ":irc.test 441 alice c #y *",
		":alice!* KICK #x c :alice", ":alice!* KICK #x alice :alice");
}
END_TEST

START_TEST(test_kick_of_twenty_one)
{
	struct irc_peer *alice = irc_member("alice", "#x");
	char text[200];

	irc_say(alice, "KICK #x %s", list(text, sizeof(text), 21));
	for (int i = 0; i < 20; i++)
		irc_expect(alice, ":irc.test 401 alice #* :*");
	irc_expect(alice, ":irc.test 407 alice #21 :Too many targets");
	irc_expect_nothing(alice);
}
END_TEST

/* --- INVITE --------------------------------------------------------------------------------- */

START_TEST(test_invite)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_say(alice, "MODE #x +i");
	irc_forget(alice);
	irc_ask(alice, "INVITE nobody #x", ":irc.test 401 alice nobody *");
	irc_ask(alice, "INVITE bob #none", ":irc.test 403 alice #none *");
	irc_ask(bob, "INVITE alice #x", ":irc.test 442 bob #x *");
	irc_ask(alice, "INVITE alice #x", ":irc.test 443 alice alice #x :is already on channel");
	irc_ask(alice, "INVITE BOB #X", ":irc.test 341 alice bob #x");
	irc_expect(bob, ":alice!~alice@localhost INVITE bob #x");
	irc_expect_nothing(bob);
	irc_say(bob, "JOIN #x");
	irc_expect(bob, ":bob!* JOIN #x");
	irc_forget_all();
	(void)irc_user("carol");
	irc_ask(bob, "INVITE carol #x", ":irc.test 482 bob #x *");
}
END_TEST

START_TEST(test_invite_of_who_is_away)
{
	struct irc_peer *alice = irc_member("alice", "#x");

	irc_say(irc_user("bob"), "AWAY :lunch");
	irc_ask(alice, "INVITE bob #x", ":irc.test 341 alice bob #x",
		":irc.test 301 alice bob :lunch");
}
END_TEST

START_TEST(test_invite_notify)
{
	struct irc_peer *op = irc_user_with("op", "invite-notify");
	struct irc_peer *second = irc_user_with("second", "invite-notify"), *third, *bob;

	irc_say(op, "JOIN #x");
	irc_say(second, "JOIN #x");
	third = irc_member("third", "#x");
	bob = irc_user("bob");
	irc_ask(op, "INVITE bob #x", ":irc.test 341 op bob #x");
	irc_expect(second, ":op!~op@localhost INVITE bob #x");
	irc_expect_nothing(third);
	irc_expect(bob, ":op!~op@localhost INVITE bob #x");
	irc_say(op, "MODE #x +i");
	irc_forget_all();
	irc_ask(op, "INVITE bob #x", ":irc.test 341 op bob #x");
	irc_expect_nothing(second);
}
END_TEST

Suite *sn_suite_irc_channel(void)
{
	const TTest *const tests[] = {
		test_join,
		test_extended_join,
		test_who_is_away_joins,
		test_join_refused,
		test_channel_length,
		test_too_many_channels,
		test_twenty_targets,
		test_join_0,
		test_part,
		test_part_reason_is_cut,
		test_topic,
		test_topic_of_a_secret_channel,
		test_topic_is_cut,
		test_names,
		test_names_of_hidden_things,
		test_names_in_lines,
		test_list,
		test_list_conditions,
		test_list_hides_secrets,
		test_list_stops_when_too_long,
		test_kick,
		test_kick_several,
		test_kick_from_several,
		test_kick_of_twenty_one,
		test_invite,
		test_invite_of_who_is_away,
		test_invite_notify,
	};

	return IRC_SUITE("irc_channel", tests);
}
