/*
 * TOML on standard input to the tagged JSON that public TOML test suites compare with:
 * {"port": {"type": "integer", "value": "6667"}}. Exit 1 and the problems on standard error if the
 * text is not valid.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/conf_file.h"
#include "config/conf_toml.h"

#define OUTPUT_MAX ((size_t)64 << 20)

static void print_value(struct sn_strbuf *out, const struct sn_toml_value *value);

static void print_string(struct sn_strbuf *out, struct sn_str s)
{
	sn_strbuf_addc(out, '"');
	sn_strbuf_add_json(out, s);
	sn_strbuf_addc(out, '"');
}

static void print_array(struct sn_strbuf *out, const struct sn_toml_value *array)
{
	sn_strbuf_addc(out, '[');
	for (size_t i = 0; i < array->array.count; i++) {
		sn_strbuf_adds(out, i > 0 ? "," : "");
		print_value(out, array->array.items[i]);
	}
	sn_strbuf_addc(out, ']');
}

static void print_table(struct sn_strbuf *out, const struct sn_toml_value *table)
{
	sn_strbuf_addc(out, '{');
	for (const struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next) {
		print_string(out, e->key);
		sn_strbuf_addc(out, ':');
		print_value(out, e->value);
		sn_strbuf_adds(out, e->next != NULL ? "," : "");
	}
	sn_strbuf_addc(out, '}');
}

static void print_real(struct sn_strbuf *out, double real)
{
	if (isnan(real))
		sn_strbuf_adds(out, "nan");
	else if (isinf(real))
		sn_strbuf_adds(out, real < 0 ? "-inf" : "inf");
	else
		sn_strbuf_addf(out, "%.17g", real);
}

static void print_datetime(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	const struct sn_toml_datetime *dt = &value->datetime;
	int offset = abs(dt->offset_minutes);

	if (value->kind != SN_TOML_LOCAL_TIME)
		sn_strbuf_addf(out, "%04d-%02u-%02u", dt->year, dt->month, dt->day);
	if (value->kind == SN_TOML_LOCAL_DATE)
		return;
	if (value->kind != SN_TOML_LOCAL_TIME)
		sn_strbuf_addc(out, 'T');
	sn_strbuf_addf(
		out, "%02u:%02u:%02u.%09u", dt->hour, dt->minute, dt->second, dt->nanosecond);
	if (value->kind == SN_TOML_OFFSET_DATETIME)
		sn_strbuf_addf(out, "%c%02d:%02d", dt->offset_minutes < 0 ? '-' : '+', offset / 60,
			offset % 60);
}

static const char *tag(enum sn_toml_kind kind)
{
	static const char *const tags[] = {
		[SN_TOML_STRING] = "string",
		[SN_TOML_INTEGER] = "integer",
		[SN_TOML_FLOAT] = "float",
		[SN_TOML_BOOLEAN] = "bool",
		[SN_TOML_OFFSET_DATETIME] = "datetime",
		[SN_TOML_LOCAL_DATETIME] = "datetime-local",
		[SN_TOML_LOCAL_DATE] = "date-local",
		[SN_TOML_LOCAL_TIME] = "time-local",
	};

	return tags[kind];
}

static void print_scalar(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	sn_strbuf_addf(out, "{\"type\":\"%s\",\"value\":\"", tag(value->kind));
	if (value->kind == SN_TOML_STRING)
		sn_strbuf_add_json(out, value->string);
	else if (value->kind == SN_TOML_INTEGER)
		sn_strbuf_addf(out, "%lld", (long long)value->integer);
	else if (value->kind == SN_TOML_FLOAT)
		print_real(out, value->real);
	else if (value->kind == SN_TOML_BOOLEAN)
		sn_strbuf_adds(out, value->boolean ? "true" : "false");
	else
		print_datetime(out, value);
	sn_strbuf_adds(out, "\"}");
}

static void print_value(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	if (value->kind == SN_TOML_TABLE)
		print_table(out, value);
	else if (value->kind == SN_TOML_ARRAY)
		print_array(out, value);
	else
		print_scalar(out, value);
}

int main(void)
{
	struct sn_conf_diags diags;
	struct sn_conf_file file = { .text = SN_STR("") };
	const struct sn_conf_source *source;
	const struct sn_toml_value *root;
	struct sn_strbuf out;
	bool valid;
	int err;

	sn_conf_diags_init(&diags);
	sn_strbuf_init(&out, OUTPUT_MAX);
	err = sn_conf_file_read(diags.pool, "/dev/stdin", OUTPUT_MAX, &file);
	source = sn_conf_source_add(diags.pool, &diags.sources, "stdin", file.text);
	if (err != SN_OK)
		sn_conf_report(&diags, SN_CONF_ERROR, (struct sn_conf_pos){ .source = source },
			"%s", sn_strerror(err));
	root = sn_toml_parse(diags.pool, source, &diags);
	valid = diags.errors == 0;
	if (valid)
		print_table(&out, root);
	else
		sn_conf_diags_print(&diags, &out, false);
	(void)fprintf(valid ? stdout : stderr, "%s\n", sn_strbuf_cstr(&out));
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&diags);
	return valid ? EXIT_SUCCESS : EXIT_FAILURE;
}
