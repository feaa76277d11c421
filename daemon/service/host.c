#include "daemon/net/resolver.h"
#include "daemon/service/host_private.h"

static void on_idle(struct sn_task *task);

static void adopt_options(struct sn_host *host, const struct sn_host_options *options)
{
	host->magic = SN_HOST_MAGIC;
	host->loop = options->loop;
	host->conf = sn_conf_ref(options->conf);
	host->group = options->group != NULL ? sn_strdup(options->group) : NULL;
	host->index = options->index;
	host->sockets = options->sockets;
	host->area = options->metrics;
	host->restarted = options->restarted;
	host->state = options->state.n > 0 ? sn_str_dup(options->state) : NULL;
	host->store_missing =
		sn_strdup(options->state_missing != NULL ? options->state_missing
							 : "this process keeps no accounts");
	host->idle_task.fn = on_idle;
	sn_list_init(&host->instances);
	sn_list_init(&host->homes);
	sn_list_init(&host->stopped);
	sn_random(host->secret, sizeof(host->secret));
	host->auth = (struct sn_auth_context){
		.loop = host->loop,
		.broker = options->broker,
		.limiter = options->limiter,
		.secret = sn_str_n(host->secret, sizeof(host->secret)),
		.store_missing = host->store_missing,
	};
}

int sn_host_new(const struct sn_host_options *options, struct sn_host **host_r)
{
	const struct sn_server_conf *server = sn_conf_plain(options->conf, "server");
	const struct sn_offload_options offload = {
		.threads = (unsigned)server->offload_threads,
		.queue_max = (unsigned)server->offload_queue,
	};
	struct sn_host *host = sn_alloc_zero(sizeof(*host));
	int code;

	adopt_options(host, options);
	code = sn_offload_new(&offload, &host->pool);
	if (code == SN_OK)
		code = sn_resolver_new(host->loop, NULL, &host->resolver);
	if (code != SN_OK) {
		sn_host_free(&host);
		return code;
	}
	host->auth.pool = host->pool;
	*host_r = host;
	return SN_OK;
}

/* --- start ---------------------------------------------------------------------------------- */

static bool all_gone(struct sn_host *host)
{
	struct sn_list *link;

	sn_host_each_instance(link, host)
	{
		if (!sn_service_listeners_idle(sn_host_instance_at(link)))
			return false;
	}
	return true;
}

static void cut_everything(struct sn_host *host)
{
	struct sn_list *link;

	sn_host_each_instance(link, host)
		sn_service_listeners_cut(sn_host_instance_at(link), SN_CUT_ALL);
}

static void remove_instances(struct sn_host *host)
{
	while (!sn_list_empty(&host->instances))
		sn_host_instance_remove(sn_host_instance_at(host->instances.next));
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

static int prepare(
	struct sn_host *host, const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_listener_request request = { .named = named, .sockets = host->sockets };
	struct sn_instance *instance;
	int auth, listen;

	instance = sn_host_instance_new(host, host->conf, named, diags, &auth);
	sn_host_instance_enlist(instance);
	listen = sn_service_listeners_open(instance, &request, diags);
	return auth != SN_OK ? auth : listen;
}

static int start_each(struct sn_host *host, struct sn_conf_diags *diags,
	int (*start)(struct sn_instance *instance, struct sn_conf_diags *diags))
{
	struct sn_list *link;
	int code = SN_OK;

	sn_host_each_instance(link, host)
	{
		if (code == SN_OK)
			code = start(sn_host_instance_at(link), diags);
	}
	return code;
}

/* SN_ECONFIG if one is about the configuration, else the first. */
static int worse(int result, int code)
{
	return code != SN_OK && (result == SN_OK || code == SN_ECONFIG) ? code : result;
}

int sn_host_start(struct sn_host *host, struct sn_conf_diags *diags)
{
	const struct sn_conf_named *named;
	int result = sn_host_auth_open(host, host->conf, diags);

	for (size_t i = 0; (named = sn_conf_named_at(host->conf, "service", i)) != NULL; i++) {
		if (sn_host_runs_here(host, named))
			result = worse(result, prepare(host, named, diags));
	}
	if (result == SN_OK && sn_conf_named_at(host->conf, "service", 0) == NULL) {
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "%s",
			SN_HOST_NOTHING_TO_RUN);
		result = SN_ECONFIG;
	}
	if (result == SN_OK)
		result = start_each(host, diags, sn_host_instance_start);
	if (result == SN_OK)
		result = start_each(host, diags, sn_host_instance_listen);
	if (result != SN_OK)
		give_up(host);
	return result;
}

void sn_host_greet(struct sn_host *host, struct sn_strbuf *out)
{
	struct sn_list *link;

	sn_host_each_instance(link, host)
		sn_service_listeners_greet(sn_host_instance_at(link), out);
}

struct sn_instance *sn_host_find(struct sn_host *host, struct sn_str name)
{
	struct sn_list *link;

	sn_host_each_instance(link, host)
	{
		struct sn_instance *instance = sn_host_instance_at(link);

		if (sn_str_eq(instance->name, name) && !instance->draining)
			return instance;
	}
	return NULL;
}

/* --- the end -------------------------------------------------------------------------------- */

struct listener_counts {
	size_t all, stdio;
};

static struct listener_counts count_listeners(struct sn_host *host)
{
	struct listener_counts counts = { 0 };
	struct sn_list *link;

	sn_host_each_instance(link, host)
	{
		const struct sn_instance *instance = sn_host_instance_at(link);

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
	if (stop == NULL)
		sn_host_collect(host);
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

void sn_host_stop(struct sn_host *host, struct sn_str reason, struct sn_host_stop *stop)
{
	const struct sn_server_conf *server = sn_conf_plain(host->conf, "server");
	struct sn_list *link;

	if (host->stopping != NULL) {
		cut_everything(host);
		return;
	}
	host->stopping = stop;
	sn_host_each_instance(link, host)
	{
		if (!sn_host_instance_at(link)->draining)
			sn_host_instance_drain(sn_host_instance_at(link), reason);
	}
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
	sn_host_forget_stopped(host);
	sn_host_auth_close(host); /* the store counts until it is closed */
	sn_host_metrics_free(host);
	sn_resolver_free(&host->resolver);
	sn_offload_free(&host->pool);
	sn_conf_unref(&host->conf);
	sn_wipe(host->secret, sizeof(host->secret));
	sn_free(host->store_missing);
	sn_free(host->state);
	sn_free(host->group);
	sn_free(host);
}
