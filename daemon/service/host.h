/*
 * Host: what a worker runs. One loop, one offload pool, one resolver, one store, and the instances
 * of the services placed here. Alone (`--single`, tests) it opens every listening socket itself,
 * before any service runs, and reports all failures, not the first; in a worker it is given the
 * sockets that its supervisor keeps.
 */
#ifndef SN_DAEMON_SERVICE_HOST_H
#define SN_DAEMON_SERVICE_HOST_H

#include "daemon/base/log_setup.h"
#include "daemon/service/registry.h"

#define SN_HOST_NOTHING_TO_RUN "no service is configured: add a table such as [service.irc]"

struct sn_host;
struct sn_broker;
struct sn_limiter;
struct sn_metrics_area;

/* [server] of the configuration. */
struct sn_server_conf {
	struct sn_str name;                    /* empty: the verb, or "sennit" */
	struct sn_str user, group;             /* to become when started as root; empty: stay */
	struct sn_str processes;               /* "auto" or a number */
	struct sn_str state, runtime, control; /* empty: the defaults of decisions/0008 */
	bool ephemeral;
	struct sn_str store;            /* URL; empty: STATE/sennit.db. A secret */
	struct sn_conf_strings plugins; /* folders searched besides the installed one */
	bool sandbox;
	int64_t drain_timeout; /* ns given to clients at the end */
	int64_t watchdog;      /* a worker that answers nothing for this long is aborted */
	int64_t slow_turn;     /* CPU of one turn that is reported */
	int64_t offload_threads, offload_queue;
	int64_t auth_timeout, auth_children; /* PAM: how long, how many at once */
	int64_t auth_free_failures, auth_refuse_failures, auth_entries; /* limiter.h */
	struct sn_conf_strings auth_exempt; /* addresses that the limiter does not count */
	uint64_t metrics_size;              /* shared memory of one worker's metrics */
};
/* A setting `processes`: its number, or 0 for "auto". SN_ERANGE: neither. */
int sn_server_conf_processes(struct sn_str text, unsigned *count_r) SN_WARN_UNUSED;
/* [worker.NAME]: a group of workers. */
struct sn_worker_conf {
	struct sn_str processes;
};
/* [plugin.NAME]: one plugin by file, and whether it may fail. */
struct sn_plugin_conf {
	struct sn_str path;
	bool required;
};
/* [log] of the configuration. */
struct sn_log_conf {
	int level;                     /* index into the choices: debug info warn error critical */
	int format;                    /* enum sn_log_choice: auto text json */
	int target;                    /* enum sn_log_target: stderr syslog journald */
	struct sn_conf_strings levels; /* "net.tls=debug" */
	struct sn_str file;            /* path; empty: standard error */
	struct sn_str socket;          /* of syslog or journald; empty: the usual one */
};
extern const struct sn_conf_section sn_server_section, sn_log_section, sn_worker_section,
	sn_plugin_section;
/* The same for sn_log_set_up, which may use it as long as the configuration lives. */
struct sn_log_setup sn_log_conf_setup(const struct sn_log_conf *log, bool color);

/* The limiter that [server] asks for (limiter.h), over zeroed memory of that size: shared by all
 * workers, or of one process. */
size_t sn_host_limiter_size(const struct sn_conf *conf);
int sn_host_limiter_new(const struct sn_conf *conf, void *memory, size_t size,
	struct sn_limiter **limiter_r) SN_WARN_UNUSED;

/* Where a service runs (decisions/0008): by its table, its module, its flags. */
struct sn_placement {
	struct sn_str group;
	bool single;
};
struct sn_placement sn_host_placement(const struct sn_conf_named *named);
/* Workers of a group: its setting, "auto" by the number of cores, one when all is SINGLE. */
unsigned sn_host_processes(const struct sn_conf *conf, struct sn_str group);

/* Does this configuration keep something in the state directory? WANTED: services that know
 * accounts without being asked to; they run without when it cannot be used. */
enum sn_state_need { SN_STATE_UNUSED, SN_STATE_WANTED, SN_STATE_REQUIRED };
enum sn_state_need sn_host_state_need(const struct sn_conf *conf);

/* Where a service listens: what its table says, else its module's default. Lives in the pool or is
 * the configuration's. */
struct sn_conf_endpoints sn_service_endpoints(
	const struct sn_conf_named *named, struct sn_pool *pool);

/* A listening socket by the name of its service and its place in `listen`; the host takes over the
 * descriptors in it. SN_ENOTFOUND: there is none. */
struct sn_host_sockets {
	int (*take)(struct sn_host_sockets *sockets, struct sn_str service, size_t index,
		struct sn_listen_socket *sock_r);
};

