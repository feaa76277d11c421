/*
 * What the files of the supervisor share.
 *
 *   supervisor.c          life: start, signals, the end, readiness
 *   supervisor_config.c   one change of configuration at a time: the start's, or a reload's
 *   supervisor_sockets.c  the listening sockets of a layout
 *   supervisor_workers.c  the table of workers: processes, restarts, pings
 *   supervisor_broker.c   giving up privileges
 *   supervisor_pid1.c     reaping orphans
 *   supervisor_upgrade.h  going on with another program
 *
 * A change goes through phases: @config checks and offers; sockets are opened; @config hears what
 * failed and says it; then (reload) every worker prepares, and all commit or all abort. Until the
 * commit nothing of what runs has changed.
 */
#ifndef SN_DAEMON_PROC_SUPERVISOR_PRIVATE_H
#define SN_DAEMON_PROC_SUPERVISOR_PRIVATE_H

#include <sysexits.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/loop/signal.h"
#include "daemon/proc/broker.h"
#include "daemon/proc/config_run.h"
#include "daemon/proc/exit_code.h"
#include "daemon/proc/heritage.h"
#include "daemon/proc/notify.h"
#include "daemon/proc/supervisor.h"
#include "daemon/proc/worker_life.h"

struct sn_supervisor;
struct sn_worker;

extern const struct sn_log_ctx sn_supervisor_log;

enum sn_supervisor_phase {
	SN_SUP_CHECKING, /* the first configuration */
	SN_SUP_STARTING, /* workers come up */
	SN_SUP_RUNNING,
	SN_SUP_STOPPING,
};

/* --- workers -------------------------------------------------------------------------------- */

enum sn_worker_vote { SN_VOTE_NONE, SN_VOTE_AWAITED, SN_VOTE_PREPARED, SN_VOTE_COMMITTING };

/* One place for a worker: GROUP/INDEX. It outlives its processes. */
struct sn_worker {
	struct sn_list link; /* in the supervisor's table, by group and index */
	struct sn_supervisor *supervisor;
	char *group;
	uint32_t index;
	struct sn_worker_life life;
	struct sn_child child;
	struct sn_ipc ipc;
	struct sn_timer timer; /* of the state: next start, patience with a start or an end */
	struct sn_every pinger;
	struct sn_timer pong_deadline, kill_timer;
	int status;           /* of its process, once exited */
	bool exited;          /* but its channel is not at its end yet */
	bool told;            /* to drain */
	struct sn_str reason; /* for that; static */
	bool aborted;         /* by us: it hung */
	bool settled;         /* it was ready once, or has failed: the start waits for no more */
	bool retired;     /* no place in the layout any more: freed when its process has ended */
	bool succeeded;   /* retired, and another one has its place */
	uint32_t program; /* the id of the one that its process runs */
	enum sn_worker_vote vote; /* in the change that is under way */
	int metrics;              /* memfd: outlives processes */
	int metrics_before;       /* of who was here before the last upgrade; -1: nobody */
	int64_t started;          /* monotonic: the process */
	uint64_t connections;     /* by the last PONG */
	int64_t longest_turn;
	struct sn_strbuf lines; /* for people, of READY */
	struct sn_task free_task;
};

/* Make the table as the layout wants it: new places start, gone ones drain. */
void sn_sup_workers_apply(struct sn_supervisor *sup);
struct sn_worker *sn_sup_worker_at(struct sn_list *link);
#define sn_sup_each_worker(link, sup) sn_list_each (link, &(sup)->workers)
/* By hand, or at the end. */
void sn_sup_worker_start(struct sn_worker *worker);
void sn_sup_worker_abort(struct sn_worker *worker, const char *why); /* a backtrace, then the end */
void sn_sup_worker_stop(struct sn_worker *worker, const char *reason);
/* All of them; a second call hurries. reason: static text. */
void sn_sup_workers_stop(struct sn_supervisor *sup, const char *reason);
bool sn_sup_workers_gone(const struct sn_supervisor *sup);
bool sn_sup_workers_settled(const struct sn_supervisor *sup);
/* Does this worker run that service of the layout? */
bool sn_sup_worker_runs(const struct sn_worker *worker, const struct sn_layout *layout,
	const struct sn_layout_service *service);
/* All LISTENER messages for the services that it runs. */
void sn_sup_worker_send_sockets(struct sn_worker *worker, const struct sn_layout *layout,
	const struct sn_listen_socket *sockets);
void sn_sup_workers_free(struct sn_supervisor *sup);
/* An entry of its own, without a process, for the same place, right behind it; NULL: no memory. */
struct sn_worker *sn_sup_worker_succeed(struct sn_worker *old);
/* The entry with nothing in it but its place; NULL: as above. metrics -1: new memory. */
struct sn_worker *sn_sup_worker_add(
	struct sn_supervisor *sup, struct sn_str group, uint32_t index, int metrics);
