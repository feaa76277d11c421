#include "config/conf_private.h"

#include <glob.h>
#include <stdlib.h>

#include "config/conf_file.h"
#include "config/conf_secret.h"
#include "daemon/base/text.h"

#define FILE_MAX ((size_t)8 << 20)
#define INCLUDE_DEPTH_MAX 8
#define TEXT_NAME "configuration"

/* A file that was read: including it again could only repeat its tables. */
struct seen {
	struct seen *next;
	dev_t device;
	ino_t inode;
};

struct loader {
	struct sn_pool *pool;
	struct sn_conf_diags *diags;
	const struct sn_conf_schema *schema;
	struct sn_toml_value *root;
	struct seen *seen;
	unsigned depth; /* of includes */
};

static void load_file(struct loader *l, const char *path, struct sn_conf_pos named_at);

struct sn_toml_value *sn_conf_tree_table(struct sn_pool *pool, struct sn_conf_pos pos)
{
	struct sn_toml_value *table = sn_pool_alloc_zero(pool, sizeof(*table));

	table->kind = SN_TOML_TABLE;
	table->pos = pos;
	table->table.last = &table->table.first;
	return table;
}

static void append_entry(struct sn_toml_value *table, struct sn_toml_entry *entry)
{
	entry->next = NULL;
	*table->table.last = entry;
	table->table.last = &entry->next;
}

void sn_conf_tree_add(struct sn_pool *pool, struct sn_toml_value *table, struct sn_str key,
	struct sn_toml_value *value)
{
	struct sn_toml_entry *entry = sn_pool_alloc_zero(pool, sizeof(*entry));

	entry->key = sn_pool_str(pool, key);
	entry->key_pos = value->pos;
	entry->value = value;
	append_entry(table, entry);
}

/* A stretch of a string and what it means. */
struct piece {
	size_t used;
	struct sn_str text;
	const char *fault; /* NULL: none */
};

static bool is_name(struct sn_str s)
{
	bool ok = s.n > 0 && !sn_ascii_digit(s.p[0]);

	for (size_t i = 0; i < s.n; i++)
		ok &= sn_ascii_alpha(s.p[i]) || sn_ascii_digit(s.p[i]) || s.p[i] == '_';
	return ok;
}

/* s begins with "${". */
static struct piece read_variable(struct loader *l, struct sn_str s)
{
	size_t end = sn_str_find(s, '}');
	struct sn_str name = sn_str_sub(s, 2, end - 2);
	struct piece piece = { .used = end < s.n ? end + 1 : 2 };
	const char *value;

	if (end == s.n || !is_name(name)) {
		piece.fault = "${NAME} takes a variable's name (a dollar sign itself is $$)";
		return piece;
	}
	value = getenv(sn_pool_strdup(l->pool, name));
	piece.text = sn_str(value);
	if (value == NULL)
		piece.fault = "this environment variable is not set";
	else if (!sn_utf8_valid(piece.text))
		piece.fault = "this environment variable is not valid UTF-8";
	return piece;
}

static struct piece next_piece(struct loader *l, struct sn_str s)
{
	size_t dollar = sn_str_find(s, '$');

	if (dollar > 0)
		return (struct piece){ .used = dollar, .text = sn_str_sub(s, 0, dollar) };
	if (sn_str_starts(s, SN_STR("${")))
		return read_variable(l, s);
	return (struct piece){ .used = sn_str_starts(s, SN_STR("$$")) ? 2 : 1,
		.text = SN_STR("$") };
}

static void report_piece(struct loader *l, const struct sn_toml_value *value, size_t offset,
	const struct piece *piece)
{
	struct sn_conf_pos pos = sn_conf_pos_within(value->pos, value->string, offset);

	if (pos.length == 0)
		pos.length = (uint32_t)piece->used;
	sn_conf_report(l->diags, SN_CONF_ERROR, pos, "%s", piece->fault);
}

