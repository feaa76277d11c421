/*
 * What the files of the host share: the host, its side of an instance, and the steps of an
 * instance's life.
 *
 *   host.c          making a host, start, greeting, the end
 *   host_instance.c one instance: made, started, drained, freed
 *   host_place.c    what runs where            host_auth.c     store, auth context, portals
 *   host_reload.c   prepare, commit, abort     host_check.c    all that can be checked beforehand
 *   host_freeze.c   moving a service           host_sessions.c lists of connections, kick
 *   host_metrics.c  slots that outlive instances
 */
#ifndef SN_DAEMON_SERVICE_HOST_PRIVATE_H
#define SN_DAEMON_SERVICE_HOST_PRIVATE_H

#include "daemon/base/mem.h"
#include "daemon/service/conn.h"
#include "daemon/service/host.h"
#include "daemon/service/service_listener.h"

#define SN_HOST_MAGIC 0x486f7374u
#define SN_HOST_SECRET_SIZE 32

struct sn_host {
	uint32_t magic;
	struct sn_loop *loop;
	struct sn_conf *conf;
	char *group; /* NULL: all services run here */
	unsigned index;
	struct sn_host_sockets *sockets; /* NULL: opened here */
	struct sn_metrics_area *area;
	struct sn_offload *pool;
	struct sn_resolver *resolver;
	struct sn_auth_context auth; /* of all portals */
	char secret[SN_HOST_SECRET_SIZE];
	char *state, *store_missing;
	struct sn_list instances; /* running and draining ones */
	struct sn_list homes;     /* host_metrics.c */
	struct sn_list stopped;   /* services somebody stopped: host_instance.c */
	struct sn_host_stop *stopping, *at_end;
	struct sn_timer deadline;
	struct sn_task idle_task; /* the last connection of something may be gone */
	bool full_area_told, restarted;
};

/* The host's side of an instance: instance->slot. */
struct sn_host_slot {
	struct sn_host *host;
	struct sn_instance *instance;
	struct sn_timer deadline;      /* of its drain */
	struct sn_metric_set auth_set; /* of its portal */
};

#define sn_host_each_instance(link, host) sn_list_each (link, &(host)->instances)
static inline struct sn_instance *sn_host_instance_at(struct sn_list *link)
{
	return sn_container_of(link, struct sn_instance, link);
}

/* --- host_instance.c ------------------------------------------------------------------------ */

/* With its portal; not in the host's list yet, nothing started. Never NULL: *result_r and diags say
 * whether all is well. */
struct sn_instance *sn_host_instance_new(struct sn_host *host, struct sn_conf *conf,
	const struct sn_conf_named *named, struct sn_conf_diags *diags, int *result_r);
/* The module's start. */
int sn_host_instance_start(
	struct sn_instance *instance, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Into the host's list; accepting. */
void sn_host_instance_enlist(struct sn_instance *instance);
int sn_host_instance_listen(
	struct sn_instance *instance, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Stop accepting, tell the clients; it goes by itself with the last of them, or at the deadline. */
void sn_host_instance_drain(struct sn_instance *instance, struct sn_str reason);
/* The same without telling anybody: they were told. */
void sn_host_instance_retire(struct sn_instance *instance);
/* All connections are gone: stop and free. */
void sn_host_instance_remove(struct sn_instance *instance);
/* Instances that drain and have nobody left, listeners likewise. */
void sn_host_collect(struct sn_host *host);
bool sn_host_is_stopped(struct sn_host *host, struct sn_str name); /* by sn_host_service_stop */
void sn_host_forget_stopped(struct sn_host *host);

/* --- host_place.c --------------------------------------------------------------------------- */

bool sn_host_runs_here(const struct sn_host *host, const struct sn_conf_named *named);

/* --- host_auth.c ---------------------------------------------------------------------------- */

/* The store, if a service here needs one, and what checkers work with. */
int sn_host_auth_open(struct sn_host *host, const struct sn_conf *conf,
	struct sn_conf_diags *diags) SN_WARN_UNUSED;
void sn_host_auth_close(struct sn_host *host);
int sn_host_portal_open(struct sn_host *host, struct sn_instance *instance,
	const struct sn_conf_named *named, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* Could every checker of this service be opened, as far as this process can tell? */
int sn_host_portal_check(struct sn_host *host, const struct sn_conf_named *named,
	struct sn_conf_diags *diags) SN_WARN_UNUSED;

/* --- host_check.c --------------------------------------------------------------------------- */

/* The module's own check of one service. */
int sn_host_module_check(
	const struct sn_conf_named *named, struct sn_conf_diags *diags) SN_WARN_UNUSED;

/* --- conn.c: connections that move ---------------------------------------------------------- */

/* All but the module's state and the listener's; false: this connection cannot move. */
bool sn_conn_can_move(const struct sn_conn *conn);
void sn_conn_freeze(const struct sn_conn *conn, struct sn_strbuf *out);
/* What sn_conn_freeze wrote, for a connection that its listener has made anew; then the module's
 * conn_thaw with `state`. A failure: it is aborted. */
int sn_conn_thaw(struct sn_instance *instance, struct sn_incoming *incoming, struct sn_reader *in,
	uint32_t version, struct sn_reader *state) SN_WARN_UNUSED;

/* --- host_metrics.c ------------------------------------------------------------------------- */

/* A set over the slots that these rows have in this host under the instance's label: an earlier
 * instance's, if there was one. */
void sn_host_metrics_open(struct sn_instance *instance, struct sn_metric_set *set,
	const struct sn_metric_def *defs, size_t count);
/* The host's own, without a label; the host's. */
struct sn_metric_set *sn_host_metrics_own(
	struct sn_host *host, const struct sn_metric_def *defs, size_t count);
/* What the instance counts from now on is nobody's: its successor has begun elsewhere. */
void sn_host_metrics_detach(struct sn_instance *instance);
void sn_host_metrics_free(struct sn_host *host);

#endif
