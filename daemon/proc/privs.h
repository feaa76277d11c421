/*
 * Giving up privileges. Each step says in *diag what failed; none is skipped silently: what the
 * kernel does not know (no landlock) is logged once.
 */
#ifndef SN_DAEMON_PROC_PRIVS_H
#define SN_DAEMON_PROC_PRIVS_H

#include <stdbool.h>

#include "daemon/base/err.h"
#include "daemon/base/str.h"

/* Become this user and group with their supplementary groups (group empty: the user's own), drop
 * every capability and the bounding set, set no_new_privs. Not root: only no_new_privs and
 * capabilities. SN_ENOTFOUND: no such user. Names are looked up here: call before threads. */
int sn_privs_become(struct sn_str user, struct sn_str group, struct sn_diag *diag) SN_WARN_UNUSED;
/* What the broker keeps: the capabilities it needs for its verbs, nothing else. */
int sn_privs_keep_broker(struct sn_diag *diag) SN_WARN_UNUSED;
/* Passwords pass through this process: no core file, and no debugger of our own user's. (Built with
 * a sanitizer it stays open to the leak check.) */
int sn_privs_hide(void) SN_WARN_UNUSED;

struct sn_sandbox {
	const struct sn_str *read_paths; /* files and folders; a missing one is skipped */
	size_t read_path_count;
	const struct sn_str *write_paths;
	size_t write_path_count;
};
/* landlock: nothing in the file system but these paths (and what the C library and OpenSSL read:
 * resolv.conf, hosts, CA roots, localtime). seccomp: the system calls a worker makes; another one
 * ends it with SIGSYS, whose handler logs its number first. For a worker, before START. */
int sn_privs_sandbox(const struct sn_sandbox *sandbox, struct sn_diag *diag) SN_WARN_UNUSED;

#endif
