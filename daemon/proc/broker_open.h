/*
 * Opening a file as the user it belongs to, for helpers only: it becomes that user for good. The
 * rules are those of sshd's StrictModes: the file and every folder above it, up to the user's home
 * or else up to the root, belong to the user or to root and are writable by nobody else.
 */
#ifndef SN_DAEMON_PROC_BROKER_OPEN_H
#define SN_DAEMON_PROC_BROKER_OPEN_H

#include <pwd.h>

#include "daemon/base/strbuf.h"

#define SN_BROKER_FILE_MAX (1 << 20)

/* %h: home, %u: name, %U: uid, %%: '%'; a relative path is meant from the home. SN_ESYNTAX: another
 * letter. */
int sn_broker_expand_path(
	struct sn_str pattern, const struct passwd *pw, struct sn_strbuf *out) SN_WARN_UNUSED;
/* *fd_r: a sealed memfd with the file's content, so that nobody waits for the file's disk again.
 * SN_ENOTFOUND, SN_EDENIED (rights, StrictModes: said in the log), SN_ELIMIT, -errno. */
int sn_broker_open_file(const struct passwd *pw, const char *path, int *fd_r) SN_WARN_UNUSED;

#endif
