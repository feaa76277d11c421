#include "daemon/loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/loop/loop_private.h"

/* The kernel's flag; only the newest headers have it beside close_range. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* In the child, between fork and exec: nothing but async-signal-safe calls. */

struct launch {
	const struct sn_child_spec *spec;
	pid_t parent;
	int null_fd;
	int error_fd; /* carries errno when exec failed; closed by a successful one */
	int *fds;     /* room for spec->fd_count */
};

static int leave_parent(const struct launch *launch)
{
	const struct sn_child_spec *spec = launch->spec;

	if (spec->die_with_parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			return -errno;
		if (getppid() != launch->parent)
			_exit(127); /* it had died before we asked */
	}
	if (spec->new_session && setsid() < 0)
		return -errno;
	return spec->dir == NULL || chdir(spec->dir) == 0 ? SN_OK : -errno;
}

/* All sources move out of the way first: one's number may be another's target. */
static int arrange_fds(struct launch *launch)
{
	const struct sn_child_spec *spec = launch->spec;
	int count = (int)spec->fd_count;
	int error_fd = fcntl(launch->error_fd, F_DUPFD_CLOEXEC, count);

	if (error_fd < 0)
		return -errno;
	launch->error_fd = error_fd;
	for (int i = 0; i < count; i++) {
		int fd = spec->fds[i] < 0 ? launch->null_fd : spec->fds[i];

		launch->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, count);
		if (launch->fds[i] < 0)
			return -errno;
	}
	for (int i = 0; i < count; i++)
		if (dup2(launch->fds[i], i) < 0)
			return -errno;
	return close_range((unsigned)count, ~0u, CLOSE_RANGE_CLOEXEC) == 0 ? SN_OK : -errno;
}

/* exec resets handlers but keeps what is ignored and blocked. */
static void reset_signals(void)
{
	const struct sigaction reset = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &reset, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

SN_NORETURN static void run_child(struct launch *launch)
{
	const struct sn_child_spec *spec = launch->spec;
	int err = leave_parent(launch);
	ssize_t n;

	if (err == SN_OK)
		err = arrange_fds(launch);
	if (err == SN_OK) {
		reset_signals();
		execvpe(spec->path, spec->argv, spec->env ? spec->env : environ);
		err = -errno;
	}
	n = write(launch->error_fd, &err, sizeof(err));
	_exit(n == sizeof(err) ? 127 : 126);
}

/* In the parent */

/* A parent's SIG_IGN outlives its exec of us, and would make the kernel reap our children. */
static void ensure_reaping(void)
{
	const struct sigaction reset = { .sa_handler = SIG_DFL };
	struct sigaction now;

	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &reset, NULL);
}

/* Signals stay blocked over fork: our handlers must not run in the child. */
static pid_t fork_child(struct launch *launch)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		run_child(launch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -errno : pid;
}

static int reap(pid_t pid)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	sn_assert(got == pid); /* nobody else may wait for it */
	return status;
}

/* SN_OK once exec has succeeded; else what the child reported. */
static int read_exec_error(int fd)
{
	int err;
	ssize_t n;

	do
		n = read(fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	return n == sizeof(err) ? err : SN_OK;
}

static int launch_with_pipe(struct launch *launch, pid_t *pid_r)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	launch->error_fd = ends[1];
	*pid_r = fork_child(launch);
	close(ends[1]);
	err = *pid_r < 0 ? *pid_r : read_exec_error(ends[0]);
	close(ends[0]);
	if (err != SN_OK && *pid_r > 0)
		reap(*pid_r);
	return err;
}

static int launch_child(const struct sn_child_spec *spec, pid_t *pid_r)
{
	struct launch launch = { .spec = spec, .parent = getpid() };
	int err;

	launch.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (launch.null_fd < 0)
		return -errno;
	launch.fds = sn_alloc_array(spec->fd_count + 1, sizeof(*launch.fds));
	err = launch_with_pipe(&launch, pid_r);
	sn_free(launch.fds);
	close(launch.null_fd);
	return err;
}

static int finish(struct sn_watch *watch, pid_t pid)
{
	int fd = watch->fd;

	sn_watch_clear(watch);
	close(fd);
	return reap(pid);
}

