/*
 * Watchdog of a worker's loop: a timer on the loop thread's CPU clock, so that an idle worker is
 * never woken. A turn that has used `warn` of CPU is reported once with a backtrace, from where it
 * is; the handler for SIGABRT (sent by the supervisor to a worker that answers no ping, or raised
 * by an assertion) writes a backtrace of the loop thread to the log's descriptor, and lets the
 * default action follow. Only async-signal-safe functions run in handlers.
 */
#ifndef SN_DAEMON_PROC_WATCHDOG_H
#define SN_DAEMON_PROC_WATCHDOG_H

#include "daemon/loop/loop.h"

/* warn_ns: 100 ms. From the loop's thread. fd: where backtraces go (not closed). */
int sn_watchdog_start(struct sn_loop *loop, int64_t warn_ns, int fd) SN_WARN_UNUSED;
void sn_watchdog_stop(void);
/* Turns that were reported, and the longest, in ns of CPU. */
struct sn_watchdog_stats {
	uint64_t slow_turns;
	int64_t longest;
};
struct sn_watchdog_stats sn_watchdog_stats(void);
/* Backtraces for SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS; any process, once. */
void sn_watchdog_catch_crashes(int fd);

#endif
