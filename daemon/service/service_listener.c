#include "daemon/service/service_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/service/conn.h"

static struct sn_service_listener *of_listener(const struct sn_listener *listener)
{
	return sn_container_of(
		(struct sn_listener *)(uintptr_t)listener, struct sn_service_listener, listener);
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

static bool is_dgram(const struct sn_service_listener *sl)
{
	return sl->plan.socktype == SOCK_DGRAM;
}

/* --- opening -------------------------------------------------------------------------------- */

static int check_kind(const struct sn_service *service, const struct sn_listen_plan *plan,
	const struct sn_endpoint *endpoint, struct sn_diag *diag)
{
	const unsigned need = plan->socktype == SOCK_DGRAM ? SN_SERVICE_DGRAM : SN_SERVICE_STREAM;

	if (service->flags & need)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, endpoint->column, "%s does not speak %s",
		service->name, need == SN_SERVICE_DGRAM ? "datagrams" : "streams");
}

static int make_plan(const struct sn_service *service, const struct sn_endpoint *endpoint,
	struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int code = sn_listen_plan_make(endpoint, plan, diag);

	if (code != SN_OK)
		return code;
	code = check_kind(service, plan, endpoint, diag);
	if (code != SN_OK)
		sn_listen_plan_fini(plan);
	return code;
}

/* An inherited socket that came through the supervisor says only now what it is. */
static void note_type(struct sn_service_listener *sl)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (sl->plan.kind == SN_LISTEN_FD &&
		getsockopt(sl->sock.fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		sl->plan.socktype = type;
}

static int take_socket(struct sn_service_listener *sl, const struct sn_listener_request *request,
	size_t index, struct sn_diag *diag)
{
	int code;

	if (request->sockets == NULL)
		return sn_listen_open(&sl->plan, &sl->sock, diag);
	sl->shared = sl->instance->service->flags & SN_SERVICE_SHARDED;
	code = request->sockets->take(request->sockets, sl->instance->name, index, &sl->sock);
	if (code == SN_ENOTFOUND)
		return sn_diag_set(diag, code, 0, "the supervisor keeps no socket for it");
	if (code == SN_OK)
		note_type(sl);
	return code;
}

/* After make_plan. */
static int open_one(struct sn_service_listener *sl, const struct sn_listener_request *request,
	size_t index, struct sn_diag *diag)
{
	const struct sn_service *service = sl->instance->service;
	int code = SN_OK;

	if (sl->former != NULL)
		sl->shared = sl->former->shared;
	else
		code = take_socket(sl, request, index, diag);
	if (code != SN_OK) {
		sn_listen_plan_fini(&sl->plan);
		return code;
	}
	sl->opened = true;
	for (struct sn_accept_stage *stage = sl->plan.stages; stage != NULL; stage = stage->next) {
		if (stage->ops->set_alpn != NULL && service->alpn != NULL)
			stage->ops->set_alpn(stage, service->alpn);
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
struct sn_conf_endpoints sn_service_endpoints(
	const struct sn_conf_named *named, struct sn_pool *pool)
{
	const struct sn_service *service = sn_registry_find(named->type);
	struct sn_conf_endpoints list = ((const struct sn_service_conf *)named->common)->listen;
	const char *const *text = service->default_listen;
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

static int require_any(const struct sn_conf_named *named, const struct sn_conf_endpoints *list,
	struct sn_conf_diags *diags)
{
	if (list->count > 0)
		return SN_OK;
	sn_conf_report(diags, SN_CONF_ERROR, named->pos,
		"service %.*s listens nowhere: give `listen`", SN_STR_ARG(named->name));
	return SN_ECONFIG;
}

static bool is_in(const struct sn_listener_set *set, const struct sn_service_listener *sl)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i] == sl)
			return true;
	}
	return false;
}

static bool has_heir(const struct sn_listener_set *set, const struct sn_service_listener *sl)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i]->former == sl)
			return true;
	}
	return false;
}

