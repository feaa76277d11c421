/*
 * The plain notify datagram of sd_notify(3): "READY=1" and so on to the socket that NOTIFY_SOCKET
 * names, if it names one. The environment stays as it is: an upgrade executes us again; children
 * get one without these names (sn_notify_is_ours).
 */
#ifndef SN_DAEMON_PROC_NOTIFY_H
#define SN_DAEMON_PROC_NOTIFY_H

#include "daemon/base/str.h"
#include "daemon/loop/timer.h"
#include "daemon/net/addr.h"

struct sn_notify {
	int fd; /* -1: nobody wants to know */
	struct sn_addr addr;
	struct sn_every watchdog;
};

/* Reads the environment; with a WATCHDOG_USEC, sends WATCHDOG=1 twice as often as it asks for. */
void sn_notify_start(struct sn_notify *notify, struct sn_loop *loop);
void sn_notify_stop(struct sn_notify *notify);
/* Lines "NAME=VALUE", separated by newlines. What cannot be delivered is dropped. */
void sn_notify_send(struct sn_notify *notify, const char *fmt, ...) SN_PRINTF(2, 3);
/* "RELOADING=1" with the time of it. */
void sn_notify_reloading(struct sn_notify *notify, int64_t mono_ns);
/* A variable ("NAME=VALUE") that is meant for this process only. */
bool sn_notify_is_ours(const char *variable);

#endif
