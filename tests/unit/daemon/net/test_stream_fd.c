#include "daemon/net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/probe.h"

/* The stream under test is on one end; the test itself holds the other. */
static struct sn_loop *loop;
static struct sn_stream *s;
static struct probe probe;
static int own, peer;

static void begin(int rfd, int wfd, int other)
{
	own = wfd;
	peer = other;
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_stream_fd_new(loop, rfd, wfd, &s), SN_OK);
	sn_stream_ready(s);
	probe_init(&probe, s);
	turn_some(loop, 1);
	ck_assert_uint_eq(probe.ready, 1);
}

static void begin_tcp(void)
{
	int fds[2];

	tcp_pair(fds);
	begin(fds[1], fds[1], fds[0]);
}

static void begin_unix(int type)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
	begin(fds[1], fds[1], fds[0]);
}

static void finish(void)
{
	if (probe.ends == 0)
		sn_stream_abort(s, SN_CLOSE);
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_uint_eq(probe.ends, 1);
	probe_fini(&probe);
	sn_loop_free(&loop);
	if (peer >= 0)
		close(peer);
}

static void send_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(peer, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			sn_loop_turn(loop, SN_MS(1));
			continue;
		}
		ck_assert_int_gt(sent, 0);
		p += sent;
		n -= (size_t)sent;
	}
}

/* Nothing is reported for ever, or the loop would spin. */
static void check_sleeps(void)
{
	struct pollfd pfd = { .fd = sn_loop_fd(loop), .events = POLLIN };

	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
}

/* What the peer reads until it has n bytes or the end, turning the loop meanwhile. */
static size_t receive(char *p, size_t n)
{
	size_t have = 0;

	for (int idle = 0; have < n && idle < 5000; idle++) {
		ssize_t got = read(peer, p + have, n - have);

		if (got == 0)
			break;
		if (got > 0) {
			have += (size_t)got;
			idle = 0;
		} else {
			ck_assert_int_eq(errno, EAGAIN);
			sn_loop_turn(loop, SN_MS(1));
		}
	}
	return have;
}

static void echo(struct probe *p)
{
	ck_assert(p->user.stream->in.lent); /* no memory of its own for a message that came whole */
	PROBE_CALL(p, sn_stream_write(p->user.stream, sn_strbuf_str(&p->got)));
	sn_strbuf_reset(&p->got);
}

START_TEST(echoes)
{
	char text[6];

	begin_tcp();
	probe.on_input = echo;
	send_all("hello\n", 6);
	ck_assert_uint_eq(receive(text, 6), 6);
	ck_assert_int_eq(memcmp(text, "hello\n", 6), 0);
	ck_assert_uint_eq(probe.inputs, 1);
	finish();
}
END_TEST

/* What a callback leaves is kept, and given back when it is consumed, whenever that is. */
START_TEST(leftovers_cost_memory_only_while_they_last)
{
	begin_tcp();
	probe.bite = 3;
	send_all("hello\n", 6);
	TURN_UNTIL(loop, probe.inputs == 1);
	ck_assert_uint_gt(s->in.cap, 0);
	ck_assert(!s->in.lent);
	PROBE_CALL(&probe, sn_stream_consume(s, 3));
	ck_assert_uint_eq(s->in.cap, 0);
	finish();
}
END_TEST

START_TEST(byte_at_a_time)
{
	const size_t n = 300;
	char *sent = pattern_new(n), got[300];

	begin_tcp();
	probe.on_input = echo;
	for (size_t i = 0; i < n; i++) {
		send_all(sent + i, 1);
		ck_assert_uint_eq(receive(got + i, 1), 1);
	}
	ck_assert_int_eq(memcmp(got, sent, n), 0);
	finish();
	sn_free(sent);
}
END_TEST

