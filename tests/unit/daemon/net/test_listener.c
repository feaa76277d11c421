#include "daemon/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/listener_rig.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig, false);
}

static void setup_fake(void)
{
	rig_init(&rig, true);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void check_text(const struct sn_addr *addr, const char *host, bool with_port)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format_host(addr, &out);
	ck_assert_str_eq(text, host);
	ck_assert_int_eq(sn_addr_port(addr) != 0, with_port);
}

START_TEST(hands_over)
{
	int fd;

	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.3");
	ck_assert_uint_eq(rig.opened, 0);
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].ready == 1);
	check_text(&rig.conns[0]->incoming.peer, "127.0.0.3", true);
	check_text(&rig.conns[0]->incoming.local, "127.0.0.1", true);
	ck_assert_int_eq(send(fd, "hi", 2, 0), 2);
	TURN_UNTIL(rig.loop, rig.probes[0].got.n == 2);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_ACCEPTED), 1);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_OPEN), 1);
	close(fd);
	TURN_UNTIL(rig.loop, rig.probes[0].frees == 1);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_OPEN), 0);
}
END_TEST

START_TEST(both_families_on_one_socket)
{
	sn_addr_any6(0, &rig.plan.addr);
	rig_start(&rig);
	close(rig_connect(&rig, "127.0.0.1"));
	TURN_UNTIL(rig.loop, rig.opened == 1);
	check_text(&rig.conns[0]->incoming.peer, "127.0.0.1", true);
	check_text(&rig.conns[0]->incoming.local, "127.0.0.1", true);
}
END_TEST

START_TEST(options_reach_the_stream)
{
	const struct sn_stream *s;

	rig.options.limits = (struct sn_stream_limits){ 1, 2, 3, 4 };
	rig.options.deadlines = (struct sn_stream_deadlines){ 5, SN_SEC(6), 7, 8 };
	rig_start(&rig);
	close(rig_connect(&rig, "127.0.0.1"));
	TURN_UNTIL(rig.loop, rig.opened == 1);
	s = rig.conns[0]->incoming.top;
	ck_assert_mem_eq(&s->limits, &rig.options.limits, sizeof(s->limits));
	ck_assert_mem_eq(&s->deadlines, &rig.options.deadlines, sizeof(s->deadlines));
}
END_TEST

START_TEST(budget_a_turn)
{
	int fds[10];

	rig.options.budget = 3;
	rig_start(&rig);
	for (int i = 0; i < 10; i++)
		fds[i] = rig_connect(&rig, "127.0.0.1");
	for (unsigned want = 3; want <= 12; want += 3) {
		turn_some(rig.loop, 1);
		ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_ACCEPTED), want < 10 ? want : 10);
	}
	for (int i = 0; i < 10; i++)
		close(fds[i]);
}
END_TEST

/* --- caps ------------------------------------------------------------------------------------- */

START_TEST(total_cap)
{
	struct sn_conn_caps caps;
	int fds[4];

	sn_conn_caps_init(&caps, 2, 0);
	rig.options.caps = &caps;
	rig_start(&rig);
	for (int i = 0; i < 3; i++)
		fds[i] = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig_metric(&rig, SN_LISTENER_REFUSED_TOTAL) == 1);
	ck_assert(rig_is_closed(&rig, fds[2]));
	ck_assert_uint_eq(rig.opened, 2);
	close(fds[0]);
	TURN_UNTIL(rig.loop, rig.probes[0].frees == 1);
	fds[3] = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened == 3);
	rig_fini(&rig);
	ck_assert_uint_eq(caps.total, 0);
	sn_conn_caps_fini(&caps);
	setup();
	for (int i = 1; i < 4; i++)
		close(fds[i]);
}
END_TEST

START_TEST(address_cap)
{
	struct sn_conn_caps caps;
	int fds[4];

	sn_conn_caps_init(&caps, 0, 1);
	rig.options.caps = &caps;
	rig_start(&rig);
	fds[0] = rig_connect(&rig, "127.0.0.1");
	fds[1] = rig_connect(&rig, "127.0.0.1");
	fds[2] = rig_connect(&rig, "127.0.0.2");
	TURN_UNTIL(rig.loop, rig.opened == 2);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_REFUSED_ADDRESS), 1);
	ck_assert(rig_is_closed(&rig, fds[1]));
	close(fds[0]);
	TURN_UNTIL(rig.loop, rig.probes[0].frees == 1);
	fds[3] = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened == 3);
	rig_fini(&rig);
	sn_conn_caps_fini(&caps);
	setup();
	for (int i = 1; i < 4; i++)
		close(fds[i]);
}
END_TEST

