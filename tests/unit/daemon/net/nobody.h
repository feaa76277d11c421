/* Tests of what only root may do: without root's rights for a while, when they run as root. */
#ifndef SN_TESTS_UNIT_DAEMON_NET_NOBODY_H
#define SN_TESTS_UNIT_DAEMON_NET_NOBODY_H

#include <sys/prctl.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define NOBODY 65534

static inline void become_nobody(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
}

/* And traceable again: the sanitizer looks for leaks that way. */
static inline void become_root_again(void)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

#endif
