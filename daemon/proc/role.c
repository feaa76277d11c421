#include "daemon/proc/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/proc/notify.h"

/* Inherited descriptors follow the channel, each one number higher than in the parent. */
#define FIRST_INHERITED (SN_IPC_FD + 1)
#define INHERITED_MAX 1024

/* --- the parent ----------------------------------------------------------------------------- */

static bool is_for_child(const char *variable, bool inherits)
{
	if (sn_notify_is_ours(variable))
		return false;
	return inherits || !sn_str_starts(sn_str(variable), SN_STR("LISTEN_"));
}

/* Views of the environment; only the array is allocated. */
static char **make_env(bool inherits)
{
	size_t count = 0, kept = 0;
	char **env;

	while (environ[count] != NULL)
		count++;
	env = sn_alloc_array(count + 1, sizeof(*env));
	for (size_t i = 0; i < count; i++) {
		if (is_for_child(environ[i], inherits))
			env[kept++] = environ[i];
	}
	env[kept] = NULL;
	return env;
}

static char **make_argv(const char *const *args)
{
	size_t count = 0;
	char **argv;

	while (args[count] != NULL)
		count++;
	argv = sn_alloc_array(count + 2, sizeof(*argv));
	argv[0] = (char *)(uintptr_t) "sennit";
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	argv[count + 1] = NULL;
	return argv;
}

static size_t arrange_fds(const struct sn_role_spec *spec, int *fds)
{
	size_t count = FIRST_INHERITED;

	fds[STDIN_FILENO] = spec->in;
	fds[STDOUT_FILENO] = spec->out;
	fds[STDERR_FILENO] = spec->err;
	fds[SN_IPC_FD] = spec->channel;
	for (size_t i = 0; i < spec->inherited_count; i++) {
		const size_t place = (size_t)spec->inherited[i] + 1;

		sn_assert(place >= FIRST_INHERITED && place < INHERITED_MAX);
		while (count < place)
			fds[count++] = -1;
		fds[count++] = spec->inherited[i];
	}
	return count;
}

int sn_role_start(struct sn_loop *loop, struct sn_child *child, const struct sn_role_spec *spec,
	sn_child_fn on_exit)
{
	int fds[INHERITED_MAX];
	struct sn_child_spec start = {
		.path = spec->program != NULL ? spec->program : SN_ROLE_PROGRAM,
		.argv = make_argv(spec->args),
		.env = make_env(spec->inherited_count > 0),
		.fds = fds,
		.new_session = spec->new_session,
		.die_with_parent = true,
	};
	int code;

	start.fd_count = arrange_fds(spec, fds);
	code = sn_child_start(loop, child, &start, on_exit);
	sn_free((void *)(uintptr_t)start.argv);
	sn_free((void *)(uintptr_t)start.env);
	return code;
}

/* --- the child ------------------------------------------------------------------------------ */

static bool is_channel(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int sn_role_channel(const char *role, int *fd_r)
{
	if (!is_channel(SN_IPC_FD)) {
		fprintf(stderr,
			"sennit: %s is a part of the daemon, which starts it by itself; use `sennit run` "
			"or `sennit --help`.\n",
			role);
		return SN_EUNSUPPORTED;
	}
	(void)fcntl(SN_IPC_FD, F_SETFD, FD_CLOEXEC);
	*fd_r = SN_IPC_FD;
	return SN_OK;
}

/* The service manager's sockets are meant for the process with this number. */
static void adopt_listen_pid(void)
{
	const char *text = getenv("LISTEN_PID");
	char mem[24];
	struct sn_strbuf pid;
	uint64_t named;

	if (text == NULL || sn_parse_u64(sn_str(text), INT32_MAX, &named) != SN_OK ||
		named != (uint64_t)getppid())
		return;
	sn_strbuf_fixed(&pid, mem, sizeof(mem));
	sn_strbuf_addu(&pid, (uint64_t)getpid());
	(void)setenv("LISTEN_PID", mem, 1);
}

int sn_role_take_inherited(int *channel)
{
	int end = FIRST_INHERITED;
	int moved;

	while (fcntl(end, F_GETFD) >= 0)
		end++;
	if (end == FIRST_INHERITED)
		return SN_OK;
	moved = fcntl(*channel, F_DUPFD_CLOEXEC, end);
	if (moved < 0)
		return -errno;
	for (int fd = FIRST_INHERITED; fd < end; fd++) {
		if (dup3(fd, fd - 1, O_CLOEXEC) < 0)
			return -errno;
	}
	(void)close(end - 1);
	*channel = moved;
	adopt_listen_pid();
	return SN_OK;
}

void sn_role_set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name);
}

void sn_role_ignore_signals(void)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof(signos) / sizeof(signos[0]); i++)
		(void)sigaction(signos[i], &ignore, NULL);
}
