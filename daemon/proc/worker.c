/* Role @worker: the host in a process of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/auth/limiter.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/base/metrics_area.h"
#include "daemon/proc/broker.h"
#include "daemon/proc/exit_code.h"
#include "daemon/proc/heritage.h"
#include "daemon/proc/privs.h"
#include "daemon/proc/role.h"
#include "daemon/proc/sandbox_paths.h"
#include "daemon/proc/supervisor.h"
#include "daemon/proc/watchdog.h"
#include "daemon/proc/worker_freeze.h"
#include "daemon/proc/worker_query.h"
#include "daemon/service/host.h"
#include "daemon/service/plugin_host.h"

#define SNAPSHOT_MAX ((size_t)64 << 20)
#define TEXT_MAX 60000 /* of one message, for people */
#define ANSWER_MAX ((size_t)16 << 20)

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("worker");

/* One socket that the supervisor has sent and nobody has taken. */
struct given {
	struct sn_list link;
	struct sn_heritage_listener listener;
};

struct shared {
	void *memory;
	size_t size;
};

struct worker {
	struct sn_loop *loop;
	struct sn_ipc ipc;
	struct sn_pool *pool; /* of texts in heritage */
	struct sn_heritage heritage;
	struct sn_host_sockets sockets;
	struct sn_list given;
	struct sn_worker_thaws thaws;
	struct sn_worker_freezes freezes;
	struct shared metrics_memory, limiter_memory;
	struct sn_metrics_area *metrics;
	struct sn_limiter *limiter;
	struct sn_broker *broker;
	struct sn_conf *conf, *next_conf;
	struct sn_host *host;
	struct sn_host_change *change;
	struct sn_host_stop stop;
	bool serves; /* the host has started */
	bool over;   /* the host is gone: what is asked from now on is nobody's */
	int log_fd;
};

/* --- sockets -------------------------------------------------------------------------------- */

static void drop_given(struct given *given)
{
	sn_list_remove(&given->link);
	sn_free((void *)(uintptr_t)given->listener.service.p);
	sn_free(given);
}

static int take_socket(struct sn_host_sockets *sockets, struct sn_str service, size_t index,
	struct sn_listen_socket *sock_r)
{
	struct worker *worker = sn_container_of(sockets, struct worker, sockets);
	struct sn_list *link;

	sn_list_each (link, &worker->given) {
		struct given *given = sn_container_of(link, struct given, link);

		if (given->listener.index != index || !sn_str_eq(given->listener.service, service))
			continue;
		*sock_r = given->listener.sock;
		drop_given(given);
		return SN_OK;
	}
	return SN_ENOTFOUND;
}

static void close_given(struct worker *worker)
{
	while (!sn_list_empty(&worker->given)) {
		struct given *given = sn_container_of(worker->given.next, struct given, link);

		sn_listen_close(&given->listener.sock);
		drop_given(given);
	}
}

static int on_listener(struct worker *worker, struct sn_ipc_message *message)
{
	struct given *given = sn_alloc_zero(sizeof(*given));
	struct sn_pool *pool = sn_pool_new(0);
	const int code = sn_heritage_read_listener(message, pool, &given->listener);

	given->listener.service = sn_str(sn_str_dup(given->listener.service));
	sn_pool_free(&pool);
	sn_list_append(&worker->given, &given->link);
	if (code != SN_OK) {
		given->listener.sock.fd = given->listener.sock.wfd = -1;
		drop_given(given);
	}
	return code;
}

/* --- what is told --------------------------------------------------------------------------- */

struct answer {
	enum sn_ipc_type type;
	uint32_t serial; /* of the question */
	int code;
};

/* u32 code, str16 text */
static void tell(struct worker *worker, const struct answer *answer, struct sn_str text)
{
	char body[TEXT_MAX + 16];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_u32(&w, (uint32_t)answer->code);
	sn_write_str16(&w, sn_str_sub(text, 0, TEXT_MAX));
	sn_ipc_send(&worker->ipc, answer->type, answer->serial, sn_writer_str(&w), NULL, 0);
}

static void tell_problems(
	struct worker *worker, const struct answer *answer, struct sn_conf_diags *diags)
{
	struct sn_conf_problem *problem;
	struct sn_strbuf text;

