#include "daemon/proc/heritage.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static struct sn_ipc boss, worker;
static struct sn_pool *pool;
static struct sn_heritage heritage;
static struct sn_heritage_listener listener;
static int result;
static bool arrived;

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	(void)ipc;
	result = message->type == SN_IPC_HERITAGE
		? sn_heritage_read(message, pool, &heritage)
		: sn_heritage_read_listener(message, pool, &listener);
	arrived = true;
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)ipc;
	(void)code;
}

static const struct sn_ipc_ops ops = { .on_message = on_message, .on_closed = on_closed };

static void setup(void)
{
	int fds[2];

	arrived = false;
	pool = sn_pool_new(0);
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&boss, loop, fds[0], SN_IPC_SUPERVISOR, SN_IPC_WORKER, &ops), SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&worker, loop, fds[1], SN_IPC_WORKER, SN_IPC_SUPERVISOR, &ops), SN_OK);
}

static void teardown(void)
{
	sn_ipc_stop(&boss);
	sn_ipc_stop(&worker);
	sn_loop_free(&loop);
	sn_pool_free(&pool);
}

static void close_heritage(void)
{
	const int fds[] = { heritage.snapshot, heritage.metrics, heritage.limiter,
		heritage.broker };

	for (size_t i = 0; i < 4; i++) {
		if (fds[i] >= 0)
			ck_assert_int_eq(close(fds[i]), 0);
	}
}

START_TEST(all_of_it_arrives)
{
	const struct sn_heritage sent = {
		.group = SN_STR("irc"),
		.index = 3,
		.generation = 7,
		.started_wall = 1234567890123,
		.state = SN_STR("/var/lib/sennit"),
		.state_missing = SN_STR("because"),
		.snapshot = STDIN_FILENO,
		.metrics = STDOUT_FILENO,
		.limiter = STDERR_FILENO,
		.broker = _i == 0 ? boss.fd : -1,
		.sandbox = true,
	};

	sn_heritage_send(&boss, &sent);
	sn_test_turn_until(loop, arrived);
	ck_assert_int_eq(result, SN_OK);
	ck_assert_str_eq(heritage.group.p, "irc");
	ck_assert_uint_eq(heritage.index, 3);
	ck_assert_uint_eq(heritage.generation, 7);
	ck_assert_int_eq(heritage.started_wall, 1234567890123);
	ck_assert_str_eq(heritage.state.p, "/var/lib/sennit");
	ck_assert_str_eq(heritage.state_missing.p, "because");
	ck_assert(heritage.sandbox && !heritage.thaw);
	ck_assert_int_ge(heritage.snapshot, 3);
	ck_assert_int_ge(heritage.metrics, 3);
	ck_assert_int_ge(heritage.limiter, 3);
	ck_assert((heritage.broker >= 3) == (_i == 0));
	close_heritage();
}
END_TEST

START_TEST(sockets_arrive_with_their_place)
{
	struct sn_heritage_listener sent = {
		.service = SN_STR("chat"),
		.index = 2,
		.sock = { .fd = STDERR_FILENO, .wfd = _i == 0 ? -1 : STDOUT_FILENO },
	};

	if (_i < 2)
		ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 6667, &sent.sock.local), SN_OK);
	sn_heritage_send_listener(&boss, &sent);
	sn_test_turn_until(loop, arrived);
	ck_assert_int_eq(result, SN_OK);
	ck_assert_str_eq(listener.service.p, "chat");
	ck_assert_uint_eq(listener.index, 2);
	ck_assert(sn_addr_eq(&listener.sock.local, &sent.sock.local));
	ck_assert_int_eq(listener.sock.lock_fd, -1);
	ck_assert_ptr_null(listener.sock.unlink_path);
	ck_assert((listener.sock.wfd >= 0) == (_i != 0));
	close(listener.sock.fd);
	if (listener.sock.wfd >= 0)
		close(listener.sock.wfd);
}
END_TEST

START_TEST(cut_or_longer_it_is_refused)
{
	static const char body[] = "\0\003irc\0\0\0\003\0\0\0\007";
	const int fds[] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO };

	sn_ipc_send(&boss, SN_IPC_HERITAGE, 0, sn_str_n(body, sizeof(body) - 1), fds, 3);
	sn_test_turn_until(loop, arrived);
	ck_assert_int_eq(result, SN_EPROTO);
	arrived = false;
	sn_ipc_send(&boss, SN_IPC_LISTENER, 0, SN_STR("\0\001x\0\0\0\0\0\0\0"), fds, 1);
	sn_test_turn_until(loop, arrived);
	ck_assert_int_eq(result, SN_EPROTO);
	arrived = false;
	sn_ipc_send(&boss, SN_IPC_LISTENER, 0, SN_STR("\0\001x\0\0\0\0\0\001z"), fds, 1);
	sn_test_turn_until(loop, arrived);
	ck_assert_int_eq(result, SN_EPROTO);
}
END_TEST

Suite *heritage_suite(void);
Suite *heritage_suite(void)
{
	Suite *s = suite_create("proc/heritage");
	TCase *tc = tcase_create("heritage");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, all_of_it_arrives, 0, 2);
	tcase_add_loop_test(tc, sockets_arrive_with_their_place, 0, 3);
	tcase_add_test(tc, cut_or_longer_it_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
