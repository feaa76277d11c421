#include "daemon/service/verbs.h"

#include "tests/support/unit.h"

struct row {
	struct sn_verb verb;
	int handler;
};

static const struct row rows[] = {
	{ { "A", 0, 0, 1, 1 }, 1 },
	{ { "HELP", 0, 1, 1, 3 }, 2 },
	{ { "JOIN", 1, 2, 2, 2 }, 3 },
	{ { "JOINT", 1, 255, 2, 2 }, 4 },
	{ { "QUIT", 0, 1, 0, 3 }, 5 },
};

static int find(const char *name, size_t count)
{
	const struct sn_verb_table table = { &rows[0].verb, count, sizeof(rows[0]) };
	const struct sn_verb *verb = sn_verb_find(&table, sn_str(name));

	return verb != NULL ? ((const struct row *)(const void *)verb)->handler : 0;
}

START_TEST(finds_every_row_in_every_size)
{
	for (size_t count = 0; count <= 5; count++) {
		for (size_t i = 0; i < 5; i++)
			ck_assert_int_eq(
				find(rows[i].verb.name, count), i < count ? rows[i].handler : 0);
	}
}
END_TEST

START_TEST(case_does_not_matter_and_length_does)
{
	static const struct {
		const char *name;
		int handler;
	} cases[] = {
		{ "join", 3 },
		{ "JoInT", 4 },
		{ "quit", 5 },
		{ "a", 1 },
		{ "", 0 },
		{ "JOI", 0 },
		{ "JOINTS", 0 },
		{ "AA", 0 },
		{ "HELP ", 0 },
		{ "0", 0 },
		{ "ZZZ", 0 },
		{ "\xff", 0 },
		{ "[", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(find(cases[i].name, 5) == cases[i].handler, "%s", cases[i].name);
}
END_TEST

START_TEST(a_name_with_a_zero_byte_is_no_row)
{
	const struct sn_verb_table table = SN_VERB_TABLE(rows);

	ck_assert_ptr_null(sn_verb_find(&table, sn_str_n("JOIN\0", 5)));
	ck_assert_ptr_null(sn_verb_find(&table, sn_str_n("A\0HELP", 6)));
	ck_assert_ptr_null(sn_verb_find(&table, SN_STR_NULL));
}
END_TEST

START_TEST(check_wants_order_upper_case_and_sense)
{
	static const struct row twice[] = { { { "A", 0, 0, 0, 1 }, 1 },
		{ { "A", 0, 0, 0, 1 }, 2 } };
	static const struct row order[] = { { { "B", 0, 0, 0, 1 }, 1 },
		{ { "A", 0, 0, 0, 1 }, 2 } };
	static const struct row lower[] = { { { "aB", 0, 0, 0, 1 }, 1 } };
	static const struct row counts[] = { { { "A", 2, 1, 0, 1 }, 1 } };
	const struct sn_verb_table good = SN_VERB_TABLE(rows);
	const struct sn_verb_table bad[] = { SN_VERB_TABLE(twice), SN_VERB_TABLE(order),
		SN_VERB_TABLE(lower), SN_VERB_TABLE(counts) };

	ck_assert(sn_verbs_check(&good));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!sn_verbs_check(&bad[i]), "table %zu", i);
}
END_TEST

Suite *sn_suite_verbs(void);
Suite *sn_suite_verbs(void)
{
	Suite *suite = suite_create("service/verbs");
	TCase *tc = tcase_create("verbs");

	tcase_add_test(tc, finds_every_row_in_every_size);
	tcase_add_test(tc, case_does_not_matter_and_length_does);
	tcase_add_test(tc, a_name_with_a_zero_byte_is_no_row);
	tcase_add_test(tc, check_wants_order_upper_case_and_sense);
	suite_add_tcase(suite, tc);
	return suite;
}
