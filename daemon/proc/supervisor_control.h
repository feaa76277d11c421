/*
 * The supervisor's side of the control socket: the verbs of `sennit ctl` (control.h has the form of
 * requests and answers), and the answers of workers put together. Private to daemon/proc.
 *
 *   supervisor_control.c   the table of verbs; what the supervisor knows by itself
 *   control_gather.c       one question to several workers, one answer
 *   control_acts.c         what changes something, and waits for it
 */
#ifndef SN_DAEMON_PROC_SUPERVISOR_CONTROL_H
#define SN_DAEMON_PROC_SUPERVISOR_CONTROL_H

#include "daemon/proc/control.h"
#include "daemon/proc/supervisor_private.h"

struct sn_sup_control {
	struct sn_supervisor *sup;
	struct sn_control *control;
	char *path;
	struct sn_list gathers;
	struct sn_list acts, reloads;
	uint32_t next_serial;
	json_t *stopped;   /* services stopped by hand: an object of names */
	char *last_reload; /* in words; NULL: none yet */
};

/* Open the socket and hear of the supervisor's doings; before sn_sup_begin is over. EX_OK, or the
 * exit code, told. */
int sn_sup_control_start(struct sn_supervisor *sup) SN_WARN_UNUSED;
/* The same, with the socket of an earlier program: taken over, also when it fails. */
int sn_sup_control_adopt(
	struct sn_supervisor *sup, struct sn_listen_socket *sock, const char *path) SN_WARN_UNUSED;
/* Who waits is told that the daemon stops; ends with the loop turned until all are gone. */
void sn_sup_control_stop(struct sn_supervisor *sup);

static inline struct sn_sup_control *sn_sup_control_of(const struct sn_control_request *request)
{
	return sn_control_owner(request);
}
/* "main/0" into a fresh string. */
json_t *sn_sup_worker_name(const struct sn_worker *worker);
/* The worker that has this name; NULL. */
struct sn_worker *sn_sup_find_worker(struct sn_supervisor *sup, struct sn_str name);

/* --- control_gather.c ----------------------------------------------------------------------- */

/* Ask every worker that is ready (only: that one) with these words; their objects' members are
 * merged: arrays joined, numbers added; rows of arrays get "worker". Then finish ends the request;
 * NULL: code 0 with the result. Workers that do not answer in 5 s are named in "missing". */
typedef void (*sn_gather_finish)(struct sn_control_request *request, json_t *result);
void sn_sup_gather(
	struct sn_control_request *request, struct sn_worker *only, sn_gather_finish finish);
/* Nobody asked, or this worker has answered: its answer is not worth looking at. */
bool sn_sup_gather_awaits(
	const struct sn_sup_control *control, const struct sn_worker *worker, uint32_t serial);
void sn_sup_gather_answered(struct sn_sup_control *control, struct sn_worker *worker,
	uint32_t serial, const json_t *answer);
void sn_sup_gather_lost(struct sn_sup_control *control, struct sn_worker *worker);
void sn_sup_gather_stop(struct sn_sup_control *control);

/* --- control_acts.c ------------------------------------------------------------------------- */

void sn_sup_run_drain(struct sn_control_request *request);
void sn_sup_run_start(struct sn_control_request *request);
void sn_sup_run_stop(struct sn_control_request *request);
void sn_sup_run_reload(struct sn_control_request *request);
/* A worker's state has changed: is somebody's outcome there? */
void sn_sup_acts_progress(struct sn_sup_control *control);
void sn_sup_acts_stop(struct sn_sup_control *control);
/* A worker that is ready again must not run what was stopped by hand. */
void sn_sup_acts_remind(struct sn_sup_control *control, struct sn_worker *worker);

#endif
