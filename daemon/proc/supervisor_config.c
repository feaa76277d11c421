/* One change of configuration at a time: the first, or a reload. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/proc/supervisor_private.h"

#define TEXT_MAX 65536
#define PATIENCE SN_SEC(120) /* with workers that answer pings, but not this */

static void on_layout(struct sn_config_run *run, struct sn_layout *layout, int snapshot);
static void on_end(struct sn_config_run *run, int exit_code);

static const struct sn_config_run_ops run_ops = { .on_layout = on_layout, .on_end = on_end };

static struct sn_supervisor *of_run(struct sn_config_run *run)
{
	return sn_container_of(run, struct sn_supervisor, change.run);
}

/* --- the beginning -------------------------------------------------------------------------- */

static int begin(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;
	const struct sn_config_run_options options = {
		.argv = sup->argv,
		.capture = !change->initial,
		.inherited = sup->inherited,
		.inherited_count = sup->inherited_count,
	};
	const int code = sn_config_run_start(&change->run, sup->loop, &options, &run_ops);

	change->phase = code == SN_OK ? SN_CHANGE_CHECKING : SN_CHANGE_NONE;
	return code;
}

void sn_sup_change_init(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;

	change->snapshot = -1;
	sn_strbuf_init(&change->text, TEXT_MAX);
	sn_list_init(&change->waiters);
	sn_list_init(&change->later);
}

int sn_sup_change_begin(struct sn_supervisor *sup)
{
	sup->change.initial = true;
	return begin(sup);
}

static void drop_offer(struct sn_sup_change *change)
{
	sn_layout_free(&change->layout);
	if (change->snapshot >= 0)
		(void)close(change->snapshot);
	change->snapshot = -1;
}

/* --- the end -------------------------------------------------------------------------------- */

static void begin_reload(struct sn_supervisor *sup);

static bool may_begin(const struct sn_supervisor *sup)
{
	return sup->change.phase == SN_CHANGE_NONE && sup->phase == SN_SUP_RUNNING &&
		!sn_sup_upgrade_busy(sup);
}

static void on_again(struct sn_task *task)
{
	struct sn_supervisor *sup = sn_container_of(task, struct sn_supervisor, change.done_task);

	if (may_begin(sup))
		begin_reload(sup);
}

/* "warning: ...", or "FILE:LINE:COLUMN: warning: ..." */
static enum sn_log_level problem_level(struct sn_str line)
{
	const size_t warning = sn_str_find_str(line, SN_STR("warning: "));
	const size_t error = sn_str_find_str(line, SN_STR("error: "));

	return warning < error ? SN_LOG_WARN : SN_LOG_ERROR;
}

/* What people wrote wrong, line by line; the quoted lines below each stay out of the log. */
static void log_problems(struct sn_str text)
{
	struct sn_str line;

	while (sn_str_split(&text, '\n', &line)) {
		if (line.n > 0 && line.p[0] != ' ')
			sn_log(&sn_supervisor_log, problem_level(line), "reload-problem",
				sn_f_str("text", line));
	}
}

static void log_outcome(const struct sn_sup_change *change, int code)
{
	log_problems(sn_strbuf_str(&change->text));
	if (code == SN_OK)
		sn_log(&sn_supervisor_log, SN_LOG_INFO, "reloaded");
	else
		sn_log(&sn_supervisor_log, SN_LOG_ERROR, "reload-failed",
			sn_f_cstr("effect", "nothing has changed"));
}

static void tell_waiters(struct sn_sup_change *change, int code)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&change->waiters)) != NULL) {
		struct sn_reload_waiter *waiter =
			sn_container_of(link, struct sn_reload_waiter, link);

		waiter->fn(waiter, code, sn_strbuf_str(&change->text));
	}
}

/* Who asked for the next one waits for this one now. */
static void admit_later(struct sn_sup_change *change)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&change->later)) != NULL)
		sn_list_append(&change->waiters, link);
}

static void finish(struct sn_supervisor *sup, int code)
{
	struct sn_sup_change *change = &sup->change;

	sn_timer_clear(&change->patience);
	drop_offer(change);
	sn_config_run_fini(&change->run);
	change->phase = SN_CHANGE_NONE;
	log_outcome(change, code);
	if (sup->phase == SN_SUP_RUNNING)
		sn_sup_notify_ready(sup);
	tell_waiters(change, code);
	if (!change->again)
		return;
	change->done_task.fn = on_again;
	sn_loop_defer(sup->loop, &change->done_task);
}

static void abort_change(struct sn_supervisor *sup, int code)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->vote != SN_VOTE_NONE)
			sn_ipc_send(&worker->ipc, SN_IPC_ABORT, 0, SN_STR(""), NULL, 0);
		worker->vote = SN_VOTE_NONE;
	}
	sn_sup_sockets_abort(sup);
	sn_sup_broker_limit(sup, sup->layout);
	finish(sup, code);
}

