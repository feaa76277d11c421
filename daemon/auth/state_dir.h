/*
 * The state directory (docs/decisions/0008): where a daemon keeps its database, its lock and a key.
 *
 *   sennit.db   accounts and all else that is stored, unless `store` names a server
 *   lock        one daemon at a time; holds its pid as text
 *   boot.key    32 random bytes, made once: a secret that outlives restarts
 *
 * Nobody but its owner may write in it. Plain functions over paths: who calls them, and who locks,
 * is decided elsewhere. They block; every failure has a text that says what to do.
 */
#ifndef SN_DAEMON_AUTH_STATE_DIR_H
#define SN_DAEMON_AUTH_STATE_DIR_H

#include "daemon/base/err.h"
#include "daemon/base/strbuf.h"

#define SN_BOOT_KEY_SIZE 32

/* The directory's path: `given` (a setting or option), else by the rules: the first of
 * $STATE_DIRECTORY (systemd.exec(5)), /var/lib/sennit for root, $XDG_STATE_HOME/sennit,
 * ~/.local/state/sennit. SN_EMISSING: no rule gives one (no home). */
int sn_state_dir_find(
	struct sn_str given, struct sn_strbuf *path, struct sn_diag *diag) SN_WARN_UNUSED;

/* Make it (mode 0700) when missing: its parent must exist, but for the default below a home. Then
 * check it: a directory, ours or (as root) anybody's, writable by its owner alone, and writable by
 * us. -ENOENT, -ENOTDIR, -EPERM, -EACCES, -EROFS ... */
int sn_state_dir_make(const char *path, struct sn_diag *diag) SN_WARN_UNUSED;

/* As root: become the directory's owner for the rest of the process, so that what a tool makes in
 * it is the daemon's. Nothing happens when we are its owner. */
int sn_state_dir_become_owner(const char *path, struct sn_diag *diag) SN_WARN_UNUSED;

/* Keep others out until *fd_r is closed by its last holder (it is inherited over fork and, if the
 * caller clears FD_CLOEXEC, exec). SN_ELOCKED names who has it. */
int sn_state_dir_lock(const char *path, int *fd_r, struct sn_diag *diag) SN_WARN_UNUSED;

/* Made at the first call, by whoever is first. SN_ECORRUPT: not a key of ours. */
int sn_state_dir_boot_key(
	const char *path, uint8_t key[SN_BOOT_KEY_SIZE], struct sn_diag *diag) SN_WARN_UNUSED;

/* The database's URL for sn_store_open: the setting `store` if there is one, else the file in the
 * directory; no directory (NULL): memory. */
void sn_state_dir_store_url(const char *path, struct sn_str store, struct sn_strbuf *url);

#endif
