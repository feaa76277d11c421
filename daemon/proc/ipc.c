#include "daemon/proc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define PACKET_MAX (SN_IPC_HEADER_SIZE + SN_IPC_BODY_MAX)
#define KERNEL_FDS_MAX 253   /* SCM_MAX_FD */
#define MESSAGES_PER_TURN 64 /* others have a turn too */
#define RETRY_AFTER SN_MS(10)

/* Header: u16 version, u16 type, u32 serial, u32 body length, u32 zero. */

struct row {
	unsigned number, senders;
	size_t fds_min, fds_max;
};

static const struct row rows[] = {
#define SN_IPC(name, number, senders, fds_min, fds_max) \
	{ (number), (senders), (fds_min), (fds_max) },
#include "daemon/proc/ipc.def"
#undef SN_IPC
};

struct queued {
	struct sn_list link;
	size_t n;
	int *fds;
	size_t fd_count;
	char packet[];
};

static const struct row *find_row(unsigned number)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].number == number)
			return &rows[i];
	}
	return NULL;
}

static bool fits(const struct row *row, enum sn_ipc_role sender, size_t fd_count)
{
	return (row->senders & (unsigned)sender) != 0 && fd_count >= row->fds_min &&
		fd_count <= row->fds_max;
}

static void close_fds(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* --- receiving ------------------------------------------------------------------------------ */

int sn_ipc_decode(struct sn_str packet, size_t fd_count, enum sn_ipc_role sender,
	struct sn_ipc_message *message_r)
{
	struct sn_reader r = sn_reader(packet);
	const unsigned version = sn_read_u16(&r), number = sn_read_u16(&r);
	const uint32_t serial = sn_read_u32(&r), length = sn_read_u32(&r), zero = sn_read_u32(&r);
	const struct row *row = find_row(number);

	if (r.err != SN_OK || version != SN_IPC_VERSION || zero != 0 || row == NULL ||
		length != sn_reader_left(&r) || length > SN_IPC_BODY_MAX ||
		!fits(row, sender, fd_count))
		return SN_EPROTO;
	message_r->type = (enum sn_ipc_type)number;
	message_r->serial = serial;
	message_r->body = sn_reader(sn_read_bytes(&r, length));
	message_r->fd_count = fd_count;
	return SN_OK;
}

int sn_ipc_take_fd(struct sn_ipc_message *message, size_t i)
{
	int fd;

	if (i >= message->fd_count)
		return -1;
	fd = message->fds[i];
	message->fds[i] = -1;
	return fd;
}

/* One packet and its descriptors. */
struct received {
	char packet[PACKET_MAX];
	size_t n;
	int fds[KERNEL_FDS_MAX];
	size_t fd_count;
};

static size_t take_fds(struct msghdr *msg, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	}
	return count;
}

