/* What a client sees of questions that are answered late, never or not at all: the broker's end of
 * the channel is the test's. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/proc/broker_wire.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/broker_rig.h"

static struct sn_ipc server;
static struct sn_broker *client;
static struct {
	unsigned count;
	enum sn_ipc_type type;
	uint32_t serial, value;
} seen;
static unsigned lost;

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	(void)ipc;
	seen.count++;
	seen.type = message->type;
	if (message->serial != 0)
		seen.serial = message->serial;
	if (message->type == SN_IPC_CANCEL)
		seen.value = sn_read_u32(&message->body);
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)ipc;
	(void)code;
}

static void on_lost(struct sn_broker *broker, void *owner)
{
	ck_assert_ptr_eq(broker, client);
	ck_assert_ptr_eq(owner, &lost);
	lost++;
}

static void setup(void)
{
	static const struct sn_ipc_ops ops = { .on_message = on_message, .on_closed = on_closed };
	int fds[2];

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&server, loop, fds[0], SN_IPC_BROKER, SN_IPC_WORKER, &ops), SN_OK);
	ck_assert_int_eq(sn_broker_connect(loop, fds[1], SN_IPC_WORKER, &client), SN_OK);
	sn_broker_on_lost(client, on_lost, &lost);
	memset(&seen, 0, sizeof(seen));
	lost = 0;
}

static void teardown(void)
{
	sn_broker_disconnect(&client);
	sn_ipc_stop(&server);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
}

static void wait_for(unsigned count)
{
	sn_test_turn_until(loop, seen.count >= count);
}

static void answer(enum sn_ipc_type type, uint32_t a, uint32_t b, const int *fds, size_t fd_count)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, a);
	sn_write_u32(&w, b);
	sn_ipc_send(&server, type, seen.serial, sn_writer_str(&w), fds, fd_count);
}

static struct sn_promise *look_up(void)
{
	return sn_broker_lookup(client, SN_STR("alice"), 0);
}

START_TEST(a_lost_broker_fails_all)
{
	struct heard first = { .kind = HEARD_PASSWD }, second = { .kind = HEARD_PASSWD };

	hear(&first, look_up());
	hear(&second, look_up());
	wait_for(2);
	sn_ipc_stop(&server);
	sn_test_turn_until(loop, first.done && second.done);
	ck_assert_int_eq(first.code, SN_EUNAVAILABLE);
	ck_assert_int_eq(second.code, SN_EUNAVAILABLE);
	ck_assert_uint_eq(lost, 1);
	ck_assert_int_eq(hear_now(&first, look_up()), SN_EUNAVAILABLE);
}
END_TEST

START_TEST(disconnecting_fails_all_and_tells_nobody)
{
	struct heard heard = { .kind = HEARD_PASSWD };

	hear(&heard, look_up());
	sn_broker_disconnect(&client);
	ck_assert_ptr_null(client);
	sn_test_turn_until(loop, heard.done);
	ck_assert_int_eq(heard.code, SN_EUNAVAILABLE);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

START_TEST(canceling_tells_the_broker)
{
	struct heard heard = { .kind = HEARD_PASSWD };
	uint32_t serial;

	hear(&heard, look_up());
	wait_for(1);
	serial = seen.serial;
	sn_waiter_cancel(&heard.waiter);
	wait_for(2);
	ck_assert_int_eq(seen.type, SN_IPC_CANCEL);
	ck_assert_uint_eq(seen.value, serial);
	answer(SN_IPC_RESULT, SN_OK, 0, NULL, 0); /* too late: for nobody */
	sn_loop_turn(loop, 0);
	ck_assert(!heard.done && lost == 0);
}
END_TEST

START_TEST(an_answer_in_pieces_is_a_violation)
{
	struct heard heard = { .kind = HEARD_PASSWD };

	hear(&heard, look_up());
	wait_for(1);
	answer(SN_IPC_RESULT, SN_OK, 7, NULL, 0); /* a uid, and nothing more */
	sn_test_turn_until(loop, heard.done);
	ck_assert_int_eq(heard.code, SN_EPROTO);
}
END_TEST

