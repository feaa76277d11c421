#include "config/conf_toml.h"

#include "config/conf_toml_value.h"
#include "daemon/base/assert.h"
#include "daemon/base/hash.h"
#include "daemon/base/text.h"

#define TEXT_MAX ((size_t)8 << 20)
#define DEPTH_MAX 64
#define ERRORS_MAX 1000
#define KEY_SHOWN 80

/* How a table came to be decides who may still add to it. */
enum table_origin {
	TABLE_IMPLICIT, /* named on the way by a header: [x.y] makes x, still to be defined */
	TABLE_HEADER,   /* [x], or one element of [[x]] */
	TABLE_DOTTED,   /* x.y = 1 makes x: more dotted keys may follow */
	TABLE_INLINE,   /* { ... }: closed */
};

/* A container under construction; its value is what the caller of the parser sees. */
struct node {
	struct sn_toml_value value;
	struct node *next_made;
	enum table_origin origin;
	uint32_t depth;
	struct sn_hash entries; /* tables: the same entries by key */
	bool of_tables;         /* arrays: made by [[x]] */
	size_t cap;             /* arrays */
};

struct keyed_entry {
	struct sn_toml_entry entry;
	struct sn_hash_node by_key;
};

struct parser {
	struct sn_lex lx;
	struct sn_pool *pool;
	struct node *made; /* all nodes, to free their hash tables */
	struct node *root, *section;
	uint32_t open_arrays; /* around the place of an error */
};

struct key {
	struct sn_str text;
	struct sn_conf_pos pos;
};

static struct sn_toml_value *parse_value(struct parser *p, const struct node *within);

static struct sn_str entry_key(const struct sn_hash_node *by_key)
{
	return sn_container_of(by_key, struct keyed_entry, by_key)->entry.key;
}

static struct node *node_of(struct sn_toml_value *value)
{
	return sn_container_of(value, struct node, value);
}

static struct node *make_node(
	struct parser *p, const struct node *within, enum sn_toml_kind kind, struct sn_conf_pos pos)
{
	struct node *node = sn_pool_alloc_zero(p->pool, sizeof(*node));

	node->value.kind = kind;
	node->value.pos = pos;
	node->depth = within != NULL ? within->depth + 1 : 0;
	if (kind == SN_TOML_TABLE) {
		node->value.table.last = &node->value.table.first;
		sn_hash_init(&node->entries, entry_key, false);
	}
	node->next_made = p->made;
	p->made = node;
	return node;
}

static struct node *make_table(struct parser *p, const struct node *within,
	enum table_origin origin, struct sn_conf_pos pos)
{
	struct node *node = make_node(p, within, SN_TOML_TABLE, pos);

	node->origin = origin;
	return node;
}

static struct sn_toml_entry *find_entry(struct node *table, struct sn_str key)
{
	struct sn_hash_node *by_key = sn_hash_find(&table->entries, key);

	return by_key ? &sn_container_of(by_key, struct keyed_entry, by_key)->entry : NULL;
}

static void add_entry(
	struct parser *p, struct node *table, const struct key *key, struct sn_toml_value *value)
{
	struct keyed_entry *e = sn_pool_alloc_zero(p->pool, sizeof(*e));

	e->entry.key = key->text;
	e->entry.key_pos = key->pos;
	e->entry.value = value;
	sn_hash_insert(&table->entries, &e->by_key);
	*table->value.table.last = &e->entry;
	table->value.table.last = &e->entry.next;
}

static void add_item(struct parser *p, struct node *array, struct sn_toml_value *value)
{
	size_t count = array->value.array.count;

	if (count == array->cap) {
		struct sn_toml_value **bigger;

		array->cap = array->cap > 0 ? array->cap * 2 : 4;
		bigger = sn_pool_alloc(p->pool, array->cap * sizeof(*bigger));
		if (count > 0)
			memcpy(bigger, array->value.array.items, count * sizeof(*bigger));
		array->value.array.items = bigger;
	}
	array->value.array.items[array->value.array.count++] = value;
}

