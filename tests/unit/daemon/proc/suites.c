#include "tests/support/unit.h"

Suite *ipc_suite(void);

const sn_suite_fn sn_suites[] = {
	ipc_suite,
	NULL,
};
