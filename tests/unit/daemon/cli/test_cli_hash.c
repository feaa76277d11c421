#include "daemon/auth/accounts.h"
#include "tests/unit/daemon/cli/runner.h"

START_TEST(methods)
{
	static const struct {
		const char *method, *begins;
	} rows[] = {
		{ "scram-sha-256", "SCRAM-SHA-256$10000:" },
		{ "scram-sha-1", "SCRAM-SHA-1$10000:" },
		{ "yescrypt", "$y$" },
		{ "bcrypt", "$2b$10$" },
		{ "sha512", "$6$rounds=65536$" },
	};
	const char *const words[] = { "hash", "--method", rows[_i].method, "--password-file", "pw",
		NULL };
	struct sn_str line;

	runner_write("pw", "secret\n");
	ck_assert_msg(runner_run(words) == EX_OK, "%s", runner_err());
	line = sn_str_trim(sn_str(runner_out()));
	ck_assert_msg(sn_str_starts(line, sn_str(rows[_i].begins)), "%s", runner_out());
	ck_assert_int_eq(sn_account_hash_check(line, NULL), SN_OK);
}
END_TEST

static const struct runner_case cases[] = {
	{ { "hash", "--password-file", "pw" }, EX_OK, "SCRAM-SHA-256$10000:", "" },
	{ { "hash", "--password-file", "bell" }, EX_DATAERR, "", "control characters" },
	{ { "hash", "secret" }, EX_USAGE, "", "could be read by all" },
	{ { "hash", "--method", "yescript" }, EX_USAGE, "", "did you mean \"yescrypt\"?" },
	{ { "hash", "--help" }, EX_OK, "Usage: sennit hash [--method NAME]", "" },
};

START_TEST(words_and_answers)
{
	runner_write("pw", "secret\n");
	runner_write("bell", "\a\n");
	runner_check(&cases[_i]);
}
END_TEST

Suite *suite_cli_hash(void);
Suite *suite_cli_hash(void)
{
	Suite *suite = suite_create("cli_hash");
	TCase *tc = tcase_create("cli_hash");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, methods, 0, 5);
	tcase_add_loop_test(tc, words_and_answers, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
