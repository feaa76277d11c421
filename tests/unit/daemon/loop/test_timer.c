#include "daemon/loop/timer.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/daemon/loop/fixture.h"

#define DAY SN_SEC(86400)

struct probe {
	struct sn_timer timer;
	int fired;
	bool armed_in_call;
	int place;            /* in the order of firing */
	struct probe *clears; /* in its callback */
	struct probe *sets;   /* anew, in its callback, with delay */
	int64_t delay;
};

static int places;

static void on_probe(struct sn_timer *timer)
{
	struct probe *p = sn_container_of(timer, struct probe, timer);

	p->armed_in_call |= sn_timer_armed(timer);
	p->fired++;
	p->place = places++;
	if (p->clears != NULL)
		sn_timer_clear(&p->clears->timer);
	if (p->sets != NULL)
		sn_timer_set(loop, &p->sets->timer, p->delay, on_probe);
}

static void arm(struct probe *p, int64_t delay)
{
	sn_timer_set(loop, &p->timer, delay, on_probe);
}

static void setup(void)
{
	places = 0;
	fake_loop_setup();
}

/* Every boundary of the wheel, and where the deadlines of 63 bits end. */
static const int64_t delays[] = {
	1,
	SN_US(500),
	SN_MS(1) - 1,
	SN_MS(1),
	SN_MS(1) + 1,
	SN_MS(62),
	SN_MS(63),
	SN_MS(64),
	SN_MS(65),
	SN_MS(4095),
	SN_MS(4096),
	SN_MS(4097),
	SN_MS(262143),
	SN_MS(262144),
	SN_SEC(3600),
	DAY,
	400 * DAY,
	100 * 365 * DAY,
	290 * 365 * DAY,
};
#define DELAYS ((int)(sizeof(delays) / sizeof(delays[0])))

START_TEST(a_timer_is_never_early_and_at_most_a_tick_late)
{
	static const int64_t offsets[] = { 0, 1, SN_US(300), SN_MS(1) - 1, SN_MS(63), SN_MS(4096) };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct probe p = { .fired = 0 };

		loop_teardown();
		setup();
		advance_and_turn(offsets[i]);
		arm(&p, delays[_i]);
		ck_assert_int_le(sn_loop_timeout(loop), delays[_i] + SN_MS(1));
		advance_and_turn(delays[_i] - 1);
		ck_assert_int_eq(p.fired, 0);
		ck_assert_int_le(sn_loop_timeout(loop), SN_MS(1));
		advance_and_turn(SN_MS(1));
		ck_assert_int_eq(p.fired, 1);
		ck_assert(!sn_timer_armed(&p.timer) && !p.armed_in_call);
	}
}
END_TEST

START_TEST(a_timer_without_delay_fires_in_the_next_turn)
{
	struct probe p = { .fired = 0 }, past = { .fired = 0 };

	advance_and_turn(SN_US(1500));
	arm(&p, -5);
	sn_timer_set_at(loop, &past.timer, 17, on_probe);
	ck_assert_int_eq(p.fired + past.fired, 0);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	turn();
	ck_assert_int_eq(p.fired, 1);
	ck_assert_int_eq(p.place, 1);
	ck_assert_int_eq(past.place, 0);
}
END_TEST

START_TEST(the_farthest_delay_does_not_overflow)
{
	struct probe p = { .fired = 0 };

	advance_and_turn(DAY);
	arm(&p, INT64_MAX);
	ck_assert_int_eq(p.timer.deadline, INT64_MAX);
	ck_assert_int_gt(sn_loop_timeout(loop), DAY);
	advance_and_turn(DAY);
	ck_assert_int_eq(p.fired, 0);
	sn_timer_clear(&p.timer);
}
END_TEST

START_TEST(setting_again_moves_and_clearing_is_final)
{
	struct probe p = { .fired = 0 };

	sn_timer_clear(&p.timer);
	arm(&p, SN_MS(10));
	arm(&p, SN_MS(30));
	advance_and_turn(SN_MS(20));
	ck_assert_int_eq(p.fired, 0);
	arm(&p, SN_MS(1));
	advance_and_turn(SN_MS(1));
	ck_assert_int_eq(p.fired, 1);
	arm(&p, SN_MS(1));
	sn_timer_clear(&p.timer);
	sn_timer_clear(&p.timer);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
	arm(&p, 0);
	sn_timer_clear(&p.timer);
	advance_and_turn(DAY);
	ck_assert_int_eq(p.fired, 1);
}
END_TEST

