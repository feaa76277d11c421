#include "tests/unit/protocols/irc/irc_fixture.h"

START_TEST(test_query)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_ask(alice, "MODE #x", ":irc.test 324 alice #x +nt", ":irc.test 329 alice #x [0-9]*");
	irc_ask(alice, "MODE #none", ":irc.test 403 alice #none :No such channel");
	irc_say(alice, "MODE #x +klimst secret 7");
	irc_forget_all();
	irc_ask(alice, "MODE #X", ":irc.test 324 alice #x +imnstkl secret 7",
		":irc.test 329 alice #x *");
	irc_ask(bob, "MODE #x", ":irc.test 403 bob #x :No such channel");
	irc_say(alice, "MODE #x -s");
	irc_forget_all();
	irc_ask(bob, "MODE #x", ":irc.test 324 bob #x +imntkl [*] 7", ":irc.test 329 *");
	irc_say(alice, "MODE #x -klimnt x");
	irc_forget_all();
	irc_ask(bob, "MODE #x", ":irc.test 324 bob #x +", ":irc.test 329 *");
}
END_TEST

/* Every letter on and off, and what the others hear. */
START_TEST(test_each_letter)
{
	static const struct {
		const char *say, *heard;
	} rows[] = {
		{ "+i", "+i" },
		{ "+i", NULL },
		{ "-i", "-i" },
		{ "+m", "+m" },
		{ "-m", "-m" },
		{ "-n", "-n" },
		{ "+n", "+n" },
		{ "+s", "+s" },
		{ "-s", "-s" },
		{ "-t", "-t" },
		{ "+t", "+t" },
		{ "+k key", "+k key" },
		{ "+k key", NULL },
		{ "+k other", "+k other" },
		{ "-k wrong", "-k [*]" },
		{ "-k", NULL },
		{ "+l 5", "+l 5" },
		{ "+l 5", NULL },
		{ "+l 005", NULL },
		{ "-l", "-l" },
		{ "+o bob", "+o bob" },
		{ "+o BOB", NULL },
		{ "-o BOB", "-o bob" },
		{ "+v bob", "+v bob" },
		{ "-v bob", "-v bob" },
		{ "+b a", "+b a!*@*" },
		{ "+b A!*@*", NULL },
		{ "+b *@host", "+b *!*@host" },
		{ "+b a!b", "+b a!b@*" },
		{ "+b a!b@c", "+b a!b@c" },
		{ "-b a", "-b a!*@*" },
		{ "-b zzz", NULL },
		{ "i", "+i" },
		{ "-i+m-m+i", "-i+m-m+i" },
		{ "+-+", NULL },
		{ "-i+vl-l bob 3", "-i+vl-l bob 3" },
		{ ":", NULL },
	};
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	char pattern[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sn_strbuf b;

		irc_say(alice, "MODE #x %s", rows[i].say);
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, ":alice!~alice@localhost MODE #x %s", rows[i].heard);
		if (rows[i].heard != NULL) {
			irc_expect(alice, pattern);
			irc_expect(bob, pattern);
		}
		irc_expect_nothing(alice);
		irc_expect_nothing(bob);
	}
}
END_TEST

START_TEST(test_bad_arguments)
{
	static const struct {
		const char *say, *answer;
	} rows[] = {
		{ "+k", "696 alice #x k [*] :Invalid mode parameter" },
		{ "+k :a b", "525 alice #x :Key is not well-formed" },
		{ "+k a,b", "525 alice #x :Key is not well-formed" },
		{ "+k ::a", "525 alice #x :Key is not well-formed" },
		{ "+l", "696 alice #x l [*] :Invalid mode parameter" },
		{ "+l 0", "696 alice #x l 0 :Invalid mode parameter" },
		{ "+l -1", "696 alice #x l -1 :Invalid mode parameter" },
		{ "+l x", "696 alice #x l x :Invalid mode parameter" },
		{ "+l 2147483648", "696 alice #x l 2147483648 :Invalid mode parameter" },
		{ "+o", "696 alice #x o [*] :Invalid mode parameter" },
		{ "-v", "696 alice #x v [*] :Invalid mode parameter" },
		{ "+o nobody", "401 alice nobody :No such nick or channel" },
		{ "+o carol", "441 alice carol #x :They aren't on that channel" },
		{ "+b :a b", "696 alice #x b a b!*@* :Invalid mode parameter" },
		{ "+b ::a", "696 alice #x b :a!*@* :Invalid mode parameter" },
		{ "+Z", "472 alice Z :is unknown mode char to me" },
		{ "-e x", "472 alice e :is unknown mode char to me" },
	};
	struct irc_peer *alice = irc_member("alice", "#x");
	char pattern[200];

	(void)irc_user("carol");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sn_strbuf b;

		irc_say(alice, "MODE #x %s", rows[i].say);
		sn_strbuf_fixed(&b, pattern, sizeof(pattern));
		sn_strbuf_addf(&b, ":irc.test %s", rows[i].answer);
		irc_expect(alice, pattern);
		irc_expect_nothing(alice);
	}
	irc_ask(alice, "MODE #x +l 2147483647", ":alice!* MODE #x +l 2147483647");
}
END_TEST