static bool report(struct parser *p, struct sn_conf_pos pos, const char *text)
{
	sn_conf_report(p->lx.diags, SN_CONF_ERROR, pos, "%s", text);
	return false;
}

static struct sn_str shown(struct sn_str key)
{
	return sn_str_sub(key, 0, sn_utf8_prefix(key, KEY_SHOWN));
}

/* Why nothing can be added to or put in the place of what is there already. */
static struct node *report_conflict(
	struct parser *p, const struct key *key, const struct sn_toml_entry *there)
{
	static const char *const tables[] = {
		[TABLE_IMPLICIT] = "is a table made by a header",
		[TABLE_HEADER] = "is already defined",
		[TABLE_DOTTED] = "is a table made by dotted keys",
		[TABLE_INLINE] = "is an inline table, which cannot be added to",
	};
	const struct sn_toml_value *value = there->value;
	const char *what = "is already set";

	if (value == NULL)
		return NULL; /* whatever it is, that was reported */
	if (value->kind == SN_TOML_TABLE)
		what = tables[node_of(there->value)->origin];
	else if (value->kind == SN_TOML_ARRAY && node_of(there->value)->of_tables)
		what = "is an array of tables";
	sn_conf_report(p->lx.diags, SN_CONF_ERROR, key->pos, "\"%.*s\" %s (line %u)",
		SN_STR_ARG(shown(key->text)), what, there->key_pos.line);
	return NULL;
}

static bool too_deep(struct parser *p, uint32_t depth, struct sn_conf_pos pos)
{
	if (depth <= DEPTH_MAX)
		return false;
	sn_conf_report(p->lx.diags, SN_CONF_ERROR, pos, "nested more than %d deep", DEPTH_MAX);
	return true;
}

static bool bare_key_char(int c)
{
	return c > 0 &&
		(sn_ascii_alpha((char)c) || sn_ascii_digit((char)c) || c == '_' || c == '-');
}

static bool read_key(struct parser *p, struct key *key)
{
	struct sn_lex *lx = &p->lx;
	struct sn_toml_value quoted;
	size_t from = lx->at;
	bool ok = true;

	key->pos = sn_lex_pos(lx);
	if (sn_lex_starts(lx, SN_STR("\"\"\"")) || sn_lex_starts(lx, SN_STR("'''")))
		return report(p, key->pos, "a key cannot be a string of several lines");
	if (sn_lex_peek(lx) == '"' || sn_lex_peek(lx) == '\'') {
		ok = sn_toml_read_string(lx, p->pool, &quoted);
		key->text = quoted.string;
	} else {
		while (bare_key_char(sn_lex_peek(lx)))
			sn_lex_skip(lx, 1);
		key->text = sn_pool_str(p->pool, sn_lex_since(lx, from));
		ok = key->text.n > 0 || sn_lex_unexpected(lx, "a key");
	}
	key->pos = sn_lex_until(lx, key->pos, from);
	return ok;
}

/*
 * The table that `key.` leads to in a dotted key: the key defines it, so that nothing else may have
 * done so.
 */
static struct node *step_dotted(struct parser *p, struct node *table, const struct key *key)
{
	struct sn_toml_entry *there = find_entry(table, key->text);
	struct node *next;

	if (there != NULL) {
		if (there->value == NULL || there->value->kind != SN_TOML_TABLE)
			return report_conflict(p, key, there);
		next = node_of(there->value);
		if (next->origin != TABLE_DOTTED && next->origin != TABLE_IMPLICIT)
			return report_conflict(p, key, there);
		next->origin = TABLE_DOTTED;
		return next;
	}
	if (too_deep(p, table->depth + 1, key->pos))
		return NULL;
	next = make_table(p, table, TABLE_DOTTED, key->pos);
	add_entry(p, table, key, &next->value);
	return next;
}

/* a.b."c" up to the last part: that part in *key, the table it belongs to returned. */
static struct node *read_key_path(struct parser *p, struct node *table, struct key *key,
	struct node *(*step)(struct parser *p, struct node *table, const struct key *key))
{
	for (;;) {
		if (!read_key(p, key))
			return NULL;
		sn_lex_blanks(&p->lx);
		if (!sn_lex_take(&p->lx, '.'))
			return table;
		table = step(p, table, key);
		if (table == NULL)
			return NULL;
		sn_lex_blanks(&p->lx);
	}
}

