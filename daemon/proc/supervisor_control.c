#include "daemon/proc/supervisor_control.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/metrics_area.h"
#include "daemon/proc/runtime_dir.h"

#define ANSWER_MAX ((size_t)16 << 20)
#define METRICS_TEXT_MAX ((size_t)16 << 20)
#define AREAS_MAX 8192

/* --- what the supervisor knows by itself ---------------------------------------------------- */

static json_t *string_of(struct sn_str text)
{
	json_t *string = json_stringn(text.p, text.n);

	return string != NULL ? string : json_string("?"); /* not UTF-8 */
}

json_t *sn_sup_worker_name(const struct sn_worker *worker)
{
	return json_sprintf("%s/%u", worker->group, (unsigned)worker->index);
}

struct sn_worker *sn_sup_find_worker(struct sn_supervisor *sup, struct sn_str name)
{
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);
		json_t *own = sn_sup_worker_name(worker);
		const bool same =
			!worker->retired && sn_str_eq(name, sn_str(json_string_value(own)));

		json_decref(own);
		if (same)
			return worker;
	}
	return NULL;
}

static json_t *row_of_worker(const struct sn_worker *worker)
{
	const bool runs = sn_worker_life_runs(&worker->life);
	const int64_t now = sn_loop_now(worker->supervisor->loop);

	return json_pack("{s:o, s:o, s:s, s:o, s:I, s:I, s:f}", "worker",
		sn_sup_worker_name(worker), "pid",
		runs ? json_integer(worker->child.pid) : json_null(), "state",
		sn_worker_state_name(worker->life.state), "uptime",
		runs ? json_real((double)(now - worker->started) / 1e9) : json_null(), "restarts",
		(json_int_t)(worker->life.starts > 0 ? worker->life.starts - 1 : 0), "connections",
		(json_int_t)worker->connections, "lag", (double)worker->longest_turn / 1e9);
}

static json_t *rows_of_workers(const struct sn_supervisor *sup)
{
	json_t *rows = json_array();
	struct sn_list *link;

	sn_sup_each_worker(link, sup)(void)
		json_array_append_new(rows, row_of_worker(sn_sup_worker_at(link)));
	return rows;
}

/* Running where a worker that runs it is ready; failed when none ever will be. */
static const char *state_of_service(
	const struct sn_sup_control *control, const struct sn_layout_service *service)
{
	const struct sn_supervisor *sup = control->sup;
	const char *state = "stopped";
	struct sn_list *link;

	if (json_object_get(control->stopped, service->name.p) != NULL)
		return state;
	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (!sn_sup_worker_runs(worker, sup->layout, service))
			continue;
		if (worker->life.state == SN_WORKER_READY)
			return "running";
		state = sn_worker_state_name(worker->life.state);
	}
	return state;
}

static json_t *rows_of_services(const struct sn_sup_control *control)
{
	const struct sn_layout *layout = control->sup->layout;
	json_t *rows = json_array();

	for (size_t i = 0; layout != NULL && i < layout->service_count; i++) {
		const struct sn_layout_service *service = &layout->services[i];

		(void)json_array_append_new(rows,
			json_pack("{s:o, s:o, s:o, s:s}", "service", string_of(service->name),
				"module", string_of(service->module), "group",
				string_of(layout->groups[service->group].name), "state",
				state_of_service(control, service)));
	}
	return rows;
}

static json_t *address_of(const struct sn_supervisor *sup, size_t i)
{
	struct sn_strbuf text;
	json_t *address;

	if (sup->sockets.closed[i])
		return json_string("closed");
	if (sup->layout->listeners[i].kind == SN_LISTEN_PAIR)
		return json_string("standard input and output");
	sn_strbuf_init(&text, SN_ADDR_TEXT_SIZE);
	sn_addr_format(&sup->sockets.items[i].local, &text);
	address = string_of(sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
	return address;
}

static json_t *rows_of_listeners(const struct sn_supervisor *sup)
{
	const struct sn_layout *layout = sup->layout;
	json_t *rows = json_array();

	for (size_t i = 0; layout != NULL && i < layout->listener_count; i++) {
		const struct sn_layout_listener *listener = &layout->listeners[i];

		(void)json_array_append_new(rows,
			json_pack("{s:o, s:o, s:o}", "service",
				string_of(layout->services[listener->service].name), "address",
				address_of(sup, i), "endpoint", string_of(listener->text)));
	}
	return rows;
}

static const char *daemon_name(const struct sn_supervisor *sup)
{
	if (sup->layout != NULL && sup->layout->name.n > 0)
		return sup->layout->name.p;
	return strcmp(sup->argv[0], "run") == 0 ? "sennit" : sup->argv[0];
}

static json_t *daemon_of(const struct sn_sup_control *control)
{
	const struct sn_supervisor *sup = control->sup;
	const int64_t up = sn_loop_wall(sup->loop) - sup->started_wall;

	return json_pack("{s:s, s:s, s:i, s:f, s:s?, s:s?}", "name", daemon_name(sup), "version",
		PACKAGE_VERSION, "pid", (int)getpid(), "uptime", (double)up / 1e9, "state",
		sup->state, "reload", control->last_reload);
}

static void run_status(struct sn_control_request *request)
{
	const struct sn_sup_control *control = sn_sup_control_of(request);

	sn_control_done(request, EX_OK,
		json_pack("{s:o, s:o, s:o, s:o}", "daemon", daemon_of(control), "workers",
			rows_of_workers(control->sup), "services", rows_of_services(control),
			"listeners", rows_of_listeners(control->sup)));
}

static void run_workers(struct sn_control_request *request)
{
	sn_control_done(request, EX_OK,
		json_pack("{s:o}", "workers", rows_of_workers(sn_sup_control_of(request)->sup)));
}

static json_t *failed_workers(const struct sn_supervisor *sup)
{
	json_t *failed = json_array();
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->life.state == SN_WORKER_FAILED)
			(void)json_array_append_new(failed, sn_sup_worker_name(worker));
	}
	return failed;
}

