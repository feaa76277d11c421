/*
 * One loaded configuration: an immutable, reference-counted snapshot. A reload makes a new one;
 * connections keep the one they started with.
 *
 *   file(s) --conf_toml--> tree --include, ${NAME}, KEY_file--> tree --rows--> typed structs
 *
 * include = ["extra.toml", a glob such as conf.d/STAR.toml] at the top of a file reads further
 * files (sorted, relative to the naming file, depth 8); a table may be opened in one file only.
 * ${NAME} in a string is the environment's NAME ($$ is a dollar sign); an unset name is an error.
 * KEY_file = "PATH" reads a secret from a file, one trailing newline removed.
 *
 * Loading touches files and the environment and blocks: do it at start, or through sn_offload. The
 * endpoint types must be registered before (sn_endpoints_init). References are counted without
 * locks: a snapshot belongs to one loop.
 */
#ifndef SN_CONFIG_CONF_H
#define SN_CONFIG_CONF_H

#include "config/conf_schema.h"

struct sn_conf;

/* One setting from the command line: applied over the files, reported under its option's name. */
struct sn_conf_override {
	const char *table;   /* "service" */
	const char *name;    /* "irc", or NULL for a plain table */
	const char *key;     /* a key of its rows */
	struct sn_str value; /* TOML value without quotes, nothing expanded; list keys: one entry,
				appended to those given before for the same key */
	const char *option;  /* "--listen" */
};

struct sn_conf_request {
	const struct sn_conf_schema *schema;
	const char *path;   /* NULL: no file */
	struct sn_str text; /* used when path is NULL and text.p is not */
	const struct sn_conf_override *overrides;
	size_t override_count;
};

/* Every problem goes into diags; *conf_r is set only when there is no error (else SN_ECONFIG). */
int sn_conf_load(const struct sn_conf_request *request, struct sn_conf_diags *diags,
	struct sn_conf **conf_r) SN_WARN_UNUSED;
/*
 * A first look, for what must be known before the schema is complete: the tables of request->schema
 * are read as far as they can be, and neither what else is there nor anything wrong is reported;
 * that is for the load that follows. Command-line settings do not count. Never NULL.
 */
struct sn_conf *sn_conf_peek(const struct sn_conf_request *request);
struct sn_conf *sn_conf_ref(struct sn_conf *conf);
void sn_conf_unref(struct sn_conf **conf);

/* The filled struct of a plain table (defaults if it is absent from the file). */
const void *sn_conf_plain(const struct sn_conf *conf, const char *table);

/* One [table.NAME]. */
struct sn_conf_named {
	struct sn_str name;
	const struct sn_conf_section *section; /* chosen by type; untyped: the table's own */
	const void *common;                    /* filled from the table's own rows, or NULL */
	const void *settings;                  /* filled from the type's rows; untyped: common */
	struct sn_conf_pos pos;
	const struct sn_conf_key *keys; /* that stand in it */
	size_t key_count;
	struct sn_str type; /* typed tables: the word that chose the section */
};
/* Where a key stands, for problems found after loading; one that is not given: the table. */
struct sn_conf_key {
	struct sn_str name;
	struct sn_conf_pos pos; /* of its value */
};
struct sn_conf_pos sn_conf_key_pos(const struct sn_conf_named *named, const char *key);
/* i = 0, 1, ... in file order; NULL at the end. */
const struct sn_conf_named *sn_conf_named_at(
	const struct sn_conf *conf, const char *table, size_t i);

/* The whole result with defaults and types, as TOML that loads back to the same; secrets: "***". */
void sn_conf_effective(const struct sn_conf *conf, struct sn_strbuf *out);
/* The same with its secrets, for another process of ours: what it loads from this text is what was
 * loaded here. Wipe it afterwards. */
void sn_conf_export(const struct sn_conf *conf, struct sn_strbuf *out);

#endif
