#include "tests/support/unit.h"

Suite *broker_suite(void);
Suite *broker_client_suite(void);
Suite *broker_helper_suite(void);
Suite *broker_open_suite(void);
Suite *broker_process_suite(void);
Suite *broker_wire_suite(void);
Suite *config_layout_suite(void);
Suite *control_suite(void);
Suite *exit_code_suite(void);
Suite *heritage_suite(void);
Suite *ipc_suite(void);
Suite *layout_suite(void);
Suite *notify_suite(void);
Suite *pam_suite(void);
Suite *privs_suite(void);
Suite *role_suite(void);
Suite *runtime_dir_suite(void);
Suite *sandbox_suite(void);
Suite *sandbox_paths_suite(void);
Suite *spawn_suite(void);
Suite *spawn_exec_suite(void);
Suite *supervisor_freeze_suite(void);
Suite *upgrade_probe_suite(void);
Suite *upgrade_state_suite(void);
Suite *utmp_suite(void);
Suite *watchdog_suite(void);
Suite *worker_freeze_suite(void);
Suite *worker_life_suite(void);

const sn_suite_fn sn_suites[] = {
	broker_suite,
	broker_client_suite,
	broker_helper_suite,
	broker_open_suite,
	broker_process_suite,
	broker_wire_suite,
	config_layout_suite,
	control_suite,
	exit_code_suite,
	heritage_suite,
	ipc_suite,
	layout_suite,
	notify_suite,
	pam_suite,
	privs_suite,
	role_suite,
	runtime_dir_suite,
	sandbox_suite,
	sandbox_paths_suite,
	spawn_suite,
	spawn_exec_suite,
	supervisor_freeze_suite,
	upgrade_probe_suite,
	upgrade_state_suite,
	utmp_suite,
	watchdog_suite,
	worker_freeze_suite,
	worker_life_suite,
	NULL,
};
