/*
 * SASL, server side (RFC 4422): one engine for every protocol. The protocol carries the bytes
 * (base64 or not) and maps the outcome to its own words; a mechanism is a row of functions.
 * SCRAM-SHA-256(-PLUS), SCRAM-SHA-1(-PLUS) (RFC 5802, 7677; bindings RFC 5929, 9266), EXTERNAL
 * (RFC 4422 A), PLAIN (RFC 4616), OAUTHBEARER (RFC 7628), ANONYMOUS (RFC 4505).
 *
 *   start(mech) -> step(response) -> SN_AGAIN: send the challenge in *out, step again
 *                                  SN_OK: done, sn_sasl_session; *out may hold data that goes
 *                                  with the success (or as a last challenge, where the protocol
 *                                  has no such place)
 *                                  SN_PENDING: the waiter is called with the final code, which
 *                                  may be SN_AGAIN with a challenge in sn_sasl_challenge
 *                                  SN_EDENIED / SN_EPROTO (malformed) / SN_EBUSY: over; *out may
 *                                  hold the mechanism's own words (SCRAM: "e=..."), for protocols
 *                                  that have a place for them
 *
 * Sizes: a name has at most 255 bytes, a password 1,024, a token 8,192, a nonce 256; anything
 * longer is SN_EPROTO.
 */
#ifndef SN_DAEMON_AUTH_SASL_H
#define SN_DAEMON_AUTH_SASL_H

#include "daemon/auth/portal.h"
#include "daemon/base/strbuf.h"

struct sn_sasl;
struct sn_stream;
typedef void (*sn_sasl_fn)(struct sn_sasl *sasl, int code);

struct sn_sasl_mech {
	const char *name;
	unsigned kind;  /* the sn_creds_kind it yields */
	bool needs_tls; /* offered on encrypted connections only unless the service says otherwise
			 */
	bool binds;     /* -PLUS: needs a channel binding, so a TLS connection that has one */
	enum sn_scram_hash hash; /* SCRAM */
	/* Can it work on this connection, with checkers of these kinds? NULL: everywhere. */
	bool (*fits)(const struct sn_sasl *sasl, unsigned kinds);
	int (*step)(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out);
	/* What a login (sn_sasl_log_in) led to when it had to be waited for: results as step's.
	 * NULL: its code is the end. */
	int (*answered)(
		struct sn_sasl *sasl, struct sn_promise *p, int code, struct sn_strbuf *out);
};

/* A member of the connection; zeroed = idle. The first five members are the owner's to set. */
struct sn_sasl {
	const struct sn_stream *stream; /* for bindings and certificates; NULL: none */
	const struct sn_addr *peer;
	const char *service;
	bool secure; /* encrypted, or as good (this machine): mechanisms that need TLS are offered
		      */
	bool separate_success; /* the protocol's success carries no data: what a mechanism sends
				  with it goes as a last challenge, which the client answers with
				  nothing */
	const struct sn_sasl_mech *mech; /* NULL: no exchange under way */
	struct sn_portal *portal;
	struct sn_session *session;
	struct sn_waiter waiter;
	sn_sasl_fn on_done;
	struct sn_strbuf challenge;      /* after SN_PENDING */
	struct sn_scram_exchange *scram; /* of the mechanism, while it runs */
	char *wanted;                    /* the name that a session must have, or it is denied */
	unsigned steps;
	bool last; /* that last challenge is out */
};

/* The i-th mechanism that this portal can serve on this connection, strongest first, or NULL: for
 * lists. */
const struct sn_sasl_mech *sn_sasl_mech_at(
	const struct sn_sasl *sasl, const struct sn_portal *portal, size_t i);
/* SN_EUNKNOWN: not offered. on_done: see SN_PENDING above. */
int sn_sasl_start(struct sn_sasl *sasl, struct sn_portal *portal, struct sn_str mech,
	sn_sasl_fn on_done) SN_WARN_UNUSED;
int sn_sasl_step(
	struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out) SN_WARN_UNUSED;
/* In on_done: what a code of SN_AGAIN or SN_OK sends; valid until the next call. */
struct sn_str sn_sasl_challenge(const struct sn_sasl *sasl);
/* Take the session after SN_OK. */
struct sn_session *sn_sasl_session(struct sn_sasl *sasl);
/* Give up (client aborted, connection gone); also after the end. Idle afterwards. */
void sn_sasl_abort(struct sn_sasl *sasl);

#endif
