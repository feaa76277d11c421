/*
 * The broker's questions and answers as bytes, and who says what to whom:
 *
 *   client -> broker    channel message (ipc.h): the body of a question
 *   broker -> helper    one packet: verb, the daemon's own user, the same body
 *   helper -> broker    one packet: code, the value, descriptors; SPAWN: a second one, the status
 *   broker -> client    RESULT with the helper's packet as it is; EXITED
 *
 * A helper (role @pam, pam.c) is a process for one question: whatever may block (PAM, name service,
 * network file systems) hangs there, and is killed.
 */
#ifndef SN_DAEMON_PROC_BROKER_WIRE_H
#define SN_DAEMON_PROC_BROKER_WIRE_H

#include "daemon/base/pool.h"
#include "daemon/base/wire.h"
#include "daemon/proc/broker.h"

/* Everything readers make views of the bytes, unless it says that a pool is used. */

struct sn_ask_verify {
	struct sn_str service, user, password;
	struct sn_str peer; /* address in text, or empty */
};
void sn_ask_verify_write(struct sn_writer *w, const struct sn_ask_verify *ask);
int sn_ask_verify_read(struct sn_reader *r, struct sn_ask_verify *ask_r) SN_WARN_UNUSED;

struct sn_ask_open {
	struct sn_str user, path;
};
void sn_ask_open_write(struct sn_writer *w, const struct sn_ask_open *ask);
int sn_ask_open_read(struct sn_reader *r, struct sn_ask_open *ask_r) SN_WARN_UNUSED;

struct sn_ask_lookup {
	struct sn_str name; /* empty: by uid */
	uid_t uid;
};
void sn_ask_lookup_write(struct sn_writer *w, const struct sn_ask_lookup *ask);
int sn_ask_lookup_read(struct sn_reader *r, struct sn_ask_lookup *ask_r) SN_WARN_UNUSED;

#define SN_SPAWN_WORDS_MAX 1024 /* of arguments, and of variables */

struct sn_ask_spawn {
	struct sn_str user, service, peer;
	const char *dir, *term;  /* NULL: not given */
	const char *const *argv; /* NULL: login shell; ended by NULL */
	const char *const *env;  /* never NULL after reading; ended by NULL */
	bool pty;
	uint16_t rows, columns;
};
void sn_ask_spawn_write(struct sn_writer *w, const struct sn_ask_spawn *ask);
/* C strings are made in pool. */
int sn_ask_spawn_read(
	struct sn_reader *r, struct sn_pool *pool, struct sn_ask_spawn *ask_r) SN_WARN_UNUSED;

/* What BIND names a listener by: two are the same socket if and only if these bytes are equal. */
void sn_broker_listener_write(struct sn_writer *w, const struct sn_layout_listener *listener);

/* Supervisor: hand the broker a channel of somebody with this role. fd stays the caller's. */
void sn_broker_introduce(struct sn_broker *broker, enum sn_ipc_role role, int fd);
/* The descriptor of our end of the channel, which stays ours; -1: it is closed. */
int sn_broker_channel(struct sn_broker *broker);

/* --- packets between broker and helper -------------------------------------------------------- */

#define SN_PACKET_MAX (SN_IPC_BODY_MAX + 1024)
#define SN_PACKET_FDS 4

/* -errno. The descriptors stay the caller's. */
int sn_packet_send(int fd, struct sn_str body, const int *fds, size_t fd_count) SN_WARN_UNUSED;
struct sn_packet {
	size_t size; /* of what was written to mem */
	int fds[SN_PACKET_FDS];
	size_t fd_count;
};
/* The body goes to mem (SN_PACKET_MAX bytes). SN_AGAIN: nothing there; SN_CLOSE: the other end is
 * gone; SN_EPROTO: too large; -errno. */
int sn_packet_receive(int fd, char *mem, struct sn_packet *packet_r) SN_WARN_UNUSED;
void sn_packet_close_fds(struct sn_packet *packet);

#endif
