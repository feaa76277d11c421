/*
 * The module contract: what a service module declares, and what it gets.
 *
 * A walk through one connection of a stream service:
 *   1. The host reads [service.NAME], finds the module by `type` in the registry, fills the
 *      module's settings from its rows, makes an instance and calls `start`.
 *   2. A listener accepts; limits, PROXY header and TLS are done; one zeroed allocation of
 *      conn_size holds sn_conn and the module's own members behind it. conn_open.
 *   3. Bytes arrive: conn_input, once per turn. The module reads sn_conn_input(conn), handles
 *      whole messages, consumes them, appends replies with sn_conn_write.
 *      SN_OK: go on; SN_CLOSE: flush and close; SN_PENDING: no more input until
 *      sn_conn_resume; a failure: the connection is cut, and the log says why.
 *   4. The turn ends: one writev. If the peer reads too slowly sn_conn_congested() becomes true,
 *      and conn_drained says when it is over.
 *   5. EOF, error, deadline, limit, drain: conn_close(conn, code) once; unlink yourself from
 *      everything there. Memory goes in the loop's closing phase, pool included.
 *
 * SINGLE modules have shared state and run in one worker; SHARDED ones run in several.
 * A module is one const struct; NULL entries have the default. ABI: `abi` must equal
 * SN_SERVICE_ABI; members are only appended, and the host reads one only when `size` covers it.
 */
#ifndef SN_DAEMON_SERVICE_SERVICE_H
#define SN_DAEMON_SERVICE_SERVICE_H

#include "config/conf.h"
#include "daemon/auth/portal.h"
#include "daemon/base/log.h"
#include "daemon/base/metrics.h"
#include "daemon/base/wire.h"
#include "daemon/net/dgram.h"
#include "daemon/net/listener.h"

#define SN_SERVICE_ABI 1

struct sn_service;
struct sn_instance;
struct sn_conn;

enum sn_service_flags {
	SN_SERVICE_SINGLE = 1,
	SN_SERVICE_SHARDED = 2, /* exactly one of the two */
	SN_SERVICE_STREAM = 4,
	SN_SERVICE_DGRAM = 8,
	SN_SERVICE_ACCOUNTS = 16, /* people log in here: without `auth`, accounts are known */
};

struct sn_service {
	uint32_t abi;
	size_t size; /* sizeof(struct sn_service) as compiled */
	const char *name;
	const char *summary; /* one line for lists and help */
	unsigned flags;

	size_t instance_size; /* >= sizeof(struct sn_instance), which is its first member */
	size_t conn_size;     /* >= sizeof(struct sn_conn), likewise; STREAM */
	const struct sn_conf_section *conf; /* its rows; instance->settings is its struct */
	const struct sn_metric_def *metrics;
	size_t metric_count;
	const char *const *alpn;           /* NULL-ended, offered on TLS listeners */
	const char *const *default_listen; /* NULL-ended, when `listen` is not given */
	const char *help;                  /* examples for `sennit NAME --help` */

	int (*start)(struct sn_instance *instance, struct sn_diag *diag);
	void (*stop)(struct sn_instance *instance); /* all connections are gone */
	/* New settings are in instance->settings; old stays valid until return. */
	int (*reload)(struct sn_instance *instance, const void *old, struct sn_diag *diag);
	/* The end is near: tell the clients, then close each (sn_conn_close). */
	void (*drain)(struct sn_instance *instance, struct sn_str reason);
	/* Lines "how to connect" for the front door, after start: one call per listener. */
	void (*greet)(struct sn_instance *instance, const struct sn_listener *listener,
		struct sn_strbuf *out);

	int (*conn_open)(struct sn_conn *conn); /* results as conn_input's; conn_close follows */
	int (*conn_input)(struct sn_conn *conn);
	void (*conn_drained)(struct sn_conn *conn);
	int (*conn_eof)(struct sn_conn *conn); /* NULL: as SN_CLOSE */
	void (*conn_close)(struct sn_conn *conn, int code);

	size_t (*dgram_input)(struct sn_instance *instance, struct sn_dgram *dgram,
		const struct sn_packet *packet, char *reply, size_t cap);

