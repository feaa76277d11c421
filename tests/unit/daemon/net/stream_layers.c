/* The part of test_stream.c about streams on streams: what daemon/net/stream.c does for filters. */
#include "daemon/net/stream.h"

#include <errno.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/probe.h"

static struct sn_fake_clock fake;
static struct sn_loop *loop;
static struct probe probe;

/* A filter that adds 1 to every byte on its way out and takes 1 away on its way in. */
struct filter {
	struct sn_stream stream;
	struct sn_stream_user user;
	bool freed;
};

static struct filter *filter_of(struct sn_stream *stream)
{
	return sn_container_of(stream, struct filter, stream);
}

static int filter_pull(struct sn_stream *stream)
{
	struct sn_str in = sn_stream_input(stream->lower);
	size_t room;
	char *p;
	int rc;

	if (in.n == 0)
		return stream->lower->eof ? SN_CLOSE : SN_AGAIN;
	rc = sn_buf_reserve(&stream->in, in.n, &p, &room);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < room; i++)
		p[i] = (char)(in.p[i] - 1);
	sn_buf_commit(&stream->in, room);
	sn_stream_consume(stream->lower, room);
	stream->more = in.n > room || stream->lower->eof;
	return SN_OK;
}

static int filter_push(struct sn_stream *stream)
{
	while (stream->out.bytes > 0) {
		char piece[16];
		size_t n;

		if (sn_stream_congested(stream->lower))
			return SN_AGAIN;
		n = sn_chain_peek(&stream->out, piece, sizeof(piece));
		for (size_t i = 0; i < n; i++)
			piece[i]++;
		sn_chain_consume(&stream->out, n);
		sn_chain_write(sn_stream_out(stream->lower), sn_str_n(piece, n));
		sn_stream_flush_now(stream->lower);
	}
	return SN_OK;
}

static void filter_want_input(struct sn_stream *stream, bool want)
{
	if (want)
		sn_stream_resume(stream->lower);
	else
		sn_stream_pause(stream->lower);
}

static int filter_shutdown(struct sn_stream *stream)
{
	sn_stream_write(stream->lower, SN_STR("!"));
	return SN_OK;
}

static void filter_release(struct sn_stream *stream)
{
	filter_of(stream)->freed = true;
}

static const struct sn_stream_ops filter_ops = {
	.name = "filter",
	.pull = filter_pull,
	.push = filter_push,
	.want_input = filter_want_input,
	.shutdown = filter_shutdown,
	.release = filter_release,
};

static struct sn_stream *top_of(struct sn_stream_user *user)
{
	return &sn_container_of(user, struct filter, user)->stream;
}

static void lower_input(struct sn_stream_user *user)
{
	sn_stream_readable(top_of(user));
}

static void lower_drained(struct sn_stream_user *user)
{
	sn_stream_writable(top_of(user));
}

static void lower_end(struct sn_stream_user *user, int code)
{
	sn_stream_abort(top_of(user), code);
}

static const struct sn_stream_events filter_events = {
	.on_input = lower_input,
	.on_drained = lower_drained,
	.on_eof = lower_input,
	.on_end = lower_end,
};

static struct filter filter;
static struct sn_stream *top, *far_end;
static struct probe far_probe;

/* probe on filter on a memory pair whose other end far_probe holds. */
static void setup_layers(void)
{
	struct sn_loop_options options = { .clock = &fake.clock };
	struct sn_stream *lower;

	sn_fake_clock_init(&fake);
	ck_assert_int_eq(sn_loop_new(&options, &loop), SN_OK);
	sn_stream_mem_pair(loop, 100, &lower, &far_end);
	probe_init(&probe, lower);
	probe_init(&far_probe, far_end);
	filter = (struct filter){ .user.events = &filter_events };
	top = &filter.stream;
	sn_stream_init(top, loop, &filter_ops, false);
	sn_stream_stack(top, lower, &filter.user);
	sn_stream_ready(top);
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.ready, 1);
	ck_assert_ptr_eq(probe.user.stream, top);
}

static void teardown_layers(void)
{
	if (probe.ends == 0)
		sn_stream_abort(top, SN_CLOSE);
	turn_some(loop, 5);
	if (far_probe.ends == 0)
		sn_stream_abort(far_end, SN_CLOSE);
	turn_some(loop, 5);
	ck_assert_uint_eq(probe.frees, 1);
	ck_assert(filter.freed);
	ck_assert_uint_eq(far_probe.frees, 1);
	probe_fini(&probe);
	probe_fini(&far_probe);
	sn_loop_free(&loop);
}

START_TEST(a_filter_carries_both_ways)
{
	sn_stream_write(top, SN_STR("HAL"));
	sn_stream_write(far_end, SN_STR("JCN"));
	turn_some(loop, 2); /* all layers write in the flush phase of one turn */
	ck_assert_str_view(sn_strbuf_str(&far_probe.got), "IBM");
	ck_assert_str_view(sn_strbuf_str(&probe.got), "IBM");
}
END_TEST

