/* One instance: made, started, drained, freed; and services that somebody stopped. */
#include "daemon/service/host_private.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("service");

/* service="NAME" */
static const char *metric_label(struct sn_pool *pool, struct sn_str name)
{
	struct sn_strbuf b;
	const char *label;

	sn_strbuf_init(&b, 2 * name.n + 16);
	sn_metrics_add_label(&b, "service", name);
	label = sn_pool_strdup(pool, sn_strbuf_str(&b));
	sn_strbuf_fini(&b);
	return label;
}

static void open_metrics(struct sn_instance *instance)
{
	const struct sn_service *service = instance->service;

	sn_host_metrics_open(
		instance, &instance->listener_metrics, sn_listener_metrics, SN_LISTENER_METRICS);
	sn_host_metrics_open(instance, &instance->slot->auth_set, sn_auth_metrics, SN_AUTH_METRICS);
	sn_host_metrics_open(instance, &instance->metrics, service->metrics, service->metric_count);
}

static struct sn_instance *new_instance(
	struct sn_host *host, struct sn_conf *conf, const struct sn_conf_named *named)
{
	const struct sn_service *service = sn_registry_find(named->type);
	struct sn_instance *instance = sn_alloc_zero(service->instance_size);

	instance->service = service;
	instance->loop = host->loop;
	instance->pool = host->pool;
	instance->resolver = host->resolver;
	instance->conf = sn_conf_ref(conf);
	instance->memory = sn_pool_new(0);
	instance->name = sn_pool_str(instance->memory, named->name);
	instance->common = named->common;
	instance->settings = named->settings;
	instance->log.ns = service->name;
	instance->idle_task = &host->idle_task;
	instance->metric_label = metric_label(instance->memory, named->name);
	instance->started_wall = sn_loop_wall(host->loop);
	instance->slot = sn_alloc_zero(sizeof(*instance->slot));
	instance->slot->host = host;
	instance->slot->instance = instance;
	sn_list_init(&instance->conns);
	sn_list_init(&instance->link);
	sn_conn_caps_init(&instance->caps, (uint32_t)instance->common->max_connections,
		(uint32_t)instance->common->max_per_address);
	open_metrics(instance);
	return instance;
}

struct sn_instance *sn_host_instance_new(struct sn_host *host, struct sn_conf *conf,
	const struct sn_conf_named *named, struct sn_conf_diags *diags, int *result_r)
{
	struct sn_instance *instance = new_instance(host, conf, named);

	*result_r = sn_host_portal_open(host, instance, named, diags);
	return instance;
}

int sn_host_instance_start(struct sn_instance *instance, struct sn_conf_diags *diags)
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

void sn_host_instance_enlist(struct sn_instance *instance)
{
	sn_list_append(&instance->slot->host->instances, &instance->link);
}

int sn_host_instance_listen(struct sn_instance *instance, struct sn_conf_diags *diags)
{
	struct sn_diag diag = { 0 };
	const int code = sn_service_listeners_start(instance, &diag);

	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
			"service %.*s cannot accept connections: %s", SN_STR_ARG(instance->name),
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code;
}

static void free_instance(struct sn_instance *instance)
{
	sn_assert(sn_list_empty(&instance->conns));
	sn_list_remove(&instance->link);
	sn_timer_clear(&instance->slot->deadline);
	sn_service_listeners_close(instance);
	sn_portal_free(&instance->portal);
	sn_conn_caps_fini(&instance->caps);
	sn_metrics_fini(&instance->metrics);
	sn_metrics_fini(&instance->listener_metrics);
	sn_metrics_fini(&instance->slot->auth_set);
	sn_conf_unref(&instance->conf);
	sn_pool_free(&instance->memory);
	sn_free(instance->slot);
	sn_free(instance);
}

void sn_host_instance_remove(struct sn_instance *instance)
{
	sn_service_listeners_stop(instance);
	if (instance->running && instance->service->stop != NULL)
		instance->service->stop(instance);
	free_instance(instance);
}

/* --- the end of one ------------------------------------------------------------------------- */

static void on_deadline(struct sn_timer *timer)
{
	const struct sn_host_slot *slot = sn_container_of(timer, struct sn_host_slot, deadline);

	sn_service_listeners_cut(slot->instance, SN_CUT_ALL);
}

void sn_host_instance_retire(struct sn_instance *instance)
{
	struct sn_host *host = instance->slot->host;
	const struct sn_server_conf *server = sn_conf_plain(host->conf, "server");

	instance->draining = true;
	sn_timer_set(host->loop, &instance->slot->deadline, server->drain_timeout, on_deadline);
	sn_loop_defer(host->loop, &host->idle_task);
}

