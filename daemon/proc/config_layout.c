/* A layout out of a configuration. */
#include "daemon/base/mem.h"
#include "daemon/proc/config_role.h"

struct maker {
	struct sn_conf *conf;
	struct sn_conf_diags *diags;
	struct sn_layout *layout;
	struct sn_conf_endpoint *items; /* of the listeners */
	int code;                       /* the last failure */
};

/* The failure under the very word of the endpoint string that is at fault, if there is one. */
static void report(
	struct maker *m, const struct sn_conf_endpoint *item, int code, const struct sn_diag *diag)
{
	struct sn_conf_pos pos = item->pos;

	if (diag->column > 0)
		pos = sn_conf_pos_within(pos, item->endpoint->source, diag->column - 1);
	sn_conf_report(m->diags, SN_CONF_ERROR, pos, "%s",
		diag->text[0] != '\0' ? diag->text : sn_strerror(code));
	m->code = code;
}

static uint32_t find_group(struct maker *m, struct sn_str name)
{
	struct sn_layout *layout = m->layout;

	for (size_t i = 0; i < layout->group_count; i++) {
		if (sn_str_eq(layout->groups[i].name, name))
			return (uint32_t)i;
	}
	layout->groups[layout->group_count] = (struct sn_layout_group){
		.name = sn_pool_str(layout->pool, name),
		.processes = sn_host_processes(m->conf, name),
	};
	return (uint32_t)layout->group_count++;
}

static struct sn_str copy(const struct maker *m, const char *text)
{
	return sn_pool_str(m->layout->pool, sn_str(text));
}

static struct sn_str endpoint_text(const struct maker *m, const struct sn_endpoint *endpoint)
{
	struct sn_strbuf text;
	struct sn_str kept;

