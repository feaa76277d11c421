#include "daemon/proc/config_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define GRACE SN_SEC(1)

/* --- what it says --------------------------------------------------------------------------- */

/* False at the end. */
static bool read_text(struct sn_config_run *run)
{
	char piece[4096];
	const ssize_t n = read(run->text_watch.fd, piece, sizeof(piece));

	if (n > 0)
		sn_strbuf_add(&run->text, sn_str_n(piece, (size_t)n));
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void close_text(struct sn_config_run *run)
{
	const int fd = run->text_watch.fd;

	if (run->text_watch.loop == NULL)
		return;
	sn_watch_clear(&run->text_watch);
	close(fd);
}

static void finish(struct sn_config_run *run);

static void on_text(struct sn_watch *watch, unsigned events)
{
	struct sn_config_run *run = sn_container_of(watch, struct sn_config_run, text_watch);

	(void)events;
	if (read_text(run))
		return;
	close_text(run);
	finish(run);
}

/* *write_end_r: for the child. */
static int open_text(struct sn_config_run *run, int *write_end_r)
{
	int ends[2], code;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	code = sn_watch_set(run->loop, &run->text_watch, ends[0], SN_READABLE, on_text);
	if (code != SN_OK) {
		close(ends[0]);
		close(ends[1]);
		return code;
	}
	*write_end_r = ends[1];
	return SN_OK;
}

/* --- the end -------------------------------------------------------------------------------- */

static int exit_code(struct sn_config_run *run)
{
	if (WIFEXITED(run->status)) {
		const int code = WEXITSTATUS(run->status);

		/* Without a layout there is nothing to run, however fine it feels (--help). */
		return code;
	}
	sn_strbuf_addf(&run->text,
		"sennit: the check of the configuration was ended by signal %d\n",
		WTERMSIG(run->status));
	return EX_SOFTWARE;
}

/* It has gone, and its last words are read. */
static void finish(struct sn_config_run *run)
{
	if (!run->ended || run->text_watch.loop != NULL || !run->running)
		return;
	run->running = false;
	sn_timer_clear(&run->deadline);
	sn_ipc_stop(&run->ipc);
	run->ops->on_end(run, exit_code(run));
}

static void on_exit(struct sn_child *child, int status)
{
	struct sn_config_run *run = sn_container_of(child, struct sn_config_run, child);

	run->ended = true;
	run->status = status;
	/* What it had started may hold the pipe; what it said itself is there. */
	while (run->text_watch.loop != NULL) {
		const size_t before = run->text.n;

		if (!read_text(run) || run->text.n == before)
			close_text(run);
	}
	finish(run);
}

static void on_deadline(struct sn_timer *timer)
{
	struct sn_config_run *run = sn_container_of(timer, struct sn_config_run, deadline);

	sn_strbuf_addf(&run->text,
		"sennit: the check of the configuration did not end within %lld s\n",
		(long long)(SN_CONFIG_PATIENCE / SN_SEC(1)));
	(void)sn_child_kill(&run->child, SIGKILL);
}

/* --- the channel ---------------------------------------------------------------------------- */

static int read_layout(int fd, struct sn_layout **layout_r)
{
	struct sn_strbuf text;
	int code;

	sn_strbuf_init(&text, SN_LAYOUT_SIZE_MAX);
	code = sn_ipc_read_memfd(fd, SN_LAYOUT_SIZE_MAX, &text);
	if (code == SN_OK)
		code = sn_layout_decode(sn_strbuf_str(&text), layout_r);
	sn_strbuf_fini(&text);
	return code;
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct sn_config_run *run = sn_container_of(ipc, struct sn_config_run, ipc);
	struct sn_layout *layout;

	if (message->type != SN_IPC_LAYOUT || run->offered ||
		read_layout(message->fds[0], &layout) != SN_OK) {
		sn_strbuf_adds(&run->text,
			"sennit: the check of the configuration answered what "
			"is no layout\n");
		(void)sn_child_kill(&run->child, SIGKILL);
		return;
	}
	run->offered = true;
	run->ops->on_layout(run, layout, sn_ipc_take_fd(message, 1));
}

/* Its exit tells more. */
static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)ipc;
	(void)code;
}

