/*
 * The local datagram socket of a log service (syslog's /dev/log, the journal's): connected when
 * first needed, and again when the service behind it was replaced. Nothing here waits. Private to
 * daemon/base/log*.c.
 */
#ifndef SN_DAEMON_BASE_LOG_SOCKET_H
#define SN_DAEMON_BASE_LOG_SOCKET_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

struct sn_log_socket {
	int fd;     /* -1: not connected */
	char *path; /* own copy */
};

void sn_log_socket_init(struct sn_log_socket *s, const char *path);
void sn_log_socket_fini(struct sn_log_socket *s);
/*
 * One datagram. -EAGAIN: the service is behind; fd polls as writable when it is not. Other -errno:
 * nobody is there, or it cannot be sent. What is too large for a datagram goes as a sealed memfd,
 * which the journal takes.
 */
int sn_log_socket_send(struct sn_log_socket *s, struct sn_str message) SN_WARN_UNUSED;

#endif
