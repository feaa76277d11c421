#include "tests/unit/daemon/cli/runner.h"

static const char wrong[] = "[server]\n"
			    "drain_timeout = \"soon\"\n"
			    "[service.irc]\n"
			    "lisen = [\"tcp:6667\"]\n";

static const char said[] =
	"wrong.toml:2:17: error: \"drain_timeout\" in [server] must be a duration such as \"30s\", "
	"found \"soon\"\n"
	"  2 | drain_timeout = \"soon\"\n"
	"    |                 ^~~~~~\n"
	"wrong.toml:4:1: error: unknown key \"lisen\" in [service.irc]; did you mean \"listen\"?\n"
	"  4 | lisen = [\"tcp:6667\"]\n"
	"    | ^~~~~\n";

static const struct runner_case cases[] = {
	{ { "check", "wrong.toml" }, EX_CONFIG, "", said },
	{ { "check", "--effective", "wrong.toml" }, EX_CONFIG, "", said },
	{ { "check", "one.toml" }, EX_OK, "one.toml: fine, 1 service\n", "" },
	{ { "check", "none.toml" }, EX_CONFIG, "", "no service is configured" },
	{ { "check", "motd.toml" }, EX_CONFIG, "",
		"motd.toml:3:8: error: cannot read the message of the day " },
	{ { "check", "users.toml" }, EX_CONFIG, "", "users.toml:2: error: " },
	{ { "check", "cert.toml" }, EX_CONFIG, "", "cert.toml:2:15: error: " },
	{ { "check", "--effective", "motd.toml" }, EX_OK, "gone.txt", "" },
	{ { "check", "two.toml" }, EX_OK, "two.toml: fine, 2 services\n", "" },
	{ { "check" }, EX_USAGE, "", "which configuration? There is no sennit.toml here" },
	{ { "check", "gone.toml" }, EX_NOINPUT, "",
		"sennit: gone.toml: cannot be read: No such file or directory\n" },
	{ { "check", "--bogus" }, EX_USAGE, "", "unexpected \"--bogus\"" },
	{ { "check", "one.toml", "two.toml" }, EX_USAGE, "", "unexpected \"two.toml\"" },
	{ { "check", "--manual" }, EX_OK, ".TH ", "" },
};

static void setup(void)
{
	runner_setup();
	runner_write("wrong.toml", wrong);
	runner_write("none.toml", "");
	runner_write("one.toml", "[service.irc]\n");
	runner_write("motd.toml", "[service.irc]\n\nmotd = \"gone.txt\"\n");
	runner_write("users.toml", "[service.irc]\nauth = \"file:/nowhere/users\"\n");
	runner_write("cert.toml", "[service.irc]\nlisten = \"tls:/nowhere/certs:tcp:6697\"\n");
	runner_write("two.toml", "[service.irc]\n[service.quiet]\ntype = \"irc\"\n");
}

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

START_TEST(all_that_is_said_of_a_wrong_file)
{
	static const char *const check[] = { "check", "wrong.toml", NULL };

	ck_assert_int_eq(runner_run(check), EX_CONFIG);
	ck_assert_str_eq(runner_err(), said);
}
END_TEST

START_TEST(the_file_of_this_folder)
{
	static const char *const check[] = { "check", NULL };

	runner_write("sennit.toml", "[service.irc]\n");
	ck_assert_int_eq(runner_run(check), EX_OK);
	ck_assert_str_eq(runner_out(), "sennit.toml: fine, 1 service\n");
}
END_TEST

START_TEST(the_effective_configuration_is_one)
{
	static const char *const check[] = { "check", "two.toml", "--effective", NULL };
	static const char *const again[] = { "check", "--effective", "effective.toml", NULL };
	static char first[65536];

	ck_assert_int_eq(runner_run(check), EX_OK);
	(void)snprintf(first, sizeof(first), "%s", runner_out());
	ck_assert_ptr_nonnull(strstr(first, "[service.quiet]\n"));
	ck_assert_ptr_nonnull(strstr(first, "drain_timeout = \"5s\""));
	runner_write("effective.toml", first);
	ck_assert_int_eq(runner_run(again), EX_OK);
	ck_assert_str_eq(runner_out(), first);
}
END_TEST

Suite *sn_suite_cli_check(void);
Suite *sn_suite_cli_check(void)
{
	Suite *suite = suite_create("cli/check");
	TCase *tc = tcase_create("cli_check");

	tcase_add_checked_fixture(tc, setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, all_that_is_said_of_a_wrong_file);
	tcase_add_test(tc, the_file_of_this_folder);
	tcase_add_test(tc, the_effective_configuration_is_one);
	suite_add_tcase(suite, tc);
	return suite;
}
