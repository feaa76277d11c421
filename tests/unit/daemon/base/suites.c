#include "tests/support/unit.h"

Suite *sn_suite_clock(void);
Suite *sn_suite_log(void);
Suite *sn_suite_log_queue(void);
Suite *sn_suite_log_record(void);
Suite *sn_suite_log_sink(void);
Suite *sn_suite_metrics(void);
Suite *sn_suite_text(void);

const sn_suite_fn sn_suites[] = {
        sn_suite_clock,
        sn_suite_log,
        sn_suite_log_queue,
        sn_suite_log_record,
        sn_suite_log_sink,
        sn_suite_metrics,
        sn_suite_text,
        NULL,
};
