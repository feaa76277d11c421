#include "protocols/chat/chat_private.h"
#include "tests/unit/protocols/chat/chat_fixture.h"

START_TEST(test_default_limits)
{
	const struct sn_chat_limits *limits = sn_chat_limits(chat);

	ck_assert_uint_eq(limits->name_max, 32);
	ck_assert_uint_eq(limits->room_name_max, 64);
	ck_assert_uint_eq(limits->topic_max, 390);
	ck_assert_uint_eq(limits->rooms_per_user, 100);
	ck_assert_uint_eq(limits->list_max, 100);
	ck_assert_uint_eq(limits->key_max, 32);
	ck_assert_uint_eq(limits->invites_max, 32);
}
END_TEST

START_TEST(test_set_limits)
{
	sn_chat_set_limits(chat, &(struct sn_chat_limits){ .name_max = 3, .list_max = 7 });
	ck_assert_uint_eq(sn_chat_limits(chat)->name_max, 3);
	ck_assert_uint_eq(sn_chat_limits(chat)->list_max, 7);
	ck_assert_uint_eq(sn_chat_limits(chat)->topic_max, 390);
}
END_TEST

START_TEST(test_stats)
{
	struct person *alice = member("alice", "a"), *bob = person("bob");
	struct sn_chat_stats stats;

	ck_assert_int_eq(person_join(alice, "b", ""), SN_OK);
	stats = sn_chat_stats(chat);
	ck_assert_uint_eq(stats.users, 2);
	ck_assert_uint_eq(stats.rooms, 2);
	ck_assert_uint_eq(stats.users_max, 2);
	sn_chat_leave(&bob->user, SN_STR_NULL);
	sn_chat_leave(&alice->user, SN_STR_NULL);
	stats = sn_chat_stats(chat);
	ck_assert_uint_eq(stats.users, 0);
	ck_assert_uint_eq(stats.rooms, 0);
	ck_assert_uint_eq(stats.users_max, 2);
}
END_TEST

START_TEST(test_strerror)
{
	for (int code = SN_CHAT_EEXISTS; code <= SN_CHAT_ENAME; code++) {
		const char *text = sn_chat_strerror(code);

		ck_assert_ptr_nonnull(text);
		for (int other = SN_CHAT_EEXISTS; other < code; other++)
			ck_assert_str_ne(text, sn_chat_strerror(other));
	}
	ck_assert_str_eq(sn_chat_strerror(SN_ELIMIT), sn_strerror(SN_ELIMIT));
}
END_TEST

START_TEST(test_set_str)
{
	struct sn_str slot = SN_STR_NULL;

	sn_chat_set_str(&slot, SN_STR("one"));
	ck_assert_str_view(slot, "one");
	sn_chat_set_str(&slot, sn_str_from(slot, 1));
	ck_assert_str_view(slot, "ne");
	sn_chat_set_str(&slot, SN_STR(""));
	ck_assert_ptr_null(slot.p);
	ck_assert_uint_eq(slot.n, 0);
}
END_TEST

START_TEST(test_free_nothing)
{
	struct sn_chat *none = NULL;

	sn_chat_free(&none);
	ck_assert_ptr_null(none);
}
END_TEST

Suite *sn_suite_chat(void)
{
	const TTest *const tests[] = {
		test_default_limits,
		test_set_limits,
		test_stats,
		test_strerror,
		test_set_str,
		test_free_nothing,
	};

	return CHAT_SUITE("chat", tests);
}
