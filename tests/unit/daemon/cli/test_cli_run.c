#include <signal.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/runner.h"

static const struct runner_case cases[] = {
	{ { "run" }, EX_USAGE, "", "which configuration?" },
	{ { "run", "gone.toml" }, EX_NOINPUT, "", "gone.toml: cannot be read: No such file" },
	{ { "run", "--bogus" }, EX_USAGE, "", "unexpected \"--bogus\"" },
	{ { "run", "a.toml", "b.toml" }, EX_USAGE, "", "unexpected \"b.toml\"" },
	{ { "run", "wrong.toml" }, EX_CONFIG, "", "wrong.toml:1:1: error: unknown key \"x\"" },
	{ { "run", "empty.toml" }, EX_CONFIG, "",
		"no service is configured: add a table such as [service.irc]" },
	/* The fault is in the file, so it is no usage error. */
	{ { "run", "place.toml" }, EX_CONFIG, "",
		"place.toml:2:27: error: tcp: interface must be an IPv4 or IPv6 address" },
	{ { "run", "far.toml" }, EX_UNAVAILABLE, "",
		"far.toml:2:10: error: 192.0.2.1 is not an address of this machine" },
};

START_TEST(words_and_answers)
{
	runner_write("wrong.toml", "x = 1\n");
	runner_write("empty.toml", "");
	runner_write("place.toml", "[service.irc]\nlisten = \"tcp:0:interface=here\"\n");
	runner_write("far.toml", "[service.irc]\nlisten = \"tcp:0:interface=192.0.2.1\"\n");
	runner_check(&cases[_i]);
}
END_TEST

START_TEST(it_runs_until_told_to_stop)
{
	static const char *const run[] = { "run", NULL };
	pid_t pid;

	runner_write("sennit.toml",
		"[service.one]\ntype = \"irc\"\n"
		"listen = \"tcp:0:interface=127.0.0.1\"\n"
		"[service.two]\ntype = \"irc\"\n"
		"listen = \"unix:two.sock\"\n");
	pid = runner_start(run, -1);
	ck_assert_int_eq(strncmp(runner_line(), "one: listening on 127.0.0.1:", 28), 0);
	close(runner_dial());
	ck_assert_ptr_nonnull(strstr(runner_line(), "connect with:"));
	ck_assert_ptr_nonnull(strstr(runner_line(), "two: listening on unix:"));
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(runner_wait(pid), EX_OK);
	ck_assert_ptr_nonnull(strstr(runner_err(), "\"event\":\"stopped\""));
}
END_TEST

Suite *sn_suite_cli_run(void);
Suite *sn_suite_cli_run(void)
{
	Suite *suite = suite_create("cli/run");
	TCase *tc = tcase_create("cli_run");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, it_runs_until_told_to_stop);
	suite_add_tcase(suite, tc);
	return suite;
}
