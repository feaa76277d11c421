/*
 * Broker: the one process that keeps privileges when the daemon was started as root. It speaks only
 * to our own processes, over channels that the supervisor introduces with their roles (ipc.def says
 * which role may send which verb), takes no file or network input, and never runs a plugin.
 * Whoever becomes the daemon's user gains these verbs, within these limits, and nothing more.
 *
 * One broker serves a daemon; when it dies the supervisor ends. `--single` and tools start one of
 * their own.
 */
#ifndef SN_DAEMON_PROC_BROKER_H
#define SN_DAEMON_PROC_BROKER_H

#include "daemon/auth/broker.h"
#include "daemon/proc/ipc.h"
#include "daemon/proc/layout.h"

/* Role @broker. */
int sn_broker_main(int argc, char **argv);
/* Role @pam: one question of the broker's, answered on descriptor 3. */
int sn_pam_main(int argc, char **argv);

/* Client side: the face of auth/broker.h over a channel. Takes fd over. */
int sn_broker_connect(struct sn_loop *loop, int fd, enum sn_ipc_role role,
	struct sn_broker **broker_r) SN_WARN_UNUSED;
void sn_broker_disconnect(struct sn_broker **broker); /* its promises fail with SN_EUNAVAILABLE */
/* Called once when the broker is gone; NULL: nobody. */
void sn_broker_on_lost(
	struct sn_broker *broker, void (*fn)(struct sn_broker *broker, void *owner), void *owner);

/* Supervisor: start one (a child of ours); introduce a client. */
struct sn_broker_process;
int sn_broker_process_start(struct sn_loop *loop, struct sn_broker_process **process_r,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* The one that an earlier program of this process had: channel is our end of it. */
int sn_broker_process_adopt(struct sn_loop *loop, pid_t pid, int channel,
	struct sn_broker_process **process_r) SN_WARN_UNUSED;
/* To hand it on: its pid; our end of the channel, which stays ours. */
pid_t sn_broker_process_pid(const struct sn_broker_process *process);
int sn_broker_process_fd(const struct sn_broker_process *process);
struct sn_broker *sn_broker_process_client(struct sn_broker_process *process);
/* A new channel to it for a child of this role: a descriptor to hand over. */
int sn_broker_process_channel(
	struct sn_broker_process *process, enum sn_ipc_role role, int *fd_r) SN_WARN_UNUSED;
void sn_broker_process_stop(struct sn_broker_process **process);

/* Supervisor only: open a listener of the layout. Value: sn_broker_bound. */
struct sn_promise *sn_broker_bind(
	struct sn_broker *broker, const struct sn_layout_listener *listener) SN_WARN_UNUSED;
/* During the waiter's call: take the socket over; *diag says why not. */
int sn_broker_bound(
	struct sn_promise *p, struct sn_listen_socket *sock_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Limits for PAM and spawning, from the layout. */
void sn_broker_set_limits(struct sn_broker *broker, const struct sn_layout *layout);

#endif
