/*
 * From endpoint values to sockets: what an endpoint type contributes to listening or connecting. A
 * plan is filled by the type's plan function: a leaf type says what to open; a wrapping type lets
 * its inner endpoint fill the plan and adds a stage. This header and endpoint.h are the interface
 * that endpoint plugins use.
 *
 * Two steps on the server side, because the process that opens sockets is not the one that speaks
 * on them: `sn_listen_open` needs only the plan's first half; stages run where connections are
 * accepted.
 */
#ifndef SN_DAEMON_NET_PLAN_H
#define SN_DAEMON_NET_PLAN_H

#include "daemon/loop/promise.h"
#include "daemon/net/endpoint.h"
#include "daemon/net/tls.h"

struct sn_incoming;
struct sn_accept_stage;

/* One thing to do with an accepted connection before its service sees it. */
struct sn_accept_stage_ops {
	const char *name; /* "haproxy", "tls" */
	/*
	 * Called when the connection was accepted (or the stage before is done) and whenever
	 * input arrives meanwhile. SN_OK: done, go on with the next stage; SN_AGAIN: more input
	 * needed; SN_PENDING: the stage has pushed a filter and put its top into in->top, the next
	 * stage goes on at its on_ready; or a failure, which drops the connection.
	 */
	int (*step)(struct sn_accept_stage *stage, struct sn_incoming *in);
	/* Worker start: attach to loop and pool. May be NULL. */
	int (*attach)(struct sn_accept_stage *stage, struct sn_loop *loop, struct sn_offload *pool);
	/* The protocols the service behind the listener speaks (NULL-ended, static), before the
	 * first connection. May be NULL. */
	void (*set_alpn)(struct sn_accept_stage *stage, const char *const *alpn);
	void (*free)(struct sn_accept_stage *stage);
	/* The stage tells in->peer; until then it is only known what relayed the connection. */
	bool names_peer;
};

struct sn_accept_stage {
	const struct sn_accept_stage_ops *ops;
	struct sn_accept_stage *next;
};

enum sn_listen_kind {
	SN_LISTEN_ADDR, /* bind and listen on addr */
	SN_LISTEN_FD,   /* an inherited listening socket */
	SN_LISTEN_PAIR, /* stdio: one connection on two descriptors */
};

struct sn_listen_plan {
	enum sn_listen_kind kind;
	int socktype; /* SOCK_STREAM, SOCK_DGRAM */
	struct sn_addr addr;
	bool v6_only;             /* tcp:PORT listens on both families with one socket */
	int backlog;              /* 0: the system's maximum */
	int fd, wfd;              /* FD, PAIR */
	mode_t mode;              /* unix */
	const char *user, *group; /* unix: owner of the socket file, or NULL */
	bool lock;                /* unix: take PATH.lock, so a second daemon does not steal it */
	struct sn_accept_stage *stages; /* in order of work: the outermost bytes first */
	struct sn_pool *pool;           /* for strings and stages' texts */
};

/* An opened listening socket. */
struct sn_listen_socket {
	int fd, wfd;          /* wfd: PAIR only, else -1 */
	struct sn_addr local; /* with the real port */
	int lock_fd;          /* unix lock file, or -1 */
	char *unlink_path;    /* unix socket to remove on close, or NULL */
};

/* Fill *plan from an endpoint through its type. Loads certificates (tls:, ssl:). */
int sn_listen_plan_make(const struct sn_endpoint *ep, struct sn_listen_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;
void sn_listen_plan_fini(struct sn_listen_plan *plan);
/* For plan functions of wrapping types: first let the inner endpoint fill the plan, then add the
 * own stage, which is the next one inwards. The plan owns the stage: ops->free. */
int sn_listen_plan_inner(const struct sn_endpoint *ep, struct sn_listen_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;
void sn_listen_plan_add_stage(struct sn_listen_plan *plan, struct sn_accept_stage *stage);
/* Open the socket: EADDRINUSE, EACCES and so on say address and remedy in *diag. */
int sn_listen_open(const struct sn_listen_plan *plan, struct sn_listen_socket *sock_r,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* A socket that stays open under a plan which differs from its own in what can change on an open
 * one: the backlog, and the mode and owner of a unix socket's file. */
int sn_listen_adjust(const struct sn_listen_plan *plan, const struct sn_listen_socket *sock,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* This process is given its listening sockets by another one: from now on plans of inherited
 * sockets (fd:, systemd:) do not look at the descriptors of those numbers, and the socket itself
 * says what it is once it is there. */
void sn_listen_sockets_given(void);
/* Closes, removes a unix socket's file, gives up its lock. */
void sn_listen_close(struct sn_listen_socket *sock);

/* Client side: what to reach, and the layers on it from the outside in. */
struct sn_connect_plan {
	struct sn_str host; /* name or literal; empty for unix and exec */
	uint16_t port;
	struct sn_addr addr;        /* unix */
	const char *lock_file;      /* unix: connect only while a server holds this lock, or NULL */
	struct sn_addr bind;        /* where to connect from; len 0: anywhere */
	char *const *argv;          /* exec */
	int64_t timeout;            /* ns, for all together; 0: 30 s */
	struct sn_tls_context *tls; /* or NULL */
	const char *tls_host;
	struct sn_pool *pool;
};
int sn_connect_plan_make(const struct sn_endpoint *ep, struct sn_connect_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;
void sn_connect_plan_fini(struct sn_connect_plan *plan);
/* For plan functions of wrapping types: let the inner endpoint fill the plan. */
int sn_connect_plan_inner(const struct sn_endpoint *ep, struct sn_connect_plan *plan,
	struct sn_diag *diag) SN_WARN_UNUSED;

/* Attach the plan functions of the built-in types (after sn_endpoints_init). */
void sn_net_init(void);

#endif