/* Takes the list. */
static json_t *tell_failed(json_t *failed)
{
	struct sn_strbuf text;
	json_t *answer, *name;
	size_t i;

	sn_strbuf_init(&text, SN_IPC_BODY_MAX);
	json_array_foreach(failed, i, name)
		sn_strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", json_string_value(name));
	sn_strbuf_adds(&text, " failed: the log says why, `sennit ctl start` tries again");
	answer = json_pack("{s:s#, s:o}", "error", text.p, (int)text.n, "failed", failed);
	sn_strbuf_fini(&text);
	return answer;
}

/* Fine: every place that is wanted has a worker that is ready, or will have one in a moment. */
static void run_health(struct sn_control_request *request)
{
	const struct sn_supervisor *sup = sn_sup_control_of(request)->sup;
	json_t *failed = failed_workers(sup);

	if (sup->phase != SN_SUP_RUNNING) {
		json_decref(failed);
		sn_control_fail(request, EX_TEMPFAIL, "the daemon is starting or stopping");
	} else if (json_array_size(failed) > 0) {
		sn_control_done(request, EX_UNAVAILABLE, tell_failed(failed));
	} else {
		json_decref(failed);
		sn_control_done(request, EX_OK, json_pack("{s:s}", "message", "healthy"));
	}
}

/* --- metrics -------------------------------------------------------------------------------- */

static void write_own_metrics(const struct sn_supervisor *sup, struct sn_strbuf *out)
{
	struct sn_list *link;

	sn_strbuf_addf(out,
		"# HELP sennit_build_info The program that runs.\n"
		"# TYPE sennit_build_info gauge\n"
		"sennit_build_info{version=\"%s\"} 1\n"
		"# HELP sennit_worker_up Whether a worker serves.\n"
		"# TYPE sennit_worker_up gauge\n",
		PACKAGE_VERSION);
	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		sn_strbuf_addf(out, "sennit_worker_up{worker=\"%s/%u\"} %d\n", worker->group,
			(unsigned)worker->index, worker->life.state == SN_WORKER_READY);
	}
	sn_strbuf_adds(out,
		"# HELP sennit_worker_restarts_total Times a worker was started again.\n"
		"# TYPE sennit_worker_restarts_total counter\n");
	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		sn_strbuf_addf(out, "sennit_worker_restarts_total{worker=\"%s/%u\"} %u\n",
			worker->group, (unsigned)worker->index,
			worker->life.starts > 0 ? (unsigned)(worker->life.starts - 1) : 0);
	}
}

static bool map_area(int fd, struct sn_metrics_view *view)
{
	struct stat st;
	void *memory;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
		return false;
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return false;
	*view = (struct sn_metrics_view){ .memory = memory, .size = (size_t)st.st_size };
	return true;
}

static void run_metrics(struct sn_control_request *request)
{
	const struct sn_supervisor *sup = sn_sup_control_of(request)->sup;
	struct sn_metrics_view *views = sn_alloc_array(AREAS_MAX, sizeof(*views));
	struct sn_strbuf text;
	struct sn_list *link;
	size_t count = 0;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->succeeded || sn_sup_roll_is_new(worker))
			continue; /* who has its place, or had it, has the same areas */
		if (count < AREAS_MAX && map_area(worker->metrics, &views[count]))
			count++;
		if (count < AREAS_MAX && map_area(worker->metrics_before, &views[count]))
			count++;
	}
	sn_strbuf_init(&text, METRICS_TEXT_MAX);
	write_own_metrics(sup, &text);
	sn_metrics_areas_write(views, count, &text);
	for (size_t i = 0; i < count; i++)
		(void)munmap((void *)(uintptr_t)views[i].memory, views[i].size);
	sn_free(views);
	sn_control_done(
		request, EX_OK, json_pack("{s:o}", "text", string_of(sn_strbuf_str(&text))));
	sn_strbuf_fini(&text);
}

