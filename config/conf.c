#include "config/conf.h"

#include "config/conf_private.h"
#include "config/conf_read.h"
#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define SHOWN_MAX 80

/* From the tree to the snapshot. */
struct builder {
	struct sn_conf *conf;
	struct sn_conf_diags *diags;
	struct sn_conf_reader reader;
};

const struct sn_conf_table *sn_conf_schema_find(
	const struct sn_conf_schema *schema, struct sn_str name)
{
	for (size_t i = 0; i < schema->count; i++)
		if (sn_str_eq(sn_str(schema->tables[i].name), name))
			return &schema->tables[i];
	return NULL;
}

struct sn_str sn_conf_chosen_type(struct sn_str name, const struct sn_toml_value *body)
{
	const struct sn_toml_entry *entry =
		body != NULL ? sn_toml_find(body, SN_STR("type")) : NULL;

	if (entry != NULL && entry->value != NULL && entry->value->kind == SN_TOML_STRING)
		return entry->value->string;
	return name;
}

const struct sn_conf_section *sn_conf_choose_section(
	const struct sn_conf_table *table, struct sn_str name, const struct sn_toml_value *body)
{
	return table->typed ? table->find(sn_conf_chosen_type(name, body)) : table->section;
}

static struct sn_str shown(struct sn_str name)
{
	return sn_str_sub(name, 0, sn_utf8_prefix(name, SHOWN_MAX));
}

static void *fill(struct builder *b, const struct sn_conf_section *section,
	const struct sn_toml_value *table, struct sn_conf_pos pos)
{
	void *settings = sn_pool_alloc_zero(b->conf->pool, section->size);

	sn_conf_read_section(&b->reader, section, table, pos, settings);
	return settings;
}

static void build_plain(struct builder *b, const struct sn_conf_table *table,
	const struct sn_toml_value *root, struct sn_conf_filled *filled)
{
	struct sn_toml_entry *entry = sn_toml_find(root, sn_str(table->name));
	const struct sn_toml_value *body = entry != NULL ? entry->value : NULL;

	b->reader.table = sn_pool_printf(b->conf->pool, "[%s]", table->name);
	if (entry != NULL)
		entry->used = true;
	if (body != NULL && body->kind != SN_TOML_TABLE) {
		sn_conf_report(b->diags, SN_CONF_ERROR, entry->key_pos,
			"\"%s\" is a table: write %s on a line of its own", table->name,
			b->reader.table);
		return;
	}
	filled->plain = fill(b, table->section, body, body != NULL ? body->pos : root->pos);
	if (body != NULL)
		sn_conf_report_unknown(&b->reader, body, table->section, NULL);
}

static void add_types(struct sn_strbuf *out, const struct sn_conf_table *table)
{
	const struct sn_conf_section *section;

	for (size_t i = 0; (section = table->at(i)) != NULL; i++)
		sn_strbuf_addf(out, "%s%s", i > 0 ? ", " : "", section->name);
}

static const char *nearest_type(const struct sn_conf_table *table, struct sn_str type)
{
	size_t count = 0, n = 0;
	const char **names, *nearest;

	while (table->at(count) != NULL)
		count++;
	names = sn_alloc_array(count + 1, sizeof(*names));
	for (; n < count; n++)
		names[n] = table->at(n)->name;
	nearest = sn_str_nearest(type, names, count);
	sn_free(names);
	return nearest;
}

/* Unknown, or of a kind that is no name, or not given where the table's name is none. */
static void report_type(
	struct builder *b, const struct sn_conf_table *table, const struct sn_toml_entry *named)
{
	const struct sn_toml_entry *entry = sn_toml_find(named->value, SN_STR("type"));
	struct sn_str type = sn_conf_chosen_type(named->key, named->value);
	const char *nearest = nearest_type(table, type);
	struct sn_strbuf text;
	char mem[512];

	if (entry != NULL && entry->value == NULL)
		return;
	sn_strbuf_fixed(&text, mem, sizeof(mem));
	if (entry != NULL && entry->value->kind != SN_TOML_STRING)
		sn_strbuf_addf(&text, "\"type\" in %s must be a string", b->reader.table);
	else if (entry != NULL)
		sn_strbuf_addf(&text, "unknown type \"%.*s\"", SN_STR_ARG(shown(type)));
	else
		sn_strbuf_addf(&text, "%s needs a \"type\"", b->reader.table);
	if (nearest != NULL)
		sn_strbuf_addf(&text, "; did you mean \"%s\"?", nearest);
	sn_strbuf_adds(&text, " (there are: ");
	add_types(&text, table);
	sn_strbuf_addc(&text, ')');
	sn_conf_report(b->diags, SN_CONF_ERROR,
		entry != NULL ? entry->value->pos : named->value->pos, "%s", sn_strbuf_cstr(&text));
}

