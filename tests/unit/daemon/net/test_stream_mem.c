#include "daemon/net/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/probe.h"

static struct sn_loop *loop;
static struct sn_stream *a, *b;
static struct probe pa, pb;

static void setup_capacity(size_t capacity)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	sn_stream_mem_pair(loop, capacity, &a, &b);
	probe_init(&pa, a);
	probe_init(&pb, b);
}

static void teardown(void)
{
	if (pa.ends == 0)
		sn_stream_abort(a, SN_CLOSE);
	if (pb.ends == 0)
		sn_stream_abort(b, SN_CLOSE);
	TURN_UNTIL(loop, pa.frees == 1 && pb.frees == 1);
	ck_assert_uint_eq(pa.ends, 1);
	ck_assert_uint_eq(pb.ends, 1);
	probe_fini(&pa);
	probe_fini(&pb);
	sn_loop_free(&loop);
}

static void setup(void)
{
	setup_capacity(65536);
}

START_TEST(carries_both_ways)
{
	PROBE_CALL(&pa, sn_stream_write(a, SN_STR("ping")));
	PROBE_CALL(&pb, sn_stream_write(b, SN_STR("pong")));
	TURN_UNTIL(loop, pa.got.n == 4 && pb.got.n == 4);
	ck_assert_str_view(sn_strbuf_str(&pb.got), "ping");
	ck_assert_str_view(sn_strbuf_str(&pa.got), "pong");
	ck_assert_uint_eq(pa.ready, 1);
	ck_assert_uint_eq(a->bytes_out, 4);
	ck_assert_uint_eq(a->bytes_in, 4);
}
END_TEST

START_TEST(capacity_blocks_the_writer)
{
	static const size_t capacities[] = { 1, 7, 1000, 100000 };
	const size_t n = 3000;
	char *sent = pattern_new(n);

	teardown();
	setup_capacity(capacities[_i]);
	sn_stream_pause(b);
	sn_stream_write(a, sn_str_n(sent, n));
	turn_some(loop, 5);
	ck_assert_uint_eq(sn_stream_queued(a), n > capacities[_i] ? n - capacities[_i] : 0);
	sn_stream_resume(b);
	TURN_UNTIL(loop, pb.got.n == n);
	ck_assert(sn_str_eq(sn_strbuf_str(&pb.got), sn_str_n(sent, n)));
	ck_assert_uint_eq(sn_stream_queued(a), 0);
	sn_free(sent);
}
END_TEST

START_TEST(file_ranges_arrive)
{
	const size_t n = 50000;
	char *sent = pattern_new(n), name[] = "/tmp/sn-mem-XXXXXX";
	int fd = mkstemp(name);
	struct sn_block *file;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(write(fd, sent, n), (ssize_t)n);
	file = sn_block_file(fd);
	sn_chain_write(sn_stream_out(a), SN_STR("head "));
	sn_chain_add(sn_stream_out(a), file, 10, n - 20);
	sn_chain_write(sn_stream_out(a), SN_STR(" tail"));
	sn_block_unref(&file);
	sn_stream_flush(a);
	TURN_UNTIL(loop, pb.got.n == n - 10);
	ck_assert_int_eq(memcmp(pb.got.p, "head ", 5), 0);
	ck_assert_int_eq(memcmp(pb.got.p + 5, sent + 10, n - 20), 0);
	ck_assert_int_eq(memcmp(pb.got.p + n - 15, " tail", 5), 0);
	sn_free(sent);
}
END_TEST

START_TEST(close_delivers_the_rest)
{
	const size_t n = 300000;
	char *sent = pattern_new(n);

	sn_stream_write(a, sn_str_n(sent, n));
	PROBE_CALL(&pa, sn_stream_close(a));
	TURN_UNTIL(loop, pa.ends == 1 && pb.ends == 1);
	ck_assert(sn_str_eq(sn_strbuf_str(&pb.got), sn_str_n(sent, n)));
	ck_assert_int_eq(pa.code, SN_CLOSE);
	ck_assert_int_eq(pb.code, SN_CLOSE);
	ck_assert_uint_eq(pb.eofs, 1);
	ck_assert_uint_eq(pa.eofs, 0);
	sn_free(sent);
}
END_TEST

START_TEST(abort_resets_the_peer)
{
	PROBE_CALL(&pa, sn_stream_abort(a, -EIO));
	TURN_UNTIL(loop, pa.ends == 1 && pb.ends == 1);
	ck_assert_int_eq(pa.code, -EIO);
	ck_assert_int_eq(pb.code, -ECONNRESET);
	ck_assert_uint_eq(pb.eofs, 0);
}
END_TEST

START_TEST(both_ends_close)
{
	PROBE_CALL(&pa, sn_stream_close(a));
	PROBE_CALL(&pb, sn_stream_close(b));
	TURN_UNTIL(loop, pa.ends == 1 && pb.ends == 1);
	ck_assert_int_eq(pa.code, SN_CLOSE);
	ck_assert_int_eq(pb.code, SN_CLOSE);
}
END_TEST

START_TEST(half_close_lets_the_answer_through)
{
	pb.keeps_open = true;
	sn_stream_write(a, SN_STR("question"));
	sn_stream_close(a);
	TURN_UNTIL(loop, pb.eofs == 1);
	ck_assert_str_view(sn_strbuf_str(&pb.got), "question");
	sn_stream_write(b, SN_STR("answer"));
	sn_stream_close(b);
	TURN_UNTIL(loop, pa.ends == 1 && pb.ends == 1);
	ck_assert_int_eq(pb.code, SN_CLOSE);
	ck_assert_uint_eq(pa.got.n, 0); /* after close nothing is heard */
}
END_TEST

Suite *sn_suite_stream_mem(void);
Suite *sn_suite_stream_mem(void)
{
	Suite *suite = suite_create("net/stream_mem");
	TCase *tc = tcase_create("pair");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, carries_both_ways);
	tcase_add_loop_test(tc, capacity_blocks_the_writer, 0, 4);
	tcase_add_test(tc, file_ranges_arrive);
	tcase_add_test(tc, close_delivers_the_rest);
	tcase_add_test(tc, abort_resets_the_peer);
	tcase_add_test(tc, both_ends_close);
	tcase_add_test(tc, half_close_lets_the_answer_through);
	suite_add_tcase(suite, tc);
	return suite;
}
