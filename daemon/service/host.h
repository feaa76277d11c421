/*
 * Host: what a worker runs. One loop, one offload pool, one resolver, and the instances of the
 * services its configuration names. Start opens every listening socket before any service runs,
 * and reports all failures, not the first.
 */
#ifndef SN_DAEMON_SERVICE_HOST_H
#define SN_DAEMON_SERVICE_HOST_H

#include "daemon/service/registry.h"

struct sn_host;

/* [server] of the configuration. */
struct sn_server_conf {
	int64_t drain_timeout; /* ns given to clients at the end */
	int64_t offload_threads, offload_queue;
};
/* [log] of the configuration. */
struct sn_log_conf {
	int level;                     /* index into the choices: debug info warn error critical */
	int format;                    /* auto text json */
	struct sn_conf_strings levels; /* "net.tls=debug" */
	struct sn_str file;            /* path; empty: standard error */
};
extern const struct sn_conf_section sn_server_section, sn_log_section;
/* One entry of levels: its namespace into ns (of SN_LOG_CONF_NS_SIZE), its level. A loaded
 * configuration has only good ones. */
#define SN_LOG_CONF_NS_SIZE 64
int sn_log_conf_level(
	struct sn_str entry, struct sn_strbuf *ns, enum sn_log_level *level_r) SN_WARN_UNUSED;

/* Takes a reference to conf. Nothing runs yet. */
int sn_host_new(struct sn_loop *loop, struct sn_conf *conf, struct sn_host **host_r) SN_WARN_UNUSED;
void sn_host_free(struct sn_host **host);
/*
 * Open listeners, start services, accept. Problems (port taken, unreadable key, bad auth) go to
 * diags with the place in the configuration that asked for it; SN_ECONFIG if one is about the
 * configuration, else the first -errno; what had started is stopped again.
 */
int sn_host_start(struct sn_host *host, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* "irc: listening on ..." and how to connect, for people. */
void sn_host_greet(struct sn_host *host, struct sn_strbuf *out);
/* Stop accepting, tell clients, wait for them at most the drain timeout, stop services; then
 * on_stopped. A second call hurries: everything left is cut. */
struct sn_host_stop {
	void (*on_stopped)(struct sn_host_stop *stop);
};
/* A host that only speaks on standard input and output stops by itself when they are at their end,
 * and says so. After start. */
void sn_host_stop_at_end(struct sn_host *host, struct sn_host_stop *stop);
/* Is standard output a client's? Then it is not for anything else. */
bool sn_host_speaks_on_stdout(struct sn_host *host);
void sn_host_stop(struct sn_host *host, struct sn_str reason, struct sn_host_stop *stop);
struct sn_instance *sn_host_find(struct sn_host *host, struct sn_str name);
/* Prometheus text of all instances, told apart by the label `service`. */
void sn_host_metrics(struct sn_host *host, struct sn_strbuf *out);

#endif