/* Connections over the limit must cost no memory: that is what the limit is for. */
START_TEST(refusing_allocates_nothing)
{
	struct sn_conn_caps caps;
	size_t before;
	int first;

	sn_conn_caps_init(&caps, _i == 0 ? 1 : 0, _i == 1 ? 1 : 0);
	rig.options.caps = &caps;
	rig_start(&rig);
	first = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened == 1);
	before = mallinfo2().uordblks;
	for (unsigned i = 1; i <= 100; i++) {
		close(rig_connect(&rig, "127.0.0.1"));
		TURN_UNTIL(rig.loop,
			rig_metric(&rig,
				_i == 0 ? SN_LISTENER_REFUSED_TOTAL
					: SN_LISTENER_REFUSED_ADDRESS) == i);
		ck_assert_uint_eq(mallinfo2().uordblks, before);
	}
	rig_fini(&rig);
	sn_conn_caps_fini(&caps);
	setup();
	close(first);
}
END_TEST

/* --- no descriptors left ---------------------------------------------------------------------- */

/* The limit it replaces: a test gives it back, for under valgrind all run in one process. */
static rlim_t limit_descriptors(rlim_t most)
{
	struct rlimit limit;
	rlim_t before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = most;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

START_TEST(out_of_descriptors)
{
	int fds[3], spare;
	rlim_t before;

	rig_start(&rig);
	for (int i = 0; i < 3; i++)
		fds[i] = rig_connect(&rig, "127.0.0.1");
	spare = dup(0);
	before = limit_descriptors((rlim_t)spare + 1); /* every number below is in use */
	close(spare);
	TURN_UNTIL(rig.loop, rig.opened == 1); /* got the spare one */
	TURN_UNTIL(rig.loop, rig_metric(&rig, SN_LISTENER_REFUSED_FD) >= 1);
	ck_assert(rig_is_closed(&rig, fds[1])); /* told, not left hanging */
	ck_assert_int_ge(fcntl(rig.listener.reserve_fd, F_GETFD), 0);
	ck_assert_int_ge(rig.listener.pause, SN_MS(100));
	ck_assert_int_le(rig.listener.pause, SN_SEC(1));
	limit_descriptors(before);
	close(fds[0]);
	fds[0] = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened >= 2); /* goes on by itself */
	ck_assert_int_eq(rig.listener.pause, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

START_TEST(pause_doubles_up_to_a_second)
{
	int fds[6], spare;
	rlim_t before;

	rig_start(&rig);
	for (int i = 0; i < 6; i++) /* valgrind takes one off the queue at each try */
		fds[i] = rig_connect(&rig, "127.0.0.1");
	close(rig.listener.reserve_fd); /* nobody can be refused: every try fails */
	rig.listener.reserve_fd = -1;
	spare = dup(0);
	close(spare);
	before = limit_descriptors((rlim_t)spare);
	for (int64_t want = SN_MS(100); want <= SN_SEC(3); want *= 2) {
		turn_some(rig.loop, 2);
		ck_assert_int_eq(rig.listener.pause, want < SN_SEC(1) ? want : SN_SEC(1));
		sn_fake_clock_advance(&rig.clock, rig.listener.pause + SN_MS(2));
	}
	limit_descriptors(before);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}
END_TEST

/* --- stages ----------------------------------------------------------------------------------- */

struct script_stage {
	struct sn_accept_stage stage;
	int rc[4]; /* of successive steps */
	unsigned steps;
};

static int script_step(struct sn_accept_stage *stage, struct sn_incoming *in)
{
	struct script_stage *script = sn_container_of(stage, struct script_stage, stage);
	int rc = script->rc[script->steps++];

	if (rc == SN_OK && sn_stream_input(in->top).n > 0)
		sn_stream_consume(in->top, 1);
	return rc;
}

static void script_free(struct sn_accept_stage *stage)
{
	(void)stage;
}

static const struct sn_accept_stage_ops script_ops = {
	.name = "script",
	.step = script_step,
	.free = script_free,
};

START_TEST(stages_run_in_order_on_input)
{
	static struct script_stage second = { .stage = { .ops = &script_ops }, .rc = { SN_OK } };
	static struct script_stage first = { .stage = { .ops = &script_ops, .next = &second.stage },
		.rc = { SN_AGAIN, SN_AGAIN, SN_OK } };
	int fd;

	rig.plan.stages = &first.stage;
	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, first.steps == 1);
	ck_assert_int_eq(send(fd, "a", 1, 0), 1);
	TURN_UNTIL(rig.loop, first.steps == 2);
	ck_assert_uint_eq(second.steps, 0);
	ck_assert_int_eq(send(fd, "bcd", 3, 0), 3);
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].got.n > 0);
	ck_assert_uint_eq(second.steps, 1);
	ck_assert_str_view(sn_strbuf_str(&rig.probes[0].got), "cd"); /* each stage took one */
	close(fd);
}
END_TEST

