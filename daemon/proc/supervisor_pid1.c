/*
 * Orphans of a container become children of its PID 1, which has to reap them. Our own children are
 * reaped where their end is handled (loop/child.h), so a dead process is taken for an orphan only
 * when it is still there after a whole turn of the loop, in which every end of ours was handled.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/supervisor_private.h"

/* Somebody dead, or 0. It stays there to be waited for. */
static pid_t peek_dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return 0;
	return info.si_pid;
}

static void on_reap(struct sn_task *task)
{
	struct sn_supervisor *sup = sn_container_of(task, struct sn_supervisor, reap_task);
	const pid_t pid = peek_dead();

	if (pid != 0 && pid == sup->reap_pid && sn_loop_turns(sup->loop) >= sup->reap_turn) {
		(void)waitpid(pid, NULL, WNOHANG);
		sn_log(&sn_supervisor_log, SN_LOG_DEBUG, "orphan-reaped", sn_f_int("pid", pid));
		sup->reap_pid = 0;
	} else if (pid != sup->reap_pid) {
		sup->reap_pid = pid;
		sup->reap_turn = sn_loop_turns(sup->loop) + 2;
	}
	if (pid != 0)
		sn_loop_defer(sup->loop, &sup->reap_task);
}

static void on_child_signal(struct sn_signal *signal, int signo)
{
	struct sn_supervisor *sup = sn_container_of(signal, struct sn_supervisor, child_signal);

	(void)signo;
	sn_loop_defer(sup->loop, &sup->reap_task);
}

/* An heir does not know every child of the program before it. */
static bool adopts_orphans(const struct sn_supervisor *sup)
{
	int subreaper = 0;

	return getpid() == 1 || sup->heir ||
		(prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

int sn_sup_reaping_start(struct sn_supervisor *sup)
{
	static const int signos[] = { SIGCHLD, 0 };

	if (!adopts_orphans(sup))
		return SN_OK;
	sup->reap_task.fn = on_reap;
	sn_loop_defer(sup->loop, &sup->reap_task); /* who died before us */
	return sn_signal_start(sup->loop, &sup->child_signal, signos, on_child_signal);
}

void sn_sup_reaping_stop(struct sn_supervisor *sup)
{
	sn_signal_stop(&sup->child_signal);
	sn_task_cancel(&sup->reap_task);
}
