#include "daemon/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/runner.h"

static const struct runner_case cases[] = {
	{ { "--help" }, EX_OK, "Usage: sennit SERVICE [options]", "" },
	{ { "-h" }, EX_OK, "  irc        a chat server", "" },
	{ { "help" }, EX_OK, "  check      say everything", "" },
	{ { "help", "check" }, EX_OK, "Usage: sennit check", "" },
	{ { "list", "auth" }, EX_OK, "\nunix[:SERVICE]\n    Users of the machine", "" },
	{ { "--version" }, EX_OK, PACKAGE_STRING "\n", "" },
	{ { "-V" }, EX_OK, PACKAGE_STRING "\n", "" },
	{ { NULL }, EX_USAGE, "Usage: sennit SERVICE [options]", "" },
	{ { "--bogus" }, EX_USAGE, "", "sennit: unknown option --bogus\nTry `sennit --help`.\n" },
	{ { "irx" }, EX_USAGE, "",
		"sennit: there is no service or command \"irx\"; did you mean \"irc\"?\n"
		"Try `sennit --help`.\n" },
	{ { "chek" }, EX_USAGE, "", "did you mean \"check\"?" },
	{ { "quite-something-else" }, EX_USAGE, "",
		"there is no service or command \"quite-something-else\"\n" },
	{ { "" }, EX_USAGE, "", "there is no service or command \"\"" },
	{ { "check", "--help" }, EX_OK, "Usage: sennit check [--effective] [FILE]\n", "" },
	{ { "run", "file", "-h" }, EX_OK, "Usage: sennit run [--single] [FILE]\n", "" },
	{ { "list", "--help" }, EX_OK, "sennit list endpoints", "" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

/* Standard output is /dev/full. */
START_TEST(output_that_cannot_be_written)
{
	int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), full = open("/dev/full", O_WRONLY);
	char *argv[] = { (char *)"sennit", (char *)"--help", NULL };
	int code;

	(void)fflush(stdout);
	ck_assert_int_eq(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	code = sn_cli_main(2, argv);
	ck_assert_int_eq(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	close(full);
	clearerr(stdout);
	ck_assert_int_eq(code, EX_IOERR);
}
END_TEST

START_TEST(exit_codes)
{
	static const struct {
		int code, exit_code;
	} rows[] = {
		{ SN_OK, EX_OK },
		{ -EADDRINUSE, EX_UNAVAILABLE },
		{ -EADDRNOTAVAIL, EX_UNAVAILABLE },
		{ SN_EUNAVAILABLE, EX_UNAVAILABLE },
		{ -EACCES, EX_NOPERM },
		{ -EPERM, EX_NOPERM },
		{ -ENOENT, EX_NOINPUT },
		{ SN_ESYNTAX, EX_USAGE },
		{ SN_ERANGE, EX_USAGE },
		{ SN_ELIMIT, EX_USAGE },
		{ SN_ECERT, EX_CONFIG },
		{ SN_ETLS, EX_CONFIG },
		{ SN_ECONFIG, EX_CONFIG },
		{ SN_EUNKNOWN, EX_CONFIG },
		{ -EMFILE, EX_OSERR },
		{ -EIO, EX_OSERR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(sn_exit_code(rows[i].code), rows[i].exit_code);
}
END_TEST

START_TEST(help_is_wanted)
{
	static const struct {
		const char *words[4];
		bool wanted;
	} rows[] = {
		{ { "irc" }, false }, { { "irc", "--help" }, true },
		{ { "irc", "--name", "-h" }, true }, { { "irc", "--", "--help" }, false },
		{ { "--help" }, false }, /* the verb itself */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int argc = 0;

		while (argc < 4 && rows[i].words[argc] != NULL)
			argc++;
		ck_assert_int_eq(sn_cli_wants_help(argc, (char **)rows[i].words), rows[i].wanted);
	}
}
END_TEST

static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	return master;
}

START_TEST(colour_is_for_terminals)
{
	int master = open_terminal(), terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	int file = open("/dev/null", O_WRONLY);

	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(unsetenv("NO_COLOR"), 0);
	ck_assert(sn_cli_color(terminal));
	ck_assert(!sn_cli_color(file));
	ck_assert_int_eq(setenv("NO_COLOR", "", 1), 0);
	ck_assert(sn_cli_color(terminal));
	ck_assert_int_eq(setenv("NO_COLOR", "1", 1), 0);
	ck_assert(!sn_cli_color(terminal));
	close(file);
	close(terminal);
	close(master);
}
END_TEST

START_TEST(nearest_word)
{
	static const char *const names[] = { "check", "run" };
	struct sn_strbuf b;

	sn_strbuf_init(&b, 100);
	sn_cli_nearest(&b, SN_STR("chck"), names, 2);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "; did you mean \"check\"?");
	sn_strbuf_reset(&b);
	sn_cli_nearest(&b, SN_STR("zzzzzz"), names, 2);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "");
	sn_strbuf_fini(&b);
}
END_TEST

Suite *sn_suite_cli(void);
Suite *sn_suite_cli(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, output_that_cannot_be_written);
	tcase_add_test(tc, exit_codes);
	tcase_add_test(tc, help_is_wanted);
	tcase_add_test(tc, colour_is_for_terminals);
	tcase_add_test(tc, nearest_word);
	suite_add_tcase(suite, tc);
	return suite;
}
