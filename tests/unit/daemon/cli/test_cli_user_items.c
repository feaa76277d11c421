#include "tests/unit/daemon/cli/runner.h"

#define ST "--state", "st"
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHAgtxIshx6Q6emnTlOfxpYXpSyVhb2RMXgansClfOme"
#define FINGERPRINT "SHA256:YBxbJb9PNdCpIT2iy/hI/NcG5Dpn3MDCU8/6Cp3UFEY"
#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct runner_case story[] = {
	{ { "user", "add", "alice", ST, "--no-password" }, EX_OK, "", "" },
	{ { "user", "key", "alice", ST }, EX_OK, "alice has no keys\n", "" },
	{ { "user", "key", "alice", "add", "key.pub", ST }, EX_OK, "", "" },
	{ { "user", "key", "alice", ST }, EX_OK, FINGERPRINT "  laptop\n", "" },
	{ { "user", "key", "alice", "add", "no-pty " KEY, ST }, EX_DATAERR, "",
		"alice: this key is there already" },
	{ { "user", "key", "alice", "remove", FINGERPRINT, ST }, EX_OK, "", "" },
	{ { "user", "key", "alice", "add", "no-pty " KEY, ST, "--label", "work" }, EX_OK, "", "" },
	{ { "user", "show", "alice", ST }, EX_OK, "key           no-pty ssh-ed25519", "" },
	{ { "user", "key", "alice", "remove", "work", ST }, EX_OK, "", "" },
	{ { "user", "key", "alice", "remove", "work", ST }, EX_NOUSER, "",
		"alice: there is no such account, or no such key" },
	{ { "user", "role", "alice", "add", "ops", ST }, EX_OK, "", "" },
	{ { "user", "role", "alice", "add", "ops", ST }, EX_OK, "", "" },
	{ { "user", "role", "alice", ST }, EX_OK, "ROLE\nops\n", "" },
	{ { "user", "role", "alice", "remove", "ops", ST }, EX_OK, "", "" },
	{ { "user", "cert", "alice", "add", ABC_SHA256, ST, "--label", "card" }, EX_OK, "", "" },
	{ { "user", "cert", "alice", ST }, EX_OK, ABC_SHA256 "  card\n", "" },
	{ { "user", "token", "alice", "add", ST, "--label", "phone", "--expires", "2200-01-01" },
		EX_OK, "sn_", "Its label is \"phone\"" },
	{ { "user", "token", "alice", ST }, EX_OK, "phone  2200-01-01T00:00:00Z  never", "" },
	{ { "user", "token", "alice", "remove", "phone", ST }, EX_OK, "", "" },
	{ { "user", "token", "alice", "add", ST, "--expires", "90d" }, EX_OK, "sn_", "token-" },
	{ { "user", "role", "bob", "add", "ops", ST }, EX_NOUSER, "", "bob: there is no such" },
};

START_TEST(a_story)
{
	runner_write("key.pub", "# mine\n\n" KEY " laptop\n");
	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++)
		runner_check(&story[i]);
}
END_TEST

static const struct runner_case cases[] = {
	{ { "user", "key", "alice", "ad", "x" }, EX_USAGE, "",
		"user key NAME [add VALUE | remove" },
	{ { "user", "key", "alice", "add" }, EX_USAGE, "", "user key NAME [add VALUE | remove" },
	{ { "user", "token", "alice", "add", "sn_x" }, EX_USAGE, "", "token NAME [add | remove" },
	{ { "user", "cert", "alice", "remove" }, EX_USAGE, "", "user cert NAME" },
	{ { "user", "key", "alice", "add", "none", ST }, EX_NOINPUT, "", "none: cannot be read" },
	{ { "user", "key", "alice", "add", "two", ST }, EX_DATAERR, "",
		"two: is no file with one public key" },
	{ { "user", "key", "alice", "add", "private", ST }, EX_DATAERR, "",
		"is no file with one public key" },
	{ { "user", "key", "alice", "add", "ssh-rsa AAAA", ST }, EX_DATAERR, "", "no whole key" },
	{ { "user", "cert", "alice", "add", "abc", ST }, EX_DATAERR, "", "64 hexadecimal digits" },
	{ { "user", "role", "alice", "add", "a b", ST }, EX_DATAERR, "", "a role's name" },
	{ { "user", "token", "alice", "add", ST, "--expires", "soon" }, EX_USAGE, "",
		"--expires needs a duration such as 90d" },
	{ { "user", "token", "alice", "add", ST, "--expires", "2020-01-01" }, EX_USAGE, "",
		"is past" },
	{ { "user", "token", "alice", "add", ST, "--label", "a\nb" }, EX_DATAERR, "", "printable" },
};

START_TEST(words_and_answers)
{
	runner_write("two", KEY "\n" KEY " again\n");
	runner_write("private", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END-----\n");
	runner_check(&cases[_i]);
}
END_TEST

Suite *suite_cli_user_items(void);
Suite *suite_cli_user_items(void)
{
	Suite *suite = suite_create("cli_user_items");
	TCase *tc = tcase_create("cli_user_items");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, a_story);
	tcase_add_loop_test(tc, words_and_answers, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
