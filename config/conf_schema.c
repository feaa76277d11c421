#include "config/conf_schema.h"

#include <stdalign.h>

#include "config/conf_read.h"
#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define KEY_SHOWN 80

const struct sn_conf_type_info *sn_conf_type_info(enum sn_conf_type type)
{
#define MEMBER(type) .size = sizeof(type), .align = alignof(type)
	static const struct sn_conf_type_info infos[] = {
		[SN_CONF_STRING] = { .name = "string",
			.expected = "a string",
			MEMBER(struct sn_str) },
		[SN_CONF_BOOL] = { .name = "boolean", .expected = "true or false", MEMBER(bool) },
		[SN_CONF_INT] = { .name = "integer",
			.expected = "an integer",
			MEMBER(int64_t),
			.is_number = true },
		[SN_CONF_SIZE] = { .name = "size",
			.expected = "a size such as \"16KiB\"",
			MEMBER(uint64_t),
			.is_number = true },
		[SN_CONF_DURATION] = { .name = "duration",
			.expected = "a duration such as \"30s\"",
			MEMBER(int64_t),
			.is_number = true },
		[SN_CONF_ENUM] = { .name = "choice",
			.expected = "one of its choices",
			MEMBER(int) },
		[SN_CONF_PATH] = { .name = "path",
			.expected = "a path in quotes",
			MEMBER(struct sn_str) },
		[SN_CONF_SECRET] = { .name = "secret",
			.expected = "a string",
			MEMBER(struct sn_str) },
		[SN_CONF_STRINGS] = { .name = "strings",
			.expected = "a string or a list of strings",
			MEMBER(struct sn_conf_strings),
			.is_list = true },
		[SN_CONF_LISTEN] = { .name = "server endpoints",
			.expected = "an endpoint string, a port number, or a list of them",
			MEMBER(struct sn_conf_endpoints),
			.is_list = true },
		[SN_CONF_CONNECT] = { .name = "client endpoints",
			.expected = "an endpoint string or a list of them",
			MEMBER(struct sn_conf_endpoints),
			.is_list = true },
	};
#undef MEMBER

	sn_assert((size_t)type < sizeof(infos) / sizeof(infos[0]));
	return &infos[type];
}

/* For a key KEY_file: the length of KEY. */
static bool strip_file_suffix(struct sn_str *key)
{
	if (!sn_str_ends(*key, SN_STR(SN_CONF_FILE_SUFFIX)))
		return false;
	key->n -= strlen(SN_CONF_FILE_SUFFIX);
	return true;
}

const struct sn_conf_item *sn_conf_find_item(
	const struct sn_conf_section *section, struct sn_str key, bool *is_file_r)
{
	struct sn_str secret = key;
	bool is_file = strip_file_suffix(&secret);

	*is_file_r = false;
	for (size_t i = 0; section != NULL && i < section->count; i++) {
		const struct sn_conf_item *item = &section->items[i];

		if (sn_str_eq(sn_str(item->key), key))
			return item;
		if (is_file && item->type == SN_CONF_SECRET &&
			sn_str_eq(sn_str(item->key), secret)) {
			*is_file_r = true;
			return item;
		}
	}
	return NULL;
}

/* Keys a table may have, to guess what a wrong one was meant to be. */
struct known_keys {
	const char **names;
	size_t count;
};

static void add_known(
	struct known_keys *known, struct sn_pool *pool, const struct sn_conf_section *section)
{
	for (size_t i = 0; section != NULL && i < section->count; i++) {
		known->names[known->count++] = section->items[i].key;
		if (section->items[i].type == SN_CONF_SECRET)
			known->names[known->count++] = sn_pool_printf(
				pool, "%s" SN_CONF_FILE_SUFFIX, section->items[i].key);
	}
}

static void report_unknown_entry(
	struct sn_conf_reader *r, const struct sn_toml_entry *entry, const struct known_keys *known)
{
	struct sn_str key = sn_str_sub(entry->key, 0, sn_utf8_prefix(entry->key, KEY_SHOWN));
	const char *nearest = sn_str_nearest(entry->key, known->names, known->count);
	bool is_table = entry->value != NULL && entry->value->kind == SN_TOML_TABLE;
	const char *hint = "";

	if (nearest != NULL)
		hint = sn_pool_printf(r->diags->pool, "; did you mean \"%s\"?", nearest);
	sn_conf_report(r->diags, SN_CONF_ERROR, entry->key_pos, "unknown %s \"%.*s\" in %s%s",
		is_table ? "table" : "key", SN_STR_ARG(key), r->table, hint);
}

