/*
 * Child processes: started with chosen descriptors, their end reported by the loop (pidfd), so no
 * SIGCHLD handler and no race with reused pids. Every descriptor not named is closed in the child.
 */
#ifndef SN_DAEMON_LOOP_CHILD_H
#define SN_DAEMON_LOOP_CHILD_H

#include <sys/types.h>

#include "daemon/loop/loop.h"

struct sn_child;
/* status as from waitpid. Once, from dispatch; afterwards the struct is the owner's again. */
typedef void (*sn_child_fn)(struct sn_child *child, int status);

struct sn_child {
	struct sn_watch watch;
	pid_t pid;
	sn_child_fn on_exit;
};

struct sn_child_spec {
	const char *path;  /* searched in PATH when it has no slash */
	char *const *argv; /* ended by NULL */
	char *const *env;  /* NULL: the parent's */
	const char *dir;   /* NULL: the parent's */
	const int *fds;    /* child's descriptors 0..fd_count-1; -1: /dev/null. Stay the
			      parent's to close */
	size_t fd_count;
	bool new_session;     /* setsid: a signal to the terminal's group does not reach it */
	bool die_with_parent; /* PR_SET_PDEATHSIG SIGKILL: when the starting thread ends */
};

/* -errno when it cannot be started, the child's exec error included. */
int sn_child_start(struct sn_loop *loop, struct sn_child *child, const struct sn_child_spec *spec,
	sn_child_fn on_exit) SN_WARN_UNUSED;
/* A child of ours that an earlier program of this process has started: it is watched from now on,
 * and one that has ended meanwhile is reported as well. */
int sn_child_adopt(struct sn_loop *loop, struct sn_child *child, pid_t pid,
	sn_child_fn on_exit) SN_WARN_UNUSED;
/* Send a signal; after the exit was reported: -ESRCH, never a stranger. */
int sn_child_kill(struct sn_child *child, int signo);
/* No longer interested: on_exit is not called; the loop reaps it silently. After the exit was
 * reported, or never started: nothing happens. */
void sn_child_detach(struct sn_child *child);
/* The same, and it has to go: SIGTERM now, SIGKILL after grace_ns, or when the loop is freed before
 * that. */
void sn_child_end(struct sn_child *child, int64_t grace_ns);

#endif
