#include "tests/support/unit.h"

Suite *migrate_suite(void);
Suite *request_suite(void);
Suite *sqlite_suite(void);
Suite *sqlite_copy_suite(void);
Suite *sqlite_migrate_suite(void);
Suite *sqlite_open_suite(void);
Suite *sqlite_statement_suite(void);
Suite *store_suite(void);

const sn_suite_fn sn_suites[] = {
	migrate_suite,
	request_suite,
	sqlite_suite,
	sqlite_copy_suite,
	sqlite_migrate_suite,
	sqlite_open_suite,
	sqlite_statement_suite,
	store_suite,
	NULL,
};
