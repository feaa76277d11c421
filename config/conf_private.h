/*
 * What the files of config/ share about a configuration while it is made. Private to config/.
 */
#ifndef SN_CONFIG_CONF_PRIVATE_H
#define SN_CONFIG_CONF_PRIVATE_H

#include "config/conf.h"

/* One row of the schema, filled. */
struct sn_conf_filled {
	void *plain;
	struct sn_conf_named *named;
	size_t count;
};

struct sn_conf {
	size_t refs;
	struct sn_pool *pool;
	struct sn_conf_source *sources; /* of the positions in the result; in the pool */
	const struct sn_conf_schema *schema;
	struct sn_conf_filled *tables; /* as many as the schema has */
};

const struct sn_conf_table *sn_conf_schema_find(
	const struct sn_conf_schema *schema, struct sn_str name);
/* The rows that [table.NAME] is read by; body may be NULL. NULL: an unknown type. */
const struct sn_conf_section *sn_conf_choose_section(
	const struct sn_conf_table *table, struct sn_str name, const struct sn_toml_value *body);
/* The `type` of a typed table's body or, without one, its name. */
struct sn_str sn_conf_chosen_type(struct sn_str name, const struct sn_toml_value *body);

/*
 * conf_tree.c: the files of a request as one tree, ${NAME} expanded; the root's pos is the first
 * file. Always a table: what could not be read is missing in it and reported.
 */
struct sn_toml_value *sn_conf_tree_load(
	struct sn_pool *pool, const struct sn_conf_request *request, struct sn_conf_diags *diags);
/* A new last entry. */
void sn_conf_tree_add(struct sn_pool *pool, struct sn_toml_value *table, struct sn_str key,
	struct sn_toml_value *value);
struct sn_toml_value *sn_conf_tree_table(struct sn_pool *pool, struct sn_conf_pos pos);

/* conf_override.c: put the request's command-line settings in. */
void sn_conf_overrides_apply(struct sn_pool *pool, struct sn_toml_value *root,
	const struct sn_conf_request *request, struct sn_conf_diags *diags);

#endif
