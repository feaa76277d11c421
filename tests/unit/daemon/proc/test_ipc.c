#include "daemon/proc/ipc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/death.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

struct end {
	struct sn_ipc ipc;
	size_t messages, closes, fds_seen;
	int closed_with, kept_fd;
	bool take, stop_in_message;
	struct sn_ipc_message last;
	char body[64];
};

static struct sn_loop *loop;
static struct end boss, worker;
static size_t fds_before, fds_running;

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct end *end = sn_container_of(ipc, struct end, ipc);
	const struct sn_str text = message->body.data;

	end->messages++;
	end->fds_seen += message->fd_count;
	end->last = *message;
	memcpy(end->body, text.p, text.n < 63 ? text.n : 63);
	end->body[text.n < 63 ? text.n : 63] = '\0';
	if (end->take)
		end->kept_fd = sn_ipc_take_fd(message, 0);
	if (end->stop_in_message)
		sn_ipc_stop(ipc);
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	struct end *end = sn_container_of(ipc, struct end, ipc);

	ck_assert(!sn_ipc_is_open(ipc));
	end->closes++;
	end->closed_with = code;
}

static const struct sn_ipc_ops ops = { .on_message = on_message, .on_closed = on_closed };

static void setup(void)
{
	int fds[2];

	fds_before = open_fds();
	boss = worker = (struct end){ .kept_fd = -1 };
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&boss.ipc, loop, fds[0], SN_IPC_SUPERVISOR, SN_IPC_WORKER, &ops),
		SN_OK);
	ck_assert_int_eq(
		sn_ipc_start(&worker.ipc, loop, fds[1], SN_IPC_WORKER, SN_IPC_SUPERVISOR, &ops),
		SN_OK);
	fds_running = open_fds();
}

static void teardown(void)
{
	sn_ipc_stop(&boss.ipc);
	sn_ipc_stop(&worker.ipc);
	sn_loop_free(&loop);
	ck_assert_uint_eq(open_fds(), fds_before);
}

static void say(struct end *end, enum sn_ipc_type type, const char *text)
{
	sn_ipc_send(&end->ipc, type, 7, sn_str(text), NULL, 0);
}

/* Bytes of our choice to an end, with so many descriptors. */
static void say_raw(struct end *from, const void *bytes, size_t n, size_t fd_count)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int fds[253];

	for (size_t i = 0; i < fd_count; i++)
		fds[i] = STDERR_FILENO;
	msg.msg_controllen = fd_count > 0 ? CMSG_SPACE(fd_count * sizeof(int)) : 0;
	if (fd_count > 0) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(from->ipc.fd, &msg, 0), (ssize_t)n);
}

START_TEST(a_message_arrives_whole)
{
	say(&boss, SN_IPC_DRAIN, "the reason");
	ck_assert_uint_eq(worker.messages, 0);
	sn_test_turn_until(loop, worker.messages == 1);
	ck_assert_int_eq(worker.last.type, SN_IPC_DRAIN);
	ck_assert_uint_eq(worker.last.serial, 7);
	ck_assert_str_eq(worker.body, "the reason");
	say(&worker, SN_IPC_PONG, "");
	sn_test_turn_until(loop, boss.messages == 1);
	ck_assert_uint_eq(boss.last.body.data.n, 0);
}
END_TEST

