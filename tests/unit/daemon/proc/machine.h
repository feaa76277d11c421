/*
 * A machine of the test's own: private /etc, /run, /var/log and /mnt, with users, PAM services and
 * the files of utmp(5), in a mount namespace that ends with the test's process (tag no-valgrind: a
 * process per test is needed). The program itself answers to the roles @broker and @pam.
 *
 *   alice   uid 20001, password "secret", home /mnt/home/alice, /bin/sh
 *   bob     uid 20002, the same, but the account has expired
 *   carol   uid 20003, no login shell
 * Who is not root is alice: the same tests run, as far as one user goes.
 */
#ifndef SN_TESTS_UNIT_DAEMON_PROC_MACHINE_H
#define SN_TESTS_UNIT_DAEMON_PROC_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/proc/broker.h"
#include "tests/support/turn.h"

#define ALICE_HOME "/mnt/home/alice"

extern bool machine_is_root; /* else there is only alice, who is us */
uid_t machine_alice(void);
void machine_setup(void);
/* A file with this content, owner and mode; folders above it are made. */
void machine_write(const char *path, const char *text, uid_t uid, mode_t mode);

/* A broker with a worker's channel, on a loop; layout NULL: as it starts. */
extern struct sn_loop *loop;
extern struct sn_broker_process *broker_process;
extern struct sn_broker *worker;
void machine_start_broker(const struct sn_layout *layout);
void machine_stop_broker(void);

/* One answer, waited for. */
struct heard {
	struct sn_waiter waiter;
	enum { HEARD_CODE, HEARD_FD, HEARD_PASSWD, HEARD_SPAWNED, HEARD_EXIT, HEARD_BOUND } kind;
	bool done;
	int code;
	int fd;
	struct sn_passwd passwd; /* its texts: */
	char name[64], home[64], shell[64];
	struct sn_spawned spawned;
	int status;
	struct sn_listen_socket sock;
	struct sn_diag diag;
};
void hear(struct heard *heard, struct sn_promise *p);
/* Waits for it too; returns the code. */
int hear_now(struct heard *heard, struct sn_promise *p);
/* All that comes from fd until its end. */
void read_to_end(int fd, char *mem, size_t size);

#endif
