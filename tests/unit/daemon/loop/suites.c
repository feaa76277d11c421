#include "tests/support/unit.h"

Suite *child_suite(void);
Suite *loop_suite(void);
Suite *offload_suite(void);
Suite *promise_suite(void);
Suite *signal_suite(void);
Suite *timer_suite(void);

const sn_suite_fn sn_suites[] = {
	child_suite,
	loop_suite,
	offload_suite,
	promise_suite,
	signal_suite,
	timer_suite,
	NULL,
};
