/*
 * Portal: the one door. Asks its checkers in order; the first that knows the account and takes the
 * kind decides. No checkers: nobody gets in, but services may let people in without logging in.
 */
#ifndef SN_DAEMON_AUTH_PORTAL_H
#define SN_DAEMON_AUTH_PORTAL_H

#include "daemon/auth/checker.h"

struct sn_portal;

struct sn_portal *sn_portal_new(struct sn_loop *loop, struct sn_offload *pool);
void sn_portal_free(struct sn_portal **portal); /* closes its checkers; no login may be pending */
/* Takes the checker over; asked after those added before. */
void sn_portal_add(struct sn_portal *portal, struct sn_checker *checker);
unsigned sn_portal_kinds(const struct sn_portal *portal); /* of all checkers together */

/* As sn_checker_type.check, but SN_ENOTFOUND becomes SN_EDENIED after the cost of a real check.
 * creds are copied where needed; the caller wipes its own. */
int sn_portal_login(struct sn_portal *portal, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r) SN_WARN_UNUSED;

#endif