	sn_strbuf_init(&text, 4096);
	sn_endpoint_format(endpoint, &text);
	kept = sn_pool_str(m->layout->pool, sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
	return kept;
}

static void add_listener(struct maker *m, const struct sn_conf_endpoint *item, uint32_t index)
{
	struct sn_layout *layout = m->layout;
	struct sn_listen_plan plan;
	struct sn_diag diag = { 0 };
	const int code = sn_listen_plan_make(item->endpoint, &plan, &diag);

	if (code != SN_OK) {
		report(m, item, code, &diag);
		return;
	}
	layout->listeners[layout->listener_count] = (struct sn_layout_listener){
		.service = (uint32_t)layout->service_count,
		.index = index,
		.kind = plan.kind,
		.socktype = plan.socktype,
		.addr = plan.addr,
		.v6_only = plan.v6_only,
		.lock = plan.lock,
		.backlog = plan.backlog,
		.fd = plan.fd > 0 ? plan.fd : 0,
		.wfd = plan.wfd > 0 ? plan.wfd : 0,
		.mode = plan.mode,
		.user = copy(m, plan.user),
		.group = copy(m, plan.group),
		.text = endpoint_text(m, item->endpoint),
	};
	m->items[layout->listener_count++] = *item;
	sn_listen_plan_fini(&plan);
}

static bool freezes(const struct sn_service *service)
{
	return service->size > offsetof(struct sn_service, freeze) && service->freeze != NULL;
}

/* PATH of sshkey:PATH is what the broker may open: key_paths has room for all there can be. */
static void add_key_paths(struct maker *m, const struct sn_conf_named *named)
{
	const struct sn_service_conf *common = named->common;
	const struct sn_str prefix = SN_STR("sshkey:");
	struct sn_layout *layout = m->layout;

	for (size_t i = 0; i < common->auth.count; i++) {
		const struct sn_str spec = common->auth.items[i];

		if (sn_str_starts(spec, prefix) && spec.n > prefix.n)
			layout->key_paths[layout->key_path_count++] =
				sn_pool_str(layout->pool, sn_str_from(spec, prefix.n));
	}
}

static void add_service(struct maker *m, const struct sn_conf_named *named)
{
	const struct sn_placement placement = sn_host_placement(named);
	const struct sn_service *service = sn_registry_find(sn_str(named->section->name));
	struct sn_layout *layout = m->layout;
	const struct sn_conf_endpoints list = sn_service_endpoints(named, layout->pool);

	for (size_t i = 0; i < list.count; i++)
		add_listener(m, &list.items[i], (uint32_t)i);
	add_key_paths(m, named);
	layout->services[layout->service_count++] = (struct sn_layout_service){
		.name = sn_pool_str(layout->pool, named->name),
		.module = copy(m, service->name),
		.group = find_group(m, placement.group),
		.single = placement.single,
		.freezes = freezes(service),
	};
}

/* Room for all there can be. */
static void make_room(struct maker *m)
{
	struct sn_layout *layout = m->layout;
	const struct sn_conf_named *named;
	size_t services = 0, listeners = 0, checkers = 0;

	while ((named = sn_conf_named_at(m->conf, "service", services)) != NULL) {
		const struct sn_service_conf *common = named->common;

		listeners += sn_service_endpoints(named, layout->pool).count;
		checkers += common->auth.count;
		services++;
	}
	layout->services =
		sn_pool_alloc_zero(layout->pool, (services + 1) * sizeof(*layout->services));
	layout->groups = sn_pool_alloc_zero(layout->pool, (services + 1) * sizeof(*layout->groups));
	layout->listeners =
		sn_pool_alloc_zero(layout->pool, (listeners + 1) * sizeof(*layout->listeners));
	layout->key_paths =
		sn_pool_alloc_zero(layout->pool, (checkers + 1) * sizeof(*layout->key_paths));
	m->items = sn_pool_alloc_zero(layout->pool, (listeners + 1) * sizeof(*m->items));
}

static void add_log(struct maker *m)
{
	const struct sn_log_conf *log = sn_conf_plain(m->conf, "log");
	struct sn_layout *layout = m->layout;

	layout->log_level = (uint32_t)log->level;
	layout->log_format = (uint32_t)log->format;
	layout->log_target = (uint32_t)log->target;
	layout->log_file = log->file;
	layout->log_socket = log->socket;
	layout->log_levels = log->levels.items;
	layout->log_level_count = log->levels.count;
}

static void add_settings(struct maker *m, const char *verb)
{
	const struct sn_server_conf *server = sn_conf_plain(m->conf, "server");
	struct sn_layout *layout = m->layout;

	layout->name = server->name.n > 0  ? server->name
		: strcmp(verb, "run") == 0 ? SN_STR("sennit")
					   : sn_str(verb);
	layout->user = server->user;
	layout->group_name = server->group;
	layout->state = server->state;
	layout->runtime = server->runtime;
	layout->control = server->control;
	layout->sandbox = server->sandbox;
	layout->uses_state = sn_host_state_need(m->conf) != SN_STATE_UNUSED;
	layout->drain_timeout = server->drain_timeout;
	layout->watchdog = server->watchdog;
	layout->auth_timeout = server->auth_timeout;
	layout->auth_children = (uint32_t)server->auth_children;
	layout->limiter_entries = (uint32_t)server->auth_entries;
	layout->limiter_free = (uint32_t)server->auth_free_failures;
	layout->limiter_refuse = (uint32_t)server->auth_refuse_failures;
	layout->metrics_bytes = (uint32_t)server->metrics_size;
}

int sn_config_layout(struct sn_conf *conf, const char *verb, struct sn_conf_diags *diags,
	struct sn_layout **layout_r, struct sn_conf_endpoint **items_r)
{
	struct maker m = { .conf = conf, .diags = diags, .layout = sn_layout_new() };
	const struct sn_conf_named *named;

	make_room(&m);
	for (size_t i = 0; (named = sn_conf_named_at(conf, "service", i)) != NULL; i++)
		add_service(&m, named);
	add_settings(&m, verb);
	add_log(&m);
	if (m.code != SN_OK) {
		sn_layout_free(&m.layout);
		return m.code;
	}
	*layout_r = m.layout;
	*items_r = m.items;
	return SN_OK;
}