/* The same socket under another text (other certificates)? A port chosen by the system never is. */
static bool same_socket(const struct sn_listen_plan *a, const struct sn_listen_plan *b)
{
	return a->kind == SN_LISTEN_ADDR && b->kind == SN_LISTEN_ADDR &&
		a->socktype == b->socktype && a->v6_only == b->v6_only &&
		sn_addr_eq(&a->addr, &b->addr) &&
		(a->addr.sa.sa_family == AF_UNIX || sn_addr_port(&a->addr) != 0);
}

/* A running listener that nobody in the set has taken yet: for this endpoint or (plan not NULL) on
 * this address. */
static struct sn_service_listener *find_running(const struct sn_instance *running,
	const struct sn_listener_set *set, struct sn_str text, const struct sn_listen_plan *plan)
{
	for (size_t i = 0; running != NULL && i < running->listener_count; i++) {
		struct sn_service_listener *sl = running->listeners[i];

		if (!sl->started || sl->retired || is_in(set, sl) || has_heir(set, sl))
			continue;
		if (sn_str_eq(sn_str(sl->text), text) ||
			(plan != NULL && same_socket(&sl->plan, plan)))
			return sl;
	}
	return NULL;
}

static struct sn_service_listener *new_listener(
	struct sn_instance *instance, const struct sn_listener_request *request, struct sn_str text)
{
	struct sn_service_listener *sl = sn_alloc_zero(sizeof(*sl));

	sl->instance = instance;
	sl->text = sn_str_dup(text);
	sl->conf = sn_conf_ref(request->conf != NULL ? request->conf : instance->conf);
	sl->sock = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	return sl;
}

/* The next of the set. */
static int add_to_set(struct sn_listener_set *set, struct sn_instance *instance,
	const struct sn_listener_request *request, const struct sn_endpoint *endpoint,
	struct sn_diag *diag)
{
	const struct sn_str text = endpoint->source;
	const size_t index = set->count;
	struct sn_service_listener *sl = NULL;
	int code;

	if (request->running == instance)
		sl = find_running(instance, set, text, NULL);
	if (sl != NULL) {
		set->items[set->count++] = sl;
		return SN_OK;
	}
	sl = new_listener(instance, request, text);
	code = make_plan(instance->service, endpoint, &sl->plan, diag);
	if (code == SN_OK) {
		sl->former = find_running(request->running, set, text, &sl->plan);
		code = open_one(sl, request, index, diag);
	}
	set->items[set->count++] = sl;
	return code;
}

int sn_listener_set_open(struct sn_listener_set *set, struct sn_instance *instance,
	const struct sn_listener_request *request, struct sn_conf_diags *diags)
{
	const struct sn_conf_endpoints list =
		sn_service_endpoints(request->named, instance->memory);
	int result = require_any(request->named, &list, diags);

	set->items = sn_alloc_array(list.count, sizeof(struct sn_service_listener *));
	set->count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct sn_diag diag = { 0 };
		const int code = add_to_set(set, instance, request, list.items[i].endpoint, &diag);

		if (code == SN_OK)
			continue;
		report(&list.items[i], code, &diag, diags);
		result = code;
	}
	return result;
}

int sn_service_listeners_check(const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service *service = sn_registry_find(named->type);
	struct sn_pool *pool = sn_pool_new(0);
	const struct sn_conf_endpoints list = sn_service_endpoints(named, pool);
	int result = require_any(named, &list, diags);

	for (size_t i = 0; i < list.count; i++) {
		struct sn_listen_plan plan;
		struct sn_diag diag = { 0 };
		const int code = make_plan(service, list.items[i].endpoint, &plan, &diag);

		if (code == SN_OK) {
			sn_listen_plan_fini(&plan);
			continue;
		}
		report(&list.items[i], code, &diag, diags);
		result = code;
	}
	sn_pool_free(&pool);
	return result;
}

static void close_one(struct sn_service_listener *sl)
{
	if (sl->opened && !sl->started)
		sn_listen_close(&sl->sock);
	else if (sl->opened && !is_dgram(sl))
		sn_listener_fini(&sl->listener);
	if (sl->opened)
		sn_listen_plan_fini(&sl->plan);
	sn_conf_unref(&sl->conf);
	sn_free(sl->text);
	sn_free(sl);
}

