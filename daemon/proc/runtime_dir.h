/*
 * Runtime directory: where the control sockets of running daemons are (decisions/0008). Used by the
 * supervisor, who makes it, and by `sennit ctl`, who looks for a daemon in it. Blocking: start-up
 * and tools.
 */
#ifndef SN_DAEMON_PROC_RUNTIME_DIR_H
#define SN_DAEMON_PROC_RUNTIME_DIR_H

#include <sys/types.h>

#include "daemon/base/strbuf.h"

/* configured, or if that is empty: $RUNTIME_DIRECTORY (systemd.exec(5)), /run/sennit as root,
 * $XDG_RUNTIME_DIR/sennit, /tmp/sennit-UID. */
void sn_runtime_dir_path(struct sn_str configured, struct sn_strbuf *path);
/* Make it if it is missing, mode 0700, of this owner (-1: ours; another one needs root). An
 * existing one must belong to the owner or root, and nobody else may write in it: SN_EDENIED. */
int sn_runtime_dir_make(
	const char *path, uid_t owner, gid_t group, struct sn_diag *diag) SN_WARN_UNUSED;
/* DIR/NAME.sock */
void sn_runtime_socket(struct sn_str dir, struct sn_str name, struct sn_strbuf *path);

/* Names of daemons that answer there, sorted; free with sn_runtime_free. */
struct sn_runtime_names {
	char **names;
	size_t count;
};
void sn_runtime_list(const char *dir, struct sn_runtime_names *names_r);
void sn_runtime_free(struct sn_runtime_names *names);

#endif