/* key = value, in a table or an inline table. */
static bool parse_assignment(struct parser *p, struct node *section)
{
	struct key key;
	struct node *table = read_key_path(p, section, &key, step_dotted);
	struct sn_toml_entry *there;
	struct sn_toml_value *value;

	if (table == NULL)
		return false;
	if (!sn_lex_take(&p->lx, '='))
		return sn_lex_unexpected(&p->lx, "'=' after the key");
	sn_lex_blanks(&p->lx);
	there = find_entry(table, key.text);
	if (there != NULL)
		(void)report_conflict(p, &key, there);
	value = parse_value(p, table);
	if (there == NULL)
		add_entry(p, table, &key, value);
	return value != NULL;
}

static bool parse_array_items(struct parser *p, struct node *array)
{
	bool ok = true;

	for (;;) {
		struct sn_toml_value *item;

		sn_lex_gap(&p->lx);
		if (sn_lex_take(&p->lx, ']'))
			return ok;
		if (sn_lex_peek(&p->lx) == SN_LEX_END)
			return report(p, array->value.pos, "this array is never closed");
		item = parse_value(p, array);
		if (item == NULL)
			return false;
		add_item(p, array, item);
		sn_lex_gap(&p->lx);
		if (!sn_lex_take(&p->lx, ',') && sn_lex_peek(&p->lx) != ']' &&
			sn_lex_peek(&p->lx) != SN_LEX_END)
			return sn_lex_unexpected(&p->lx, "',' or ']' in the array");
	}
}

static struct sn_toml_value *parse_array(struct parser *p, const struct node *within)
{
	struct sn_conf_pos pos = sn_lex_pos(&p->lx);
	size_t from = p->lx.at;
	struct node *array;

	if (too_deep(p, within->depth + 1, pos))
		return NULL;
	array = make_node(p, within, SN_TOML_ARRAY, pos);
	sn_lex_skip(&p->lx, 1);
	p->open_arrays++;
	if (!parse_array_items(p, array))
		return NULL; /* open_arrays stays: recovery looks at it */
	p->open_arrays--;
	array->value.pos = sn_lex_until(&p->lx, pos, from);
	return &array->value;
}

static bool parse_inline_entries(struct parser *p, struct node *table)
{
	sn_lex_blanks(&p->lx);
	if (sn_lex_take(&p->lx, '}'))
		return true;
	for (;;) {
		sn_lex_blanks(&p->lx);
		if (!parse_assignment(p, table))
			return false;
		sn_lex_blanks(&p->lx);
		if (sn_lex_take(&p->lx, '}'))
			return true;
		if (!sn_lex_take(&p->lx, ','))
			return sn_lex_unexpected(&p->lx, "',' or '}' in the inline table");
	}
}

static struct sn_toml_value *parse_inline_table(struct parser *p, const struct node *within)
{
	struct sn_conf_pos pos = sn_lex_pos(&p->lx);
	size_t from = p->lx.at;
	struct node *table;

	if (too_deep(p, within->depth + 1, pos))
		return NULL;
	table = make_table(p, within, TABLE_INLINE, pos);
	sn_lex_skip(&p->lx, 1);
	if (!parse_inline_entries(p, table))
		return NULL;
	table->value.pos = sn_lex_until(&p->lx, pos, from);
	return &table->value;
}

/* NULL: reported. */
static struct sn_toml_value *parse_value(struct parser *p, const struct node *within)
{
	struct sn_toml_value *value;
	struct sn_conf_pos pos = sn_lex_pos(&p->lx);
	size_t from = p->lx.at;
	int c = sn_lex_peek(&p->lx);