/* Everything borrowed is there longer than the host. */
struct sn_host_options {
	struct sn_loop *loop;
	struct sn_conf *conf;            /* the host takes a reference */
	const char *group;               /* NULL: all services, here */
	unsigned index;                  /* of this worker: SINGLE services run in 0 */
	struct sn_host_sockets *sockets; /* NULL: open them; asked at start and service_start */
	struct sn_broker *broker;        /* NULL: checkers that need it do not open */
	struct sn_limiter *limiter;
	struct sn_metrics_area *metrics; /* NULL: memory of its own */
	struct sn_str state;             /* the state directory, made and locked; empty: none */
	const char *state_missing;       /* why, in words */
	bool restarted; /* in place of one that this daemon lost: its database was checked */
};

/* Nothing runs yet. */
int sn_host_new(const struct sn_host_options *options, struct sn_host **host_r) SN_WARN_UNUSED;
void sn_host_free(struct sn_host **host);
/*
 * Open listeners, store and checkers, start services, accept. Problems (port taken, unreadable key,
 * bad auth) go to diags with the place in the configuration that asked for it; SN_ECONFIG if one is
 * about the configuration, else the first -errno; what had started is stopped again.
 */
int sn_host_start(struct sn_host *host, struct sn_conf_diags *diags) SN_WARN_UNUSED;
/* All of start that opens no socket and starts nothing: endpoint plans with their certificates,
 * checkers, modules' own checks. Results as sn_host_start's. For `sennit check`, @config and
 * upgrades. */
int sn_host_check(
	struct sn_loop *loop, struct sn_conf *conf, struct sn_conf_diags *diags) SN_WARN_UNUSED;

/*
 * Reload in two steps. Prepare loads all that may fail (plans, certificates, checkers, new
 * instances) for the difference between the running configuration and conf, and changes nothing;
 * sockets are taken from `sockets` for listeners whose endpoint is new or changed. Commit cannot
 * fail: rows of scope LIVE reach the module's reload, LISTENER: new listeners accept and vanished
 * ones stop, open connections stay; SERVICE: the instance is drained and a new one takes its place
 * (listeners whose endpoint did not change are handed on); gone services drain, new ones start.
 * Rows of scope PROCESS keep their old value and are named in a warning of diags.
 */
struct sn_host_change;
int sn_host_prepare(struct sn_host *host, struct sn_conf *conf, struct sn_host_sockets *sockets,
	struct sn_conf_diags *diags, struct sn_host_change **change_r) SN_WARN_UNUSED;
void sn_host_commit(struct sn_host_change **change);
void sn_host_abort(struct sn_host_change **change);

/* One service: stop it with a drain, start it again. SN_ENOTFOUND; SN_EDUPLICATE: is so already. */
int sn_host_service_stop(struct sn_host *host, struct sn_str name) SN_WARN_UNUSED;
int sn_host_service_start(
	struct sn_host *host, struct sn_str name, struct sn_conf_diags *diags) SN_WARN_UNUSED;

/*
 * Move a SINGLE service to another process (freeze.h). Freeze stops its listeners, takes the state
 * of the instance and of every plain connection, and their sockets; other connections (TLS, still
 * in their handshake) are told to reconnect and closed. The instance is gone afterwards.
 * SN_EUNSUPPORTED: the module cannot. Thaw: right after start, before the loop turns.
 */
struct sn_frozen;
int sn_host_freeze(
	struct sn_host *host, struct sn_str name, struct sn_frozen **frozen_r) SN_WARN_UNUSED;
int sn_host_thaw(struct sn_host *host, struct sn_str name, struct sn_frozen *frozen,
	struct sn_diag *diag) SN_WARN_UNUSED;

/* Connections for `sennit ctl sessions` and kick: i-th call until false. */
struct sn_host_session {
	struct sn_str service, account, title; /* title: the module's word for it (a nick) */
	uint64_t id;
	struct sn_addr peer;
	bool tls;
	int64_t opened_wall, idle; /* ns */
	uint64_t bytes_in, bytes_out;
	size_t queued;
};
typedef void (*sn_host_session_fn)(void *context, const struct sn_host_session *session);
void sn_host_sessions(struct sn_host *host, sn_host_session_fn fn, void *context);
/* Close one with a reason. False: there is no such connection. */
bool sn_host_kick(struct sn_host *host, uint64_t id, struct sn_str reason);

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
/* Connections accepted so far, by all instances there are. */
uint64_t sn_host_accepted(struct sn_host *host);
/* Prometheus text of all instances, told apart by the label `service`. */
void sn_host_metrics(struct sn_host *host, struct sn_strbuf *out);

#endif