/* How long the string gets; false: something in it cannot be expanded, and is reported. */
static bool measure_expanded(struct loader *l, const struct sn_toml_value *value, size_t *n_r)
{
	struct sn_str rest = value->string;
	bool ok = true;

	for (*n_r = 0; rest.n > 0;) {
		struct piece piece = next_piece(l, rest);

		if (piece.fault != NULL)
			report_piece(l, value, value->string.n - rest.n, &piece);
		ok &= piece.fault == NULL;
		*n_r += piece.text.n;
		rest = sn_str_from(rest, piece.used);
	}
	return ok;
}

static bool expand_string(struct loader *l, struct sn_toml_value *value)
{
	struct sn_str rest = value->string;
	struct sn_strbuf out;
	size_t n;

	if (sn_str_find(rest, '$') == rest.n)
		return true;
	if (!measure_expanded(l, value, &n))
		return false;
	sn_strbuf_fixed(&out, sn_conf_secret_alloc(l->pool, n + 1), n + 1);
	while (rest.n > 0) {
		struct piece piece = next_piece(l, rest);

		sn_strbuf_add(&out, piece.text);
		rest = sn_str_from(rest, piece.used);
	}
	value->string = sn_strbuf_str(&out);
	return true;
}

static bool expand_value(struct loader *l, struct sn_toml_value *value);

/* Like a malformed value, one that cannot be expanded is gone: it is reported once. */
static void expand_table(struct loader *l, struct sn_toml_value *table)
{
	for (struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next) {
		if (e->value != NULL && !expand_value(l, e->value))
			e->value = NULL;
	}
}

static bool expand_value(struct loader *l, struct sn_toml_value *value)
{
	bool ok = true;

	if (value->kind == SN_TOML_STRING)
		return expand_string(l, value);
	if (value->kind == SN_TOML_ARRAY)
		for (size_t i = 0; i < value->array.count; i++)
			ok &= expand_value(l, value->array.items[i]);
	if (value->kind == SN_TOML_TABLE)
		expand_table(l, value);
	return ok;
}

static bool is_table(const struct sn_toml_entry *entry)
{
	return entry->value != NULL && entry->value->kind == SN_TOML_TABLE;
}

static void report_second(
	struct loader *l, const struct sn_toml_entry *first, const struct sn_toml_entry *second)
{
	sn_conf_report(l->diags, SN_CONF_ERROR, second->key_pos,
		"\"%.*s\" is in %.*s already (line %u); a table is written in one file only",
		SN_STR_ARG(second->key), SN_STR_ARG(first->key_pos.source->name),
		first->key_pos.line);
}

/*
 * Move the entries of one more file into the tree. Only the named tables, [service.A] here and
 * [service.B] there, meet under one key; `named` tells that these are such.
 */
static void merge_tables(
	struct loader *l, struct sn_toml_value *into, struct sn_toml_value *from, bool named)
{
	struct sn_toml_entry *next;

	for (struct sn_toml_entry *e = from->table.first; e != NULL; e = next) {
		const struct sn_conf_table *table = sn_conf_schema_find(l->schema, e->key);
		struct sn_toml_entry *there = sn_toml_find(into, e->key);

		next = e->next;
		if (there == NULL)
			append_entry(into, e);
		else if (!named && table != NULL && table->named && is_table(there) && is_table(e))
			merge_tables(l, there->value, e->value, true);
		else
			report_second(l, there, e);
	}
}

static bool has_wildcard(struct sn_str pattern)
{
	return sn_str_find(pattern, '*') < pattern.n || sn_str_find(pattern, '?') < pattern.n ||
		sn_str_find(pattern, '[') < pattern.n;
}