START_TEST(timers_fire_by_deadline_then_by_age)
{
	/* In ns after the start; equal ones in the order given. */
	static const int64_t at[] = { SN_MS(5), 900, 100, 900, SN_MS(70), SN_MS(5), 500, SN_MS(69),
		SN_MS(5) - 1, DAY, 100 };
	static const int place[] = { 6, 3, 0, 4, 9, 7, 2, 8, 5, 10, 1 };
	enum { COUNT = sizeof(at) / sizeof(at[0]) };
	struct probe p[COUNT];

	memset(p, 0, sizeof(p));
	for (int i = 0; i < COUNT; i++)
		arm(&p[i], at[i]);
	advance_and_turn(2 * DAY);
	for (int i = 0; i < COUNT; i++)
		ck_assert_msg(p[i].place == place[i], "timer %d fired as number %d, expected %d", i,
			p[i].place, place[i]);
}
END_TEST

START_TEST(age_counts_across_a_cascade)
{
	struct probe old = { .fired = 0 }, young = { .fired = 0 };

	arm(&old, SN_MS(5000));
	advance_and_turn(SN_MS(4999));
	arm(&young, SN_MS(1));
	advance_and_turn(SN_MS(1));
	ck_assert_int_eq(old.place, 0);
	ck_assert_int_eq(young.place, 1);
}
END_TEST

START_TEST(a_callback_may_clear_any_timer)
{
	struct probe same_turn = { .fired = 0 }, later = { .fired = 0 };
	struct probe first = { .clears = &same_turn }, second = { .clears = &later };

	arm(&first, SN_MS(1));
	arm(&second, SN_MS(2));
	arm(&same_turn, SN_MS(3));
	arm(&later, SN_SEC(9));
	advance_and_turn(SN_MS(3));
	advance_and_turn(SN_SEC(10));
	ck_assert_int_eq(first.fired + second.fired, 2);
	ck_assert_int_eq(same_turn.fired + later.fired, 0);
}
END_TEST

START_TEST(a_callback_may_set_any_timer)
{
	struct probe moved = { .fired = 0 }, again = { .delay = 0 };
	struct probe first = { .sets = &moved, .delay = SN_MS(10) };

	again.sets = &again;
	arm(&first, SN_MS(1));
	arm(&moved, SN_MS(2));
	arm(&again, SN_MS(1));
	advance_and_turn(SN_MS(3));
	ck_assert_int_eq(first.fired, 1);
	ck_assert_int_eq(moved.fired, 0);
	ck_assert_int_eq(again.fired, 1);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	turn();
	ck_assert_int_eq(again.fired, 2);
	advance_and_turn(SN_MS(10));
	ck_assert_int_eq(moved.fired, 1);
	ck_assert_int_eq(again.fired, 3);
	sn_timer_clear(&again.timer);
}
END_TEST

/* Against a plain model: random setting, moving, clearing and jumps of every size. */

#define MODEL_TIMERS 400

struct model_timer {
	struct sn_timer timer;
	int64_t deadline;
	uint64_t age;
	bool armed, due_when_set;
};

static struct model_timer model[MODEL_TIMERS];
static uint64_t ages;
static int64_t last_deadline;
static uint64_t last_age;

static int64_t random_span(void)
{
	return (int64_t)(((uint64_t)random() << 31 | (uint64_t)random()) >> (random() % 50 + 8));
}

static bool model_is_due(const struct model_timer *m)
{
	int64_t tick = m->deadline / SN_MS(1) + (m->deadline % SN_MS(1) != 0);

	return m->armed && (m->due_when_set || tick <= fake.mono_ns / SN_MS(1));
}

/* Check writes a message for every assertion, which is too slow for millions of them. */
static int model_errors;

static void expect(bool fact)
{
	model_errors += !fact;
}

static void on_model(struct sn_timer *timer)
{
	struct model_timer *m = sn_container_of(timer, struct model_timer, timer);

	expect(model_is_due(m));
	expect(m->deadline > last_deadline || (m->deadline == last_deadline && m->age > last_age));
	last_deadline = m->deadline;
	last_age = m->age;
	m->armed = false;
}

