#include "daemon/service/host.h"

#include "daemon/base/mem.h"
#include "daemon/net/resolver.h"
#include "daemon/service/conn.h"
#include "daemon/service/service_listener.h"

#define MAGIC_HOST 0x486f7374u
#define SECRET_SIZE 32

struct sn_host {
	uint32_t magic;
	struct sn_loop *loop;
	struct sn_conf *conf;
	struct sn_offload *pool;
	struct sn_resolver *resolver;
	struct sn_auth_context auth; /* of all portals */
	char secret[SECRET_SIZE];
	struct sn_list instances;
	size_t instance_count;
	struct sn_host_stop *stopping, *at_end;
	struct sn_timer deadline;
	struct sn_task idle_task; /* the last connection may be gone */
};

static void on_idle(struct sn_task *task);

int sn_host_new(const struct sn_host_options *options, struct sn_host **host_r)
{
	const struct sn_server_conf *server = sn_conf_plain(options->conf, "server");
	const struct sn_offload_options offload = {
		.threads = (unsigned)server->offload_threads,
		.queue_max = (unsigned)server->offload_queue,
	};
	struct sn_host *host = sn_alloc_zero(sizeof(*host));
	int code;

	host->magic = MAGIC_HOST;
	host->loop = options->loop;
	host->conf = sn_conf_ref(options->conf);
	host->idle_task.fn = on_idle;
	sn_list_init(&host->instances);
	code = sn_offload_new(&offload, &host->pool);
	if (code == SN_OK)
		code = sn_resolver_new(host->loop, NULL, &host->resolver);
	if (code != SN_OK) {
		sn_host_free(&host);
		return code;
	}
	sn_random(host->secret, sizeof(host->secret));
	host->auth = (struct sn_auth_context){
		.loop = host->loop,
		.pool = host->pool,
		.secret = sn_str_n(host->secret, sizeof(host->secret)),
		.broker = options->broker,
		.limiter = options->limiter,
		.store_missing = options->state_missing != NULL ? options->state_missing
								: "this process keeps no accounts",
	};
	*host_r = host;
	return SN_OK;
}

/* --- instances ------------------------------------------------------------------------------ */

static int open_portal(
	struct sn_host *host, struct sn_instance *instance, struct sn_conf_diags *diags)
{
	const struct sn_conf_strings *specs = &instance->common->auth;
	int result = SN_OK;

	instance->portal = sn_portal_new(&host->auth);
	for (size_t i = 0; i < specs->count; i++) {
		struct sn_diag diag = { 0 };
		struct sn_checker *checker;
		struct sn_conf_pos pos;
		const int code = sn_checker_open(&host->auth, specs->items[i], &checker, &diag);

		if (code == SN_OK) {
			sn_portal_add(instance->portal, checker);
			continue;
		}
		/* The place without the text: there may be a password in it. */
		pos = specs->positions[i];
		pos.column = 0;
		sn_conf_report(diags, SN_CONF_ERROR, pos, "%s", diag.text);
		result = SN_ECONFIG;
	}
	return result;
}

/* service="NAME", with the three escapes that the format knows. */
static const char *metric_label(struct sn_pool *pool, struct sn_str name)
{
	struct sn_strbuf b;
	const char *label;

	sn_strbuf_init(&b, 2 * name.n + 16);
	sn_strbuf_adds(&b, "service=\"");
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\' || name.p[i] == '\n')
			sn_strbuf_addc(&b, '\\');
		sn_strbuf_addc(&b, name.p[i] == '\n' ? 'n' : name.p[i]);
	}
	sn_strbuf_addc(&b, '"');
	label = sn_pool_strdup(pool, sn_strbuf_str(&b));
	sn_strbuf_fini(&b);
	return label;
}

static struct sn_instance *new_instance(struct sn_host *host, const struct sn_conf_named *named)
{
	const struct sn_service *service = sn_registry_find(sn_str(named->section->name));
	struct sn_instance *instance = sn_alloc_zero(service->instance_size);

	instance->service = service;
	instance->loop = host->loop;
	instance->pool = host->pool;
	instance->resolver = host->resolver;
	instance->conf = sn_conf_ref(host->conf);
	instance->name = named->name;
	instance->common = named->common;
	instance->settings = named->settings;
	instance->log.ns = service->name;
	instance->idle_task = &host->idle_task;
	instance->memory = sn_pool_new(0);
	instance->metric_label = metric_label(instance->memory, named->name);
	instance->started_wall = sn_loop_wall(host->loop);
	sn_list_init(&instance->conns);
	sn_metrics_init(&instance->metrics, service->metrics, service->metric_count, NULL);
	sn_metrics_init(
		&instance->listener_metrics, sn_listener_metrics, SN_LISTENER_METRICS, NULL);
	sn_conn_caps_init(&instance->caps, (uint32_t)instance->common->max_connections,
		(uint32_t)instance->common->max_per_address);
	sn_list_append(&host->instances, &instance->link);
	host->instance_count++;
	return instance;
}

