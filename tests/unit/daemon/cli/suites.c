#include "tests/support/unit.h"

Suite *suite_accounts_json(void);
Suite *suite_accounts_open(void);
Suite *suite_cli_export(void);
Suite *suite_cli_hash(void);
Suite *suite_cli_import(void);
Suite *suite_cli_user(void);
Suite *suite_cli_user_items(void);
Suite *suite_cli_user_show(void);
Suite *suite_options(void);
Suite *suite_password(void);

const sn_suite_fn sn_suites[] = {
	suite_accounts_json,
	suite_accounts_open,
	suite_cli_export,
	suite_cli_hash,
	suite_cli_import,
	suite_cli_user,
	suite_cli_user_items,
	suite_cli_user_show,
	suite_options,
	suite_password,
	NULL,
};
