/*
 * The scalar values of TOML: strings of all four kinds, and what stands without quotes (booleans,
 * numbers, dates and times). Private to config/.
 */
#ifndef SN_CONFIG_CONF_TOML_VALUE_H
#define SN_CONFIG_CONF_TOML_VALUE_H

#include "config/conf_lex.h"
#include "config/conf_toml.h"

/* Both start where the value does, fill *value but its pos, and report what is wrong. */
bool sn_toml_read_string(struct sn_lex *lx, struct sn_pool *pool, struct sn_toml_value *value);
bool sn_toml_read_bare(struct sn_lex *lx, struct sn_pool *pool, struct sn_toml_value *value);

/* token is all of a number, or of a date or time; NULL or what is wrong with it. */
const char *sn_toml_number(struct sn_pool *pool, struct sn_str token, struct sn_toml_value *value);
const char *sn_toml_datetime(struct sn_str token, struct sn_toml_value *value);

#endif