void sn_conf_report_unknown(struct sn_conf_reader *r, const struct sn_toml_value *table,
	const struct sn_conf_section *common, const struct sn_conf_section *section)
{
	struct known_keys known = { 0 };
	size_t room = 1;

	room += common != NULL ? 2 * common->count : 0;
	room += section != NULL ? 2 * section->count : 0;
	known.names = sn_alloc_array(room, sizeof(*known.names));
	if (section != NULL)
		known.names[known.count++] = "type";
	add_known(&known, r->diags->pool, common);
	add_known(&known, r->diags->pool, section);
	for (const struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next)
		if (!e->used)
			report_unknown_entry(r, e, &known);
	sn_free(known.names);
}

/* What is wrong with a row in itself; NULL: nothing. */
static const char *row_fault(const struct sn_conf_section *section, const struct sn_conf_item *item)
{
	const struct sn_conf_type_info *info = sn_conf_type_info(item->type);

	if (item->doc == NULL || item->doc[0] == '\0')
		return "has no doc";
	if (item->offset % info->align != 0 || item->offset > section->size ||
		info->size > section->size - item->offset)
		return "does not lie within the struct";
	if (item->type == SN_CONF_ENUM && (item->choices == NULL || item->choices[0] == NULL))
		return "has no choices";
	if (item->max != 0 && item->min > item->max)
		return "has a minimum above its maximum";
	if ((item->flags & SN_CONF_REQUIRED) != 0 && item->def != NULL)
		return "is required and has a default";
	return NULL;
}

static bool is_key(const char *key)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return key != NULL && key[0] != '\0' && key[strspn(key, allowed)] == '\0';
}

/* What is wrong between two rows. */
static const char *pair_fault(const struct sn_conf_item *a, const struct sn_conf_item *b)
{
	size_t a_end = a->offset + sn_conf_type_info(a->type)->size;
	size_t b_end = b->offset + sn_conf_type_info(b->type)->size;
	struct sn_str a_key = sn_str(a->key), b_key = sn_str(b->key);

	if (sn_str_eq(a_key, b_key))
		return "is there twice";
	if (a->offset < b_end && b->offset < a_end)
		return "shares memory with another row";
	if (a->option != NULL && b->option != NULL && strcmp(a->option, b->option) == 0)
		return "has another row's option";
	if ((a->type == SN_CONF_SECRET && strip_file_suffix(&b_key) && sn_str_eq(a_key, b_key)) ||
		(b->type == SN_CONF_SECRET && strip_file_suffix(&a_key) && sn_str_eq(a_key, b_key)))
		return "is the file key of a secret";
	return NULL;
}

static const char *find_fault(const struct sn_conf_section *section, size_t i)
{
	const struct sn_conf_item *item = &section->items[i];
	const char *fault = is_key(item->key) ? row_fault(section, item) : "is no bare key";

	for (size_t j = 0; j < i && fault == NULL; j++)
		fault = pair_fault(item, &section->items[j]);
	return fault;
}

static void verify_rows(struct sn_conf_reader *r, const struct sn_conf_section *section)
{
	void *settings = sn_pool_alloc_zero(r->pool, section->size);

	for (size_t i = 0; i < section->count; i++) {
		const char *key = section->items[i].key;
		const char *fault = find_fault(section, i);

		if (fault != NULL)
			sn_conf_report(r->diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
				"\"%s\" in %s %s", key != NULL ? key : "", r->table, fault);
		else
			(void)sn_conf_read_default(r, &section->items[i], settings);
	}
}

int sn_conf_section_verify(const struct sn_conf_section *section, struct sn_diag *diag)
{
	struct sn_conf_diags diags;
	struct sn_conf_reader r = { .diags = &diags, .table = section->name };
	int err = SN_OK;

	if (section->name == NULL || section->doc == NULL)
		return sn_diag_set(diag, SN_ECONFIG, 0, "a section without name or doc");
	sn_conf_diags_init(&diags);
	r.pool = diags.pool;
	r.sources = &diags.sources;
	verify_rows(&r, section);
	if (diags.first != NULL)
		err = sn_diag_set(diag, SN_ECONFIG, 0, "%s", diags.first->text.p);
	sn_conf_diags_fini(&diags);
	return err;
}
