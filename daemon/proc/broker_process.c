/* The supervisor's side of the broker: its process, and channels to it for others. */
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/loop/child.h"
#include "daemon/proc/broker_wire.h"

#define END_GRACE SN_SEC(2)

struct sn_broker_process {
	struct sn_child child;
	struct sn_broker *client;
	struct sn_loop *loop;
	struct sn_task task;
};

/* The channel's end has told already, or is about to. */
static void on_exit_of_broker(struct sn_child *child, int status)
{
	(void)child;
	(void)status;
}

static int start_child(struct sn_broker_process *process, int fd)
{
	char *argv[] = { (char[]){ "sennit" }, (char[]){ "@broker" }, NULL };
	const int fds[] = { -1, -1, STDERR_FILENO, fd };
	const struct sn_child_spec spec = {
		.path = "/proc/self/exe",
		.argv = argv,
		.fds = fds,
		.fd_count = 4,
		.new_session = true,
	};

	return sn_child_start(process->loop, &process->child, &spec, on_exit_of_broker);
}

int sn_broker_process_start(
	struct sn_loop *loop, struct sn_broker_process **process_r, struct sn_diag *diag)
{
	struct sn_broker_process *process = sn_alloc_zero(sizeof(*process));
	int fds[2], code = sn_ipc_pair(fds);

	process->loop = loop;
	if (code == SN_OK) {
		code = start_child(process, fds[1]);
		(void)close(fds[1]);
		if (code != SN_OK)
			(void)close(fds[0]);
	}
	if (code == SN_OK) {
		code = sn_broker_connect(loop, fds[0], SN_IPC_SUPERVISOR, &process->client);
		if (code != SN_OK)
			sn_child_end(&process->child, 0);
	}
	if (code != SN_OK) {
		sn_free(process);
		return sn_diag_set(diag, code, 0, "cannot start the broker: %s", sn_strerror(code));
	}
	*process_r = process;
	return SN_OK;
}

int sn_broker_process_adopt(
	struct sn_loop *loop, pid_t pid, int channel, struct sn_broker_process **process_r)
{
	struct sn_broker_process *process = sn_alloc_zero(sizeof(*process));
	int code = sn_child_adopt(loop, &process->child, pid, on_exit_of_broker);

	process->loop = loop;
	if (code == SN_OK) {
		code = sn_broker_connect(loop, channel, SN_IPC_SUPERVISOR, &process->client);
		if (code != SN_OK)
			sn_child_detach(&process->child);
	}
	if (code != SN_OK) {
		sn_free(process);
		return code;
	}
	*process_r = process;
	return SN_OK;
}

pid_t sn_broker_process_pid(const struct sn_broker_process *process)
{
	return process->child.pid;
}

int sn_broker_process_fd(const struct sn_broker_process *process)
{
	return sn_broker_channel(process->client);
}

struct sn_broker *sn_broker_process_client(struct sn_broker_process *process)
{
	return process->client;
}

int sn_broker_process_channel(struct sn_broker_process *process, enum sn_ipc_role role, int *fd_r)
{
	int fds[2];
	const int code = sn_ipc_pair(fds);

	if (code != SN_OK)
		return code;
	sn_broker_introduce(process->client, role, fds[1]);
	(void)close(fds[1]);
	*fd_r = fds[0];
	return SN_OK;
}

static void free_process(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct sn_broker_process, task));
}

/* It ends when its channel does, and ends the programs that it keeps; SIGTERM means nothing to it,
 * so what follows after the grace is only for one that hangs. */
void sn_broker_process_stop(struct sn_broker_process **process_p)
{
	struct sn_broker_process *process = *process_p;

	*process_p = NULL;
	if (process == NULL)
		return;
	sn_broker_disconnect(&process->client);
	sn_child_end(&process->child, END_GRACE);
	process->task.fn = free_process;
	sn_loop_closing(process->loop, &process->task);
}
