#include "daemon/cli/password.h"

#include "tests/unit/daemon/cli/runner.h"

START_TEST(from_files)
{
	static const struct {
		const char *text, *password;
	} rows[] = {
		{ "secret", "secret" },
		{ "secret\n", "secret" },
		{ "secret\r\n", "secret" },
		{ " secret \n\n", " secret \n" },
	};
	char path[300];
	const struct sn_cli_password from = { .file = path };
	struct sn_strbuf password;

	runner_write("password", rows[_i].text);
	(void)snprintf(path, sizeof(path), "%s/password", runner_dir.path);
	sn_strbuf_init(&password, 100);
	ck_assert_int_eq(sn_cli_password_get("hash", &from, "Password: ", &password), EX_OK);
	ck_assert_str_eq(sn_strbuf_cstr(&password), rows[_i].password);
	sn_cli_password_fini(&password);
	ck_assert_ptr_null(password.p);
}
END_TEST

static char long_text[1100];

static const struct runner_case bad[] = {
	{ { "hash", "--password-file", "none" }, EX_NOINPUT, "",
		"none: cannot be read: No such file" },
	{ { "hash", "--password-file", "." }, EX_NOINPUT, "", ".: cannot be read: Is a directory" },
	{ { "hash", "--password-file", "empty" }, EX_DATAERR, "",
		"empty: there is no password in it" },
	{ { "hash", "--password-file", "long" }, EX_DATAERR, "",
		"long: no password is longer than 1024 bytes" },
	{ { "hash", "--password-file", "x", "--password-stdin" }, EX_USAGE, "",
		"do not go together" },
	{ { "hash", "--password-stdin" }, EX_DATAERR, "",
		"standard input: there is no password in it" },
};

START_TEST(what_is_no_password)
{
	memset(long_text, 'x', sizeof(long_text) - 1);
	runner_write("empty", "\n");
	runner_write("long", long_text);
	runner_check(&bad[_i]);
}
END_TEST

Suite *suite_password(void);
Suite *suite_password(void)
{
	Suite *suite = suite_create("password");
	TCase *tc = tcase_create("password");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, from_files, 0, 4);
	tcase_add_loop_test(tc, what_is_no_password, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
