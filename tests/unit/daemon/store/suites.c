#include "tests/support/unit.h"

Suite *migrate_suite(void);
Suite *pq_suite(void);
Suite *pq_dialect_suite(void);
Suite *pq_lane_suite(void);
Suite *pq_migrate_suite(void);
Suite *pq_open_suite(void);
Suite *pq_statement_suite(void);
Suite *request_suite(void);
Suite *sqlite_suite(void);
Suite *sqlite_copy_suite(void);
Suite *sqlite_migrate_suite(void);
Suite *sqlite_open_suite(void);
Suite *sqlite_statement_suite(void);
Suite *store_suite(void);

const sn_suite_fn sn_suites[] = {
	migrate_suite,
	pq_suite,
	pq_dialect_suite,
	pq_lane_suite,
	pq_migrate_suite,
	pq_open_suite,
	pq_statement_suite,
	request_suite,
	sqlite_suite,
	sqlite_copy_suite,
	sqlite_migrate_suite,
	sqlite_open_suite,
	sqlite_statement_suite,
	store_suite,
	NULL,
};
