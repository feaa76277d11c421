#include "daemon/proc/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/loop/timer.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static int report;
static char text[16384];

static void setup(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	report = memfd_create("report", MFD_CLOEXEC);
}

static void teardown(void)
{
	sn_loop_free(&loop);
	close(report);
}

static const char *reported(void)
{
	const ssize_t n = pread(report, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int64_t cpu_used(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	return ts.tv_sec * SN_SEC(1) + ts.tv_nsec;
}

static void burn(int64_t ns)
{
	const int64_t until = cpu_used() + ns;

	while (cpu_used() < until)
		;
}

static int64_t load;

static void on_turn(struct sn_task *task)
{
	(void)task;
	burn(load);
}

static void turn_with(int64_t cpu)
{
	struct sn_task task = { .fn = on_turn };

	load = cpu;
	sn_loop_defer(loop, &task);
	sn_loop_turn(loop, 0);
}

static size_t count(const char *word)
{
	size_t n = 0;

	for (const char *at = strstr(reported(), word); at != NULL; at = strstr(at + 1, word))
		n++;
	return n;
}

START_TEST(a_slow_turn_is_reported_once_with_its_place)
{
	ck_assert_int_eq(sn_watchdog_start(loop, SN_MS(40), report), SN_OK);
	turn_with(SN_MS(150));
	ck_assert_uint_eq(sn_watchdog_stats().slow_turns, 1);
	ck_assert_int_ge(sn_watchdog_stats().longest, SN_MS(100));
	ck_assert_uint_eq(count("slow turn of the loop"), 1);
	ck_assert_uint_gt(count("\n"), 3);
	turn_with(SN_MS(150));
	ck_assert_uint_eq(count("slow turn of the loop"), 2);
	sn_watchdog_stop();
}
END_TEST

START_TEST(many_short_turns_are_none)
{
	ck_assert_int_eq(sn_watchdog_start(loop, SN_MS(40), report), SN_OK);
	for (int i = 0; i < 40; i++)
		turn_with(SN_MS(5));
	sn_watchdog_stop();
	ck_assert_uint_eq(sn_watchdog_stats().slow_turns, 0);
	ck_assert_str_eq(reported(), "");
}
END_TEST

START_TEST(stopped_it_says_nothing)
{
	ck_assert_int_eq(sn_watchdog_start(loop, SN_MS(40), report), SN_OK);
	sn_watchdog_stop();
	sn_watchdog_stop();
	turn_with(SN_MS(100));
	ck_assert_str_eq(reported(), "");
}
END_TEST

static const struct {
	int signo;
	const char *words;
} crashes[] = {
	{ SIGSEGV, "ended by SIGSEGV" },
	{ SIGABRT, "ended by SIGABRT" },
	{ SIGSYS, "ended by SIGSYS, system call" },
	{ SIGFPE, "ended by SIGFPE" },
};

START_TEST(a_crash_says_where_and_ends_the_process)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		/* As in a program without a sanitizer's own handlers. */
		(void)signal(crashes[_i].signo, SIG_DFL);
		sn_watchdog_catch_crashes(report);
		(void)raise(crashes[_i].signo);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), crashes[_i].signo);
	ck_assert_msg(strstr(reported(), crashes[_i].words) != NULL, "%s", text);
	ck_assert_uint_gt(count("\n"), 3);
}
END_TEST

static void on_signal_of_theirs(int signo)
{
	_exit(signo);
}

START_TEST(a_handler_that_is_there_stays)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGSEGV, on_signal_of_theirs);
		sn_watchdog_catch_crashes(report);
		(void)raise(SIGSEGV);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == SIGSEGV);
	ck_assert_str_eq(reported(), "");
}
END_TEST

Suite *watchdog_suite(void);
Suite *watchdog_suite(void)
{
	Suite *s = suite_create("proc/watchdog");
	TCase *tc = tcase_create("watchdog");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	/* Its CPU time is not the program's. */
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, a_slow_turn_is_reported_once_with_its_place);
	tcase_add_test(tc, many_short_turns_are_none);
	tcase_add_test(tc, stopped_it_says_nothing);
	tcase_add_loop_test(tc, a_crash_says_where_and_ends_the_process, 0, 4);
	tcase_add_test(tc, a_handler_that_is_there_stays);
	suite_add_tcase(s, tc);
	return s;
}