void sn_sup_change_cancel(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;

	change->again = false;
	sn_timer_clear(&change->patience);
	sn_task_cancel(&change->done_task);
	sn_config_run_cancel(&change->run);
	if (change->phase != SN_CHANGE_NONE && change->phase != SN_CHANGE_COMMITTING)
		sn_sup_sockets_abort(sup);
	drop_offer(change);
	change->phase = SN_CHANGE_NONE;
	sn_strbuf_reset(&change->text);
	admit_later(change);
	tell_waiters(change, SN_ECANCELED);
}

/* --- workers that take too long ------------------------------------------------------------- */

static void refuse_change(struct sn_supervisor *sup, const struct sn_worker *worker)
{
	sn_strbuf_addf(&sup->change.text,
		"worker %s/%u does not get ready for the new configuration; nothing has changed\n",
		worker->group, worker->index);
	abort_change(sup, SN_ETIMEOUT);
}

/* One that does not prepare keeps what it has. One that does not commit has to go: its end is the
 * answer (sn_sup_change_lost). Nobody may hold up all reloads. */
static void on_overdue(struct sn_timer *timer)
{
	struct sn_sup_change *change = sn_container_of(timer, struct sn_sup_change, patience);
	struct sn_supervisor *sup = sn_container_of(change, struct sn_supervisor, change);
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->vote == SN_VOTE_AWAITED) {
			refuse_change(sup, worker);
			return;
		}
		if (worker->vote == SN_VOTE_COMMITTING)
			sn_sup_worker_abort(worker, "it does not take the new configuration");
	}
}

static void be_patient(struct sn_supervisor *sup)
{
	sn_timer_set(sup->loop, &sup->change.patience, PATIENCE, on_overdue);
}

/* --- commit --------------------------------------------------------------------------------- */

/* Settings that only a new supervisor takes. */
static void warn_of_process_rows(const struct sn_layout *now, const struct sn_layout *next)
{
	const struct {
		const char *key;
		struct sn_str now, next;
	} rows[] = {
		{ "name", now->name, next->name },
		{ "user", now->user, next->user },
		{ "group", now->group_name, next->group_name },
		{ "state", now->state, next->state },
		{ "runtime", now->runtime, next->runtime },
		{ "control", now->control, next->control },
		{ "file", now->log_file, next->log_file },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!sn_str_eq(rows[i].now, rows[i].next))
			sn_log(&sn_supervisor_log, SN_LOG_WARN, "needs-restart",
				sn_f_cstr("key", rows[i].key));
	}
}

/* The offer is what runs, from now on also for workers that start. */
static void adopt_offer(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;
	struct sn_layout *old = sup->layout;

	sn_sup_sockets_commit(sup);
	if (sup->snapshot >= 0)
		(void)close(sup->snapshot);
	sup->snapshot = change->snapshot;
	sup->layout = change->layout;
	change->snapshot = -1;
	change->layout = NULL;
	if (old != NULL)
		warn_of_process_rows(old, sup->layout);
	sn_layout_free(&old);
}

static bool votes_left(const struct sn_supervisor *sup, enum sn_worker_vote vote)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		if (sn_sup_worker_at(link)->vote == vote)
			return true;
	}
	return false;
}

/* New workers belong to it: it is done when they serve, or have failed. */
void sn_sup_change_progress(struct sn_supervisor *sup)
{
	if (sup->change.phase == SN_CHANGE_COMMITTING && !votes_left(sup, SN_VOTE_COMMITTING) &&
		sn_sup_workers_settled(sup))
		finish(sup, SN_OK);
}

static void commit(struct sn_supervisor *sup)
{
	struct sn_log_setup setup;
	struct sn_list *link;

	sup->change.phase = SN_CHANGE_COMMITTING;
	be_patient(sup);
	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->vote != SN_VOTE_PREPARED)
			continue;
		worker->vote = SN_VOTE_COMMITTING;
		sn_ipc_send(&worker->ipc, SN_IPC_COMMIT, 0, SN_STR(""), NULL, 0);
	}
	adopt_offer(sup);
	setup = sn_layout_log_setup(sup->layout);
	sn_log_set_levels(&setup);
	sn_sup_workers_apply(sup);
	sn_sup_progress(sup);
}

static void commit_if_prepared(struct sn_supervisor *sup)
{
	if (sup->change.phase == SN_CHANGE_PREPARING && !votes_left(sup, SN_VOTE_AWAITED))
		commit(sup);
}

/* --- prepare -------------------------------------------------------------------------------- */

static void prepare(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;
	struct sn_list *link;

	change->phase = SN_CHANGE_PREPARING;
	be_patient(sup);
	change->serial++;
	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->life.state != SN_WORKER_STARTING &&
			worker->life.state != SN_WORKER_READY)
			continue;
		worker->vote = SN_VOTE_AWAITED;
		sn_sup_worker_send_sockets(worker, change->layout, change->sockets.items);
		sn_ipc_send(&worker->ipc, SN_IPC_PREPARE, change->serial, SN_STR(""),
			&change->snapshot, 1);
	}
	commit_if_prepared(sup);
}

/* Workers of one kind say the same. */
static void add_text(struct sn_sup_change *change, struct sn_str text)
{
	if (sn_str_find_str(sn_strbuf_str(&change->text), text) == change->text.n)
		sn_strbuf_add(&change->text, text);
}