START_TEST(test_rights)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *carol = irc_user("carol");

	/* Told once, however many letters. */
	irc_ask(bob, "MODE #x +mi-n", ":irc.test 482 bob #x :You're not channel operator");
	irc_ask(bob, "MODE #x +o bob", ":irc.test 482 bob #x *");
	irc_ask(carol, "MODE #x +m", ":irc.test 442 carol #x :You're not on that channel");
	irc_expect_nothing(alice);
	/* Giving it up in the middle of a command. */
	irc_ask(alice, "MODE #x +m-o+i alice", ":irc.test 482 alice #x *",
		":alice!* MODE #x +m-o alice");
	irc_expect(bob, ":alice!* MODE #x +m-o alice");
}
END_TEST

START_TEST(test_ban_list)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_user("bob");

	irc_ask(alice, "MODE #x b", ":irc.test 368 alice #x :End of channel ban list");
	irc_say(alice, "MODE #x +bb one two@host");
	irc_forget(alice);
	irc_ask(alice, "MODE #x +b", ":irc.test 367 alice #x one![*]@[*] alice [0-9]*",
		":irc.test 367 alice #x [*]!two@host alice [0-9]*", ":irc.test 368 alice #x *");
	irc_ask(bob, "MODE #x bbb", ":irc.test 367 bob #x one!*", ":irc.test 367 *",
		":irc.test 368 *");
}
END_TEST

START_TEST(test_ban_list_full)
{
	struct irc_peer *alice;

	irc_restart("ban_max = 2\n");
	alice = irc_member("alice", "#x");
	irc_ask(alice, "MODE #x +bbb a b c",
		":irc.test 478 alice #x c![*]@[*] :Channel list is full",
		":alice!* MODE #x +bb a!*@* b!*@*");
	irc_ask(alice, "MODE #x -b+b a c", ":alice!* MODE #x -b+b a!*@* c!*@*");
}
END_TEST

/* Twelve changes in one command are made; what is more is left out. */
START_TEST(test_twelve_changes)
{
	struct irc_peer *alice = irc_member("alice", "#x");

	irc_ask(alice, "MODE #x +bbbbbbbbbbbb 1 2 3 4 5 6 7 8 9 10 11 12",
		":alice!* MODE #x +bbbbbbbbbbbb 1!*@* 2!* 3!* 4!* 5!* 6!* 7!* 8!* 9!* 10!* 11!* "
		"12!*@[*]");
	irc_ask(alice, "MODE #x +imst-imst+imst-i", ":alice!* MODE #x +ims-imst+imst-i");
}
END_TEST

START_TEST(test_thirteenth_change)
{
	struct irc_peer *alice = irc_member("alice", "#x");

	irc_ask(alice, "MODE #x +i-i+i-i+i-i+i-i+i-i+i-i+i",
		":alice!* MODE #x +i-i+i-i+i-i+i-i+i-i+i-i");
	irc_ask(alice, "MODE #x", ":irc.test 324 alice #x +nt", ":irc.test 329 *");
}
END_TEST

/* --- oneself -------------------------------------------------------------------------------- */

START_TEST(test_user_mode)
{
	struct irc_peer *alice = irc_user("alice");

	(void)irc_user("bob");
	irc_ask(alice, "MODE alice", ":irc.test 221 alice +");
	irc_ask(alice, "MODE Alice +i", ":alice MODE alice :+i");
	irc_ask(alice, "MODE alice +i");
	irc_ask(alice, "MODE alice", ":irc.test 221 alice +i");
	irc_ask(alice, "MODE alice -i+i");
	irc_ask(alice, "MODE alice +Zi", ":irc.test 501 alice :Unknown MODE flag");
	irc_ask(alice, "MODE alice -i", ":alice MODE alice :-i");
	irc_ask(alice, "MODE bob", ":irc.test 502 alice :Cannot change mode for other users");
	irc_ask(alice, "MODE bob +i", ":irc.test 502 alice :Cannot change mode for other users");
	irc_ask(alice, "MODE nobody", ":irc.test 401 alice nobody :No such nick or channel");
}
END_TEST

Suite *sn_suite_irc_mode(void)
{
	const TTest *const tests[] = {
		test_query,
		test_each_letter,
		test_bad_arguments,
		test_rights,
		test_ban_list,
		test_ban_list_full,
		test_twelve_changes,
		test_thirteenth_change,
		test_user_mode,
	};

	return IRC_SUITE("irc_mode", tests);
}
