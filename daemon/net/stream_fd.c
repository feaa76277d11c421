/* Streams on descriptors: sockets, pipes, terminals. */
#include "daemon/net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define IOVECS 64
/* Most bytes of one push, so that a fast reader of a big file does not hold up everyone else. */
#define PUSH_BUDGET ((size_t)1024 * 1024)
/* A message that came in part: its buffer grows with it from here. */
#define FIRST_ROOM ((size_t)2048)

static struct sn_stream_fd *fd_of(struct sn_stream *s)
{
	return sn_container_of(s, struct sn_stream_fd, stream);
}

/* --- watches ---------------------------------------------------------------------------------- */

static bool one_descriptor(const struct sn_stream_fd *f)
{
	return f->rfd == f->wfd;
}

/* A hang-up nobody can act on would be reported for ever: forget the descriptor until it is
 * wanted again. */
static void hung_up(struct sn_stream_fd *f, struct sn_watch *watch)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err != 0)
		sn_stream_abort(&f->stream, -err);
	sn_watch_clear(watch);
}

static void on_rd(struct sn_watch *watch, unsigned events)
{
	struct sn_stream_fd *f = sn_container_of(watch, struct sn_stream_fd, rd);
	struct sn_stream *s = &f->stream;

	if (s->reading && (events & (SN_READABLE | SN_HANGUP)))
		sn_stream_readable(s);
	else if ((events & SN_HANGUP) && !(s->blocked && one_descriptor(f)))
		hung_up(f, watch);
	if (s->blocked && one_descriptor(f) && (events & (SN_WRITABLE | SN_HANGUP)))
		sn_stream_writable(s);
}

static void on_wr(struct sn_watch *watch, unsigned events)
{
	struct sn_stream_fd *f = sn_container_of(watch, struct sn_stream_fd, wr);

	if (f->stream.blocked)
		sn_stream_writable(&f->stream);
	else if (events & SN_HANGUP)
		hung_up(f, watch);
}

static void want(
	struct sn_stream_fd *f, struct sn_watch *watch, int fd, unsigned events, sn_watch_fn fn)
{
	int rc;

	if (watch->fd >= 0) {
		sn_watch_want(watch, events);
		return;
	}
	if (events == 0)
		return;
	rc = sn_watch_set(f->stream.loop, watch, fd, events, fn);
	if (rc < 0)
		sn_stream_abort(&f->stream, rc);
}

static void update_watches(struct sn_stream_fd *f, bool writing)
{
	unsigned in = f->stream.reading ? SN_READABLE : 0;
	unsigned out = writing ? SN_WRITABLE : 0;

	if (one_descriptor(f)) {
		want(f, &f->rd, f->rfd, in | out, on_rd);
		return;
	}
	want(f, &f->rd, f->rfd, in, on_rd);
	if (f->wfd >= 0)
		want(f, &f->wr, f->wfd, out, on_wr);
}

static bool watching_output(const struct sn_stream_fd *f)
{
	const struct sn_watch *watch = one_descriptor(f) ? &f->rd : &f->wr;

	return watch->fd >= 0 && (watch->events & SN_WRITABLE);
}

static void fd_want_input(struct sn_stream *s, bool reading)
{
	struct sn_stream_fd *f = fd_of(s);

	(void)reading; /* is s->reading */
	update_watches(f, watching_output(f));
}

/* --- input ------------------------------------------------------------------------------------ */

/* One read a turn: what it leaves epoll reports again, and a second read only to see EAGAIN would
 * double the cost of a small message. */
