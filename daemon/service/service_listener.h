/*
 * The listeners of one instance, stream and datagram: opened from its configuration or given by a
 * supervisor, started once the service runs, stopped before it does. A reload makes a new set
 * beside the running ones: endpoints that stay are kept, or handed on to the next instance, socket
 * and all. Private to daemon/service.
 */
#ifndef SN_DAEMON_SERVICE_SERVICE_LISTENER_H
#define SN_DAEMON_SERVICE_SERVICE_LISTENER_H

#include "daemon/service/host.h"
#include "daemon/service/service.h"

struct sn_service_listener {
	struct sn_listener listener; /* stream endpoints */
	struct sn_dgram dgram;       /* udp endpoints */
	struct sn_instance *instance;
	struct sn_listen_plan plan;
	struct sn_listen_socket sock;
	struct sn_conf *conf; /* what the plan was made from */
	char *text;           /* the endpoint */
	/* The running listener of a former instance whose socket this one takes over. */
	struct sn_service_listener *former;
	bool opened, started;
	bool shared;  /* other workers accept from the same socket */
	bool retired; /* accepts no more; goes with its last connection */
};

/* What to listen on, and where sockets come from. */
struct sn_listener_request {
	const struct sn_conf_named *named;
	struct sn_conf *conf;            /* it is of; NULL: the instance's */
	struct sn_host_sockets *sockets; /* NULL: opened here */
	/* Whose listeners with the same endpoint are used again: the instance itself keeps them, a
	 * successor of it takes their sockets over. NULL: none. */
	struct sn_instance *running;
};

/* Listeners that may become an instance's. Those it has already are among them as they are. */
struct sn_listener_set {
	struct sn_service_listener **items;
	size_t count;
};

/* Plan and open every endpoint; each failure is reported where the configuration asks for it. */
int sn_listener_set_open(struct sn_listener_set *set, struct sn_instance *instance,
	const struct sn_listener_request *request, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Close what is new in it. */
void sn_listener_set_drop(struct sn_listener_set *set, struct sn_instance *instance);
/* The set is what the instance has now: others retire. Nothing is started. */
void sn_service_listeners_replace(struct sn_instance *instance, struct sn_listener_set *set);

/* Open a set and make it the instance's, whatever came of it. */
int sn_service_listeners_open(struct sn_instance *instance,
	const struct sn_listener_request *request, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Could all endpoints of this service be planned? Opens nothing. */
int sn_service_listeners_check(
	const struct sn_conf_named *named, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Those that have not been; sockets are taken from their formers, which stop. */
int sn_service_listeners_start(struct sn_instance *instance, struct sn_diag *diag) SN_WARN_UNUSED;
/* Limits and deadlines as the instance's rows say now. */
void sn_service_listeners_refresh(struct sn_instance *instance);
void sn_service_listeners_greet(struct sn_instance *instance, struct sn_strbuf *out);
void sn_service_listeners_stop(struct sn_instance *instance); /* accept no more */
/* Abort connections: all, or those on their way through the stages, which nobody can tell anything.
 */
enum sn_cut { SN_CUT_ALL, SN_CUT_UNOPENED };
void sn_service_listeners_cut(struct sn_instance *instance, enum sn_cut which);
bool sn_service_listeners_idle(const struct sn_instance *instance); /* no connection is left */
/* Free retired ones that nobody uses any more. */
void sn_service_listeners_collect(struct sn_instance *instance);
/* How many of them are standard input and output, after which nobody will come. */
size_t sn_service_listeners_stdio(const struct sn_instance *instance);
/* Where a plain connection that came through this endpoint goes on: the same endpoint, else a
 * plain one, else any; NULL: the service has no stream listener. */
struct sn_listener *sn_service_listeners_match(struct sn_instance *instance, struct sn_str text);
/* The endpoint of a listener. */
struct sn_str sn_service_listener_text(const struct sn_listener *listener);
void sn_service_listeners_close(struct sn_instance *instance);

#endif
