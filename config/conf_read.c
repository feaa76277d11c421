#include "config/conf_read.h"

#include "config/conf_file.h"
#include "config/conf_secret.h"
#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define SECRET_FILE_MAX 65536
#define SHOWN_MAX 80
#define MESSAGE_MAX 512

typedef bool (*read_fn)(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member);

/* Where to point at; the line of a secret is named but not shown. */
static struct sn_conf_pos shown_pos(const struct sn_conf_item *item, struct sn_conf_pos pos)
{
	if (item->type != SN_CONF_SECRET)
		return pos;
	pos.column = 0;
	if (pos.source != NULL && pos.source->is_option)
		pos.line = 0;
	return pos;
}

static void add_choices(struct sn_strbuf *out, const char *const *choices)
{
	sn_strbuf_adds(out, "one of ");
	for (size_t i = 0; choices[i] != NULL; i++)
		sn_strbuf_addf(out, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
}

static void add_expected(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	if (item->type == SN_CONF_ENUM)
		add_choices(out, item->choices);
	else
		sn_strbuf_adds(out, sn_conf_type_info(item->type)->expected);
}

static void add_found(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	const char *kind = sn_toml_kind_name(value->kind);
	struct sn_str text;

	if (value->kind == SN_TOML_STRING) {
		text = sn_str_sub(value->string, 0, sn_utf8_prefix(value->string, SHOWN_MAX));
		sn_strbuf_addf(out, "\"%.*s\"", SN_STR_ARG(text));
	} else {
		sn_strbuf_addf(out, "%s %s", strchr("aio", kind[0]) != NULL ? "an" : "a", kind);
	}
}

static void add_hint(
	struct sn_strbuf *out, const struct sn_conf_item *item, const struct sn_toml_value *value)
{
	const char *nearest = NULL;
	size_t count = 0;

	if (value->kind != SN_TOML_STRING || item->type != SN_CONF_ENUM)
		return;
	while (item->choices[count] != NULL)
		count++;
	nearest = sn_str_nearest(value->string, item->choices, count);
	if (nearest != NULL)
		sn_strbuf_addf(out, "; did you mean \"%s\"?", nearest);
}

/* The value is of another kind, or its text does not say what such a row takes. */
static bool report_mismatch(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value)
{
	struct sn_strbuf text;
	char mem[MESSAGE_MAX];

	sn_strbuf_fixed(&text, mem, sizeof(mem));
	add_expected(&text, item);
	sn_strbuf_adds(&text, ", found ");
	add_found(&text, value);
	add_hint(&text, item, value);
	sn_conf_report(r->diags, SN_CONF_ERROR, shown_pos(item, value->pos),
		"\"%s\" in %s must be %s", item->key, r->table, sn_strbuf_cstr(&text));
	return false;
}

void sn_conf_add_number(struct sn_strbuf *out, const struct sn_conf_item *item, int64_t number)
{
	if (item->type == SN_CONF_SIZE)
		sn_format_size(out, (uint64_t)number);
	else if (item->type == SN_CONF_DURATION)
		sn_format_duration(out, number);
	else
		sn_strbuf_addf(out, "%lld", (long long)number);
}

bool sn_conf_add_range(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	if (item->max == 0 && item->min <= 0)
		return false;
	if (item->max == 0) {
		sn_strbuf_adds(out, "at least ");
		sn_conf_add_number(out, item, item->min);
	} else if (item->min == 0 && item->type != SN_CONF_INT) {
		sn_strbuf_adds(out, "at most ");
		sn_conf_add_number(out, item, item->max);
	} else {
		sn_conf_add_number(out, item, item->min);
		sn_strbuf_adds(out, " to ");
		sn_conf_add_number(out, item, item->max);
	}
	return true;
}

/* number: the value, the bytes of a text, the entries of a list. */
static bool check_range(struct sn_conf_reader *r, const struct sn_conf_item *item,
	struct sn_conf_pos pos, int64_t number)
{
	const struct sn_conf_type_info *info = sn_conf_type_info(item->type);
	struct sn_strbuf text;
	char mem[MESSAGE_MAX];

	if (number >= item->min && (item->max == 0 || number <= item->max))
		return true;
	sn_strbuf_fixed(&text, mem, sizeof(mem));
	if (!sn_conf_add_range(&text, item))
		sn_strbuf_adds(&text, "0 or more"); /* an integer below the default limit */
	sn_strbuf_adds(&text,
		info->is_list             ? " entries, not "
			: info->is_number ? ", not "
					  : " bytes long, not ");
	sn_conf_add_number(&text, item, number);
	sn_conf_report(r->diags, SN_CONF_ERROR, shown_pos(item, pos), "\"%s\" in %s must %s %s",
		item->key, r->table, info->is_list ? "have" : "be", sn_strbuf_cstr(&text));
	return false;
}

static bool check_text(struct sn_conf_reader *r, const struct sn_conf_item *item,
	struct sn_conf_pos pos, struct sn_str text)
{
	if (sn_str_find(text, '\0') < text.n) {
		sn_conf_report(r->diags, SN_CONF_ERROR, shown_pos(item, pos),
			"\"%s\" in %s must not contain a NUL character", item->key, r->table);
		return false;
	}
	return check_range(r, item, pos, (int64_t)text.n);
}

static bool read_string(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	struct sn_str text = value->string;

	if (value->kind == SN_TOML_INTEGER && (item->flags & SN_CONF_OR_NUMBER))
		text = sn_str(sn_pool_printf(r->pool, "%lld", (long long)value->integer));
	else if (value->kind != SN_TOML_STRING)
		return report_mismatch(r, item, value);
	if (!check_text(r, item, value->pos, text))
		return false;
	*(struct sn_str *)member = sn_pool_str(r->pool, text);
	return true;
}

static bool read_bool(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	if (value->kind != SN_TOML_BOOLEAN)
		return report_mismatch(r, item, value);
	*(bool *)member = value->boolean;
	return true;
}

static bool read_int(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	if (value->kind != SN_TOML_INTEGER)
		return report_mismatch(r, item, value);
	*(int64_t *)member = value->integer;
	return check_range(r, item, value->pos, value->integer);
}

static bool read_size(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	uint64_t size = 0;

	if (value->kind == SN_TOML_INTEGER && value->integer >= 0)
		size = (uint64_t)value->integer;
	else if (value->kind != SN_TOML_STRING || sn_parse_size(value->string, &size) != SN_OK)
		return report_mismatch(r, item, value);
	*(uint64_t *)member = size;
	return check_range(r, item, value->pos, (int64_t)size);
}

static bool read_duration(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	int64_t duration = 0;

	/* Zero needs no unit. */
	if (!(value->kind == SN_TOML_INTEGER && value->integer == 0) &&
		(value->kind != SN_TOML_STRING ||
			sn_parse_duration(value->string, &duration) != SN_OK))
		return report_mismatch(r, item, value);
	*(int64_t *)member = duration;
	return check_range(r, item, value->pos, duration);
}

static bool read_enum(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	if (value->kind != SN_TOML_STRING)
		return report_mismatch(r, item, value);
	for (int i = 0; item->choices[i] != NULL; i++) {
		if (sn_str_eq(value->string, sn_str(item->choices[i]))) {
			*(int *)member = i;
			return true;
		}
	}
	return report_mismatch(r, item, value);
}

/* Relative to the folder of the file that names it; on the command line, to the current one. */
static struct sn_str resolve_path(struct sn_pool *pool, const struct sn_toml_value *value)
{
	if (value->pos.source == NULL || value->pos.source->is_option)
		return sn_pool_str(pool, value->string);
	return sn_conf_path_beside(pool, value->pos.source->name, value->string);
}

static bool read_path(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	if (value->kind != SN_TOML_STRING)
		return report_mismatch(r, item, value);
	if (!check_text(r, item, value->pos, value->string))
		return false;
	*(struct sn_str *)member = resolve_path(r->pool, value);
	return true;
}

static bool read_secret(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	if (value->kind != SN_TOML_STRING)
		return report_mismatch(r, item, value);
	if (!check_text(r, item, value->pos, value->string))
		return false;
	*(struct sn_str *)member = sn_conf_keep(r->pool, value->string);
	return true;
}

/* A lone value stands for a list of one. */
static size_t entry_count(const struct sn_toml_value *value)
{
	return value->kind == SN_TOML_ARRAY ? value->array.count : 1;
}

static const struct sn_toml_value *entry_at(const struct sn_toml_value *value, size_t i)
{
	return value->kind == SN_TOML_ARRAY ? value->array.items[i] : value;
}

/* Of a value whose place may be asked for when the tree is gone. */
static struct sn_conf_pos keep_pos(struct sn_conf_reader *r, struct sn_conf_pos pos)
{
	pos.source = sn_conf_source_import(r->pool, r->sources, pos.source);
	return pos;
}

static bool read_strings(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	struct sn_conf_strings *list = member;
	size_t count = entry_count(value);
	bool ok = check_range(r, item, value->pos, (int64_t)count);

	list->items = sn_pool_alloc_zero(r->pool, count * sizeof(*list->items));
	list->positions = sn_pool_alloc_zero(r->pool, count * sizeof(*list->positions));
	for (size_t i = 0; i < count; i++) {
		const struct sn_toml_value *entry = entry_at(value, i);

		if (entry->kind != SN_TOML_STRING) {
			ok = report_mismatch(r, item, entry);
			continue;
		}
		list->items[list->count] = sn_pool_str(r->pool, entry->string);
		list->positions[list->count++] = keep_pos(r, entry->pos);
	}
	return ok;
}

static bool read_endpoint(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, struct sn_conf_endpoint *endpoint)
{
	enum sn_endpoint_side side = item->type == SN_CONF_LISTEN ? SN_SERVER : SN_CLIENT;
	struct sn_conf_pos pos = value->pos;
	struct sn_diag diag = { 0 };
	struct sn_str text;

	if (value->kind == SN_TOML_STRING)
		text = sn_pool_str(r->pool, value->string);
	else if (value->kind == SN_TOML_INTEGER && side == SN_SERVER)
		text = sn_str(sn_pool_printf(r->pool, "%lld", (long long)value->integer));
	else
		return report_mismatch(r, item, value);
	endpoint->pos = keep_pos(r, pos);
	if (sn_endpoint_parse(r->pool, side, text, &endpoint->endpoint, &diag) == SN_OK)
		return true;
	if (value->kind == SN_TOML_STRING && diag.column > 0)
		pos = sn_conf_pos_within(pos, value->string, diag.column - 1);
	sn_conf_report(r->diags, SN_CONF_ERROR, pos, "%s", diag.text);
	return false;
}

static bool read_endpoints(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	struct sn_conf_endpoints *list = member;
	size_t count = entry_count(value);
	bool ok = check_range(r, item, value->pos, (int64_t)count);

	list->items = sn_pool_alloc_zero(r->pool, count * sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		if (read_endpoint(r, item, entry_at(value, i), &list->items[list->count]))
			list->count++;
		else
			ok = false;
	}
	return ok;
}

static bool read_value(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *value, void *member)
{
	static const read_fn readers[] = {
		[SN_CONF_STRING] = read_string,
		[SN_CONF_BOOL] = read_bool,
		[SN_CONF_INT] = read_int,
		[SN_CONF_SIZE] = read_size,
		[SN_CONF_DURATION] = read_duration,
		[SN_CONF_ENUM] = read_enum,
		[SN_CONF_PATH] = read_path,
		[SN_CONF_SECRET] = read_secret,
		[SN_CONF_STRINGS] = read_strings,
		[SN_CONF_LISTEN] = read_endpoints,
		[SN_CONF_CONNECT] = read_endpoints,
	};

	return readers[item->type](r, item, value, member);
}

static bool is_text(enum sn_conf_type type)
{
	return type == SN_CONF_STRING || type == SN_CONF_PATH || type == SN_CONF_SECRET;
}

/* Zero, false, or the empty text (which is NUL-terminated as any other). */
static void clear_member(const struct sn_conf_item *item, void *member)
{
	memset(member, 0, sn_conf_type_info(item->type)->size);
	if (is_text(item->type))
		*(struct sn_str *)member = SN_STR("");
}

struct sn_toml_value *sn_conf_plain_value(struct sn_pool *pool, const struct sn_conf_item *item,
	struct sn_str text, struct sn_conf_pos pos)
{
	struct sn_toml_value *value = sn_pool_alloc_zero(pool, sizeof(*value));
	int64_t integer = 0;

	value->pos = pos;
	if (item->type == SN_CONF_INT &&
		sn_parse_i64(text, INT64_MIN, INT64_MAX, &integer) == SN_OK) {
		value->kind = SN_TOML_INTEGER;
		value->integer = integer;
	} else if (item->type == SN_CONF_BOOL &&
		(sn_str_eq(text, SN_STR("true")) || sn_str_eq(text, SN_STR("false")))) {
		value->kind = SN_TOML_BOOLEAN;
		value->boolean = text.n == 4;
	} else {
		value->kind = SN_TOML_STRING;
		value->string = sn_conf_keep(pool, text);
	}
	return value;
}

/*
 * Lists keep a source of their own, so that a later error (the default port is taken) has a name.
 * In brackets they are TOML; anything else is one entry without quotes.
 */
static const struct sn_toml_value *default_list(
	struct sn_conf_reader *r, const struct sn_conf_item *item)
{
	const char *name = sn_pool_printf(r->pool, "default of \"%s\" in %s", item->key, r->table);
	struct sn_conf_source *source =
		sn_conf_source_add(r->pool, r->sources, name, sn_str(item->def));
	const struct sn_toml_entry *entry;

	source->is_option = true;
	if (item->def[0] != '[')
		return sn_conf_plain_value(r->pool, item, source->text, sn_conf_whole_text(source));
	source->text = sn_str(sn_pool_printf(r->pool, "%s = %s", item->key, item->def));
	entry = sn_toml_parse(r->pool, source, r->diags)->table.first;
	return entry != NULL ? entry->value : NULL;
}

static const struct sn_toml_value *default_value(
	struct sn_conf_reader *r, const struct sn_conf_item *item)
{
	if (sn_conf_type_info(item->type)->is_list)
		return default_list(r, item);
	return sn_conf_plain_value(r->pool, item, sn_str(item->def), (struct sn_conf_pos){ 0 });
}

bool sn_conf_read_default(struct sn_conf_reader *r, const struct sn_conf_item *item, void *settings)
{
	void *member = (char *)settings + item->offset;
	const struct sn_toml_value *value;

	clear_member(item, member);
	if (item->def == NULL)
		return true;
	value = default_value(r, item);
	return value != NULL && read_value(r, item, value, member);
}

/* One trailing newline is the editor's, not the secret's. */
static struct sn_str without_newline(struct sn_str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

static bool read_secret_file(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct sn_toml_value *path, void *member)
{
	struct sn_conf_file file = { 0 };
	struct sn_str name;
	int err;

	if (path->kind != SN_TOML_STRING) {
		sn_conf_report(r->diags, SN_CONF_ERROR, path->pos,
			"\"%s" SN_CONF_FILE_SUFFIX "\" in %s must be a path in quotes, found %s",
			item->key, r->table, sn_toml_kind_name(path->kind));
		return false;
	}
	name = resolve_path(r->pool, path);
	err = sn_conf_file_read(r->pool, name.p, SECRET_FILE_MAX, &file);
	if (err != SN_OK) {
		sn_conf_report(r->diags, SN_CONF_ERROR, path->pos, "%.*s cannot be read: %s",
			SN_STR_ARG(name), sn_strerror(err));
		return false;
	}
	*(struct sn_str *)member = sn_conf_keep(r->pool, without_newline(file.text));
	return check_text(r, item, path->pos, *(struct sn_str *)member);
}

static struct sn_toml_entry *take_entry(const struct sn_toml_value *table, struct sn_str key)
{
	struct sn_toml_entry *entry = table != NULL ? sn_toml_find(table, key) : NULL;

	if (entry != NULL)
		entry->used = true;
	return entry;
}

static struct sn_toml_entry *take_file_entry(
	const struct sn_toml_value *table, const struct sn_conf_item *item)
{
	char key[128];
	struct sn_strbuf b;

	if (item->type != SN_CONF_SECRET)
		return NULL;
	sn_strbuf_fixed(&b, key, sizeof(key));
	sn_strbuf_addf(&b, "%s" SN_CONF_FILE_SUFFIX, item->key);
	return take_entry(table, sn_strbuf_str(&b));
}

/* Where a section is read from. */
struct place {
	const struct sn_toml_value *table;
	struct sn_conf_pos pos;
};

static bool report_missing(
	struct sn_conf_reader *r, const struct sn_conf_item *item, struct sn_conf_pos pos)
{
	struct sn_strbuf text;
	char mem[MESSAGE_MAX];

	sn_strbuf_fixed(&text, mem, sizeof(mem));
	add_expected(&text, item);
	sn_conf_report(r->diags, SN_CONF_ERROR, pos, "%s needs \"%s\" (%s)", r->table, item->key,
		sn_strbuf_cstr(&text));
	return false;
}

static bool read_item(struct sn_conf_reader *r, const struct sn_conf_item *item,
	const struct place *place, void *settings)
{
	void *member = (char *)settings + item->offset;
	const struct sn_toml_entry *entry = take_entry(place->table, sn_str(item->key));
	const struct sn_toml_entry *file = take_file_entry(place->table, item);

	if (entry == NULL && file == NULL && (item->flags & SN_CONF_REQUIRED) == 0)
		return sn_conf_read_default(r, item, settings);
	clear_member(item, member);
	if (entry != NULL && file != NULL) {
		sn_conf_report(r->diags, SN_CONF_ERROR, file->key_pos,
			"\"%s\" and \"%s" SN_CONF_FILE_SUFFIX "\" are both set in %s", item->key,
			item->key, r->table);
		return false;
	}
	if (entry != NULL)
		return entry->value != NULL && read_value(r, item, entry->value, member);
	if (file != NULL)
		return file->value != NULL && read_secret_file(r, item, file->value, member);
	return r->partial ? false : report_missing(r, item, place->pos);
}

void sn_conf_read_section(struct sn_conf_reader *r, const struct sn_conf_section *section,
	const struct sn_toml_value *table, struct sn_conf_pos pos, void *settings)
{
	const struct place place = { .table = table, .pos = pos };
	bool ok = true;

	for (size_t i = 0; i < section->count; i++)
		ok &= read_item(r, &section->items[i], &place, settings);
	if (ok && section->check != NULL)
		section->check(settings, pos, r->diags);
}
