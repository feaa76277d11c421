/*
 * A SINGLE service between two workers, from their side.
 *
 *   FREEZE   supervisor -> old   str16 service
 *   FROZEN   old -> supervisor   str16 service, u32 sockets, u64 connections that could not move;
 *                                the state (freeze.h) in a memfd: none when the service cannot move
 *                                and was stopped with a drain, or does not run here
 *   SOCKETS  old -> supervisor   str16 service, u32 index of the first; that many descriptors
 *   PREPARED new -> supervisor   it could start now; before that nothing is asked of the old one
 *   THAW, SOCKETS  supervisor -> new   as FROZEN and SOCKETS; then START
 *
 * The new worker has all sockets before it starts, and reads none before it is READY: until then
 * the supervisor can give the same state to another one.
 */
#ifndef SN_DAEMON_PROC_WORKER_FREEZE_H
#define SN_DAEMON_PROC_WORKER_FREEZE_H

#include "daemon/loop/timer.h"
#include "daemon/proc/ipc.h"
#include "daemon/service/freeze.h"
#include "daemon/service/host.h"

/*
 * What this worker is to give away. It does so at the beginning of a turn, before the loop looks at
 * descriptors: what was accepted in the last one has been opened by then, and can move.
 */
struct sn_worker_freezes {
	struct sn_loop *loop;
	struct sn_host *host; /* NULL: it did not start */
	struct sn_ipc *ipc;
	struct sn_list services;
	struct sn_timer timer;
};
void sn_worker_freezes_init(
	struct sn_worker_freezes *freezes, struct sn_loop *loop, struct sn_ipc *ipc);
/* FREEZE arrived: FROZEN and SOCKETS follow. */
void sn_worker_freezes_add(
	struct sn_worker_freezes *freezes, struct sn_host *host, struct sn_reader *body);
void sn_worker_freezes_free(struct sn_worker_freezes *freezes);

/* What arrived for this worker to go on with. */
struct sn_worker_thaws {
	struct sn_list items;
};
void sn_worker_thaws_init(struct sn_worker_thaws *thaws);
void sn_worker_thaws_free(struct sn_worker_thaws *thaws);
/* THAW and SOCKETS. SN_EPROTO. */
int sn_worker_thaws_add(
	struct sn_worker_thaws *thaws, struct sn_ipc_message *message) SN_WARN_UNUSED;
int sn_worker_thaws_add_sockets(
	struct sn_worker_thaws *thaws, struct sn_ipc_message *message) SN_WARN_UNUSED;
/* After the host's start, before the loop turns. What is wrong goes to diags. */
int sn_worker_thaws_apply(struct sn_worker_thaws *thaws, struct sn_host *host,
	struct sn_conf_diags *diags) SN_WARN_UNUSED;

#endif
