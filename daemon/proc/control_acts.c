/* Verbs that change something: each waits until its outcome is there. */
#include "daemon/proc/supervisor_control.h"

enum goal {
	GOAL_UP,   /* every worker of the group is ready */
	GOAL_DOWN, /* none has a process */
};

/* A request that waits for the workers of one group. */
struct act {
	struct sn_list link;
	struct sn_control_request *request;
	struct sn_supervisor *sup;
	char *group;
	enum goal goal;
	bool hurried;
};

struct reload {
	struct sn_list link;
	struct sn_reload_waiter waiter;
	struct sn_control_request *request;
};

/* --- groups --------------------------------------------------------------------------------- */

static bool is_of_group(const struct sn_worker *worker, const char *group)
{
	return strcmp(worker->group, group) == 0;
}

static bool group_exists(struct sn_supervisor *sup, const char *group)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		if (is_of_group(sn_sup_worker_at(link), group))
			return true;
	}
	return false;
}

static void free_act(struct act *act)
{
	sn_list_remove(&act->link);
	sn_free(act->group);
	sn_free(act);
}

static void on_act_gone(struct sn_control_request *request)
{
	struct sn_sup_control *control = sn_sup_control_of(request);
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &control->acts) {
		struct act *act = sn_container_of(link, struct act, link);

		if (act->request == request)
			free_act(act);
	}
}

/* SN_AGAIN: not yet; SN_OK; SN_EUNAVAILABLE: a worker has failed. */
static int outcome_of(const struct act *act)
{
	struct sn_list *link;
	int result = SN_OK;

	sn_sup_each_worker(link, act->sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (!is_of_group(worker, act->group))
			continue;
		if (act->goal == GOAL_UP && worker->life.state == SN_WORKER_FAILED)
			return SN_EUNAVAILABLE;
		if (act->goal == GOAL_UP ? worker->life.state != SN_WORKER_READY
					 : sn_worker_life_runs(&worker->life))
			result = SN_AGAIN;
	}
	return result;
}

static void settle(struct act *act, int code)
{
	struct sn_control_request *request = act->request;

	if (code == SN_OK)
		sn_control_done(request, EX_OK,
			json_pack("{s:s++}", "message", "group ", act->group,
				act->goal == GOAL_UP ? " runs" : " has stopped"));
	else
		sn_control_fail(request, EX_UNAVAILABLE,
			"group %s does not start; its log lines say why", act->group);
	free_act(act);
}

void sn_sup_acts_progress(struct sn_sup_control *control)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &control->acts) {
		struct act *act = sn_container_of(link, struct act, link);
		const int code = outcome_of(act);

		if (code != SN_AGAIN)
			settle(act, code);
	}
}

static void push_worker(struct sn_worker *worker, enum goal goal, bool hurry)
{
	if (goal == GOAL_UP) {
		if (worker->life.state == SN_WORKER_DOWN || worker->life.state == SN_WORKER_FAILED)
			sn_sup_worker_start(worker);
		return;
	}
	sn_sup_worker_stop(worker, "Service is stopping");
	if (hurry && worker->life.state == SN_WORKER_DRAINING)
		sn_sup_worker_stop(worker, "Service is stopping");
}

static void push_group(
	struct sn_control_request *request, struct sn_str group, enum goal goal, bool hurry)
{
	struct sn_sup_control *control = sn_sup_control_of(request);
	struct act *act = sn_alloc_zero(sizeof(*act));
	struct sn_list *link, *next;

	act->request = request;
	act->sup = control->sup;
	act->group = sn_str_dup(group);
	act->goal = goal;
	request->on_gone = on_act_gone;
	sn_list_append(&control->acts, &act->link);
	sn_list_each_safe (link, next, &control->sup->workers) {
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (is_of_group(worker, act->group))
			push_worker(worker, goal, hurry);
	}
	sn_sup_acts_progress(control);
}

/* --- services ------------------------------------------------------------------------------- */

static const struct sn_layout_service *find_service(
	const struct sn_supervisor *sup, const char *name)
{
	for (size_t i = 0; sup->layout != NULL && i < sup->layout->service_count; i++) {
		if (sn_str_eq(sup->layout->services[i].name, sn_str(name)))
			return &sup->layout->services[i];
	}
	return NULL;
}

/* Workers answer SERVICE as they do a QUERY: {"changed": N} or {"error": TEXT}. */
static void finish_service(struct sn_control_request *request, json_t *result)
{
	const char *error = json_string_value(json_object_get(result, "error"));
	const bool up = strcmp(request->verb->name, "start") == 0;

	if (error != NULL) {
		sn_control_fail(request, EX_UNAVAILABLE, "%s", error);
	} else {
		(void)json_object_set_new(result, "message",
			json_sprintf(
				"service %s%s", request->words[0], up ? " runs" : " has stopped"));
		sn_control_done(request, EX_OK, json_incref(result));
	}
	json_decref(result);
}

/* A service that starts takes its own of them. */
static void send_sockets(struct sn_supervisor *sup)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->life.state == SN_WORKER_READY)
			sn_sup_worker_send_sockets(worker, sup->layout, sup->sockets.items);
	}
}

/* A worker that would run it has failed, or was stopped. */
static bool lacks_worker(struct sn_supervisor *sup, const struct sn_layout_service *service)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (sn_sup_worker_runs(worker, sup->layout, service) &&
			(worker->life.state == SN_WORKER_FAILED ||
				worker->life.state == SN_WORKER_DOWN))
			return true;
	}
	return false;
}

