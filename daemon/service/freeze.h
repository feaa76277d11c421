/*
 * Frozen service: a SINGLE service on its way from one process to another, as one versioned blob
 * and a list of sockets. Blob: u32 format, str8 module, u32 freeze_version, str32 instance state,
 * then for each socket one str32, its connection: endpoint (str16), addresses, the module's state
 * (str32), then id, times, session, unread input and unsent output (conn.c).
 */
#ifndef SN_DAEMON_SERVICE_FREEZE_H
#define SN_DAEMON_SERVICE_FREEZE_H

#include "daemon/base/strbuf.h"

#define SN_FREEZE_FORMAT 1
#define SN_FREEZE_STATE_MAX ((size_t)1 << 30)

struct sn_frozen {
	struct sn_strbuf state;
	int *sockets; /* in the order of the connections in state */
	size_t socket_count;
	size_t closed; /* connections that could not move */
};
struct sn_frozen *sn_frozen_new(void);
void sn_frozen_add_socket(struct sn_frozen *frozen, int fd); /* takes it over */
void sn_frozen_free(struct sn_frozen **frozen);              /* closes what is left */

#endif
