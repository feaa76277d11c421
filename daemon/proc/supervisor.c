/* Life of the supervisor: start, signals, the end. */
#include "daemon/proc/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/auth/limiter.h"
#include "daemon/auth/state_dir.h"
#include "daemon/proc/supervisor_upgrade.h"

#define GOODBYE "Server is shutting down"

const struct sn_log_ctx sn_supervisor_log = SN_LOG_CTX("sennit");
static const int signos[] = { SIGINT, SIGTERM, SIGHUP, 0 };

/* --- readiness ------------------------------------------------------------------------------ */

void sn_sup_notify_ready(struct sn_supervisor *sup)
{
	struct sn_list *link;
	size_t ready = 0, all = 0;

	sn_sup_each_worker(link, sup)
	{
		ready += sn_sup_worker_at(link)->life.state == SN_WORKER_READY;
		all++;
	}
	sn_notify_send(&sup->notify, "READY=1\nSTATUS=%zu services, %zu of %zu workers ready",
		sup->layout->service_count, ready, all);
}

/* "irc: listening on ..." and how to connect; the first worker of a group speaks for all. */
static void greet(struct sn_supervisor *sup)
{
	FILE *where = sn_layout_speaks_on_stdout(sup->layout) ? stderr : stdout;
	struct sn_list *link;

	sn_sup_each_worker(link, sup)
	{
		const struct sn_worker *worker = sn_sup_worker_at(link);

		if (worker->index == 0 && worker->life.state == SN_WORKER_READY)
			fputs(sn_strbuf_cstr(&worker->lines), where);
	}
	(void)fflush(where);
}

/* Some have failed, and nobody else serves or will. Who was stopped by hand is no failure. */
static bool is_hopeless(struct sn_supervisor *sup)
{
	struct sn_list *link;
	bool failed = false;

	sn_sup_each_worker(link, sup)
	{
		const enum sn_worker_state state = sn_sup_worker_at(link)->life.state;

		failed = failed || state == SN_WORKER_FAILED;
		if (state != SN_WORKER_FAILED && state != SN_WORKER_DOWN)
			return false;
	}
	return failed;
}

static void complete_start(struct sn_supervisor *sup)
{
	sup->phase = SN_SUP_RUNNING;
	greet(sup);
	sn_sup_notify_ready(sup);
	sn_log(&sn_supervisor_log, SN_LOG_INFO, "started", sn_f_cstr("version", PACKAGE_VERSION),
		sn_f_int("pid", getpid()));
	if (sup->hooks != NULL && sup->hooks->on_started != NULL)
		sup->hooks->on_started(sup);
	if (sup->change.again)
		sn_supervisor_reload(sup, NULL);
}

/* --- the end -------------------------------------------------------------------------------- */

void sn_sup_quit(struct sn_supervisor *sup, int exit_code)
{
	sup->phase = SN_SUP_STOPPING;
	sup->exit_code = exit_code;
	sn_loop_stop(sup->loop, SN_OK);
}

void sn_sup_stop(struct sn_supervisor *sup, int exit_code, const char *why)
{
	const bool again = sup->phase == SN_SUP_STOPPING;

	/* It may have begun and ended in one turn: standard input was empty. */
	if (sup->phase == SN_SUP_STARTING && sn_sup_workers_settled(sup) && !is_hopeless(sup))
		complete_start(sup);
	sn_log(&sn_supervisor_log, SN_LOG_INFO, again ? "stopping-now" : "stopping",
		sn_f_cstr("why", why));
	if (!again) {
		sup->phase = SN_SUP_STOPPING;
		sup->exit_code = exit_code;
		sn_notify_send(&sup->notify, "STOPPING=1\nSTATUS=Stopping");
		sn_sup_upgrade_cancel(sup);
		sn_sup_change_cancel(sup);
		if (sup->hooks != NULL && sup->hooks->on_stopping != NULL)
			sup->hooks->on_stopping(sup);
	}
	sn_sup_workers_stop(sup, GOODBYE);
	sn_sup_progress(sup);
}

/* --- signals -------------------------------------------------------------------------------- */

