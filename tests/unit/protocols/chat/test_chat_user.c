#include "daemon/base/mem.h"
#include "tests/unit/protocols/chat/chat_fixture.h"

START_TEST(test_names)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "a", true },
		{ "Alice", true },
		{ "a1", true },
		{ "[x]\\`_^{|}", true },
		{ "a-b", true },
		{ "a~b", true },
		{ "a=b", true },
		{ "", false },
		{ "1a", false },
		{ "-a", false },
		{ "#a", false },
		{ "&a", false },
		{ "~a", false },
		{ "@a", false },
		{ "%a", false },
		{ "+a", false },
		{ "$a", false },
		{ ":a", false },
		{ ".a", false },
		{ "a b", false },
		{ "a!b", false },
		{ "a@b", false },
		{ "a*", false },
		{ "a?", false },
		{ "a,b", false },
		{ "a:b", false },
		{ "a.b", false },
		{ "a/b", false },
		{ "a\"b", false },
		{ "a'b", false },
		{ "a<b", false },
		{ "a>b", false },
		{ "a&b", false },
		{ "a#b", false },
		{ "a\tb", false },
		{ "a\x7f", false },
		{ "\xc3\xa9t\xc3\xa9", false },
		{ "a\xff", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(sn_chat_name_valid(chat, sn_str(rows[i].name)) == rows[i].valid,
			"\"%s\"", rows[i].name);
	ck_assert(!sn_chat_name_valid(chat, sn_str_n("a\0b", 3)));
}
END_TEST

START_TEST(test_name_length)
{
	const char *text = "abcdefghijklmnopqrstuvwxyzabcdefg";

	ck_assert_uint_eq(strlen(text), 33);
	ck_assert(sn_chat_name_valid(chat, sn_str_n(text, 32)));
	ck_assert(!sn_chat_name_valid(chat, sn_str_n(text, 33)));
}
END_TEST

START_TEST(test_enter)
{
	struct person *alice = stranger("alice"), *other = stranger("other");

	sn_fake_clock_advance(&chat_clock, SN_SEC(3));
	ck_assert_int_eq(person_enter(alice, "no good"), SN_CHAT_ENAME);
	ck_assert_ptr_null(alice->user.chat);
	ck_assert_int_eq(person_enter(alice, "Alice"), SN_OK);
	ck_assert_ptr_eq(alice->user.chat, chat);
	ck_assert_str_view(alice->user.name, "Alice");
	ck_assert_int_eq(alice->user.since, chat_clock.wall_ns);
	ck_assert_int_eq(person_enter(other, "ALICE"), SN_CHAT_EINUSE);
	ck_assert_ptr_null(other->user.chat);
	ck_assert_ptr_eq(sn_chat_find_user(chat, SN_STR("aLiCe")), &alice->user);
	ck_assert_ptr_null(sn_chat_find_user(chat, SN_STR("alic")));
	ck_assert_ptr_null(sn_chat_find_user(chat, SN_STR("")));
}
END_TEST

/* The name given need not outlive the call. */
START_TEST(test_name_is_copied)
{
	char name[] = "alice";
	struct person *alice = stranger("alice");

	ck_assert_int_eq(person_enter(alice, name), SN_OK);
	memset(name, 'x', sizeof(name) - 1);
	ck_assert_str_view(alice->user.name, "alice");
	ck_assert_ptr_nonnull(sn_chat_find_user(chat, SN_STR("alice")));
}
END_TEST

START_TEST(test_next_user)
{
	struct person *a = person("a"), *b = person("b"), *c = person("c");

	sn_chat_leave(&b->user, SN_STR_NULL);
	ck_assert_ptr_eq(sn_chat_next_user(chat, NULL), &a->user);
	ck_assert_ptr_eq(sn_chat_next_user(chat, &a->user), &c->user);
	ck_assert_ptr_null(sn_chat_next_user(chat, &c->user));
}
END_TEST

START_TEST(test_acquainted)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = member("c", "y");

	ck_assert(sn_chat_acquainted(&a->user, &b->user));
	ck_assert(!sn_chat_acquainted(&a->user, &c->user));
	ck_assert_int_eq(person_join(c, "z", ""), SN_OK);
	ck_assert_int_eq(person_join(c, "x", ""), SN_OK);
	ck_assert(sn_chat_acquainted(&a->user, &c->user));
	ck_assert(sn_chat_acquainted(&c->user, &a->user));
}
END_TEST

