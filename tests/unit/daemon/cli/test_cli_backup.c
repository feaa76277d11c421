#include <sys/stat.h>

#include "tests/unit/daemon/cli/runner.h"

static void add_alice(void)
{
	static const char *const add[] = { "user", "add", "alice", "--password-file", "pw",
		"--state", "st", NULL };

	runner_write("pw", "secret\n");
	ck_assert_msg(runner_run(add) == EX_OK, "%s", runner_err());
}

START_TEST(a_copy_is_a_database_with_all_in_it)
{
	static const struct runner_case cases[] = {
		{ { "backup", "copy.db", "--state", "st" }, EX_OK, "", "copy.db made" },
		{ { "user", "list", "--store", "sqlite:copy.db" }, EX_OK, "alice", "" },
		{ { "backup", "copy.db", "--state", "st" }, EX_CANTCREAT, "", "copy.db" },
	};
	char path[300];
	struct stat st;

	add_alice();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		runner_check(&cases[i]);
	(void)snprintf(path, sizeof(path), "%s/copy.db", runner_dir.path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

static const struct runner_case bad[] = {
	{ { "backup" }, EX_USAGE, "", "backup into which file?" },
	{ { "backup", "a", "b" }, EX_USAGE, "", "backup into which file?" },
	{ { "backup", "none/x.db", "--state", "st" }, EX_CANTCREAT, "", "none/x.db" },
	{ { "backup", "x.db", "--store", "sqlite::memory:" }, EX_UNAVAILABLE, "", "memory" },
};

START_TEST(what_goes_wrong)
{
	runner_check(&bad[_i]);
}
END_TEST

Suite *sn_suite_cli_backup(void);
Suite *sn_suite_cli_backup(void)
{
	Suite *suite = suite_create("cli/backup");
	TCase *tc = tcase_create("backup");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, a_copy_is_a_database_with_all_in_it);
	tcase_add_loop_test(tc, what_goes_wrong, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