/* Without a match a pattern includes nothing; a plain name must exist. */
static void include_pattern(struct loader *l, const struct sn_toml_value *value)
{
	struct sn_str path = sn_conf_path_beside(l->pool, value->pos.source->name, value->string);
	glob_t found;
	int err;

	if (!has_wildcard(value->string)) {
		load_file(l, path.p, value->pos);
		return;
	}
	err = glob(path.p, GLOB_ERR, NULL, &found);
	if (err == GLOB_NOMATCH)
		return;
	if (err != 0) {
		sn_conf_report(l->diags, SN_CONF_ERROR, value->pos, "%.*s cannot be searched",
			SN_STR_ARG(path));
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		load_file(l, found.gl_pathv[i], value->pos);
	globfree(&found);
}

static void include_one(struct loader *l, const struct sn_toml_value *value)
{
	if (value->kind != SN_TOML_STRING || value->string.n == 0 ||
		sn_str_find(value->string, '\0') < value->string.n)
		sn_conf_report(l->diags, SN_CONF_ERROR, value->pos,
			"\"include\" takes paths in quotes, found %s",
			value->kind == SN_TOML_STRING ? "a string that is none"
						      : sn_toml_kind_name(value->kind));
	else
		include_pattern(l, value);
}

static void follow_includes(struct loader *l, const struct sn_toml_value *include)
{
	if (include == NULL)
		return;
	if (l->depth >= INCLUDE_DEPTH_MAX) {
		sn_conf_report(l->diags, SN_CONF_ERROR, include->pos,
			"files include one another more than %d deep", INCLUDE_DEPTH_MAX);
		return;
	}
	l->depth++;
	if (include->kind == SN_TOML_ARRAY)
		for (size_t i = 0; i < include->array.count; i++)
			include_one(l, include->array.items[i]);
	else
		include_one(l, include);
	l->depth--;
}

/* Take `include` out of the table it stands at the top of. */
static struct sn_toml_value *detach_include(struct sn_toml_value *root)
{
	struct sn_toml_value *include = NULL;
	struct sn_toml_entry **at = &root->table.first;

	while (*at != NULL && !sn_str_eq((*at)->key, SN_STR("include")))
		at = &(*at)->next;
	if (*at != NULL) {
		include = (*at)->value;
		*at = (*at)->next;
	}
	return include;
}

static void load_source(struct loader *l, const struct sn_conf_source *source)
{
	struct sn_toml_value *root = sn_toml_parse(l->pool, source, l->diags);
	struct sn_toml_value *include;

	expand_table(l, root);
	include = detach_include(root);
	merge_tables(l, l->root, root, false);
	follow_includes(l, include);
}

static bool see(struct loader *l, const struct sn_conf_file *file)
{
	struct seen *seen;

	for (seen = l->seen; seen != NULL; seen = seen->next)
		if (seen->device == file->device && seen->inode == file->inode)
			return false;
	seen = sn_pool_alloc_zero(l->pool, sizeof(*seen));
	seen->device = file->device;
	seen->inode = file->inode;
	seen->next = l->seen;
	l->seen = seen;
	return true;
}

/* named_at: the string that names the file; nowhere for the first one. */
static void load_file(struct loader *l, const char *path, struct sn_conf_pos named_at)
{
	struct sn_conf_file file = { .text = SN_STR("") };
	int err = sn_conf_file_read(l->diags->pool, path, FILE_MAX, &file);
	const struct sn_conf_source *source =
		sn_conf_source_add(l->diags->pool, &l->diags->sources, path, file.text);

	if (named_at.source == NULL)
		named_at = l->root->pos = (struct sn_conf_pos){ .source = source };
	if (err != SN_OK)
		sn_conf_report(l->diags, SN_CONF_ERROR, named_at, "%s%scannot be read: %s",
			l->depth > 0 ? path : "", l->depth > 0 ? " " : "", sn_strerror(err));
	else if (!see(l, &file))
		sn_conf_report(l->diags, SN_CONF_ERROR, named_at, "%s is included already", path);
	else
		load_source(l, source);
}

struct sn_toml_value *sn_conf_tree_load(
	struct sn_pool *pool, const struct sn_conf_request *request, struct sn_conf_diags *diags)
{
	struct loader l = { .pool = pool, .diags = diags, .schema = request->schema };

	l.root = sn_conf_tree_table(pool, (struct sn_conf_pos){ 0 });
	if (request->path != NULL) {
		load_file(&l, request->path, (struct sn_conf_pos){ 0 });
	} else if (request->text.p != NULL) {
		const struct sn_conf_source *source = sn_conf_source_add(diags->pool,
			&diags->sources, TEXT_NAME, sn_conf_keep(diags->pool, request->text));

		l.root->pos.source = source;
		load_source(&l, source);
	}
	return l.root;
}