/* Its process came with the process that we are: watch it, and go on with its life. */
int sn_sup_worker_adopt(
	struct sn_worker *worker, pid_t pid, int channel, uint32_t serial) SN_WARN_UNUSED;
/* A memfd of a size that stays. */
int sn_sup_shared_memory(const char *name, size_t size, int *fd_r) SN_WARN_UNUSED;

/* --- one place between two programs: supervisor_roll.c ---------------------------------------- */

/* Is it an entry of the roll that is under way? The one that is to come? */
bool sn_sup_roll_has(const struct sn_worker *worker);
bool sn_sup_roll_is_new(const struct sn_worker *worker);
/* Does it wait for services from another worker before it starts? */
bool sn_sup_roll_thaws(const struct sn_worker *worker);
/* What happens to any worker: those of the roll are told apart there. */
void sn_sup_roll_ready(struct sn_worker *worker);
void sn_sup_roll_complains(struct sn_worker *worker, struct sn_str text);
void sn_sup_roll_message(struct sn_worker *worker, struct sn_ipc_message *message);
void sn_sup_roll_bury(struct sn_worker *worker); /* its process has ended; before that is told */
void sn_sup_roll_lost(struct sn_worker *worker); /* and after */

/* --- changes -------------------------------------------------------------------------------- */

enum sn_change_phase {
	SN_CHANGE_NONE,
	SN_CHANGE_CHECKING,   /* @config runs */
	SN_CHANGE_OPENING,    /* sockets, some by the broker */
	SN_CHANGE_TELLING,    /* @config says what is wrong, or nothing, and ends */
	SN_CHANGE_PREPARING,  /* every worker */
	SN_CHANGE_COMMITTING, /* every worker */
};

/* Who waits for a reload; a member of its owner. code: SN_OK, or why nothing has changed; text:
 * what
 * @config or a worker said. */
struct sn_reload_waiter {
	struct sn_list link;
	void (*fn)(struct sn_reload_waiter *waiter, int code, struct sn_str text);
};

/* Sockets for each listener of a layout. */
struct sn_sup_sockets {
	const struct sn_layout *layout;
	struct sn_listen_socket *items;
	size_t *kept_from; /* 1 + place in the running ones, or 0: opened for this change */
	bool *closed;      /* nobody is left to serve it */
};

struct sn_sup_opening {
	struct sn_sup_sockets *sockets;
	size_t next; /* listener to try */
	unsigned failures;
	struct sn_waiter waiter; /* for the broker */
	struct sn_task task;
};

struct sn_sup_change {
	enum sn_change_phase phase;
	bool initial, again; /* again: somebody asked for another one meanwhile */
	uint32_t serial;     /* of its PREPARE: late answers to an earlier one do not count */
	struct sn_config_run run;
	struct sn_layout *layout;
	int snapshot;
	struct sn_sup_sockets sockets;
	struct sn_sup_opening opening;
	struct sn_strbuf text;         /* for the waiters */
	struct sn_list waiters, later; /* later: theirs is the next one */
	struct sn_task done_task;
	struct sn_timer patience; /* with workers that prepare, or commit */
	int code;
};

/* Nothing is under way. */
void sn_sup_change_init(struct sn_supervisor *sup);
/* The first configuration. */
int sn_sup_change_begin(struct sn_supervisor *sup) SN_WARN_UNUSED;
/* A reload now, or after the one that is under way. waiter may be NULL. */
void sn_supervisor_reload(struct sn_supervisor *sup, struct sn_reload_waiter *waiter);
void sn_reload_waiter_cancel(struct sn_reload_waiter *waiter);
/* Whatever is under way will not happen. */
void sn_sup_change_cancel(struct sn_supervisor *sup);
/* A worker answered, or has died. */
void sn_sup_change_voted(struct sn_worker *worker, int code, struct sn_str text);
void sn_sup_change_committed(struct sn_worker *worker);
void sn_sup_change_lost(struct sn_worker *worker);
/* Is it complete now? */
void sn_sup_change_progress(struct sn_supervisor *sup);

/* --- sockets -------------------------------------------------------------------------------- */

/* Open or keep a socket for each listener of change->layout; then sn_sup_change_opened. */
void sn_sup_sockets_open(struct sn_supervisor *sup);
void sn_sup_change_opened(struct sn_supervisor *sup);
/* The new ones are the running ones; what they do not keep is closed. */
void sn_sup_sockets_commit(struct sn_supervisor *sup);
/* Close what was opened for the change. */
void sn_sup_sockets_abort(struct sn_supervisor *sup);
/* For each listener of the layout, none open yet; and the end of them. */
void sn_sup_sockets_init(struct sn_sup_sockets *sockets, const struct sn_layout *layout);
void sn_sup_sockets_close(struct sn_sup_sockets *sockets);
/* Close those of services that no worker will serve any more, and open those again that one will.
 */
void sn_sup_sockets_update(struct sn_supervisor *sup);

/* --- the supervisor ------------------------------------------------------------------------- */

