/*
 * The listeners of one instance, stream and datagram: opened from its configuration, started once
 * the service runs, stopped before it does. Private to daemon/service.
 */
#ifndef SN_DAEMON_SERVICE_SERVICE_LISTENER_H
#define SN_DAEMON_SERVICE_SERVICE_LISTENER_H

#include "daemon/service/service.h"

struct sn_service_listener {
	struct sn_listener listener; /* stream endpoints */
	struct sn_dgram dgram;       /* udp endpoints */
	struct sn_instance *instance;
	struct sn_listen_plan plan;
	struct sn_listen_socket sock;
	const struct sn_endpoint *endpoint;
	bool opened, started;
};

/* Plan and open every endpoint; each failure is reported where the configuration asks for it. */
int sn_service_listeners_open(struct sn_instance *instance, const struct sn_conf_named *named,
	struct sn_conf_diags *diags) SN_WARN_UNUSED;
int sn_service_listeners_start(struct sn_instance *instance, struct sn_diag *diag) SN_WARN_UNUSED;
void sn_service_listeners_greet(struct sn_instance *instance, struct sn_strbuf *out);
void sn_service_listeners_stop(struct sn_instance *instance); /* accept no more */
/* Abort connections: all, or those on their way through the stages, which nobody can tell anything.
 */
enum sn_cut { SN_CUT_ALL, SN_CUT_UNOPENED };
void sn_service_listeners_cut(struct sn_instance *instance, enum sn_cut which);
bool sn_service_listeners_idle(const struct sn_instance *instance); /* no connection is left */
/* How many of them are standard input and output, after which nobody will come. */
size_t sn_service_listeners_stdio(const struct sn_instance *instance);
void sn_service_listeners_close(struct sn_instance *instance);

#endif
