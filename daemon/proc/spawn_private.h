/* What spawn.c and spawn_exec.c share: the parts of one program's start. */
#ifndef SN_DAEMON_PROC_SPAWN_PRIVATE_H
#define SN_DAEMON_PROC_SPAWN_PRIVATE_H

#include <pwd.h>

#include "daemon/proc/pam.h"
#include "daemon/proc/spawn.h"

struct sn_spawn_plan {
	const struct sn_ask_spawn *ask;
	struct passwd pw; /* strings are in pool */
	struct sn_pool *pool;
	bool own;                       /* the daemon's own user: not somebody who logs in */
	char line[64];                  /* of a terminal: "/dev/pts/3"; empty: three pipes */
	int theirs[3];                  /* 0, 1, 2 of the program; the terminal's end thrice */
	int ours[3];                    /* ours[0] alone: the terminal's master */
	struct sn_pam_session *session; /* or NULL */
};

/* Open the terminal or the pipes. */
int sn_spawn_open_fds(struct sn_spawn_plan *plan) SN_WARN_UNUSED;
void sn_spawn_close_fds(int fds[3]);
/* fork, become the user, exec; -errno as the child met it, exec's included. */
int sn_spawn_start(const struct sn_spawn_plan *plan, pid_t *pid_r) SN_WARN_UNUSED;
/* "NAME=value", ended by NULL, in plan's pool. */
const char *const *sn_spawn_env(const struct sn_spawn_plan *plan);

#endif