/* A message of a SOCK_SEQPACKET socket is what one system call wrote. */
START_TEST(writes_of_one_turn_leave_together)
{
	char text[64];

	begin_unix(SOCK_SEQPACKET);
	for (int i = 0; i < 10; i++)
		PROBE_CALL(&probe, sn_stream_write(s, SN_STR("word ")));
	ck_assert_int_eq(recv(peer, text, sizeof(text), 0), -1);
	turn_some(loop, 1);
	ck_assert_int_eq(recv(peer, text, sizeof(text), 0), 50);
	ck_assert_int_eq(recv(peer, text, sizeof(text), 0), -1);
	finish();
}
END_TEST

START_TEST(blocks_of_one_turn_leave_together)
{
	char text[400];

	begin_unix(SOCK_SEQPACKET);
	for (int i = 0; i < 60; i++) { /* below the 64 iovecs of one call */
		struct sn_block *block = sn_block_copy(SN_STR("block "));

		PROBE_CALL(&probe, sn_stream_write_block(s, block));
		sn_block_unref(&block);
	}
	turn_some(loop, 1);
	ck_assert_int_eq(recv(peer, text, sizeof(text), 0), 360);
	ck_assert_int_eq(recv(peer, text, sizeof(text), 0), -1);
	finish();
}
END_TEST

START_TEST(input_limit_stops_reading)
{
	const size_t n = 3000;
	char *sent = pattern_new(n);
	struct sn_stream_limits limits = { .in_max = 1000, .low = 1, .high = 2, .max = 3 };

	begin_tcp();
	sn_stream_set_limits(s, &limits);
	probe.hoards = true;
	send_all(sent, n);
	TURN_UNTIL(loop, s->in.n == 1000);
	turn_some(loop, 10);
	ck_assert_uint_eq(s->in.n, 1000);
	probe.hoards = false;
	while (probe.got.n < n) {
		struct sn_str in = sn_stream_input(s);

		sn_strbuf_add(&probe.got, in);
		PROBE_CALL(&probe, sn_stream_consume(s, in.n));
		sn_loop_turn(loop, SN_MS(20));
	}
	ck_assert(sn_str_eq(sn_strbuf_str(&probe.got), sn_str_n(sent, n)));
	finish();
	sn_free(sent);
}
END_TEST

START_TEST(pause_stops_reading)
{
	begin_tcp();
	PROBE_CALL(&probe, sn_stream_pause(s));
	send_all("late", 4);
	turn_some(loop, 10);
	ck_assert_uint_eq(probe.inputs, 0);
	PROBE_CALL(&probe, sn_stream_resume(s));
	TURN_UNTIL(loop, probe.got.n == 4);
	finish();
}
END_TEST

START_TEST(big_output_goes_on_when_writable)
{
	const size_t n = 12000000;
	char *sent = pattern_new(n), *got = sn_alloc(n);

	begin_tcp();
	sn_stream_write(s, sn_str_n(sent, n));
	ck_assert(sn_stream_congested(s));
	turn_some(loop, 30);
	ck_assert(s->blocked);
	ck_assert_uint_gt(sn_stream_queued(s), 0);
	ck_assert_uint_eq(receive(got, n), n);
	ck_assert_int_eq(memcmp(sent, got, n), 0);
	TURN_UNTIL(loop, probe.drained == 1);
	ck_assert(!sn_stream_congested(s));
	turn_some(loop, 1);
	check_sleeps();
	finish();
	sn_free(sent);
	sn_free(got);
}
END_TEST

