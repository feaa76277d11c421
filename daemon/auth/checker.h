/*
 * Checker: verifies credentials of the kinds it says it takes, and knows no protocol. A checker
 * type is a const row, selected by `--auth TYPE[:ARG]` or `use = "TYPE[:ARG]"`; checkers from
 * plugins use the same row.
 *
 *   memory:NAME:PASSWORD[:NAME:PASSWORD...]
 *   file:PATH    lines NAME:SECRET; SECRET is a crypt(3) hash ($y$ $2b$ $6$ ... ) or plain text.
 *                Re-read when it changes.
 *
 * Timing: an unknown name costs what a wrong password costs. Hashing runs on the offload pool.
 */
#ifndef SN_DAEMON_AUTH_CHECKER_H
#define SN_DAEMON_AUTH_CHECKER_H

#include "daemon/auth/creds.h"
#include "daemon/auth/session.h"
#include "daemon/loop/offload.h"
#include "daemon/loop/promise.h"

struct sn_checker;

struct sn_checker_type {
	size_t size;          /* of this struct as compiled */
	const char *name;     /* "memory" */
	const char *arg_help; /* "NAME:PASSWORD[:NAME:PASSWORD...]" */
	const char *doc;
	unsigned kinds; /* sn_creds_kind bits */
	/* Parse arg. SN_ESYNTAX, -errno ... with text in *diag. Blocking is allowed. */
	int (*open)(struct sn_str arg, struct sn_checker **checker_r, struct sn_diag *diag);
	/*
	 * SN_OK with *session_r, SN_EDENIED (known kind, not right), SN_ENOTFOUND (no such
	 * account here: the next checker is asked), SN_EBUSY (try later), or SN_PENDING with
	 * *promise_r, whose value sn_check_session gives.
	 */
	int (*check)(struct sn_checker *checker, struct sn_loop *loop, struct sn_offload *pool,
		const struct sn_creds *creds, struct sn_session **session_r,
		struct sn_promise **promise_r);
	void (*close)(struct sn_checker *checker);
};

/* First member of every checker. */
struct sn_checker {
	const struct sn_checker_type *type;
};

/* A pending check; checkers embed it first in their operation. */
struct sn_check {
	struct sn_promise promise;
	struct sn_session *session; /* set before resolving with SN_OK; freed with the check unless
				       taken */
};
/* During the waiter's call: take the session over. */
struct sn_session *sn_check_session(struct sn_promise *p);

int sn_checker_register(const struct sn_checker_type *type) SN_WARN_UNUSED;
void sn_checkers_init(void); /* the built-in ones; again: nothing happens */
const struct sn_checker_type *sn_checker_type_at(size_t i);
/* "memory:alice:secret": type word, then its argument. did-you-mean in *diag. */
int sn_checker_open(
	struct sn_str spec, struct sn_checker **checker_r, struct sn_diag *diag) SN_WARN_UNUSED;
void sn_checker_close(struct sn_checker **checker);

#endif
