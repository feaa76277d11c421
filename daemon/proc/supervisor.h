/*
 * Supervisor: keeps the workers of a layout alive. It owns listening sockets, shared memory, the
 * control socket and signals; it never reads a byte from the network or from a configuration file,
 * and runs no plugin.
 *
 *   start    @config -> layout -> (root: broker, become `user`, @config again) -> open sockets ->
 *            workers -> all READY -> notify, greet
 *   death    a worker that dies by its own doing is started again: at once after a minute of
 * health, else after 0.1 s doubling to 30 s with +-20 % jitter; 5 such deaths in 10 s: `failed`,
 *            the sockets of services that nobody serves any more are closed so that clients are
 *            refused quickly, the other groups go on; `ctl start` or a reload tries anew; when
 * every worker has failed the daemon ends, for an outer manager to know. SIGKILL from outside is
 * nobody's doing: at once, and not counted (worker_life.h) reload   SIGHUP or ctl: @config ->
 * layout; new sockets opened; PREPARE to all; COMMIT or ABORT; done when new workers serve too.
 * What workers say at the very start (FAILED) ends it upgrade  upgrade.h            control
 * control.h end      SIGTERM, SIGINT: DRAIN to all, wait drain_timeout, then kill; a second one
 * hurries
 *
 * As PID 1 it reaps every orphan and does not rely on default actions of signals. Its state goes to
 * NOTIFY_SOCKET (READY, RELOADING, STOPPING, STATUS, WATCHDOG), when there is one.
 */
#ifndef SN_DAEMON_PROC_SUPERVISOR_H
#define SN_DAEMON_PROC_SUPERVISOR_H

/* argv: what @config is to understand ("run sennit.toml", "irc --listen ..."), argv[0] the verb.
 * Returns the exit code. */
int sn_supervisor_main(int argc, char **argv);

/* A child that found descriptor 3 to be its channel. */
int sn_worker_main(int argc, char **argv);

#endif
