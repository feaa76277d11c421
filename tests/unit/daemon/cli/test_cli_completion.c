#include "tests/unit/daemon/cli/runner.h"

/* What the scripts do in their shells, tests/interop/completion.py tries. */
static const struct runner_case cases[] = {
	{ { "completion", "bash" }, EX_OK, "complete -F _sennit sennit\n", "" },
	{ { "completion", "zsh" }, EX_OK, "#compdef sennit\n", "" },
	{ { "completion", "fish" }, EX_OK, "complete -c sennit -f -a '(__sennit_words)'\n", "" },
	{ { "completion" }, EX_USAGE, "", "completion for which shell? bash, zsh or fish\n" },
	{ { "completion", "csh" }, EX_USAGE, "", "for which shell?" },
	{ { "completion", "bash", "zsh" }, EX_USAGE, "", "for which shell?" },
	{ { "completion", "--words", "ctl", "relo" }, EX_OK, "reload\t", "" },
	{ { "completion", "--words", "nothing", "" }, EX_OK, "", "" },
	{ { "completion", "--words" }, EX_OK, "", "" },
	{ { "completion", "--help" }, EX_OK, "Usage: sennit completion bash|zsh|fish\n", "" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

Suite *sn_suite_cli_completion(void);
Suite *sn_suite_cli_completion(void)
{
	Suite *suite = suite_create("cli/cli_completion");
	TCase *tc = tcase_create("cli_completion");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