START_TEST(a_filter_holds_back_when_lower_is_congested)
{
	const size_t n = 5000;
	char *sent = pattern_new(n);
	struct sn_stream_limits limits = { .in_max = 10, .low = 50, .high = 100, .max = 1000 };

	sn_stream_set_limits(top->lower, &limits);
	sn_stream_pause(far_end);
	sn_stream_write(top, sn_str_n(sent, n));
	turn_some(loop, 5);
	ck_assert_uint_gt(sn_stream_queued(top), n - 400);
	ck_assert_uint_eq(probe.ends, 0);
	sn_stream_resume(far_end);
	turn_some(loop, 1000);
	ck_assert_uint_eq(far_probe.got.n, n);
	sn_free(sent);
}
END_TEST

START_TEST(closing_the_top_closes_all)
{
	sn_stream_write(top, SN_STR("HAL"));
	PROBE_CALL(&probe, sn_stream_close(top));
	turn_some(loop, 10);
	ck_assert_str_view(sn_strbuf_str(&far_probe.got), "IBM!");
	ck_assert_uint_eq(far_probe.eofs, 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	ck_assert_uint_eq(probe.frees, 1);
	ck_assert_ptr_null(top->lower);
}
END_TEST

START_TEST(aborting_the_top_resets_the_peer)
{
	PROBE_CALL(&probe, sn_stream_abort(top, SN_EPROTO));
	turn_some(loop, 10);
	ck_assert_int_eq(probe.code, SN_EPROTO);
	ck_assert_int_eq(far_probe.code, -ECONNRESET);
	ck_assert_uint_eq(probe.frees, 1);
}
END_TEST

START_TEST(lowers_failure_ends_the_top)
{
	PROBE_CALL(&far_probe, sn_stream_abort(far_end, SN_EPROTO));
	turn_some(loop, 10);
	ck_assert_int_eq(probe.code, -ECONNRESET);
	ck_assert_uint_eq(probe.frees, 1);
}
END_TEST

START_TEST(end_of_stream_passes_through)
{
	sn_stream_write(far_end, SN_STR("JCN"));
	PROBE_CALL(&far_probe, sn_stream_close(far_end));
	turn_some(loop, 10);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "IBM");
	ck_assert_uint_eq(probe.eofs, 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	ck_assert_int_eq(far_probe.code, SN_CLOSE);
}
END_TEST

START_TEST(pausing_the_top_stops_lower)
{
	PROBE_CALL(&probe, sn_stream_pause(top));
	sn_stream_write(far_end, SN_STR("JCN"));
	sn_stream_close(far_end);
	turn_some(loop, 10);
	ck_assert_uint_eq(probe.inputs, 0);
	ck_assert_uint_eq(probe.eofs, 0);
	PROBE_CALL(&probe, sn_stream_resume(top));
	turn_some(loop, 10);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "IBM");
	ck_assert_uint_eq(probe.eofs, 1);
}
END_TEST

START_TEST(the_top_takes_over)
{
	struct sn_stream_deadlines d = { 1, 2, 3, 4 };
	struct sn_stream_limits limits = { 5, 6, 7, 8 };
	struct sn_stream *lower, *other;
	struct filter second = { .user.events = &filter_events };

	sn_stream_mem_pair(loop, 100, &lower, &other);
	sn_stream_set_limits(lower, &limits);
	sn_stream_set_deadlines(lower, &d);
	sn_stream_init(&second.stream, loop, &filter_ops, false);
	sn_stream_stack(&second.stream, lower, &second.user);
	ck_assert_mem_eq(&second.stream.limits, &limits, sizeof(limits));
	ck_assert_mem_eq(&second.stream.deadlines, &d, sizeof(d));
	ck_assert_int_eq(lower->deadlines.idle, 0);
	sn_stream_abort(&second.stream, SN_CLOSE);
	sn_stream_abort(other, SN_CLOSE);
	turn_some(loop, 5);
	ck_assert_int_eq(second.stream.state, SN_STREAM_FREED);
}
END_TEST

START_TEST(lower_takes_write_and_close_deadlines)
{
	struct sn_stream_deadlines d = { 1, 2, 3, 4 };

	sn_stream_set_deadlines(top, &d);
	ck_assert_int_eq(top->lower->deadlines.handshake, 0);
	ck_assert_int_eq(top->lower->deadlines.idle, 0);
	ck_assert_int_eq(top->lower->deadlines.write, 3);
	ck_assert_int_eq(top->lower->deadlines.close, 4);
}
END_TEST

Suite *sn_suite_stream_layers(void);
Suite *sn_suite_stream_layers(void)
{
	Suite *suite = suite_create("net/stream_layers");
	TCase *tc = tcase_create("layers");

	tcase_add_checked_fixture(tc, setup_layers, teardown_layers);
	tcase_add_test(tc, a_filter_carries_both_ways);
	tcase_add_test(tc, a_filter_holds_back_when_lower_is_congested);
	tcase_add_test(tc, closing_the_top_closes_all);
	tcase_add_test(tc, aborting_the_top_resets_the_peer);
	tcase_add_test(tc, lowers_failure_ends_the_top);
	tcase_add_test(tc, end_of_stream_passes_through);
	tcase_add_test(tc, pausing_the_top_stops_lower);
	tcase_add_test(tc, the_top_takes_over);
	tcase_add_test(tc, lower_takes_write_and_close_deadlines);
	suite_add_tcase(suite, tc);
	return suite;
}
