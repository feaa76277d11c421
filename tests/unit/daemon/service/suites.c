#include "tests/support/unit.h"

Suite *sn_suite_conn(void);
Suite *sn_suite_freeze(void);
Suite *sn_suite_host(void);
Suite *sn_suite_host_auth(void);
Suite *sn_suite_host_check(void);
Suite *sn_suite_host_conf(void);
Suite *sn_suite_host_freeze(void);
Suite *sn_suite_host_instance(void);
Suite *sn_suite_host_limiter(void);
Suite *sn_suite_host_metrics(void);
Suite *sn_suite_host_place(void);
Suite *sn_suite_host_reload(void);
Suite *sn_suite_host_sessions(void);
Suite *sn_suite_plugin_load(void);
Suite *sn_suite_plugin_places(void);
Suite *sn_suite_plugin_scan(void);
Suite *sn_suite_plugin_verify(void);
Suite *sn_suite_registry(void);
Suite *sn_suite_service(void);
Suite *sn_suite_service_listener(void);
Suite *sn_suite_verbs(void);

const sn_suite_fn sn_suites[] = {
	sn_suite_conn,
	sn_suite_freeze,
	sn_suite_host,
	sn_suite_host_auth,
	sn_suite_host_check,
	sn_suite_host_conf,
	sn_suite_host_freeze,
	sn_suite_host_instance,
	sn_suite_host_limiter,
	sn_suite_host_metrics,
	sn_suite_host_place,
	sn_suite_host_reload,
	sn_suite_host_sessions,
	sn_suite_plugin_load,
	sn_suite_plugin_places,
	sn_suite_plugin_scan,
	sn_suite_plugin_verify,
	sn_suite_registry,
	sn_suite_service,
	sn_suite_service_listener,
	sn_suite_verbs,
	NULL,
};
