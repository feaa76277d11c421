#include "daemon/net/stream.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/probe.h"

/*
 * A stream whose ops answer what the test says and count their calls, so that the core is seen
 * alone; time moves only when told to.
 */
struct script {
	struct sn_stream stream;
	struct sn_str input; /* what pull gives */
	int pull_end;        /* and then */
	int push_rc;         /* SN_OK, SN_AGAIN or a failure */
	size_t push_max;     /* bytes one push takes */
	int shutdown_rc;
	unsigned pulls, pushes, wants, shutdowns, releases;
	bool wanted;
};

static struct sn_fake_clock fake;
static struct sn_loop *loop;
static struct script script;
static struct sn_stream *s;
static struct probe probe;

static struct script *script_of(struct sn_stream *stream)
{
	return sn_container_of(stream, struct script, stream);
}

static int script_pull(struct sn_stream *stream)
{
	struct script *k = script_of(stream);
	char *p;
	size_t room;
	int rc;

	k->pulls++;
	if (k->input.n == 0)
		return k->pull_end;
	rc = sn_buf_reserve(&stream->in, k->input.n, &p, &room);
	ck_assert_int_eq(rc, SN_OK);
	memcpy(p, k->input.p, room);
	sn_buf_commit(&stream->in, room);
	k->input = sn_str_from(k->input, room);
	stream->more = k->input.n > 0;
	return SN_OK;
}

static int script_push(struct sn_stream *stream)
{
	struct script *k = script_of(stream);

	k->pushes++;
	sn_chain_consume(
		&stream->out, stream->out.bytes < k->push_max ? stream->out.bytes : k->push_max);
	return k->push_rc;
}

static void script_want_input(struct sn_stream *stream, bool want)
{
	script_of(stream)->wants++;
	script_of(stream)->wanted = want;
}

static int script_shutdown(struct sn_stream *stream)
{
	script_of(stream)->shutdowns++;
	return script_of(stream)->shutdown_rc;
}

static void script_release(struct sn_stream *stream)
{
	script_of(stream)->releases++;
}

static const struct sn_stream_ops script_ops = {
	.name = "script",
	.pull = script_pull,
	.push = script_push,
	.want_input = script_want_input,
	.shutdown = script_shutdown,
	.release = script_release,
};

static void setup(void)
{
	struct sn_loop_options options = { .clock = &fake.clock };

	sn_fake_clock_init(&fake);
	ck_assert_int_eq(sn_loop_new(&options, &loop), SN_OK);
	turn_some(loop, 1);
	script = (struct script){ .pull_end = SN_AGAIN, .push_max = SIZE_MAX };
	s = &script.stream;
	sn_stream_init(s, loop, &script_ops, false);
	probe_init(&probe, s);
}

static void setup_open(void)
{
	setup();
	PROBE_CALL(&probe, sn_stream_ready(s));
	turn_some(loop, 1);
}

static void teardown(void)
{
	if (probe.frees == 0) {
		PROBE_CALL(&probe, sn_stream_abort(s, SN_CLOSE));
		turn_some(loop, 3);
	}
	ck_assert_uint_eq(probe.ends, 1);
	ck_assert_uint_eq(probe.frees, 1);
	ck_assert_uint_eq(script.releases, 1);
	probe_fini(&probe);
	sn_loop_free(&loop);
}

static void advance(int64_t ns)
{
	sn_fake_clock_advance(&fake, ns);
	turn_some(loop, 2);
}

static void readable(const char *text)
{
	script.input = sn_str(text);
	sn_stream_readable(s);
}

/* --- readiness and users ---------------------------------------------------------------------- */

START_TEST(ready_comes_from_the_deferred_phase)
{
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.ready, 0);
	PROBE_CALL(&probe, sn_stream_ready(s));
	ck_assert_uint_eq(probe.ready, 0);
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.ready, 1);
	ck_assert(script.wanted);
}
END_TEST

START_TEST(bytes_before_ready_wait)
{
	readable("early");
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.inputs, 0);
	PROBE_CALL(&probe, sn_stream_ready(s));
	turn_some(loop, 2);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "early");
}
END_TEST

START_TEST(ready_is_told_before_input)
{
	PROBE_CALL(&probe, sn_stream_ready(s));
	readable("quick"); /* the probe checks the order */
	ck_assert_uint_eq(probe.ready, 1);
	ck_assert_uint_eq(probe.inputs, 1);
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.ready, 1);
}
END_TEST

