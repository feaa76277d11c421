#include "daemon/proc/worker_life.h"

#include "daemon/base/clock.h"
#include "tests/support/unit.h"

#define MIDDLE (UINT32_MAX / 2) /* no jitter, but for rounding */

static struct sn_worker_life life;
static int64_t now;

static void setup(void)
{
	life = (struct sn_worker_life){ .state = SN_WORKER_DOWN };
	now = SN_SEC(1000);
}

static enum sn_worker_step event(enum sn_worker_event what)
{
	return sn_worker_life_event(&life, what, now, SN_WORKER_OWN_DEATH, MIDDLE);
}

static enum sn_worker_step die_of(enum sn_worker_death death)
{
	return sn_worker_life_event(&life, SN_WORKER_DIED, now, death, MIDDLE);
}

static void get_ready(void)
{
	(void)event(life.state == SN_WORKER_WAITING ? SN_WORKER_DUE : SN_WORKER_START);
	ck_assert_int_eq(event(SN_WORKER_UP), SN_WORKER_ANNOUNCE);
}

static void assert_delay(int64_t wanted)
{
	ck_assert_int_ge(life.delay, wanted - wanted / 100000);
	ck_assert_int_le(life.delay, wanted + wanted / 100000);
}

static const struct {
	enum sn_worker_state from;
	enum sn_worker_event event;
	enum sn_worker_step step;
	enum sn_worker_state to;
} rows[] = {
	{ SN_WORKER_DOWN, SN_WORKER_START, SN_WORKER_SPAWN, SN_WORKER_STARTING },
	{ SN_WORKER_DOWN, SN_WORKER_STOP, SN_WORKER_ENDED, SN_WORKER_DOWN },
	{ SN_WORKER_DOWN, SN_WORKER_DUE, SN_WORKER_NOTHING, SN_WORKER_DOWN },
	{ SN_WORKER_STARTING, SN_WORKER_UP, SN_WORKER_ANNOUNCE, SN_WORKER_READY },
	{ SN_WORKER_STARTING, SN_WORKER_DIED, SN_WORKER_WAIT, SN_WORKER_WAITING },
	{ SN_WORKER_STARTING, SN_WORKER_STOP, SN_WORKER_DRAIN, SN_WORKER_DRAINING },
	{ SN_WORKER_STARTING, SN_WORKER_START, SN_WORKER_NOTHING, SN_WORKER_STARTING },
	{ SN_WORKER_READY, SN_WORKER_DIED, SN_WORKER_WAIT, SN_WORKER_WAITING },
	{ SN_WORKER_READY, SN_WORKER_STOP, SN_WORKER_DRAIN, SN_WORKER_DRAINING },
	{ SN_WORKER_READY, SN_WORKER_UP, SN_WORKER_NOTHING, SN_WORKER_READY },
	{ SN_WORKER_DRAINING, SN_WORKER_UP, SN_WORKER_NOTHING, SN_WORKER_DRAINING },
	{ SN_WORKER_DRAINING, SN_WORKER_STOP, SN_WORKER_DRAIN, SN_WORKER_DRAINING },
	{ SN_WORKER_DRAINING, SN_WORKER_DIED, SN_WORKER_ENDED, SN_WORKER_DOWN },
	{ SN_WORKER_WAITING, SN_WORKER_DUE, SN_WORKER_SPAWN, SN_WORKER_STARTING },
	{ SN_WORKER_WAITING, SN_WORKER_START, SN_WORKER_SPAWN, SN_WORKER_STARTING },
	{ SN_WORKER_WAITING, SN_WORKER_STOP, SN_WORKER_ENDED, SN_WORKER_DOWN },
	{ SN_WORKER_FAILED, SN_WORKER_DUE, SN_WORKER_NOTHING, SN_WORKER_FAILED },
	{ SN_WORKER_FAILED, SN_WORKER_START, SN_WORKER_SPAWN, SN_WORKER_STARTING },
	{ SN_WORKER_FAILED, SN_WORKER_STOP, SN_WORKER_ENDED, SN_WORKER_DOWN },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

START_TEST(what_happens_in_a_state)
{
	life.state = rows[_i].from;
	ck_assert_int_eq(event(rows[_i].event), rows[_i].step);
	ck_assert_str_eq(sn_worker_state_name(life.state), sn_worker_state_name(rows[_i].to));
}
END_TEST

START_TEST(the_wait_doubles_up_to_half_a_minute)
{
	static const int64_t waits[] = { SN_MS(100), SN_MS(200), SN_MS(400), SN_MS(800),
		SN_MS(1600), SN_MS(3200), SN_MS(6400), SN_MS(12800), SN_MS(25600), SN_SEC(30),
		SN_SEC(30) };

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		now += SN_SEC(4); /* slow enough not to fail */
		get_ready();
		ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
		assert_delay(waits[i]);
	}
}
END_TEST

