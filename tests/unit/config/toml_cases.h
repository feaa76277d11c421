/* What the parser must take, and how it reads it; what it must refuse, and where. */
#ifndef SN_TESTS_UNIT_CONFIG_TOML_CASES_H
#define SN_TESTS_UNIT_CONFIG_TOML_CASES_H

#include "config/conf_toml.h"

struct toml_valid {
	const char *name;
	struct sn_str text;
	const char *dump; /* as toml_dump writes it */
};
extern const struct toml_valid toml_valid[];
extern const size_t toml_valid_count;

struct toml_invalid {
	const char *name;
	struct sn_str text;
	uint32_t line, column; /* of the first problem */
	const char *message;   /* a part of it */
};
extern const struct toml_invalid toml_invalid[];
extern const size_t toml_invalid_count;

/* The tree in one line: {a=1 b={c="x"} d=[float:1.5 true 1979-05-27]}. */
void toml_dump(struct sn_strbuf *out, const struct sn_toml_value *value);

#endif
