#include "daemon/loop/timer.h"

#include "daemon/loop/loop_private.h"

#define TICK_NS SN_MS(1)

/* The wheel */

static uint64_t first_tick_after(int64_t mono_ns)
{
	if (mono_ns <= 0)
		return 0;
	return (uint64_t)(mono_ns / TICK_NS) + (mono_ns % TICK_NS != 0);
}

static uint64_t last_tick_before(int64_t mono_ns)
{
	return mono_ns <= 0 ? 0 : (uint64_t)(mono_ns / TICK_NS);
}

static unsigned digit_of(uint64_t tick, unsigned level)
{
	return tick >> (level * SN_WHEEL_BITS) & (SN_WHEEL_SLOTS - 1);
}

/* The highest digit in which two ticks differ. */
static unsigned level_of(uint64_t tick, uint64_t other)
{
	uint64_t differing = tick ^ other;

	return differing == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differing)) / SN_WHEEL_BITS;
}

void sn_wheel_init(struct sn_wheel *wheel, int64_t now)
{
	wheel->tick = last_tick_before(now);
	sn_list_init(&wheel->due);
	for (unsigned level = 0; level < SN_WHEEL_LEVELS; level++) {
		wheel->occupied[level] = 0;
		for (unsigned i = 0; i < SN_WHEEL_SLOTS; i++)
			sn_list_init(&wheel->slots[level][i]);
	}
}

/* The first level with something on it, or SN_WHEEL_LEVELS. */
static unsigned first_level(const struct sn_wheel *wheel)
{
	unsigned level = 0;

	while (level < SN_WHEEL_LEVELS && wheel->occupied[level] == 0)
		level++;
	return level;
}

bool sn_wheel_empty(const struct sn_wheel *wheel)
{
	return sn_list_empty(&wheel->due) && first_level(wheel) == SN_WHEEL_LEVELS;
}

static unsigned first_slot(const struct sn_wheel *wheel, unsigned level)
{
	return (unsigned)__builtin_ctzll(wheel->occupied[level]);
}

/* The first tick of the first occupied slot of a level. */
static uint64_t first_tick(const struct sn_wheel *wheel, unsigned level)
{
	unsigned shift = level * SN_WHEEL_BITS;
	uint64_t above = wheel->tick >> shift >> SN_WHEEL_BITS << SN_WHEEL_BITS;

	return (above | first_slot(wheel, level)) << shift;
}

int64_t sn_wheel_next(const struct sn_wheel *wheel)
{
	unsigned level = first_level(wheel);
	uint64_t tick;

	if (!sn_list_empty(&wheel->due))
		return 0;
	if (level == SN_WHEEL_LEVELS)
		return -1;
	tick = first_tick(wheel, level);
	return tick > INT64_MAX / TICK_NS ? INT64_MAX : (int64_t)tick * TICK_NS;
}

static struct sn_timer *to_timer(struct sn_list *link)
{
	return sn_container_of(link, struct sn_timer, link);
}

static void insert(struct sn_wheel *wheel, struct sn_timer *timer)
{
	uint64_t tick = first_tick_after(timer->deadline);
	unsigned level = level_of(tick, wheel->tick);
	unsigned slot = digit_of(tick, level);

	sn_list_append(&wheel->slots[level][slot], &timer->link);
	wheel->occupied[level] |= UINT64_C(1) << slot;
}

/*
 * A timer's place follows from its deadline at any time: turning the wheel takes timers out of
 * slots or leaves them where they are found again. One that waits to be called has no place, and
 * looking at the slot it would have does no harm.
 */