	/* They are lines of the snapshot, which nobody has seen. */
	for (problem = diags->first; problem != NULL; problem = problem->next)
		problem->pos = (struct sn_conf_pos){ 0 };
	sn_strbuf_init(&text, TEXT_MAX);
	sn_conf_diags_print(diags, &text, false);
	tell(worker, answer, sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
}

static void tell_ready(struct worker *worker)
{
	struct sn_strbuf lines;

	sn_strbuf_init(&lines, TEXT_MAX);
	sn_host_greet(worker->host, &lines);
	sn_ipc_send(&worker->ipc, SN_IPC_READY, 0, sn_strbuf_str(&lines), NULL, 0);
	sn_strbuf_fini(&lines);
}

/* --- start ---------------------------------------------------------------------------------- */

/* The same text that the supervisor was offered, with the plugins it names. */
static int load_snapshot(int fd, bool first, struct sn_conf_diags *diags, struct sn_conf **conf_r)
{
	struct sn_conf_request request = { .schema = NULL };
	struct sn_diag diag = { 0 };
	struct sn_strbuf text;
	int code;

	sn_strbuf_init(&text, SNAPSHOT_MAX);
	code = sn_ipc_read_memfd(fd, SNAPSHOT_MAX, &text);
	if (code == SN_OK && first)
		code = sn_plugins_load_written(sn_strbuf_str(&text), &diag);
	if (code == SN_OK) {
		request.schema = sn_registry_schema();
		request.text = sn_strbuf_str(&text);
		code = sn_conf_load(&request, diags, conf_r);
	} else {
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "%s",
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	}
	if (text.p != NULL)
		sn_wipe(text.p, text.cap);
	sn_strbuf_fini(&text);
	return code;
}

static int map_shared(int *fd, struct shared *shared_r)
{
	struct stat st;

	if (fstat(*fd, &st) != 0)
		return -errno;
	shared_r->size = (size_t)st.st_size;
	shared_r->memory = mmap(NULL, shared_r->size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (shared_r->memory == MAP_FAILED) {
		shared_r->memory = NULL;
		return -errno;
	}
	(void)close(*fd);
	*fd = -1;
	return SN_OK;
}

static void unmap_shared(struct shared *shared)
{
	if (shared->memory != NULL)
		(void)munmap(shared->memory, shared->size);
}

static int open_limiter(struct worker *worker)
{
	const int code = map_shared(&worker->heritage.limiter, &worker->limiter_memory);

	if (code != SN_OK)
		return code;
	return sn_host_limiter_new(worker->conf, worker->limiter_memory.memory,
		worker->limiter_memory.size, &worker->limiter);
}

static int open_shared(struct worker *worker)
{
	int code = open_limiter(worker);

	if (code == SN_OK)
		code = map_shared(&worker->heritage.metrics, &worker->metrics_memory);
	if (code == SN_OK)
		worker->metrics = sn_metrics_area_open(
			worker->metrics_memory.memory, worker->metrics_memory.size);
	if (code == SN_OK && worker->heritage.broker >= 0) {
		code = sn_broker_connect(
			worker->loop, worker->heritage.broker, SN_IPC_WORKER, &worker->broker);
		worker->heritage.broker = -1;
	}
	return code;
}

static int start_logging(struct worker *worker, struct sn_diag *diag)
{
	const struct sn_server_conf *server = sn_conf_plain(worker->conf, "server");
	const struct sn_log_setup setup =
		sn_log_conf_setup(sn_conf_plain(worker->conf, "log"), sn_log_color_wanted());
	int code = sn_log_set_up(&setup, &worker->log_fd), fd;

	if (code != SN_OK)
		return sn_diag_set(diag, code, 0, "cannot open log file %s: %s", setup.file,
			sn_strerror(code));
	fd = worker->log_fd >= 0 ? worker->log_fd : STDERR_FILENO;
	sn_watchdog_catch_crashes(fd);
	code = sn_watchdog_start(worker->loop, server->slow_turn, fd);
	/* Slow turns go unreported then, and nothing else. */
	if (code != SN_OK)
		sn_log(&log_ctx, SN_LOG_WARN, "no-watchdog", sn_f_err(code));
	return SN_OK;
}

static int enter_sandbox(struct worker *worker, struct sn_diag *diag)
{
	struct sn_pool *pool;
	struct sn_sandbox sandbox;
	/* A daemon of root's own, without a user to become, has workers without capabilities too.
	 */
	int code = sn_privs_become(SN_STR_NULL, SN_STR_NULL, diag);

	if (code != SN_OK || !worker->heritage.sandbox)
		return code;
	pool = sn_pool_new(0);
	sn_sandbox_paths(worker->conf, worker->heritage.state, pool, &sandbox);
	code = sn_privs_sandbox(&sandbox, diag);
	sn_pool_free(&pool);
	return code;
}

static int make_host(struct worker *worker)
{
	const struct sn_host_options options = {
		.loop = worker->loop,
		.conf = worker->conf,
		.group = worker->heritage.group.p,
		.index = worker->heritage.index,
		.sockets = &worker->sockets,
		.broker = worker->broker,
		.limiter = worker->limiter,
		.metrics = worker->metrics,
		.state = worker->heritage.state,
		.restarted = worker->heritage.generation > 0,
		.state_missing = worker->heritage.state_missing.n > 0
			? worker->heritage.state_missing.p
			: NULL,
	};

	return sn_host_new(&options, &worker->host);
}

/* All that stands between the snapshot and a host. */
static int prepare_process(struct worker *worker, struct sn_conf_diags *diags)
{
	struct sn_diag diag = { 0 };
	int code = start_logging(worker, &diag);

	if (code == SN_OK)
		code = enter_sandbox(worker, &diag);
	if (code == SN_OK)
		code = open_shared(worker);
	if (code == SN_OK)
		code = make_host(worker);
	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "%s",
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code;
}

static void on_stopped(struct sn_host_stop *stop)
{
	struct worker *worker = sn_container_of(stop, struct worker, stop);

	sn_ipc_send(&worker->ipc, SN_IPC_DRAINED, 0, SN_STR(""), NULL, 0);
	sn_loop_stop(worker->loop, SN_OK);
}

static int make_ready(struct worker *worker, struct sn_conf_diags *diags)
{
	int code = load_snapshot(worker->heritage.snapshot, true, diags, &worker->conf);

	if (code == SN_OK)
		code = prepare_process(worker, diags);
	return code;
}

static int start(struct worker *worker, struct sn_conf_diags *diags)
{
	int code = worker->host == NULL ? make_ready(worker, diags) : SN_OK;

	if (code == SN_OK)
		code = sn_host_start(worker->host, diags);
	if (code == SN_OK)
		code = sn_worker_thaws_apply(&worker->thaws, worker->host, diags);
	return code;
}

static void fail(struct worker *worker, int code, struct sn_conf_diags *diags)
{
	tell_problems(worker, &(struct answer){ .type = SN_IPC_FAILED, .code = sn_exit_code(code) },
		diags);
	sn_loop_stop(worker->loop, code);
}

static void on_start(struct worker *worker)
{
	struct sn_conf_diags diags;
	int code;

	sn_conf_diags_init(&diags);
	code = start(worker, &diags);
	close_given(worker);
	if (code == SN_OK) {
		worker->serves = true;
		sn_host_stop_at_end(worker->host, &worker->stop);
		tell_ready(worker);
	} else {
		fail(worker, code, &diags);
	}
	sn_conf_diags_fini(&diags);
}

/* Services come from a worker that still serves: all that takes time, or may fail, is done first.
 */
static void get_ready_to_thaw(struct worker *worker)
{
	struct sn_conf_diags diags;
	int code;

	sn_conf_diags_init(&diags);
	code = make_ready(worker, &diags);
	if (code == SN_OK)
		tell(worker, &(struct answer){ .type = SN_IPC_PREPARED }, SN_STR(""));
	else
		fail(worker, code, &diags);
	sn_conf_diags_fini(&diags);
}

/* --- reload --------------------------------------------------------------------------------- */

static void on_prepare(struct worker *worker, struct sn_ipc_message *message)
{
	struct answer answer = { .type = SN_IPC_PREPARED, .serial = message->serial };
	const int fd = sn_ipc_take_fd(message, 0);
	struct sn_conf_diags diags;
	int code;

	sn_conf_diags_init(&diags);
	code = load_snapshot(fd, false, &diags, &worker->next_conf);
	if (code == SN_OK)
		code = sn_host_prepare(
			worker->host, worker->next_conf, &worker->sockets, &diags, &worker->change);
	(void)close(fd);
	close_given(worker);
	if (code != SN_OK)
		sn_conf_unref(&worker->next_conf);
	answer.code = code;
	tell_problems(worker, &answer, &diags);
	sn_conf_diags_fini(&diags);
}

static void on_commit(struct worker *worker)
{
	struct sn_log_setup setup;

	if (worker->change == NULL)
		return;
	sn_host_commit(&worker->change);
	sn_conf_unref(&worker->conf);
	worker->conf = worker->next_conf;
	worker->next_conf = NULL;
	setup = sn_log_conf_setup(sn_conf_plain(worker->conf, "log"), false);
	sn_log_set_levels(&setup);
	sn_ipc_send(&worker->ipc, SN_IPC_COMMITTED, 0, SN_STR(""), NULL, 0);
}

static void on_abort(struct worker *worker)
{
	if (worker->change == NULL)
		return;
	sn_host_abort(&worker->change);
	sn_conf_unref(&worker->next_conf);
}

/* --- messages ------------------------------------------------------------------------------- */

static void count_session(void *context, const struct sn_host_session *session)
{
	uint64_t *count = context;

	(void)session;
	(*count)++;
}

/* u64 connections, u64 longest turn in ns of CPU */
static void on_ping(struct worker *worker, uint32_t serial)
{
	char body[16];
	struct sn_writer w = sn_writer(body, sizeof(body));
	uint64_t connections = 0;

	if (worker->host != NULL)
		sn_host_sessions(worker->host, count_session, &connections);
	sn_write_u64(&w, connections);
	sn_write_u64(&w, (uint64_t)sn_watchdog_stats().longest);
	sn_ipc_send(&worker->ipc, SN_IPC_PONG, serial, sn_writer_str(&w), NULL, 0);
}

static void on_drain(struct worker *worker, struct sn_str reason)
{
	on_abort(worker);
	if (worker->serves)
		sn_host_stop(worker->host, reason, &worker->stop);
	else
		on_stopped(&worker->stop);
}

static int add_text(const char *text, size_t n, void *data)
{
	sn_strbuf_add(data, sn_str_n(text, n));
	return 0;
}

/* The answer travels in a memfd: a list of sessions is longer than a packet. */
static void answer(struct worker *worker, uint32_t serial, const json_t *object)
{
	struct sn_strbuf text;
	int fd;

	sn_strbuf_init(&text, ANSWER_MAX);
	(void)json_dump_callback(object, add_text, &text, JSON_COMPACT);
	if (text.err != SN_OK) {
		sn_strbuf_reset(&text);
		sn_strbuf_adds(&text, "{\"error\":\"the answer is too long\"}");
	}
	if (sn_ipc_memfd("sennit-answer", sn_strbuf_str(&text), &fd) == SN_OK) {
		sn_ipc_send(&worker->ipc, SN_IPC_ANSWER, serial, SN_STR(""), &fd, 1);
		(void)close(fd);
	}
	sn_strbuf_fini(&text);
}

/* The words of a request, as JSON. */
static void on_query(struct worker *worker, uint32_t serial, struct sn_str text)
{
	json_t *words, *object;

	if (worker->host == NULL)
		return;
	words = json_loadb(text.p, text.n, 0, NULL);
	object = sn_worker_query(worker->host, worker->loop, words);
	close_given(worker); /* sockets that came for a service and were not needed */
	answer(worker, serial, object);
	json_decref(object);
	json_decref(words);
}

/* "net.tls=debug": the supervisor has checked it. */
static void on_levels(struct sn_reader *body)
{
	const struct sn_str rule = sn_read_str16(body);

	if (body->err == SN_OK)
		(void)sn_log_set_rule(rule);
}

/* A service that the operator has stopped stays so in this new worker, if it runs it at all. */
static void on_service(struct worker *worker, struct sn_reader *body)
{
	const struct sn_str verb = sn_read_str16(body), name = sn_read_str16(body);
	int code = SN_ENOTFOUND;

	if (body->err == SN_OK && worker->host != NULL && sn_str_eq(verb, SN_STR("stop")))
		code = sn_host_service_stop(worker->host, name);
	if (code != SN_OK && code != SN_ENOTFOUND && code != SN_EDUPLICATE)
		sn_log(&log_ctx, SN_LOG_WARN, "service-not-stopped", sn_f_str("service", name),
			sn_f_err(code));
}

static void on_heritage(struct worker *worker, struct sn_ipc_message *message)
{
	char name[64];
	struct sn_strbuf b;

	if (sn_heritage_read(message, worker->pool, &worker->heritage) != SN_OK) {
		sn_loop_stop(worker->loop, SN_EPROTO);
		return;
	}
	sn_strbuf_fixed(&b, name, sizeof(name));
	sn_strbuf_addf(
		&b, "sennit:%.*s/%u", SN_STR_ARG(worker->heritage.group), worker->heritage.index);
	sn_role_set_name(name);
	if (worker->heritage.thaw)
		get_ready_to_thaw(worker);
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct worker *worker = sn_container_of(ipc, struct worker, ipc);

	if (worker->over)
		return;
	switch (message->type) {
	case SN_IPC_HERITAGE:
		on_heritage(worker, message);
		break;
	case SN_IPC_LISTENER:
		if (on_listener(worker, message) != SN_OK)
			sn_loop_stop(worker->loop, SN_EPROTO);
		break;
	case SN_IPC_THAW:
		if (sn_worker_thaws_add(&worker->thaws, message) != SN_OK)
			sn_loop_stop(worker->loop, SN_EPROTO);
		break;
	case SN_IPC_SOCKETS:
		if (sn_worker_thaws_add_sockets(&worker->thaws, message) != SN_OK)
			sn_loop_stop(worker->loop, SN_EPROTO);
		break;
	case SN_IPC_START:
		on_start(worker);
		break;
	case SN_IPC_FREEZE:
		sn_worker_freezes_add(&worker->freezes, worker->host, &message->body);
		break;
	case SN_IPC_PING:
		on_ping(worker, message->serial);
		break;
	case SN_IPC_PREPARE:
		on_prepare(worker, message);
		break;
	case SN_IPC_COMMIT:
		on_commit(worker);
		break;
	case SN_IPC_ABORT:
		on_abort(worker);
		break;
	case SN_IPC_DRAIN:
		on_drain(worker, message->body.data);
		break;
	case SN_IPC_QUERY:
		on_query(worker, message->serial, message->body.data);
		break;
	case SN_IPC_LEVELS:
		on_levels(&message->body);
		break;
	case SN_IPC_SERVICE:
		on_service(worker, &message->body);
		break;
	default:
		break;
	}
}

/* The supervisor is gone: nobody keeps our sockets, our memory or our place any more. */
static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)ipc;
	sn_log(&log_ctx, SN_LOG_CRITICAL, "supervisor-lost",
		sn_f_cstr("why", code == SN_CLOSE ? "it has ended" : sn_strerror(code)));
	sn_log_stop(SN_MS(100));
	_exit(EX_SOFTWARE);
}

