/*
 * Thread pool for work that blocks or burns CPU (password hashing, disk, TLS private keys): the
 * work runs on a pool thread, the result is delivered on the loop in its deferred phase. The queue
 * is bounded: a full one answers SN_EBUSY at once, so that overload turns into "try again later"
 * and not into delay.
 *
 * Ownership: a job is a member of its owner and stays put until `done` was called. Canceling
 * drops a job that has not started (done gets SN_ECANCELED); a running one finishes and done gets
 * its result. done is always called exactly once for a job that was accepted.
 */
#ifndef SN_DAEMON_LOOP_OFFLOAD_H
#define SN_DAEMON_LOOP_OFFLOAD_H

#include <stdatomic.h>

#include "daemon/loop/loop.h"

struct sn_offload;
struct sn_job;

struct sn_job {
	struct sn_list link;
	struct sn_post post;
	struct sn_offload *pool;
	struct sn_loop *loop;
	int (*work)(struct sn_job *job);            /* pool thread; touches the job's owner only */
	void (*done)(struct sn_job *job, int code); /* loop; code: work's result or SN_ECANCELED */
	int code;
	atomic_int state; /* the pool's; 0: not accepted yet, or done */
};

struct sn_offload_options {
	unsigned threads;   /* 0: number of cores; started on demand */
	unsigned queue_max; /* jobs waiting; 0: 1024 */
};

int sn_offload_new(
	const struct sn_offload_options *options, struct sn_offload **pool_r) SN_WARN_UNUSED;
/* Cancels what waits, lets what runs finish, joins the threads. Results of running jobs are still
 * posted: turn their loops once more before freeing the owners. */
void sn_offload_free(struct sn_offload **pool);
/* SN_OK (done will be called), SN_EBUSY (queue full; done will not). */
int sn_offload_run(
	struct sn_offload *pool, struct sn_loop *loop, struct sn_job *job) SN_WARN_UNUSED;
void sn_offload_cancel(struct sn_job *job);
unsigned sn_offload_waiting(const struct sn_offload *pool);

#endif
