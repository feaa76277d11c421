#include "config/conf_private.h"
#include "config/conf_read.h"
#include "daemon/base/text.h"

/* What a secret is shown as: as short as its row allows, so that the text loads back. */
#define SECRET_STARS 3

typedef void (*write_fn)(
	struct sn_strbuf *out, const struct sn_conf_item *item, const void *member);

/* A TOML basic string. */
static void write_quoted(struct sn_strbuf *out, struct sn_str s)
{
	static const char plain[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";

	sn_strbuf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		const char *escaped = c != '\0' ? strchr(plain, c) : NULL;

		if (escaped != NULL)
			sn_strbuf_addf(out, "\\%c", letters[escaped - plain]);
		else if ((unsigned char)c < 0x20 || c == 0x7F)
			sn_strbuf_addf(out, "\\u%04X", (unsigned char)c);
		else
			sn_strbuf_addc(out, c);
	}
	sn_strbuf_addc(out, '"');
}

/* As a value: there a dollar sign is written twice. */
static void write_text(struct sn_strbuf *out, struct sn_str s)
{
	struct sn_strbuf doubled;

	sn_strbuf_init(&doubled, 2 * s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		sn_strbuf_addc(&doubled, s.p[i]);
		if (s.p[i] == '$')
			sn_strbuf_addc(&doubled, '$');
	}
	write_quoted(out, sn_strbuf_str(&doubled));
	sn_strbuf_fini(&doubled);
}

static void write_key(struct sn_strbuf *out, struct sn_str key)
{
	bool bare = key.n > 0;

	for (size_t i = 0; i < key.n; i++)
		bare &= sn_ascii_alpha(key.p[i]) || sn_ascii_digit(key.p[i]) || key.p[i] == '_' ||
			key.p[i] == '-';
	if (bare)
		sn_strbuf_add(out, key);
	else
		write_quoted(out, key);
}

static void write_string(struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	(void)item;
	write_text(out, *(const struct sn_str *)member);
}

static void write_bool(struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	(void)item;
	sn_strbuf_adds(out, *(const bool *)member ? "true" : "false");
}

static void write_int(struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	sn_conf_add_number(out, item, *(const int64_t *)member);
}

/* SIZE and DURATION: a number with its unit, in quotes. */
static void write_quantity(
	struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	sn_strbuf_addc(out, '"');
	write_int(out, item, member);
	sn_strbuf_addc(out, '"');
}

static void write_enum(struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	write_text(out, sn_str(item->choices[*(const int *)member]));
}

static void write_secret(struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	const struct sn_str *secret = member;
	int64_t stars = item->min > SECRET_STARS ? item->min : SECRET_STARS;

	if (item->max > 0 && stars > item->max)
		stars = item->max;
	sn_strbuf_addc(out, '"');
	for (int64_t i = 0; secret->n > 0 && i < stars; i++)
		sn_strbuf_addc(out, '*');
	sn_strbuf_addc(out, '"');
}

/* "memory:alice:secret" as "memory:***". */
static void write_private(struct sn_strbuf *out, struct sn_str text)
{
	struct sn_strbuf shown;

	sn_strbuf_init(&shown, text.n + 4);
	sn_strbuf_add(&shown, sn_str_sub(text, 0, sn_str_find(text, ':')));
	if (sn_str_find(text, ':') < text.n)
		sn_strbuf_adds(&shown, ":***");
	write_text(out, sn_strbuf_str(&shown));
	sn_strbuf_fini(&shown);
}

static void write_list(struct sn_strbuf *out, const struct sn_conf_strings *list,
	void (*write)(struct sn_strbuf *out, struct sn_str text))
{
	sn_strbuf_addc(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		sn_strbuf_adds(out, i > 0 ? ", " : "");
		write(out, list->items[i]);
	}
	sn_strbuf_addc(out, ']');
}

static void write_strings(
	struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	write_list(out, member, item->flags & SN_CONF_PRIVATE ? write_private : write_text);
}

static void write_open_strings(
	struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	(void)item;
	write_list(out, member, write_text);
}

