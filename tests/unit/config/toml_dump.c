#include "tests/unit/config/toml_cases.h"

#include <stdlib.h>

static void dump_table(struct sn_strbuf *out, const struct sn_toml_value *table)
{
	sn_strbuf_addc(out, '{');
	for (const struct sn_toml_entry *e = table->table.first; e != NULL; e = e->next) {
		sn_strbuf_add_quoted(out, e->key);
		sn_strbuf_addc(out, '=');
		if (e->value != NULL)
			toml_dump(out, e->value);
		sn_strbuf_adds(out, e->next != NULL ? " " : "");
	}
	sn_strbuf_addc(out, '}');
}

static void dump_array(struct sn_strbuf *out, const struct sn_toml_value *array)
{
	sn_strbuf_addc(out, '[');
	for (size_t i = 0; i < array->array.count; i++) {
		sn_strbuf_adds(out, i > 0 ? " " : "");
		toml_dump(out, array->array.items[i]);
	}
	sn_strbuf_addc(out, ']');
}

static void dump_time(struct sn_strbuf *out, const struct sn_toml_datetime *dt)
{
	sn_strbuf_addf(out, "%02u:%02u:%02u", dt->hour, dt->minute, dt->second);
	if (dt->nanosecond != 0)
		sn_strbuf_addf(out, ".%09u", dt->nanosecond);
}

static void dump_datetime(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	const struct sn_toml_datetime *dt = &value->datetime;
	int offset = abs(dt->offset_minutes);

	if (value->kind != SN_TOML_LOCAL_TIME)
		sn_strbuf_addf(out, "%04d-%02u-%02u", dt->year, dt->month, dt->day);
	if (value->kind == SN_TOML_OFFSET_DATETIME || value->kind == SN_TOML_LOCAL_DATETIME)
		sn_strbuf_addc(out, 'T');
	if (value->kind != SN_TOML_LOCAL_DATE)
		dump_time(out, dt);
	if (value->kind == SN_TOML_OFFSET_DATETIME)
		sn_strbuf_addf(out, "%c%02d:%02d", dt->offset_minutes < 0 ? '-' : '+', offset / 60,
			offset % 60);
}

void toml_dump(struct sn_strbuf *out, const struct sn_toml_value *value)
{
	if (value->kind == SN_TOML_TABLE) {
		dump_table(out, value);
	} else if (value->kind == SN_TOML_ARRAY) {
		dump_array(out, value);
	} else if (value->kind == SN_TOML_STRING) {
		sn_strbuf_addc(out, '"');
		sn_strbuf_add_quoted(out, value->string);
		sn_strbuf_addc(out, '"');
	} else if (value->kind == SN_TOML_INTEGER) {
		sn_strbuf_addf(out, "%lld", (long long)value->integer);
	} else if (value->kind == SN_TOML_FLOAT) {
		sn_strbuf_addf(out, "float:%.15g", value->real);
	} else if (value->kind == SN_TOML_BOOLEAN) {
		sn_strbuf_adds(out, value->boolean ? "true" : "false");
	} else {
		dump_datetime(out, value);
	}
}
