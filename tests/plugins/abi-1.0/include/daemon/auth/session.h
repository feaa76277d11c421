/* Session: who a connection is now. Filled by a checker, immutable afterwards but for its count;
 * held by every connection it speaks for. */
#ifndef SN_DAEMON_AUTH_SESSION_H
#define SN_DAEMON_AUTH_SESSION_H

#include "daemon/base/str.h"

struct sn_session {
	uint32_t refs;
	struct sn_str account; /* canonical name, NUL-terminated; empty: anonymous */
	const char *checker;   /* which one said yes: its type's name */
	struct sn_str *roles;  /* sorted, unique */
	size_t role_count;
	/* Restrictions that came with the credential, as authorized_keys(5) writes them:
	 * 'no-pty,command="backup"'; empty: none. Services that do not know one refuse. */
	struct sn_str options;
	int64_t expires; /* wall ns; 0: never (tokens) */
};

struct sn_session *sn_session_new(struct sn_str account, const char *checker);
/* For checkers, before anybody else sees it. */
void sn_session_add_role(struct sn_session *session, struct sn_str role);
void sn_session_set_options(struct sn_session *session, struct sn_str options);
bool sn_session_has_role(const struct sn_session *session, struct sn_str role);
struct sn_session *sn_session_ref(struct sn_session *session);
void sn_session_unref(struct sn_session **session);

struct sn_reader;
struct sn_strbuf;
/* A session as bytes, for a connection that moves to another process. */
void sn_session_freeze(const struct sn_session *session, struct sn_strbuf *out);
/* NULL: malformed. */
struct sn_session *sn_session_thaw(struct sn_reader *in);

#endif