START_TEST(what_is_too_large_is_not_sent)
{
	const size_t size = SN_IPC_BODY_MAX;
	char *large = sn_alloc_zero(size);
	struct heard heard = { .kind = HEARD_CODE };

	ck_assert_int_eq(hear_now(&heard,
				 sn_broker_verify_password(client, SN_STR("sennit"),
					 SN_STR("alice"), sn_str_n(large, size), NULL)),
		SN_ELIMIT);
	ck_assert_uint_eq(seen.count, 0);
	sn_free(large);
}
END_TEST

static void start_program(struct heard *heard)
{
	int fds[2];

	*heard = (struct heard){ .kind = HEARD_SPAWNED };
	hear(heard, sn_broker_spawn(client, &(struct sn_spawn){ .pty = true }));
	wait_for(1);
	ck_assert_int_eq(pipe(fds), 0);
	answer(SN_IPC_RESULT, SN_OK, 1234, fds, 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

START_TEST(a_program_is_taken_with_its_end)
{
	struct heard heard, end = { .kind = HEARD_EXIT };

	start_program(&heard);
	sn_test_turn_until(loop, heard.done);
	ck_assert_int_eq(heard.spawned.pid, 1234);
	ck_assert_int_ge(heard.spawned.fds[0], 0);
	ck_assert_int_eq(heard.spawned.fds[1], -1);
	answer(SN_IPC_EXITED, 1234, 3 << 8, NULL, 0);
	ck_assert_int_eq(hear_now(&end, heard.spawned.exit), SN_OK);
	ck_assert_int_eq(WEXITSTATUS(end.status), 3);
	(void)close(heard.spawned.fds[0]);
}
END_TEST

/* Its end may be known before anybody has asked for it. */
START_TEST(an_end_may_come_early)
{
	struct heard heard, end = { .kind = HEARD_EXIT };

	start_program(&heard);
	answer(SN_IPC_EXITED, 1234, SIGKILL, NULL, 0);
	sn_test_turn_until(loop, heard.done);
	ck_assert_int_eq(hear_now(&end, heard.spawned.exit), SN_OK);
	ck_assert(WIFSIGNALED(end.status));
	(void)close(heard.spawned.fds[0]);
}
END_TEST

START_TEST(a_program_nobody_takes_is_ended)
{
	struct heard heard;

	start_program(&heard);
	heard.kind = HEARD_CODE; /* does not take it */
	sn_test_turn_until(loop, heard.done);
	wait_for(2);
	ck_assert_int_eq(seen.type, SN_IPC_CANCEL);
	ck_assert_uint_eq(seen.value, seen.serial);
}
END_TEST

START_TEST(canceling_the_end_ends_the_program)
{
	struct heard heard, end = { .kind = HEARD_EXIT };

	start_program(&heard);
	sn_test_turn_until(loop, heard.done);
	hear(&end, heard.spawned.exit);
	sn_waiter_cancel(&end.waiter);
	wait_for(2);
	ck_assert_int_eq(seen.type, SN_IPC_CANCEL);
	(void)close(heard.spawned.fds[0]);
}
END_TEST

Suite *broker_client_suite(void);

Suite *broker_client_suite(void)
{
	Suite *suite = suite_create("broker_client");
	TCase *tc = tcase_create("broker_client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_lost_broker_fails_all);
	tcase_add_test(tc, disconnecting_fails_all_and_tells_nobody);
	tcase_add_test(tc, canceling_tells_the_broker);
	tcase_add_test(tc, an_answer_in_pieces_is_a_violation);
	tcase_add_test(tc, what_is_too_large_is_not_sent);
	tcase_add_test(tc, a_program_is_taken_with_its_end);
	tcase_add_test(tc, an_end_may_come_early);
	tcase_add_test(tc, a_program_nobody_takes_is_ended);
	tcase_add_test(tc, canceling_the_end_ends_the_program);
	suite_add_tcase(suite, tc);
	return suite;
}
