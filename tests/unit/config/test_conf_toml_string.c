#include "config/conf_toml_value.h"

#include "tests/support/unit.h"

Suite *sn_suite_conf_toml_string(void);

/* Every kind of string is in the table of valid texts; here: where one ends and what is kept. */
static const struct {
	struct sn_str text;
	const char *value;
	size_t end; /* where reading stopped */
	uint32_t line;
} strings[] = {
	{ SN_STR("\"a\"b"), "a", 3, 1 },
	{ SN_STR("'a'"), "a", 3, 1 },
	{ SN_STR("\"\"x"), "", 2, 1 },
	{ SN_STR("\"\\\"\""), "\"", 4, 1 },
	{ SN_STR("'\\'"), "\\", 3, 1 },
	{ SN_STR("\"\"\"\na\nb\"\"\" c"), "a\nb", 10, 3 },
	{ SN_STR("\"\"\"a\\\n \n b\"\"\""), "ab", 13, 3 },
	{ SN_STR("'''a'''''"), "a''", 9, 1 },
	{ SN_STR("'''a''''''"), "a''", 9, 1 },
};

START_TEST(test_read)
{
	struct sn_conf_diags diags;
	struct sn_toml_value value;
	struct sn_lex lx;

	sn_conf_diags_init(&diags);
	sn_lex_init(
		&lx, sn_conf_source_add(diags.pool, &diags.sources, "t", strings[_i].text), &diags);
	ck_assert(sn_toml_read_string(&lx, diags.pool, &value));
	ck_assert_int_eq(value.kind, SN_TOML_STRING);
	ck_assert_str_view(value.string, strings[_i].value);
	ck_assert_int_eq(value.string.p[value.string.n], '\0');
	ck_assert_uint_eq(lx.at, strings[_i].end);
	ck_assert_uint_eq(lx.line, strings[_i].line);
	sn_conf_diags_fini(&diags);
}
END_TEST

/* All that is wrong in one string is told at once, and the string is taken to its end. */
START_TEST(test_read_faults)
{
	struct sn_conf_diags diags;
	struct sn_toml_value value;
	struct sn_lex lx;

	sn_conf_diags_init(&diags);
	sn_lex_init(&lx,
		sn_conf_source_add(diags.pool, &diags.sources, "t",
			SN_STR("\"\\a \\uD800 \\U0000004 \x01\" x")),
		&diags);
	ck_assert(!sn_toml_read_string(&lx, diags.pool, &value));
	ck_assert_uint_eq(diags.errors, 4);
	ck_assert_int_eq(sn_lex_peek(&lx), ' ');
	sn_conf_diags_fini(&diags);
}
END_TEST

Suite *sn_suite_conf_toml_string(void)
{
	Suite *suite = suite_create("conf_toml_string");
	TCase *tc = tcase_create("conf_toml_string");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_read, 0, (int)(sizeof(strings) / sizeof(strings[0])));
	tcase_add_test(tc, test_read_faults);
	return suite;
}
