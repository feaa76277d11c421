#include <sys/stat.h>

#include "tests/unit/daemon/cli/runner.h"

static void add_alice(void)
{
	static const char *const add[] = { "user", "add", "alice", "--password-file", "pw",
		"--state", "st", NULL };

	runner_write("pw", "secret\n");
	ck_assert_msg(runner_run(add) == EX_OK, "%s", runner_err());
}

START_TEST(one_line_each)
{
	static const struct runner_case cases[] = {
		{ { "export", "accounts", "--state", "st" }, EX_OK,
			"{\"name\":\"alice\",\"scram_sha_256\":\"SCRAM-SHA-256$10000:",
			"1 account exported" },
		{ { "export", "accounts", "--state", "empty" }, EX_OK, "", "0 accounts exported" },
	};

	add_alice();
	runner_check(&cases[0]);
	runner_check(&cases[1]);
}
END_TEST

START_TEST(into_a_file_of_its_own)
{
	static const char *const words[] = { "export", "accounts", "--state", "st", "--output",
		"all", NULL };
	static const struct runner_case again = {
		{ "export", "accounts", "--state", "st", "--output", "all" },
		EX_CANTCREAT,
		"",
		"cannot make all: File exists",
	};
	char path[300];
	struct stat st;

	add_alice();
	ck_assert_int_eq(runner_run(words), EX_OK);
	(void)snprintf(path, sizeof(path), "%s/all", runner_dir.path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_gt(st.st_size, 100);
	runner_check(&again);
}
END_TEST

static const struct runner_case bad[] = {
	{ { "export" }, EX_USAGE, "", "export what? sennit export accounts" },
	{ { "export", "rooms" }, EX_USAGE, "", "export what?" },
	{ { "export", "accounts", "--output", "none/x", "--state", "st" }, EX_CANTCREAT, "",
		"cannot make none/x: No such file" },
	{ { "export", "accounts", "--state", "none/st" }, EX_NOINPUT, "",
		"the folder above it does not exist" },
};

START_TEST(bad_words)
{
	runner_check(&bad[_i]);
}
END_TEST

Suite *suite_cli_export(void);
Suite *suite_cli_export(void)
{
	Suite *suite = suite_create("cli_export");
	TCase *tc = tcase_create("cli_export");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, one_line_each);
	tcase_add_test(tc, into_a_file_of_its_own);
	tcase_add_loop_test(tc, bad_words, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
