#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "daemon/auth/limiter.h"
#include "daemon/auth/state_dir.h"
#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"
#include "daemon/loop/signal.h"

/* One foreground run: a loop, its host, and the signals that end it. */
struct serving {
	struct sn_loop *loop;
	struct sn_host *host;
	struct sn_limiter *limiter;
	void *limiter_memory;
	struct sn_strbuf state; /* the state directory's path, or why there is none */
	int state_lock;
	struct sn_signal signals;
	struct sn_host_stop stop;
	bool stopping;
};

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("sennit");
static const int signos[] = { SIGINT, SIGTERM, 0 };

/* --- log ------------------------------------------------------------------------------------ */

/* *fd_r: what to close at the end, or -1. */
static int start_log(struct sn_conf *conf, int *fd_r)
{
	const struct sn_log_setup setup =
		sn_log_conf_setup(sn_conf_plain(conf, "log"), sn_cli_color(STDERR_FILENO));
	const int code = sn_log_set_up(&setup, fd_r);

	if (code == SN_OK)
		return EX_OK;
	fprintf(stderr, "sennit: cannot open log file %s: %s\n", setup.file, sn_strerror(code));
	return EX_CANTCREAT;
}

/* --- run ------------------------------------------------------------------------------------ */

static void on_stopped(struct sn_host_stop *stop)
{
	struct serving *serving = sn_container_of(stop, struct serving, stop);

	sn_loop_stop(serving->loop, 0);
}

static void on_signal(struct sn_signal *signals, int signo)
{
	struct serving *serving = sn_container_of(signals, struct serving, signals);

	if (serving->host == NULL)
		return; /* all has ended already */
	sn_log(&log_ctx, SN_LOG_INFO, serving->stopping ? "stopping-now" : "stopping",
		sn_f_cstr("signal", signo == SIGINT ? "SIGINT" : "SIGTERM"));
	serving->stopping = true;
	sn_host_stop(serving->host, SN_STR("Server is shutting down"), &serving->stop);
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
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void greet(struct sn_host *host)
{
	FILE *where = sn_host_speaks_on_stdout(host) ? stderr : stdout;
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1 << 16);
	sn_host_greet(host, &out);
	fputs(sn_strbuf_cstr(&out), where);
	(void)fflush(where);
	sn_strbuf_fini(&out);
}

/* Find, make and lock the state directory, if it is needed. */
static void open_state(
	struct serving *serving, struct sn_conf *conf, struct sn_host_options *options)
{
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	struct sn_diag diag = { 0 };
	int code;

	serving->state_lock = -1;
	sn_strbuf_init(&serving->state, 8192);
	if (sn_host_state_need(conf) == SN_STATE_UNUSED)
		return;
	code = sn_state_dir_find(server->state, &serving->state, &diag);
	if (code == SN_OK)
		code = sn_state_dir_make(sn_strbuf_cstr(&serving->state), &diag);
	if (code == SN_OK)
		code = sn_state_dir_lock(
			sn_strbuf_cstr(&serving->state), &serving->state_lock, &diag);
	if (code == SN_OK) {
		options->state = sn_strbuf_str(&serving->state);
		return;
	}
	sn_strbuf_reset(&serving->state);
	sn_strbuf_adds(&serving->state, diag.text);
	options->state_missing = sn_strbuf_cstr(&serving->state);
}

static void close_state(struct serving *serving)
{
	if (serving->state_lock >= 0)
		(void)close(serving->state_lock);
	sn_strbuf_fini(&serving->state);
}

static int make_host(struct serving *serving, struct sn_conf *conf)
{
	const size_t size = sn_host_limiter_size(conf);
	struct sn_host_options options = { .loop = serving->loop, .conf = conf };
	int code;

	open_state(serving, conf, &options);
	serving->limiter_memory = sn_alloc_zero(size);
	code = sn_host_limiter_new(conf, serving->limiter_memory, size, &serving->limiter);
	options.limiter = serving->limiter;
	return code == SN_OK ? sn_host_new(&options, &serving->host) : code;
}

static int run(struct serving *serving, struct sn_conf *conf, struct sn_conf_diags *diags)
{
	const size_t warnings = diags->warnings;
	int code = sn_signal_start(serving->loop, &serving->signals, signos, on_signal);

	if (code != SN_OK)
		return code;
	code = make_host(serving, conf);
	if (code == SN_OK)
		code = sn_host_start(serving->host, diags);
	if (code != SN_OK || diags->warnings > warnings)
		sn_cli_print_diags(diags);
	if (code == SN_OK) {
		greet(serving->host);
		serving->stop.on_stopped = on_stopped;
		sn_host_stop_at_end(serving->host, &serving->stop);
		sn_log(&log_ctx, SN_LOG_INFO, "started", sn_f_cstr("version", PACKAGE_VERSION),
			sn_f_int("pid", getpid()));
		code = sn_loop_run(serving->loop);
		sn_log(&log_ctx, SN_LOG_INFO, "stopped");
	}
	sn_host_free(&serving->host);
	sn_loop_turn(serving->loop, 0);
	sn_limiter_free(&serving->limiter);
	sn_free(serving->limiter_memory);
	close_state(serving);
	sn_signal_stop(&serving->signals);
	return code;
}

int sn_cli_serve(struct sn_conf *conf, struct sn_conf_diags *diags)
{
	struct serving serving = { 0 };
	int log_fd, code, exit_code;

	block_signals();
	sn_signal_ignore_pipe();
	/* A log file at its size limit (ulimit -f) is like a full disk: no reason to die. */
	(void)signal(SIGXFSZ, SIG_IGN);
	exit_code = start_log(conf, &log_fd);
	if (exit_code != EX_OK)
		return exit_code;
	code = sn_loop_new(NULL, &serving.loop);
	if (code == SN_OK) {
		code = run(&serving, conf, diags);
		sn_loop_free(&serving.loop);
	} else {
		fprintf(stderr, "sennit: no event loop: %s\n", sn_strerror(code));
	}
	sn_log_stop(SN_SEC(2));
	if (log_fd >= 0)
		(void)close(log_fd);
	return sn_exit_code(code);
}
