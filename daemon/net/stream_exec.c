#include "daemon/net/stream_exec.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/loop/child.h"

#define KILL_GRACE SN_SEC(5)

/* A stream on a descriptor whose release also ends the child. */
struct exec_stream {
	struct sn_stream_fd fd; /* first member */
	struct sn_stream_ops ops;
	const struct sn_stream_ops *fd_ops;
	struct sn_child child;
};

static struct exec_stream *exec_of(struct sn_stream *s)
{
	return sn_container_of(s, struct exec_stream, fd.stream);
}

static void release_exec(struct sn_stream *s)
{
	struct exec_stream *e = exec_of(s);

	e->fd_ops->release(s);
	sn_child_end(&e->child, KILL_GRACE);
}

/* What it wrote stays readable, then comes the end, whoever else holds the other side. */
static void child_exited(struct sn_child *child, int status)
{
	struct exec_stream *e = sn_container_of(child, struct exec_stream, child);

	(void)status;
	shutdown(e->fd.rfd, SHUT_RD);
}

static int init_stream(struct exec_stream *e, struct sn_loop *loop, int fd)
{
	int r = sn_stream_fd_init(&e->fd, loop, fd, fd);

	if (r != SN_OK)
		return r;
	e->fd_ops = e->fd.stream.ops;
	e->ops = *e->fd_ops;
	e->ops.name = "exec";
	e->ops.release = release_exec;
	e->fd.stream.ops = &e->ops;
	e->fd.stream.heap = true;
	return SN_OK;
}

static int start_child(struct exec_stream *e, struct sn_loop *loop, char *const *argv, int fd)
{
	const int fds[] = { fd, fd, STDERR_FILENO };
	const struct sn_child_spec spec = {
		.path = argv[0],
		.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.new_session = true,
		.die_with_parent = true,
	};

	return sn_child_start(loop, &e->child, &spec, child_exited);
}

int sn_stream_exec_new(struct sn_loop *loop, char *const *argv, struct sn_stream **s_r)
{
	struct exec_stream *e;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	e = sn_alloc_zero(sizeof(*e));
	r = start_child(e, loop, argv, fds[1]);
	close(fds[1]);
	if (r == SN_OK)
		r = init_stream(e, loop, fds[0]);
	if (r == SN_OK) {
		*s_r = &e->fd.stream;
		return SN_OK;
	}
	close(fds[0]);
	sn_child_end(&e->child, KILL_GRACE);
	sn_free(e);
	return r;
}
