/*
 * Channels between our own processes: typed messages with descriptors over a SOCK_SEQPACKET pair.
 * One message is one packet: a 16-byte header (version, type, serial, body length), the body in
 * wire.h's form, and up to SN_IPC_FDS_MAX descriptors (SCM_RIGHTS). Anything larger than a packet
 * travels as a sealed memfd.
 *
 * The rows of ipc.def say which role may send a type and how many descriptors it carries; a
 * message that breaks its row, or has another version, closes the channel with SN_EPROTO: both
 * ends are the same binary, except during an upgrade, where the version decides. Bump
 * SN_IPC_VERSION with every change to a row or a body.
 *
 * Received descriptors are close-on-exec and belong to the receiver: those a handler does not take
 * (sn_ipc_take_fd) are closed after it returns. The other end's death is on_closed, once.
 */
#ifndef SN_DAEMON_PROC_IPC_H
#define SN_DAEMON_PROC_IPC_H

#include "daemon/base/strbuf.h"
#include "daemon/base/wire.h"
#include "daemon/loop/timer.h"

#define SN_IPC_VERSION 1
#define SN_IPC_BODY_MAX 61440
#define SN_IPC_FDS_MAX 250     /* the kernel's limit is 253 */
#define SN_IPC_QUEUE_MAX 65536 /* messages for a slow reader; more: on_closed, SN_ELIMIT */
#define SN_IPC_HEADER_SIZE 16
#define SN_IPC_FD 3 /* where a child finds its channel */

enum sn_ipc_role {
	SN_IPC_SUPERVISOR = 1,
	SN_IPC_WORKER = 2,
	SN_IPC_BROKER = 4,
	SN_IPC_CONFIG = 8,
};

enum sn_ipc_type {
#define SN_IPC(name, number, senders, fds_min, fds_max) SN_IPC_##name = (number),
#include "daemon/proc/ipc.def"
#undef SN_IPC
};

struct sn_ipc;
struct sn_ipc_message {
	enum sn_ipc_type type;
	uint32_t serial; /* an answer carries its question's; 0: none */
	struct sn_reader body;
	int *fds;
	size_t fd_count;
};

struct sn_ipc_ops {
	void (*on_message)(struct sn_ipc *ipc, struct sn_ipc_message *message);
	/* SN_CLOSE: the other end is gone, and all it had sent was delivered; SN_EPROTO, SN_ELIMIT,
	 * -errno. Never from inside another function of the channel; it is stopped already. */
	void (*on_closed)(struct sn_ipc *ipc, int code);
};

/* A member of its owner. */
struct sn_ipc {
	struct sn_watch watch;
	const struct sn_ipc_ops *ops;
	struct sn_loop *loop;
	int fd;
	enum sn_ipc_role role, peer; /* ours; theirs: what they may send */
	struct sn_list queue;
	size_t queued;
	struct sn_timer retry;    /* the kernel lacks memory, or too many descriptors travel */
	struct sn_task fail_task; /* tells on_closed of `failure` */
	int failure;
	bool handling; /* on_message runs: one that turns the loop does not get the next one */
	uint32_t last_serial;
};

/* A connected pair, both close-on-exec. */
int sn_ipc_pair(int fds_r[2]) SN_WARN_UNUSED;
/* Takes fd over. */
int sn_ipc_start(struct sn_ipc *ipc, struct sn_loop *loop, int fd, enum sn_ipc_role role,
	enum sn_ipc_role peer, const struct sn_ipc_ops *ops) SN_WARN_UNUSED;
void sn_ipc_stop(struct sn_ipc *ipc); /* on_closed is not called */
bool sn_ipc_is_open(const struct sn_ipc *ipc);
/* A fresh serial for a question. */
uint32_t sn_ipc_serial(struct sn_ipc *ipc);
/*
 * Send, or queue while the other end is slow. fds are duplicated by the kernel and stay the
 * caller's; queued ones are duplicated by us. The body must fit (asserted): check what a person or
 * peer sizes before.
 */
void sn_ipc_send(struct sn_ipc *ipc, enum sn_ipc_type type, uint32_t serial, struct sn_str body,
	const int *fds, size_t fd_count);
/* One packet as received: header and body of *message_r, or SN_EPROTO when it breaks its row. fds
 * are not touched. */
int sn_ipc_decode(struct sn_str packet, size_t fd_count, enum sn_ipc_role sender,
	struct sn_ipc_message *message_r) SN_WARN_UNUSED;
/* In on_message: the i-th descriptor is ours now; -1: there is none. */
int sn_ipc_take_fd(struct sn_ipc_message *message, size_t i);

/* A sealed, read-only memfd with these bytes; and back: SN_ELIMIT: more than max bytes; SN_EEOF: it
 * shrank meanwhile. */
int sn_ipc_memfd(const char *name, struct sn_str content, int *fd_r) SN_WARN_UNUSED;
int sn_ipc_read_memfd(int fd, size_t max, struct sn_strbuf *out) SN_WARN_UNUSED;

#endif
