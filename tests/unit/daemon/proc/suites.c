#include "tests/support/unit.h"

Suite *control_suite(void);
Suite *ipc_suite(void);
Suite *layout_suite(void);
Suite *privs_suite(void);
Suite *runtime_dir_suite(void);
Suite *sandbox_suite(void);

const sn_suite_fn sn_suites[] = {
	control_suite,
	ipc_suite,
	layout_suite,
	privs_suite,
	runtime_dir_suite,
	sandbox_suite,
	NULL,
};
