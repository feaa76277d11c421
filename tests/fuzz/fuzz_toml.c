/*
 * Any bytes as a TOML text: parsed, looked through, and every problem printed with its caret. What
 * a string of the tree promises (valid UTF-8, NUL-terminated) is checked for all of them.
 */
#include <stddef.h>
#include <stdint.h>

#include "config/conf_secret.h"
#include "config/conf_toml.h"
#include "daemon/base/assert.h"
#include "daemon/base/text.h"

#define PRINT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(struct sn_str s)
{
	sn_assert(sn_utf8_valid(s) && s.p[s.n] == '\0');
}

static void check_value(const struct sn_toml_value *value, bool complete)
{
	if (value == NULL) {
		sn_assert(!complete);
		return;
	}
	if (value->kind == SN_TOML_STRING)
		check_string(value->string);
	if (value->kind == SN_TOML_ARRAY)
		for (size_t i = 0; i < value->array.count; i++)
			check_value(value->array.items[i], complete);
	if (value->kind != SN_TOML_TABLE)
		return;
	for (const struct sn_toml_entry *e = value->table.first; e != NULL; e = e->next) {
		check_string(e->key);
		sn_assert(sn_toml_find(value, e->key) == e);
		check_value(e->value, complete);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_conf_source *source;
	const struct sn_toml_value *root;
	struct sn_conf_diags diags;
	struct sn_strbuf out;

	sn_conf_diags_init(&diags);
	source = sn_conf_source_add(diags.pool, &diags.sources, "fuzz.toml",
		sn_conf_keep(diags.pool, sn_str_n(data, size)));
	root = sn_toml_parse(diags.pool, source, &diags);
	check_value(root, diags.errors == 0);
	sn_strbuf_init(&out, PRINT_MAX);
	sn_conf_diags_print(&diags, &out, true);
	sn_assert(sn_utf8_valid(sn_strbuf_str(&out)));
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&diags);
	return 0;
}