START_TEST(output_before_ready_waits)
{
	sn_stream_write(s, SN_STR("early"));
	turn_some(loop, 2);
	sn_stream_writable(s);
	ck_assert_uint_eq(script.pushes, 0);
	sn_stream_ready(s);
	turn_some(loop, 1);
	ck_assert_uint_eq(script.pushes, 1);
}
END_TEST

START_TEST(eof_before_ready_fails)
{
	script.pull_end = SN_CLOSE;
	sn_stream_readable(s);
	turn_some(loop, 2);
	ck_assert_int_eq(probe.code, SN_EEOF);
	ck_assert_uint_eq(probe.eofs, 0);
}
END_TEST

START_TEST(a_new_user_hears_ready_and_what_is_unread)
{
	struct probe second;

	probe.bite = 3;
	readable("oneTWO");
	ck_assert_str_view(sn_strbuf_str(&probe.got), "one");
	probe_init(&second, s);
	ck_assert_ptr_null(probe.user.stream);
	ck_assert_uint_eq(second.ready, 0);
	turn_some(loop, 2);
	ck_assert_uint_eq(second.ready, 1);
	ck_assert_str_view(sn_strbuf_str(&second.got), "TWO");
	readable("more");
	ck_assert_uint_eq(probe.inputs, 1);
	sn_stream_abort(s, SN_EPROTO);
	turn_some(loop, 3);
	ck_assert_uint_eq(probe.ends, 0);
	ck_assert_uint_eq(second.frees, 1);
	probe.ends = probe.frees = 1;
	probe_fini(&second);
}
END_TEST

/* --- input ------------------------------------------------------------------------------------ */

static void pause_resume(struct probe *p)
{
	PROBE_CALL(p, sn_stream_pause(p->user.stream));
	PROBE_CALL(p, sn_stream_resume(p->user.stream));
}

START_TEST(one_on_input_a_turn)
{
	probe.bite = 1;
	probe.on_input = pause_resume;
	readable("abc");
	readable("def");
	ck_assert_uint_eq(probe.inputs, 1);
	for (unsigned i = 1; i <= 6; i++) { /* in a turn of its own each: the probe checks */
		turn_some(loop, 1);
		ck_assert_uint_ge(probe.inputs, i);
	}
	turn_some(loop, 2);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "abcdef");
}
END_TEST

START_TEST(full_input_stops_and_consume_restarts)
{
	struct sn_stream_limits limits = { .in_max = 4, .low = 1, .high = 2, .max = 3 };

	sn_stream_set_limits(s, &limits);
	probe.hoards = true;
	readable("abcdefgh");
	ck_assert(!script.wanted);
	ck_assert_uint_eq(s->in.n, 4);
	turn_some(loop, 3);
	ck_assert_uint_eq(script.pulls, 1);
	probe.hoards = false;
	PROBE_CALL(&probe, sn_stream_consume(s, 3));
	ck_assert(script.wanted);
	turn_some(loop, 3); /* nobody calls readable again: the core knows that there is more */
	ck_assert_str_view(sn_strbuf_str(&probe.got), "defgh");
}
END_TEST

START_TEST(interest_is_told_only_when_it_changes)
{
	unsigned before = script.wants;

	for (int i = 0; i < 5; i++) {
		readable("x");
		turn_some(loop, 1);
	}
	ck_assert_uint_eq(script.wants, before);
}
END_TEST

START_TEST(readable_while_paused_is_not_forgotten)
{
	PROBE_CALL(&probe, sn_stream_pause(s));
	readable("kept");
	ck_assert_uint_eq(script.pulls, 0);
	PROBE_CALL(&probe, sn_stream_resume(s));
	turn_some(loop, 2);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "kept");
}
END_TEST

static void pause_only(struct probe *p)
{
	sn_stream_pause(p->user.stream);
}

/* Resumed with something unread and the word that there is more to pull: there is not, or only the
 * end. */
START_TEST(unread_input_is_heard_whatever_the_pull_gives)
{
	probe.bite = 1;
	probe.on_input = pause_only;
	probe.keeps_open = true;
	readable("ab");
	turn_some(loop, 1);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "a");
	readable("");
	script.pull_end = _i == 0 ? SN_AGAIN : SN_CLOSE;
	PROBE_CALL(&probe, sn_stream_resume(s));
	turn_some(loop, 1);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "ab");
	PROBE_CALL(&probe, sn_stream_resume(s));
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.eofs, _i == 0 ? 0 : 1);
}
END_TEST

