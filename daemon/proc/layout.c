#include "daemon/proc/layout.h"

#include "daemon/base/mem.h"
#include "daemon/base/wire.h"

#define MAGIC 0x534e4c59u /* "SNLY" */
#define FORMAT 1
#define TEXT_MAX 65536
#define LOG_RULES_MAX 63

/*
 * One list of fields for both directions: with `out` each function appends its value, else it
 * reads it. So what is written and what is read cannot differ.
 */
struct codec {
	struct sn_strbuf *out;
	struct sn_reader in;
	struct sn_pool *pool;
};

static void code_number(struct codec *c, uint64_t *value, uint64_t min, uint64_t max)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	if (c->out == NULL) {
		*value = sn_read_u64(&c->in);
		if (*value < min || *value > max)
			sn_reader_fail(&c->in, SN_EPROTO);
		return;
	}
	sn_write_u64(&w, *value);
	sn_strbuf_add(c->out, sn_writer_str(&w));
}

/* A member of whatever integer type, in both directions. */
#define CODE(c, member, min, max) \
	do { \
		uint64_t coded_ = (uint64_t)(member); \
		code_number((c), &coded_, (min), (max)); \
		(member) = (__typeof__(member))coded_; \
	} while (0)

static bool failed(const struct codec *c)
{
	return c->out == NULL && c->in.err != SN_OK;
}

static void code_text(struct codec *c, struct sn_str *text)
{
	uint64_t n = text->n;

	code_number(c, &n, 0, TEXT_MAX);
	if (c->out != NULL)
		sn_strbuf_add(c->out, *text);
	else
		*text = sn_pool_str(c->pool, sn_read_bytes(&c->in, failed(c) ? 0 : (size_t)n));
}

/* How many follow; when reading, zeroed memory for them. An element has at least one byte. */
static size_t code_count(struct codec *c, size_t count, size_t max)
{
	uint64_t n = count;

	code_number(c, &n, 0, max);
	if (c->out == NULL && n > sn_reader_left(&c->in))
		sn_reader_fail(&c->in, SN_EPROTO);
	return failed(c) ? 0 : (size_t)n;
}

#define CODE_ARRAY(c, items, count, max) \
	do { \
		(count) = code_count((c), (count), (max)); \
		if ((c)->out == NULL) \
			(items) = sn_pool_alloc_zero((c)->pool, ((count) + 1) * sizeof(*(items))); \
	} while (0)

static void code_texts(struct codec *c, struct sn_str **texts, size_t *count)
{
	CODE_ARRAY(c, *texts, *count, 65536);
	for (size_t i = 0; i < *count; i++)
		code_text(c, &(*texts)[i]);
}

static void code_addr(struct codec *c, struct sn_addr *addr)
{
	struct sn_str bytes = sn_str_n(&addr->sa, addr->len);
	struct sockaddr_storage ss = { 0 };

	code_text(c, &bytes);
	if (c->out != NULL || bytes.n == 0)
		return;
	if (bytes.n <= sizeof(ss))
		memcpy(&ss, bytes.p, bytes.n);
	if (bytes.n > sizeof(ss) ||
		sn_addr_from_sockaddr((struct sockaddr *)&ss, (socklen_t)bytes.n, addr) != SN_OK)
		sn_reader_fail(&c->in, SN_EPROTO);
}

static void code_group(struct codec *c, struct sn_layout_group *group)
{
	code_text(c, &group->name);
	CODE(c, group->processes, 1, SN_LAYOUT_PROCESSES_MAX);
}

static void code_service(struct codec *c, struct sn_layout_service *service, size_t groups)
{
	code_text(c, &service->name);
	code_text(c, &service->module);
	CODE(c, service->group, 0, groups - 1);
	CODE(c, service->single, 0, 1);
	CODE(c, service->freezes, 0, 1);
}

static void code_listener(struct codec *c, struct sn_layout_listener *listener, size_t services)
{
	CODE(c, listener->service, 0, services - 1);
	CODE(c, listener->index, 0, UINT16_MAX);
	CODE(c, listener->kind, 0, SN_LISTEN_PAIR);
	CODE(c, listener->socktype, SOCK_STREAM, SOCK_SEQPACKET);
	code_addr(c, &listener->addr);
	CODE(c, listener->v6_only, 0, 1);
	CODE(c, listener->lock, 0, 1);
	CODE(c, listener->backlog, 0, INT32_MAX);
	CODE(c, listener->fd, 0, INT32_MAX);
	CODE(c, listener->wfd, 0, INT32_MAX);
	CODE(c, listener->mode, 0, 07777);
	code_text(c, &listener->user);
	code_text(c, &listener->group);
	code_text(c, &listener->text);
	if (c->out == NULL && listener->kind == SN_LISTEN_ADDR && listener->addr.len == 0)
		sn_reader_fail(&c->in, SN_EPROTO);
}

static bool is_log_rule(struct sn_str entry)
{
	char text[SN_LOG_NS_SIZE];
	enum sn_log_level level;
	struct sn_strbuf ns;

	sn_strbuf_fixed(&ns, text, sizeof(text));
	return sn_log_parse_rule(entry, &ns, &level) == SN_OK;
}