void sn_host_instance_drain(struct sn_instance *instance, struct sn_str reason)
{
	struct sn_list *link, *next;

	sn_host_instance_retire(instance);
	sn_service_listeners_stop(instance);
	sn_service_listeners_cut(instance, SN_CUT_UNOPENED);
	if (instance->service->drain != NULL) {
		instance->service->drain(instance, reason);
		return;
	}
	sn_list_each_safe (link, next, &instance->conns)
		sn_conn_close(sn_container_of(link, struct sn_conn, link));
}

void sn_host_collect(struct sn_host *host)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &host->instances) {
		struct sn_instance *instance = sn_host_instance_at(link);

		if (instance->draining && sn_service_listeners_idle(instance))
			sn_host_instance_remove(instance);
		else
			sn_service_listeners_collect(instance);
	}
}

/* --- stopped and started by somebody -------------------------------------------------------- */

struct stopped {
	struct sn_list link;
	char *name;
};

static struct stopped *find_stopped(struct sn_host *host, struct sn_str name)
{
	struct sn_list *link;

	sn_list_each (link, &host->stopped) {
		struct stopped *stopped = sn_container_of(link, struct stopped, link);

		if (sn_str_eq(sn_str(stopped->name), name))
			return stopped;
	}
	return NULL;
}

static void forget(struct stopped *stopped)
{
	sn_list_remove(&stopped->link);
	sn_free(stopped->name);
	sn_free(stopped);
}

bool sn_host_is_stopped(struct sn_host *host, struct sn_str name)
{
	return find_stopped(host, name) != NULL;
}

void sn_host_forget_stopped(struct sn_host *host)
{
	while (!sn_list_empty(&host->stopped))
		forget(sn_container_of(host->stopped.next, struct stopped, link));
}

static const struct sn_conf_named *find_named(struct sn_host *host, struct sn_str name)
{
	const struct sn_conf_named *named;

	for (size_t i = 0; (named = sn_conf_named_at(host->conf, "service", i)) != NULL; i++) {
		if (sn_str_eq(named->name, name) && sn_host_runs_here(host, named))
			return named;
	}
	return NULL;
}

int sn_host_service_stop(struct sn_host *host, struct sn_str name)
{
	struct sn_instance *instance = sn_host_find(host, name);
	struct stopped *stopped;

	if (find_named(host, name) == NULL)
		return SN_ENOTFOUND;
	if (instance == NULL)
		return SN_EDUPLICATE;
	stopped = sn_alloc_zero(sizeof(*stopped));
	stopped->name = sn_str_dup(name);
	sn_list_append(&host->stopped, &stopped->link);
	sn_log(&log_ctx, SN_LOG_INFO, "service-stopping", sn_f_str("service", name));
	sn_host_instance_drain(instance, SN_STR("Service is stopping"));
	return SN_OK;
}

static int start_one(struct sn_host *host, const struct sn_conf_named *named,
	struct sn_conf_diags *diags, struct sn_instance **instance_r)
{
	const struct sn_listener_request request = { .named = named, .sockets = host->sockets };
	int auth, code;

	*instance_r = sn_host_instance_new(host, host->conf, named, diags, &auth);
	code = sn_service_listeners_open(*instance_r, &request, diags);
	if (auth != SN_OK || code != SN_OK)
		return auth != SN_OK ? auth : code;
	return sn_host_instance_start(*instance_r, diags);
}

int sn_host_service_start(struct sn_host *host, struct sn_str name, struct sn_conf_diags *diags)
{
	const struct sn_conf_named *named = find_named(host, name);
	struct sn_instance *instance;
	int code;

	if (named == NULL)
		return SN_ENOTFOUND;
	if (sn_host_find(host, name) != NULL)
		return SN_EDUPLICATE;
	code = start_one(host, named, diags, &instance);
	sn_host_instance_enlist(instance);
	if (code == SN_OK)
		code = sn_host_instance_listen(instance, diags);
	if (code != SN_OK) {
		sn_service_listeners_cut(instance, SN_CUT_ALL);
		sn_host_instance_retire(instance);
		return code;
	}
	if (find_stopped(host, name) != NULL)
		forget(find_stopped(host, name));
	sn_log(&log_ctx, SN_LOG_INFO, "service-started", sn_f_str("service", name));
	return SN_OK;
}
