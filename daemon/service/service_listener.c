#include "daemon/service/service_listener.h"

#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/service/conn.h"

static struct sn_service_listener *of_listener(struct sn_listener *listener)
{
	return sn_container_of(listener, struct sn_service_listener, listener);
}

static void on_open(struct sn_listener *listener, struct sn_incoming *incoming)
{
	sn_conn_begin(of_listener(listener)->instance, incoming);
}

static void on_idle(struct sn_listener *listener)
{
	struct sn_instance *instance = of_listener(listener)->instance;

	sn_loop_defer(instance->loop, instance->idle_task);
}

static size_t on_packet(
	struct sn_dgram *dgram, const struct sn_packet *packet, char *reply, size_t cap)
{
	struct sn_service_listener *sl = sn_container_of(dgram, struct sn_service_listener, dgram);

	return sl->instance->service->dgram_input(sl->instance, dgram, packet, reply, cap);
}

static const struct sn_listener_ops listener_ops = { .on_open = on_open, .on_idle = on_idle };
static const struct sn_dgram_ops dgram_ops = { .on_packet = on_packet };

/* --- opening -------------------------------------------------------------------------------- */

static int check_kind(const struct sn_instance *instance, const struct sn_service_listener *sl,
	struct sn_diag *diag)
{
	const unsigned need =
		sl->plan.socktype == SOCK_DGRAM ? SN_SERVICE_DGRAM : SN_SERVICE_STREAM;

	if (instance->service->flags & need)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, sl->endpoint->column, "%s does not speak %s",
		instance->service->name, need == SN_SERVICE_DGRAM ? "datagrams" : "streams");
}

static int open_one(struct sn_instance *instance, struct sn_service_listener *sl,
	const struct sn_endpoint *endpoint, struct sn_diag *diag)
{
	int code;

	sl->instance = instance;
	sl->endpoint = endpoint;
	code = sn_listen_plan_make(endpoint, &sl->plan, diag);
	if (code != SN_OK)
		return code;
	code = check_kind(instance, sl, diag);
	if (code == SN_OK)
		code = sn_listen_open(&sl->plan, &sl->sock, diag);
	if (code != SN_OK) {
		sn_listen_plan_fini(&sl->plan);
		return code;
	}
	sl->opened = true;
	for (struct sn_accept_stage *stage = sl->plan.stages; stage != NULL; stage = stage->next) {
		if (stage->ops->set_alpn != NULL && instance->service->alpn != NULL)
			stage->ops->set_alpn(stage, instance->service->alpn);
	}
	return SN_OK;
}

/* The failure under the very word of the endpoint string that is at fault, if there is one. */
static void report(const struct sn_conf_endpoint *item, int code, const struct sn_diag *diag,
	struct sn_conf_diags *diags)
{
	struct sn_conf_pos pos = item->pos;

	if (diag->column > 0)
		pos = sn_conf_pos_within(pos, item->endpoint->source, diag->column - 1);
	sn_conf_report(diags, SN_CONF_ERROR, pos, "%s",
		diag->text[0] != '\0' ? diag->text : sn_strerror(code));
}

/* The configured endpoints, or the module's own. */
static struct sn_conf_endpoints wanted(struct sn_instance *instance, struct sn_pool *pool)
{
	struct sn_conf_endpoints list = instance->common->listen;
	const char *const *text = instance->service->default_listen;
	size_t count = 0;

	if (list.count > 0 || text == NULL)
		return list;
	while (text[count] != NULL)
		count++;
	list.items = sn_pool_alloc_zero(pool, count * sizeof(*list.items));
	for (; list.count < count; list.count++) {
		const int code = sn_endpoint_parse(pool, SN_SERVER, sn_str(text[list.count]),
			&list.items[list.count].endpoint, NULL);

		sn_assert(code == SN_OK);
	}
	return list;
}

int sn_service_listeners_open(struct sn_instance *instance, const struct sn_conf_named *named,
	struct sn_conf_diags *diags)
{
	struct sn_conf_endpoints list;
	int result = SN_OK;

	list = wanted(instance, instance->memory);
	if (list.count == 0) {
		sn_conf_report(diags, SN_CONF_ERROR, named->pos,
			"service %.*s listens nowhere: give `listen`", SN_STR_ARG(instance->name));
		return SN_ECONFIG;
	}
	instance->listeners = sn_alloc_array(list.count, sizeof(*instance->listeners));
	instance->listener_count = list.count;
	for (size_t i = 0; i < list.count; i++) {
		struct sn_diag diag = { 0 };
		const int code =
			open_one(instance, &instance->listeners[i], list.items[i].endpoint, &diag);

		if (code == SN_OK)
			continue;
		report(&list.items[i], code, &diag, diags);
		result = code;
	}
	return result;
}