static void code_log(struct codec *c, struct sn_layout *layout)
{
	CODE(c, layout->log_level, 0, SN_LOG_OFF);
	CODE(c, layout->log_format, 0, SN_LOG_CHOOSE_JSON);
	CODE(c, layout->log_target, 0, SN_LOG_TO_JOURNALD);
	code_text(c, &layout->log_file);
	code_text(c, &layout->log_socket);
	code_texts(c, &layout->log_levels, &layout->log_level_count);
	if (layout->log_level_count > LOG_RULES_MAX)
		sn_reader_fail(&c->in, SN_EPROTO);
	for (size_t i = 0; c->out == NULL && i < layout->log_level_count; i++) {
		if (!is_log_rule(layout->log_levels[i]))
			sn_reader_fail(&c->in, SN_EPROTO);
	}
}

static void code_settings(struct codec *c, struct sn_layout *layout)
{
	code_text(c, &layout->name);
	code_text(c, &layout->user);
	code_text(c, &layout->group_name);
	code_text(c, &layout->state);
	code_text(c, &layout->runtime);
	code_text(c, &layout->control);
	code_log(c, layout);
	CODE(c, layout->sandbox, 0, 1);
	CODE(c, layout->uses_state, 0, 1);
	CODE(c, layout->drain_timeout, 0, INT64_MAX);
	CODE(c, layout->watchdog, 0, INT64_MAX);
	CODE(c, layout->auth_timeout, 0, INT64_MAX);
	CODE(c, layout->auth_children, 0, UINT32_MAX);
	CODE(c, layout->spawns_users, 0, 1);
	code_texts(c, &layout->key_paths, &layout->key_path_count);
	CODE(c, layout->limiter_entries, 0, UINT32_MAX);
	CODE(c, layout->metrics_bytes, 0, UINT32_MAX);
	CODE(c, layout->limiter_free, 0, UINT32_MAX);
	CODE(c, layout->limiter_refuse, 0, UINT32_MAX);
}

static void code_layout(struct codec *c, struct sn_layout *layout)
{
	uint64_t magic = MAGIC, format = FORMAT;

	code_number(c, &magic, MAGIC, MAGIC);
	code_number(c, &format, FORMAT, FORMAT);
	CODE_ARRAY(c, layout->groups, layout->group_count, SN_LAYOUT_GROUPS_MAX);
	for (size_t i = 0; i < layout->group_count; i++)
		code_group(c, &layout->groups[i]);
	CODE_ARRAY(c, layout->services, layout->service_count,
		layout->group_count > 0 ? UINT16_MAX : 0);
	for (size_t i = 0; i < layout->service_count; i++)
		code_service(c, &layout->services[i], layout->group_count);
	CODE_ARRAY(c, layout->listeners, layout->listener_count,
		layout->service_count > 0 ? UINT16_MAX : 0);
	for (size_t i = 0; i < layout->listener_count; i++)
		code_listener(c, &layout->listeners[i], layout->service_count);
	code_settings(c, layout);
}

void sn_layout_encode(const struct sn_layout *layout, struct sn_strbuf *out)
{
	struct sn_layout copy = *layout;
	struct codec c = { .out = out };

	code_layout(&c, &copy);
}

struct sn_layout *sn_layout_new(void)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_layout *layout = sn_pool_alloc_zero(pool, sizeof(*layout));

	layout->pool = pool;
	return layout;
}

int sn_layout_decode(struct sn_str text, struct sn_layout **layout_r)
{
	struct sn_layout *layout = sn_layout_new();
	struct codec c = { .in = sn_reader(text), .pool = layout->pool };

	code_layout(&c, layout);
	if (c.in.err != SN_OK || sn_reader_left(&c.in) > 0) {
		sn_layout_free(&layout);
		return SN_EPROTO;
	}
	*layout_r = layout;
	return SN_OK;
}

void sn_layout_free(struct sn_layout **layout)
{
	struct sn_pool *pool;

	if (*layout == NULL)
		return;
	pool = (*layout)->pool;
	*layout = NULL;
	sn_pool_free(&pool);
}

void sn_layout_listener_plan(
	const struct sn_layout_listener *listener, struct sn_listen_plan *plan_r)
{
	*plan_r = (struct sn_listen_plan){
		.kind = listener->kind,
		.socktype = listener->socktype,
		.addr = listener->addr,
		.v6_only = listener->v6_only,
		.backlog = listener->backlog,
		.fd = listener->fd,
		.wfd = listener->wfd,
		.mode = listener->mode,
		.user = listener->user.n > 0 ? listener->user.p : NULL,
		.group = listener->group.n > 0 ? listener->group.p : NULL,
		.lock = listener->lock,
	};
}

struct sn_log_setup sn_layout_log_setup(const struct sn_layout *layout)
{
	return (struct sn_log_setup){
		.level = (enum sn_log_level)layout->log_level,
		.levels = layout->log_levels,
		.level_count = layout->log_level_count,
		.format = (enum sn_log_choice)layout->log_format,
		.target = (enum sn_log_target)layout->log_target,
		.file = layout->log_file.n > 0 ? layout->log_file.p : NULL,
		.socket = layout->log_socket.n > 0 ? layout->log_socket.p : NULL,
		.color = sn_log_color_wanted(),
	};
}

bool sn_layout_speaks_on_stdout(const struct sn_layout *layout)
{
	for (size_t i = 0; i < layout->listener_count; i++) {
		if (layout->listeners[i].kind == SN_LISTEN_PAIR)
			return true;
	}
	return false;
}

bool sn_layout_same_listener(const struct sn_layout_listener *a, const struct sn_layout_listener *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind != SN_LISTEN_ADDR)
		return a->fd == b->fd && a->wfd == b->wfd;
	return a->socktype == b->socktype && sn_addr_eq(&a->addr, &b->addr) &&
		a->v6_only == b->v6_only && a->lock == b->lock;
}
