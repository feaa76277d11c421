/*
 * The counting behind struct sn_conn_caps (listener.h). Entries exist only for addresses that have
 * connections; refusing allocates nothing.
 */
#ifndef SN_DAEMON_NET_CONN_CAPS_H
#define SN_DAEMON_NET_CONN_CAPS_H

#include "daemon/net/listener.h"

/* All of these take caps NULL for "no limits, nothing counted". */
bool sn_conn_caps_full(const struct sn_conn_caps *caps);
bool sn_conn_caps_address_full(struct sn_conn_caps *caps, const struct sn_addr *addr);
/* Count one connection in total / for its address; the entry is NULL where nothing is counted. */
void sn_conn_caps_enter(struct sn_conn_caps *caps);
struct sn_cap_entry *sn_conn_caps_enter_address(
	struct sn_conn_caps *caps, const struct sn_addr *addr);
/* Undo both. */
void sn_conn_caps_leave(struct sn_conn_caps *caps, struct sn_cap_entry **entry);

#endif
