/*
 * What tls: and ssl: endpoints add to plans (plan.h). Certificates are loaded here, so the errors
 * of an operator's files come with the column of the path in the endpoint's text.
 */
#ifndef SN_DAEMON_NET_STAGE_TLS_H
#define SN_DAEMON_NET_STAGE_TLS_H

#include "daemon/net/plan.h"

/* Server side: append the accept stage of this tls: or ssl: endpoint; where to listen is filled in
 * by the caller, for tls: from ep->inner before this. */
int sn_tls_plan_stage(const struct sn_endpoint *ep, struct sn_listen_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* Client side: set plan->tls and plan->tls_host from this tls: or ssl: endpoint; the texts go to
 * plan->pool. */
int sn_tls_plan_client(const struct sn_endpoint *ep, struct sn_connect_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;

#endif
