#include "tests/unit/daemon/cli/runner.h"

#define ST "--state", "st"

/* One after the other, on one database. */
static const struct runner_case story[] = {
	{ { "user", "list", ST }, EX_OK, "there are no accounts yet", "" },
	{ { "user", "add", "Alice", ST, "--password-file", "pw" }, EX_OK, "", "" },
	{ { "user", "add", "alice", ST, "--no-password" }, EX_DATAERR, "",
		"alice: there is an account of that name already" },
	{ { "user", "add", "bob", ST, "--no-password", "--roles", "ops,admin,ops" }, EX_OK, "",
		"" },
	{ { "user", "show", "bob", ST }, EX_OK, "role          ops", "" },
	{ { "user", "passwd", "bob", ST, "--password-file", "hash", "--hashed" }, EX_OK, "", "" },
	{ { "user", "show", "bob", ST }, EX_OK, "password      a crypt(3) hash", "" },
	{ { "user", "passwd", "bob", ST, "--password-file", "pw" }, EX_OK, "", "" },
	{ { "user", "show", "bob", ST }, EX_OK, "SCRAM-SHA-256 (10000 iterations), SCRAM-SHA-1",
		"" },
	{ { "user", "passwd", "bob", ST, "--no-password" }, EX_OK, "", "" },
	{ { "user", "show", "bob", ST }, EX_OK, "password      none", "" },
	{ { "user", "disable", "alice", "bob", ST }, EX_OK, "", "" },
	{ { "user", "show", "alice", ST }, EX_OK, "state         disabled", "" },
	{ { "user", "enable", "alice", "eve", "bob", ST }, EX_NOUSER, "", "eve: there is no such" },
	{ { "user", "show", "bob", ST }, EX_OK, "state         enabled", "" },
	{ { "user", "remove", "bob", ST }, EX_OK, "", "" },
	{ { "user", "remove", "bob", ST }, EX_NOUSER, "", "bob: there is no such account" },
	{ { "user", "list", ST }, EX_OK, "Alice  scram", "" },
};

START_TEST(a_story)
{
	runner_write("pw", "secret\n");
	runner_write("hash",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC."
		"5i5rd.RhAtQ7\n");
	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++)
		runner_check(&story[i]);
}
END_TEST

static const struct runner_case cases[] = {
	{ { "user" }, EX_USAGE, "", "user what? add, passwd, list" },
	{ { "user", "lsit", "x" }, EX_USAGE, "", "\"user lsit\"; did you mean \"list\"?" },
	{ { "user", "add" }, EX_USAGE, "", "which name? sennit user add NAME" },
	{ { "user", "add", "a", "secret" }, EX_USAGE, "", "which name?" },
	{ { "user", "list", "alice" }, EX_USAGE, "", "list takes no name" },
	{ { "user", "remove", ST }, EX_USAGE, "", "which account?" },
	{ { "user", "add", "a b", ST, "--no-password" }, EX_DATAERR, "", "not ' '" },
	{ { "user", "add", "a", ST, "--no-password", "--roles", "x y" }, EX_DATAERR, "",
		"a role's name" },
	{ { "user", "add", "a", ST, "--no-password", "--password-stdin" }, EX_USAGE, "",
		"goes with no other" },
	{ { "user", "add", "a", ST, "--hashed" }, EX_USAGE, "", "--hashed needs" },
	{ { "user", "add", "a", ST, "--hashed", "--password-file", "pw" }, EX_DATAERR, "",
		"neither a crypt(3) hash" },
	{ { "user", "add", "a", ST, "--password-file", "bell" }, EX_DATAERR, "",
		"a: the password is empty, or holds" },
	{ { "user", "passwd", "a", ST, "--password-file", "pw" }, EX_NOUSER, "",
		"a: there is no such account" },
	{ { "user", "show", "", ST }, EX_NOUSER, "", "there is no such account" },
	{ { "user", "--help" }, EX_OK, "Usage: sennit user VERB [NAME] [options]", "" },
};

START_TEST(words_and_answers)
{
	runner_write("pw", "secret\n");
	runner_write("bell", "\a\n");
	runner_check(&cases[_i]);
}
END_TEST

Suite *suite_cli_user(void);
Suite *suite_cli_user(void)
{
	Suite *suite = suite_create("cli_user");
	TCase *tc = tcase_create("cli_user");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, a_story);
	tcase_add_loop_test(tc, words_and_answers, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
