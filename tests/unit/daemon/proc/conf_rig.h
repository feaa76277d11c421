/* A configuration with two made-up modules: "alone" (SINGLE, a path row) and "many" (SHARDED). */
#ifndef SN_TESTS_UNIT_DAEMON_PROC_CONF_RIG_H
#define SN_TESTS_UNIT_DAEMON_PROC_CONF_RIG_H

#include "daemon/service/host.h"
#include "tests/support/unit.h"

/* Registers the modules (once) and loads the text; fails the test when it has an error. */
struct sn_conf *conf_rig_load(const char *text);

#endif
