/* A process of its own for what changes its process for good, and root's powers for it. */
#ifndef SN_TESTS_UNIT_DAEMON_PROC_JAIL_H
#define SN_TESTS_UNIT_DAEMON_PROC_JAIL_H

#include <stddef.h>

struct jail_end {
	int status; /* as waitpid's */
	char said[8192];
};

/* Run fn(arg) in a child; its return value is the exit code, its standard error is kept. */
void jail_run(int (*fn)(const void *arg), const void *arg, struct jail_end *end_r);
/* From inside: root as far as it goes. Who is not root gets a user namespace where only they
 * themselves exist, as root. */
void jail_be_root(void);

#endif
