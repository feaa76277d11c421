#include <signal.h>

#include "tests/unit/daemon/cli/cli_fixture.h"

static const struct cli_row rows[] = {
	{ "irc --help", EX_OK, "Usage: sennit irc [options]", NULL },
	{ "irc --help", EX_OK, "--listen EP ...", NULL },
	{ "irc --help", EX_OK, "Without --listen: tcp:6667:interface=127.0.0.1\n", NULL },
	{ "irc --help", EX_OK, "Examples:\n  sennit irc\n", NULL },
	{ "irc --lisen tcp:1", EX_USAGE, NULL, "unknown option --lisen; did you mean --listen?" },
	{ "irc --zzzzzz", EX_USAGE, NULL, "unknown option --zzzzzz\n" },
	{ "irc --listen", EX_USAGE, NULL, "--listen needs EP" },
	{ "irc word", EX_USAGE, NULL, "unexpected \"word\"" },
	{ "irc --", EX_USAGE, NULL, "unexpected \"--\"" },
	{ "irc -o", EX_USAGE, NULL, "-o needs KEY=VALUE" },
	{ "irc -o =x", EX_USAGE, NULL, "-o needs KEY=VALUE" },
	{ "irc -o flod_burst=1", EX_USAGE, NULL, "did you mean \"flood_burst\"?" },
	{ "irc -o flood_burst=0", EX_USAGE, NULL, "-o flood_burst: error: " },
	{ "irc --listen=tcp:x", EX_USAGE, NULL,
		"--listen: error: tcp: port: 'x' is not an integer\n"
		"    tcp:x\n"
		"        ^\n" },
	{ "irc --listen tcp:x --listen nope:1", EX_USAGE, NULL, "'nope'" },
	{ "irc --log-level loud", EX_USAGE, NULL, "--log-level: error: " },
};
#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(words)
{
	cli_check_row(&rows[_i]);
}
END_TEST

/* Options in both spellings, given more than once, and -o, all reach the service. */
START_TEST(options_arrive)
{
	char line[200];
	const pid_t pid = cli_start("irc --listen=unix:one.sock --listen unix:two.sock --open "
				    "--auth memory:a:b --name=Knots -o flood_burst=7",
		line, sizeof(line));

	ck_assert_ptr_nonnull(strstr(line, "one.sock"));
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(cli_wait(pid), EX_OK);
}
END_TEST

START_TEST(every_option_is_in_the_help)
{
	const char *out = cli_run("irc --help")->out;
	const struct sn_service *service;

	sn_cli_register();
	service = sn_registry_find(SN_STR("irc"));
	ck_assert_ptr_nonnull(service);
	for (size_t i = 0; i < service->conf->count; i++) {
		char option[64];

		if (service->conf->items[i].option == NULL)
			continue;
		(void)snprintf(option, sizeof(option), "  --%s", service->conf->items[i].option);
		ck_assert_msg(strstr(out, option) != NULL, "no %s", option);
	}
}
END_TEST

Suite *sn_suite_cli_service(void);
Suite *sn_suite_cli_service(void)
{
	Suite *suite = suite_create("cli/cli_service");
	TCase *tc = tcase_create("cli_service");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words, 0, ROW_COUNT);
	tcase_add_test(tc, options_arrive);
	tcase_add_test(tc, every_option_is_in_the_help);
	suite_add_tcase(suite, tc);
	return suite;
}
