/*
 * Going on with another program, from the supervisor's side. Private to daemon/proc.
 *
 *   supervisor_upgrade.c   the operator's request, its checks, the order of things, the outcome
 *   supervisor_adopt.c     the state of a supervisor as bytes, the exec, and back to a supervisor
 *   supervisor_roll.c      one place's worker makes room for one of the program that runs now
 *   supervisor_freeze.c    the services that move between the two
 *
 * Phases of an upgrade:
 *
 *   PROBING    the new binary says which forms it knows (upgrade_probe.h)
 *   CHECKING   it checks the configuration (@config); up to here nothing has changed
 *   SETTLING   questions to workers, and other requests, come to their end; then the exec
 *   ROLLING    (the new program) one place after the other gets a worker of this program
 *
 * A roll that fails ends the new program: the old one, whose descriptor was kept, is executed with
 * the state as it is now, connections without a process included, and rolls every place back that
 * was rolled already. There is nobody left to go back to then: what fails is tried again, and given
 * up after three times.
 */
#ifndef SN_DAEMON_PROC_SUPERVISOR_UPGRADE_H
#define SN_DAEMON_PROC_SUPERVISOR_UPGRADE_H

#include "daemon/proc/supervisor_control.h"
#include "daemon/proc/upgrade_probe.h"
#include "daemon/proc/upgrade_state.h"

#define SN_UPGRADE_SOCKETS_MAX (1u << 20) /* of one service */

/* --- services that move ---------------------------------------------------------------------- */

/* One SINGLE service: asked for, arriving, complete; held until the new worker is READY. */
struct sn_moving {
	struct sn_list link;
	char *service;
	int state; /* memfd; -1: it cannot move, or has not answered */
	int *sockets;
	size_t count, expected;
	uint64_t closed; /* connections that could not move */
	bool answered;
};

struct sn_moving *sn_moving_add(struct sn_list *list, struct sn_str service);
void sn_moving_free_all(struct sn_list *list);
/* Ask this worker for every SINGLE service of its own that is not in the list yet. */
void sn_moving_ask(struct sn_list *list, struct sn_worker *old);
/* FROZEN and SOCKETS of it. SN_EPROTO. */
int sn_moving_frozen(struct sn_list *list, struct sn_ipc_message *message) SN_WARN_UNUSED;
int sn_moving_sockets(struct sn_list *list, struct sn_ipc_message *message) SN_WARN_UNUSED;
/* Nothing more will come: what is not complete cannot move. */
void sn_moving_cut(struct sn_list *list);
bool sn_moving_complete(const struct sn_list *list);
/* THAW and SOCKETS to this worker; they stay ours, too. */
void sn_moving_give(const struct sn_list *list, struct sn_worker *worker);
void sn_moving_count(const struct sn_list *list, uint64_t *moved, uint64_t *closed);

/* --- one place ------------------------------------------------------------------------------- */

enum sn_roll_phase {
	SN_ROLL_NONE,
	SN_ROLL_PREPARING, /* the new worker does what it can before it needs the services */
	SN_ROLL_FREEZING,  /* the old one gives them up */
	SN_ROLL_STARTING,  /* the new one starts */
	SN_ROLL_FAILING,   /* it is being ended */
};

/*
 * Two entries of the table stand for the place meanwhile. old stays until new is READY, also when
 * its process ends; then it is retired and drains. When new ends before that, it goes.
 */
struct sn_sup_roll {
	enum sn_roll_phase phase;
	struct sn_worker *old, *new;
	struct sn_list moving; /* struct sn_moving; may outlive a roll that failed */
	struct sn_timer patience;
	struct sn_task failed_task;
};

/* Ends in sn_sup_upgrade_rolled, never from inside. */
void sn_sup_roll_begin(struct sn_supervisor *sup, struct sn_worker *old);
void sn_sup_roll_cancel(struct sn_supervisor *sup);

/* --- the upgrade ----------------------------------------------------------------------------- */

enum sn_upgrade_phase {
	SN_UPGRADE_IDLE,
	SN_UPGRADE_PROBING,
	SN_UPGRADE_CHECKING,
	SN_UPGRADE_SETTLING,
	SN_UPGRADE_ROLLING,
};

struct sn_sup_upgrade {
	struct sn_supervisor *sup;
	enum sn_upgrade_phase phase;
	struct sn_control_request *request; /* NULL: its client has gone */
	char *path;                         /* of the new program; its descriptor: */
	int binary;
	struct sn_upgrade_probe probe;
	struct sn_config_run run;
	struct sn_timer settle;
	unsigned settle_rounds;
	/* While ROLLING: the program before; -1: there is none to go back to. */
	char *path_before;
	int binary_before;
	bool back; /* we are the one that was gone back to */
	struct sn_strbuf why;
	uint64_t moved, closed;
	int64_t began;
	unsigned failures; /* of the roll that is tried again */
	struct sn_sup_roll roll;
	struct sn_task task;
};

void sn_sup_upgrade_new(struct sn_supervisor *sup);
void sn_sup_upgrade_free(struct sn_supervisor *sup);
/* The roll is over. code: SN_OK, or a failure with `why` filled. */
void sn_sup_upgrade_rolled(struct sn_supervisor *sup, int code);
/* The state was adopted: roll. */
void sn_sup_upgrade_resume(struct sn_supervisor *sup);

/* --- from program to program ----------------------------------------------------------------- */

/* Where to: a descriptor of the program, its path, and whether it is the one before. */
struct sn_sup_target {
	int binary;
	const char *path;
	bool back;
};
/* Returns only when it has failed, with everything as it was. */
int sn_sup_execute(struct sn_supervisor *sup, const struct sn_sup_target *target) SN_WARN_UNUSED;
/* Where the child of a fork finds a program by its descriptor. */
struct sn_program_path {
	char text[32];
};
struct sn_program_path sn_program_path(int binary);

#endif
