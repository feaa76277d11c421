/* One place's worker makes room for one of the program that runs now. */
#include <signal.h>

#include "daemon/proc/supervisor_upgrade.h"

#define PATIENCE SN_SEC(30)
#define CUT_PATIENCE SN_SEC(10)
#define REASON "Server is being updated"

static struct sn_sup_roll *roll_of(const struct sn_supervisor *sup)
{
	return &sup->upgrade->roll;
}

static void on_overdue(struct sn_timer *timer);

static void wait_for(struct sn_supervisor *sup, enum sn_roll_phase phase)
{
	roll_of(sup)->phase = phase;
	sn_timer_set(sup->loop, &roll_of(sup)->patience, PATIENCE, on_overdue);
}

/* --- the end -------------------------------------------------------------------------------- */

static void finish(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);
	struct sn_worker *old = roll->old;

	sn_timer_clear(&roll->patience);
	sn_moving_count(&roll->moving, &sup->upgrade->moved, &sup->upgrade->closed);
	sn_moving_free_all(&roll->moving);
	*roll = (struct sn_sup_roll){ .phase = SN_ROLL_NONE };
	sn_list_init(&roll->moving);
	old->retired = old->succeeded = true;
	sn_sup_worker_stop(old, REASON);
	sn_sup_upgrade_rolled(sup, SN_OK);
}

/* Deferred: the worker may be in the middle of its own end. */
static void on_failed(struct sn_task *task)
{
	struct sn_sup_roll *roll = sn_container_of(task, struct sn_sup_roll, failed_task);
	struct sn_sup_upgrade *upgrade = sn_container_of(roll, struct sn_sup_upgrade, roll);

	roll->phase = SN_ROLL_NONE;
	sn_sup_upgrade_rolled(upgrade->sup, SN_EUNAVAILABLE);
}

static void on_cut(struct sn_timer *timer)
{
	struct sn_sup_roll *roll = sn_container_of(timer, struct sn_sup_roll, patience);
	struct sn_sup_upgrade *upgrade = sn_container_of(roll, struct sn_sup_upgrade, roll);

	sn_moving_cut(&roll->moving);
	sn_loop_defer(upgrade->sup->loop, &roll->failed_task);
}

/* What the old one is about to hand over has nobody else to go to: wait for all of it. */
static void fail_if_complete(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);

	if (!sn_moving_complete(&roll->moving))
		return;
	sn_timer_clear(&roll->patience);
	sn_loop_defer(sup->loop, &roll->failed_task);
}

static void fail_now(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);

	roll->phase = SN_ROLL_FAILING;
	roll->new = NULL;
	roll->failed_task.fn = on_failed;
	sn_timer_set(sup->loop, &roll->patience, CUT_PATIENCE, on_cut);
	fail_if_complete(sup);
}

/* It goes first: two that serve the same are one too many. */
static void fail(struct sn_supervisor *sup, const char *why)
{
	struct sn_sup_roll *roll = roll_of(sup);

	if (sup->upgrade->why.n == 0)
		sn_strbuf_addf(&sup->upgrade->why, "worker %s/%u: %s", roll->old->group,
			(unsigned)roll->old->index, why);
	sn_timer_clear(&roll->patience);
	roll->phase = SN_ROLL_FAILING;
	roll->new->aborted = true;
	(void)sn_child_kill(&roll->new->child, SIGKILL);
}

static void on_overdue(struct sn_timer *timer)
{
	struct sn_sup_roll *roll = sn_container_of(timer, struct sn_sup_roll, patience);
	struct sn_sup_upgrade *upgrade = sn_container_of(roll, struct sn_sup_upgrade, roll);

	fail(upgrade->sup,
		roll->phase == SN_ROLL_FREEZING
			? "the one that serves does not hand over its connections"
			: "the new one does not get ready within 30 s");
}

/* --- steps ---------------------------------------------------------------------------------- */

static void start_new(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);

	wait_for(sup, SN_ROLL_STARTING);
	sn_moving_give(&roll->moving, roll->new);
	sn_ipc_send(&roll->new->ipc, SN_IPC_START, 0, SN_STR(""), NULL, 0);
}

static void start_if_complete(struct sn_supervisor *sup)
{
	if (sn_moving_complete(&roll_of(sup)->moving))
		start_new(sup);
}

static void freeze_old(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);

	wait_for(sup, SN_ROLL_FREEZING);
	if (roll->old->life.state == SN_WORKER_READY)
		sn_moving_ask(&roll->moving, roll->old);
	start_if_complete(sup);
}