static void write_endpoint(struct sn_strbuf *out, const struct sn_endpoint *endpoint)
{
	struct sn_strbuf text;

	sn_strbuf_init(&text, SIZE_MAX / 4);
	sn_endpoint_format(endpoint, &text);
	write_text(out, sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
}

static void write_endpoints(
	struct sn_strbuf *out, const struct sn_conf_item *item, const void *member)
{
	const struct sn_conf_endpoints *list = member;

	(void)item;
	sn_strbuf_addc(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		sn_strbuf_adds(out, i > 0 ? ", " : "");
		write_endpoint(out, list->items[i].endpoint);
	}
	sn_strbuf_addc(out, ']');
}

/* Nothing was given, there is no default, and nothing is no value the row would take. */
static bool is_unset(const struct sn_conf_item *item, const void *member)
{
	const struct sn_conf_type_info *info = sn_conf_type_info(item->type);

	if (item->min <= 0)
		return false;
	if (info->is_number)
		return *(const int64_t *)member == 0;
	if (info->is_list)
		return ((const struct sn_conf_strings *)member)->count == 0;
	return ((const struct sn_str *)member)->n == 0;
}

/* How each type is shown to people. */
static const write_fn shown[] = {
	[SN_CONF_STRING] = write_string,
	[SN_CONF_BOOL] = write_bool,
	[SN_CONF_INT] = write_int,
	[SN_CONF_SIZE] = write_quantity,
	[SN_CONF_DURATION] = write_quantity,
	[SN_CONF_ENUM] = write_enum,
	[SN_CONF_PATH] = write_string,
	[SN_CONF_SECRET] = write_secret,
	[SN_CONF_STRINGS] = write_strings,
	[SN_CONF_LISTEN] = write_endpoints,
	[SN_CONF_CONNECT] = write_endpoints,
};

/* The types that another process gets as they are. */
static const write_fn open_ones[SN_CONF_CONNECT + 1] = {
	[SN_CONF_SECRET] = write_string,
	[SN_CONF_STRINGS] = write_open_strings,
};

struct view {
	struct sn_strbuf *out;
	bool open; /* secrets too */
};

static void write_item(
	const struct view *view, const struct sn_conf_item *item, const void *settings)
{
	const void *member = (const char *)settings + item->offset;
	write_fn write = view->open ? open_ones[item->type] : NULL;

	if (is_unset(item, member)) {
		sn_strbuf_addf(view->out, "# %s is not set\n", item->key);
		return;
	}
	if (write == NULL)
		write = shown[item->type];
	sn_strbuf_addf(view->out, "%s = ", item->key);
	write(view->out, item, member);
	sn_strbuf_addc(view->out, '\n');
}

static void write_section(
	const struct view *view, const struct sn_conf_section *section, const void *settings)
{
	for (size_t i = 0; i < section->count; i++)
		write_item(view, &section->items[i], settings);
}

static void write_named(const struct view *view, const struct sn_conf_table *table,
	const struct sn_conf_named *named)
{
	struct sn_strbuf *out = view->out;

	sn_strbuf_addf(out, "\n[%s.", table->name);
	write_key(out, named->name);
	sn_strbuf_adds(out, "]\n");
	if (table->typed) {
		sn_strbuf_adds(out, "type = ");
		write_text(out, named->type);
		sn_strbuf_addc(out, '\n');
	}
	if (named->common != NULL && named->common != named->settings)
		write_section(view, table->section, named->common);
	write_section(view, named->section, named->settings);
}

static void write_conf(const struct sn_conf *conf, const struct view *view)
{
	struct sn_strbuf *out = view->out;

	for (size_t i = 0; i < conf->schema->count; i++) {
		const struct sn_conf_table *table = &conf->schema->tables[i];
		const struct sn_conf_filled *filled = &conf->tables[i];

		for (size_t j = 0; j < filled->count; j++)
			write_named(view, table, &filled->named[j]);
		if (table->named)
			continue;
		sn_strbuf_addf(out, "%s[%s]\n", out->n > 0 ? "\n" : "", table->name);
		write_section(view, table->section, filled->plain);
	}
}

void sn_conf_effective(const struct sn_conf *conf, struct sn_strbuf *out)
{
	write_conf(conf, &(struct view){ .out = out });
}

void sn_conf_export(const struct sn_conf *conf, struct sn_strbuf *out)
{
	write_conf(conf, &(struct view){ .out = out, .open = true });
}
