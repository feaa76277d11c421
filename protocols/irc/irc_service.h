/* The IRC service module, for the table of in-tree modules (daemon/cli/modules.c) and tests. */
#ifndef SN_PROTOCOLS_IRC_IRC_SERVICE_H
#define SN_PROTOCOLS_IRC_IRC_SERVICE_H

#include "daemon/service/service.h"

extern const struct sn_service sn_irc_service;

#endif
