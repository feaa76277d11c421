/*
 * A machine of the test's own: private /etc, /run, /var/log and /mnt, with users, PAM services and
 * the files of utmp(5), in a mount namespace that ends with the test's process (tag no-valgrind: a
 * process per test is needed). The program itself answers to the roles @broker and @pam.
 *
 *   alice   uid 20001, password "pencil", home /mnt/home/alice, /bin/sh
 *   bob     uid 20002, the same, but the account has expired
 *   carol   uid 20003, no login shell
 * Who is not root is alice: the same tests run, as far as one user goes.
 */
#ifndef SN_TESTS_UNIT_DAEMON_PROC_MACHINE_H
#define SN_TESTS_UNIT_DAEMON_PROC_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

#define ALICE_HOME "/mnt/home/alice"

extern bool machine_is_root; /* else there is only alice, who is us */
uid_t machine_alice(void);
void machine_setup(void);
/* A file with this content, owner and mode; folders above it are made. */
void machine_write(const char *path, const char *text, uid_t uid, mode_t mode);

#endif