/* Two requests and the end of stream, and a user who pauses to answer each. */
START_TEST(eof_waits_for_a_paused_user)
{
	probe.bite = 1;
	probe.on_input = pause_only;
	probe.keeps_open = true;
	readable("ab");
	script.pull_end = SN_CLOSE;
	s->more = true;
	PROBE_CALL(&probe, sn_stream_resume(s));
	turn_some(loop, 3);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "ab");
	ck_assert(s->eof);
	ck_assert_uint_eq(probe.eofs, 0);
	ck_assert_int_ne(sn_loop_timeout(loop), 0); /* nothing goes round meanwhile */
	PROBE_CALL(&probe, sn_stream_resume(s));
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.eofs, 1);
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.eofs, 1);
}
END_TEST

START_TEST(eof_comes_once_and_after_all_input)
{
	probe.bite = 1;
	probe.on_input = pause_resume;
	probe.keeps_open = true;
	readable("ab");
	script.pull_end = SN_CLOSE;
	sn_stream_readable(s);
	ck_assert_uint_eq(probe.eofs, 0);
	turn_some(loop, 4);
	ck_assert_uint_eq(probe.eofs, 1);
	ck_assert_str_view(sn_strbuf_str(&probe.got), "ab");
	sn_stream_readable(s);
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.eofs, 1);
}
END_TEST

/* --- output ----------------------------------------------------------------------------------- */

START_TEST(one_push_a_turn)
{
	for (int i = 0; i < 10; i++)
		PROBE_CALL(&probe, sn_stream_write(s, SN_STR("x")));
	ck_assert_uint_eq(script.pushes, 0);
	turn_some(loop, 3);
	ck_assert_uint_eq(script.pushes, 1);
	ck_assert_uint_eq(s->bytes_out, 10);
	ck_assert_uint_eq(probe.drained, 0);
}
END_TEST

START_TEST(no_push_while_blocked)
{
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	sn_stream_write(s, SN_STR("x"));
	turn_some(loop, 1);
	sn_stream_write(s, SN_STR("y"));
	turn_some(loop, 3);
	ck_assert_uint_eq(script.pushes, 1);
	script.push_rc = SN_OK;
	script.push_max = SIZE_MAX;
	sn_stream_writable(s);
	ck_assert_uint_eq(script.pushes, 2);
	ck_assert_uint_eq(sn_stream_queued(s), 0);
}
END_TEST

START_TEST(water_marks)
{
	struct sn_stream_limits limits = { .in_max = 1, .low = 4, .high = 8, .max = 100 };

	sn_stream_set_limits(s, &limits);
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	sn_stream_write(s, SN_STR("12345678"));
	ck_assert(!sn_stream_congested(s));
	sn_stream_write(s, SN_STR("9"));
	ck_assert(sn_stream_congested(s));
	turn_some(loop, 1);
	script.push_max = 4;
	sn_stream_writable(s); /* 5 left: above low */
	turn_some(loop, 1);
	ck_assert_uint_eq(probe.drained, 0);
	script.push_max = 1;
	sn_stream_writable(s); /* 4: at low */
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.drained, 1);
	ck_assert(!sn_stream_congested(s));
}
END_TEST

START_TEST(output_limit_aborts)
{
	struct sn_stream_limits limits = { .in_max = 1, .low = 1, .high = 2, .max = 8 };

	sn_stream_set_limits(s, &limits);
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	PROBE_CALL(&probe, sn_stream_write(s, SN_STR("12345678")));
	ck_assert(sn_stream_is_open(s));
	ck_assert_uint_eq(script.pushes, 0);
	PROBE_CALL(&probe, sn_stream_write(s, SN_STR("9")));
	ck_assert(!sn_stream_is_open(s));
	ck_assert_uint_eq(script.pushes, 1);
	turn_some(loop, 2);
	ck_assert_int_eq(probe.code, SN_ELIMIT);
	ck_assert_uint_eq(script.pushes, 1);
}
END_TEST