START_TEST(a_stage_that_fails_drops_the_connection)
{
	static struct script_stage stage = { .stage = { .ops = &script_ops }, .rc = { SN_EPROTO } };
	int fd;

	rig.plan.stages = &stage.stage;
	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.1");
	ck_assert(rig_is_closed(&rig, fd));
	ck_assert_uint_eq(rig.opened, 0);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_STAGE_FAILED), 1);
	TURN_UNTIL(rig.loop, rig_metric(&rig, SN_LISTENER_OPEN) == 0);
	close(fd);
}
END_TEST

START_TEST(end_of_stream_during_a_stage)
{
	static struct script_stage stage = { .stage = { .ops = &script_ops }, .rc = { SN_AGAIN } };

	rig.plan.stages = &stage.stage;
	rig_start(&rig);
	close(rig_connect(&rig, "127.0.0.1"));
	TURN_UNTIL(rig.loop, rig_metric(&rig, SN_LISTENER_STAGE_FAILED) == 1);
	TURN_UNTIL(rig.loop, rig_metric(&rig, SN_LISTENER_OPEN) == 0);
}
END_TEST

/* A drop of bytes now and then does not keep a stage alive for ever. */
START_TEST(stages_have_one_deadline)
{
	static struct script_stage stage = { .stage = { .ops = &script_ops },
		.rc = { SN_AGAIN, SN_AGAIN, SN_AGAIN, SN_AGAIN } };
	int fd;

	rig.plan.stages = &stage.stage;
	rig.options.deadlines.handshake = SN_SEC(10);
	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.1");
	turn_some(rig.loop, 3);
	if (_i == 0) {
		sn_fake_clock_advance(&rig.clock, SN_SEC(11));
	} else {
		for (unsigned i = 0; i < 2; i++) {
			sn_fake_clock_advance(&rig.clock, SN_SEC(6));
			ck_assert_int_eq(send(fd, "x", 1, 0), 1);
			turn_some(rig.loop, 2);
		}
	}
	ck_assert(rig_is_closed(&rig, fd));
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_STAGE_FAILED), 1);
	ck_assert_uint_lt(stage.steps, 4);
	close(fd);
}
END_TEST

/* --- other origins ---------------------------------------------------------------------------- */

START_TEST(adopts_a_stream)
{
	struct sn_stream *inner, *outer;
	struct sn_conn_caps caps;
	struct probe far;

	sn_conn_caps_init(&caps, 1, 1);
	rig.options.caps = &caps;
	rig_start(&rig);
	sn_stream_mem_pair(rig.loop, 1000, &inner, &outer);
	probe_init(&far, outer);
	sn_listener_adopt(&rig.listener, inner);
	ck_assert_uint_eq(rig.opened, 0);
	sn_stream_write(outer, SN_STR("inside"));
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].got.n == 6);
	ck_assert_uint_eq(caps.total, 1);
	ck_assert_uint_eq(rig.conns[0]->incoming.peer.len, 0);
	sn_stream_close(outer);
	TURN_UNTIL(rig.loop, far.frees == 1 && rig.probes[0].frees == 1);
	ck_assert_uint_eq(caps.total, 0);
	probe_fini(&far);
	sn_conn_caps_fini(&caps);
}
END_TEST