	/* --- since minor 1 --- */
	const char
		*default_group; /* worker group when the configuration names none; NULL: "main" */
	/* For lists of sessions: the module's word for a connection (a nick). */
	struct sn_str (*conn_title)(const struct sn_conn *conn);
	/* Close with a reason that the client sees. NULL: sn_conn_close. */
	void (*conn_kick)(struct sn_conn *conn, struct sn_str reason);
	/*
	 * SINGLE modules that can move to another process, all five or none. First conn_freeze of
	 * each connection that the host can move (a failure: it cannot; its client is told to
	 * reconnect), then freeze of the instance, then conn_close of those that moved, with
	 * instance->draining set: tell nobody. What they append comes back in the other process: to
	 * thaw, right after start, then to conn_thaw, in the same order. Bytes unread and unsent,
	 * addresses, times and session are the host's. conn_open is not called again; after a
	 * failure of conn_thaw that connection is closed, and conn_close called. freeze_version is
	 * written beside the state: thaw gets it and refuses (SN_EVERSION) what it does not know;
	 * then the service starts empty.
	 */
	uint32_t freeze_version;
	int (*freeze)(struct sn_instance *instance, struct sn_strbuf *out);
	int (*conn_freeze)(struct sn_conn *conn, struct sn_strbuf *out);
	int (*thaw)(struct sn_instance *instance, uint32_t version, struct sn_reader *in,
		struct sn_diag *diag);
	int (*conn_thaw)(struct sn_conn *conn, uint32_t version, struct sn_reader *in);
	/* What can be wrong with the settings beyond their form: files they name. Reports into
	 * diags, each at its place (sn_conf_key_pos). Before start, reload, and for `sennit check`.
	 */
	void (*check)(const struct sn_conf_named *named, struct sn_conf_diags *diags);
};

/* Does the module have this entry? For those of later minors. */
#define SN_SERVICE_HAS(service, entry) \
	((service)->size >= offsetof(struct sn_service, entry) + sizeof((service)->entry) && \
		(service)->entry != NULL)

/* Rows every service has: listen, auth, limits, deadlines. Kept in instance->common. */
struct sn_service_conf {
	struct sn_conf_endpoints listen;
	struct sn_conf_strings auth;
	struct sn_conf_strings roles; /* a session needs one of them; none: any */
	struct sn_str worker;         /* group; empty: the module's */
	int64_t max_connections, max_per_address;
	int64_t handshake_timeout, idle_timeout, write_timeout, close_timeout;
	uint64_t send_queue; /* bytes queued to one client before it is cut */
};
extern const struct sn_conf_section sn_service_common;

/* One configured service in one worker. First member of the module's own instance struct. */
struct sn_instance {
	const struct sn_service *service;
	struct sn_loop *loop;
	struct sn_offload *pool;
	struct sn_resolver *resolver;
	struct sn_portal *portal;
	struct sn_conf *conf; /* the snapshot, one reference */
	struct sn_str name;   /* NAME of [service.NAME] */
	const struct sn_service_conf *common;
	const void *settings; /* the module's struct */
	struct sn_log_ctx log;
	struct sn_metric_set metrics; /* the module's rows */
	struct sn_metric_set listener_metrics;
	const char *metric_label; /* service="NAME" */
	struct sn_conn_caps caps;
	struct sn_list conns;                   /* sn_conn.link */
	struct sn_service_listener **listeners; /* service_listener.c */
	size_t listener_count;
	struct sn_task *idle_task; /* the host's: a listener has no connection left */
	struct sn_pool *memory;    /* dies with the instance */
	struct sn_list link;       /* the host's */
	int64_t started_wall;      /* ns */
	bool running, draining;
	/* `auth` is not configured: accounts may log in, and nobody has to. */
	bool guests;
	struct sn_host_slot *slot; /* the host's */
	uint64_t reserved_[15];    /* for members of later minors; zero (decisions/0009) */
};

/* Can its connections move to another process? */
bool sn_service_freezes(const struct sn_service *service);
/* Module row check: ABI, size, flags, mandatory entries, rows (sn_conf_section_verify). */
int sn_service_verify(const struct sn_service *service, struct sn_diag *diag) SN_WARN_UNUSED;

#endif