START_TEST(much_in_one_turn_is_no_slow_reader)
{
	struct sn_stream_limits limits = { .in_max = 1, .low = 1, .high = 2, .max = 8 };

	sn_stream_set_limits(s, &limits);
	for (int i = 0; i < 100; i++)
		PROBE_CALL(&probe, sn_stream_write(s, SN_STR("12345")));
	ck_assert(sn_stream_is_open(s));
	ck_assert_uint_eq(script.pushes, 50); /* one at a time, when it is needed */
	turn_some(loop, 2);
	ck_assert_uint_eq(sn_stream_queued(s), 0);
	ck_assert_uint_eq(probe.ends, 0);
	ck_assert_uint_eq(probe.drained, 1);
}
END_TEST

START_TEST(a_file_range_is_not_memory)
{
	struct sn_stream_limits limits = { .in_max = 1, .low = 1, .high = 2, .max = 8 };
	struct sn_block *file = sn_block_file(dup(0));

	sn_stream_set_limits(s, &limits);
	sn_chain_add(sn_stream_out(s), file, 0, 1000);
	sn_block_unref(&file);
	PROBE_CALL(&probe, sn_stream_flush(s));
	ck_assert(sn_stream_is_open(s));
	ck_assert(sn_stream_congested(s));
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.drained, 1);
}
END_TEST

/* --- the end ---------------------------------------------------------------------------------- */

START_TEST(close_flushes_shuts_down_and_lingers)
{
	sn_stream_write(s, SN_STR("last"));
	PROBE_CALL(&probe, sn_stream_close(s));
	ck_assert_uint_eq(script.pushes, 0);
	turn_some(loop, 1);
	ck_assert_uint_eq(script.pushes, 1);
	ck_assert_uint_eq(script.shutdowns, 1);
	ck_assert_int_eq(s->state, SN_STREAM_LINGERING);
	readable("dropped");
	turn_some(loop, 2);
	ck_assert_uint_eq(probe.inputs, 0);
	ck_assert_uint_eq(s->in.n, 0);
	script.pull_end = SN_CLOSE;
	sn_stream_readable(s);
	turn_some(loop, 2);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	ck_assert_uint_eq(probe.eofs, 0);
}
END_TEST

START_TEST(shutdown_answers)
{
	static const struct {
		int rc, code;
		enum sn_stream_state state;
	} rows[] = {
		{ SN_OK, 0, SN_STREAM_LINGERING },
		{ SN_AGAIN, 0, SN_STREAM_CLOSING },
		{ SN_CLOSE, SN_CLOSE, SN_STREAM_ENDED },
		{ -EIO, -EIO, SN_STREAM_ENDED },
	};

	script.shutdown_rc = rows[_i].rc;
	sn_stream_close(s);
	turn_some(loop, 1);
	ck_assert_int_eq(s->state, rows[_i].state);
	turn_some(loop, 1);
	if (rows[_i].state == SN_STREAM_ENDED)
		ck_assert_int_eq(probe.code, rows[_i].code);
	if (rows[_i].rc == SN_AGAIN) {
		script.shutdown_rc = SN_CLOSE;
		sn_stream_writable(s);
		ck_assert_uint_eq(script.shutdowns, 2);
	}
}
END_TEST

START_TEST(close_after_the_peers_end_needs_no_lingering)
{
	script.pull_end = SN_CLOSE;
	sn_stream_readable(s);
	turn_some(loop, 2);
	ck_assert_uint_eq(script.shutdowns, 0);
	ck_assert_int_eq(probe.code, SN_CLOSE);
}
END_TEST

START_TEST(close_reads_on_though_paused)
{
	PROBE_CALL(&probe, sn_stream_pause(s));
	ck_assert(!script.wanted);
	PROBE_CALL(&probe, sn_stream_close(s));
	ck_assert(script.wanted);
}
END_TEST

START_TEST(close_with_full_input_reads_on)
{
	struct sn_stream_limits limits = { .in_max = 4, .low = 1, .high = 2, .max = 3 };

	sn_stream_set_limits(s, &limits);
	probe.hoards = true;
	readable("abcd");
	PROBE_CALL(&probe, sn_stream_close(s));
	ck_assert(script.wanted);
	readable("efgh");
	turn_some(loop, 2);
	ck_assert_int_eq(s->state, SN_STREAM_LINGERING);
}
END_TEST

