#include <signal.h>

#include "tests/unit/daemon/cli/cli_fixture.h"

static const struct cli_row rows[] = {
	{ "run", EX_USAGE, NULL, "which configuration?" },
	{ "run --bogus", EX_USAGE, NULL, "unexpected \"--bogus\"" },
	{ "run one two", EX_USAGE, NULL, "unexpected \"two\"" },
	{ "run none.toml", EX_NOINPUT, NULL, "none.toml: " },
	{ "run empty.toml", EX_CONFIG, NULL, "no service is configured" },
	{ "run bad.toml", EX_CONFIG, NULL, "bad.toml:2:16: error: " },
};
#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(refuses)
{
	cli_write_file("empty.toml", "");
	cli_write_file("bad.toml", "[service.irc]\nlisten = [\"tcp:x\"]\n");
	cli_check_row(&rows[_i]);
}
END_TEST

START_TEST(runs_every_service_of_the_file)
{
	char line[200];
	pid_t pid;

	cli_write_file("sennit.toml",
		"[service.one]\ntype = \"irc\"\nlisten = \"tcp:0:interface=127.0.0.1\"\n"
		"[service.two]\ntype = \"irc\"\nlisten = \"unix:two.sock\"\n");
	pid = cli_start("run", line, sizeof(line));
	ck_assert_ptr_eq(strstr(line, "one: listening on 127.0.0.1:"), line);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(cli_wait(pid), EX_OK);
}
END_TEST

Suite *sn_suite_cli_run(void);
Suite *sn_suite_cli_run(void)
{
	Suite *suite = suite_create("cli/cli_run");
	TCase *tc = tcase_create("cli_run");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, refuses, 0, ROW_COUNT);
	tcase_add_test(tc, runs_every_service_of_the_file);
	suite_add_tcase(suite, tc);
	return suite;
}
