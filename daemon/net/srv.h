/* The order in which the targets of a service are tried (RFC 2782). */
#ifndef SN_DAEMON_NET_SRV_H
#define SN_DAEMON_NET_SRV_H

#include "daemon/net/resolver.h"

/* Sort in place: ascending priority; within one, drawn at random in proportion to the weights. */
void sn_srv_order(struct sn_srv *srvs, size_t count);

#endif