	if (c == '[')
		return parse_array(p, within);
	if (c == '{')
		return parse_inline_table(p, within);
	value = sn_pool_alloc_zero(p->pool, sizeof(*value));
	if (!(c == '"' || c == '\'' ? sn_toml_read_string : sn_toml_read_bare)(
		    &p->lx, p->pool, value))
		return NULL;
	value->pos = sn_lex_until(&p->lx, pos, from);
	return value;
}

/* The table that `key.` leads to in a header. */
static struct node *step_header(struct parser *p, struct node *table, const struct key *key)
{
	struct sn_toml_entry *there = find_entry(table, key->text);
	struct node *next;

	if (there == NULL) {
		if (too_deep(p, table->depth + 1, key->pos))
			return NULL;
		next = make_table(p, table, TABLE_IMPLICIT, key->pos);
		add_entry(p, table, key, &next->value);
		return next;
	}
	if (there->value != NULL && there->value->kind == SN_TOML_TABLE &&
		node_of(there->value)->origin != TABLE_INLINE)
		return node_of(there->value);
	if (there->value != NULL && there->value->kind == SN_TOML_ARRAY &&
		node_of(there->value)->of_tables)
		return node_of(there->value->array.items[there->value->array.count - 1]);
	return report_conflict(p, key, there);
}

/* [x]: a new table, or one that so far was only named on the way to another. */
static struct node *open_table(struct parser *p, struct node *parent, const struct key *key)
{
	struct sn_toml_entry *there = find_entry(parent, key->text);
	struct node *table;

	if (there != NULL) {
		if (there->value == NULL || there->value->kind != SN_TOML_TABLE ||
			node_of(there->value)->origin != TABLE_IMPLICIT)
			return report_conflict(p, key, there);
		table = node_of(there->value);
		table->origin = TABLE_HEADER;
		there->key_pos = key->pos;
		return table;
	}
	if (too_deep(p, parent->depth + 1, key->pos))
		return NULL;
	table = make_table(p, parent, TABLE_HEADER, key->pos);
	add_entry(p, parent, key, &table->value);
	return table;
}

/* [[x]]: one more element. */
static struct node *open_element(struct parser *p, struct node *parent, const struct key *key)
{
	struct sn_toml_entry *there = find_entry(parent, key->text);
	struct node *array, *table;

	if (there != NULL &&
		(there->value == NULL || there->value->kind != SN_TOML_ARRAY ||
			!node_of(there->value)->of_tables))
		return report_conflict(p, key, there);
	if (too_deep(p, parent->depth + 2, key->pos))
		return NULL;
	if (there == NULL) {
		array = make_node(p, parent, SN_TOML_ARRAY, key->pos);
		array->of_tables = true;
		add_entry(p, parent, key, &array->value);
	} else {
		array = node_of(there->value);
	}
	table = make_table(p, array, TABLE_HEADER, key->pos);
	add_item(p, array, &table->value);
	return table;
}

static struct node *parse_header(struct parser *p)
{
	struct sn_conf_pos pos = sn_lex_pos(&p->lx);
	size_t from = p->lx.at;
	bool element = sn_lex_starts(&p->lx, SN_STR("[["));
	const struct sn_str close = element ? SN_STR("]]") : SN_STR("]");
	struct node *table;
	struct key key;

	sn_lex_skip(&p->lx, close.n);
	sn_lex_blanks(&p->lx);
	table = read_key_path(p, p->root, &key, step_header);
	if (table == NULL)
		return NULL;
	if (!sn_lex_starts(&p->lx, close)) {
		(void)sn_lex_unexpected(
			&p->lx, element ? "']]' after the name" : "']' after the name");
		return NULL;
	}
	sn_lex_skip(&p->lx, close.n);
	table = element ? open_element(p, table, &key) : open_table(p, table, &key);
	if (table != NULL)
		table->value.pos = sn_lex_until(&p->lx, pos, from);
	return table;
}

static bool parse_statement(struct parser *p)
{
	if (sn_lex_peek(&p->lx) == '[') {
		p->section = parse_header(p);
		if (p->section == NULL) {
			/* What follows belongs to a table nobody will look for. */
			p->section = make_table(p, NULL, TABLE_HEADER, sn_lex_pos(&p->lx));
			return false;
		}
		return sn_lex_line_end(&p->lx, "the header");
	}
	return parse_assignment(p, p->section) && sn_lex_line_end(&p->lx, "the value");
}

