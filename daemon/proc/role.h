/*
 * Roles: processes of ours that are this binary, executed again with a role word ("@worker") and a
 * channel at descriptor 3. Here is how the supervisor starts one, and how one begins.
 */
#ifndef SN_DAEMON_PROC_ROLE_H
#define SN_DAEMON_PROC_ROLE_H

#include "daemon/loop/child.h"
#include "daemon/proc/ipc.h"

#define SN_ROLE_PROGRAM "/proc/self/exe"

struct sn_role_spec {
	const char *program;     /* NULL: ourselves */
	const char *const *args; /* from the role word on, ended by NULL */
	int channel;             /* its end; stays the caller's to close */
	int in, out, err;        /* -1: /dev/null */
	/* Descriptors that this process was started with ("socket activation"), in ascending
	 * order: the child finds them under the same numbers (sn_role_take_inherited). */
	const int *inherited;
	size_t inherited_count;
	bool new_session; /* signals of the terminal are not for it */
};

/* It dies with the thread that calls this. -errno. */
int sn_role_start(struct sn_loop *loop, struct sn_child *child, const struct sn_role_spec *spec,
	sn_child_fn on_exit) SN_WARN_UNUSED;

/* In the child: the channel, now close-on-exec. SN_EUNSUPPORTED: somebody typed the role word; it
 * was told so on standard error. */
int sn_role_channel(const char *role, int *fd_r) SN_WARN_UNUSED;
/* Put what was inherited where it was in the parent; *channel moves out of the way. Before anything
 * else is opened. LISTEN_PID means us afterwards. */
int sn_role_take_inherited(int *channel) SN_WARN_UNUSED;
/* The name that ps and top show beside the arguments, of which 15 bytes are kept. */
void sn_role_set_name(const char *name);
/* The supervisor speaks for all: a terminal or manager that signals the whole group does not reach
 * its children. */
void sn_role_ignore_signals(void);

#endif