static void start_service(
	struct sn_control_request *request, const struct sn_layout_service *service)
{
	struct sn_sup_control *control = sn_sup_control_of(request);
	struct sn_supervisor *sup = control->sup;

	(void)json_object_del(control->stopped, request->words[0]);
	if (lacks_worker(sup, service)) {
		push_group(request, sup->layout->groups[service->group].name, GOAL_UP, false);
		return;
	}
	send_sockets(sup);
	sn_sup_gather(request, NULL, finish_service);
}

static void stop_service(struct sn_control_request *request)
{
	(void)json_object_set_new(
		sn_sup_control_of(request)->stopped, request->words[0], json_true());
	sn_sup_gather(request, NULL, finish_service);
}

void sn_sup_acts_remind(struct sn_sup_control *control, struct sn_worker *worker)
{
	const char *name;
	json_t *value;

	json_object_foreach(control->stopped, name, value)
	{
		char body[512];
		struct sn_writer w = sn_writer(body, sizeof(body));

		sn_write_str16(&w, SN_STR("stop"));
		sn_write_str16(&w, sn_str(name));
		if (w.err == SN_OK)
			sn_ipc_send(&worker->ipc, SN_IPC_SERVICE, 0, sn_writer_str(&w), NULL, 0);
	}
}

static void push(struct sn_control_request *request, enum goal goal, bool hurry)
{
	struct sn_supervisor *sup = sn_sup_control_of(request)->sup;
	const char *name = request->words[0];
	const struct sn_layout_service *service = find_service(sup, name);

	if (sup->phase != SN_SUP_RUNNING)
		sn_control_fail(request, EX_TEMPFAIL, "the daemon is not running yet, or stopping");
	else if (sn_sup_upgrade_busy(sup))
		sn_control_fail(
			request, EX_TEMPFAIL, "an upgrade is under way; try again after it");
	else if (service != NULL && goal == GOAL_UP)
		start_service(request, service);
	else if (service != NULL)
		stop_service(request);
	else if (group_exists(sup, name))
		push_group(request, sn_str(name), goal, hurry);
	else
		sn_control_fail(request, EX_USAGE,
			"there is no service and no group \"%.64s\"; `sennit ctl status` lists them",
			name);
}

void sn_sup_run_drain(struct sn_control_request *request)
{
	push(request, GOAL_DOWN, false);
}

void sn_sup_run_stop(struct sn_control_request *request)
{
	push(request, GOAL_DOWN, true);
}

void sn_sup_run_start(struct sn_control_request *request)
{
	push(request, GOAL_UP, false);
}

/* --- reload --------------------------------------------------------------------------------- */

static void remember(struct sn_sup_control *control, int code)
{
	struct sn_strbuf text;

	sn_strbuf_init(&text, 256);
	sn_format_time(&text, sn_loop_wall(control->sup->loop), 0);
	sn_strbuf_adds(&text, code == SN_OK ? ", done" : ", refused: the old configuration runs");
	sn_free(control->last_reload);
	control->last_reload = sn_strdup(sn_strbuf_cstr(&text));
	sn_strbuf_fini(&text);
}

static void free_reload(struct reload *reload)
{
	sn_reload_waiter_cancel(&reload->waiter);
	sn_list_remove(&reload->link);
	sn_free(reload);
}

static void on_reload_gone(struct sn_control_request *request)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &sn_sup_control_of(request)->reloads) {
		struct reload *reload = sn_container_of(link, struct reload, link);

		if (reload->request == request)
			free_reload(reload);
	}
}

static void on_reloaded(struct sn_reload_waiter *waiter, int code, struct sn_str text)
{
	struct reload *reload = sn_container_of(waiter, struct reload, waiter);
	struct sn_control_request *request = reload->request;
	json_t *result = json_object();

	remember(sn_sup_control_of(request), code);
	if (text.n > 0)
		(void)json_object_set_new(
			result, code == SN_OK ? "text" : "error", json_stringn(text.p, text.n));
	(void)json_object_set_new(
		result, "message", json_string(code == SN_OK ? "reloaded" : "nothing was changed"));
	free_reload(reload);
	sn_control_done(request, code == SN_OK ? EX_OK : EX_CONFIG, result);
}

void sn_sup_run_reload(struct sn_control_request *request)
{
	struct sn_sup_control *control = sn_sup_control_of(request);
	struct sn_supervisor *sup = control->sup;
	struct reload *reload;

	if (sup->phase != SN_SUP_RUNNING) {
		sn_control_fail(request, EX_TEMPFAIL, "the daemon is not running yet, or stopping");
		return;
	}
	reload = sn_alloc_zero(sizeof(*reload));
	reload->request = request;
	sn_list_append(&control->reloads, &reload->link);
	reload->waiter.fn = on_reloaded;
	request->on_gone = on_reload_gone;
	sn_supervisor_reload(sup, &reload->waiter);
}

void sn_sup_acts_stop(struct sn_sup_control *control)
{
	while (!sn_list_empty(&control->acts))
		free_act(sn_container_of(control->acts.next, struct act, link));
	while (!sn_list_empty(&control->reloads))
		free_reload(sn_container_of(control->reloads.next, struct reload, link));
}
