#include "daemon/cli/accounts_open.h"

#include <sys/stat.h>

#include "tests/unit/daemon/cli/runner.h"

#define ADD "user", "add", "alice", "--no-password"

static void run_fine(const char *const *words)
{
	ck_assert_msg(runner_run(words) == EX_OK, "%s", runner_err());
}

static bool has_alice(const char *option, const char *value)
{
	const char *const words[] = { "user", "show", "alice", option, value, NULL };

	return runner_run(words) == EX_OK;
}

START_TEST(by_option)
{
	static const char *const state[] = { ADD, "--state", "st", NULL };
	static const char *const store[] = { ADD, "--store", "sqlite:other.db", NULL };

	run_fine(state);
	ck_assert(has_alice("--state", "st"));
	ck_assert(has_alice("--store", "sqlite:st/sennit.db"));
	ck_assert(!has_alice("--store", "sqlite:other.db"));
	run_fine(store);
	ck_assert(has_alice("--store", "sqlite:other.db"));
}
END_TEST

START_TEST(by_configuration)
{
	static const char *const there[] = { ADD, NULL };

	runner_write("sennit.toml", "[server]\nstate = \"from-here\"\n[service.irc]\n");
	runner_write("db.toml", "[server]\nstore = \"sqlite:there.db\"\n[service.irc]\n");
	run_fine(there);
	ck_assert(has_alice("--state", "from-here"));
	ck_assert(!has_alice("--config", "db.toml"));
	ck_assert(!has_alice("--state", "elsewhere"));
}
END_TEST

START_TEST(the_database_is_for_its_owner)
{
	static const char *const words[] = { ADD, "--state", "st", NULL };
	char path[300];
	struct stat st;

	run_fine(words);
	(void)snprintf(path, sizeof(path), "%s/st/sennit.db", runner_dir.path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

static const struct runner_case bad[] = {
	{ { ADD, "--config", "none.toml" }, EX_NOINPUT, "", "none.toml: cannot be read" },
	{ { ADD, "--config", "bad.toml" }, EX_CONFIG, "",
		"unknown key \"stat\" in [server]; did you mean \"state\"?" },
	{ { ADD, "--config", "memory.toml" }, EX_CONFIG, "", "memory.toml: says ephemeral = true" },
	{ { ADD, "--state", "none/st" }, EX_NOINPUT, "", "the folder above it does not exist" },
	{ { ADD, "--state", "bad.toml" }, EX_OSERR, "", "cannot be used: Not a directory" },
	{ { ADD, "--state", "open" }, EX_NOPERM, "", "others may write in the state directory" },
	{ { ADD, "--store", "sqlite:bad.toml" }, EX_CONFIG, "", "bad.toml" },
	{ { ADD, "--store", "mysql://db" }, EX_CONFIG, "", "mysql" },
};

START_TEST(clear_errors)
{
	char path[300];

	runner_write("bad.toml", "[server]\nstat = \"x\"\n[service.irc]\n");
	runner_write("memory.toml", "[server]\nephemeral = true\n[service.irc]\n");
	(void)snprintf(path, sizeof(path), "%s/open", runner_dir.path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0777), 0);
	runner_check(&bad[_i]);
}
END_TEST

START_TEST(codes)
{
	static const struct {
		int code, exit;
	} rows[] = {
		{ SN_OK, EX_OK },
		{ SN_ENOTFOUND, EX_NOUSER },
		{ SN_EDUPLICATE, EX_DATAERR },
		{ SN_EBUSY, EX_TEMPFAIL },
		{ SN_EUNAVAILABLE, EX_UNAVAILABLE },
		{ -13, EX_NOPERM },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(sn_cli_accounts_say("alice", rows[i].code), rows[i].exit);
}
END_TEST

Suite *suite_accounts_open(void);
Suite *suite_accounts_open(void)
{
	Suite *suite = suite_create("accounts_open");
	TCase *tc = tcase_create("accounts_open");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, by_option);
	tcase_add_test(tc, by_configuration);
	tcase_add_test(tc, the_database_is_for_its_owner);
	tcase_add_loop_test(tc, clear_errors, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, codes);
	suite_add_tcase(suite, tc);
	return suite;
}
