#include "daemon/proc/worker_life.h"

#include "daemon/base/assert.h"
#include "daemon/base/clock.h"

#define BACKOFF_FIRST SN_MS(100)
#define BACKOFF_MOST SN_SEC(30)
#define JITTER_PERCENT 20
#define HEALTHY_AFTER SN_SEC(60)
#define DEATHS_WINDOW SN_SEC(10)

struct row {
	enum sn_worker_state next;
	enum sn_worker_step step;
};

/* A death of a worker that is wanted is decided below; here it stands for the usual end of it. */
static const struct row rows[SN_WORKER_STATES][SN_WORKER_EVENTS] = {
	[SN_WORKER_DOWN] = {
		[SN_WORKER_START] = { SN_WORKER_STARTING, SN_WORKER_SPAWN },
		[SN_WORKER_UP] = { SN_WORKER_DOWN, SN_WORKER_NOTHING },
		[SN_WORKER_DIED] = { SN_WORKER_DOWN, SN_WORKER_NOTHING },
		[SN_WORKER_DUE] = { SN_WORKER_DOWN, SN_WORKER_NOTHING },
		[SN_WORKER_STOP] = { SN_WORKER_DOWN, SN_WORKER_ENDED },
	},
	[SN_WORKER_STARTING] = {
		[SN_WORKER_START] = { SN_WORKER_STARTING, SN_WORKER_NOTHING },
		[SN_WORKER_UP] = { SN_WORKER_READY, SN_WORKER_ANNOUNCE },
		[SN_WORKER_DIED] = { SN_WORKER_WAITING, SN_WORKER_WAIT },
		[SN_WORKER_DUE] = { SN_WORKER_STARTING, SN_WORKER_NOTHING },
		[SN_WORKER_STOP] = { SN_WORKER_DRAINING, SN_WORKER_DRAIN },
	},
	[SN_WORKER_READY] = {
		[SN_WORKER_START] = { SN_WORKER_READY, SN_WORKER_NOTHING },
		[SN_WORKER_UP] = { SN_WORKER_READY, SN_WORKER_NOTHING },
		[SN_WORKER_DIED] = { SN_WORKER_WAITING, SN_WORKER_WAIT },
		[SN_WORKER_DUE] = { SN_WORKER_READY, SN_WORKER_NOTHING },
		[SN_WORKER_STOP] = { SN_WORKER_DRAINING, SN_WORKER_DRAIN },
	},
	[SN_WORKER_DRAINING] = {
		[SN_WORKER_START] = { SN_WORKER_DRAINING, SN_WORKER_NOTHING },
		[SN_WORKER_UP] = { SN_WORKER_DRAINING, SN_WORKER_NOTHING },
		[SN_WORKER_DIED] = { SN_WORKER_DOWN, SN_WORKER_ENDED },
		[SN_WORKER_DUE] = { SN_WORKER_DRAINING, SN_WORKER_NOTHING },
		[SN_WORKER_STOP] = { SN_WORKER_DRAINING, SN_WORKER_DRAIN },
	},
	[SN_WORKER_WAITING] = {
		[SN_WORKER_START] = { SN_WORKER_STARTING, SN_WORKER_SPAWN },
		[SN_WORKER_UP] = { SN_WORKER_WAITING, SN_WORKER_NOTHING },
		[SN_WORKER_DIED] = { SN_WORKER_WAITING, SN_WORKER_NOTHING },
		[SN_WORKER_DUE] = { SN_WORKER_STARTING, SN_WORKER_SPAWN },
		[SN_WORKER_STOP] = { SN_WORKER_DOWN, SN_WORKER_ENDED },
	},
	[SN_WORKER_FAILED] = {
		[SN_WORKER_START] = { SN_WORKER_STARTING, SN_WORKER_SPAWN },
		[SN_WORKER_UP] = { SN_WORKER_FAILED, SN_WORKER_NOTHING },
		[SN_WORKER_DIED] = { SN_WORKER_FAILED, SN_WORKER_NOTHING },
		[SN_WORKER_DUE] = { SN_WORKER_FAILED, SN_WORKER_NOTHING },
		[SN_WORKER_STOP] = { SN_WORKER_DOWN, SN_WORKER_ENDED },
	},
};

