#include "tests/support/unit.h"

Suite *sn_suite_cli(void);
Suite *sn_suite_cli_check(void);
Suite *sn_suite_cli_ctl(void);
Suite *sn_suite_cli_list(void);
Suite *sn_suite_cli_run(void);
Suite *sn_suite_cli_serve(void);
Suite *sn_suite_cli_service(void);
Suite *sn_suite_ctl_client(void);
Suite *sn_suite_modules(void);
Suite *sn_suite_table(void);

const sn_suite_fn sn_suites[] = {
	sn_suite_cli,
	sn_suite_cli_check,
	sn_suite_cli_ctl,
	sn_suite_cli_list,
	sn_suite_cli_run,
	sn_suite_cli_serve,
	sn_suite_cli_service,
	sn_suite_ctl_client,
	sn_suite_modules,
	sn_suite_table,
	NULL,
};