static const struct sn_ipc_ops ops = { .on_message = on_message, .on_closed = on_closed };

/* --- life ----------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void fini(struct worker *worker)
{
	worker->over = true;
	sn_watchdog_stop();
	on_abort(worker);
	sn_worker_freezes_free(&worker->freezes);
	sn_host_free(&worker->host);
	sn_loop_turn(worker->loop, 0);
	sn_broker_disconnect(&worker->broker);
	sn_limiter_free(&worker->limiter);
	sn_metrics_area_close(&worker->metrics);
	unmap_shared(&worker->limiter_memory);
	unmap_shared(&worker->metrics_memory);
	sn_conf_unref(&worker->conf);
	close_given(worker);
	sn_worker_thaws_free(&worker->thaws);
	close_fd(&worker->heritage.snapshot);
	close_fd(&worker->heritage.metrics);
	close_fd(&worker->heritage.limiter);
	close_fd(&worker->heritage.broker);
	sn_ipc_stop(&worker->ipc);
	sn_pool_free(&worker->pool);
	sn_loop_turn(worker->loop, 0);
	sn_loop_free(&worker->loop);
}

static int run(struct worker *worker, int channel)
{
	int code = sn_loop_new(NULL, &worker->loop);

	if (code != SN_OK) {
		fprintf(stderr, "sennit: no event loop: %s\n", sn_strerror(code));
		return code;
	}
	worker->pool = sn_pool_new(0);
	sn_worker_freezes_init(&worker->freezes, worker->loop, &worker->ipc);
	code = sn_ipc_start(
		&worker->ipc, worker->loop, channel, SN_IPC_WORKER, SN_IPC_SUPERVISOR, &ops);
	if (code == SN_OK)
		code = sn_loop_run(worker->loop);
	fini(worker);
	return code;
}

int sn_worker_main(int argc, char **argv)
{
	struct worker worker = {
		.heritage = { .snapshot = -1, .metrics = -1, .limiter = -1, .broker = -1 },
		.sockets = { .take = take_socket },
		.stop = { .on_stopped = on_stopped },
		.log_fd = -1,
	};
	int channel, code;

	(void)argc;
	if (sn_role_channel(argv[1], &channel) != SN_OK)
		return EX_USAGE;
	sn_role_ignore_signals();
	sn_alloc_share_heap();
	sn_listen_sockets_given();
	sn_watchdog_catch_crashes(STDERR_FILENO);
	sn_list_init(&worker.given);
	sn_worker_thaws_init(&worker.thaws);
	code = run(&worker, channel);
	sn_log_stop(SN_SEC(2));
	close_fd(&worker.log_fd);
	return sn_exit_code(code);
}