static void forget(struct sn_worker_life *life)
{
	life->backoff = 0;
	life->kill_backoff = 0;
	life->death_count = 0;
}

/* Whether this is the last of too many. */
static bool count_death(struct sn_worker_life *life, int64_t now)
{
	int64_t *slot = &life->deaths[life->death_count % SN_WORKER_DEATHS];
	/* The oldest of the last five is the one after the newest. */
	const int64_t *oldest = &life->deaths[(life->death_count + 1) % SN_WORKER_DEATHS];

	*slot = now;
	life->death_count++;
	return life->death_count >= SN_WORKER_DEATHS && now - *oldest < DEATHS_WINDOW;
}

static int64_t with_jitter(int64_t delay, uint32_t random)
{
	const int64_t span = delay / 100 * JITTER_PERCENT;
	const uint64_t share = (uint64_t)random / 4096; /* 20 bits: no product overflows */

	return delay - span + (int64_t)((uint64_t)(2 * span) * share / (UINT32_MAX / 4096));
}

static int64_t next_backoff(int64_t backoff)
{
	if (backoff == 0)
		return BACKOFF_FIRST;
	return backoff * 2 < BACKOFF_MOST ? backoff * 2 : BACKOFF_MOST;
}

static enum sn_worker_step decide(
	struct sn_worker_life *life, int64_t now, enum sn_worker_death death, uint32_t random)
{
	const bool was_ready = life->state == SN_WORKER_READY;
	const bool was_healthy = was_ready && now - life->ready_since >= HEALTHY_AFTER;

	life->state = SN_WORKER_WAITING;
	life->delay = 0;
	if (was_healthy)
		forget(life);
	if (death == SN_WORKER_KILLED) {
		if (!was_ready) {
			life->kill_backoff = next_backoff(life->kill_backoff);
			life->delay = with_jitter(life->kill_backoff, random);
		}
		return SN_WORKER_WAIT;
	}
	if (count_death(life, now)) {
		life->state = SN_WORKER_FAILED;
		return SN_WORKER_GIVE_UP;
	}
	if (!was_healthy) {
		life->backoff = next_backoff(life->backoff);
		life->delay = with_jitter(life->backoff, random);
	}
	return SN_WORKER_WAIT;
}

enum sn_worker_step sn_worker_life_event(struct sn_worker_life *life, enum sn_worker_event event,
	int64_t now, enum sn_worker_death death, uint32_t random)
{
	const struct row row = rows[life->state][event];

	if (row.step == SN_WORKER_WAIT)
		return decide(life, now, death, random);
	if (event == SN_WORKER_START)
		forget(life);
	if (row.step == SN_WORKER_SPAWN)
		life->starts++;
	if (row.step == SN_WORKER_ANNOUNCE) {
		life->ready_since = now;
		life->kill_backoff = 0;
	}
	life->state = row.next;
	return row.step;
}

bool sn_worker_life_runs(const struct sn_worker_life *life)
{
	return life->state == SN_WORKER_STARTING || life->state == SN_WORKER_READY ||
		life->state == SN_WORKER_DRAINING;
}

const char *sn_worker_state_name(enum sn_worker_state state)
{
	static const char *const names[] = {
		[SN_WORKER_DOWN] = "down",
		[SN_WORKER_STARTING] = "starting",
		[SN_WORKER_READY] = "ready",
		[SN_WORKER_DRAINING] = "draining",
		[SN_WORKER_WAITING] = "waiting",
		[SN_WORKER_FAILED] = "failed",
	};

	sn_assert((unsigned)state < SN_WORKER_STATES);
	return names[state];
}
