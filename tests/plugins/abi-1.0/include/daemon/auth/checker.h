/*
 * Checker: verifies credentials of the kinds it says it takes, and knows no protocol. A checker
 * type is a const row, selected by `--auth TYPE[:ARG]` or `use = "TYPE[:ARG]"`; checkers from
 * plugins use the same row.
 *
 *   accounts     the daemon's own database             password, SCRAM, key, certificate, token
 *   memory:NAME:PASSWORD[:NAME:PASSWORD...]            password, SCRAM
 *   file:PATH    lines NAME:SECRET[:ROLE,ROLE...]; SECRET is a crypt(3) hash ($y$ $2b$ $6$ ...), a
 *                SCRAM record or plain text. Re-read when it changes.     password, SCRAM
 *   unix[:SERVICE] users of the machine: PAM, through the broker          password, peer
 *   sshkey[:PATH]  authorized_keys(5) of the users, or of PATH (%u: user) public key
 *   cert:CA.pem  the account is the certificate's name                    certificate
 *   anonymous    anybody                                                  anonymous
 *
 * Timing: an unknown name costs what a wrong password costs. Hashing runs on the offload pool.
 */
#ifndef SN_DAEMON_AUTH_CHECKER_H
#define SN_DAEMON_AUTH_CHECKER_H

#include <stdatomic.h>

#include "daemon/auth/creds.h"
#include "daemon/auth/session.h"
#include "daemon/loop/offload.h"
#include "daemon/loop/promise.h"

struct sn_broker;
struct sn_checker;
struct sn_limiter;
struct sn_store;

/* What checkers and portals work with: borrowed from the process that runs them, outlives them.
 * NULL members are not there: a checker that needs one refuses to open, and says what is missing.
 */
struct sn_auth_context {
	struct sn_loop *loop;
	struct sn_offload *pool;
	struct sn_store *store;     /* accounts */
	struct sn_broker *broker;   /* unix, sshkey */
	struct sn_limiter *limiter; /* shared by all workers */
	struct sn_str secret;       /* random, stable over restarts if there is a state directory:
				       fake salts */
	const char *store_missing;  /* why store is NULL, in words */
};

struct sn_checker_type {
	size_t size;          /* of this struct as compiled */
	const char *name;     /* "memory" */
	const char *arg_help; /* "NAME:PASSWORD[:NAME:PASSWORD...]" */
	const char *doc;
	unsigned kinds; /* sn_creds_kind bits */
	/* Parse arg. SN_ESYNTAX, SN_EUNAVAILABLE, -errno ... with text in *diag. Blocking is
	 * allowed.
	 */
	int (*open)(const struct sn_auth_context *context, struct sn_str arg,
		struct sn_checker **checker_r, struct sn_diag *diag);
	/*
	 * SN_OK with *session_r, SN_EDENIED (known kind, not right), SN_EDISABLED, SN_ENOTFOUND (no
	 * such account here: the next checker is asked), SN_EBUSY and SN_EUNAVAILABLE (try later),
	 * or SN_PENDING with *promise_r, an sn_check. A SCRAM question is always answered through a
	 * promise, whose sn_check_scram has the record beside the session.
	 */
	int (*check)(struct sn_checker *checker, const struct sn_creds *creds,
		struct sn_session **session_r, struct sn_promise **promise_r);
	void (*close)(struct sn_checker *checker);
	/* Optional: the client has proved the SCRAM record that this checker gave with `session`:
	 * only now it is a login, for who counts or dates them. */
	void (*proved)(struct sn_checker *checker, const struct sn_session *session);
};

/* First member of every checker. */
struct sn_checker {
	const struct sn_checker_type *type;
	const struct sn_auth_context *context; /* set by sn_checker_open */
	/* What it takes of its type's kinds now (a file without one SCRAM record); 0: all. Any
	 * thread may change it. */
	_Atomic uint64_t kinds;
	uint64_t reserved_[3]; /* for members of later minors; zero (decisions/0009) */
};
static inline unsigned sn_checker_kinds(const struct sn_checker *checker)
{
	const unsigned kinds = (unsigned)atomic_load(&checker->kinds);

	return kinds != 0 ? kinds : checker->type->kinds;
}

/* A pending check; checkers embed it first in their operation. */
struct sn_check {
	struct sn_promise promise;
	struct sn_session *session; /* set before resolving with SN_OK; freed with the check unless
				       taken */
	struct sn_scram_record scram; /* SCRAM: likewise; wiped with the check */
};
/* During the waiter's call: take the session over. */
struct sn_session *sn_check_session(struct sn_promise *p);
const struct sn_scram_record *sn_check_scram(struct sn_promise *p);

int sn_checker_register(const struct sn_checker_type *type) SN_WARN_UNUSED;
void sn_checkers_init(void); /* the built-in ones; again: nothing happens */
const struct sn_checker_type *sn_checker_type_at(size_t i);
/* "memory:alice:secret": type word, then its argument. did-you-mean in *diag. */
int sn_checker_open(const struct sn_auth_context *context, struct sn_str spec,
	struct sn_checker **checker_r, struct sn_diag *diag) SN_WARN_UNUSED;
void sn_checker_close(struct sn_checker **checker);

#endif