/* SN_OK, SN_AGAIN, SN_CLOSE or a failure. */
static int receive(int fd, struct received *in)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(KERNEL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = in->packet, .iov_len = sizeof(in->packet) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	/* A peer that died with our messages unread makes the first call fail; what it had sent
	 * is still there behind that. */
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EAGAIN ? SN_AGAIN : -errno;
	in->n = (size_t)n;
	in->fd_count = take_fds(&msg, in->fds);
	if (n > 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return SN_OK;
	/* An empty packet looks like the end, but may have brought descriptors. */
	close_fds(in->fds, in->fd_count);
	return n == 0 && in->fd_count == 0 ? SN_CLOSE : SN_EPROTO;
}

static int deliver(struct sn_ipc *ipc, struct received *in)
{
	struct sn_ipc_message message = { .fds = in->fds };
	const int code =
		sn_ipc_decode(sn_str_n(in->packet, in->n), in->fd_count, ipc->peer, &message);

	if (code == SN_OK)
		ipc->ops->on_message(ipc, &message);
	close_fds(in->fds, in->fd_count);
	sn_wipe(in->packet, in->n); /* it may have been a password */
	return code;
}

static void close_with(struct sn_ipc *ipc, int code)
{
	sn_ipc_stop(ipc);
	ipc->ops->on_closed(ipc, code);
}

static void receive_some(struct sn_ipc *ipc)
{
	struct received *in = sn_alloc(sizeof(*in));
	int code = SN_OK;

	ipc->handling = true;
	for (unsigned i = 0; i < MESSAGES_PER_TURN && code == SN_OK && ipc->fd >= 0; i++) {
		code = receive(ipc->fd, in);
		if (code == SN_OK)
			code = deliver(ipc, in);
	}
	ipc->handling = false;
	sn_free(in);
	if (code != SN_OK && code != SN_AGAIN && ipc->fd >= 0)
		close_with(ipc, code);
}

/* --- sending -------------------------------------------------------------------------------- */

static ssize_t send_packet(int fd, struct sn_str packet, const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(SN_IPC_FDS_MAX * sizeof(int))];
	} control = { .align = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet.p, .iov_len = packet.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd_count > 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void on_failed(struct sn_task *task)
{
	struct sn_ipc *ipc = sn_container_of(task, struct sn_ipc, fail_task);

	close_with(ipc, ipc->failure);
}

static void fail(struct sn_ipc *ipc, int code)
{
	if (ipc->failure != SN_OK)
		return;
	ipc->failure = code;
	ipc->fail_task.fn = on_failed;
	sn_loop_defer(ipc->loop, &ipc->fail_task);
}

static void send_queued(struct sn_ipc *ipc);

static void on_retry(struct sn_timer *timer)
{
	send_queued(sn_container_of(timer, struct sn_ipc, retry));
}

/* SN_OK: sent, or nobody will ever read it; SN_AGAIN: later, for which the wake-up is set. */
static int try_send(struct sn_ipc *ipc, struct sn_str packet, const int *fds, size_t fd_count)
{
	const ssize_t n = send_packet(ipc->fd, packet, fds, fd_count);

	switch (n) {
	case -EAGAIN:
		sn_watch_want(&ipc->watch, SN_READABLE | SN_WRITABLE);
		return SN_AGAIN;
	case -ETOOMANYREFS:
	case -ENOBUFS:
	case -ENOMEM:
		sn_watch_want(&ipc->watch, SN_READABLE);
		sn_timer_set(ipc->loop, &ipc->retry, RETRY_AFTER, on_retry);
		return SN_AGAIN;
	case -EPIPE:
	case -ECONNRESET:
	case -ENOTCONN: /* the reading side tells of the end, behind what there is to read */
		return SN_OK;
	default:
		if (n < 0)
			fail(ipc, (int)n);
		return SN_OK;
	}
}

static void free_queued(struct queued *q)
{
	close_fds(q->fds, q->fd_count);
	sn_wipe(q->packet, q->n);
	sn_free(q->fds);
	sn_free(q);
}

static void send_queued(struct sn_ipc *ipc)
{
	while (!sn_list_empty(&ipc->queue)) {
		struct queued *q = sn_container_of(ipc->queue.next, struct queued, link);

		if (try_send(ipc, sn_str_n(q->packet, q->n), q->fds, q->fd_count) == SN_AGAIN)
			return;
		sn_list_remove(&q->link);
		ipc->queued--;
		free_queued(q);
	}
	sn_watch_want(&ipc->watch, SN_READABLE);
}

static int duplicate_fds(struct queued *q, const int *fds)
{
	for (size_t i = 0; i < q->fd_count; i++)
		q->fds[i] = -1;
	for (size_t i = 0; i < q->fd_count; i++) {
		q->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SN_IPC_FD);
		if (q->fds[i] < 0)
			return -errno;
	}
	return SN_OK;
}

static void enqueue(struct sn_ipc *ipc, struct sn_str packet, const int *fds, size_t fd_count)
{
	struct queued *q;
	int code;

	if (ipc->queued == SN_IPC_QUEUE_MAX) {
		fail(ipc, SN_ELIMIT);
		return;
	}
	q = sn_alloc(sizeof(*q) + packet.n);
	*q = (struct queued){ .n = packet.n, .fd_count = fd_count };
	memcpy(q->packet, packet.p, packet.n);
	q->fds = sn_alloc_array(fd_count + 1, sizeof(*q->fds));
	code = duplicate_fds(q, fds);
	if (code != SN_OK) {
		free_queued(q);
		fail(ipc, code);
		return;
	}
	sn_list_append(&ipc->queue, &q->link);
	ipc->queued++;
}