static void free_instance(struct sn_instance *instance)
{
	sn_assert(sn_list_empty(&instance->conns));
	sn_list_remove(&instance->link);
	sn_service_listeners_close(instance);
	sn_portal_free(&instance->portal);
	sn_conn_caps_fini(&instance->caps);
	sn_metrics_fini(&instance->metrics);
	sn_metrics_fini(&instance->listener_metrics);
	sn_conf_unref(&instance->conf);
	sn_pool_free(&instance->memory);
	sn_free(instance);
}

static int prepare(
	struct sn_host *host, const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	struct sn_instance *instance = new_instance(host, named);
	const int auth = open_portal(host, instance, diags);
	const int listen = sn_service_listeners_open(instance, named, diags);

	return auth != SN_OK ? auth : listen;
}

static int start_service(struct sn_instance *instance, struct sn_conf_diags *diags)
{
	struct sn_diag diag = { 0 };
	int code = SN_OK;

	if (instance->service->start != NULL)
		code = instance->service->start(instance, &diag);
	instance->running = code == SN_OK;
	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
			"service %.*s does not start: %s", SN_STR_ARG(instance->name),
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code;
}

static int start_listeners(struct sn_instance *instance, struct sn_conf_diags *diags)
{
	struct sn_diag diag = { 0 };
	const int code = sn_service_listeners_start(instance, &diag);

	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
			"service %.*s cannot accept connections: %s", SN_STR_ARG(instance->name),
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code;
}

static void remove_instances(struct sn_host *host)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&host->instances)) != NULL) {
		struct sn_instance *instance = sn_container_of(link, struct sn_instance, link);

		sn_service_listeners_stop(instance);
		if (instance->running && instance->service->stop != NULL)
			instance->service->stop(instance);
		free_instance(instance);
	}
	host->instance_count = 0;
}

static bool all_gone(struct sn_host *host)
{
	struct sn_list *link;

	sn_list_each (link, &host->instances) {
		if (!sn_service_listeners_idle(sn_container_of(link, struct sn_instance, link)))
			return false;
	}
	return true;
}

static void cut_everything(struct sn_host *host)
{
	struct sn_list *link;

	sn_list_each (link, &host->instances)
		sn_service_listeners_cut(
			sn_container_of(link, struct sn_instance, link), SN_CUT_ALL);
}

/* Standard input may be a connection already. */
static void give_up(struct sn_host *host)
{
	cut_everything(host);
	while (!all_gone(host))
		sn_loop_turn(host->loop, 0);
	sn_task_cancel(&host->idle_task);
	remove_instances(host);
}

static int start_each(struct sn_host *host, struct sn_conf_diags *diags,
	int (*start)(struct sn_instance *instance, struct sn_conf_diags *diags))
{
	struct sn_list *link;
	int code = SN_OK;

	sn_list_each (link, &host->instances) {
		if (code == SN_OK)
			code = start(sn_container_of(link, struct sn_instance, link), diags);
	}
	return code;
}

int sn_host_start(struct sn_host *host, struct sn_conf_diags *diags)
{
	const struct sn_conf_named *named;
	int result = SN_OK;

	for (size_t i = 0; (named = sn_conf_named_at(host->conf, "service", i)) != NULL; i++) {
		const int code = prepare(host, named, diags);

		if (result == SN_OK || code == SN_ECONFIG)
			result = code != SN_OK ? code : result;
	}
	if (result == SN_OK && sn_list_empty(&host->instances)) {
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
			"no service is configured: add a table such as [service.irc]");
		result = SN_ECONFIG;
	}
	if (result == SN_OK)
		result = start_each(host, diags, start_service);
	if (result == SN_OK)
		result = start_each(host, diags, start_listeners);
	if (result != SN_OK)
		give_up(host);
	return result;
}

void sn_host_greet(struct sn_host *host, struct sn_strbuf *out)
{
	struct sn_list *link;

	sn_list_each (link, &host->instances)
		sn_service_listeners_greet(sn_container_of(link, struct sn_instance, link), out);
}

struct sn_instance *sn_host_find(struct sn_host *host, struct sn_str name)
{
	struct sn_list *link;

