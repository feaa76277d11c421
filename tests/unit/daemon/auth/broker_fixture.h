/* For checkers that need the broker: the machine of tests/unit/daemon/proc/machine.h, with a real
 * broker in context.broker. */
#ifndef SN_TESTS_UNIT_DAEMON_AUTH_BROKER_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_AUTH_BROKER_FIXTURE_H

#include "daemon/proc/broker.h"
#include "tests/unit/daemon/auth/fixture.h"
#include "tests/unit/daemon/proc/machine.h"

/* After auth_setup, on the machine (machine_setup comes before threads). key_path: what sshkey:PATH
 * may open, or NULL. */
void broker_start(const char *key_path);
void broker_stop(void);
/* All of it: machine, auth_setup, broker. */
void broker_setup(void);
void broker_teardown(void);

#endif
