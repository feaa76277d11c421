#include "daemon/cli/table.h"

#include <stdlib.h>

#include "tests/support/unit.h"

static const struct sn_table_column columns[] = { { "NAME", false }, { "N", true },
	{ "NOTE", false } };

static void check_print(const struct sn_table *table, bool color, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	sn_table_print(table, out, color);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(columns_fit_their_cells)
{
	struct sn_table table;

	sn_table_init(&table, columns, 3);
	check_print(&table, false, "");
	sn_table_add(&table, SN_STR("müller"));
	sn_table_addf(&table, "%d", 7);
	sn_table_add(&table, SN_STR(""));
	sn_table_add(&table, SN_STR("x"));
	sn_table_addf(&table, "%d", 1234);
	sn_table_add(&table, SN_STR("here"));
	check_print(&table, false,
		"NAME       N  NOTE\n"
		"müller     7  \n"
		"x       1234  here\n");
	check_print(&table, true,
		"\033[1mNAME       N  NOTE\033[0m\n"
		"müller     7  \n"
		"x       1234  here\n");
	sn_table_fini(&table);
}
END_TEST

START_TEST(nothing_steers_the_terminal)
{
	struct sn_table table;

	sn_table_init(&table, columns, 1);
	sn_table_add(&table, SN_STR("a\033[2Jb\n"));
	check_print(&table, false, "NAME\na\\x1b[2Jb\\n\n");
	sn_table_fini(&table);
}
END_TEST

START_TEST(many_rows)
{
	struct sn_table table;

	sn_table_init(&table, columns, 1);
	for (int i = 0; i < 1000; i++)
		sn_table_addf(&table, "%d", i);
	ck_assert_uint_eq(table.cell_count, 1000);
	ck_assert_str_eq(table.cells[999], "999");
	sn_table_fini(&table);
}
END_TEST

Suite *sn_suite_table(void);
Suite *sn_suite_table(void)
{
	Suite *suite = suite_create("cli/table");
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, columns_fit_their_cells);
	tcase_add_test(tc, nothing_steers_the_terminal);
	tcase_add_test(tc, many_rows);
	suite_add_tcase(suite, tc);
	return suite;
}
