/* Session: who a connection is now. Immutable but for its count; held by every connection it
 * speaks for. */
#ifndef SN_DAEMON_AUTH_SESSION_H
#define SN_DAEMON_AUTH_SESSION_H

#include "daemon/base/str.h"

struct sn_session {
	uint32_t refs;
	struct sn_str account; /* canonical name; NUL-terminated */
	const char *checker;   /* which one said yes */
};

struct sn_session *sn_session_new(struct sn_str account, const char *checker);
struct sn_session *sn_session_ref(struct sn_session *session);
void sn_session_unref(struct sn_session **session);

#endif