static bool has(const struct sn_instance *instance, const struct sn_service_listener *sl)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		if (instance->listeners[i] == sl)
			return true;
	}
	return false;
}

void sn_listener_set_drop(struct sn_listener_set *set, struct sn_instance *instance)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!has(instance, set->items[i]))
			close_one(set->items[i]);
	}
	sn_free(set->items);
	*set = (struct sn_listener_set){ 0 };
}

static void stop_one(struct sn_service_listener *sl)
{
	if (!sl->started)
		return;
	if (is_dgram(sl))
		sn_dgram_stop(&sl->dgram);
	else
		sn_listener_stop(&sl->listener);
}

void sn_service_listeners_replace(struct sn_instance *instance, struct sn_listener_set *set)
{
	struct sn_service_listener **all = sn_alloc_array(
		set->count + instance->listener_count, sizeof(struct sn_service_listener *));
	size_t count = 0;

	for (; count < set->count; count++)
		all[count] = set->items[count];
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];

		if (is_in(set, sl))
			continue;
		if (!has_heir(set, sl))
			stop_one(sl);
		sl->retired = true;
		all[count++] = sl;
	}
	sn_free(set->items);
	*set = (struct sn_listener_set){ 0 };
	sn_free(instance->listeners);
	instance->listeners = all;
	instance->listener_count = count;
	sn_loop_defer(instance->loop, instance->idle_task);
}

int sn_service_listeners_open(struct sn_instance *instance,
	const struct sn_listener_request *request, struct sn_conf_diags *diags)
{
	struct sn_listener_set set;
	const int code = sn_listener_set_open(&set, instance, request, diags);

	instance->listeners = set.items;
	instance->listener_count = set.count;
	return code;
}

/* --- running -------------------------------------------------------------------------------- */

static struct sn_stream_limits limits_of(const struct sn_instance *instance)
{
	const size_t queue = (size_t)instance->common->send_queue;

	return (struct sn_stream_limits){
		.in_max = 65536,
		.low = queue / 16,
		.high = queue / 4,
		.max = queue,
	};
}

static struct sn_stream_deadlines deadlines_of(const struct sn_instance *instance)
{
	const struct sn_service_conf *common = instance->common;

	return (struct sn_stream_deadlines){
		.handshake = common->handshake_timeout,
		.idle = common->idle_timeout,
		.write = common->write_timeout,
		.close = common->close_timeout,
	};
}

/* A stopped datagram socket is closed: what the next one goes on with is a duplicate. */
static void take_over(struct sn_service_listener *sl)
{
	struct sn_service_listener *former = sl->former;

	sl->former = NULL;
	if (former == NULL)
		return;
	if (!is_dgram(former)) {
		sn_listener_release(&former->listener, &sl->sock);
		return;
	}
	sl->sock.local = former->listener.sock.local;
	sl->sock.fd = fcntl(former->dgram.watch.fd, F_DUPFD_CLOEXEC, 0);
	sn_dgram_stop(&former->dgram);
}

static int start_stream(struct sn_service_listener *sl)
{
	struct sn_instance *instance = sl->instance;
	const struct sn_listener_options options = {
		.conn_size = instance->service->conn_size,
		.limits = limits_of(instance),
		.deadlines = deadlines_of(instance),
		.caps = &instance->caps,
		.shared = sl->shared,
		.log = &instance->log,
		.metrics = &instance->listener_metrics,
	};

	return sn_listener_start(
		&sl->listener, instance->loop, &sl->sock, sl->plan.stages, &options, &listener_ops);
}

static int start_one(struct sn_service_listener *sl)
{
	struct sn_instance *instance = sl->instance;
	int code = SN_OK;

	for (struct sn_accept_stage *stage = sl->plan.stages; stage != NULL && code == SN_OK;
		stage = stage->next) {
		if (stage->ops->attach != NULL)
			code = stage->ops->attach(stage, instance->loop, instance->pool);
	}
	if (code != SN_OK)
		return code;
	take_over(sl);
	if (is_dgram(sl)) {
		if (sl->sock.fd < 0)
			return -EMFILE;
		sl->listener.sock.local = sl->sock.local; /* for greet */
		code = sn_dgram_start(&sl->dgram, instance->loop, sl->sock.fd, NULL, &dgram_ops);
	} else {
		code = start_stream(sl);
	}
	sl->started = code == SN_OK;
	return code;
}