START_TEST(close_before_ready_waits_for_it)
{
	sn_stream_write(s, SN_STR("x"));
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	PROBE_CALL(&probe, sn_stream_close(s));
	turn_some(loop, 2);
	ck_assert_uint_eq(script.shutdowns, 0);
	script.push_rc = SN_OK;
	script.push_max = SIZE_MAX;
	sn_stream_ready(s);
	turn_some(loop, 1);
	ck_assert_uint_eq(script.shutdowns, 1);
	ck_assert_uint_eq(probe.ready, 0);
}
END_TEST

START_TEST(failures_end_it)
{
	script.push_rc = -EPIPE;
	if (_i == 0)
		sn_stream_write(s, SN_STR("x"));
	script.pull_end = -ECONNRESET;
	if (_i == 1)
		sn_stream_readable(s);
	turn_some(loop, 2);
	ck_assert_int_eq(probe.code, _i == 0 ? -EPIPE : -ECONNRESET);
}
END_TEST

START_TEST(after_the_end_nothing_happens)
{
	PROBE_CALL(&probe, sn_stream_abort(s, SN_EPROTO));
	PROBE_CALL(&probe, sn_stream_abort(s, SN_ELIMIT));
	PROBE_CALL(&probe, sn_stream_close(s));
	PROBE_CALL(&probe, sn_stream_write(s, SN_STR("x")));
	sn_chain_write(sn_stream_out(s), SN_STR("x"));
	PROBE_CALL(&probe, sn_stream_flush(s));
	PROBE_CALL(&probe, sn_stream_resume(s));
	readable("x");
	sn_stream_writable(s);
	ck_assert_uint_eq(probe.ends, 0);
	turn_some(loop, 3);
	ck_assert_int_eq(probe.code, SN_EPROTO);
	ck_assert_uint_eq(script.pulls + script.pushes + script.shutdowns, 0);
}
END_TEST

/* --- deadlines -------------------------------------------------------------------------------- */

static void set_deadlines(struct sn_stream_deadlines d)
{
	sn_stream_set_deadlines(s, &d);
}

START_TEST(handshake_deadline)
{
	set_deadlines((struct sn_stream_deadlines){ .handshake = SN_SEC(10), .idle = SN_SEC(1) });
	advance(SN_SEC(9));
	ck_assert_uint_eq(probe.ends, 0);
	advance(SN_SEC(2));
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
}
END_TEST

START_TEST(idle_deadline_is_moved_by_bytes_either_way)
{
	set_deadlines((struct sn_stream_deadlines){ .idle = SN_SEC(10) });
	for (int i = 0; i < 4; i++) {
		advance(SN_SEC(8));
		if (i % 2)
			readable("x");
		else
			sn_stream_write(s, SN_STR("x"));
		turn_some(loop, 1);
	}
	ck_assert_uint_eq(probe.ends, 0);
	advance(SN_SEC(9));
	ck_assert_uint_eq(probe.ends, 0);
	advance(SN_SEC(2));
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
}
END_TEST

START_TEST(a_message_does_not_move_the_timer)
{
	int64_t armed;

	set_deadlines((struct sn_stream_deadlines){ .idle = SN_SEC(10), .write = SN_SEC(5) });
	armed = s->timer.deadline;
	advance(SN_SEC(3));
	readable("x");
	sn_stream_write(s, SN_STR("x"));
	turn_some(loop, 2);
	ck_assert_int_eq(s->timer.deadline, armed);
}
END_TEST

START_TEST(write_deadline_counts_from_the_last_progress)
{
	set_deadlines((struct sn_stream_deadlines){ .idle = SN_SEC(100), .write = SN_SEC(10) });
	advance(SN_SEC(50));
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	sn_stream_write(s, SN_STR("0123456789"));
	turn_some(loop, 1);
	script.push_max = 1;
	for (int i = 0; i < 3; i++) {
		advance(SN_SEC(8));
		sn_stream_writable(s);
	}
	ck_assert_uint_eq(probe.ends, 0);
	advance(SN_SEC(11));
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
}
END_TEST

/* Neither more output nor a wake-up that moves nothing is progress. */
START_TEST(write_deadline_is_not_moved_by_hope)
{
	set_deadlines((struct sn_stream_deadlines){ .write = SN_SEC(10) });
	script.push_rc = SN_AGAIN;
	script.push_max = 0;
	sn_stream_write(s, SN_STR("0123456789"));
	turn_some(loop, 1);
	advance(SN_SEC(6));
	sn_stream_write(s, SN_STR("more"));
	sn_stream_writable(s);
	advance(SN_SEC(6));
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
}
END_TEST

