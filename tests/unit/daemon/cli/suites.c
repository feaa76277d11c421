#include "tests/support/unit.h"

Suite *suite_accounts_json(void);
Suite *suite_accounts_open(void);
Suite *sn_suite_cli(void);
Suite *sn_suite_cli_backup(void);
Suite *sn_suite_cli_check(void);
Suite *sn_suite_cli_completion(void);
Suite *sn_suite_cli_ctl(void);
Suite *suite_cli_export(void);
Suite *suite_cli_hash(void);
Suite *suite_cli_import(void);
Suite *sn_suite_cli_list(void);
Suite *sn_suite_cli_manual(void);
Suite *sn_suite_cli_plugin(void);
Suite *sn_suite_cli_plugin_new(void);
Suite *sn_suite_cli_roles(void);
Suite *sn_suite_cli_run(void);
Suite *sn_suite_cli_serve(void);
Suite *sn_suite_cli_service(void);
Suite *suite_cli_user(void);
Suite *suite_cli_user_items(void);
Suite *suite_cli_user_show(void);
Suite *sn_suite_complete(void);
Suite *sn_suite_ctl_client(void);
Suite *sn_suite_help_items(void);
Suite *sn_suite_modules(void);
Suite *suite_options(void);
Suite *suite_password(void);
Suite *sn_suite_table(void);

const sn_suite_fn sn_suites[] = {
	suite_accounts_json,
	suite_accounts_open,
	sn_suite_cli,
	sn_suite_cli_backup,
	sn_suite_cli_check,
	sn_suite_cli_completion,
	sn_suite_cli_ctl,
	suite_cli_export,
	suite_cli_hash,
	suite_cli_import,
	sn_suite_cli_list,
	sn_suite_cli_manual,
	sn_suite_cli_plugin,
	sn_suite_cli_plugin_new,
	sn_suite_cli_roles,
	sn_suite_cli_run,
	sn_suite_cli_serve,
	sn_suite_cli_service,
	suite_cli_user,
	suite_cli_user_items,
	suite_cli_user_show,
	sn_suite_complete,
	sn_suite_ctl_client,
	sn_suite_help_items,
	sn_suite_modules,
	suite_options,
	suite_password,
	sn_suite_table,
	NULL,
};