void sn_sup_change_voted(struct sn_worker *worker, int code, struct sn_str text)
{
	struct sn_supervisor *sup = worker->supervisor;

	if (worker->vote != SN_VOTE_AWAITED)
		return;
	worker->vote = SN_VOTE_PREPARED;
	if (text.n > 0)
		add_text(&sup->change, text);
	if (code != SN_OK)
		abort_change(sup, code);
	else
		commit_if_prepared(sup);
}

void sn_sup_change_committed(struct sn_worker *worker)
{
	if (worker->vote != SN_VOTE_COMMITTING)
		return;
	worker->vote = SN_VOTE_NONE;
	sn_sup_progress(worker->supervisor);
}

/* One that dies of the new configuration is a reason not to take it; one that dies of the commit
 * starts with it. */
void sn_sup_change_lost(struct sn_worker *worker)
{
	struct sn_supervisor *sup = worker->supervisor;
	const enum sn_worker_vote vote = worker->vote;

	worker->vote = SN_VOTE_NONE;
	if (vote == SN_VOTE_COMMITTING) {
		sn_sup_progress(sup);
	} else if (vote != SN_VOTE_NONE) {
		sn_strbuf_addf(&sup->change.text,
			"worker %s/%u ended while it prepared for the new configuration\n",
			worker->group, worker->index);
		abort_change(sup, SN_EUNAVAILABLE);
	}
}

/* --- @config -------------------------------------------------------------------------------- */

static void on_layout(struct sn_config_run *run, struct sn_layout *layout, int snapshot)
{
	struct sn_supervisor *sup = of_run(run);
	struct sn_sup_change *change = &sup->change;

	change->layout = layout;
	change->snapshot = snapshot;
	if (sn_sup_must_become_user(sup, layout)) {
		const int exit_code = sn_sup_become_user(sup, layout);

		sn_config_run_cancel(run);
		drop_offer(change);
		if (exit_code != EX_OK)
			sn_sup_quit(sup, exit_code);
		else if (begin(sup) != SN_OK)
			sn_sup_quit(sup, EX_OSERR);
		return;
	}
	change->phase = SN_CHANGE_OPENING;
	sn_sup_broker_limit(sup, layout);
	sn_sup_sockets_open(sup);
}

void sn_sup_change_opened(struct sn_supervisor *sup)
{
	sup->change.phase = SN_CHANGE_TELLING;
	sn_config_run_opened(&sup->change.run);
}

static void begin_running(struct sn_supervisor *sup)
{
	int exit_code;

	adopt_offer(sup);
	sn_config_run_fini(&sup->change.run);
	sup->change.phase = SN_CHANGE_NONE;
	sup->change.initial = false;
	exit_code = sn_sup_begin(sup);
	if (exit_code != EX_OK)
		sn_sup_quit(sup, exit_code);
}

/* Before a reload there was nobody else to say it to than who started us; he has seen it. */
static void end_initial(struct sn_supervisor *sup, int exit_code)
{
	fputs(sn_strbuf_cstr(&sup->change.run.text), stderr);
	sn_sup_sockets_abort(sup);
	drop_offer(&sup->change);
	sn_config_run_fini(&sup->change.run);
	sup->change.phase = SN_CHANGE_NONE;
	sn_sup_quit(sup, exit_code);
}

static void on_end(struct sn_config_run *run, int exit_code)
{
	struct sn_supervisor *sup = of_run(run);
	struct sn_sup_change *change = &sup->change;
	const bool accepted = change->phase == SN_CHANGE_TELLING && exit_code == EX_OK &&
		change->opening.failures == 0;

	sn_strbuf_add(&change->text, sn_strbuf_str(&run->text));
	if (change->initial && accepted)
		begin_running(sup);
	else if (change->initial)
		end_initial(sup, exit_code);
	else if (accepted)
		prepare(sup);
	else
		abort_change(sup, SN_ECONFIG);
}

/* --- reload --------------------------------------------------------------------------------- */

static void begin_reload(struct sn_supervisor *sup)
{
	struct sn_sup_change *change = &sup->change;
	int code;

	change->again = false;
	sn_strbuf_reset(&change->text);
	admit_later(change);
	sn_notify_reloading(&sup->notify, sn_clock_mono(&sn_clock_system));
	sn_log(&sn_supervisor_log, SN_LOG_INFO, "reloading");
	code = begin(sup);
	if (code != SN_OK) {
		sn_strbuf_addf(&change->text, "the configuration cannot be checked: %s\n",
			sn_strerror(code));
		finish(sup, code);
	}
}

void sn_supervisor_reload(struct sn_supervisor *sup, struct sn_reload_waiter *waiter)
{
	struct sn_sup_change *change = &sup->change;

	if (waiter != NULL)
		sn_list_append(&change->later, &waiter->link);
	change->again = true;
	if (may_begin(sup))
		begin_reload(sup);
}

void sn_reload_waiter_cancel(struct sn_reload_waiter *waiter)
{
	sn_list_remove(&waiter->link);
}
