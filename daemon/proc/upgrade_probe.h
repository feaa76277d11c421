/*
 * Upgrade probe: what another binary says of itself before anything is given to it. It is run with
 * the role word @upgrade-check and has to answer one line
 *
 *   sennit-upgrade STATE IPC VERSION
 *
 * with the versions of the two forms that it shares with us (upgrade_state.h, ipc.h) and its own,
 * and end with 0. One that cannot be executed, lacks a library, crashes, hangs or says something
 * else is known here, while nothing has changed.
 */
#ifndef SN_DAEMON_PROC_UPGRADE_PROBE_H
#define SN_DAEMON_PROC_UPGRADE_PROBE_H

#include "daemon/base/strbuf.h"
#include "daemon/loop/child.h"
#include "daemon/loop/timer.h"

#define SN_UPGRADE_ROLE "@upgrade-check"
#define SN_UPGRADE_PATIENCE SN_SEC(10)

/* A member of its owner. */
struct sn_upgrade_probe {
	struct sn_loop *loop;
	struct sn_child child;
	struct sn_watch watch; /* of what it says */
	struct sn_strbuf text;
	struct sn_timer deadline;
	bool running, overdue;
	/* SN_OK: version is its own, a view. Else why it will not do; diag says it. */
	void (*fn)(struct sn_upgrade_probe *probe, int code, struct sn_str version,
		const struct sn_diag *diag);
};

/* program: a path to execute. The outcome comes later, by fn. */
int sn_upgrade_probe_start(
	struct sn_upgrade_probe *probe, struct sn_loop *loop, const char *program) SN_WARN_UNUSED;
/* Not interested any more; fine when it does not run. */
void sn_upgrade_probe_cancel(struct sn_upgrade_probe *probe);
/* Does this line (its end included) come from a program that we can hand our state to? Fills
 * *version_r. SN_EPROTO: not such a line; SN_EVERSION: it knows other forms. */
int sn_upgrade_probe_parse(
	struct sn_str line, struct sn_str *version_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Role @upgrade-check. */
int sn_upgrade_probe_main(int argc, char **argv);

#endif
