/* The suites of this folder, one for each source file of daemon/base, for suites.c. */
#ifndef SN_TESTS_UNIT_DAEMON_BASE_SUITES_H
#define SN_TESTS_UNIT_DAEMON_BASE_SUITES_H

#include "tests/support/unit.h"

Suite *sn_suite_assert(void);
Suite *sn_suite_buf(void);
Suite *sn_suite_chain(void);
Suite *sn_suite_clock(void);
Suite *sn_suite_err(void);
Suite *sn_suite_framer(void);
Suite *sn_suite_hash(void);
Suite *sn_suite_list(void);
Suite *sn_suite_log(void);
Suite *sn_suite_log_queue(void);
Suite *sn_suite_log_record(void);
Suite *sn_suite_log_setup(void);
Suite *sn_suite_log_sink(void);
Suite *sn_suite_log_socket(void);
Suite *sn_suite_mem(void);
Suite *sn_suite_metrics(void);
Suite *sn_suite_metrics_area(void);
Suite *sn_suite_pool(void);
Suite *sn_suite_str(void);
Suite *sn_suite_strbuf(void);
Suite *sn_suite_text(void);
Suite *sn_suite_wire(void);

#endif
