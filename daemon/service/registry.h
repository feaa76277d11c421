/* Registry of service modules by name: in-tree modules register at start, plugins when loaded. */
#ifndef SN_DAEMON_SERVICE_REGISTRY_H
#define SN_DAEMON_SERVICE_REGISTRY_H

#include "daemon/service/service.h"

/* SN_EABI (wrong number or size), SN_EDUPLICATE, SN_ECONFIG (bad rows), each with text. */
int sn_registry_add(const struct sn_service *service, struct sn_diag *diag) SN_WARN_UNUSED;
const struct sn_service *sn_registry_find(struct sn_str name);
const struct sn_service *sn_registry_at(size_t i); /* sorted by name; NULL at the end */
/* The configuration schema: [server], [log], [worker.NAME], [plugin.NAME], [service.NAME] with
 * every registered module. */
const struct sn_conf_schema *sn_registry_schema(void);

#endif
