#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/runner.h"

#define LISTEN "--listen", "tcp:0:interface=127.0.0.1"

static pid_t start(const char *option, const char *value)
{
	const char *words[] = { "irc", LISTEN, option, value, NULL };
	pid_t pid = runner_start(words, -1);

	ck_assert_int_eq(strncmp(runner_line(), "irc: listening on 127.0.0.1:", 28), 0);
	return pid;
}

static void check_end(pid_t pid, int signo)
{
	ck_assert_int_eq(kill(pid, signo), 0);
	ck_assert_int_eq(runner_wait(pid), EX_OK);
}

START_TEST(either_signal_ends_it)
{
	static const int signos[] = { SIGINT, SIGTERM };
	static const char *const names[] = { "SIGINT", "SIGTERM" };
	pid_t pid = start(NULL, NULL);

	check_end(pid, signos[_i]);
	ck_assert_ptr_nonnull(strstr(runner_err(), "\"event\":\"stopping\""));
	ck_assert_ptr_nonnull(strstr(runner_err(), names[_i]));
	ck_assert_ptr_nonnull(strstr(runner_err(), "\"event\":\"stopped\""));
}
END_TEST

static void read_until(int fd, const char *what)
{
	static char text[8192];
	size_t n = 0;

	for (;;) {
		const ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

		ck_assert_int_gt(got, 0);
		n += (size_t)got;
		text[n] = '\0';
		if (strstr(text, what) != NULL)
			return;
	}
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

START_TEST(the_second_signal_does_not_wait)
{
	pid_t pid = start("-o", "close_timeout=10m");
	int fd = runner_dial();

	say(fd, "NICK alice\r\nUSER alice 0 * :x\r\n");
	read_until(fd, " 001 alice ");
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	read_until(fd, "ERROR ");
	check_end(pid, SIGTERM);
	ck_assert_ptr_nonnull(strstr(runner_err(), "\"event\":\"stopping-now\""));
	close(fd);
}
END_TEST

static const char *log_of(const char *name)
{
	static char text[65536];
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", runner_dir.path, name);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	return text;
}

START_TEST(the_log_goes_to_its_file)
{
	runner_write("log", "older\n");
	check_end(start("--log-file", "log"), SIGTERM);
	ck_assert_str_eq(runner_err(), "");
	ck_assert_int_eq(strncmp(log_of("log"), "older\n{\"time\":", 14), 0);
	ck_assert_ptr_nonnull(strstr(log_of("log"), "\"event\":\"started\""));
}
END_TEST

START_TEST(the_log_is_not_for_everybody)
{
	struct stat st;
	char path[256];

	(void)umask(0);
	check_end(start("--log-file", "log"), SIGTERM);
	(void)snprintf(path, sizeof(path), "%s/log", runner_dir.path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(the_log_for_people)
{
	check_end(start("--log-format", "text"), SIGTERM);
	ck_assert_ptr_nonnull(strstr(runner_err(), " info [sennit] started version="));
	ck_assert_ptr_null(strchr(runner_err(), '\033'));
}
END_TEST

START_TEST(levels_are_obeyed)
{
	check_end(start("--log-level", "warn"), SIGTERM);
	ck_assert_str_eq(runner_err(), "");
}
END_TEST

START_TEST(levels_by_namespace)
{
	static const char *const run[] = { "run", "c.toml", NULL };
	pid_t pid;

	runner_write("c.toml",
		"[log]\nlevel = \"error\"\nlevels = [\"sennit=info\"]\n"
		"[service.irc]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	pid = runner_start(run, -1);
	(void)runner_line();
	check_end(pid, SIGTERM);
	ck_assert_ptr_nonnull(strstr(runner_err(), "\"event\":\"started\""));
}
END_TEST

static const struct {
	const char *log;
	int exit_code;
	const char *text;
} refused[] = {
	{ "levels = [\"net.tls\"]", EX_CONFIG,
		"c.toml:2:11: error: an entry of \"levels\" is NAMESPACE=LEVEL" },
	{ "file = \"gone/log\"", EX_CANTCREAT,
		"cannot open log file gone/log: No such file or directory" },
};

START_TEST(a_log_that_cannot_be)
{
	char toml[256];
	const struct runner_case c = { { "run", "c.toml" }, refused[_i].exit_code, "",
		refused[_i].text };

	(void)snprintf(toml, sizeof(toml), "[log]\n%s\n[service.irc]\nlisten = \"unix:s\"\n",
		refused[_i].log);
	runner_write("c.toml", toml);
	runner_check(&c);
}
END_TEST

START_TEST(on_stdio_nothing_but_the_protocol)
{
	static const char *const irc[] = { "irc", "--listen", "stdio:", NULL };
	int in[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	pid = runner_start(irc, in[0]);
	close(in[0]);
	say(in[1], "PING :x\r\n");
	ck_assert_ptr_nonnull(strstr(runner_line(), "PONG"));
	ck_assert_int_eq(shutdown(in[1], SHUT_WR), 0);
	ck_assert_int_eq(runner_wait(pid), EX_OK);
	close(in[1]);
	ck_assert_ptr_nonnull(
		strstr(runner_err(), "irc: listening on standard input and output\n"));
}
END_TEST

Suite *sn_suite_cli_serve(void);
Suite *sn_suite_cli_serve(void)
{
	Suite *suite = suite_create("cli/serve");
	TCase *tc = tcase_create("cli_serve");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, either_signal_ends_it, 0, 2);
	tcase_add_test(tc, the_second_signal_does_not_wait);
	tcase_add_test(tc, the_log_goes_to_its_file);
	tcase_add_test(tc, the_log_is_not_for_everybody);
	tcase_add_test(tc, the_log_for_people);
	tcase_add_test(tc, levels_are_obeyed);
	tcase_add_test(tc, levels_by_namespace);
	tcase_add_loop_test(
		tc, a_log_that_cannot_be, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(tc, on_stdio_nothing_but_the_protocol);
	suite_add_tcase(suite, tc);
	return suite;
}
