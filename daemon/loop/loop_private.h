/*
 * What the files of this folder share about a loop; nobody else includes this.
 *
 * Timer wheel: SN_WHEEL_LEVELS levels of 64 slots; a slot of level n spans 64^n ticks of one
 * millisecond. A timer lies on the level of the highest base-64 digit in which its tick differs
 * from the wheel's, in the slot of that digit. It follows that
 *   - every occupied slot lies ahead of the wheel's digit on its level (nothing wraps around), and
 *   - all of a level comes before anything of the levels above it,
 * so the next thing to do is the first occupied slot of the first occupied level.
 */
#ifndef SN_DAEMON_LOOP_LOOP_PRIVATE_H
#define SN_DAEMON_LOOP_LOOP_PRIVATE_H

#include <stdatomic.h>
#include <sys/epoll.h>

#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#define SN_WHEEL_BITS 6
#define SN_WHEEL_SLOTS (1 << SN_WHEEL_BITS)
/* 48 bits of milliseconds hold every deadline that 63 bits of nanoseconds can name. */
#define SN_WHEEL_LEVELS 8

struct sn_wheel {
	uint64_t tick;                      /* nothing at or before it is left in the slots */
	uint64_t occupied[SN_WHEEL_LEVELS]; /* bit per slot: its list is not empty */
	struct sn_list slots[SN_WHEEL_LEVELS][SN_WHEEL_SLOTS];
	struct sn_list due; /* deadline had passed when they were set */
};

void sn_wheel_init(struct sn_wheel *wheel, int64_t now);
bool sn_wheel_empty(const struct sn_wheel *wheel);
/* Monotonic time at which the wheel next has something to do, or -1. */
int64_t sn_wheel_next(const struct sn_wheel *wheel);
/* Call every timer due at loop->now; whether there was one. */
bool sn_wheel_run(struct sn_loop *loop);

/* The order of a turn; each phase is entered from the one before. */
enum sn_phase {
	SN_PHASE_IDLE,
	SN_PHASE_TIMERS,
	SN_PHASE_DISPATCH,
	SN_PHASE_DEFERRED,
	SN_PHASE_FLUSH,
	SN_PHASE_CLOSING,
};

/* One per descriptor number, kept after the watch has gone: the generation tells a stale event. */
struct sn_fd_slot {
	struct sn_watch *watch;
	uint32_t generation;
};

struct sn_loop {
	const struct sn_clock *clock;
	int64_t now;
	enum sn_phase phase;
	int epoll_fd;

	struct sn_fd_slot *fds; /* by descriptor number */
	size_t fd_count;
	size_t watch_count;
	struct epoll_event *events;
	unsigned max_events;
	bool coarse_wait; /* milliseconds: the kernel has no epoll_pwait2 */

	struct sn_wheel wheel;
	struct sn_list deferred, flush, closing;
	struct sn_list orphans; /* detached children, see child.c */

	_Atomic(struct sn_post *) posts; /* newest first */
	atomic_bool asleep;              /* a poster must write to the eventfd */
	struct sn_watch wake;
	_Atomic uint64_t turns;

	bool stopping;
	int stop_code;
	void *scratch[2];
};

/* Hand a registration over to another watch with its own fn; what the kernel has queued follows. */
void sn_watch_move(struct sn_watch *from, struct sn_watch *to);
/* Forget detached children that still run. */
void sn_loop_free_orphans(struct sn_loop *loop);

#endif
