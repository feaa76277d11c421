#include "daemon/proc/broker_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/assert.h"

/* The whole body was read, and nothing is left of it. */
static int finish(const struct sn_reader *r)
{
	return r->err == SN_OK && sn_reader_left(r) == 0 ? SN_OK : SN_EPROTO;
}

static bool has_nul(struct sn_str s)
{
	return sn_str_find(s, '\0') < s.n;
}

/* --- questions -------------------------------------------------------------------------------- */

void sn_ask_verify_write(struct sn_writer *w, const struct sn_ask_verify *ask)
{
	sn_write_str8(w, ask->service);
	sn_write_str16(w, ask->user);
	sn_write_str16(w, ask->password);
	sn_write_str8(w, ask->peer);
}

int sn_ask_verify_read(struct sn_reader *r, struct sn_ask_verify *ask_r)
{
	ask_r->service = sn_read_str8(r);
	ask_r->user = sn_read_str16(r);
	ask_r->password = sn_read_str16(r);
	ask_r->peer = sn_read_str8(r);
	return finish(r);
}

void sn_ask_open_write(struct sn_writer *w, const struct sn_ask_open *ask)
{
	sn_write_str16(w, ask->user);
	sn_write_str16(w, ask->path);
}

int sn_ask_open_read(struct sn_reader *r, struct sn_ask_open *ask_r)
{
	ask_r->user = sn_read_str16(r);
	ask_r->path = sn_read_str16(r);
	return finish(r);
}

void sn_ask_lookup_write(struct sn_writer *w, const struct sn_ask_lookup *ask)
{
	sn_write_str16(w, ask->name);
	sn_write_u32(w, (uint32_t)ask->uid);
}

int sn_ask_lookup_read(struct sn_reader *r, struct sn_ask_lookup *ask_r)
{
	ask_r->name = sn_read_str16(r);
	ask_r->uid = (uid_t)sn_read_u32(r);
	return finish(r);
}

enum { SPAWN_PTY = 1, SPAWN_ARGV = 2, SPAWN_DIR = 4, SPAWN_TERM = 8 };

static void write_words(struct sn_writer *w, const char *const *words)
{
	uint16_t count = 0;

	while (words != NULL && words[count] != NULL && count <= SN_SPAWN_WORDS_MAX)
		count++;
	sn_write_u16(w, count);
	for (uint16_t i = 0; i < count; i++)
		sn_write_str32(w, sn_str(words[i]));
}

static const char *const *read_words(struct sn_reader *r, struct sn_pool *pool)
{
	const uint16_t count = sn_read_u16(r);
	const char **words;

	if (count > SN_SPAWN_WORDS_MAX)
		sn_reader_fail(r, SN_ELIMIT);
	if (r->err != SN_OK)
		return NULL;
	words = sn_pool_alloc_zero(pool, ((size_t)count + 1) * sizeof(*words));
	for (uint16_t i = 0; i < count; i++) {
		const struct sn_str word = sn_read_str32(r);

		if (has_nul(word))
			sn_reader_fail(r, SN_EPROTO);
		words[i] = sn_pool_strdup(pool, word);
	}
	return words;
}

void sn_ask_spawn_write(struct sn_writer *w, const struct sn_ask_spawn *ask)
{
	sn_write_u8(w,
		(uint8_t)((ask->pty ? SPAWN_PTY : 0) | (ask->argv != NULL ? SPAWN_ARGV : 0) |
			(ask->dir != NULL ? SPAWN_DIR : 0) | (ask->term != NULL ? SPAWN_TERM : 0)));
	sn_write_str16(w, ask->user);
	sn_write_str8(w, ask->service);
	sn_write_str16(w, ask->peer);
	sn_write_u16(w, ask->rows);
	sn_write_u16(w, ask->columns);
	sn_write_str16(w, sn_str(ask->dir));
	sn_write_str8(w, sn_str(ask->term));
	write_words(w, ask->argv);
	write_words(w, ask->env);
}

int sn_ask_spawn_read(struct sn_reader *r, struct sn_pool *pool, struct sn_ask_spawn *ask_r)
{
	const uint8_t flags = sn_read_u8(r);
	struct sn_str dir, term;

	ask_r->pty = (flags & SPAWN_PTY) != 0;
	ask_r->user = sn_read_str16(r);
	ask_r->service = sn_read_str8(r);
	ask_r->peer = sn_read_str16(r);
	ask_r->rows = sn_read_u16(r);
	ask_r->columns = sn_read_u16(r);
	dir = sn_read_str16(r);
	term = sn_read_str8(r);
	if (has_nul(dir) || has_nul(term))
		return SN_EPROTO;
	ask_r->dir = (flags & SPAWN_DIR) != 0 ? sn_pool_strdup(pool, dir) : NULL;
	ask_r->term = (flags & SPAWN_TERM) != 0 ? sn_pool_strdup(pool, term) : NULL;
	ask_r->argv = read_words(r, pool);
	ask_r->env = read_words(r, pool);
	if (finish(r) != SN_OK || ((flags & SPAWN_ARGV) != 0 && ask_r->argv[0] == NULL))
		return SN_EPROTO;
	if ((flags & SPAWN_ARGV) == 0)
		ask_r->argv = NULL;
	return SN_OK;
}

/* --- listeners -------------------------------------------------------------------------------- */

void sn_broker_listener_write(struct sn_writer *w, const struct sn_layout_listener *listener)
{
	sn_write_u8(w, (uint8_t)listener->kind);
	sn_write_u8(w, (uint8_t)listener->socktype);
	sn_write_u8(w, (uint8_t)((listener->v6_only ? 1 : 0) | (listener->lock ? 2 : 0)));
	sn_write_u32(w, (uint32_t)listener->backlog);
	sn_write_u32(w, (uint32_t)listener->mode);
	sn_write_str8(w, sn_str_n(&listener->addr.sa, listener->addr.len));
	sn_write_str8(w, listener->user);
	sn_write_str8(w, listener->group);
}

/* --- packets ------------------------------------------------------------------------------------
 */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * SN_PACKET_FDS)];
};

int sn_packet_send(int fd, struct sn_str body, const int *fds, size_t fd_count)
{
	union control control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body.p, .iov_len = body.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	sn_assert(fd_count <= SN_PACKET_FDS);
	if (fd_count > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : SN_OK;
}

static void take_fds(struct msghdr *msg, struct sn_packet *packet)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		packet->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(packet->fds, CMSG_DATA(c), packet->fd_count * sizeof(int));
	}
}

int sn_packet_receive(int fd, char *mem, struct sn_packet *packet_r)
{
	union control control;
	struct iovec iov = { .iov_base = mem, .iov_len = SN_PACKET_MAX };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t n;

	*packet_r = (struct sn_packet){ 0 };
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? SN_AGAIN : errno == ECONNRESET ? SN_CLOSE : -errno;
	take_fds(&msg, packet_r);
	packet_r->size = (size_t)n;
	if (n > 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return SN_OK;
	/* An empty packet looks like the end, but may have brought descriptors. */
	sn_packet_close_fds(packet_r);
	return n == 0 ? SN_CLOSE : SN_EPROTO;
}

void sn_packet_close_fds(struct sn_packet *packet)
{
	for (size_t i = 0; i < packet->fd_count; i++) {
		if (packet->fds[i] >= 0)
			(void)close(packet->fds[i]);
	}
	packet->fd_count = 0;
}
