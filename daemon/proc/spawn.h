/*
 * One program run as a user of the machine, for helpers only: the helper stays as its keeper, holds
 * the PAM session and the records in utmp open, passes signals on, and ends with it.
 *
 *   channel -> keeper   a packet with one u32: a signal for the program's process group
 *   channel closed      SIGHUP to the group, SIGKILL five seconds later
 *   keeper -> channel   the answer (broker_wire.h); after the program's end its status, an u32
 */
#ifndef SN_DAEMON_PROC_SPAWN_H
#define SN_DAEMON_PROC_SPAWN_H

#include "daemon/proc/broker_wire.h"

/* own_user: the daemon's user, whom ask->user may leave out; empty: the one we are. Answers on the
 * channel in any case. Returns the exit code of the helper. */
int sn_spawn_run(int channel, const struct sn_ask_spawn *ask, struct sn_str own_user);

#endif