/* What control.c's side hears; NULL entries: nobody listens. */
struct sn_supervisor_hooks {
	void (*on_started)(struct sn_supervisor *sup);
	void (*on_stopping)(struct sn_supervisor *sup);
	/* A type that the supervisor itself does not know what to do with: ANSWER, FROZEN ... */
	void (*on_message)(struct sn_worker *worker, struct sn_ipc_message *message);
	/* Every change of state. */
	void (*on_state)(struct sn_worker *worker);
};

struct sn_sup_upgrade;

#define SN_SUP_INHERITED_MAX 256

struct sn_supervisor {
	struct sn_loop *loop;
	const char *const *argv; /* for @config */
	enum sn_supervisor_phase phase;
	int exit_code;
	struct sn_signal signals, child_signal;
	struct sn_task reap_task; /* supervisor_pid1.c */
	pid_t reap_pid; /* looks like an orphan; is one if it is still there at reap_turn */
	uint64_t reap_turn;
	bool had_terminal, root, became_user;
	bool heir; /* of an earlier program of this process */
	int inherited[SN_SUP_INHERITED_MAX];
	size_t inherited_count;

	struct sn_layout *layout; /* what runs; NULL before */
	int snapshot;
	struct sn_sup_sockets sockets;
	struct sn_list workers;
	bool applying; /* not all wanted workers are known yet: a service without one is no loss */
	struct sn_sup_change change;

	int limiter; /* memfd of the shared table */
	int lock;    /* of the state directory; -1: none */
	char *state, *state_missing;
	char *state_given;   /* found while we were root */
	char *runtime_given; /* likewise, the runtime directory */
	int log_fd;          /* of the log's file, or -1 */
	bool logs;           /* the log has begun */
	struct sn_notify notify;
	struct sn_task progress_task;
	int64_t started_wall;
	struct sn_broker_process *broker;
	const struct sn_supervisor_hooks *hooks;
	void *control;    /* the hooks' own */
	char *path;       /* of this program, as it was when it began */
	uint32_t program; /* its id: so many took over before it */
	struct sn_sup_upgrade *upgrade;
};

/* An earlier program of this process has left its state for us. */
bool sn_sup_is_heir(void);
/* Go on with it. When that is impossible the earlier one gets it back, and this does not return,
 * unless that fails too. */
int sn_sup_adopt(struct sn_supervisor *sup) SN_WARN_UNUSED;
/* The request of the operator. */
struct sn_control_request;
void sn_sup_run_upgrade(struct sn_control_request *request);
/* An upgrade is under way: whatever else changes processes has to wait. */
bool sn_sup_upgrade_busy(const struct sn_supervisor *sup);
/* A worker's state has changed. */
void sn_sup_upgrade_progress(struct sn_supervisor *sup);
/* The daemon stops: it will not happen. */
void sn_sup_upgrade_cancel(struct sn_supervisor *sup);
/* The log that the layout asks for. EX_OK, or the exit code, told: standard error has it then. */
int sn_sup_log_start(struct sn_supervisor *sup);

/* After the first commit: workers, log, state directory. EX_OK, or the exit code, told. */
int sn_sup_begin(struct sn_supervisor *sup) SN_WARN_UNUSED;
/* "sennit: TEXT" on standard error; the exit code. */
int sn_sup_complain(const struct sn_diag *diag, int code);
int sn_sup_broker_start(struct sn_supervisor *sup, const struct sn_layout *layout) SN_WARN_UNUSED;
/* What is configured is what the broker does; without one nothing happens. */
void sn_sup_broker_limit(struct sn_supervisor *sup, const struct sn_layout *layout);
/* The one that an earlier program of this process has started. */
int sn_sup_broker_adopt(struct sn_supervisor *sup, pid_t pid, int channel) SN_WARN_UNUSED;
/* Started as root with a user to become: the broker keeps what we give up. EX_OK, or the exit code,
 * told. */
bool sn_sup_must_become_user(const struct sn_supervisor *sup, const struct sn_layout *layout);
int sn_sup_become_user(struct sn_supervisor *sup, const struct sn_layout *layout) SN_WARN_UNUSED;
/* Workers changed state: is the start, or the end, complete? */
void sn_sup_progress(struct sn_supervisor *sup);
/* Drain, and end with this exit code; a second call hurries. why: for the log. */
void sn_sup_stop(struct sn_supervisor *sup, int exit_code, const char *why);
/* End without a word to clients: nothing serves yet. */
void sn_sup_quit(struct sn_supervisor *sup, int exit_code);
/* READY=1 with a STATUS line. */
void sn_sup_notify_ready(struct sn_supervisor *sup);

/* Orphans become ours when we are PID 1, or were asked to be a subreaper. */
int sn_sup_reaping_start(struct sn_supervisor *sup) SN_WARN_UNUSED;
void sn_sup_reaping_stop(struct sn_supervisor *sup);

#endif