/* --- log levels ----------------------------------------------------------------------------- */

static json_t *rows_of_levels(void)
{
	json_t *rows = json_array();
	enum sn_log_level level;
	struct sn_strbuf ns;

	sn_strbuf_init(&ns, 64);
	for (size_t i = 0; sn_log_level_at(i, &ns, &level); i++) {
		(void)json_array_append_new(rows,
			json_pack("{s:s, s:s}", "namespace", sn_strbuf_cstr(&ns), "level",
				sn_log_level_name(level)));
		sn_strbuf_reset(&ns);
	}
	sn_strbuf_fini(&ns);
	return rows;
}

static void tell_levels(const struct sn_supervisor *sup, struct sn_str word)
{
	char body[128];
	struct sn_writer w = sn_writer(body, sizeof(body));
	struct sn_list *link;

	sn_write_str16(&w, word);
	sn_sup_each_worker(link, sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (w.err == SN_OK && worker->life.state == SN_WORKER_READY)
			sn_ipc_send(&worker->ipc, SN_IPC_LEVELS, 0, sn_writer_str(&w), NULL, 0);
	}
}

static void run_log(struct sn_control_request *request)
{
	const struct sn_supervisor *sup = sn_sup_control_of(request)->sup;

	for (size_t i = 0; i < request->count; i++) {
		if (sn_log_set_rule(sn_str(request->words[i])) != SN_OK) {
			sn_control_fail(request, EX_USAGE,
				"\"%.80s\" is not NAMESPACE=LEVEL, with a level of debug, info, warn, "
				"error, critical or off",
				request->words[i]);
			return;
		}
		tell_levels(sup, sn_str(request->words[i]));
	}
	sn_control_done(request, EX_OK, json_pack("{s:o}", "levels", rows_of_levels()));
}

/* --- what workers know ---------------------------------------------------------------------- */

static void run_gather(struct sn_control_request *request)
{
	sn_sup_gather(request, NULL, NULL);
}

static void finish_kick(struct sn_control_request *request, json_t *result)
{
	const json_int_t kicked = json_integer_value(json_object_get(result, "kicked"));

	json_decref(result);
	if (kicked == 0)
		sn_control_fail(
			request, EX_UNAVAILABLE, "no connection of \"%.64s\"", request->words[0]);
	else
		sn_control_done(request, EX_OK,
			json_pack("{s:I, s:o}", "kicked", kicked, "message",
				json_sprintf("%lld connection%s closed", (long long)kicked,
					kicked == 1 ? "" : "s")));
}

/* An ID says its worker: "main/0#12". */
static void run_kick(struct sn_control_request *request)
{
	const struct sn_str who = sn_str(request->words[0]);
	const size_t hash = sn_str_find(who, '#');
	struct sn_worker *only = NULL;

	if (hash < who.n)
		only = sn_sup_find_worker(
			sn_sup_control_of(request)->sup, sn_str_sub(who, 0, hash));
	sn_sup_gather(request, only, finish_kick);
}

static const struct sn_control_verb verbs[] = {
	{ "status", 0, 0, run_status },
	{ "workers", 0, 0, run_workers },
	{ "sessions", 0, 1, run_gather },
	{ "kick", 1, 2, run_kick },
	{ "drain", 1, 1, sn_sup_run_drain },
	{ "start", 1, 1, sn_sup_run_start },
	{ "stop", 1, 1, sn_sup_run_stop },
	{ "reload", 0, 0, sn_sup_run_reload },
	{ "upgrade", 0, 1, sn_sup_run_upgrade },
	{ "log", 0, 16, run_log },
	{ "top", 0, 0, run_gather },
	{ "metrics", 0, 0, run_metrics },
	{ "health", 0, 0, run_health },
};

/* --- the supervisor's hooks ----------------------------------------------------------------- */

static void on_answer(struct sn_worker *worker, struct sn_ipc_message *message)
{
	struct sn_sup_control *control = worker->supervisor->control;
	const int fd = message->fds[0]; /* stays the message's */
	struct sn_strbuf text;
	json_t *answer;

	if (!sn_sup_gather_awaits(control, worker, message->serial))
		return;
	sn_strbuf_init(&text, ANSWER_MAX);
	if (sn_ipc_read_memfd(fd, ANSWER_MAX, &text) == SN_OK) {
		answer = json_loadb(text.p, text.n, 0, NULL);
		sn_sup_gather_answered(control, worker, message->serial, answer);
		json_decref(answer);
	}
	sn_strbuf_fini(&text);
}

