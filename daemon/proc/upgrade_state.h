/*
 * Upgrade state: all that a supervisor hands to the program it executes in its place, as one
 * versioned blob in a sealed memfd. The process stays: children are still its children, and
 * descriptors keep their numbers, which is why plain numbers are in it. Nothing here knows a
 * supervisor; supervisor_adopt.c fills it and lives from it.
 *
 * Versions: a program reads and writes exactly SN_UPGRADE_VERSION. Whether two programs agree is
 * asked before the exec (upgrade_probe.h); bump it with every change to a field list below, or to
 * what is in one of its texts. The layout inside has a version of its own, which the check of the
 * configuration compares.
 *
 * Ownership: texts and arrays live in the pool (decoded) or are the writer's (encoding).
 * Descriptors are whose they were: decoding closes none.
 */
#ifndef SN_DAEMON_PROC_UPGRADE_STATE_H
#define SN_DAEMON_PROC_UPGRADE_STATE_H

#include "daemon/base/pool.h"
#include "daemon/net/plan.h"
#include "daemon/proc/worker_life.h"

#define SN_UPGRADE_VERSION 1
#define SN_UPGRADE_SIZE_MAX ((size_t)64 << 20)
#define SN_UPGRADE_NONE UINT32_MAX /* no worker */

struct sn_upgrade_socket {
	int fd, wfd, lock_fd; /* -1: none, here and everywhere below */
	struct sn_addr local;
	struct sn_str unlink_path; /* empty: none */
	bool closed;               /* its service has no worker left */
};

struct sn_upgrade_worker {
	struct sn_str group;
	uint32_t index;
	uint32_t program; /* the id of the one its process runs */
	struct sn_worker_life life;
	uint32_t pid; /* 0: no process */
	int channel, metrics, metrics_before;
	uint32_t serial; /* of the channel's last question */
	int64_t started; /* monotonic */
	uint64_t connections;
	bool settled, told, retired, succeeded;
};

/* A service without a process: taken from one worker, not given to the next one yet. */
struct sn_upgrade_frozen {
	struct sn_str service;
	int state; /* memfd; -1: it could not move */
	int *sockets;
	uint32_t socket_count;
};

struct sn_upgrade_state {
	struct sn_pool *pool; /* of a decoded one */
	uint32_t pid;         /* whose state it is */
	/* The upgrade. */
	uint32_t program; /* id of the receiver, which counts successful upgrades */
	bool back;        /* the receiver ran before, and what came after it has failed */
	struct sn_str why;
	struct sn_str path, path_before; /* of the receiver and of the sender */
	int program_before;              /* its descriptor, to go back */
	uint64_t moved, closed;          /* connections so far */
	int64_t began;                   /* monotonic */
	uint32_t rolling;                /* place in workers whose services are in `frozen` */
	struct sn_upgrade_frozen *frozen;
	uint32_t frozen_count;
	/* What runs. */
	struct sn_str layout; /* encoded */
	int snapshot;
	struct sn_upgrade_socket *sockets; /* one for each listener of the layout */
	uint32_t socket_count;
	struct sn_upgrade_worker *workers;
	uint32_t worker_count;
	int limiter, lock;
	struct sn_str state, state_missing, state_given, runtime_given;
	int64_t started_wall;
	bool root, became_user, had_terminal;
	bool reload;         /* somebody has asked for one meanwhile */
	uint32_t *inherited; /* descriptors of socket activation */
	uint32_t inherited_count;
	uint32_t broker_pid; /* 0: there is none */
	int broker;          /* its channel */
	/* Control. */
	struct sn_upgrade_socket control;
	struct sn_str control_path, stopped, last_reload; /* stopped: JSON */
	uint32_t control_serial;
	int asker;           /* connection of the request for this upgrade */
	struct sn_str words; /* it, as JSON */
};

/* All -1 and empty. */
void sn_upgrade_state_init(struct sn_upgrade_state *state);
void sn_upgrade_state_encode(const struct sn_upgrade_state *state, struct sn_strbuf *out);
/* SN_EVERSION: of another version; SN_EPROTO: not such a state, or a value in it is out of bounds:
 * lengths, enumerations, descriptors that this process cannot have. */
int sn_upgrade_state_decode(struct sn_str text, struct sn_upgrade_state **state_r) SN_WARN_UNUSED;
void sn_upgrade_state_free(struct sn_upgrade_state **state);
/* Every descriptor that is not -1, in some order. */
typedef void (*sn_upgrade_fd_fn)(void *context, int fd);
void sn_upgrade_state_each_fd(
	const struct sn_upgrade_state *state, sn_upgrade_fd_fn fn, void *context);

#endif