/* Does this line begin like a statement rather than like one more element of a broken array? */
static bool begins_statement(struct sn_str line)
{
	size_t key = 0;

	line = sn_str_sub(line, 0, sn_str_find(line, '\n'));
	if (sn_str_starts(line, SN_STR("[")))
		return true;
	line = sn_str_trim(line);
	while (key < line.n && (bare_key_char((unsigned char)line.p[key]) || line.p[key] == '.'))
		key++;
	line = sn_str_trim(sn_str_from(line, key));
	return key > 0 && sn_str_starts(line, SN_STR("="));
}

static bool only_blanks_before(const struct sn_lex *lx)
{
	size_t at = lx->at;

	while (at > 0 && (lx->text.p[at - 1] == ' ' || lx->text.p[at - 1] == '\t'))
		at--;
	return at == 0 || lx->text.p[at - 1] == '\n';
}

/* Go on at the next line; inside an array that spans lines, behind what is left of it. */
static void recover(struct parser *p)
{
	struct sn_lex *lx = &p->lx;
	bool in_array = p->open_arrays > 0;
	bool closed = false;

	p->open_arrays = 0;
	if (in_array && only_blanks_before(lx) && begins_statement(sn_str_from(lx->text, lx->at)))
		return;
	sn_lex_skip_line(lx);
	while (in_array && !closed && sn_lex_peek(lx) != SN_LEX_END &&
		!begins_statement(sn_str_from(lx->text, lx->at))) {
		sn_lex_blanks(lx);
		closed = sn_lex_peek(lx) == ']';
		sn_lex_skip_line(lx);
	}
}

static void parse_text(struct parser *p)
{
	size_t errors_before = p->lx.diags->errors;

	for (;;) {
		sn_lex_gap(&p->lx);
		if (sn_lex_peek(&p->lx) == SN_LEX_END)
			return;
		if (!parse_statement(p))
			recover(p);
		if (p->lx.diags->errors - errors_before >= ERRORS_MAX) {
			(void)report(p, sn_lex_pos(&p->lx), "too many errors: stopped here");
			return;
		}
	}
}

struct sn_toml_value *sn_toml_parse(
	struct sn_pool *pool, const struct sn_conf_source *source, struct sn_conf_diags *diags)
{
	struct parser p = { .pool = pool };

	sn_lex_init(&p.lx, source, diags);
	p.root = p.section =
		make_table(&p, NULL, TABLE_HEADER, (struct sn_conf_pos){ .source = source });
	if (source->text.n > TEXT_MAX)
		sn_conf_report(
			diags, SN_CONF_ERROR, p.root->value.pos, "larger than %zu bytes", TEXT_MAX);
	else
		parse_text(&p);
	for (struct node *node = p.made; node != NULL; node = node->next_made)
		if (node->value.kind == SN_TOML_TABLE)
			sn_hash_fini(&node->entries);
	return &p.root->value;
}

struct sn_toml_entry *sn_toml_find(const struct sn_toml_value *table, struct sn_str key)
{
	struct sn_toml_entry *entry = table->table.first;

	while (entry != NULL && !sn_str_eq(entry->key, key))
		entry = entry->next;
	return entry;
}

const char *sn_toml_kind_name(enum sn_toml_kind kind)
{
	static const char *const names[] = {
		[SN_TOML_STRING] = "string",
		[SN_TOML_INTEGER] = "integer",
		[SN_TOML_FLOAT] = "float",
		[SN_TOML_BOOLEAN] = "boolean",
		[SN_TOML_OFFSET_DATETIME] = "date-time with offset",
		[SN_TOML_LOCAL_DATETIME] = "local date-time",
		[SN_TOML_LOCAL_DATE] = "local date",
		[SN_TOML_LOCAL_TIME] = "local time",
		[SN_TOML_ARRAY] = "array",
		[SN_TOML_TABLE] = "table",
	};

	return names[kind];
}