static void on_child_exit(struct sn_watch *watch, unsigned events)
{
	struct sn_child *child = sn_container_of(watch, struct sn_child, watch);
	int status = finish(watch, child->pid);

	(void)events;
	child->on_exit(child, status);
}

static int watch_child(struct sn_loop *loop, struct sn_child *child)
{
	int err, fd = pidfd_open(child->pid, 0);

	if (fd < 0)
		return -errno;
	err = sn_watch_set(loop, &child->watch, fd, SN_READABLE, on_child_exit);
	if (err != SN_OK)
		close(fd);
	return err;
}

int sn_child_start(struct sn_loop *loop, struct sn_child *child, const struct sn_child_spec *spec,
	sn_child_fn on_exit)
{
	int err;

	sn_assert(on_exit != NULL);
	child->on_exit = on_exit;
	ensure_reaping();
	err = launch_child(spec, &child->pid);
	if (err != SN_OK)
		return err;
	err = watch_child(loop, child);
	if (err != SN_OK) {
		kill(child->pid, SIGKILL);
		reap(child->pid);
	}
	return err;
}

int sn_child_adopt(struct sn_loop *loop, struct sn_child *child, pid_t pid, sn_child_fn on_exit)
{
	*child = (struct sn_child){ .pid = pid, .on_exit = on_exit };
	ensure_reaping();
	return watch_child(loop, child);
}

int sn_child_kill(struct sn_child *child, int signo)
{
	if (child->watch.loop == NULL)
		return -ESRCH;
	return pidfd_send_signal(child->watch.fd, signo, NULL, 0) == 0 ? SN_OK : -errno;
}

/* Detached: the loop keeps what is needed to reap it, for the owner may go. */

struct orphan {
	struct sn_watch watch;
	struct sn_list link;   /* in loop->orphans */
	struct sn_timer timer; /* armed: it was told to end, and is killed when this fires */
	struct sn_task task;
	pid_t pid;
};

static void free_orphan(struct sn_task *task)
{
	sn_free(sn_container_of(task, struct orphan, task));
}

static void on_orphan_exit(struct sn_watch *watch, unsigned events)
{
	struct orphan *orphan = sn_container_of(watch, struct orphan, watch);
	struct sn_loop *loop = watch->loop;

	(void)events;
	finish(watch, orphan->pid);
	sn_timer_clear(&orphan->timer);
	sn_list_remove(&orphan->link);
	sn_loop_closing(loop, &orphan->task);
}

static struct orphan *adopt(struct sn_child *child)
{
	struct sn_loop *loop = child->watch.loop;
	struct orphan *orphan = sn_alloc_zero(sizeof(*orphan));

	orphan->pid = child->pid;
	orphan->task.fn = free_orphan;
	orphan->watch.fn = on_orphan_exit;
	sn_watch_move(&child->watch, &orphan->watch);
	sn_list_append(&loop->orphans, &orphan->link);
	return orphan;
}

void sn_child_detach(struct sn_child *child)
{
	if (child->watch.loop != NULL)
		adopt(child);
}

static void on_grace_over(struct sn_timer *timer)
{
	struct orphan *orphan = sn_container_of(timer, struct orphan, timer);

	pidfd_send_signal(orphan->watch.fd, SIGKILL, NULL, 0);
}

void sn_child_end(struct sn_child *child, int64_t grace_ns)
{
	struct sn_loop *loop = child->watch.loop;

	if (loop == NULL)
		return;
	sn_child_kill(child, SIGTERM);
	sn_timer_set(loop, &adopt(child)->timer, grace_ns, on_grace_over);
}

/* Nobody is left to wait for its end. */
static void give_up(struct orphan *orphan)
{
	int fd = orphan->watch.fd;

	if (sn_timer_armed(&orphan->timer))
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
	sn_timer_clear(&orphan->timer);
	sn_watch_clear(&orphan->watch);
	close(fd);
	sn_free(orphan);
}

void sn_loop_free_orphans(struct sn_loop *loop)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&loop->orphans)) != NULL)
		give_up(sn_container_of(link, struct orphan, link));
}
