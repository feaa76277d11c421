/*
 * Checks that run on the offload pool: hashing, files. Private to daemon/auth.
 *
 * A checker that uses these embeds sn_job_checker first. A check that nobody waits for any more may
 * still run on its thread: it keeps the checker alive until it is through. Everything but `work` is
 * called on the loop.
 */
#ifndef SN_DAEMON_AUTH_CHECK_JOB_H
#define SN_DAEMON_AUTH_CHECK_JOB_H

#include "daemon/auth/checker.h"

struct sn_job_checker {
	struct sn_checker checker; /* first member */
	unsigned jobs;             /* under way */
	bool closed;
	void (*destroy)(struct sn_job_checker *checker); /* when both are over */
};
/* The type's `close`. */
void sn_job_checker_close(struct sn_checker *checker);

struct sn_check_job {
	struct sn_check check; /* first member */
	struct sn_job job;
	struct sn_job_checker *checker;
	struct sn_creds *creds; /* a copy */
	/* Pool thread. SN_OK: name (as the account is spelled; sn_free) and roles ("a,b"; sn_free,
	 * or NULL) are set, and for SCRAM check.scram; SN_EDENIED, SN_ENOTFOUND ... */
	int (*work)(struct sn_check_job *op);
	char *name, *roles;
	bool finished; /* the thread is through with it */
	bool canceled; /* nobody waits for the answer */
	bool freed;    /* the promise is gone */
};

/* What `check` returns: SN_PENDING, or SN_EBUSY. */
int sn_check_job_run(struct sn_checker *checker, const struct sn_creds *creds,
	int (*work)(struct sn_check_job *op), struct sn_promise **promise_r) SN_WARN_UNUSED;

#endif
