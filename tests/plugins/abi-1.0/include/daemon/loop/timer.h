/*
 * Timers: a hierarchical wheel of one-millisecond ticks. Setting, moving and clearing are O(1) and
 * allocate nothing; a timer is a member of its owner. A timer never fires early, and at most a tick
 * late on an idle machine. Deadlines are monotonic: jumps of the wall clock do not matter.
 *
 * sn_every repeats on a drift-free grid from its start. Its callback learns how many periods have
 * passed since the last call (1 when on time; more when the loop was held up or the previous call's
 * work was still pending), as Twisted's LoopingCall.withCount does; see docs/event-loop.md.
 */
#ifndef SN_DAEMON_LOOP_TIMER_H
#define SN_DAEMON_LOOP_TIMER_H

#include "daemon/loop/loop.h"

struct sn_timer;
typedef void (*sn_timer_fn)(struct sn_timer *timer);

struct sn_timer {
	struct sn_list link;
	int64_t deadline; /* monotonic ns */
	sn_timer_fn fn;
	struct sn_loop *loop;
};

/* (Re)arm to fire once, delay_ns from sn_loop_now (below 0 counts as 0) / at a monotonic time. A
 * time that has passed already fires in the next timers phase. */
void sn_timer_set(struct sn_loop *loop, struct sn_timer *timer, int64_t delay_ns, sn_timer_fn fn);
void sn_timer_set_at(struct sn_loop *loop, struct sn_timer *timer, int64_t mono_ns, sn_timer_fn fn);
void sn_timer_clear(struct sn_timer *timer); /* unarmed: nothing happens */
static inline bool sn_timer_armed(const struct sn_timer *timer)
{
	return sn_list_linked(&timer->link);
}

struct sn_every;
/*
 * missed_plus_one: periods since the last call (>= 1; the first call with now = true gets 1).
 * SN_OK: go on. SN_PENDING: the work is still running; no call until sn_every_done. Anything
 * else stops it.
 */
typedef int (*sn_every_fn)(struct sn_every *every, uint64_t periods);

struct sn_every {
	struct sn_timer timer;
	int64_t start, interval; /* the grid */
	int64_t last;            /* time of the last call that was counted */
	sn_every_fn fn;
	bool pending, running;
};

/* interval_ns 0: once every turn. now: the first call comes in the next turn, else after one
 * interval. */
void sn_every_start(struct sn_loop *loop, struct sn_every *every, int64_t interval_ns, bool now,
	sn_every_fn fn);
void sn_every_stop(struct sn_every *every);
void sn_every_reset(struct sn_every *every); /* a new grid from now; next call in one interval */
void sn_every_done(struct sn_every *every);  /* the work of a SN_PENDING call ended */

#endif