START_TEST(adopting_over_the_limit_aborts)
{
	struct sn_stream *inner, *outer;
	struct sn_conn_caps caps;
	struct probe far;
	int fd;

	sn_conn_caps_init(&caps, 1, 0);
	rig.options.caps = &caps;
	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened == 1);
	sn_stream_mem_pair(rig.loop, 1000, &inner, &outer);
	probe_init(&far, outer);
	sn_listener_adopt(&rig.listener, inner);
	TURN_UNTIL(rig.loop, far.frees == 1);
	ck_assert_int_eq(far.code, -ECONNRESET);
	ck_assert_uint_eq(rig.opened, 1);
	close(fd);
	TURN_UNTIL(rig.loop, caps.total == 0);
	probe_fini(&far);
	sn_conn_caps_fini(&caps);
}
END_TEST

START_TEST(standard_input_and_output)
{
	int in[2], out[2];
	char text[2];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	rig.plan.kind = SN_LISTEN_PAIR;
	rig.plan.fd = in[0];
	rig.plan.wfd = out[1];
	rig_start(&rig);
	ck_assert_uint_eq(rig.opened, 0);
	ck_assert_int_eq(write(in[1], "hi", 2), 2);
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].got.n == 2);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_ACCEPTED), 1);
	sn_stream_write(rig.conns[0]->incoming.top, SN_STR("ho"));
	turn_some(rig.loop, 1);
	ck_assert_int_eq(read(out[0], text, 2), 2);
	close(in[1]);
	TURN_UNTIL(rig.loop, rig.probes[0].frees == 1);
	close(out[0]);
	ck_assert_int_eq(pipe(in), 0); /* the same numbers again, which are not the listener's */
	sn_listener_stop(&rig.listener);
	ck_assert_int_ge(fcntl(in[0], F_GETFD), 0);
	close(in[0]);
	close(in[1]);
}
END_TEST

START_TEST(stop_leaves_open_connections)
{
	int fd, late;

	rig_start(&rig);
	fd = rig_connect(&rig, "127.0.0.1");
	TURN_UNTIL(rig.loop, rig.opened == 1);
	late = rig_connect(&rig, "127.0.0.1"); /* in the queue */
	sn_listener_stop(&rig.listener);
	sn_listener_stop(&rig.listener);
	ck_assert(rig_is_closed(&rig, late));
	ck_assert_int_eq(send(fd, "on", 2, 0), 2);
	TURN_UNTIL(rig.loop, rig.probes[0].got.n == 2);
	ck_assert_uint_eq(rig.opened, 1);
	close(fd);
	close(late);
}
END_TEST

static TCase *accept_case(void)
{
	TCase *tc = tcase_create("accept");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, hands_over);
	tcase_add_test(tc, both_families_on_one_socket);
	tcase_add_test(tc, options_reach_the_stream);
	tcase_add_test(tc, budget_a_turn);
	tcase_add_test(tc, total_cap);
	tcase_add_test(tc, address_cap);
	tcase_add_loop_test(tc, refusing_allocates_nothing, 0, 2);
	tcase_add_test(tc, out_of_descriptors);
	tcase_add_test(tc, stop_leaves_open_connections);
	return tc;
}

static TCase *stages_case(void)
{
	TCase *tc = tcase_create("stages");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, stages_run_in_order_on_input);
	tcase_add_test(tc, a_stage_that_fails_drops_the_connection);
	tcase_add_test(tc, end_of_stream_during_a_stage);
	tcase_add_test(tc, adopts_a_stream);
	tcase_add_test(tc, adopting_over_the_limit_aborts);
	tcase_add_test(tc, standard_input_and_output);
	return tc;
}

static TCase *clock_case(void)
{
	TCase *tc = tcase_create("clock");

	tcase_add_checked_fixture(tc, setup_fake, teardown);
	tcase_add_test(tc, pause_doubles_up_to_a_second);
	tcase_add_loop_test(tc, stages_have_one_deadline, 0, 2);
	return tc;
}

Suite *sn_suite_listener(void);
Suite *sn_suite_listener(void)
{
	Suite *suite = suite_create("net/listener");

	suite_add_tcase(suite, accept_case());
	suite_add_tcase(suite, stages_case());
	suite_add_tcase(suite, clock_case());
	return suite;
}
