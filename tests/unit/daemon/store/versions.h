/* The tables of an invented owner "notes" as its versions 1 to 3 made them, and broken ones. */
#ifndef SN_TESTS_UNIT_DAEMON_STORE_VERSIONS_H
#define SN_TESTS_UNIT_DAEMON_STORE_VERSIONS_H

#include "daemon/store/store.h"

extern const struct sn_store_schema *const versions_up_to_1[];
extern const struct sn_store_schema *const versions_up_to_3[];
/* Version 2 fails at its second statement. */
extern const struct sn_store_schema *const versions_broken[];
/* notes up to 1 beside another owner's tables. */
extern const struct sn_store_schema *const versions_of_two[];

#endif