static int fd_pull(struct sn_stream *s)
{
	size_t room, want_room = s->in.n > FIRST_ROOM ? s->in.n : FIRST_ROOM;
	ssize_t n;
	char *p;
	int rc;

	if (s->in.n == 0) {
		sn_buf_lend(&s->in, sn_loop_scratch(s->loop, SN_SCRATCH_RAW), SN_SCRATCH_SIZE);
		want_room = SN_SCRATCH_SIZE;
	}
	rc = sn_buf_reserve(&s->in, want_room, &p, &room);
	if (rc < 0)
		return rc;
	do
		n = read(fd_of(s)->rfd, p, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? SN_AGAIN : -errno;
	if (n == 0)
		return SN_CLOSE;
	sn_buf_commit(&s->in, (size_t)n);
	return SN_OK;
}

/* --- output ----------------------------------------------------------------------------------- */

static size_t iovec_bytes(const struct iovec *iov, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

static ssize_t write_memory(const struct sn_stream_fd *f, const struct sn_chain *out, size_t *asked)
{
	struct iovec iov[IOVECS];
	size_t count = sn_chain_iovec(out, iov, IOVECS);
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	int flags = MSG_NOSIGNAL;

	*asked = iovec_bytes(iov, count);
	if (!f->is_socket)
		return writev(f->wfd, iov, (int)count);
	if (*asked < out->bytes)
		flags |= MSG_MORE; /* a header and its file leave in full segments */
	if (count == 1)
		return send(f->wfd, iov[0].iov_base, iov[0].iov_len, flags);
	return sendmsg(f->wfd, &msg, flags);
}

static ssize_t write_file(
	const struct sn_stream_fd *f, const struct sn_slice *slice, size_t budget, size_t *asked)
{
	off_t off = slice->off;
	ssize_t n;

	*asked = slice->n < budget ? slice->n : budget;
	n = sendfile(f->wfd, slice->block->fd, &off, *asked);
	if (n == 0) { /* the file is shorter than promised: the peer must not take it as whole */
		errno = EIO;
		return -1;
	}
	return n;
}

static int fd_push(struct sn_stream *s)
{
	struct sn_stream_fd *f = fd_of(s);
	size_t budget = PUSH_BUDGET;

	while (s->out.bytes > 0) {
		const struct sn_slice *file = sn_chain_file(&s->out);
		size_t asked = 0;
		ssize_t n = file != NULL ? write_file(f, file, budget, &asked)
					 : write_memory(f, &s->out, &asked);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n > 0)
			sn_chain_consume(&s->out, (size_t)n);
		if (s->out.bytes > 0 && (n < (ssize_t)asked || budget <= (size_t)n)) {
			update_watches(f, true);
			return SN_AGAIN;
		}
		budget -= (size_t)n < budget ? (size_t)n : budget;
	}
	if (watching_output(f))
		update_watches(f, false);
	return SN_OK;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int fd_shutdown(struct sn_stream *s)
{
	struct sn_stream_fd *f = fd_of(s);

	/* A pipe loses nothing when it is closed, and close tells its reader. */
	if (!f->is_socket)
		return SN_CLOSE;
	if (shutdown(f->wfd, SHUT_WR) == 0)
		return SN_OK;
	return errno == ENOTCONN ? SN_CLOSE : -errno;
}

static void set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void fd_release(struct sn_stream *s)
{
	struct sn_stream_fd *f = fd_of(s);

	if (f->sole)
		sn_watch_forget(&f->rd);
	sn_watch_clear(&f->rd);
	sn_watch_clear(&f->wr);
	if (f->rd_blocking)
		set_blocking(f->rfd, true);
	if (f->wr_blocking)
		set_blocking(f->wfd, true);
	if (f->rfd >= 0) /* not taken */
		close(f->rfd);
	if (!one_descriptor(f))
		close(f->wfd);
}

static const struct sn_stream_ops fd_ops = {
	.name = "fd",
	.pull = fd_pull,
	.push = fd_push,
	.want_input = fd_want_input,
	.shutdown = fd_shutdown,
	.release = fd_release,
};

int sn_stream_peer_uid(const struct sn_stream *s, uid_t *uid_r)
{
	struct sockaddr_un peer;
	socklen_t peer_n = sizeof(peer), cred_n;
	struct ucred cred;
	int fd;

	while (s->lower != NULL)
		s = s->lower;
	cred_n = sizeof(cred);
	if (s->ops != &fd_ops || s->state > SN_STREAM_LINGERING)
		return SN_ENOTFOUND;
	fd = sn_container_of(s, struct sn_stream_fd, stream)->rfd;
	if (getpeername(fd, (struct sockaddr *)&peer, &peer_n) != 0 || peer.sun_family != AF_UNIX ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_n) != 0)
		return SN_ENOTFOUND;
	*uid_r = cred.uid;
	return SN_OK;
}

/* --- the beginning ---------------------------------------------------------------------------- */

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Make it non-blocking; whether it was blocking before. */
static int unblock(int fd, bool *was_r)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	*was_r = (flags & O_NONBLOCK) == 0;
	if (*was_r && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return SN_OK;
}

static int start(struct sn_stream_fd *f, struct sn_loop *loop, bool heap)
{
	sn_stream_init(&f->stream, loop, &fd_ops, heap);
	f->stream.reading = true;
	return sn_watch_set(loop, &f->rd, f->rfd, SN_READABLE, on_rd);
}

static int fd_init(struct sn_stream_fd *f, struct sn_loop *loop, int rfd, int wfd, bool heap)
{
	int rc;

	*f = (struct sn_stream_fd){ .rd.fd = -1, .wr.fd = -1, .rfd = rfd, .wfd = wfd };
	rc = unblock(rfd, &f->rd_blocking);
	if (rc == SN_OK && rfd != wfd)
		rc = unblock(wfd, &f->wr_blocking);
	if (rc < 0)
		return rc;
	f->is_socket = is_socket(wfd);
	return start(f, loop, heap);
}

int sn_stream_fd_init(struct sn_stream_fd *s, struct sn_loop *loop, int rfd, int wfd)
{
	return fd_init(s, loop, rfd, wfd, false);
}

int sn_stream_fd_init_socket(struct sn_stream_fd *s, struct sn_loop *loop, int fd)
{
	*s = (struct sn_stream_fd){
		.rd.fd = -1, .wr.fd = -1, .rfd = fd, .wfd = fd, .is_socket = true, .sole = true
	};
	return start(s, loop, false);
}

int sn_stream_fd_new(struct sn_loop *loop, int rfd, int wfd, struct sn_stream **s_r)
{
	struct sn_stream_fd *f = sn_alloc(sizeof(*f));
	int rc = fd_init(f, loop, rfd, wfd, true);

	if (rc < 0) {
		sn_free(f);
		return rc;
	}
	*s_r = &f->stream;
	return SN_OK;
}

/* --- to another process ----------------------------------------------------------------------- */

static bool holds_a_file(const struct sn_chain *c)
{
	for (uint32_t i = c->head; i < c->tail; i++) {
		if (c->slices[i].block->fd >= 0)
			return true;
	}
	return false;
}

bool sn_stream_can_move(const struct sn_stream *s)
{
	const struct sn_stream_fd *f = sn_container_of(s, const struct sn_stream_fd, stream);

	return s->ops == &fd_ops && s->state == SN_STREAM_OPEN && s->upper == NULL &&
		one_descriptor(f) && f->is_socket && !holds_a_file(&s->out);
}

int sn_stream_take_fd(struct sn_stream *s, int code)
{
	struct sn_stream_fd *f = fd_of(s);
	const int fd = f->rfd;

	sn_assert(sn_stream_can_move(s));
	sn_watch_clear(&f->rd);
	f->rfd = f->wfd = -1;
	sn_stream_abort(s, code);
	return fd;
}
