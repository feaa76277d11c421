#include "daemon/proc/upgrade_state.h"

#include "daemon/base/wire.h"
#include "tests/support/unit.h"

static struct sn_upgrade_state state, *again;
static struct sn_strbuf out;

static struct sn_upgrade_socket socket_of(int fd)
{
	struct sn_upgrade_socket sock = { .fd = fd, .wfd = -1, .lock_fd = fd + 1 };

	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 6667, &sock.local), SN_OK);
	sock.unlink_path = SN_STR("/run/chat.sock");
	sock.closed = true;
	return sock;
}

static void setup(void)
{
	static struct sn_upgrade_socket sockets[2];
	static struct sn_upgrade_worker workers[2];
	static struct sn_upgrade_frozen frozen[1];
	static int moving[] = { 40, 41, 42 };
	static uint32_t inherited[2];

	inherited[0] = 3;
	inherited[1] = 4;
	sockets[0] = socket_of(10);
	sockets[1] = socket_of(20);
	workers[0] = (struct sn_upgrade_worker){
		.group = SN_STR("main"),
		.program = 3,
		.life = { .state = SN_WORKER_READY,
			.starts = 5,
			.ready_since = 77,
			.backoff = 8,
			.delay = 9,
			.deaths = { 1, 2, 3, 4, 5 },
			.death_count = 6 },
		.pid = 4711,
		.channel = 30,
		.metrics = 31,
		.metrics_before = -1,
		.serial = 99,
		.started = -5,
		.connections = 12,
		.settled = true,
	};
	workers[1] = workers[0];
	workers[1].index = 1;
	workers[1].retired = workers[1].told = workers[1].succeeded = true;
	frozen[0] = (struct sn_upgrade_frozen){
		.service = SN_STR("irc"), .state = 39, .sockets = moving, .socket_count = 3
	};
	sn_upgrade_state_init(&state);
	state.pid = 1;
	state.program = 4;
	state.back = true;
	state.why = SN_STR("because");
	state.path = SN_STR("/usr/bin/sennit");
	state.path_before = SN_STR("/opt/sennit");
	state.moved = 9000;
	state.rolling = 1;
	state.frozen = frozen;
	state.frozen_count = 1;
	state.layout = SN_STR("a layout");
	state.snapshot = 50;
	state.sockets = sockets;
	state.socket_count = 2;
	state.workers = workers;
	state.worker_count = 2;
	state.lock = 51;
	state.state = SN_STR("/var/lib/sennit");
	state.root = state.reload = true;
	state.inherited = inherited;
	state.inherited_count = 2;
	state.broker_pid = 12;
	state.broker = 52;
	state.control = socket_of(60);
	state.stopped = SN_STR("{\"irc\":true}");
	state.asker = 62;
	state.words = SN_STR("words");
	sn_strbuf_init(&out, SN_UPGRADE_SIZE_MAX);
	again = NULL;
}

static void teardown(void)
{
	sn_upgrade_state_free(&again);
	sn_strbuf_fini(&out);
}

START_TEST(what_was_written_is_read)
{
	struct sn_strbuf second;

	sn_upgrade_state_encode(&state, &out);
	ck_assert_int_eq(out.err, SN_OK);
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_OK);
	ck_assert_uint_eq(again->program, 4);
	ck_assert(again->back && again->root && again->reload && !again->became_user);
	ck_assert_str_view(again->path_before, "/opt/sennit");
	ck_assert_int_eq(again->program_before, -1);
	ck_assert_uint_eq(again->frozen[0].socket_count, 3);
	ck_assert_int_eq(again->frozen[0].sockets[2], 42);
	ck_assert_uint_eq(again->worker_count, 2);
	ck_assert_int_eq(again->workers[0].life.state, SN_WORKER_READY);
	ck_assert_int_eq(again->workers[0].life.deaths[4], 5);
	ck_assert_int_eq(again->workers[0].started, -5);
	ck_assert(again->workers[1].succeeded && !again->workers[0].succeeded);
	ck_assert_int_eq(again->sockets[1].lock_fd, 21);
	ck_assert(sn_addr_eq(&again->sockets[1].local, &state.sockets[1].local));
	ck_assert_str_view(again->control.unlink_path, "/run/chat.sock");
	ck_assert_uint_eq(again->inherited[1], 4);
	ck_assert_int_eq(again->limiter, -1);
	ck_assert_str_view(again->words, "words");
	/* Nothing was forgotten above: the bytes are the same. */
	sn_strbuf_init(&second, SN_UPGRADE_SIZE_MAX);
	sn_upgrade_state_encode(again, &second);
	ck_assert(sn_str_eq(sn_strbuf_str(&second), sn_strbuf_str(&out)));
	sn_strbuf_fini(&second);
}
END_TEST

