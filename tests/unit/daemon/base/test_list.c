#include "daemon/base/list.h"

#include "tests/unit/daemon/base/suites.h"

struct item {
	char name;
	struct sn_list link;
};

static struct item items[4];
static struct sn_list head;

static void setup(void)
{
	sn_list_init(&head);
	for (int i = 0; i < 4; i++)
		items[i] = (struct item){ .name = (char)('a' + i) };
}

/* The names in order, then in reverse order: both directions must agree. */
static const char *names(const struct sn_list *list)
{
	static char text[16];
	const struct sn_list *it;
	size_t n = 0;

	sn_list_each (it, list)
		text[n++] = sn_container_of(it, const struct item, link)->name;
	text[n++] = '|';
	for (it = list->prev; it != list; it = it->prev)
		text[n++] = sn_container_of(it, const struct item, link)->name;
	text[n] = '\0';
	return text;
}

START_TEST(append_prepend_and_insert)
{
	ck_assert(sn_list_empty(&head));
	ck_assert_str_eq(names(&head), "|");
	sn_list_append(&head, &items[1].link);
	ck_assert(!sn_list_empty(&head));
	sn_list_append(&head, &items[3].link);
	sn_list_prepend(&head, &items[0].link);
	sn_list_insert_before(&items[3].link, &items[2].link);
	ck_assert_str_eq(names(&head), "abcd|dcba");
}
END_TEST

START_TEST(linked_knows_zeroed_and_initialised_links)
{
	ck_assert(!sn_list_linked(&items[0].link));
	sn_list_init(&items[0].link);
	ck_assert(!sn_list_linked(&items[0].link));
	sn_list_append(&head, &items[0].link);
	ck_assert(sn_list_linked(&items[0].link));
	sn_list_remove(&items[0].link);
	ck_assert(!sn_list_linked(&items[0].link));
}
END_TEST

START_TEST(remove_is_repeatable)
{
	sn_list_remove(&items[0].link);
	for (int i = 0; i < 3; i++)
		sn_list_append(&head, &items[i].link);
	sn_list_remove(&items[1].link);
	sn_list_remove(&items[1].link);
	ck_assert_str_eq(names(&head), "ac|ca");
	sn_list_remove(&items[0].link);
	sn_list_remove(&items[2].link);
	ck_assert(sn_list_empty(&head));
}
END_TEST

START_TEST(pop_takes_the_first)
{
	ck_assert_ptr_null(sn_list_pop(&head));
	sn_list_append(&head, &items[0].link);
	sn_list_append(&head, &items[1].link);
	ck_assert_ptr_eq(sn_list_pop(&head), &items[0].link);
	ck_assert(!sn_list_linked(&items[0].link));
	ck_assert_ptr_eq(sn_list_pop(&head), &items[1].link);
	ck_assert_ptr_null(sn_list_pop(&head));
}
END_TEST

START_TEST(move_all)
{
	struct sn_list other;

	sn_list_move(&other, &head);
	ck_assert(sn_list_empty(&other) && sn_list_empty(&head));
	for (int i = 0; i < 3; i++)
		sn_list_append(&head, &items[i].link);
	sn_list_move(&other, &head);
	ck_assert(sn_list_empty(&head));
	ck_assert_str_eq(names(&other), "abc|cba");
}
END_TEST

START_TEST(safe_iteration_may_unlink)
{
	struct sn_list *it, *tmp;

	for (int i = 0; i < 4; i++)
		sn_list_append(&head, &items[i].link);
	sn_list_each_safe (it, tmp, &head) {
		if (sn_container_of(it, struct item, link)->name % 2 == 0)
			sn_list_remove(it);
	}
	ck_assert_str_eq(names(&head), "ac|ca");
	sn_list_each_safe (it, tmp, &head)
		sn_list_remove(it);
	ck_assert(sn_list_empty(&head));
}
END_TEST

Suite *sn_suite_list(void)
{
	Suite *suite = suite_create("base/list");
	TCase *tc = tcase_create("list");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, append_prepend_and_insert);
	tcase_add_test(tc, linked_knows_zeroed_and_initialised_links);
	tcase_add_test(tc, remove_is_repeatable);
	tcase_add_test(tc, pop_takes_the_first);
	tcase_add_test(tc, move_all);
	tcase_add_test(tc, safe_iteration_may_unlink);
	suite_add_tcase(suite, tc);
	return suite;
}