void sn_ipc_send(struct sn_ipc *ipc, enum sn_ipc_type type, uint32_t serial, struct sn_str body,
	const int *fds, size_t fd_count)
{
	const struct row *row = find_row(type);
	char packet[PACKET_MAX];
	struct sn_writer w = sn_writer(packet, sizeof(packet));

	sn_assert(row != NULL && fits(row, ipc->role, fd_count) && body.n <= SN_IPC_BODY_MAX);
	if (ipc->fd < 0 || ipc->failure != SN_OK)
		return;
	sn_write_u16(&w, SN_IPC_VERSION);
	sn_write_u16(&w, (uint16_t)type);
	sn_write_u32(&w, serial);
	sn_write_u32(&w, (uint32_t)body.n);
	sn_write_u32(&w, 0);
	sn_write_bytes(&w, body);
	if (!sn_list_empty(&ipc->queue) ||
		try_send(ipc, sn_writer_str(&w), fds, fd_count) == SN_AGAIN)
		enqueue(ipc, sn_writer_str(&w), fds, fd_count);
	sn_wipe(packet, w.n);
}

/* --- life ----------------------------------------------------------------------------------- */

static void on_event(struct sn_watch *watch, unsigned events)
{
	struct sn_ipc *ipc = sn_container_of(watch, struct sn_ipc, watch);

	if (ipc->handling)
		return; /* level-triggered: it comes again */
	if (events & SN_WRITABLE)
		send_queued(ipc);
	if (events & (SN_READABLE | SN_HANGUP))
		receive_some(ipc);
}

int sn_ipc_pair(int fds_r[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds_r) == 0 ? SN_OK : -errno;
}

int sn_ipc_start(struct sn_ipc *ipc, struct sn_loop *loop, int fd, enum sn_ipc_role role,
	enum sn_ipc_role peer, const struct sn_ipc_ops *ops)
{
	int code;

	*ipc = (struct sn_ipc){ .ops = ops, .loop = loop, .fd = fd, .role = role, .peer = peer };
	sn_list_init(&ipc->queue);
	code = sn_watch_set(loop, &ipc->watch, fd, SN_READABLE, on_event);
	if (code != SN_OK) {
		close(fd);
		ipc->fd = -1;
	}
	return code;
}

void sn_ipc_stop(struct sn_ipc *ipc)
{
	struct sn_list *link;

	if (ipc->loop == NULL || ipc->fd < 0)
		return;
	sn_watch_clear(&ipc->watch);
	sn_timer_clear(&ipc->retry);
	sn_task_cancel(&ipc->fail_task);
	while ((link = sn_list_pop(&ipc->queue)) != NULL)
		free_queued(sn_container_of(link, struct queued, link));
	ipc->queued = 0;
	close(ipc->fd);
	ipc->fd = -1;
}

bool sn_ipc_is_open(const struct sn_ipc *ipc)
{
	return ipc->loop != NULL && ipc->fd >= 0;
}

uint32_t sn_ipc_serial(struct sn_ipc *ipc)
{
	if (++ipc->last_serial == 0)
		ipc->last_serial = 1;
	return ipc->last_serial;
}

/* --- large bodies --------------------------------------------------------------------------- */

static int write_all(int fd, struct sn_str content)
{
	while (content.n > 0) {
		const ssize_t n = write(fd, content.p, content.n);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			content = sn_str_from(content, (size_t)n);
	}
	return SN_OK;
}

int sn_ipc_memfd(const char *name, struct sn_str content, int *fd_r)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int code;

	if (fd < 0)
		return -errno;
	code = write_all(fd, content);
	if (code == SN_OK && fcntl(fd, F_ADD_SEALS, seals) < 0)
		code = -errno;
	if (code != SN_OK)
		close(fd);
	else
		*fd_r = fd;
	return code;
}

int sn_ipc_read_memfd(int fd, size_t max, struct sn_strbuf *out)
{
	char piece[16384];
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return SN_ELIMIT;
	while (at < (size_t)st.st_size) {
		const ssize_t n = pread(fd, piece, sizeof(piece), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : SN_EEOF;
		sn_strbuf_add(out, sn_str_n(piece, (size_t)n));
		at += (size_t)n;
	}
	return at == (size_t)st.st_size ? out->err : SN_ELIMIT;
}