void sn_sup_roll_begin(struct sn_supervisor *sup, struct sn_worker *old)
{
	struct sn_sup_roll *roll = roll_of(sup);

	roll->old = old;
	roll->new = sn_sup_worker_succeed(old);
	if (roll->new == NULL) {
		sn_strbuf_adds(&sup->upgrade->why, "there is no memory for a new worker");
		fail_now(sup);
		return;
	}
	wait_for(sup, sn_sup_roll_thaws(roll->new) ? SN_ROLL_PREPARING : SN_ROLL_STARTING);
	sn_sup_worker_start(roll->new);
	if (!sn_worker_life_runs(&roll->new->life)) {
		struct sn_worker *new = roll->new;

		sn_strbuf_adds(&sup->upgrade->why, "a new worker cannot be started");
		fail_now(sup);
		new->retired = true;
		sn_sup_worker_stop(new, REASON);
	}
}

void sn_sup_roll_cancel(struct sn_supervisor *sup)
{
	struct sn_sup_roll *roll = roll_of(sup);

	sn_timer_clear(&roll->patience);
	sn_task_cancel(&roll->failed_task);
	sn_moving_free_all(&roll->moving);
	roll->phase = SN_ROLL_NONE;
	roll->old = roll->new = NULL;
}

/* --- what workers do meanwhile -------------------------------------------------------------- */

bool sn_sup_roll_thaws(const struct sn_worker *worker)
{
	const struct sn_supervisor *sup = worker->supervisor;
	const struct sn_layout *layout = sup->layout;

	if (worker != roll_of(sup)->new)
		return false;
	for (size_t i = 0; i < layout->service_count; i++) {
		if (layout->services[i].single &&
			sn_sup_worker_runs(worker, layout, &layout->services[i]))
			return true;
	}
	return false;
}

bool sn_sup_roll_has(const struct sn_worker *worker)
{
	const struct sn_sup_roll *roll = roll_of(worker->supervisor);

	return roll->phase != SN_ROLL_NONE && (worker == roll->old || worker == roll->new);
}

bool sn_sup_roll_is_new(const struct sn_worker *worker)
{
	return sn_sup_roll_has(worker) && worker == roll_of(worker->supervisor)->new;
}

void sn_sup_roll_ready(struct sn_worker *worker)
{
	const struct sn_sup_roll *roll = roll_of(worker->supervisor);

	if (sn_sup_roll_is_new(worker) && roll->phase == SN_ROLL_STARTING)
		finish(worker->supervisor);
}

void sn_sup_roll_complains(struct sn_worker *worker, struct sn_str text)
{
	struct sn_strbuf *why = &worker->supervisor->upgrade->why;

	if (sn_sup_roll_is_new(worker) && why->n == 0)
		sn_strbuf_add(why, text);
}

void sn_sup_roll_message(struct sn_worker *worker, struct sn_ipc_message *message)
{
	struct sn_supervisor *sup = worker->supervisor;
	struct sn_sup_roll *roll = roll_of(sup);
	int code = SN_OK;

	if (!sn_sup_roll_has(worker))
		return;
	if (message->type == SN_IPC_PREPARED) {
		if (worker == roll->new && roll->phase == SN_ROLL_PREPARING)
			freeze_old(sup);
		return;
	}
	if (worker != roll->old)
		return;
	/* Also when the roll fails meanwhile: nobody else keeps them. */
	code = message->type == SN_IPC_FROZEN ? sn_moving_frozen(&roll->moving, message)
					      : sn_moving_sockets(&roll->moving, message);
	if (code == SN_OK && roll->phase == SN_ROLL_FREEZING)
		start_if_complete(sup);
	else if (code != SN_OK && roll->phase == SN_ROLL_FREEZING)
		fail(sup, "the one that serves hands over what makes no sense");
	else if (roll->phase == SN_ROLL_FAILING && roll->new == NULL)
		fail_if_complete(sup);
}

/* Its place is the new one's business now; the old entry stays until that serves. */
void sn_sup_roll_bury(struct sn_worker *worker)
{
	if (!sn_sup_roll_has(worker))
		return;
	worker->retired = sn_sup_roll_is_new(worker);
	sn_sup_worker_stop(worker, REASON);
}

void sn_sup_roll_lost(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	struct sn_sup_roll *roll = roll_of(sup);

	if (!sn_sup_roll_has(worker))
		return;
	if (worker == roll->new) {
		if (sup->upgrade->why.n == 0)
			sn_strbuf_addf(&sup->upgrade->why,
				"worker %s/%u: the new one ended before it was ready",
				worker->group, (unsigned)worker->index);
		fail_now(sup);
		return;
	}
	sn_moving_cut(&roll->moving);
	if (roll->phase == SN_ROLL_FREEZING)
		start_if_complete(sup);
	else if (roll->phase == SN_ROLL_FAILING && roll->new == NULL)
		fail_if_complete(sup);
}