	sn_list_each (link, &host->instances) {
		struct sn_instance *instance = sn_container_of(link, struct sn_instance, link);

		if (sn_str_eq(instance->name, name))
			return instance;
	}
	return NULL;
}

/* --- metrics -------------------------------------------------------------------------------- */

static const struct sn_metric_set *set_of(
	const struct sn_instance *instance, const struct sn_service *service)
{
	return service == NULL ? &instance->listener_metrics : &instance->metrics;
}

/* The rows of one module, or with NULL the listeners' rows, of all instances that have them. */
static void write_metrics(
	struct sn_host *host, const struct sn_service *service, struct sn_strbuf *out)
{
	struct sn_metric_part *parts = sn_alloc_array(host->instance_count, sizeof(*parts));
	struct sn_list *link;
	size_t count = 0;

	sn_list_each (link, &host->instances) {
		const struct sn_instance *instance =
			sn_container_of(link, struct sn_instance, link);

		if (service == NULL || instance->service == service)
			parts[count++] = (struct sn_metric_part){
				.set = set_of(instance, service),
				.labels = instance->metric_label,
			};
	}
	if (count > 0)
		sn_metrics_write_parts(parts, count, out);
	sn_free(parts);
}

void sn_host_metrics(struct sn_host *host, struct sn_strbuf *out)
{
	const struct sn_service *service;

	write_metrics(host, NULL, out);
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++)
		write_metrics(host, service, out);
}

/* --- the end -------------------------------------------------------------------------------- */

struct listener_counts {
	size_t all, stdio;
};

static struct listener_counts count_listeners(struct sn_host *host)
{
	struct listener_counts counts = { 0 };
	struct sn_list *link;

	sn_list_each (link, &host->instances) {
		const struct sn_instance *instance =
			sn_container_of(link, struct sn_instance, link);

		counts.all += instance->listener_count;
		counts.stdio += sn_service_listeners_stdio(instance);
	}
	return counts;
}

static bool is_stdio_only(struct sn_host *host)
{
	const struct listener_counts counts = count_listeners(host);

	return counts.stdio == counts.all;
}

static void on_idle(struct sn_task *task)
{
	struct sn_host *host = sn_container_of(task, struct sn_host, idle_task);
	struct sn_host_stop *stop = host->stopping;

	if (stop == NULL && is_stdio_only(host))
		stop = host->at_end;
	if (stop == NULL || !all_gone(host))
		return;
	sn_timer_clear(&host->deadline);
	remove_instances(host);
	host->stopping = host->at_end = NULL;
	stop->on_stopped(stop);
}

static void on_deadline(struct sn_timer *timer)
{
	cut_everything(sn_container_of(timer, struct sn_host, deadline));
}

static void drain_instance(struct sn_instance *instance, struct sn_str reason)
{
	struct sn_list *link, *next;

	instance->draining = true;
	sn_service_listeners_stop(instance);
	sn_service_listeners_cut(instance, SN_CUT_UNOPENED);
	if (instance->service->drain != NULL) {
		instance->service->drain(instance, reason);
		return;
	}
	sn_list_each_safe (link, next, &instance->conns)
		sn_conn_close(sn_container_of(link, struct sn_conn, link));
}

void sn_host_stop(struct sn_host *host, struct sn_str reason, struct sn_host_stop *stop)
{
	const struct sn_server_conf *server = sn_conf_plain(host->conf, "server");
	struct sn_list *link;

	if (host->stopping != NULL) {
		cut_everything(host);
		return;
	}
	host->stopping = stop;
	sn_list_each (link, &host->instances)
		drain_instance(sn_container_of(link, struct sn_instance, link), reason);
	sn_timer_set(host->loop, &host->deadline, server->drain_timeout, on_deadline);
	sn_loop_defer(host->loop, &host->idle_task);
}

void sn_host_stop_at_end(struct sn_host *host, struct sn_host_stop *stop)
{
	host->at_end = stop;
}

bool sn_host_speaks_on_stdout(struct sn_host *host)
{
	return count_listeners(host).stdio > 0;
}

void sn_host_free(struct sn_host **host_p)
{
	struct sn_host *host = *host_p;

	if (host == NULL)
		return;
	sn_assert(sn_list_empty(&host->instances) && host->stopping == NULL);
	*host_p = NULL;
	sn_timer_clear(&host->deadline);
	sn_task_cancel(&host->idle_task);
	sn_resolver_free(&host->resolver);
	sn_offload_free(&host->pool);
	sn_conf_unref(&host->conf);
	sn_free(host);
}