START_TEST(file_ranges_with_partial_writes)
{
	const size_t n = 2500000;
	char *sent = pattern_new(n), *got = sn_alloc(n), name[] = "/tmp/sn-fd-XXXXXX";
	int fd = mkstemp(name), small = 8192;
	struct sn_block *file;

	begin_tcp();
	unlink(name);
	setsockopt(own, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ck_assert_int_eq(write(fd, sent, n), (ssize_t)n);
	file = sn_block_file(fd);
	sn_chain_write(sn_stream_out(s), sn_str_n(sent, 100));
	sn_chain_add(sn_stream_out(s), file, 100, 1000000);
	sn_chain_write(sn_stream_out(s), sn_str_n(sent + 1000100, 50));
	sn_chain_add(sn_stream_out(s), file, 1000150, n - 1000150);
	sn_block_unref(&file);
	PROBE_CALL(&probe, sn_stream_flush(s));
	PROBE_CALL(&probe, sn_stream_close(s));
	ck_assert_uint_eq(receive(got, n), n);
	ck_assert_int_eq(memcmp(sent, got, n), 0);
	finish();
	sn_free(sent);
	sn_free(got);
}
END_TEST

/* However fast the reader: the others want a turn. */
START_TEST(a_big_file_leaves_in_pieces)
{
	const size_t n = 3000000;
	char *got = sn_alloc(n), name[] = "/tmp/sn-fd-XXXXXX";
	struct sn_block *file = sn_block_file(mkstemp(name));

	begin_tcp();
	unlink(name);
	ck_assert_int_eq(ftruncate(file->fd, (off_t)n), 0);
	sn_chain_add(sn_stream_out(s), file, 0, n);
	sn_block_unref(&file);
	sn_stream_flush(s);
	turn_some(loop, 1);
	ck_assert_uint_gt(s->bytes_out, 0);
	ck_assert_uint_le(s->bytes_out, 1048576);
	ck_assert_uint_eq(receive(got, n), n);
	finish();
	sn_free(got);
}
END_TEST

START_TEST(file_that_shrank_is_an_error)
{
	char name[] = "/tmp/sn-fd-XXXXXX";
	int fd = mkstemp(name);
	struct sn_block *file = sn_block_file(fd);

	begin_tcp();
	unlink(name);
	ck_assert_int_eq(write(fd, "short", 5), 5);
	sn_chain_add(sn_stream_out(s), file, 0, 10);
	sn_block_unref(&file);
	sn_stream_flush(s);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, -EIO);
	finish();
}
END_TEST

START_TEST(client_that_never_reads)
{
	char *piece = pattern_new(65536);
	struct sn_stream_limits limits = {
		.in_max = 1000, .low = 65536, .high = 131072, .max = 1048576
	};

	begin_tcp();
	sn_stream_set_limits(s, &limits);
	for (int i = 0; i < 2000 && probe.ends == 0; i++) {
		PROBE_CALL(&probe, sn_stream_write(s, sn_str_n(piece, 65536)));
		turn_some(loop, 1);
	}
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_ELIMIT);
	finish();
	sn_free(piece);
}
END_TEST

static void set_write_deadline(int64_t write)
{
	struct sn_stream_deadlines d = { .write = write };

	sn_stream_set_deadlines(s, &d);
}

START_TEST(write_deadline)
{
	char *piece = pattern_new(4000000);

	begin_tcp();
	set_write_deadline(SN_MS(50));
	sn_stream_write(s, sn_str_n(piece, 4000000));
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
	finish();
	sn_free(piece);
}
END_TEST

START_TEST(reset_is_an_error)
{
	struct linger hard = { .l_onoff = 1 };

	begin_tcp();
	if (_i == 1)
		sn_stream_pause(s);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(peer);
	peer = -1;
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, -ECONNRESET);
	ck_assert_uint_eq(probe.eofs, 0);
	finish();
}
END_TEST

START_TEST(half_open_client_gets_its_answer)
{
	char text[32];

	begin_tcp();
	probe.keeps_open = true;
	send_all("question", 8);
	shutdown(peer, SHUT_WR);
	TURN_UNTIL(loop, probe.eofs == 1);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "question");
	turn_some(loop, 10);
	ck_assert_uint_eq(probe.eofs, 1);
	PROBE_CALL(&probe, sn_stream_write(s, SN_STR("answer")));
	PROBE_CALL(&probe, sn_stream_close(s));
	ck_assert_uint_eq(receive(text, sizeof(text)), 6);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	finish();
}
END_TEST

START_TEST(eof_closes_by_default)
{
	begin_tcp();
	close(peer);
	peer = -1;
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	ck_assert_uint_eq(probe.eofs, 1);
	finish();
}
END_TEST

