/*
 * Portal: the one door. Asks its checkers in order; the first that knows the account and takes the
 * kind decides. No checkers: nobody gets in, but services may let people in without logging in.
 *
 * Every login passes the limiter (limiter.h) before a checker sees it: an address or account with
 * too many failures waits first, and is refused with SN_EBUSY later. Failures and successes are
 * told to it here, once, for all protocols. SCRAM: an account that nobody knows gets a fake record
 * and no session, so that the exchange goes on and fails at its end as a wrong password does; the
 * mechanism reports that end with sn_portal_scram_done.
 */
#ifndef SN_DAEMON_AUTH_PORTAL_H
#define SN_DAEMON_AUTH_PORTAL_H

#include "daemon/auth/checker.h"
#include "daemon/base/metrics.h"

struct sn_portal;

/* context is borrowed and outlives the portal. */
struct sn_portal *sn_portal_new(const struct sn_auth_context *context);
void sn_portal_free(struct sn_portal **portal); /* closes its checkers; no login may be pending */
/* Takes the checker over; asked after those added before. */
void sn_portal_add(struct sn_portal *portal, struct sn_checker *checker);
unsigned sn_portal_kinds(const struct sn_portal *portal); /* of all checkers together */
/* Only sessions with one of these roles are let in; the others get SN_EDENIED. Copied. */
void sn_portal_require_roles(struct sn_portal *portal, const struct sn_str *roles, size_t count);

enum sn_auth_metric {
	SN_AUTH_OK,
	SN_AUTH_DENIED,
	SN_AUTH_BUSY,
	SN_AUTH_LIMITED, /* refused by the limiter */
	SN_AUTH_DELAYED, /* made to wait by it */
	SN_AUTH_METRICS
};
extern const struct sn_metric_def sn_auth_metrics[SN_AUTH_METRICS];
void sn_portal_set_metrics(struct sn_portal *portal, struct sn_metric_set *metrics);

/* As sn_checker_type.check, but SN_ENOTFOUND and SN_EDISABLED become SN_EDENIED after the cost of a
 * real check. creds are copied where needed; the caller wipes its own. */
int sn_portal_login(struct sn_portal *portal, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r) SN_WARN_UNUSED;
/* The end of a SCRAM exchange: the session that came with the record, or NULL if the proof does not
 * fit. */
void sn_portal_scram_done(
	struct sn_portal *portal, const struct sn_creds *creds, const struct sn_session *proved);

#endif
