#include "tests/unit/daemon/base/suites.h"

const sn_suite_fn sn_suites[] = {
	sn_suite_assert,
	sn_suite_buf,
	sn_suite_chain,
	sn_suite_clock,
	sn_suite_err,
	sn_suite_framer,
	sn_suite_hash,
	sn_suite_list,
	sn_suite_log,
	sn_suite_log_queue,
	sn_suite_log_record,
	sn_suite_log_sink,
	sn_suite_mem,
	sn_suite_metrics,
	sn_suite_pool,
	sn_suite_str,
	sn_suite_strbuf,
	sn_suite_text,
	sn_suite_wire,
	NULL,
};
