/* The plugins of tests/plugins, for the suites about them. What they return belongs to the caller.
 */
#ifndef SN_TESTS_UNIT_DAEMON_SERVICE_PLUGINS_H
#define SN_TESTS_UNIT_DAEMON_SERVICE_PLUGINS_H

#include "daemon/service/plugin_host.h"

/* Where NAME.so was built; to be freed. */
char *plugins_path(const char *name);
void plugins_add(struct sn_plugins *plugins, const char *name);
/* Refused with a reason that has this in it; NULL: good. */
void plugins_expect(const struct sn_plugin_info *info, const char *refused);

#endif
