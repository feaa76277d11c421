/*
 * TOML 1.0 (https://toml.io/en/v1.0.0): text to a tree with positions. Pure: no file is opened
 * here. Strict: what the specification forbids is an error with its place; after an error the
 * parser goes on at the next line, so that one run shows them all.
 *
 * The tree lives in the pool. Limits: nesting 64, text 8 MiB, so that recursion and memory are
 * bounded whatever the input.
 */
#ifndef SN_CONFIG_CONF_TOML_H
#define SN_CONFIG_CONF_TOML_H

#include "config/conf_diag.h"

enum sn_toml_kind {
	SN_TOML_STRING,
	SN_TOML_INTEGER,
	SN_TOML_FLOAT,
	SN_TOML_BOOLEAN,
	SN_TOML_OFFSET_DATETIME,
	SN_TOML_LOCAL_DATETIME,
	SN_TOML_LOCAL_DATE,
	SN_TOML_LOCAL_TIME,
	SN_TOML_ARRAY,
	SN_TOML_TABLE,
};

struct sn_toml_datetime {
	int16_t year;
	uint8_t month, day, hour, minute, second;
	uint32_t nanosecond;
	int16_t offset_minutes; /* OFFSET_DATETIME only */
};

struct sn_toml_value;

struct sn_toml_entry {
	struct sn_toml_entry *next;
	struct sn_str key;
	struct sn_conf_pos key_pos;
	struct sn_toml_value *value; /* NULL: malformed, and reported as such */
	bool used; /* for the reader: marks entries it knows; the rest is "unknown key" */
};

struct sn_toml_value {
	enum sn_toml_kind kind;
	struct sn_conf_pos pos;
	union {
		struct sn_str string; /* unescaped, NUL-terminated, valid UTF-8 */
		int64_t integer;
		double real;
		bool boolean;
		struct sn_toml_datetime datetime;
		struct {
			struct sn_toml_value **items;
			size_t count;
		} array;
		struct {
			struct sn_toml_entry *first, **last; /* in source order */
		} table;
	};
};

/* The root table, always (possibly partial): look at diags->errors. */
struct sn_toml_value *sn_toml_parse(
	struct sn_pool *pool, const struct sn_conf_source *source, struct sn_conf_diags *diags);
/* The entry with this key, or NULL. */
struct sn_toml_entry *sn_toml_find(const struct sn_toml_value *table, struct sn_str key);
const char *sn_toml_kind_name(enum sn_toml_kind kind); /* "string", "array", ... */

#endif
