/*
 * SASL, server side (RFC 4422): one engine for every protocol. The protocol carries the bytes
 * (base64 or not) and maps the outcome to its own words; a mechanism is a row of functions.
 * Now: PLAIN (RFC 4616).
 *
 *   start(mech) -> step(response) -> SN_AGAIN: send the challenge in *out, step again
 *                                  SN_OK: done, sn_sasl_session
 *                                  SN_PENDING: the waiter is called with the final code
 *                                  SN_EDENIED / SN_EPROTO (malformed) / SN_EBUSY: over
 */
#ifndef SN_DAEMON_AUTH_SASL_H
#define SN_DAEMON_AUTH_SASL_H

#include "daemon/auth/portal.h"
#include "daemon/base/strbuf.h"

struct sn_sasl;
typedef void (*sn_sasl_fn)(struct sn_sasl *sasl, int code);

struct sn_sasl_mech {
	const char *name;
	unsigned kind;  /* the sn_creds_kind it yields */
	bool needs_tls; /* offered on encrypted connections only unless the service says otherwise
			 */
	int (*step)(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out);
};

/* A member of the connection; zeroed = idle. */
struct sn_sasl {
	const struct sn_sasl_mech *mech; /* NULL: no exchange under way */
	struct sn_portal *portal;
	const struct sn_addr *peer;
	const char *service;
	struct sn_session *session;
	struct sn_waiter waiter;
	sn_sasl_fn on_done;
	unsigned steps;
};

/* The i-th mechanism this portal can serve, or NULL: for "PLAIN,EXTERNAL" lists. */
const struct sn_sasl_mech *sn_sasl_mech_at(const struct sn_portal *portal, size_t i);
/* SN_EUNKNOWN: not offered. on_done: see SN_PENDING above. */
int sn_sasl_start(struct sn_sasl *sasl, struct sn_portal *portal, struct sn_str mech,
	sn_sasl_fn on_done) SN_WARN_UNUSED;
int sn_sasl_step(
	struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out) SN_WARN_UNUSED;
/* Take the session after SN_OK. */
struct sn_session *sn_sasl_session(struct sn_sasl *sasl);
/* Give up (client aborted, connection gone); also after the end. Idle afterwards. */
void sn_sasl_abort(struct sn_sasl *sasl);

#endif
