/*
 * Unix signals as loop events (signalfd). One owner per signal number and process. Setting blocks
 * the signal in this thread, so do it before starting threads.
 */
#ifndef SN_DAEMON_LOOP_SIGNAL_H
#define SN_DAEMON_LOOP_SIGNAL_H

#include "daemon/loop/loop.h"

struct sn_signal;
typedef void (*sn_signal_fn)(struct sn_signal *sig, int signo);

struct sn_signal {
	struct sn_watch watch;
	sn_signal_fn fn;
	uint64_t mask; /* bit per signal number: those that start blocked and stop unblocks */
};

/* signos: list ended by 0. -errno on failure. */
int sn_signal_start(struct sn_loop *loop, struct sn_signal *sig, const int *signos,
	sn_signal_fn fn) SN_WARN_UNUSED;
/* Unblocks them again, but those that were blocked before start. */
void sn_signal_stop(struct sn_signal *sig);
/* SIGPIPE must never end the daemon; call once at start. */
void sn_signal_ignore_pipe(void);

#endif