START_TEST(an_empty_one_too)
{
	struct sn_upgrade_state empty;

	sn_upgrade_state_init(&empty);
	sn_upgrade_state_encode(&empty, &out);
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_OK);
	ck_assert_uint_eq(again->worker_count + again->socket_count + again->frozen_count, 0);
	ck_assert_int_eq(again->control.fd, -1);
	ck_assert_uint_eq(again->rolling, SN_UPGRADE_NONE);
}
END_TEST

static void count_fd(void *context, int fd)
{
	unsigned *sum = context;

	sum[0]++;
	sum[1] += (unsigned)fd;
}

START_TEST(every_descriptor_is_visited)
{
	unsigned sum[2] = { 0, 0 };

	sn_upgrade_state_each_fd(&state, count_fd, sum);
	/* frozen 39 to 42; listeners 10 11 20 21; twice 30 31; 50 51 52; 3 4; 60 61; 62 */
	ck_assert_uint_eq(sum[0], 4 + 4 + 4 + 3 + 2 + 2 + 1);
	ck_assert_uint_eq(sum[1], 162 + 62 + 122 + 153 + 7 + 121 + 62);
}
END_TEST

START_TEST(truncated_or_longer_it_is_none)
{
	sn_upgrade_state_encode(&state, &out);
	for (size_t n = 0; n < out.n; n++)
		ck_assert_hot(sn_upgrade_state_decode(
				      sn_str_sub(sn_strbuf_str(&out), 0, n), &again) == SN_EPROTO);
	sn_strbuf_addc(&out, '\0');
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_EPROTO);
	ck_assert_ptr_null(again);
}
END_TEST

START_TEST(another_version_says_so)
{
	sn_upgrade_state_encode(&state, &out);
	out.p[7] = (char)(SN_UPGRADE_VERSION + 1);
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_EVERSION);
	out.p[0] = 'x';
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_EPROTO);
}
END_TEST

/* Whatever stands in a byte: it is refused, or read within bounds, which the sanitizers watch. */
START_TEST(any_byte_may_be_wrong)
{
	unsigned refused = 0;

	sn_upgrade_state_encode(&state, &out);
	for (size_t i = 8; i < out.n; i++) {
		const char good = out.p[i];
		static const char bad[] = { '\xff', '\x7f', '\x01', '\0' };

		for (size_t b = 0; b < sizeof(bad); b++) {
			out.p[i] = bad[b];
			refused += sn_upgrade_state_decode(sn_strbuf_str(&out), &again) != SN_OK;
			sn_upgrade_state_free(&again);
		}
		out.p[i] = good;
	}
	ck_assert_uint_gt(refused, 100);
}
END_TEST

static void life_out_of_bounds(void)
{
	state.workers[0].life.state = SN_WORKER_STATES;
}
static void rolling_out_of_bounds(void)
{
	state.rolling = 2;
}
static void address_too_short(void)
{
	state.sockets[0].local.len = 1;
}
static void inherited_nothing(void)
{
	state.inherited[0] = UINT32_MAX;
}

static void (*const breaks[])(void) = {
	life_out_of_bounds,
	rolling_out_of_bounds,
	address_too_short,
	inherited_nothing,
};

START_TEST(values_out_of_bounds_are_refused)
{
	breaks[_i]();
	sn_upgrade_state_encode(&state, &out);
	ck_assert_int_eq(sn_upgrade_state_decode(sn_strbuf_str(&out), &again), SN_EPROTO);
	ck_assert_ptr_null(again);
}
END_TEST

Suite *upgrade_state_suite(void);
Suite *upgrade_state_suite(void)
{
	Suite *s = suite_create("proc/upgrade_state");
	TCase *t = tcase_create("upgrade_state");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_written_is_read);
	tcase_add_test(t, an_empty_one_too);
	tcase_add_test(t, every_descriptor_is_visited);
	tcase_add_test(t, truncated_or_longer_it_is_none);
	tcase_add_test(t, another_version_says_so);
	tcase_add_test(t, any_byte_may_be_wrong);
	tcase_add_loop_test(t, values_out_of_bounds_are_refused, 0, 4);
	suite_add_tcase(s, t);
	return s;
}
