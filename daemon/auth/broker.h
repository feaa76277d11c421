/*
 * What unprivileged code may ask of the broker, the one process that keeps privileges. Here is the
 * interface only; daemon/proc/broker_client.c implements it over a channel, and decides nothing.
 * (The functions call through sn_broker_ops, so that this layer does not lean on that one.)
 * Every verb is checked by the broker: who may ask (the role of the channel), and what (limits from
 * the configuration it was started with).
 *
 * All answers are promises; one that is canceled is forgotten (a spawned child is ended). Blocking
 * modules (PAM) run in a child of the broker each, which is killed after `auth_timeout`.
 */
#ifndef SN_DAEMON_AUTH_BROKER_H
#define SN_DAEMON_AUTH_BROKER_H

#include <sys/types.h>

#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/loop/promise.h"
#include "daemon/net/addr.h"

struct sn_broker_ops;

/* The implementer's first member. */
struct sn_broker {
	const struct sn_broker_ops *ops;
};

/* May it be the name of a PAM service? It becomes a file name in /etc/pam.d. */
bool sn_broker_service_valid(struct sn_str name);
/* PAM conversation with one question, the password. SN_OK, SN_EDENIED, SN_ENOTFOUND (no such
 * user), SN_EDISABLED (account management says no), SN_EBUSY (too many at once), SN_ETIMEOUT,
 * SN_EUNAVAILABLE. */
struct sn_promise *sn_broker_verify_password(struct sn_broker *broker, struct sn_str pam_service,
	struct sn_str user, struct sn_str password, const struct sn_addr *peer) SN_WARN_UNUSED;

/* Open a file for reading as the user it belongs to: authorized_keys. path may hold %u (name) and
 * %h (home); refused when it, or a folder above it up to the home, is writable by others (sshd's
 * StrictModes). Value: a descriptor. SN_ENOTFOUND: no such user or file. */
struct sn_promise *sn_broker_open_as_user(
	struct sn_broker *broker, struct sn_str user, struct sn_str path) SN_WARN_UNUSED;
int sn_broker_taken_fd(struct sn_promise *p); /* the waiter takes it over; -1: taken already */

/* Start a program as a user of the machine, with its groups, home and shell from passwd(5), PAM
 * session open (if pam_service is given), in a session of its own, no descriptors but 0, 1, 2. */
struct sn_spawn {
	struct sn_str user; /* empty: the daemon's own */
	struct sn_str pam_service;
	const char *const *argv; /* NULL: the user's login shell, as a login shell */
	const char *const *env;  /* added to HOME, USER, SHELL, PATH, LOGNAME */
	const char *dir;         /* NULL: the home */
	bool pty;                /* a terminal of rows x columns, else three pipes */
	uint16_t rows, columns;
	const char *term;
	struct sn_str peer; /* pty: the host in utmp and lastlog; empty: no record */
};
struct sn_spawned {
	pid_t pid;
	int fds[3]; /* ours: pipes to 0, from 1, from 2; or the pty's master and -1, -1 */
	struct sn_promise *exit; /* value: sn_broker_exit_status; take it over or it is canceled,
				    and the program ended */
};
struct sn_promise *sn_broker_spawn(
	struct sn_broker *broker, const struct sn_spawn *spawn) SN_WARN_UNUSED;
/* During the waiter's call: take all over. */
void sn_broker_take_spawned(struct sn_promise *p, struct sn_spawned *spawned_r);
int sn_broker_exit_status(struct sn_promise *exit); /* as waitpid's */
/* SIGHUP, SIGTERM ... to the program's session. */
void sn_broker_signal(struct sn_broker *broker, pid_t pid, int signo);

/* A user of the machine by uid (PEER) or name: SN_ENOTFOUND. */
struct sn_passwd {
	uid_t uid;
	gid_t gid;
	struct sn_str name, home, shell;
};
struct sn_promise *sn_broker_lookup(
	struct sn_broker *broker, struct sn_str name, uid_t uid) SN_WARN_UNUSED;
const struct sn_passwd *sn_broker_passwd(struct sn_promise *p);

/* --- for implementers ---------------------------------------------------------------------------
 */

struct sn_broker_ops {
	struct sn_promise *(*verify_password)(struct sn_broker *broker, struct sn_str pam_service,
		struct sn_str user, struct sn_str password, const struct sn_addr *peer);
	struct sn_promise *(*open_as_user)(
		struct sn_broker *broker, struct sn_str user, struct sn_str path);
	struct sn_promise *(*spawn)(struct sn_broker *broker, const struct sn_spawn *spawn);
	void (*signal)(struct sn_broker *broker, pid_t pid, int signo);
	struct sn_promise *(*lookup)(struct sn_broker *broker, struct sn_str name, uid_t uid);
};

/* Every promise of these verbs is the first member of one of these. What is in it when the promise
 * is freed was not taken. */
struct sn_broker_answer {
	struct sn_promise promise;
	int fd;                    /* open_as_user; -1: none, or taken */
	struct sn_spawned spawned; /* spawn; exit NULL: none, or taken */
	int status;                /* of a program's end */
	struct sn_passwd passwd;   /* lookup */
};

#endif
