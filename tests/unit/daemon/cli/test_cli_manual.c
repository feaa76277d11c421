#include "tests/unit/daemon/cli/runner.h"

/* That man(1) has nothing to say against the pages, tests/tools/check_docs.py sees. */
static const struct runner_case cases[] = {
	{ { "manual", "sennit" }, EX_OK, ".TH SENNIT 8 ", "" },
	{ { "manual", "sennit" }, EX_OK, ".SS ctl [\\-\\-socket PATH|NAME] [\\-\\-json] VERB", "" },
	{ { "manual", "sennit" }, EX_OK, ".TP\n.B \\-\\-motd FILE\n", "" },
	{ { "manual", "sennit" }, EX_OK, ".TP\n.B reload\nread the configuration again\n", "" },
	{ { "manual", "sennit.toml" }, EX_OK, ".TH SENNIT.TOML 5 ", "" },
	{ { "manual" }, EX_USAGE, "", "which page? sennit or sennit.toml\n" },
	{ { "manual", "printf" }, EX_USAGE, "", "which page?" },
	{ { "manual", "sennit", "sennit.toml" }, EX_USAGE, "", "which page?" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

START_TEST(every_command_and_type)
{
	static const char *const page[] = { "manual", "sennit", NULL };
	const struct sn_command *command;
	const struct sn_endpoint_type *type;
	char line[300];

	ck_assert_int_eq(runner_run(page), EX_OK);
	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "\n.SS %s", command->name);
		ck_assert_msg(strstr(runner_out(), line) != NULL, "no %s", command->name);
	}
	sn_endpoints_init();
	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "\n.B %s", type->word);
		ck_assert_msg(strstr(runner_out(), line) != NULL, "no %s", type->word);
	}
}
END_TEST

Suite *sn_suite_cli_manual(void);
Suite *sn_suite_cli_manual(void)
{
	Suite *suite = suite_create("cli/cli_manual");
	TCase *tc = tcase_create("cli_manual");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, every_command_and_type);
	suite_add_tcase(suite, tc);
	return suite;
}