/* Closing a TCP socket with unread input sends a reset, which destroys what the peer has not read
 * yet: the stream must read on until the peer is done. */
START_TEST(close_with_unread_input_loses_nothing)
{
	const size_t n = 200000;
	char *sent = pattern_new(n), *got = sn_alloc(n);
	int small = 4096;

	begin_tcp();
	setsockopt(own, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	send_all(sent, 30000);
	PROBE_CALL(&probe, sn_stream_write(s, sn_str_n(sent, n)));
	PROBE_CALL(&probe, sn_stream_close(s));
	for (size_t have = 0; have < n; have += 20000) {
		send_all("x", 1);
		ck_assert_uint_eq(receive(got + have, 20000), 20000);
	}
	ck_assert_int_eq(memcmp(sent, got, n), 0);
	ck_assert_uint_eq(probe.inputs, 0);
	ck_assert_uint_eq(probe.ends, 0);
	shutdown(peer, SHUT_WR);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	finish();
	sn_free(sent);
	sn_free(got);
}
END_TEST

START_TEST(lingering_has_an_end)
{
	struct sn_stream_deadlines d = { .close = SN_MS(30) };

	begin_tcp();
	sn_stream_set_deadlines(s, &d);
	PROBE_CALL(&probe, sn_stream_close(s));
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	finish();
}
END_TEST

static void close_in_input(struct probe *p)
{
	PROBE_CALL(p, sn_stream_write(p->user.stream, SN_STR("bye")));
	PROBE_CALL(p, sn_stream_close(p->user.stream));
	PROBE_CALL(p, sn_stream_write(p->user.stream, SN_STR("lost")));
	sn_chain_write(sn_stream_out(p->user.stream), SN_STR("lost too"));
	PROBE_CALL(p, sn_stream_flush(p->user.stream));
}

START_TEST(close_inside_input)
{
	char text[32];

	begin_tcp();
	probe.on_input = close_in_input;
	send_all("x", 1);
	ck_assert_uint_eq(receive(text, sizeof(text)), 3);
	ck_assert_int_eq(memcmp(text, "bye", 3), 0);
	close(peer);
	peer = -1;
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	finish();
}
END_TEST

static void abort_in_input(struct probe *p)
{
	PROBE_CALL(p, sn_stream_abort(p->user.stream, SN_EPROTO));
	PROBE_CALL(p, sn_stream_abort(p->user.stream, SN_ELIMIT));
	PROBE_CALL(p, sn_stream_close(p->user.stream));
	PROBE_CALL(p, sn_stream_write(p->user.stream, SN_STR("lost")));
	PROBE_CALL(p, sn_stream_pause(p->user.stream));
	PROBE_CALL(p, sn_stream_resume(p->user.stream));
}

START_TEST(abort_inside_input)
{
	char text[32];

	begin_tcp();
	probe.on_input = abort_in_input;
	send_all("x", 1);
	ck_assert_uint_eq(receive(text, sizeof(text)), 0);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_EPROTO);
	finish();
}
END_TEST

/* The other end of a unix socket that is gone hangs up for ever: the loop must still sleep. */
START_TEST(hang_up_does_not_spin)
{
	begin_unix(SOCK_STREAM);
	probe.keeps_open = true;
	if (_i == 1)
		sn_stream_pause(s);
	close(peer);
	peer = -1;
	if (_i == 0)
		TURN_UNTIL(loop, probe.eofs == 1);
	turn_some(loop, 3);
	check_sleeps();
	if (_i == 1) {
		sn_stream_resume(s);
		TURN_UNTIL(loop, probe.eofs == 1);
	}
	sn_stream_write(s, SN_STR("x"));
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, -EPIPE);
	finish();
}
END_TEST

