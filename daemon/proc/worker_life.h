/*
 * The life of one place for a worker ("main/0"), as the supervisor decides it: a state, what may
 * happen in it, and the policy of restarts. No process, no clock of its own: events and times come
 * in, the next step comes out.
 *
 * Restarts:
 *   - A worker that dies by its own doing (an exit, a crash, a hang) is started again after 0.1 s,
 *     doubling to 30 s, each with +-20 % of jitter. After a minute of health all is forgotten, and
 *     the first restart comes at once.
 *   - Five such deaths in 10 s: failed. Nothing restarts it but a start.
 *   - SIGKILL from outside (a person, the kernel out of memory) says nothing about the worker, and
 *     counts nowhere: one that was ready is started again at once, one that was starting after 0.1
 * s, doubling to 30 s until one start succeeds.
 */
#ifndef SN_DAEMON_PROC_WORKER_LIFE_H
#define SN_DAEMON_PROC_WORKER_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#define SN_WORKER_DEATHS 5 /* so many ... */

enum sn_worker_state {
	SN_WORKER_DOWN,     /* not wanted */
	SN_WORKER_STARTING, /* its process runs, and is not ready */
	SN_WORKER_READY,
	SN_WORKER_DRAINING, /* told to go */
	SN_WORKER_WAITING,  /* dead, until its next start */
	SN_WORKER_FAILED,   /* died too often */
	SN_WORKER_STATES
};

enum sn_worker_event {
	SN_WORKER_START, /* it is wanted */
	SN_WORKER_UP,    /* it says READY */
	SN_WORKER_DIED,
	SN_WORKER_DUE, /* the wait is over */
	SN_WORKER_STOP,
	SN_WORKER_EVENTS
};

enum sn_worker_step {
	SN_WORKER_NOTHING,
	SN_WORKER_SPAWN,    /* start the process */
	SN_WORKER_ANNOUNCE, /* it serves */
	SN_WORKER_WAIT,     /* DUE after life->delay */
	SN_WORKER_GIVE_UP,  /* it has failed for good */
	SN_WORKER_DRAIN,    /* tell the process to go */
	SN_WORKER_ENDED,    /* no process, none wanted */
};

/* Why it died. */
enum sn_worker_death {
	SN_WORKER_OWN_DEATH,
	SN_WORKER_KILLED, /* by a SIGKILL that was not ours */
};

struct sn_worker_life {
	enum sn_worker_state state;
	uint32_t starts;
	int64_t ready_since;
	int64_t backoff;      /* of the last restart; 0: none lately */
	int64_t kill_backoff; /* of the last start that was killed from outside; 0: it succeeded */
	int64_t delay;        /* for SN_WORKER_WAIT */
	int64_t deaths[SN_WORKER_DEATHS];
	unsigned death_count; /* in all, since the last minute of health */
};

/* now: monotonic. death: for DIED. random: any number, for the jitter. */
enum sn_worker_step sn_worker_life_event(struct sn_worker_life *life, enum sn_worker_event event,
	int64_t now, enum sn_worker_death death, uint32_t random);
const char *sn_worker_state_name(enum sn_worker_state state);
/* It has a process. */
bool sn_worker_life_runs(const struct sn_worker_life *life);

#endif
