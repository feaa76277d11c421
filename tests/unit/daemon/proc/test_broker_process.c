#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/broker_wire.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/broker_rig.h"

static unsigned lost;

static void on_lost(struct sn_broker *broker, void *owner)
{
	(void)broker;
	(void)owner;
	lost++;
}

static pid_t find_child(void)
{
	char text[64] = "";
	FILE *file = fopen("/proc/thread-self/children", "r");

	ck_assert_ptr_nonnull(file);
	(void)!fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

START_TEST(serves_and_ends)
{
	struct heard heard = { .kind = HEARD_PASSWD };
	pid_t pid;

	machine_start_broker(NULL);
	pid = find_child();
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(hear_now(&heard, sn_broker_lookup(worker, SN_STR("root"), 0)), SN_OK);
	ck_assert_uint_eq(heard.passwd.uid, 0);
	sn_broker_process_stop(&broker_process);
	sn_test_turn_until(loop, kill(pid, 0) != 0);
	machine_stop_broker();
}
END_TEST

START_TEST(its_death_is_told)
{
	struct heard heard = { .kind = HEARD_PASSWD };

	machine_start_broker(NULL);
	lost = 0;
	sn_broker_on_lost(sn_broker_process_client(broker_process), on_lost, NULL);
	ck_assert_int_eq(hear_now(&heard, sn_broker_lookup(worker, SN_STR("root"), 0)), SN_OK);
	ck_assert_int_eq(kill(find_child(), SIGKILL), 0);
	sn_test_turn_until(loop, lost == 1);
	ck_assert_int_eq(
		hear_now(&heard, sn_broker_lookup(worker, SN_STR("root"), 0)), SN_EUNAVAILABLE);
	machine_stop_broker();
}
END_TEST

/* What an operator sends to the whole group is the supervisor's business. */
START_TEST(signals_do_not_end_it)
{
	struct heard heard = { .kind = HEARD_PASSWD };

	machine_start_broker(NULL);
	ck_assert_int_eq(hear_now(&heard, sn_broker_lookup(worker, SN_STR("root"), 0)), SN_OK);
	ck_assert_int_eq(kill(find_child(), SIGTERM), 0);
	ck_assert_int_eq(kill(find_child(), SIGINT), 0);
	ck_assert_int_eq(hear_now(&heard, sn_broker_lookup(worker, SN_STR("root"), 0)), SN_OK);
	machine_stop_broker();
}
END_TEST

/* Until it has heard of a layout. */
START_TEST(at_first_next_to_nothing_is_allowed)
{
	static const char *const argv[] = { "/bin/true", NULL };
	struct heard heard = { .kind = HEARD_SPAWNED };
	struct sn_layout_listener listener = { .socktype = SOCK_STREAM };
	struct heard bound = { .kind = HEARD_BOUND };

	machine_start_broker(NULL);
	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 0, &listener.addr), SN_OK);
	ck_assert_int_eq(
		hear_now(&bound,
			sn_broker_bind(sn_broker_process_client(broker_process), &listener)),
		SN_EDENIED);
	ck_assert_int_eq(
		hear_now(&heard,
			sn_broker_spawn(worker,
				&(struct sn_spawn){ .user = SN_STR("nobody"), .argv = argv })),
		SN_EDENIED);
	machine_stop_broker();
}
END_TEST

Suite *broker_process_suite(void);

Suite *broker_process_suite(void)
{
	Suite *suite = suite_create("broker_process");
	TCase *tc = tcase_create("broker_process");

	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, serves_and_ends);
	tcase_add_test(tc, its_death_is_told);
	tcase_add_test(tc, signals_do_not_end_it);
	tcase_add_test(tc, at_first_next_to_nothing_is_allowed);
	suite_add_tcase(suite, tc);
	return suite;
}
