#include "tests/unit/daemon/cli/runner.h"

/* Roles are not for people; without a channel each says so. */
static const struct runner_case cases[] = {
	{ { "@worker", "main/0" }, EX_USAGE, "", "@worker is a part of the daemon" },
	{ { "@config", "run" }, EX_USAGE, "", "@config is a part of the daemon" },
	{ { "@nobody" }, EX_USAGE, "", "there is no role \"@nobody\"" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

Suite *sn_suite_cli_roles(void);
Suite *sn_suite_cli_roles(void)
{
	Suite *suite = suite_create("cli/roles");
	TCase *tc = tcase_create("cli_roles");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
