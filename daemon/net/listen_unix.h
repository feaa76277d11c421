/*
 * Listening unix sockets: a socket file with its mode and owner, whose leftover after a crash is
 * replaced and which a second daemon cannot take over. PATH.lock is held with flock(2) as long as
 * the socket is open, so it is never stale; it is only meant among programs that use it.
 */
#ifndef SN_DAEMON_NET_LISTEN_UNIX_H
#define SN_DAEMON_NET_LISTEN_UNIX_H

#include "daemon/net/plan.h"

/* Fills fd, lock_fd and unlink_path of *sock; *sock is as it was when this fails. */
int sn_listen_unix_open(const struct sn_listen_plan *plan, struct sn_listen_socket *sock,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* Mode and owner of the open socket's file, as the plan says now. */
int sn_listen_unix_adjust(const struct sn_listen_plan *plan, struct sn_diag *diag) SN_WARN_UNUSED;
/* Removes the files and gives up the lock; sock->fd stays open. */
void sn_listen_unix_close(struct sn_listen_socket *sock);

#endif
