/*
 * What a worker's services read and write, out of their configuration: for the sandbox. Every row
 * that is a path, every file that an endpoint or a checker names, the state directory, the log.
 */
#ifndef SN_DAEMON_PROC_SANDBOX_PATHS_H
#define SN_DAEMON_PROC_SANDBOX_PATHS_H

#include "daemon/base/pool.h"
#include "daemon/proc/privs.h"
#include "daemon/service/host.h"

/* state: the state directory, or empty. All in *sandbox_r lives in the pool, or is the
 * configuration's. */
void sn_sandbox_paths(struct sn_conf *conf, struct sn_str state, struct sn_pool *pool,
	struct sn_sandbox *sandbox_r);

#endif