START_TEST(descriptors_belong_to_who_takes_them)
{
	const int fds[] = { STDERR_FILENO };

	sn_ipc_send(&boss.ipc, SN_IPC_PREPARE, 1, SN_STR(""), fds, 1);
	sn_test_turn_until(loop, worker.messages == 1);
	ck_assert_uint_eq(open_fds(), fds_running);
	worker.take = true;
	sn_ipc_send(&boss.ipc, SN_IPC_PREPARE, 2, SN_STR(""), fds, 1);
	sn_test_turn_until(loop, worker.messages == 2);
	ck_assert_int_ge(worker.kept_fd, 0);
	ck_assert(fcntl(worker.kept_fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_uint_eq(open_fds(), fds_running + 1);
	close(worker.kept_fd);
}
END_TEST

START_TEST(a_full_load_of_descriptors_and_bytes_fits)
{
	static char body[SN_IPC_BODY_MAX];
	int fds[SN_IPC_FDS_MAX];

	for (size_t i = 0; i < SN_IPC_FDS_MAX; i++)
		fds[i] = STDERR_FILENO;
	memset(body, 'x', sizeof(body));
	sn_ipc_send(
		&boss.ipc, SN_IPC_SOCKETS, 0, sn_str_n(body, sizeof(body)), fds, SN_IPC_FDS_MAX);
	sn_test_turn_until(loop, worker.messages == 1);
	ck_assert_uint_eq(worker.last.body.data.n, sizeof(body));
	ck_assert_uint_eq(worker.fds_seen, SN_IPC_FDS_MAX);
}
END_TEST

static const struct {
	const char *name;
	uint16_t version, type;
	uint32_t length, zero, body;
	size_t fds;
} broken[] = {
	{ "another version", SN_IPC_VERSION + 1, SN_IPC_DRAIN, 0, 0, 0, 0 },
	{ "no such type", SN_IPC_VERSION, 999, 0, 0, 0, 0 },
	{ "type zero", SN_IPC_VERSION, 0, 0, 0, 0, 0 },
	{ "not for this role", SN_IPC_VERSION, SN_IPC_READY, 0, 0, 0, 0 },
	{ "descriptor missing", SN_IPC_VERSION, SN_IPC_PREPARE, 0, 0, 0, 0 },
	{ "one descriptor too many", SN_IPC_VERSION, SN_IPC_PREPARE, 0, 0, 0, 2 },
	{ "most descriptors there are", SN_IPC_VERSION, SN_IPC_SOCKETS, 0, 0, 0, 253 },
	{ "body shorter than said", SN_IPC_VERSION, SN_IPC_DRAIN, 5, 0, 4, 0 },
	{ "body longer than said", SN_IPC_VERSION, SN_IPC_DRAIN, 5, 0, 6, 0 },
	{ "body longer than allowed", SN_IPC_VERSION, SN_IPC_DRAIN, SN_IPC_BODY_MAX + 1, 0,
		SN_IPC_BODY_MAX + 1, 0 },
	{ "unknown flags", SN_IPC_VERSION, SN_IPC_DRAIN, 0, 1, 0, 0 },
};
#define BROKEN (sizeof(broken) / sizeof(broken[0]))

static size_t make_broken(size_t i, char *out, size_t size)
{
	struct sn_writer w = sn_writer(out, size);

	sn_write_u16(&w, broken[i].version);
	sn_write_u16(&w, broken[i].type);
	sn_write_u32(&w, 0);
	sn_write_u32(&w, broken[i].length);
	sn_write_u32(&w, broken[i].zero);
	return w.n + broken[i].body;
}

START_TEST(what_breaks_its_row_closes_the_channel)
{
	static char packet[SN_IPC_BODY_MAX + 100];

	say_raw(&boss, packet, make_broken((size_t)_i, packet, sizeof(packet)), broken[_i].fds);
	say(&boss, SN_IPC_DRAIN, "after it");
	sn_test_turn_until(loop, worker.closes == 1);
	ck_assert_int_eq(worker.closed_with, SN_EPROTO);
	ck_assert_uint_eq(worker.messages, 0);
}
END_TEST

START_TEST(a_header_may_be_cut_anywhere)
{
	char packet[100];
	const size_t n = make_broken(7, packet, sizeof(packet)) + 1; /* mended: 5 of 5 */
	struct sn_ipc_message message;

	for (size_t cut = 0; cut < n; cut++)
		ck_assert_int_eq(
			sn_ipc_decode(sn_str_n(packet, cut), 0, SN_IPC_SUPERVISOR, &message),
			SN_EPROTO);
	ck_assert_int_eq(sn_ipc_decode(sn_str_n(packet, n), 0, SN_IPC_SUPERVISOR, &message), SN_OK);
	ck_assert_uint_eq(message.body.data.n, 5);
}
END_TEST

START_TEST(a_truncated_packet_closes_the_channel)
{
	say_raw(&boss, "short", 5, 1);
	sn_test_turn_until(loop, worker.closes == 1);
	ck_assert_int_eq(worker.closed_with, SN_EPROTO);
}
END_TEST

/* recvmsg returns 0 for it, as at the end. */
START_TEST(an_empty_packet_leaves_no_descriptors_behind)
{
	say_raw(&boss, "", 0, 253);
	sn_test_turn_until(loop, worker.closes == 1);
	ck_assert_int_eq(worker.closed_with, SN_EPROTO);
	ck_assert_uint_eq(open_fds(), fds_running - 1);
}
END_TEST

START_TEST(a_slow_reader_gets_all_in_order)
{
	static char body[20000];
	const int fds[] = { STDERR_FILENO };
	const size_t count = 300;

	sn_watch_want(&worker.ipc.watch, 0);
	for (size_t i = 0; i < count; i++) {
		memcpy(body, &i, sizeof(i));
		sn_ipc_send(&boss.ipc, SN_IPC_PREPARE, (uint32_t)i + 1,
			sn_str_n(body, sizeof(body)), fds, 1);
	}
	ck_assert_uint_gt(boss.ipc.queued, 100);
	sn_loop_turn(loop, 0);
	ck_assert_uint_eq(worker.messages, 0);
	sn_watch_want(&worker.ipc.watch, SN_READABLE);
	sn_test_turn_until(loop, worker.messages == count);
	ck_assert_uint_eq(worker.last.serial, count);
	ck_assert_uint_eq(worker.fds_seen, count);
	ck_assert_uint_eq(boss.ipc.queued, 0);
}
END_TEST

START_TEST(a_reader_that_never_reads_is_given_up)
{
	sn_watch_want(&worker.ipc.watch, 0);
	for (size_t i = 0; i < SN_IPC_QUEUE_MAX + 2000; i++)
		say(&boss, SN_IPC_PING, "");
	ck_assert_uint_eq(boss.closes, 0);
	sn_test_turn_until(loop, boss.closes == 1);
	ck_assert_int_eq(boss.closed_with, SN_ELIMIT);
}
END_TEST

START_TEST(the_last_words_of_the_dead_are_heard)
{
	say(&boss, SN_IPC_PING, "unread"); /* makes the kernel report a reset */
	say(&worker, SN_IPC_FAILED, "why");
	sn_ipc_stop(&worker.ipc);
	sn_test_turn_until(loop, boss.closes == 1);
	ck_assert_int_eq(boss.closed_with, SN_CLOSE);
	ck_assert_uint_eq(boss.messages, 1);
	ck_assert_str_eq(boss.body, "why");
	ck_assert_uint_eq(worker.closes, 0);
}
END_TEST

START_TEST(sending_to_the_dead_does_nothing)
{
	sn_ipc_stop(&worker.ipc);
	say(&boss, SN_IPC_PING, "");
	ck_assert_uint_eq(boss.closes, 0);
	sn_test_turn_until(loop, boss.closes == 1);
	say(&boss, SN_IPC_PING, "");
	say(&worker, SN_IPC_PONG, "");
	sn_loop_turn(loop, 0);
	ck_assert_uint_eq(boss.closes, 1);
}
END_TEST

START_TEST(a_handler_may_stop_its_channel)
{
	worker.stop_in_message = true;
	say(&boss, SN_IPC_PING, "");
	say(&boss, SN_IPC_PING, "");
	sn_test_turn_until(loop, boss.closes == 1);
	ck_assert_uint_eq(worker.messages, 1);
	ck_assert_uint_eq(worker.closes, 0);
}
END_TEST

START_TEST(stopping_drops_what_waits_with_its_descriptors)
{
	static char body[50000];
	const int fds[] = { STDERR_FILENO };

	for (size_t i = 0; i < 20; i++)
		sn_ipc_send(&boss.ipc, SN_IPC_PREPARE, 0, sn_str_n(body, sizeof(body)), fds, 1);
	ck_assert_uint_gt(boss.ipc.queued, 0);
	sn_ipc_stop(&boss.ipc);
	sn_ipc_stop(&boss.ipc);
	ck_assert_uint_eq(boss.ipc.queued, 0);
}
END_TEST

START_TEST(a_descriptor_that_is_closed_closes_the_channel)
{
	const int fds[] = { 1000000 };

	sn_ipc_send(&boss.ipc, SN_IPC_PREPARE, 0, SN_STR(""), fds, 1);
	sn_test_turn_until(loop, boss.closes == 1);
	ck_assert_int_eq(boss.closed_with, -EBADF);
}
END_TEST

static void send_what_is_not_ours(void)
{
	say(&boss, SN_IPC_READY, "");
}

static void send_too_few(void)
{
	say(&boss, SN_IPC_PREPARE, "");
}

START_TEST(rows_hold_for_the_sender_too)
{
	ck_assert(sn_test_dies(send_what_is_not_ours, "fits"));
	ck_assert(sn_test_dies(send_too_few, "fits"));
}
END_TEST

START_TEST(serials_are_never_zero)
{
	boss.ipc.last_serial = UINT32_MAX - 1;
	ck_assert_uint_eq(sn_ipc_serial(&boss.ipc), UINT32_MAX);
	ck_assert_uint_eq(sn_ipc_serial(&boss.ipc), 1);
}
END_TEST

START_TEST(a_memfd_keeps_its_bytes_and_takes_no_more)
{
	char text[40000];
	struct sn_strbuf out;
	int fd;

	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(sn_ipc_memfd("test", sn_str_n(text, sizeof(text)), &fd), SN_OK);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	sn_strbuf_init(&out, 1 << 20);
	ck_assert_int_eq(sn_ipc_read_memfd(fd, sizeof(text), &out), SN_OK);
	ck_assert(sn_str_eq(sn_strbuf_str(&out), sn_str_n(text, sizeof(text))));
	sn_strbuf_reset(&out);
	ck_assert_int_eq(sn_ipc_read_memfd(fd, sizeof(text) - 1, &out), SN_ELIMIT);
	close(fd);
	ck_assert_int_eq(sn_ipc_read_memfd(fd, 10, &out), -EBADF);
	sn_strbuf_fini(&out);
}
END_TEST

Suite *ipc_suite(void);
Suite *ipc_suite(void)
{
	Suite *s = suite_create("ipc");
	TCase *tc = tcase_create("ipc");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_message_arrives_whole);
	tcase_add_test(tc, descriptors_belong_to_who_takes_them);
	tcase_add_test(tc, a_full_load_of_descriptors_and_bytes_fits);
	tcase_add_loop_test(tc, what_breaks_its_row_closes_the_channel, 0, BROKEN);
	tcase_add_test(tc, a_header_may_be_cut_anywhere);
	tcase_add_test(tc, a_truncated_packet_closes_the_channel);
	tcase_add_test(tc, an_empty_packet_leaves_no_descriptors_behind);
	tcase_add_test(tc, a_slow_reader_gets_all_in_order);
	tcase_add_test(tc, a_reader_that_never_reads_is_given_up);
	tcase_add_test(tc, the_last_words_of_the_dead_are_heard);
	tcase_add_test(tc, sending_to_the_dead_does_nothing);
	tcase_add_test(tc, a_handler_may_stop_its_channel);
	tcase_add_test(tc, stopping_drops_what_waits_with_its_descriptors);
	tcase_add_test(tc, a_descriptor_that_is_closed_closes_the_channel);
	tcase_add_test(tc, rows_hold_for_the_sender_too);
	tcase_add_test(tc, serials_are_never_zero);
	tcase_add_test(tc, a_memfd_keeps_its_bytes_and_takes_no_more);
	suite_add_tcase(s, tc);
	return s;
}