static size_t count_entries(const struct sn_toml_value *table)
{
	size_t n = 0;

	for (const struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next)
		n++;
	return n;
}

static void note_keys(
	struct builder *b, const struct sn_toml_value *table, struct sn_conf_named *named)
{
	struct sn_pool *pool = b->conf->pool;
	struct sn_conf_key *keys =
		sn_pool_alloc_zero(pool, (count_entries(table) + 1) * sizeof(*keys));

	named->keys = keys;
	for (const struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next) {
		struct sn_conf_key *key = &keys[named->key_count++];

		key->name = sn_pool_str(pool, e->key);
		key->pos = e->value != NULL ? e->value->pos : e->key_pos;
		key->pos.source = sn_conf_source_import(pool, &b->conf->sources, key->pos.source);
	}
}

struct sn_conf_pos sn_conf_key_pos(const struct sn_conf_named *named, const char *key)
{
	for (size_t i = 0; i < named->key_count; i++) {
		if (sn_str_eq(named->keys[i].name, sn_str(key)))
			return named->keys[i].pos;
	}
	return named->pos;
}

static bool build_named(struct builder *b, const struct sn_conf_table *table,
	const struct sn_toml_entry *entry, struct sn_conf_named *named)
{
	struct sn_conf_pos pos = entry->value->pos;
	struct sn_toml_entry *type = sn_toml_find(entry->value, SN_STR("type"));

	b->reader.table = sn_pool_printf(
		b->conf->pool, "[%s.%.*s]", table->name, SN_STR_ARG(shown(entry->key)));
	named->name = sn_pool_str(b->conf->pool, entry->key);
	named->section = sn_conf_choose_section(table, entry->key, entry->value);
	named->pos = pos;
	named->pos.source = sn_conf_source_import(b->conf->pool, &b->conf->sources, pos.source);
	note_keys(b, entry->value, named);
	if (table->typed)
		named->type =
			sn_pool_str(b->conf->pool, sn_conf_chosen_type(entry->key, entry->value));
	if (table->section != NULL)
		named->common = fill(b, table->section, entry->value, pos);
	if (named->section == NULL) {
		report_type(b, table, entry);
		return false;
	}
	if (table->typed && type != NULL)
		type->used = true;
	named->settings = table->typed ? fill(b, named->section, entry->value, pos) : named->common;
	sn_conf_report_unknown(
		&b->reader, entry->value, table->section, table->typed ? named->section : NULL);
	return true;
}

static void build_all_named(struct builder *b, const struct sn_conf_table *table,
	const struct sn_toml_value *root, struct sn_conf_filled *filled)
{
	struct sn_toml_entry *group = sn_toml_find(root, sn_str(table->name));

	if (group == NULL)
		return;
	group->used = true;
	if (group->value == NULL)
		return;
	if (group->value->kind != SN_TOML_TABLE) {
		sn_conf_report(b->diags, SN_CONF_ERROR, group->key_pos,
			"\"%s\" takes named tables: [%s.NAME]", table->name, table->name);
		return;
	}
	filled->named = sn_pool_alloc_zero(
		b->conf->pool, (count_entries(group->value) + 1) * sizeof(*filled->named));
	for (const struct sn_toml_entry *e = group->value->table.first; e != NULL; e = e->next) {
		if (e->value == NULL)
			continue;
		if (e->key.n == 0)
			sn_conf_report(b->diags, SN_CONF_ERROR, e->key_pos,
				"[%s.NAME] needs a name that is not empty", table->name);
		else if (e->value->kind != SN_TOML_TABLE)
			sn_conf_report(b->diags, SN_CONF_ERROR, e->key_pos,
				"\"%.*s\" is no table: [%s] takes only tables [%s.NAME]",
				SN_STR_ARG(shown(e->key)), table->name, table->name);
		else if (build_named(b, table, e, &filled->named[filled->count]))
			filled->count++;
	}
}