static void take_out(struct sn_wheel *wheel, struct sn_timer *timer)
{
	uint64_t tick = first_tick_after(timer->deadline);
	unsigned level = level_of(tick, wheel->tick);
	unsigned slot = digit_of(tick, level);

	sn_list_remove(&timer->link);
	if (sn_list_empty(&wheel->slots[level][slot]))
		wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

static void append_all(struct sn_list *dst, struct sn_list *src)
{
	if (sn_list_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	sn_list_init(src);
}

/* Turn the wheel to the first slot of `level`: its timers are due, or move to lower levels. */
static void open_slot(struct sn_wheel *wheel, unsigned level, struct sn_list *due)
{
	unsigned slot = first_slot(wheel, level);
	struct sn_list timers, *link;

	wheel->tick = first_tick(wheel, level);
	wheel->occupied[level] &= ~(UINT64_C(1) << slot);
	sn_list_move(&timers, &wheel->slots[level][slot]);
	if (level == 0) {
		append_all(due, &timers);
		return;
	}
	while ((link = sn_list_pop(&timers)) != NULL)
		insert(wheel, to_timer(link));
}

/* Visits occupied slots only, so a jump of a year costs no more than the timers in it. */
static void advance(struct sn_wheel *wheel, uint64_t tick, struct sn_list *due)
{
	unsigned level;

	while ((level = first_level(wheel)) < SN_WHEEL_LEVELS && first_tick(wheel, level) <= tick)
		open_slot(wheel, level, due);
	if (tick > wheel->tick)
		wheel->tick = tick;
}

/* Order of firing */

static bool in_order(const struct sn_list *timers)
{
	int64_t last = INT64_MIN;
	struct sn_list *it;

	sn_list_each (it, timers) {
		if (to_timer(it)->deadline < last)
			return false;
		last = to_timer(it)->deadline;
	}
	return true;
}

/* Merge two sorted lists into `out`, which is empty; equal ones of a come first. */
static void merge(struct sn_list *a, struct sn_list *b, struct sn_list *out)
{
	while (!sn_list_empty(a) && !sn_list_empty(b)) {
		bool take_b = to_timer(b->next)->deadline < to_timer(a->next)->deadline;

		sn_list_append(out, sn_list_pop(take_b ? b : a));
	}
	append_all(out, a);
	append_all(out, b);
}

/*
 * Stable merge sort by deadline. Runs of 2^i timers wait in runs[i], as the bits of a counter do,
 * so that it takes no memory and no recursion.
 */
static void sort_by_deadline(struct sn_list *timers)
{
	struct sn_list runs[32], carry, out, *link;
	unsigned used = 0, i;

	if (in_order(timers))
		return;
	while ((link = sn_list_pop(timers)) != NULL) {
		sn_list_init(&carry);
		sn_list_append(&carry, link);
		for (i = 0; i < used && !sn_list_empty(&runs[i]); i++) {
			sn_list_init(&out);
			merge(&runs[i], &carry, &out);
			sn_list_move(&carry, &out);
		}
		sn_assert(i < 32);
		if (i == used)
			used++;
		sn_list_move(&runs[i], &carry);
	}
	for (i = 0; i < used; i++) {
		sn_list_init(&out);
		merge(&runs[i], timers, &out);
		sn_list_move(timers, &out);
	}
}

bool sn_wheel_run(struct sn_loop *loop)
{
	struct sn_list due, *link;
	bool any;

	sn_list_init(&due);
	advance(&loop->wheel, last_tick_before(loop->now), &due);
	append_all(&due, &loop->wheel.due);
	sort_by_deadline(&due);
	any = !sn_list_empty(&due);
	while ((link = sn_list_pop(&due)) != NULL)
		to_timer(link)->fn(to_timer(link));
	return any;
}

/* Timers */

void sn_timer_set_at(struct sn_loop *loop, struct sn_timer *timer, int64_t mono_ns, sn_timer_fn fn)
{
	sn_assert(fn != NULL);
	sn_timer_clear(timer);
	timer->loop = loop;
	timer->fn = fn;
	timer->deadline = mono_ns;
	if (mono_ns <= loop->now)
		sn_list_append(&loop->wheel.due, &timer->link);
	else
		insert(&loop->wheel, timer);
}

void sn_timer_set(struct sn_loop *loop, struct sn_timer *timer, int64_t delay_ns, sn_timer_fn fn)
{
	int64_t deadline;

	if (delay_ns < 0)
		delay_ns = 0;
	if (__builtin_add_overflow(loop->now, delay_ns, &deadline))
		deadline = INT64_MAX;
	sn_timer_set_at(loop, timer, deadline, fn);
}

void sn_timer_clear(struct sn_timer *timer)
{
	if (sn_timer_armed(timer))
		take_out(&timer->loop->wheel, timer);
}

/*
 * Repeating. All of it counts in the clock's time at the moment and not in the turn's, so that
 * time spent in callbacks counts as passed.
 */

/* As `last`, before the first call. */
#define FIRST_CALL_AT_START INT64_MIN
#define FIRST_CALL_AFTER_START (INT64_MIN + 1)

/* Periods from the grid's start; towards zero: a call before sn_every_reset counts from there. */
static int64_t period_of(const struct sn_every *every, int64_t mono_ns)
{
	return (mono_ns - every->start) / every->interval;
}

static void fire(struct sn_timer *timer);

static void schedule(struct sn_every *every)
{
	struct sn_loop *loop = every->timer.loop;
	int64_t now = sn_clock_mono(loop->clock), deadline = loop->now;

	if (every->interval != 0 &&
		__builtin_add_overflow(
			now, every->interval - (now - every->start) % every->interval, &deadline))
		deadline = INT64_MAX;
	sn_timer_set_at(loop, &every->timer, deadline, fire);
}

/* Periods since the last call; at least one, as a call is never planned for the period it is in. */
static int64_t count_periods(struct sn_every *every)
{
	int64_t now = sn_clock_mono(every->timer.loop->clock), before = every->last;

	if (before == FIRST_CALL_AT_START) {
		every->last = every->start;
		return 1;
	}
	if (before == FIRST_CALL_AFTER_START)
		before = every->start;
	every->last = now;
	return every->interval == 0 ? 1 : period_of(every, now) - period_of(every, before);
}

static void fire(struct sn_timer *timer)
{
	struct sn_every *every = sn_container_of(timer, struct sn_every, timer);
	int64_t periods = count_periods(every);
	int code;

	sn_assert(periods >= 1);
	code = every->fn(every, (uint64_t)periods);
	if (!every->running)
		return; /* the callback stopped it */
	if (code == SN_PENDING) {
		sn_timer_clear(timer); /* the callback may have reset it */
		every->pending = true;
	} else if (code != SN_OK) {
		sn_every_stop(every);
	} else if (!sn_timer_armed(timer)) {
		schedule(every);
	}
}

void sn_every_start(
	struct sn_loop *loop, struct sn_every *every, int64_t interval_ns, bool now, sn_every_fn fn)
{
	sn_assert(!every->running);
	sn_assert(interval_ns >= 0 && fn != NULL);
	every->timer.loop = loop;
	every->start = sn_clock_mono(loop->clock);
	every->interval = interval_ns;
	every->last = now ? FIRST_CALL_AT_START : FIRST_CALL_AFTER_START;
	every->fn = fn;
	every->running = true;
	every->pending = false;
	if (now)
		sn_timer_set_at(loop, &every->timer, loop->now, fire);
	else
		schedule(every);
}

void sn_every_stop(struct sn_every *every)
{
	sn_timer_clear(&every->timer);
	every->running = false;
	every->pending = false;
}

void sn_every_reset(struct sn_every *every)
{
	sn_assert(every->running);
	every->start = sn_clock_mono(every->timer.loop->clock);
	if (!every->pending)
		schedule(every);
}

void sn_every_done(struct sn_every *every)
{
	if (!every->pending)
		return; /* stopped meanwhile */
	every->pending = false;
	schedule(every);
}
