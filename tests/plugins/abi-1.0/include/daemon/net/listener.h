/*
 * Listener: accepts connections on an opened socket, under limits that are checked before anything
 * is allocated, takes each through the plan's stages (PROXY header, TLS), and hands it over.
 *
 * One allocation per connection: the owner says how big (conn_size), and struct sn_incoming is the
 * first member of what it gets. Order: accept4 -> caps (total, per address) -> allocation -> stages
 * -> on_open. Behind haproxy: the cap per address counts the address in the header. The handshake
 * deadline of the options holds for all stages together, from accept to on_open.
 *
 * Fairness: at most `budget` accepts per turn. EMFILE/ENFILE: a reserve descriptor is given up to
 * accept and close one waiting connection, the listener pauses (100 ms doubling to 1 s), and one
 * log line a second says so.
 */
#ifndef SN_DAEMON_NET_LISTENER_H
#define SN_DAEMON_NET_LISTENER_H

#include "daemon/base/hash.h"
#include "daemon/base/log.h"
#include "daemon/base/metrics.h"
#include "daemon/net/plan.h"

struct sn_listener;
struct sn_incoming;

/* Shared by all listeners of a worker: how many connections there are, in total and by address. */
struct sn_conn_caps {
	uint32_t max_total, max_per_address; /* 0: no limit */
	uint32_t total;
	struct sn_hash by_address;
};
void sn_conn_caps_init(struct sn_conn_caps *caps, uint32_t max_total, uint32_t max_per_address);
void sn_conn_caps_fini(struct sn_conn_caps *caps);

struct sn_listener_ops {
	/* All stages are done: the connection is the owner's now; in->top is the open stream to
	 * use; it must be given a user with sn_stream_set_user before this returns. The rest of
	 * the allocation is zero. */
	void (*on_open)(struct sn_listener *listener, struct sn_incoming *in);
	/* The last connection was freed; from the closing phase. May be NULL. */
	void (*on_idle)(struct sn_listener *listener);
};

/* First member of the owner's connection struct. */
struct sn_incoming {
	struct sn_stream_fd socket; /* the lowest stream */
	struct sn_stream *top;
	struct sn_listener *listener;
	struct sn_accept_stage *stage; /* next to do; NULL: open */
	struct sn_stream_user user;    /* the listener's, until on_open */
	struct sn_addr peer, local;    /* behind haproxy: from its header */
	struct sn_list link;           /* among the listener's connections */
	struct sn_cap_entry *cap;      /* its place in the caps */
	int64_t accepted;              /* monotonic */
};

struct sn_listener_options {
	size_t conn_size;               /* >= sizeof(struct sn_incoming) */
	unsigned budget;                /* accepts per turn; 0: 64 */
	struct sn_stream_limits limits; /* in_max 0: stream.h's defaults */
	struct sn_stream_deadlines deadlines;
	struct sn_conn_caps *caps;     /* may be NULL */
	bool shared;                   /* other processes accept from this socket too */
	const struct sn_log_ctx *log;  /* may be NULL */
	struct sn_metric_set *metrics; /* sn_listener_metrics rows; may be NULL */
};

enum sn_listener_metric {
	SN_LISTENER_ACCEPTED,
	SN_LISTENER_OPEN,
	SN_LISTENER_REFUSED_TOTAL,
	SN_LISTENER_REFUSED_ADDRESS,
	SN_LISTENER_REFUSED_FD,
	SN_LISTENER_STAGE_FAILED,
	SN_LISTENER_METRICS
};
extern const struct sn_metric_def sn_listener_metrics[SN_LISTENER_METRICS];

struct sn_listener {
	const struct sn_listener_ops *ops;
	struct sn_loop *loop;
	struct sn_listener_options options;
	struct sn_listen_socket sock;
	struct sn_accept_stage *stages; /* the plan's */
	struct sn_watch watch;
	struct sn_timer pause_timer;
	struct sn_list connections; /* every sn_incoming not freed yet */
	int reserve_fd;
	int64_t pause, last_complaint;
	bool accepting;
	bool any_address;      /* the local address differs by connection */
	bool peer_named_later; /* by a stage */
};

/* Takes over sock (not when it fails); a sock without descriptor (fd -1) makes a listener that only
 * adopts. stages must outlive the listener. Starts accepting; on stdio
 * there is one connection at once. */
int sn_listener_start(struct sn_listener *l, struct sn_loop *loop, struct sn_listen_socket *sock,
	struct sn_accept_stage *stages, const struct sn_listener_options *options,
	const struct sn_listener_ops *ops) SN_WARN_UNUSED;
/* No more connections; the socket closes; those open go on. */
void sn_listener_stop(struct sn_listener *l);
/* The same, but the socket becomes the caller's: for the next listener. No descriptor in it if the
 * listener has stopped, or was stdio. */
void sn_listener_release(struct sn_listener *l, struct sn_listen_socket *sock_r);
/* Limits and deadlines for the connections to come, and for those that are open. */
void sn_listener_set_limits(struct sn_listener *l, const struct sn_stream_limits *limits,
	const struct sn_stream_deadlines *deadlines);
/* Everything freed: connections must be gone (sn_list_empty(&l->connections)). */
void sn_listener_fini(struct sn_listener *l);
/* The owner's duty from its on_free: uncount and free the allocation that begins with *in. */
void sn_incoming_free(struct sn_incoming *in);
/* A connection that did not come from accept (memory pair in tests, internal stream): counted in
 * total and staged like any other; it has no addresses, and in->socket is not used. Over the limit
 * it is aborted. */
void sn_listener_adopt(struct sn_listener *l, struct sn_stream *stream);
/* A plain connection that was open in another process: counted without asking for limits, past all
 * stages. in->top awaits a user and sn_stream_thaw; what goes wrong there is the owner's to abort.
 * Takes fd over (not when it fails). */
int sn_listener_restore(struct sn_listener *l, int fd, const struct sn_addr *peer,
	const struct sn_addr *local, struct sn_incoming **in_r) SN_WARN_UNUSED;

#endif
