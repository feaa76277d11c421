/*
 * Heritage: all that a worker gets from its supervisor, in one struct. It arrives as the message
 * HERITAGE, with LISTENER messages behind it, then START; the worker answers READY or FAILED. A
 * reload sends all LISTENER messages again, then PREPARE.
 */
#ifndef SN_DAEMON_PROC_HERITAGE_H
#define SN_DAEMON_PROC_HERITAGE_H

#include "daemon/base/pool.h"
#include "daemon/net/plan.h"
#include "daemon/proc/ipc.h"

struct sn_heritage {
	struct sn_str group;         /* "main" */
	uint32_t index;              /* of this worker in its group */
	uint32_t generation;         /* how many lived in this place before */
	int64_t started_wall;        /* ns: when the daemon began */
	struct sn_str state;         /* the state directory, made and locked; empty: none */
	struct sn_str state_missing; /* why there is none, in words */
	/* Descriptors. */
	int snapshot; /* the configuration, TOML in a sealed memfd */
	int metrics;  /* this place's area (metrics_area.h); outlives the worker */
	int limiter;  /* limiter.h's table, shared by all */
	int broker;   /* a channel to the broker; -1: there is none */
	bool sandbox; /* apply landlock and seccomp */
	bool thaw;    /* a frozen service follows before START */
};

void sn_heritage_send(struct sn_ipc *ipc, const struct sn_heritage *heritage);
/* Takes the descriptors; texts go to the pool. SN_EPROTO. */
int sn_heritage_read(struct sn_ipc_message *message, struct sn_pool *pool,
	struct sn_heritage *heritage_r) SN_WARN_UNUSED;

/* A listening socket by its place in the configuration. */
struct sn_heritage_listener {
	struct sn_str service;
	uint32_t index;
	struct sn_listen_socket sock; /* lock and path stay the supervisor's */
};
void sn_heritage_send_listener(struct sn_ipc *ipc, const struct sn_heritage_listener *listener);
int sn_heritage_read_listener(struct sn_ipc_message *message, struct sn_pool *pool,
	struct sn_heritage_listener *listener_r) SN_WARN_UNUSED;

#endif
