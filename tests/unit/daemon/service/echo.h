/* The module of docs/module-api.md: line for line what the page shows, so that the page is true. */
#ifndef SN_TESTS_UNIT_DAEMON_SERVICE_ECHO_H
#define SN_TESTS_UNIT_DAEMON_SERVICE_ECHO_H

#include "daemon/service/service.h"

extern const struct sn_service echo_service;

#endif
