#include "daemon/proc/sandbox_paths.h"

#include <limits.h>
#include <unistd.h>

#include "daemon/service/registry.h"

#define PATHS_MAX 4096

struct paths {
	struct sn_pool *pool;
	struct sn_str *read, *write;
	size_t read_count, write_count;
};

static void add(struct sn_str *list, size_t *count, struct sn_str path)
{
	if (path.n > 0 && *count < PATHS_MAX)
		list[(*count)++] = path;
}

/* Renewed files are often renamed into place, or are links into another folder: so the folder of a
 * file too. "certs/a.pem" gives both. */
static void add_file(struct paths *p, struct sn_str path)
{
	const char *slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;
	const size_t n = slash != NULL ? (size_t)(slash - path.p) : 0;

	add(p->read, &p->read_count, path);
	if (n > 0)
		add(p->read, &p->read_count, sn_pool_str(p->pool, sn_str_sub(path, 0, n)));
}

/* A text that may be a path: it is one if there is something of that name. */
static void add_if_there(struct paths *p, struct sn_str text)
{
	const char *path;

	if (text.n == 0 || text.n >= PATH_MAX)
		return;
	path = sn_pool_strdup(p->pool, text);
	if (access(path, F_OK) == 0)
		add_file(p, sn_str(path));
}

static void add_endpoint(struct paths *p, const struct sn_endpoint *endpoint)
{
	for (; endpoint != NULL; endpoint = endpoint->inner) {
		for (size_t i = 0; i < endpoint->type->param_count; i++) {
			if (endpoint->type->params[i].kind == SN_PARAM_TEXT)
				add_if_there(p, endpoint->values[i].text);
		}
	}
}

/* "file:/etc/sennit/users" */
static void add_spec(struct paths *p, struct sn_str spec)
{
	add_if_there(p, spec);
	add_if_there(p, sn_str_from(spec, sn_str_find(spec, ':') + 1));
}

static void add_member(struct paths *p, const struct sn_conf_item *item, const void *member)
{
	const struct sn_conf_endpoints *endpoints = member;
	const struct sn_conf_strings *strings = member;

	switch (item->type) {
	case SN_CONF_PATH:
		add_file(p, *(const struct sn_str *)member);
		break;
	case SN_CONF_LISTEN:
	case SN_CONF_CONNECT:
		for (size_t i = 0; i < endpoints->count; i++)
			add_endpoint(p, endpoints->items[i].endpoint);
		break;
	case SN_CONF_STRINGS:
		for (size_t i = 0; i < strings->count; i++)
			add_spec(p, strings->items[i]);
		break;
	default:
		break;
	}
}

static void add_section(
	struct paths *p, const struct sn_conf_section *section, const void *settings)
{
	for (size_t i = 0; i < section->count; i++)
		add_member(
			p, &section->items[i], (const char *)settings + section->items[i].offset);
}

/* The log's folder, for a file that is made anew after it was rotated away. */
static void add_log(struct paths *p, const struct sn_log_conf *log)
{
	const struct sn_str file = log->file;
	const char *slash = file.n > 0 ? memrchr(file.p, '/', file.n) : NULL;

	add(p->write, &p->write_count, file);
	if (slash != NULL && slash != file.p)
		add(p->write, &p->write_count,
			sn_pool_str(p->pool, sn_str_sub(file, 0, (size_t)(slash - file.p))));
	else if (file.n > 0)
		add(p->write, &p->write_count, slash != NULL ? SN_STR("/") : SN_STR("."));
	add(p->write, &p->write_count, log->socket);
}

void sn_sandbox_paths(struct sn_conf *conf, struct sn_str state, struct sn_pool *pool,
	struct sn_sandbox *sandbox_r)
{
	const struct sn_conf_named *named;
	struct paths p = {
		.pool = pool,
		.read = sn_pool_alloc_zero(pool, PATHS_MAX * sizeof(*p.read)),
		.write = sn_pool_alloc_zero(pool, PATHS_MAX * sizeof(*p.write)),
	};

	for (size_t i = 0; (named = sn_conf_named_at(conf, "service", i)) != NULL; i++) {
		add_section(&p, &sn_service_common, named->common);
		add_section(&p, named->section, named->settings);
	}
	add(p.write, &p.write_count, state);
	add_log(&p, sn_conf_plain(conf, "log"));
	*sandbox_r = (struct sn_sandbox){
		.read_paths = p.read,
		.read_path_count = p.read_count,
		.write_paths = p.write,
		.write_path_count = p.write_count,
	};
}
