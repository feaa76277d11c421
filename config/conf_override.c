#include "config/conf_private.h"
#include "config/conf_read.h"
#include "config/conf_secret.h"
#include "daemon/base/assert.h"
#include "daemon/base/text.h"

#define SHOWN_MAX 80

struct override {
	struct sn_pool *pool;
	struct sn_conf_diags *diags;
	const struct sn_conf_override *setting;
	struct sn_conf_pos pos;
};

/* The table under this key, made if there is none; NULL: something else is there. */
static struct sn_toml_value *enter_table(
	struct override *o, struct sn_toml_value *parent, const char *key)
{
	struct sn_toml_entry *there = sn_toml_find(parent, sn_str(key));
	struct sn_toml_value *table;

	if (there != NULL)
		return there->value != NULL && there->value->kind == SN_TOML_TABLE ? there->value
										   : NULL;
	table = sn_conf_tree_table(o->pool, o->pos);
	sn_conf_tree_add(o->pool, parent, sn_str(key), table);
	return table;
}

static void remove_key(struct sn_toml_value *table, struct sn_str key)
{
	struct sn_toml_entry **at = &table->table.first;

	while (*at != NULL && !sn_str_eq((*at)->key, key))
		at = &(*at)->next;
	if (*at == NULL)
		return;
	if ((*at)->next == NULL)
		table->table.last = at;
	*at = (*at)->next;
}

/* A list given on the command line so far, or NULL. */
static struct sn_toml_value *given_list(const struct sn_toml_value *table, struct sn_str key)
{
	const struct sn_toml_entry *there = sn_toml_find(table, key);

	if (there == NULL || there->value == NULL || there->value->kind != SN_TOML_ARRAY ||
		!there->value->pos.source->is_option)
		return NULL;
	return there->value;
}

/* Entries of one option add up; those of the file are replaced. */
static void put_list_entry(struct override *o, struct sn_toml_value *table, struct sn_str key,
	struct sn_toml_value *entry)
{
	struct sn_toml_value *list = given_list(table, key);
	struct sn_toml_value **items;

	if (list == NULL) {
		remove_key(table, key);
		list = sn_pool_alloc_zero(o->pool, sizeof(*list));
		list->kind = SN_TOML_ARRAY;
		list->pos = o->pos;
		sn_conf_tree_add(o->pool, table, key, list);
	}
	items = sn_pool_alloc(o->pool, (list->array.count + 1) * sizeof(*items));
	if (list->array.count > 0)
		memcpy(items, list->array.items, list->array.count * sizeof(*items));
	items[list->array.count++] = entry;
	list->array.items = items;
}

/* Whichever of KEY and KEY_file the file has, the option's one stands. */
static void remove_secret(
	struct override *o, struct sn_toml_value *table, const struct sn_conf_item *item)
{
	remove_key(table, sn_str(item->key));
	remove_key(table, sn_str(sn_pool_printf(o->pool, "%s" SN_CONF_FILE_SUFFIX, item->key)));
}

static void put_value(
	struct override *o, struct sn_toml_value *table, const struct sn_conf_item *item)
{
	struct sn_str key = sn_str(o->setting->key);
	struct sn_toml_value *value = sn_conf_plain_value(o->pool, item, o->setting->value, o->pos);

	if (sn_conf_type_info(item->type)->is_list) {
		put_list_entry(o, table, key, value);
		return;
	}
	if (item->type == SN_CONF_SECRET)
		remove_secret(o, table, item);
	else
		remove_key(table, key);
	sn_conf_tree_add(o->pool, table, key, value);
}

/* The row a setting is for; the type's own rows first. */
static const struct sn_conf_item *find_row(const struct override *o,
	const struct sn_conf_table *schema, const struct sn_toml_value *table)
{
	static const struct sn_conf_item type_row = { .key = "type", .type = SN_CONF_STRING };
	struct sn_str key = sn_str(o->setting->key), name = sn_str(o->setting->name);
	const struct sn_conf_item *item = NULL;
	bool is_file;

	if (schema->named && schema->typed) {
		if (sn_str_eq(key, SN_STR("type")))
			return &type_row;
		item = sn_conf_find_item(
			sn_conf_choose_section(schema, name, table), key, &is_file);
	}
	return item != NULL ? item : sn_conf_find_item(schema->section, key, &is_file);
}

static void apply(
	struct override *o, struct sn_toml_value *root, const struct sn_conf_schema *schema)
{
	const struct sn_conf_override *setting = o->setting;
	const struct sn_conf_table *row = sn_conf_schema_find(schema, sn_str(setting->table));
	/* Put in as a text: the reader reports it as it does any key it does not know. */
	static const struct sn_conf_item unknown_row = { .type = SN_CONF_STRING };
	struct sn_toml_value *table;
	const struct sn_conf_item *item;

	sn_assert(row != NULL && row->named == (setting->name != NULL));
	table = enter_table(o, root, setting->table);
	if (table != NULL && row->named)
		table = enter_table(o, table, setting->name);
	if (table == NULL)
		return; /* the file has something else there, which is reported later */
	item = find_row(o, row, table);
	put_value(o, table, item != NULL ? item : &unknown_row);
}

void sn_conf_overrides_apply(struct sn_pool *pool, struct sn_toml_value *root,
	const struct sn_conf_request *request, struct sn_conf_diags *diags)
{
	for (size_t i = 0; i < request->override_count; i++) {
		const struct sn_conf_override *setting = &request->overrides[i];
		struct sn_conf_source *source = sn_conf_source_add(diags->pool, &diags->sources,
			setting->option, sn_conf_keep(diags->pool, setting->value));
		struct override o = { .pool = pool, .diags = diags, .setting = setting };

		source->is_option = true;
		o.pos = sn_conf_whole_text(source);
		if (!sn_utf8_valid(setting->value))
			sn_conf_report(diags, SN_CONF_ERROR, o.pos, "not valid UTF-8");
		else
			apply(&o, root, request->schema);
	}
}