static void change_one(struct model_timer *m)
{
	m->armed = random() % 4 != 0;
	if (!m->armed) {
		sn_timer_clear(&m->timer);
		return;
	}
	m->deadline = sn_loop_now(loop) + (random() % 8 ? random_span() : 0);
	m->due_when_set = m->deadline <= sn_loop_now(loop);
	m->age = ++ages;
	sn_timer_set_at(loop, &m->timer, m->deadline, on_model);
}

/* How far a sleeping loop would go, or a random way. */
static void move_clock(void)
{
	int64_t timeout = sn_loop_timeout(loop);

	sn_fake_clock_advance(&fake, random() % 2 && timeout >= 0 ? timeout : random_span());
}

static void check_model(void)
{
	last_deadline = INT64_MIN;
	turn();
	for (int i = 0; i < MODEL_TIMERS; i++) {
		expect(!model_is_due(&model[i]));
		expect(model[i].armed == sn_timer_armed(&model[i].timer));
	}
	ck_assert_int_eq(model_errors, 0);
}

START_TEST(the_wheel_agrees_with_a_model)
{
	srandom(4711u + (unsigned)_i);
	model_errors = 0;
	memset(model, 0, sizeof(model));
	sn_fake_clock_advance(&fake, random_span());
	turn();
	for (int step = 0; step < 1000; step++) {
		for (int i = 0; i < 20; i++)
			change_one(&model[random() % MODEL_TIMERS]);
		move_clock();
		check_model();
	}
	for (int i = 0; i < MODEL_TIMERS; i++)
		sn_timer_clear(&model[i].timer);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

START_TEST(far_timers_hardly_ever_wake_an_idle_loop)
{
	enum { COUNT = 100000 };
	struct probe *p = calloc(COUNT, sizeof(*p));
	int64_t first = fake.mono_ns + SN_SEC(3600);
	int wakes = 0;

	for (int i = 0; i < COUNT; i++)
		arm(&p[i], SN_SEC(3600) + SN_MS(i));
	while (places == 0) {
		advance_and_turn(sn_loop_timeout(loop));
		wakes++;
	}
	ck_assert_int_eq(fake.mono_ns, first);
	ck_assert_int_le(wakes, 5); /* one for each level passed on the way down */
	for (int i = 0; i < COUNT; i++)
		sn_timer_clear(&p[i].timer);
	free(p);
}
END_TEST

START_TEST(a_sleeping_loop_wakes_in_time)
{
	struct probe p = { .fired = 0 };
	struct sn_loop *real;
	int64_t start;

	ck_assert_int_eq(sn_loop_new(NULL, &real), SN_OK);
	start = sn_clock_mono(&sn_clock_system);
	sn_timer_set_at(real, &p.timer, start + SN_MS(3), on_probe);
	while (p.fired == 0)
		sn_loop_turn(real, -1);
	ck_assert_int_ge(sn_clock_mono(&sn_clock_system), start + SN_MS(3));
	sn_loop_free(&real);
}
END_TEST

/* sn_every */

struct ticker {
	struct sn_every every;
	int code;      /* returned by the callback */
	char log[256]; /* "seconds:periods " of each call */
	void (*then)(struct sn_every *every);
};

static struct ticker ticker;
static int64_t grid_start;

static int on_tick(struct sn_every *every, uint64_t periods)
{
	struct ticker *t = sn_container_of(every, struct ticker, every);
	size_t n = strlen(t->log);

	snprintf(t->log + n, sizeof(t->log) - n, "%g:%u ",
		(double)(fake.mono_ns - grid_start) / 1e9, (unsigned)periods);
	if (t->then != NULL)
		t->then(every);
	return t->code;
}

static void start_ticker(int64_t interval, bool now)
{
	ticker = (struct ticker){ .code = SN_OK };
	grid_start = fake.mono_ns;
	sn_every_start(loop, &ticker.every, interval, now, on_tick);
	ck_assert_str_eq(ticker.log, "");
}

/* What Twisted's LoopingCall.withCount was seen to do; steps in ms, ended by -1. */
static const struct {
	bool now;
	int steps[16];
	int done_at; /* ms; the first call returns SN_PENDING until then; 0: not pending */
	const char *calls;
} oracle[] = {
	{ true, { 500, 500, 900, 100, 3700, 300, 0, 1000, -1 }, 0, "0:1 1:1 2:1 5.7:3 6:1 7:1 " },
	{ false, { 500, 500, 2600, 400, 1000, -1 }, 0, "1:1 3.6:2 4:1 5:1 " },
	{ true, { 700, 700, 700, 700, 700, 700, -1 }, 3500, "0:1 4.2:4 " },
};

START_TEST(every_counts_as_twisted_does)
{
	start_ticker(SN_SEC(1), oracle[_i].now);
	ticker.code = oracle[_i].done_at ? SN_PENDING : SN_OK;
	turn();
	for (const int *step = oracle[_i].steps; *step >= 0; step++) {
		advance_and_turn(SN_MS(*step));
		if (fake.mono_ns - grid_start == SN_MS(oracle[_i].done_at)) {
			ticker.code = SN_OK;
			sn_every_done(&ticker.every);
		}
	}
	ck_assert_str_eq(ticker.log, oracle[_i].calls);
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(every_with_no_interval_runs_once_a_turn)
{
	start_ticker(0, false);
	turn();
	sn_fake_clock_advance(&fake, 5);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	turn();
	turn();
	ck_assert_str_eq(ticker.log, "0:1 5e-09:1 5e-09:1 ");
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(everys_first_call_counts_one_even_when_late)
{
	start_ticker(SN_SEC(1), true);
	advance_and_turn(SN_MS(2500));
	advance_and_turn(SN_MS(500));
	ck_assert_str_eq(ticker.log, "2.5:1 3:3 ");
	sn_every_stop(&ticker.every);
}
END_TEST

static void spend_2500_ms(struct sn_every *every)
{
	(void)every;
	sn_fake_clock_advance(&fake, SN_MS(2500));
	ticker.then = NULL;
}

START_TEST(time_spent_in_the_callback_counts)
{
	start_ticker(SN_SEC(1), false);
	ticker.then = spend_2500_ms;
	advance_and_turn(SN_SEC(1)); /* at 3.5 when it returns */
	turn();
	advance_and_turn(SN_MS(500));
	ck_assert_str_eq(ticker.log, "1:1 4:3 ");
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(every_stops_for_good)
{
	start_ticker(SN_SEC(1), true);
	turn();
	sn_every_stop(&ticker.every);
	sn_every_stop(&ticker.every);
	advance_and_turn(SN_SEC(5));
	ck_assert_str_eq(ticker.log, "0:1 ");
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

START_TEST(every_stops_in_its_callback)
{
	start_ticker(SN_SEC(1), true);
	ticker.then = sn_every_stop;
	turn();
	advance_and_turn(SN_SEC(5));
	ck_assert_str_eq(ticker.log, "0:1 ");
	ck_assert(!ticker.every.running);
}
END_TEST

START_TEST(any_other_result_stops_it)
{
	static const int codes[] = { SN_EBUSY, -5, SN_CLOSE, SN_AGAIN };

	start_ticker(SN_SEC(1), true);
	ticker.code = codes[_i];
	turn();
	advance_and_turn(SN_SEC(5));
	ck_assert_str_eq(ticker.log, "0:1 ");
	ck_assert(!ticker.every.running);
}
END_TEST

static void restart(struct sn_every *every)
{
	ticker.then = NULL;
	sn_every_stop(every);
	sn_every_start(loop, every, SN_SEC(10), true, on_tick);
}

START_TEST(every_restarts_in_its_callback)
{
	start_ticker(SN_SEC(1), false);
	ticker.then = restart;
	advance_and_turn(SN_SEC(1));
	turn();
	advance_and_turn(SN_SEC(10));
	ck_assert_str_eq(ticker.log, "1:1 1:1 11:1 ");
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(done_after_stop_does_nothing)
{
	start_ticker(SN_SEC(1), true);
	ticker.code = SN_PENDING;
	turn();
	sn_every_stop(&ticker.every);
	sn_every_done(&ticker.every);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

START_TEST(reset_begins_a_new_grid)
{
	start_ticker(SN_SEC(1), false);
	advance_and_turn(SN_SEC(1));
	advance_and_turn(SN_MS(500));
	sn_every_reset(&ticker.every);
	advance_and_turn(SN_MS(500));
	advance_and_turn(SN_MS(500));
	advance_and_turn(SN_MS(1000));
	ck_assert_str_eq(ticker.log, "1:1 2.5:1 3.5:1 ");
	sn_every_stop(&ticker.every);
}
END_TEST

/* Twisted's case of a reset 1.6 periods after a start without a call, seen by every_twisted.py. */
START_TEST(reset_before_any_call_forgets_what_was_missed)
{
	start_ticker(SN_SEC(1), false);
	sn_fake_clock_advance(&fake, SN_MS(1600));
	sn_every_reset(&ticker.every);
	advance_and_turn(SN_SEC(1));
	ck_assert_str_eq(ticker.log, "2.6:1 ");
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(reset_before_the_first_call_puts_it_off)
{
	start_ticker(SN_SEC(1), true);
	sn_every_reset(&ticker.every);
	turn();
	ck_assert_str_eq(ticker.log, "");
	advance_and_turn(SN_SEC(1));
	ck_assert_str_eq(ticker.log, "1:1 ");
	sn_every_stop(&ticker.every);
}
END_TEST

START_TEST(reset_while_pending_keeps_waiting)
{
	start_ticker(SN_SEC(1), true);
	ticker.code = SN_PENDING;
	ticker.then = sn_every_reset;
	turn();
	sn_every_reset(&ticker.every);
	advance_and_turn(SN_SEC(3));
	ck_assert_str_eq(ticker.log, "0:1 ");
	sn_every_done(&ticker.every);
	advance_and_turn(SN_SEC(1));
	ck_assert_str_eq(ticker.log, "0:1 4:4 ");
	sn_every_stop(&ticker.every);
}
END_TEST

static void start_twice(void)
{
	start_ticker(SN_SEC(1), true);
	sn_every_start(loop, &ticker.every, SN_SEC(1), true, on_tick);
}

START_TEST(starting_twice_is_a_programmer_error)
{
	assert_dies(start_twice);
}
END_TEST

Suite *timer_suite(void);
Suite *timer_suite(void)
{
	Suite *s = suite_create("timer");
	TCase *wheel = tcase_create("wheel"), *every = tcase_create("every");

	tcase_add_checked_fixture(wheel, setup, loop_teardown);
	tcase_add_checked_fixture(every, setup, loop_teardown);
	tcase_set_timeout(wheel, 60);
	tcase_add_loop_test(wheel, a_timer_is_never_early_and_at_most_a_tick_late, 0, DELAYS);
	tcase_add_test(wheel, a_timer_without_delay_fires_in_the_next_turn);
	tcase_add_test(wheel, the_farthest_delay_does_not_overflow);
	tcase_add_test(wheel, setting_again_moves_and_clearing_is_final);
	tcase_add_test(wheel, timers_fire_by_deadline_then_by_age);
	tcase_add_test(wheel, age_counts_across_a_cascade);
	tcase_add_test(wheel, a_callback_may_clear_any_timer);
	tcase_add_test(wheel, a_callback_may_set_any_timer);
	tcase_add_loop_test(wheel, the_wheel_agrees_with_a_model, 0, 8);
	tcase_add_test(wheel, far_timers_hardly_ever_wake_an_idle_loop);
	tcase_add_test(wheel, a_sleeping_loop_wakes_in_time);
	tcase_add_loop_test(every, every_counts_as_twisted_does, 0, 3);
	tcase_add_test(every, every_with_no_interval_runs_once_a_turn);
	tcase_add_test(every, everys_first_call_counts_one_even_when_late);
	tcase_add_test(every, time_spent_in_the_callback_counts);
	tcase_add_test(every, every_stops_for_good);
	tcase_add_test(every, every_stops_in_its_callback);
	tcase_add_loop_test(every, any_other_result_stops_it, 0, 4);
	tcase_add_test(every, every_restarts_in_its_callback);
	tcase_add_test(every, done_after_stop_does_nothing);
	tcase_add_test(every, reset_begins_a_new_grid);
	tcase_add_test(every, reset_before_any_call_forgets_what_was_missed);
	tcase_add_test(every, reset_before_the_first_call_puts_it_off);
	tcase_add_test(every, reset_while_pending_keeps_waiting);
	tcase_add_test(every, starting_twice_is_a_programmer_error);
	suite_add_tcase(s, wheel);
	suite_add_tcase(s, every);
	return s;
}
