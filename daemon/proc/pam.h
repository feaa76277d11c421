/*
 * PAM, for helpers only (role @pam): its modules may block, leak and change the process, so each
 * question has a process of its own. No module's delay after a failure is waited out; limiter.h
 * slows guessing.
 */
#ifndef SN_DAEMON_PROC_PAM_H
#define SN_DAEMON_PROC_PAM_H

#include "daemon/proc/broker_wire.h"

/* Every question without echo is answered with the password. SN_OK, SN_EDENIED, SN_ENOTFOUND,
 * SN_EDISABLED, SN_EUNAVAILABLE. */
int sn_pam_verify(const struct sn_ask_verify *ask) SN_WARN_UNUSED;

/* A session around a program: account management, credentials, session modules. */
struct sn_pam_session;
int sn_pam_session_open(const char *service, const char *user, const char *tty, const char *host,
	struct sn_pam_session **session_r) SN_WARN_UNUSED;
/* What the modules want in the program's environment, "NAME=value", ended by NULL. */
const char *const *sn_pam_session_env(const struct sn_pam_session *session);
/* In the process that opened it. */
void sn_pam_session_close(struct sn_pam_session **session);

#endif