START_TEST(close_deadline)
{
	set_deadlines((struct sn_stream_deadlines){ .close = SN_SEC(3) });
	script.push_rc = SN_AGAIN;
	script.push_max = 1;
	sn_stream_write(s, SN_STR("0123456789"));
	sn_stream_close(s);
	turn_some(loop, 1);
	advance(SN_SEC(2));
	sn_stream_writable(s);
	advance(SN_SEC(2));
	ck_assert_uint_eq(probe.ends, 0);
	advance(SN_SEC(2));
	ck_assert_int_eq(probe.code, SN_ETIMEOUT);
}
END_TEST

START_TEST(lingering_ends_in_order)
{
	set_deadlines((struct sn_stream_deadlines){ .close = _i == 0 ? 0 : SN_SEC(2) });
	sn_stream_close(s);
	advance(SN_SEC(1));
	readable("chatter"); /* does not prolong it */
	ck_assert_uint_eq(probe.ends, 0);
	advance(_i == 0 ? SN_SEC(5) : SN_SEC(2));
	ck_assert_int_eq(probe.code, SN_CLOSE);
}
END_TEST

static TCase *connecting_case(void)
{
	TCase *tc = tcase_create("connecting");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ready_comes_from_the_deferred_phase);
	tcase_add_test(tc, bytes_before_ready_wait);
	tcase_add_test(tc, ready_is_told_before_input);
	tcase_add_test(tc, output_before_ready_waits);
	tcase_add_test(tc, eof_before_ready_fails);
	tcase_add_test(tc, close_before_ready_waits_for_it);
	tcase_add_test(tc, handshake_deadline);
	return tc;
}

static TCase *data_case(void)
{
	TCase *tc = tcase_create("data");

	tcase_add_checked_fixture(tc, setup_open, teardown);
	tcase_add_test(tc, a_new_user_hears_ready_and_what_is_unread);
	tcase_add_test(tc, one_on_input_a_turn);
	tcase_add_test(tc, full_input_stops_and_consume_restarts);
	tcase_add_test(tc, interest_is_told_only_when_it_changes);
	tcase_add_test(tc, readable_while_paused_is_not_forgotten);
	tcase_add_loop_test(tc, unread_input_is_heard_whatever_the_pull_gives, 0, 2);
	tcase_add_test(tc, eof_waits_for_a_paused_user);
	tcase_add_test(tc, eof_comes_once_and_after_all_input);
	tcase_add_test(tc, one_push_a_turn);
	tcase_add_test(tc, no_push_while_blocked);
	tcase_add_test(tc, water_marks);
	tcase_add_test(tc, output_limit_aborts);
	tcase_add_test(tc, much_in_one_turn_is_no_slow_reader);
	tcase_add_test(tc, a_file_range_is_not_memory);
	return tc;
}

static TCase *end_case(void)
{
	TCase *tc = tcase_create("end");

	tcase_add_checked_fixture(tc, setup_open, teardown);
	tcase_add_test(tc, close_flushes_shuts_down_and_lingers);
	tcase_add_loop_test(tc, shutdown_answers, 0, 4);
	tcase_add_test(tc, close_after_the_peers_end_needs_no_lingering);
	tcase_add_test(tc, close_reads_on_though_paused);
	tcase_add_test(tc, close_with_full_input_reads_on);
	tcase_add_loop_test(tc, failures_end_it, 0, 2);
	tcase_add_test(tc, after_the_end_nothing_happens);
	tcase_add_test(tc, idle_deadline_is_moved_by_bytes_either_way);
	tcase_add_test(tc, a_message_does_not_move_the_timer);
	tcase_add_test(tc, write_deadline_counts_from_the_last_progress);
	tcase_add_test(tc, write_deadline_is_not_moved_by_hope);
	tcase_add_test(tc, close_deadline);
	tcase_add_loop_test(tc, lingering_ends_in_order, 0, 2);
	return tc;
}

Suite *sn_suite_stream(void);
Suite *sn_suite_stream(void)
{
	Suite *suite = suite_create("net/stream");

	suite_add_tcase(suite, connecting_case());
	suite_add_tcase(suite, data_case());
	suite_add_tcase(suite, end_case());
	return suite;
}
