#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/control_fixture.h"
#include "tests/unit/daemon/cli/runner.h"

static char path[256], other[256];

static void setup(void)
{
	runner_setup();
	snprintf(path, sizeof(path), "%s/a.sock", runner_dir.path);
	snprintf(other, sizeof(other), "%s/a.sock.lock", runner_dir.path);
	control_fixture_start(path);
}

static void teardown(void)
{
	control_fixture_stop();
	(void)unlink(path);
	(void)unlink(other);
	runner_teardown();
}

#define AT "ctl", "--socket", "./a.sock"

static const struct runner_case cases[] = {
	{ { AT, "status" }, EX_OK,
		"sennit 0.1, pid 42, up 1d1h\n\n"
		"WORKER  PID  STATE    UPTIME  RESTARTS  CONNECTIONS     LAG\n"
		"main/0   43  running     59s         2         1000  1.2 ms\n",
		"" },
	{ { AT, "sessions", "irc" }, EX_OK,
		"main/0#7  irc      127.0.0.1:5  -        evil\\x1b[2J  yes   1h    0s  999 B  123 kB\n",
		"" },
	{ { AT, "status", "--json" }, EX_OK, "{\"code\":0,\"daemon\":{\"name\":\"sennit\"", "" },
	{ { AT, "--json", "log" }, EX_OK,
		"{\"event\":\"line\",\"line\":\"one\"}\n{\"event\":\"note\"", "" },
	{ { AT, "log" }, EX_OK, "one\ndone\n", "aside\n" },
	{ { AT, "top" }, EX_OK, "1.5 kB  ", "" },
	{ { AT, "fail" }, EX_UNAVAILABLE, "", "sennit: no worker runs\n" },
	{ { AT, "fail", "x" }, EX_CONFIG, "", "a.toml:1:2: error: no\n  | x\n" },
	{ { AT, "stutus" }, EX_USAGE, "", "no control verb \"stutus\"" },
	{ { AT, "zzzzzz" }, EX_USAGE, "", "\"zzzzzz\"; `sennit ctl --help` lists them" },
	{ { AT, "bye" }, EX_UNAVAILABLE, "", "went away before it answered" },
	{ { AT, "log", "\xff" }, EX_USAGE, "", "must be UTF-8" },
	{ { "ctl" }, EX_USAGE, "", "needs a verb" },
	{ { "ctl", "--sockt", "x", "status" }, EX_USAGE, "", "unknown option --sockt" },
	{ { "ctl", "--socket=./b.sock", "status" }, EX_UNAVAILABLE, "",
		"no daemon answers at ./b.sock" },
	{ { "ctl", "--socket", "nobody", "status" }, EX_UNAVAILABLE, "", "/nobody.sock" },
	{ { "ctl", "--help" }, EX_OK, "sennit ctl kick alice", "" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

Suite *sn_suite_cli_ctl(void);
Suite *sn_suite_cli_ctl(void)
{
	Suite *suite = suite_create("cli/ctl");
	TCase *tc = tcase_create("ctl");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