/* --- running -------------------------------------------------------------------------------- */

static struct sn_listener_options options_of(struct sn_instance *instance)
{
	const struct sn_service_conf *common = instance->common;
	const size_t queue = (size_t)common->send_queue;

	return (struct sn_listener_options){
		.conn_size = instance->service->conn_size,
		.limits = { .in_max = 65536, .low = queue / 16, .high = queue / 4, .max = queue },
		.deadlines = { .handshake = common->handshake_timeout,
			.idle = common->idle_timeout,
			.write = common->write_timeout,
			.close = common->close_timeout },
		.caps = &instance->caps,
		.log = &instance->log,
		.metrics = &instance->listener_metrics,
	};
}

static int start_one(struct sn_instance *instance, struct sn_service_listener *sl)
{
	const struct sn_listener_options options = options_of(instance);
	int code = SN_OK;

	for (struct sn_accept_stage *stage = sl->plan.stages; stage != NULL && code == SN_OK;
		stage = stage->next) {
		if (stage->ops->attach != NULL)
			code = stage->ops->attach(stage, instance->loop, instance->pool);
	}
	if (code != SN_OK)
		return code;
	if (sl->plan.socktype == SOCK_DGRAM) {
		sl->listener.sock.local = sl->sock.local; /* for greet */
		code = sn_dgram_start(&sl->dgram, instance->loop, sl->sock.fd, NULL, &dgram_ops);
	} else {
		code = sn_listener_start(&sl->listener, instance->loop, &sl->sock, sl->plan.stages,
			&options, &listener_ops);
	}
	sl->started = code == SN_OK;
	return code;
}

int sn_service_listeners_start(struct sn_instance *instance, struct sn_diag *diag)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		const int code = start_one(instance, &instance->listeners[i]);

		if (code != SN_OK)
			return sn_diag_set(diag, code, 0, "%s", sn_strerror(code));
	}
	return SN_OK;
}

void sn_service_listeners_greet(struct sn_instance *instance, struct sn_strbuf *out)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = &instance->listeners[i];

		sn_strbuf_addf(out, "%.*s: listening on ", SN_STR_ARG(instance->name));
		if (sl->plan.kind == SN_LISTEN_PAIR)
			sn_strbuf_adds(out, "standard input and output");
		else
			sn_addr_format(&sl->listener.sock.local, out);
		for (struct sn_accept_stage *stage = sl->plan.stages; stage != NULL;
			stage = stage->next)
			sn_strbuf_addf(out, " with %s", stage->ops->name);
		sn_strbuf_adds(out, "\n");
		if (instance->service->greet != NULL)
			instance->service->greet(instance, &sl->listener, out);
	}
}

void sn_service_listeners_stop(struct sn_instance *instance)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = &instance->listeners[i];

		if (!sl->started)
			continue;
		if (sl->plan.socktype == SOCK_DGRAM)
			sn_dgram_stop(&sl->dgram);
		else
			sn_listener_stop(&sl->listener);
	}
}

static bool is_open(const struct sn_incoming *in)
{
	return in->top->user != &in->user;
}

void sn_service_listeners_cut(struct sn_instance *instance, enum sn_cut which)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = &instance->listeners[i];
		struct sn_list *link;

		if (!sl->started || sl->plan.socktype == SOCK_DGRAM)
			continue;
		sn_list_each (link, &sl->listener.connections) {
			struct sn_incoming *in = sn_container_of(link, struct sn_incoming, link);

			if (which == SN_CUT_ALL || !is_open(in))
				sn_stream_abort(in->top, SN_ECANCELED);
		}
	}
}

bool sn_service_listeners_idle(const struct sn_instance *instance)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		const struct sn_service_listener *sl = &instance->listeners[i];

		if (sl->started && sl->plan.socktype != SOCK_DGRAM &&
			!sn_list_empty(&sl->listener.connections))
			return false;
	}
	return true;
}

size_t sn_service_listeners_stdio(const struct sn_instance *instance)
{
	size_t count = 0;

	for (size_t i = 0; i < instance->listener_count; i++)
		count += instance->listeners[i].plan.kind == SN_LISTEN_PAIR;
	return count;
}

void sn_service_listeners_close(struct sn_instance *instance)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = &instance->listeners[i];

		if (!sl->opened)
			continue;
		if (!sl->started)
			sn_listen_close(&sl->sock);
		else if (sl->plan.socktype != SOCK_DGRAM)
			sn_listener_fini(&sl->listener);
		sn_listen_plan_fini(&sl->plan);
	}
	sn_free(instance->listeners);
	instance->listeners = NULL;
	instance->listener_count = 0;
}