START_TEST(jitter_is_a_fifth_either_way)
{
	get_ready();
	(void)sn_worker_life_event(&life, SN_WORKER_DIED, now, SN_WORKER_OWN_DEATH, 0);
	ck_assert_int_eq(life.delay, SN_MS(80));
	setup();
	get_ready();
	(void)sn_worker_life_event(&life, SN_WORKER_DIED, now, SN_WORKER_OWN_DEATH, UINT32_MAX);
	ck_assert_int_eq(life.delay, SN_MS(120));
}
END_TEST

START_TEST(a_minute_of_health_makes_up_for_all)
{
	for (int i = 0; i < 4; i++) {
		get_ready();
		(void)die_of(SN_WORKER_OWN_DEATH);
	}
	get_ready();
	now += SN_SEC(60);
	ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
	ck_assert_int_eq(life.delay, 0);
	get_ready();
	(void)die_of(SN_WORKER_OWN_DEATH);
	assert_delay(SN_MS(100));
}
END_TEST

START_TEST(a_minute_is_counted_from_ready)
{
	get_ready();
	(void)die_of(SN_WORKER_OWN_DEATH);
	(void)event(SN_WORKER_DUE);
	now += SN_SEC(61);
	ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
	assert_delay(SN_MS(200));
}
END_TEST

START_TEST(the_fifth_death_in_ten_seconds_is_the_last)
{
	for (int i = 0; i < 4; i++) {
		get_ready();
		ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
		now += SN_MS(2499);
	}
	get_ready();
	ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_GIVE_UP);
	ck_assert_int_eq(life.state, SN_WORKER_FAILED);
	/* Started by hand it has all its lives again. */
	get_ready();
	ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
	assert_delay(SN_MS(100));
}
END_TEST

START_TEST(five_deaths_in_more_than_ten_seconds_are_no_failure)
{
	for (int i = 0; i < 20; i++) {
		get_ready();
		ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
		now += SN_MS(2500);
	}
}
END_TEST

START_TEST(one_that_never_gets_ready_fails)
{
	(void)event(SN_WORKER_START);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_WAIT);
		now += life.delay;
		ck_assert_int_eq(event(SN_WORKER_DUE), SN_WORKER_SPAWN);
	}
	ck_assert_int_eq(die_of(SN_WORKER_OWN_DEATH), SN_WORKER_GIVE_UP);
	ck_assert_uint_eq(life.starts, 5);
}
END_TEST

START_TEST(who_is_killed_has_done_nothing)
{
	for (int i = 0; i < 100; i++) {
		get_ready();
		ck_assert_int_eq(die_of(SN_WORKER_KILLED), SN_WORKER_WAIT);
		ck_assert_int_eq(life.delay, 0);
	}
}
END_TEST

/* Before it is ready that may be how it fails, out of memory: ever later, but it is no failure. */
START_TEST(who_is_killed_while_it_starts_comes_back_later)
{
	int64_t expected = SN_MS(100);

	get_ready();
	ck_assert_int_eq(die_of(SN_WORKER_KILLED), SN_WORKER_WAIT);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(event(SN_WORKER_DUE), SN_WORKER_SPAWN);
		ck_assert_int_eq(die_of(SN_WORKER_KILLED), SN_WORKER_WAIT);
		assert_delay(expected);
		expected = expected * 2 < SN_SEC(30) ? expected * 2 : SN_SEC(30);
	}
	/* One success, and it begins anew. */
	(void)event(SN_WORKER_DUE);
	(void)event(SN_WORKER_UP);
	ck_assert_int_eq(die_of(SN_WORKER_KILLED), SN_WORKER_WAIT);
	ck_assert_int_eq(life.delay, 0);
	(void)event(SN_WORKER_DUE);
	ck_assert_int_eq(die_of(SN_WORKER_KILLED), SN_WORKER_WAIT);
	assert_delay(SN_MS(100));
}
END_TEST

Suite *worker_life_suite(void);
Suite *worker_life_suite(void)
{
	Suite *s = suite_create("proc/worker_life");
	TCase *tc = tcase_create("worker_life");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, what_happens_in_a_state, 0, ROWS);
	tcase_add_test(tc, the_wait_doubles_up_to_half_a_minute);
	tcase_add_test(tc, jitter_is_a_fifth_either_way);
	tcase_add_test(tc, a_minute_of_health_makes_up_for_all);
	tcase_add_test(tc, a_minute_is_counted_from_ready);
	tcase_add_test(tc, the_fifth_death_in_ten_seconds_is_the_last);
	tcase_add_test(tc, five_deaths_in_more_than_ten_seconds_are_no_failure);
	tcase_add_test(tc, one_that_never_gets_ready_fails);
	tcase_add_test(tc, who_is_killed_has_done_nothing);
	tcase_add_test(tc, who_is_killed_while_it_starts_comes_back_later);
	suite_add_tcase(s, tc);
	return s;
}