static void on_message(struct sn_worker *worker, struct sn_ipc_message *message)
{
	if (message->type == SN_IPC_ANSWER)
		on_answer(worker, message);
}

static void on_state(struct sn_worker *worker)
{
	struct sn_sup_control *control = worker->supervisor->control;

	if (!sn_worker_life_runs(&worker->life))
		sn_sup_gather_lost(control, worker);
	if (worker->life.state == SN_WORKER_READY)
		sn_sup_acts_remind(control, worker);
	sn_sup_acts_progress(control);
}

static void on_stopping(struct sn_supervisor *sup)
{
	struct sn_sup_control *control = sup->control;

	sn_sup_gather_stop(control);
	sn_sup_acts_stop(control);
	sn_control_close(control->control);
}

static const struct sn_supervisor_hooks hooks = {
	.on_stopping = on_stopping,
	.on_message = on_message,
	.on_state = on_state,
};

/* --- life ----------------------------------------------------------------------------------- */

/* NAME.sock, or when a live daemon has that name NAME-PID.sock. */
static int bind_named(struct sn_supervisor *sup, struct sn_str dir, struct sn_listen_socket *sock,
	struct sn_strbuf *path, struct sn_diag *diag)
{
	char other[128];
	int code;

	sn_runtime_socket(dir, sn_str(daemon_name(sup)), path);
	code = sn_control_bind(sn_strbuf_cstr(path), sock, diag);
	if (code != SN_ELOCKED)
		return code;
	(void)snprintf(other, sizeof(other), "%.100s-%d", daemon_name(sup), (int)getpid());
	sn_strbuf_reset(path);
	sn_runtime_socket(dir, sn_str(other), path);
	return sn_control_bind(sn_strbuf_cstr(path), sock, diag);
}

static int bind_socket(struct sn_supervisor *sup, struct sn_listen_socket *sock,
	struct sn_strbuf *path, struct sn_diag *diag)
{
	struct sn_strbuf dir;
	int code;

	if (sup->layout->control.n > 0) {
		sn_strbuf_add(path, sup->layout->control);
		return sn_control_bind(sn_strbuf_cstr(path), sock, diag);
	}
	sn_strbuf_init(&dir, 4096);
	sn_runtime_dir_path(
		sup->runtime_given != NULL ? sn_str(sup->runtime_given) : sup->layout->runtime,
		&dir);
	code = sn_runtime_dir_make(sn_strbuf_cstr(&dir), (uid_t)-1, (gid_t)-1, diag);
	if (code == SN_OK)
		code = bind_named(sup, sn_strbuf_str(&dir), sock, path, diag);
	sn_strbuf_fini(&dir);
	return code;
}

int sn_sup_control_adopt(struct sn_supervisor *sup, struct sn_listen_socket *sock, const char *path)
{
	struct sn_sup_control *control = sn_alloc_zero(sizeof(*control));
	const struct sn_control_options options = { .loop = sup->loop,
		.verbs = verbs,
		.verb_count = sizeof(verbs) / sizeof(verbs[0]),
		.owner = control };
	const int code = sn_control_open(&options, sock, &control->control);

	if (code != SN_OK) {
		sn_listen_close(sock);
		sn_free(control);
		return code;
	}
	control->sup = sup;
	control->path = sn_strdup(path);
	control->stopped = json_object();
	sn_list_init(&control->gathers);
	sn_list_init(&control->acts);
	sn_list_init(&control->reloads);
	sup->control = control;
	sup->hooks = &hooks;
	return SN_OK;
}

int sn_sup_control_start(struct sn_supervisor *sup)
{
	struct sn_listen_socket sock;
	struct sn_strbuf path;
	struct sn_diag diag = { 0 };
	int code;

	sn_strbuf_init(&path, 4096);
	code = bind_socket(sup, &sock, &path, &diag);
	if (code == SN_OK)
		code = sn_sup_control_adopt(sup, &sock, sn_strbuf_cstr(&path));
	if (code != SN_OK)
		fprintf(stderr, "sennit: no control socket: %s\n",
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	sn_strbuf_fini(&path);
	return code == SN_OK ? EX_OK : EX_UNAVAILABLE;
}

void sn_sup_control_stop(struct sn_supervisor *sup)
{
	struct sn_sup_control *control = sup->control;

	if (control == NULL)
		return;
	on_stopping(sup);
	while (!sn_control_closed(control->control))
		sn_loop_turn(sup->loop, -1);
	sup->hooks = NULL;
	sup->control = NULL;
	sn_control_free(&control->control);
	json_decref(control->stopped);
	sn_free(control->last_reload);
	sn_free(control->path);
	sn_free(control);
}
