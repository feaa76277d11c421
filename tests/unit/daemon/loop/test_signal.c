#include "daemon/loop/signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/daemon/loop/fixture.h"

static struct sn_signal sig;
static int counts[65];
static bool stop_in_call;

static void on_signal(struct sn_signal *s, int signo)
{
	ck_assert_ptr_eq(s, &sig);
	counts[signo]++;
	if (stop_in_call)
		sn_signal_stop(s);
}

static void setup(void)
{
	loop_setup();
	memset(counts, 0, sizeof(counts));
	sig = (struct sn_signal){ .mask = 0 };
	stop_in_call = false;
}

static bool is_blocked(int signo)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, signo) == 1;
}

static void turn_times(int count)
{
	for (int i = 0; i < count; i++)
		turn();
}

START_TEST(signals_become_events)
{
	static const int signos[] = { SIGUSR1, SIGHUP, 0 };

	ck_assert_int_eq(sn_signal_start(loop, &sig, signos, on_signal), SN_OK);
	ck_assert(is_blocked(SIGUSR1) && is_blocked(SIGHUP));
	raise(SIGUSR1);
	raise(SIGHUP);
	ck_assert_int_eq(counts[SIGUSR1] + counts[SIGHUP], 0);
	turn_times(3);
	ck_assert_int_eq(counts[SIGUSR1], 1);
	ck_assert_int_eq(counts[SIGHUP], 1);
	raise(SIGUSR1);
	turn();
	ck_assert_int_eq(counts[SIGUSR1], 2);
	sn_signal_stop(&sig);
	ck_assert(!is_blocked(SIGUSR1) && !is_blocked(SIGHUP));
	sn_signal_stop(&sig);
}
END_TEST

/* The default action of SIGUSR1 would end this process. */
START_TEST(a_signal_not_heard_yet_does_no_harm_after_stop)
{
	static const int signos[] = { SIGUSR1, 0 };

	ck_assert_int_eq(sn_signal_start(loop, &sig, signos, on_signal), SN_OK);
	raise(SIGUSR1);
	sn_signal_stop(&sig);
	turn();
	ck_assert_int_eq(counts[SIGUSR1], 0);
}
END_TEST

/* Who blocked a signal before start has reasons. */
START_TEST(what_was_blocked_before_stays_so)
{
	static const int signos[] = { SIGUSR1, SIGHUP, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_int_eq(sn_signal_start(loop, &sig, signos, on_signal), SN_OK);
	raise(SIGHUP);
	turn();
	ck_assert_int_eq(counts[SIGHUP], 1);
	sn_signal_stop(&sig);
	ck_assert(!is_blocked(SIGUSR1) && is_blocked(SIGHUP));
	ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}
END_TEST

START_TEST(stopping_in_the_call_is_final)
{
	static const int signos[] = { SIGUSR1, SIGHUP, 0 };

	stop_in_call = true;
	ck_assert_int_eq(sn_signal_start(loop, &sig, signos, on_signal), SN_OK);
	raise(SIGUSR1);
	raise(SIGHUP);
	turn_times(3);
	ck_assert_int_eq(counts[SIGUSR1] + counts[SIGHUP], 1);
	ck_assert(!is_blocked(SIGUSR1));
}
END_TEST

START_TEST(numbers_that_are_no_signals_are_refused)
{
	static const int high[] = { SIGUSR1, 65, 0 }, low[] = { -1, 0 };

	ck_assert_int_eq(sn_signal_start(loop, &sig, high, on_signal), -EINVAL);
	ck_assert_int_eq(sn_signal_start(loop, &sig, low, on_signal), -EINVAL);
	ck_assert(!is_blocked(SIGUSR1));
}
END_TEST

START_TEST(a_broken_pipe_is_an_error_only)
{
	struct sigaction before;
	int ends[2];

	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &before), 0);
	sn_signal_ignore_pipe();
	open_pipe(ends);
	close(ends[0]);
	ck_assert_int_eq(write(ends[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(ends[1]);
	sigaction(SIGPIPE, &before, NULL);
}
END_TEST

Suite *signal_suite(void);
Suite *signal_suite(void)
{
	Suite *s = suite_create("signal");
	TCase *tc = tcase_create("signal");

	tcase_add_checked_fixture(tc, setup, loop_teardown);
	tcase_add_test(tc, signals_become_events);
	tcase_add_test(tc, a_signal_not_heard_yet_does_no_harm_after_stop);
	tcase_add_test(tc, what_was_blocked_before_stays_so);
	tcase_add_test(tc, stopping_in_the_call_is_final);
	tcase_add_test(tc, numbers_that_are_no_signals_are_refused);
	tcase_add_test(tc, a_broken_pipe_is_an_error_only);
	suite_add_tcase(s, tc);
	return s;
}