START_TEST(pipes)
{
	int in[2], out[2];
	char text[8];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
	begin(in[0], out[1], out[0]);
	ck_assert_int_eq(write(in[1], "hello", 5), 5);
	TURN_UNTIL(loop, probe.got.n == 5);
	sn_stream_write(s, SN_STR("world"));
	ck_assert_uint_eq(receive(text, 5), 5);
	ck_assert_int_eq(memcmp(text, "world", 5), 0);
	close(in[1]);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	ck_assert_int_eq(read(peer, text, 1), 0);
	finish();
}
END_TEST

START_TEST(pipe_with_unread_data_and_no_writer)
{
	int in[2], out[2];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
	begin(in[0], out[1], out[0]);
	sn_stream_pause(s);
	ck_assert_int_eq(write(in[1], "kept", 4), 4);
	close(in[1]);
	turn_some(loop, 5);
	ck_assert_uint_eq(probe.inputs, 0);
	sn_stream_resume(s);
	TURN_UNTIL(loop, probe.ends == 1);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "kept");
	finish();
}
END_TEST

START_TEST(blocking_mode_is_put_back)
{
	int fds[2], kept;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	kept = dup(fds[1]);
	begin(fds[1], fds[1], fds[0]);
	ck_assert_int_ne(fcntl(kept, F_GETFL) & O_NONBLOCK, 0);
	finish();
	ck_assert_int_eq(fcntl(kept, F_GETFL) & O_NONBLOCK, 0);
	close(kept);
}
END_TEST

START_TEST(bad_descriptor)
{
	struct sn_stream_fd f;
	int fds[2];

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(sn_stream_fd_init(&f, loop, fds[0], fds[0]), -EBADF);
	ck_assert_int_eq(sn_stream_fd_new(loop, fds[0], fds[1], &s), -EBADF);
	sn_loop_free(&loop);
}
END_TEST

START_TEST(an_idle_stream_is_small)
{
	begin_tcp();
	ck_assert_uint_le(sizeof(struct sn_stream_fd), 640);
	send_all("x", 1);
	TURN_UNTIL(loop, probe.got.n == 1);
	sn_stream_write(s, SN_STR("y"));
	turn_some(loop, 2);
	ck_assert_uint_eq(s->in.cap, 0);
	ck_assert_uint_eq(s->out.bytes, 0);
	finish();
}
END_TEST

Suite *sn_suite_stream_fd(void);
Suite *sn_suite_stream_fd(void)
{
	Suite *suite = suite_create("net/stream_fd");
	TCase *tc = tcase_create("fd");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, echoes);
	tcase_add_test(tc, leftovers_cost_memory_only_while_they_last);
	tcase_add_test(tc, byte_at_a_time);
	tcase_add_test(tc, writes_of_one_turn_leave_together);
	tcase_add_test(tc, blocks_of_one_turn_leave_together);
	tcase_add_test(tc, input_limit_stops_reading);
	tcase_add_test(tc, pause_stops_reading);
	tcase_add_test(tc, big_output_goes_on_when_writable);
	tcase_add_test(tc, file_ranges_with_partial_writes);
	tcase_add_test(tc, a_big_file_leaves_in_pieces);
	tcase_add_test(tc, file_that_shrank_is_an_error);
	tcase_add_test(tc, client_that_never_reads);
	tcase_add_test(tc, write_deadline);
	tcase_add_loop_test(tc, reset_is_an_error, 0, 2);
	tcase_add_test(tc, half_open_client_gets_its_answer);
	tcase_add_test(tc, eof_closes_by_default);
	tcase_add_test(tc, close_with_unread_input_loses_nothing);
	tcase_add_test(tc, lingering_has_an_end);
	tcase_add_test(tc, close_inside_input);
	tcase_add_test(tc, abort_inside_input);
	tcase_add_loop_test(tc, hang_up_does_not_spin, 0, 2);
	tcase_add_test(tc, pipes);
	tcase_add_test(tc, pipe_with_unread_data_and_no_writer);
	tcase_add_test(tc, blocking_mode_is_put_back);
	tcase_add_test(tc, bad_descriptor);
	tcase_add_test(tc, an_idle_stream_is_small);
	suite_add_tcase(suite, tc);
	return suite;
}
