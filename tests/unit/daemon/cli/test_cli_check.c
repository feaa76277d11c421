#include "tests/unit/daemon/cli/cli_fixture.h"

static const char good[] = "[service.irc]\n"
			   "listen = \"tcp:0:interface=127.0.0.1\"\n"
			   "network = \"Knots\"\n"
			   "[service.second]\n"
			   "type = \"irc\"\n";
static const char bad[] = "[service.irc]\n"
			  "netwrk = \"x\"\n"
			  "listen = \"tcp:x\"\n";

static const struct cli_row rows[] = {
	{ "check good.toml", EX_OK, "good.toml: fine, 2 services\n", NULL },
	{ "check", EX_USAGE, NULL, "which configuration?" },
	{ "check bad.toml", EX_CONFIG, NULL,
		"bad.toml:2:1: error: unknown key \"netwrk\" in [service.irc]; did you mean "
		"\"network\"?\n"
		"  2 | netwrk = \"x\"\n"
		"    | ^~~~~~\n" },
	{ "check bad.toml", EX_CONFIG, NULL, "bad.toml:3:15: error: " },
	{ "check --effective good.toml", EX_OK, "network = \"Knots\"", NULL },
	{ "check --effective good.toml", EX_OK, "drain_timeout = \"5s\"", NULL },
	{ "check --manual", EX_OK, ".TH SENNIT.TOML 5", NULL },
	{ "check --bogus", EX_USAGE, NULL, "unexpected \"--bogus\"" },
	{ "check one two", EX_USAGE, NULL, "unexpected \"two\"" },
};
#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(runs)
{
	cli_write_file("good.toml", good);
	cli_write_file("bad.toml", bad);
	cli_check_row(&rows[_i]);
}
END_TEST

START_TEST(takes_the_file_of_this_folder)
{
	cli_write_file("sennit.toml", good);
	cli_check_row(&(struct cli_row){ "check", EX_OK, "sennit.toml: fine, 2 services", NULL });
}
END_TEST

START_TEST(effective_loads_back_to_the_same)
{
	char first[CLI_TEXT_MAX];

	cli_write_file("good.toml", good);
	(void)memcpy(first, cli_run("check --effective good.toml")->out, sizeof(first));
	cli_write_file("again.toml", first);
	ck_assert_str_eq(cli_run("check --effective again.toml")->out, first);
}
END_TEST

Suite *sn_suite_cli_check(void);
Suite *sn_suite_cli_check(void)
{
	Suite *suite = suite_create("cli/cli_check");
	TCase *tc = tcase_create("cli_check");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, runs, 0, ROW_COUNT);
	tcase_add_test(tc, takes_the_file_of_this_folder);
	tcase_add_test(tc, effective_loads_back_to_the_same);
	suite_add_tcase(suite, tc);
	return suite;
}
