/*
 * From one table of the tree to one C struct, by the rows of a section. Private to config/.
 */
#ifndef SN_CONFIG_CONF_READ_H
#define SN_CONFIG_CONF_READ_H

#include "config/conf_schema.h"

#define SN_CONF_FILE_SUFFIX "_file"

struct sn_conf_reader {
	struct sn_pool *pool;            /* what is filled lives here */
	struct sn_conf_source **sources; /* of that pool: what positions in the result refer to */
	struct sn_conf_diags *diags;
	const char *table; /* "[service.irc]", for messages */
	bool partial;      /* there were syntax errors: what seems to be missing may be there */
};

/* What all rows of one type have in common. */
struct sn_conf_type_info {
	const char *name;     /* for the manual page */
	const char *expected; /* "must be ..." */
	size_t size, align;   /* of the member */
	bool is_list, is_number;
};
const struct sn_conf_type_info *sn_conf_type_info(enum sn_conf_type type);

/*
 * Fill settings from table (NULL: absent, all defaults), mark the entries that have rows as used,
 * and report everything wrong at its place; what is missing is reported at pos.
 */
void sn_conf_read_section(struct sn_conf_reader *r, const struct sn_conf_section *section,
	const struct sn_toml_value *table, struct sn_conf_pos pos, void *settings);
/* The member of one row from its default; false: reported. */
bool sn_conf_read_default(
	struct sn_conf_reader *r, const struct sn_conf_item *item, void *settings);
/* text as an override or a default gives it: without quotes, read as the row's type asks. */
struct sn_toml_value *sn_conf_plain_value(struct sn_pool *pool, const struct sn_conf_item *item,
	struct sn_str text, struct sn_conf_pos pos);
/*
 * Report the entries nobody marked as used. The two sections are what is known: the table's own
 * rows (may be NULL) and those of its type (NULL: the table has no `type`).
 */
void sn_conf_report_unknown(struct sn_conf_reader *r, const struct sn_toml_value *table,
	const struct sn_conf_section *common, const struct sn_conf_section *section);

/* "A to B", "at least A" or "at most B" in the row's unit; false: there is no limit. */
bool sn_conf_add_range(struct sn_strbuf *out, const struct sn_conf_item *item);
/* "3", "16KiB", "30s": a number of the row's type. */
void sn_conf_add_number(struct sn_strbuf *out, const struct sn_conf_item *item, int64_t number);
/* The row of a key: also of KEY_file, for secrets (*is_file_r). NULL: none. */
const struct sn_conf_item *sn_conf_find_item(
	const struct sn_conf_section *section, struct sn_str key, bool *is_file_r);

#endif
