#include "daemon/proc/worker_freeze.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static struct sn_ipc boss, worker;
static struct sn_worker_freezes freezes;
static struct sn_worker_thaws thaws;
static struct sn_conf_diags diags;
static unsigned heard;
static int last; /* of a message for the worker */

static void at_boss(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	(void)ipc;
	ck_assert_int_eq(message->type, SN_IPC_FROZEN);
	ck_assert_uint_eq(message->fd_count, 0);
	ck_assert_str_view(sn_read_str16(&message->body), "irc");
	ck_assert_uint_eq(sn_read_u32(&message->body), 0);
	heard++;
}

static void at_worker(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	(void)ipc;
	if (message->type == SN_IPC_FREEZE)
		sn_worker_freezes_add(&freezes, NULL, &message->body);
	else if (message->type == SN_IPC_THAW)
		last = sn_worker_thaws_add(&thaws, message);
	else
		last = sn_worker_thaws_add_sockets(&thaws, message);
	heard++;
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)ipc;
	(void)code;
}

static const struct sn_ipc_ops boss_ops = { .on_message = at_boss, .on_closed = on_closed };
static const struct sn_ipc_ops worker_ops = { .on_message = at_worker, .on_closed = on_closed };

static void setup(void)
{
	int fds[2];

	heard = 0;
	last = SN_PENDING;
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&boss, loop, fds[0], SN_IPC_SUPERVISOR, SN_IPC_WORKER, &boss_ops),
		SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&worker, loop, fds[1], SN_IPC_WORKER, SN_IPC_SUPERVISOR, &worker_ops),
		SN_OK);
	sn_worker_freezes_init(&freezes, loop, &worker);
	sn_worker_thaws_init(&thaws);
	sn_conf_diags_init(&diags);
}

static void teardown(void)
{
	sn_conf_diags_fini(&diags);
	sn_worker_thaws_free(&thaws);
	sn_worker_freezes_free(&freezes);
	sn_ipc_stop(&boss);
	sn_ipc_stop(&worker);
	sn_loop_free(&loop);
}

static void say(enum sn_ipc_type type, const char *service, uint32_t number, size_t fd_count)
{
	const int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	char body[128];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_str16(&w, sn_str(service));
	if (type != SN_IPC_FREEZE)
		sn_write_u32(&w, number);
	sn_ipc_send(&boss, type, 0, sn_writer_str(&w), fds, fd_count);
}

static int sockets(const char *service, uint32_t first, size_t count)
{
	const unsigned before = heard;

	say(SN_IPC_SOCKETS, service, first, count);
	sn_test_turn_until(loop, heard > before);
	return last;
}

static void thaw(const char *service, uint32_t count)
{
	char body[128];
	struct sn_writer w = sn_writer(body, sizeof(body));
	const unsigned before = heard;
	int state;

	sn_write_str16(&w, sn_str(service));
	sn_write_u32(&w, count);
	ck_assert_int_eq(sn_ipc_memfd("state", SN_STR("a state"), &state), SN_OK);
	sn_ipc_send(&boss, SN_IPC_THAW, 0, sn_writer_str(&w), &state, 1);
	(void)close(state);
	sn_test_turn_until(loop, heard > before);
	ck_assert_int_eq(last, SN_OK);
}

START_TEST(who_has_no_such_service_says_so)
{
	say(SN_IPC_FREEZE, "irc", 0, 0);
	say(SN_IPC_FREEZE, "irc", 0, 0);
	sn_test_turn_until(loop, heard == 4);
}
END_TEST

START_TEST(sockets_come_in_order_and_no_more_than_were_announced)
{
	ck_assert_int_eq(sockets("irc", 0, 1), SN_EPROTO); /* of what? */
	thaw("irc", 4);
	ck_assert_int_eq(sockets("web", 0, 1), SN_EPROTO);
	ck_assert_int_eq(sockets("irc", 1, 1), SN_EPROTO);
	ck_assert_int_eq(sockets("irc", 0, 3), SN_OK);
	ck_assert_int_eq(sockets("irc", 3, 2), SN_EPROTO);
	ck_assert_int_eq(sockets("irc", 3, 1), SN_OK);
	ck_assert_int_eq(sockets("irc", 4, 1), SN_EPROTO);
}
END_TEST

START_TEST(half_of_them_are_not_gone_on_with)
{
	thaw("irc", 4);
	ck_assert_int_eq(sockets("irc", 0, 3), SN_OK);
	ck_assert_int_eq(sn_worker_thaws_apply(&thaws, NULL, &diags), SN_EPROTO);
	ck_assert_uint_eq(diags.errors, 1);
	ck_assert(sn_list_empty(&thaws.items));
}
END_TEST

START_TEST(nothing_to_go_on_with_is_fine)
{
	ck_assert_int_eq(sn_worker_thaws_apply(&thaws, NULL, &diags), SN_OK);
	ck_assert_uint_eq(diags.errors, 0);
}
END_TEST

Suite *worker_freeze_suite(void);
Suite *worker_freeze_suite(void)
{
	Suite *s = suite_create("proc/worker_freeze");
	TCase *t = tcase_create("worker_freeze");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, who_has_no_such_service_says_so);
	tcase_add_test(t, sockets_come_in_order_and_no_more_than_were_announced);
	tcase_add_test(t, half_of_them_are_not_gone_on_with);
	tcase_add_test(t, nothing_to_go_on_with_is_fine);
	suite_add_tcase(s, t);
	return s;
}