static const struct sn_ipc_ops ipc_ops = { .on_message = on_message, .on_closed = on_closed };

/* u32 listener, u32 code, u32 column, str16 text */
void sn_config_run_open_failed(
	struct sn_config_run *run, uint32_t listener, int code, const struct sn_diag *diag)
{
	char body[512];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_u32(&w, listener);
	sn_write_u32(&w, (uint32_t)code);
	sn_write_u32(&w, (uint32_t)diag->column);
	sn_write_str16(&w, sn_str(diag->text[0] != '\0' ? diag->text : sn_strerror(code)));
	sn_ipc_send(&run->ipc, SN_IPC_OPEN_FAILED, 0, sn_writer_str(&w), NULL, 0);
}

void sn_config_run_opened(struct sn_config_run *run)
{
	run->answered = true;
	sn_ipc_send(&run->ipc, SN_IPC_OPENED, 0, SN_STR(""), NULL, 0);
}

/* --- life ----------------------------------------------------------------------------------- */

static int start_child(struct sn_config_run *run, const struct sn_config_run_options *options,
	int channel, int text_end)
{
	const char **args;
	struct sn_role_spec spec = {
		.program = options->program,
		.channel = channel,
		.in = STDIN_FILENO,
		.out = options->capture ? text_end : STDOUT_FILENO,
		.err = options->capture ? text_end : STDERR_FILENO,
		.inherited = options->inherited,
		.inherited_count = options->inherited_count,
	};
	size_t count = 0;
	int code;

	while (options->argv[count] != NULL)
		count++;
	args = sn_alloc_array(count + 2, sizeof(*args));
	args[0] = "@config";
	memcpy(args + 1, options->argv, (count + 1) * sizeof(*args));
	spec.args = args;
	code = sn_role_start(run->loop, &run->child, &spec, on_exit);
	sn_free((void *)(uintptr_t)args);
	return code;
}

static int start(struct sn_config_run *run, const struct sn_config_run_options *options)
{
	int fds[2], text_end = -1;
	int code = sn_ipc_pair(fds);

	if (code != SN_OK)
		return code;
	code = sn_ipc_start(
		&run->ipc, run->loop, fds[0], SN_IPC_SUPERVISOR, SN_IPC_CONFIG, &ipc_ops);
	if (code == SN_OK && options->capture)
		code = open_text(run, &text_end);
	if (code == SN_OK)
		code = start_child(run, options, fds[1], text_end);
	close(fds[1]);
	if (text_end >= 0)
		close(text_end);
	return code;
}

int sn_config_run_start(struct sn_config_run *run, struct sn_loop *loop,
	const struct sn_config_run_options *options, const struct sn_config_run_ops *ops)
{
	int code;

	*run = (struct sn_config_run){ .ops = ops, .loop = loop };
	sn_strbuf_init(&run->text, SN_CONFIG_TEXT_MAX);
	code = start(run, options);
	if (code != SN_OK) {
		sn_ipc_stop(&run->ipc);
		close_text(run);
		return code;
	}
	run->running = true;
	sn_timer_set(loop, &run->deadline, SN_CONFIG_PATIENCE, on_deadline);
	return SN_OK;
}

void sn_config_run_cancel(struct sn_config_run *run)
{
	if (!run->running)
		return;
	run->running = false;
	sn_timer_clear(&run->deadline);
	sn_ipc_stop(&run->ipc);
	close_text(run);
	sn_child_end(&run->child, GRACE);
	sn_config_run_fini(run);
}

void sn_config_run_fini(struct sn_config_run *run)
{
	sn_strbuf_fini(&run->text);
}