START_TEST(test_leave_is_heard_once)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(person_join(a, i == 0 ? "y" : "z", ""), SN_OK);
		ck_assert_int_eq(person_join(b, i == 0 ? "y" : "z", ""), SN_OK);
	}
	forget_all();
	sn_chat_leave(&a->user, SN_STR("bye"));
	heard(a, "quit a (echo) bye\n");
	heard(b, "quit a bye\n");
	heard(c, "");
	ck_assert_ptr_null(a->user.chat);
	ck_assert_uint_eq(room_of("x")->member_count, 1);
	sn_chat_leave(&a->user, SN_STR("again"));
	heard(a, "");
	heard(b, "");
	/* The name is free, and so is the struct. */
	ck_assert_int_eq(person_enter(a, "A"), SN_OK);
	ck_assert_uint_eq(a->user.room_count, 0);
}
END_TEST

START_TEST(test_rename)
{
	struct person *a = member("alice", "x"), *b = member("bob", "x"), *c = person("carol");

	ck_assert_int_eq(sn_chat_rename(&a->user, SN_STR("b b")), SN_CHAT_ENAME);
	ck_assert_int_eq(sn_chat_rename(&a->user, SN_STR("BOB")), SN_CHAT_EINUSE);
	ck_assert_int_eq(sn_chat_rename(&a->user, SN_STR("alice")), SN_CHAT_EEXISTS);
	heard(a, "");
	ck_assert_int_eq(sn_chat_rename(&a->user, SN_STR("ALICE")), SN_OK);
	heard(a, "rename ALICE (echo) was alice\n");
	heard(b, "rename ALICE was alice\n");
	ck_assert_int_eq(sn_chat_rename(&a->user, SN_STR("anne")), SN_OK);
	heard(a, "rename anne (echo) was ALICE\n");
	heard(b, "rename anne was ALICE\n");
	heard(c, "");
	ck_assert_ptr_null(sn_chat_find_user(chat, SN_STR("alice")));
	ck_assert_ptr_eq(sn_chat_find_user(chat, SN_STR("Anne")), &a->user);
	ck_assert_ptr_nonnull(sn_chat_member(room_of("x"), &a->user));
}
END_TEST

START_TEST(test_away)
{
	struct person *a = member("a", "x"), *b = member("b", "x"), *c = person("c");

	sn_chat_set_away(&a->user, SN_STR_NULL);
	heard(b, "");
	sn_chat_set_away(&a->user, SN_STR("lunch"));
	heard(a, "away a (echo) lunch\n");
	heard(b, "away a lunch\n");
	heard(c, "");
	sn_chat_set_away(&a->user, SN_STR("lunch"));
	heard(b, "");
	sn_chat_set_away(&a->user, SN_STR(""));
	heard(b, "away a\n");
	ck_assert_uint_eq(a->user.away.n, 0);
}
END_TEST

START_TEST(test_away_is_told_to_those_one_meets)
{
	struct person *a = member("a", "x"), *b = person("b");

	sn_chat_set_away(&b->user, SN_STR("lunch"));
	ck_assert_int_eq(person_join(b, "x", ""), SN_OK);
	heard(a, "join b@x\naway b lunch\n");
}
END_TEST

START_TEST(test_account)
{
	struct person *a = stranger("a"), *b;

	sn_chat_set_account(&a->user, SN_STR("anne"));
	heard(a, "");
	ck_assert_int_eq(person_enter(a, "a"), SN_OK);
	ck_assert_str_view(a->user.account, "anne");
	ck_assert_int_eq(person_join(a, "x", ""), SN_OK);
	b = member("b", "x");
	sn_chat_set_account(&a->user, SN_STR_NULL);
	heard(b, "account a\n");
	heard(a, "account a (echo)\n");
}
END_TEST

Suite *sn_suite_chat_user(void)
{
	const TTest *const tests[] = {
		test_names,
		test_name_length,
		test_enter,
		test_name_is_copied,
		test_next_user,
		test_acquainted,
		test_leave_is_heard_once,
		test_rename,
		test_away,
		test_away_is_told_to_those_one_meets,
		test_account,
	};

	return CHAT_SUITE("chat_user", tests);
}
