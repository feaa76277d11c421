#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/cli_fixture.h"

#define LISTEN "irc --listen tcp:0:interface=127.0.0.1 "

/* SIGINT and SIGTERM both end it orderly. */
START_TEST(ends_with_a_signal)
{
	static const int signos[] = { SIGINT, SIGTERM };
	char line[200];
	const pid_t pid = cli_start(LISTEN, line, sizeof(line));

	ck_assert_ptr_eq(strstr(line, "irc: listening on 127.0.0.1:"), line);
	ck_assert_int_eq(kill(pid, signos[_i]), 0);
	ck_assert_int_eq(cli_wait(pid), EX_OK);
}
END_TEST

static bool holds(const char *path, const char *text)
{
	char content[4096];
	FILE *file = fopen(path, "r");
	size_t n;

	ck_assert_ptr_nonnull(file);
	n = fread(content, 1, sizeof(content) - 1, file);
	content[n] = '\0';
	(void)fclose(file);
	return strstr(content, text) != NULL;
}

START_TEST(logs_into_a_file)
{
	static const struct {
		const char *words, *text;
	} rows[] = {
		{ LISTEN "--log-file log", "\"event\":\"stopped\"" },
		{ LISTEN "--log-file log --log-format text", "info [sennit] stopped" },
		{ LISTEN "--log-file log --log-format json", "\"level\":\"info\"" },
	};
	char line[200];
	struct stat st;
	const pid_t pid = cli_start(rows[_i].words, line, sizeof(line));

	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(cli_wait(pid), EX_OK);
	ck_assert(holds("log", rows[_i].text));
	ck_assert_int_eq(stat("log", &st), 0);
	ck_assert_int_eq(st.st_mode & 07, 0);
}
END_TEST

static const struct cli_row refused[] = {
	{ LISTEN "--log-file none/log", EX_CANTCREAT, NULL, "cannot open log file none/log" },
	{ "irc --listen unix:none/x.sock", EX_NOINPUT, NULL, "none" },
	{ "irc --listen tcp:1:interface=192.0.2.1", EX_UNAVAILABLE, NULL, "192.0.2.1" },
};

START_TEST(refuses)
{
	cli_check_row(&refused[_i]);
}
END_TEST

Suite *sn_suite_cli_serve(void);
Suite *sn_suite_cli_serve(void)
{
	Suite *suite = suite_create("cli/cli_serve");
	TCase *tc = tcase_create("cli_serve");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, ends_with_a_signal, 0, 2);
	tcase_add_loop_test(tc, logs_into_a_file, 0, 3);
	tcase_add_loop_test(tc, refuses, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}
