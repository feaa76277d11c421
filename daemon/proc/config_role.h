/*
 * Role @config: the short-lived process that reads the configuration for the supervisor. The verbs
 * of daemon/cli make a configuration of its arguments; here it is checked whole, offered as layout
 * and snapshot, and what the supervisor then cannot open is put into diags with its place in the
 * configuration.
 */
#ifndef SN_DAEMON_PROC_CONFIG_ROLE_H
#define SN_DAEMON_PROC_CONFIG_ROLE_H

#include "daemon/proc/layout.h"
#include "daemon/service/host.h"

struct sn_config_role {
	int channel;        /* taken over */
	const char *verb;   /* names the daemon when [server] name does not */
	struct sn_str head; /* put before the snapshot: which plugins to load */
};

/*
 * SN_OK: accepted, all sockets are open. SN_ECANCELED: the supervisor lost interest; nothing is to
 * be said. Else what was wrong, told in diags.
 */
int sn_config_role_offer(const struct sn_config_role *role, struct sn_conf *conf,
	struct sn_conf_diags *diags) SN_WARN_UNUSED;

/* The layout of a checked configuration. items_r: the endpoint behind each listener, in the
 * layout's pool. */
int sn_config_layout(struct sn_conf *conf, const char *verb, struct sn_conf_diags *diags,
	struct sn_layout **layout_r, struct sn_conf_endpoint **items_r) SN_WARN_UNUSED;

#endif
