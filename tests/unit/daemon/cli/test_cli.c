#include "tests/unit/daemon/cli/cli_fixture.h"

#include <errno.h>

static const struct cli_row rows[] = {
	{ "", EX_USAGE, "Usage: sennit SERVICE", NULL },
	{ "--help", EX_OK, "Services:\n  irc ", NULL },
	{ "-h", EX_OK, "Commands:\n  run ", NULL },
	{ "help", EX_OK, "Examples:", NULL },
	{ "--version", EX_OK, PACKAGE_STRING, NULL },
	{ "-V", EX_OK, PACKAGE_VERSION, NULL },
	{ "--bogus", EX_USAGE, NULL, "sennit: unknown option --bogus\nTry `sennit --help`." },
	{ "ric", EX_USAGE, NULL, "there is no service or command \"ric\"; did you mean \"irc\"?" },
	{ "chek", EX_USAGE, NULL, "did you mean \"check\"?" },
	{ "zzzzzz", EX_USAGE, NULL, "there is no service or command \"zzzzzz\"\n" },
	{ "run --help", EX_OK, "Usage: sennit run [FILE]", NULL },
	{ "check -h", EX_OK, "--effective", NULL },
	{ "list --help", EX_OK, "Usage: sennit list modules|endpoints|auth", NULL },
};
#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(verbs)
{
	cli_check_row(&rows[_i]);
}
END_TEST

START_TEST(exit_codes)
{
	static const struct {
		int code, exit_code;
	} codes[] = {
		{ SN_OK, EX_OK },
		{ -EADDRINUSE, EX_UNAVAILABLE },
		{ -EADDRNOTAVAIL, EX_UNAVAILABLE },
		{ -EACCES, EX_NOPERM },
		{ -EPERM, EX_NOPERM },
		{ -ENOENT, EX_NOINPUT },
		{ -EMFILE, EX_OSERR },
		{ SN_ECONFIG, EX_CONFIG },
		{ SN_ECERT, EX_CONFIG },
		{ SN_ETLS, EX_CONFIG },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		ck_assert_int_eq(sn_cli_exit_code(codes[i].code), codes[i].exit_code);
}
END_TEST

Suite *sn_suite_cli(void);
Suite *sn_suite_cli(void)
{
	Suite *suite = suite_create("cli/cli");
	TCase *tc = tcase_create("cli");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, verbs, 0, ROW_COUNT);
	tcase_add_test(tc, exit_codes);
	suite_add_tcase(suite, tc);
	return suite;
}
