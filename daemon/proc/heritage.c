#include "daemon/proc/heritage.h"

#define BODY_MAX 16384

enum { SNAPSHOT, METRICS, LIMITER, BROKER, FD_COUNT };

void sn_heritage_send(struct sn_ipc *ipc, const struct sn_heritage *heritage)
{
	const int fds[FD_COUNT] = {
		[SNAPSHOT] = heritage->snapshot,
		[METRICS] = heritage->metrics,
		[LIMITER] = heritage->limiter,
		[BROKER] = heritage->broker,
	};
	char body[BODY_MAX];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_str16(&w, heritage->group);
	sn_write_u32(&w, heritage->index);
	sn_write_u32(&w, heritage->generation);
	sn_write_u64(&w, (uint64_t)heritage->started_wall);
	sn_write_str16(&w, heritage->state);
	sn_write_str16(&w, heritage->state_missing);
	sn_write_u8(&w, heritage->sandbox);
	sn_write_u8(&w, heritage->thaw);
	sn_assert(w.err == SN_OK);
	sn_ipc_send(ipc, SN_IPC_HERITAGE, 0, sn_writer_str(&w), fds,
		heritage->broker >= 0 ? FD_COUNT : FD_COUNT - 1);
}

int sn_heritage_read(
	struct sn_ipc_message *message, struct sn_pool *pool, struct sn_heritage *heritage_r)
{
	struct sn_reader *r = &message->body;

	*heritage_r = (struct sn_heritage){ .group = sn_pool_str(pool, sn_read_str16(r)) };
	heritage_r->index = sn_read_u32(r);
	heritage_r->generation = sn_read_u32(r);
	heritage_r->started_wall = (int64_t)sn_read_u64(r);
	heritage_r->state = sn_pool_str(pool, sn_read_str16(r));
	heritage_r->state_missing = sn_pool_str(pool, sn_read_str16(r));
	heritage_r->sandbox = sn_read_u8(r) != 0;
	heritage_r->thaw = sn_read_u8(r) != 0;
	if (r->err != SN_OK || sn_reader_left(r) > 0)
		return SN_EPROTO;
	heritage_r->snapshot = sn_ipc_take_fd(message, SNAPSHOT);
	heritage_r->metrics = sn_ipc_take_fd(message, METRICS);
	heritage_r->limiter = sn_ipc_take_fd(message, LIMITER);
	heritage_r->broker = sn_ipc_take_fd(message, BROKER);
	return SN_OK;
}

void sn_heritage_send_listener(struct sn_ipc *ipc, const struct sn_heritage_listener *listener)
{
	const int fds[] = { listener->sock.fd, listener->sock.wfd };
	const struct sn_addr *local = &listener->sock.local;
	char body[BODY_MAX];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_str16(&w, listener->service);
	sn_write_u32(&w, listener->index);
	sn_write_str16(&w, sn_str_n(&local->sa, local->len));
	sn_assert(w.err == SN_OK);
	sn_ipc_send(
		ipc, SN_IPC_LISTENER, 0, sn_writer_str(&w), fds, listener->sock.wfd >= 0 ? 2 : 1);
}

static int read_addr(struct sn_str bytes, struct sn_addr *addr_r)
{
	struct sockaddr_storage ss = { 0 };

	addr_r->len = 0;
	if (bytes.n == 0)
		return SN_OK;
	if (bytes.n > sizeof(ss))
		return SN_EPROTO;
	memcpy(&ss, bytes.p, bytes.n);
	return sn_addr_from_sockaddr((struct sockaddr *)&ss, (socklen_t)bytes.n, addr_r);
}

int sn_heritage_read_listener(struct sn_ipc_message *message, struct sn_pool *pool,
	struct sn_heritage_listener *listener_r)
{
	struct sn_reader *r = &message->body;

	*listener_r = (struct sn_heritage_listener){
		.service = sn_pool_str(pool, sn_read_str16(r)),
		.sock = { .lock_fd = -1 },
	};
	listener_r->index = sn_read_u32(r);
	if (read_addr(sn_read_str16(r), &listener_r->sock.local) != SN_OK || r->err != SN_OK ||
		sn_reader_left(r) > 0)
		return SN_EPROTO;
	listener_r->sock.fd = sn_ipc_take_fd(message, 0);
	listener_r->sock.wfd = sn_ipc_take_fd(message, 1);
	return SN_OK;
}
