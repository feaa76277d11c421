/* The rows of the built-in endpoint types; sn_endpoints_init registers them. */
#ifndef SN_DAEMON_NET_ENDPOINT_TYPES_H
#define SN_DAEMON_NET_ENDPOINT_TYPES_H

#include "daemon/net/endpoint.h"

extern const struct sn_endpoint_type *const sn_endpoint_builtin_types[]; /* ended by NULL */

#endif
