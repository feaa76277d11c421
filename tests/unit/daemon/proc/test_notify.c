#include "daemon/proc/notify.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static struct sn_notify notify;
static int manager; /* the socket that NOTIFY_SOCKET names */
static char text[1024];

static void setup(void)
{
	char name[64];
	struct sn_addr addr;

	(void)snprintf(name, sizeof(name), "@sennit-notify-test-%d", getpid());
	ck_assert_int_eq(sn_addr_unix(sn_str(name), &addr), SN_OK);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(manager, &addr.sa, addr.len), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
}

static void teardown(void)
{
	sn_notify_stop(&notify);
	sn_loop_free(&loop);
	close(manager);
}

static bool heard(void)
{
	const ssize_t n = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

START_TEST(lines_arrive)
{
	sn_notify_start(&notify, loop);
	sn_notify_send(&notify, "READY=1\nSTATUS=%d of %d", 2, 3);
	ck_assert(heard());
	ck_assert_str_eq(text, "READY=1\nSTATUS=2 of 3");
	sn_notify_reloading(&notify, 1234567);
	ck_assert(heard());
	ck_assert_str_eq(text, "RELOADING=1\nMONOTONIC_USEC=1234\nSTATUS=Reloading");
	sn_loop_turn(loop, 0);
	ck_assert(!heard());
}
END_TEST

START_TEST(the_watchdog_is_fed_twice_as_often_as_it_asks)
{
	int64_t before;

	ck_assert_int_eq(setenv("WATCHDOG_USEC", "40000", 1), 0);
	before = sn_clock_mono(&sn_clock_system);
	sn_notify_start(&notify, loop);
	for (int i = 0; i < 3; i++) {
		sn_test_turn_until(loop, heard());
		ck_assert_str_eq(text, "WATCHDOG=1");
	}
	ck_assert_int_ge(sn_clock_mono(&sn_clock_system) - before, SN_MS(60));
}
END_TEST

START_TEST(a_watchdog_of_another_process_is_not_ours)
{
	ck_assert_int_eq(setenv("WATCHDOG_USEC", "1000", 1), 0);
	ck_assert_int_eq(setenv("WATCHDOG_PID", "1", 1), 0);
	sn_notify_start(&notify, loop);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

static const char *const useless[] = { "", "relative", "vsock:1:2",
	("/a/path/that/is/much/longer/than/an/address/of/a/unix/socket/can/be/"
	 "a/path/that/is/much/longer/than/an/address/of/a/unix/socket/can/be") };

START_TEST(without_a_good_name_nothing_is_sent)
{
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", useless[_i], 1), 0);
	sn_notify_start(&notify, loop);
	ck_assert_int_eq(notify.fd, -1);
	sn_notify_send(&notify, "READY=1");
}
END_TEST

START_TEST(a_manager_that_is_gone_is_no_error)
{
	sn_notify_start(&notify, loop);
	close(manager);
	manager = -1;
	sn_notify_send(&notify, "READY=1");
}
END_TEST

START_TEST(children_do_not_get_the_names)
{
	ck_assert(sn_notify_is_ours("NOTIFY_SOCKET=/run/x"));
	ck_assert(sn_notify_is_ours("WATCHDOG_USEC=1"));
	ck_assert(sn_notify_is_ours("WATCHDOG_PID=1"));
	ck_assert(!sn_notify_is_ours("NOTIFY_SOCKETS=1"));
	ck_assert(!sn_notify_is_ours("PATH=/bin"));
}
END_TEST

Suite *notify_suite(void);
Suite *notify_suite(void)
{
	Suite *s = suite_create("proc/notify");
	TCase *tc = tcase_create("notify");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, lines_arrive);
	tcase_add_test(tc, the_watchdog_is_fed_twice_as_often_as_it_asks);
	tcase_add_test(tc, a_watchdog_of_another_process_is_not_ours);
	tcase_add_loop_test(tc, without_a_good_name_nothing_is_sent, 0, 4);
	tcase_add_test(tc, a_manager_that_is_gone_is_no_error);
	tcase_add_test(tc, children_do_not_get_the_names);
	suite_add_tcase(s, tc);
	return s;
}
