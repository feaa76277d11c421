/* A broker on the test's machine, a loop, and answers that are waited for. */
#ifndef SN_TESTS_UNIT_DAEMON_PROC_BROKER_RIG_H
#define SN_TESTS_UNIT_DAEMON_PROC_BROKER_RIG_H

#include "daemon/proc/broker.h"
#include "tests/support/turn.h"
#include "tests/unit/daemon/proc/machine.h"

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
