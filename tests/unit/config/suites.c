#include "tests/support/unit.h"

Suite *sn_suite_conf(void);
Suite *sn_suite_conf_changes(void);
Suite *sn_suite_conf_diag(void);
Suite *sn_suite_conf_effective(void);
Suite *sn_suite_conf_file(void);
Suite *sn_suite_conf_lex(void);
Suite *sn_suite_conf_man(void);
Suite *sn_suite_conf_override(void);
Suite *sn_suite_conf_read(void);
Suite *sn_suite_conf_schema(void);
Suite *sn_suite_conf_secret(void);
Suite *sn_suite_conf_toml(void);
Suite *sn_suite_conf_toml_string(void);
Suite *sn_suite_conf_toml_value(void);
Suite *sn_suite_conf_tree(void);

const sn_suite_fn sn_suites[] = {
	sn_suite_conf,
	sn_suite_conf_changes,
	sn_suite_conf_diag,
	sn_suite_conf_effective,
	sn_suite_conf_file,
	sn_suite_conf_lex,
	sn_suite_conf_man,
	sn_suite_conf_override,
	sn_suite_conf_read,
	sn_suite_conf_schema,
	sn_suite_conf_secret,
	sn_suite_conf_toml,
	sn_suite_conf_toml_string,
	sn_suite_conf_toml_value,
	sn_suite_conf_tree,
	NULL,
};
