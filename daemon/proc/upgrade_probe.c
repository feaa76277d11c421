#include "daemon/proc/upgrade_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "daemon/proc/ipc.h"
#include "daemon/proc/upgrade_state.h"

#define MARK "sennit-upgrade"
#define TEXT_MAX 4096
#define SHOWN_MAX 200

/* --- what is said --------------------------------------------------------------------------- */

int sn_upgrade_probe_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf(MARK " %d %d %s\n", SN_UPGRADE_VERSION, SN_IPC_VERSION, PACKAGE_VERSION);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* The next word of a line; empty: there is none. */
static struct sn_str next_word(struct sn_str *line)
{
	struct sn_str word;

	return sn_str_split(line, ' ', &word) ? word : SN_STR_NULL;
}

int sn_upgrade_probe_parse(struct sn_str line, struct sn_str *version_r, struct sn_diag *diag)
{
	const size_t end = sn_str_find(line, '\n');
	const struct sn_str text = line;
	struct sn_str mark;
	uint64_t state, ipc;

	line = sn_str_sub(line, 0, end);
	mark = next_word(&line);
	if (end == text.n || !sn_str_eq(mark, SN_STR(MARK)) ||
		sn_parse_u64(next_word(&line), UINT32_MAX, &state) != SN_OK ||
		sn_parse_u64(next_word(&line), UINT32_MAX, &ipc) != SN_OK || line.n == 0)
		return sn_diag_set(diag, SN_EPROTO, 0,
			"it does not say that it is a sennit that can take over%s%.*s",
			text.n > 0 ? "; it says: " : "",
			SN_STR_ARG(sn_str_sub(text, 0, SHOWN_MAX)));
	*version_r = line;
	if (state != SN_UPGRADE_VERSION || ipc != SN_IPC_VERSION)
		return sn_diag_set(diag, SN_EVERSION, 0,
			"it is version %.*s, which differs too much from %s to take over a running "
			"daemon (forms %llu and %llu, here %d and %d): restart the daemon instead",
			SN_STR_ARG(line), PACKAGE_VERSION, (unsigned long long)state,
			(unsigned long long)ipc, SN_UPGRADE_VERSION, SN_IPC_VERSION);
	return SN_OK;
}

/* --- hearing it ----------------------------------------------------------------------------- */

static void stop(struct sn_upgrade_probe *probe)
{
	const int fd = probe->watch.fd;

	probe->running = false;
	sn_timer_clear(&probe->deadline);
	if (probe->watch.loop != NULL) {
		sn_watch_clear(&probe->watch);
		(void)close(fd);
	}
}

static bool read_some(struct sn_upgrade_probe *probe)
{
	char piece[512];
	const ssize_t n = read(probe->watch.fd, piece, sizeof(piece));

	if (n > 0)
		sn_strbuf_add(&probe->text, sn_str_n(piece, (size_t)n));
	return n > 0;
}

static void on_text(struct sn_watch *watch, unsigned events)
{
	struct sn_upgrade_probe *probe = sn_container_of(watch, struct sn_upgrade_probe, watch);

	(void)events;
	/* At its end there is nothing more to hear; the exit follows. */
	if (!read_some(probe) && errno != EAGAIN && errno != EINTR)
		sn_watch_want(watch, 0);
}

static int judge(
	struct sn_upgrade_probe *probe, int status, struct sn_str *version_r, struct sn_diag *diag)
{
	const struct sn_str said = sn_str_sub(sn_strbuf_str(&probe->text), 0, SHOWN_MAX);

	if (probe->overdue)
		return sn_diag_set(diag, -ETIMEDOUT, 0, "it gives no answer within %lld s",
			(long long)(SN_UPGRADE_PATIENCE / SN_SEC(1)));
	if (WIFSIGNALED(status))
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0, "it was ended by signal %d (%s)",
			WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"it ended with %d when asked which daemons it can take over%s%.*s",
			WEXITSTATUS(status), said.n > 0 ? ": " : "", SN_STR_ARG(said));
	return sn_upgrade_probe_parse(sn_strbuf_str(&probe->text), version_r, diag);
}

static void on_exit_of_it(struct sn_child *child, int status)
{
	struct sn_upgrade_probe *probe = sn_container_of(child, struct sn_upgrade_probe, child);
	struct sn_diag diag = { 0 };
	struct sn_str version = SN_STR_NULL;
	int code;

	while (read_some(probe))
		;
	stop(probe);
	code = judge(probe, status, &version, &diag);
	probe->fn(probe, code, version, &diag);
	sn_strbuf_fini(&probe->text);
}

static void on_deadline(struct sn_timer *timer)
{
	struct sn_upgrade_probe *probe = sn_container_of(timer, struct sn_upgrade_probe, deadline);

	probe->overdue = true;
	(void)sn_child_kill(&probe->child, SIGKILL);
}

static int start_child(struct sn_upgrade_probe *probe, const char *program, int pipe_end)
{
	char *argv[] = { (char[]){ "sennit" }, (char[]){ SN_UPGRADE_ROLE }, NULL };
	const int fds[] = { -1, pipe_end, pipe_end };
	const struct sn_child_spec spec = {
		.path = program,
		.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.new_session = true,
		.die_with_parent = true,
	};

	return sn_child_start(probe->loop, &probe->child, &spec, on_exit_of_it);
}

int sn_upgrade_probe_start(
	struct sn_upgrade_probe *probe, struct sn_loop *loop, const char *program)
{
	int ends[2], code;

	probe->loop = loop;
	probe->overdue = false;
	probe->child = (struct sn_child){ .pid = 0 };
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	sn_strbuf_init(&probe->text, TEXT_MAX);
	code = sn_watch_set(loop, &probe->watch, ends[0], SN_READABLE, on_text);
	if (code != SN_OK)
		(void)close(ends[0]);
	else
		code = start_child(probe, program, ends[1]);
	(void)close(ends[1]);
	if (code != SN_OK) {
		stop(probe);
		sn_strbuf_fini(&probe->text);
		return code;
	}
	probe->running = true;
	sn_timer_set(loop, &probe->deadline, SN_UPGRADE_PATIENCE, on_deadline);
	return SN_OK;
}

void sn_upgrade_probe_cancel(struct sn_upgrade_probe *probe)
{
	if (!probe->running)
		return;
	stop(probe);
	sn_child_end(&probe->child, 0);
	sn_strbuf_fini(&probe->text);
}
