#include "tests/unit/daemon/proc/broker_rig.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/unit.h"

struct sn_loop *loop;
struct sn_broker_process *broker_process;
struct sn_broker *worker;

/* --- broker ------------------------------------------------------------------------------------
 */

void machine_start_broker(const struct sn_layout *layout)
{
	int fd;

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_broker_process_start(loop, &broker_process, NULL), SN_OK);
	if (layout != NULL)
		sn_broker_set_limits(sn_broker_process_client(broker_process), layout);
	ck_assert_int_eq(sn_broker_process_channel(broker_process, SN_IPC_WORKER, &fd), SN_OK);
	ck_assert_int_eq(sn_broker_connect(loop, fd, SN_IPC_WORKER, &worker), SN_OK);
}

void machine_stop_broker(void)
{
	sn_broker_disconnect(&worker);
	sn_broker_process_stop(&broker_process);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void copy_text(char *mem, size_t size, struct sn_str text)
{
	(void)snprintf(mem, size, "%.*s", SN_STR_ARG(text));
}

static void copy_passwd(struct heard *heard, const struct sn_passwd *passwd)
{
	heard->passwd = *passwd;
	copy_text(heard->name, sizeof(heard->name), passwd->name);
	copy_text(heard->home, sizeof(heard->home), passwd->home);
	copy_text(heard->shell, sizeof(heard->shell), passwd->shell);
}

static void on_heard(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct heard *heard = sn_container_of(w, struct heard, waiter);

	heard->done = true;
	heard->code = code;
	if (heard->kind == HEARD_BOUND)
		heard->code = sn_broker_bound(p, &heard->sock, &heard->diag);
	else if (code == SN_OK && heard->kind == HEARD_FD)
		heard->fd = sn_broker_taken_fd(p);
	else if (code == SN_OK && heard->kind == HEARD_PASSWD)
		copy_passwd(heard, sn_broker_passwd(p));
	else if (code == SN_OK && heard->kind == HEARD_SPAWNED)
		sn_broker_take_spawned(p, &heard->spawned);
	else if (code == SN_OK && heard->kind == HEARD_EXIT)
		heard->status = sn_broker_exit_status(p);
}

void hear(struct heard *heard, struct sn_promise *p)
{
	heard->done = false;
	sn_promise_wait(p, &heard->waiter, on_heard);
}

int hear_now(struct heard *heard, struct sn_promise *p)
{
	hear(heard, p);
	sn_test_turn_until(loop, heard->done);
	return heard->code;
}

void read_to_end(int fd, char *mem, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size - 1 && (n = read(fd, &mem[have], size - 1 - have)) > 0)
		have += (size_t)n;
	mem[have] = '\0';
}