static bool has_terminal(void)
{
	const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

/* SIGHUP means reload, but for who ran us in a terminal and closed it. */
static void on_hangup(struct sn_supervisor *sup)
{
	if (sup->had_terminal && !has_terminal())
		sn_sup_stop(sup, EX_OK, "the terminal is closed");
	else
		sn_supervisor_reload(sup, NULL);
}

static void on_signal(struct sn_signal *signals, int signo)
{
	struct sn_supervisor *sup = sn_container_of(signals, struct sn_supervisor, signals);

	if (signo == SIGHUP)
		on_hangup(sup);
	else
		sn_sup_stop(sup, EX_OK, signo == SIGINT ? "SIGINT" : "SIGTERM");
}

/*
 * From here to the end of the process the loop hears of these signals, or nobody: one that comes
 * when all has ended must not take the log's last lines and the exit status with it.
 */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (const int *signo = signos; *signo != 0; signo++)
		sigaddset(&set, *signo);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* --- progress
 * -------------------------------------------------------------------------------------- */

/* Deferred: a worker's step may be one of many. */
static void on_progress(struct sn_task *task)
{
	struct sn_supervisor *sup = sn_container_of(task, struct sn_supervisor, progress_task);

	switch (sup->phase) {
	case SN_SUP_CHECKING:
		break;
	case SN_SUP_STARTING:
	case SN_SUP_RUNNING:
		/* Who started us may know what to do; we do not. */
		if (is_hopeless(sup))
			sn_sup_stop(sup, EX_SOFTWARE, "every worker has failed");
		else if (sup->phase == SN_SUP_STARTING && sn_sup_workers_settled(sup))
			complete_start(sup);
		else
			sn_sup_change_progress(sup);
		sn_sup_upgrade_progress(sup);
		break;
	case SN_SUP_STOPPING:
		if (sn_sup_workers_gone(sup))
			sn_loop_stop(sup->loop, SN_OK);
		break;
	}
}

void sn_sup_progress(struct sn_supervisor *sup)
{
	sup->progress_task.fn = on_progress;
	sn_loop_defer(sup->loop, &sup->progress_task);
}

int sn_sup_complain(const struct sn_diag *diag, int code)
{
	fprintf(stderr, "sennit: %s\n", diag->text[0] != '\0' ? diag->text : sn_strerror(code));
	return sn_exit_code(code);
}

/* --- begin ---------------------------------------------------------------------------------- */

/* What cannot be used is said to the workers: whether that matters is for their services to say. */
static void open_state(struct sn_supervisor *sup)
{
	const struct sn_str given =
		sup->state_given != NULL ? sn_str(sup->state_given) : sup->layout->state;
	struct sn_diag diag = { 0 };
	struct sn_strbuf path;
	int code;

	if (!sup->layout->uses_state)
		return;
	sn_strbuf_init(&path, 4096);
	code = sn_state_dir_find(given, &path, &diag);
	if (code == SN_OK)
		code = sn_state_dir_make(sn_strbuf_cstr(&path), &diag);
	if (code == SN_OK)
		code = sn_state_dir_lock(sn_strbuf_cstr(&path), &sup->lock, &diag);
	if (code == SN_OK)
		sup->state = sn_str_dup(sn_strbuf_str(&path));
	else
		sup->state_missing = sn_strdup(diag.text);
	sn_strbuf_fini(&path);
}

int sn_sup_log_start(struct sn_supervisor *sup)
{
	const struct sn_log_setup setup = sn_layout_log_setup(sup->layout);
	const int code = sn_log_set_up(&setup, &sup->log_fd);

	sup->logs = code == SN_OK;
	if (code == SN_OK)
		return EX_OK;
	fprintf(stderr, "sennit: cannot open log file %s: %s\n", setup.file, sn_strerror(code));
	return EX_CANTCREAT;
}

int sn_sup_begin(struct sn_supervisor *sup)
{
	int exit_code = sn_sup_log_start(sup), code;

	if (exit_code != EX_OK)
		return exit_code;
	if (sup->root && sup->broker == NULL)
		exit_code = sn_sup_broker_start(sup, sup->layout);
	if (exit_code != EX_OK)
		return exit_code;
	open_state(sup);
	code = sn_sup_shared_memory(
		"sennit-limiter", sn_limiter_size(sup->layout->limiter_entries), &sup->limiter);
	if (code != SN_OK)
		return sn_sup_complain(&(struct sn_diag){ .text = "" }, code);
	exit_code = sn_sup_control_start(sup);
	if (exit_code != EX_OK)
		return exit_code;
	sup->phase = SN_SUP_STARTING;
	sn_sup_workers_apply(sup);
	sn_sup_progress(sup);
	return EX_OK;
}

/* --- life ----------------------------------------------------------------------------------- */

/* What is open before we open anything, and was not kept from us by close-on-exec. */
static void find_inherited(struct sn_supervisor *sup)
{
	for (int fd = SN_IPC_FD; fd < SN_SUP_INHERITED_MAX; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			continue;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		sup->inherited[sup->inherited_count++] = fd;
	}
}

/* Nothing here uses select(2), for which the soft limit is kept low. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where a later upgrade looks for another one; the file may be replaced any time. */
static char *own_path(void)
{
	char path[4096];
	const ssize_t n = readlink(SN_ROLE_PROGRAM, path, sizeof(path));

	return sn_str_dup(sn_str_n(path, n > 0 ? (size_t)n : 0));
}

static int begin_anew(struct sn_supervisor *sup)
{
	sup->root = geteuid() == 0;
	sup->had_terminal = has_terminal();
	sup->started_wall = sn_loop_wall(sup->loop);
	sup->path = own_path();
	return sn_sup_change_begin(sup);
}

static int init(struct sn_supervisor *sup)
{
	int code;

	sup->heir = sn_sup_is_heir();
	if (!sup->heir)
		find_inherited(sup);
	code = sn_loop_new(NULL, &sup->loop);
	if (code != SN_OK)
		return code;
	sn_list_init(&sup->workers);
	sn_sup_upgrade_new(sup);
	sn_sup_change_init(sup);
	sn_notify_start(&sup->notify, sup->loop);
	code = sn_signal_start(sup->loop, &sup->signals, signos, on_signal);
	if (code == SN_OK)
		code = sn_sup_reaping_start(sup);
	if (code != SN_OK)
		return code;
	return sup->heir ? sn_sup_adopt(sup) : begin_anew(sup);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void fini(struct sn_supervisor *sup)
{
	sn_sup_upgrade_cancel(sup);
	sn_sup_control_stop(sup);
	sn_sup_change_cancel(sup);
	sn_strbuf_fini(&sup->change.text);
	sn_sup_workers_free(sup);
	sn_sup_sockets_close(&sup->sockets);
	sn_layout_free(&sup->layout);
	close_fd(sup->snapshot);
	close_fd(sup->limiter);
	close_fd(sup->lock);
	sn_free(sup->state);
	sn_free(sup->state_given);
	sn_free(sup->runtime_given);
	sn_free(sup->state_missing);
	sn_free(sup->path);
	sn_broker_process_stop(&sup->broker);
	sn_notify_stop(&sup->notify);
	sn_task_cancel(&sup->progress_task);
	sn_sup_reaping_stop(sup);
	sn_loop_turn(sup->loop, 0);
	sn_signal_stop(&sup->signals);
	sn_sup_upgrade_free(sup);
	sn_loop_free(&sup->loop);
}

int sn_supervisor_main(int argc, char **argv)
{
	struct sn_supervisor sup = {
		.argv = (const char *const *)argv,
		.snapshot = -1,
		.limiter = -1,
		.lock = -1,
		.log_fd = -1,
		.exit_code = EX_OSERR,
	};
	int code;

	(void)argc;
	block_signals();
	sn_signal_ignore_pipe();
	/* A log file at its size limit (ulimit -f) is like a full disk: no reason to die. */
	(void)signal(SIGXFSZ, SIG_IGN);
	raise_descriptor_limit();
	code = init(&sup);
	if (code == SN_OK)
		(void)sn_loop_run(sup.loop);
	else
		fprintf(stderr, "sennit: cannot start: %s\n", sn_strerror(code));
	if (sup.logs)
		sn_log(&sn_supervisor_log, SN_LOG_INFO, "stopped");
	if (sup.loop != NULL)
		fini(&sup);
	sn_log_stop(SN_SEC(2));
	close_fd(sup.log_fd);
	return sup.exit_code;
}