int sn_service_listeners_start(struct sn_instance *instance, struct sn_diag *diag)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];
		const int code = sl->started ? SN_OK : start_one(sl);

		if (code != SN_OK)
			return sn_diag_set(diag, code, 0, "%s", sn_strerror(code));
	}
	return SN_OK;
}

void sn_service_listeners_refresh(struct sn_instance *instance)
{
	const struct sn_stream_limits limits = limits_of(instance);
	const struct sn_stream_deadlines deadlines = deadlines_of(instance);

	instance->caps.max_total = (uint32_t)instance->common->max_connections;
	instance->caps.max_per_address = (uint32_t)instance->common->max_per_address;
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];

		if (sl->started && !is_dgram(sl))
			sn_listener_set_limits(&sl->listener, &limits, &deadlines);
	}
}

void sn_service_listeners_greet(struct sn_instance *instance, struct sn_strbuf *out)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];

		if (sl->retired)
			continue;
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
	for (size_t i = 0; i < instance->listener_count; i++)
		stop_one(instance->listeners[i]);
}

/* --- connections ---------------------------------------------------------------------------- */

static bool is_open(const struct sn_incoming *in)
{
	return in->top->user != &in->user;
}

void sn_service_listeners_cut(struct sn_instance *instance, enum sn_cut which)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];
		struct sn_list *link;

		if (!sl->started || is_dgram(sl))
			continue;
		sn_list_each (link, &sl->listener.connections) {
			struct sn_incoming *in = sn_container_of(link, struct sn_incoming, link);

			if (which == SN_CUT_ALL || !is_open(in))
				sn_stream_abort(in->top, SN_ECANCELED);
		}
	}
}

static bool has_connections(const struct sn_service_listener *sl)
{
	return sl->started && !is_dgram(sl) && !sn_list_empty(&sl->listener.connections);
}

bool sn_service_listeners_idle(const struct sn_instance *instance)
{
	for (size_t i = 0; i < instance->listener_count; i++) {
		if (has_connections(instance->listeners[i]))
			return false;
	}
	return true;
}

void sn_service_listeners_collect(struct sn_instance *instance)
{
	size_t kept = 0;

	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];

		if (sl->retired && !has_connections(sl))
			close_one(sl);
		else
			instance->listeners[kept++] = sl;
	}
	instance->listener_count = kept;
}

size_t sn_service_listeners_stdio(const struct sn_instance *instance)
{
	size_t count = 0;

	for (size_t i = 0; i < instance->listener_count; i++)
		count += instance->listeners[i]->plan.kind == SN_LISTEN_PAIR;
	return count;
}

static int fitness(const struct sn_service_listener *sl, struct sn_str text)
{
	if (!sl->started || is_dgram(sl) || sl->retired)
		return 0;
	if (sn_str_eq(sn_str(sl->text), text))
		return 3;
	return sl->plan.stages == NULL ? 2 : 1;
}

struct sn_listener *sn_service_listeners_match(struct sn_instance *instance, struct sn_str text)
{
	struct sn_service_listener *best = NULL;
	int most = 0;

	for (size_t i = 0; i < instance->listener_count; i++) {
		struct sn_service_listener *sl = instance->listeners[i];

		if (fitness(sl, text) > most) {
			most = fitness(sl, text);
			best = sl;
		}
	}
	return best != NULL ? &best->listener : NULL;
}

struct sn_str sn_service_listener_text(const struct sn_listener *listener)
{
	return sn_str(of_listener(listener)->text);
}

void sn_service_listeners_close(struct sn_instance *instance)
{
	for (size_t i = 0; i < instance->listener_count; i++)
		close_one(instance->listeners[i]);
	sn_free(instance->listeners);
	instance->listeners = NULL;
	instance->listener_count = 0;
}