static void report_unknown_table(struct builder *b, const struct sn_toml_entry *entry)
{
	const struct sn_conf_schema *schema = b->conf->schema;
	const char **names = sn_alloc_array(schema->count + 1, sizeof(*names));
	bool is_table = entry->value != NULL && entry->value->kind == SN_TOML_TABLE;
	struct sn_str key = shown(entry->key);
	const char *nearest;

	names[0] = "include";
	for (size_t i = 0; i < schema->count; i++)
		names[i + 1] = schema->tables[i].name;
	nearest = sn_str_nearest(entry->key, names, schema->count + 1);
	sn_conf_report(b->diags, SN_CONF_ERROR, entry->key_pos, "unknown %s%.*s%s%s%s%s",
		is_table ? "table [" : "key \"", SN_STR_ARG(key),
		is_table ? "]" : "\" outside of any table",
		nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "\"?" : "");
	sn_free(names);
}

static void build(struct builder *b, const struct sn_toml_value *root)
{
	const struct sn_conf_schema *schema = b->conf->schema;

	for (size_t i = 0; i < schema->count; i++) {
		const struct sn_conf_table *table = &schema->tables[i];

		(table->named ? build_all_named : build_plain)(b, table, root, &b->conf->tables[i]);
	}
	for (const struct sn_toml_entry *e = root->table.first; e != NULL; e = e->next)
		if (!e->used)
			report_unknown_table(b, e);
}

static struct sn_conf *new_conf(const struct sn_conf_schema *schema)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_conf *conf = sn_pool_alloc_zero(pool, sizeof(*conf));

	conf->refs = 1;
	conf->pool = pool;
	conf->schema = schema;
	conf->tables = sn_pool_alloc_zero(pool, (schema->count + 1) * sizeof(*conf->tables));
	return conf;
}

struct sn_conf *sn_conf_peek(const struct sn_conf_request *request)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_conf *conf = new_conf(request->schema);
	struct sn_conf_diags unheard;
	struct builder b = { .conf = conf, .diags = &unheard };
	const struct sn_toml_value *root;

	sn_conf_diags_init(&unheard);
	root = sn_conf_tree_load(pool, request, &unheard);
	b.reader = (struct sn_conf_reader){
		.pool = conf->pool, .sources = &conf->sources, .diags = &unheard, .partial = true
	};
	build(&b, root);
	sn_conf_diags_fini(&unheard);
	sn_pool_free(&pool);
	return conf;
}

int sn_conf_load(
	const struct sn_conf_request *request, struct sn_conf_diags *diags, struct sn_conf **conf_r)
{
	size_t errors_before = diags->errors;
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_toml_value *root = sn_conf_tree_load(pool, request, diags);
	struct sn_conf *conf = new_conf(request->schema);
	struct builder b = { .conf = conf, .diags = diags };

	b.reader = (struct sn_conf_reader){ .pool = conf->pool,
		.sources = &conf->sources,
		.diags = diags,
		.partial = diags->errors > errors_before };
	sn_conf_overrides_apply(pool, root, request, diags);
	build(&b, root);
	sn_pool_free(&pool);
	if (diags->errors > errors_before) {
		sn_conf_unref(&conf);
		return SN_ECONFIG;
	}
	*conf_r = conf;
	return SN_OK;
}

struct sn_conf *sn_conf_ref(struct sn_conf *conf)
{
	conf->refs++;
	return conf;
}

void sn_conf_unref(struct sn_conf **conf)
{
	struct sn_pool *pool;

	if (*conf == NULL)
		return;
	sn_assert((*conf)->refs > 0);
	if (--(*conf)->refs == 0) {
		pool = (*conf)->pool;
		sn_pool_free(&pool);
	}
	*conf = NULL;
}

static const struct sn_conf_filled *find_filled(const struct sn_conf *conf, const char *name)
{
	const struct sn_conf_table *table = sn_conf_schema_find(conf->schema, sn_str(name));

	sn_assert(table != NULL);
	return &conf->tables[table - conf->schema->tables];
}

const void *sn_conf_plain(const struct sn_conf *conf, const char *table)
{
	return find_filled(conf, table)->plain;
}

const struct sn_conf_named *sn_conf_named_at(
	const struct sn_conf *conf, const char *table, size_t i)
{
	const struct sn_conf_filled *filled = find_filled(conf, table);

	return i < filled->count ? &filled->named[i] : NULL;
}
