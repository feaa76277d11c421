/* Two memory streams, each the other's peer: no descriptor, otherwise like sockets. */
#include "daemon/net/stream.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define FILE_PIECE ((size_t)16 * 1024)

struct mem_stream {
	struct sn_stream stream; /* first member */
	struct mem_stream *peer; /* NULL: released */
	struct sn_chain queue;   /* written by the peer, not pulled yet */
	size_t capacity;
	struct sn_task task; /* the peer did something: look again */
	bool peer_shut, peer_gone;
};

static struct mem_stream *mem_of(struct sn_stream *s)
{
	return sn_container_of(s, struct mem_stream, stream);
}

static void wake(struct mem_stream *m)
{
	sn_loop_defer(m->stream.loop, &m->task);
}

static void on_wake(struct sn_task *task)
{
	struct mem_stream *m = sn_container_of(task, struct mem_stream, task);
	bool blocked = m->stream.blocked;

	sn_stream_readable(&m->stream);
	if (blocked && (m->peer == NULL || m->peer->queue.bytes < m->capacity))
		sn_stream_writable(&m->stream);
}

static int mem_pull(struct sn_stream *s)
{
	struct mem_stream *m = mem_of(s);
	size_t room;
	char *p;
	int rc;

	if (m->peer_gone && !m->peer_shut)
		return -ECONNRESET;
	if (m->queue.bytes == 0)
		return m->peer_shut ? SN_CLOSE : SN_AGAIN;
	if (s->in.n == 0)
		sn_buf_lend(&s->in, sn_loop_scratch(s->loop, SN_SCRATCH_RAW), SN_SCRATCH_SIZE);
	rc = sn_buf_reserve(&s->in, m->queue.bytes, &p, &room);
	if (rc < 0)
		return rc;
	room = sn_chain_peek(&m->queue, p, room);
	sn_buf_commit(&s->in, room);
	sn_chain_consume(&m->queue, room);
	s->more = m->queue.bytes > 0 || m->peer_shut;
	if (m->peer != NULL)
		wake(m->peer);
	return SN_OK;
}

/* A piece of a file range becomes memory on its way. */
static int move_file(struct sn_chain *dst, struct sn_chain *src, size_t room)
{
	const struct sn_slice *slice = sn_chain_file(src);
	size_t want = slice->n < room ? slice->n : room;
	ssize_t n;

	if (want > FILE_PIECE)
		want = FILE_PIECE;
	n = pread(slice->block->fd, sn_chain_reserve(dst, want), want, slice->off);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	sn_chain_commit(dst, (size_t)n);
	sn_chain_consume(src, (size_t)n);
	return SN_OK;
}

static size_t first_memory_bytes(const struct sn_chain *c)
{
	return sn_chain_front(c).n;
}

static int mem_push(struct sn_stream *s)
{
	struct mem_stream *m = mem_of(s);
	struct sn_chain *queue;

	if (m->peer == NULL)
		return -EPIPE;
	queue = &m->peer->queue;
	while (s->out.bytes > 0 && queue->bytes < m->capacity) {
		size_t room = m->capacity - queue->bytes, n = first_memory_bytes(&s->out);
		int rc;

		if (sn_chain_file(&s->out) != NULL) {
			rc = move_file(queue, &s->out, room);
			if (rc < 0)
				return rc;
		} else {
			sn_chain_move(queue, &s->out, n < room ? n : room);
		}
	}
	wake(m->peer);
	return s->out.bytes > 0 ? SN_AGAIN : SN_OK;
}

static void mem_want_input(struct sn_stream *s, bool reading)
{
	(void)s; /* s->more knows what was left */
	(void)reading;
}

static int mem_shutdown(struct sn_stream *s)
{
	struct mem_stream *m = mem_of(s);

	if (m->peer == NULL)
		return SN_CLOSE;
	m->peer->peer_shut = true;
	wake(m->peer);
	return SN_OK;
}

static void mem_release(struct sn_stream *s)
{
	struct mem_stream *m = mem_of(s);

	sn_task_cancel(&m->task);
	sn_chain_fini(&m->queue);
	if (m->peer == NULL)
		return;
	/* Like a socket: closing is an end of stream when all that came was read, else a reset. */
	if (s->eof)
		m->peer->peer_shut = true;
	m->peer->peer_gone = true;
	m->peer->peer = NULL;
	wake(m->peer);
	m->peer = NULL;
}

static const struct sn_stream_ops mem_ops = {
	.name = "mem",
	.pull = mem_pull,
	.push = mem_push,
	.want_input = mem_want_input,
	.shutdown = mem_shutdown,
	.release = mem_release,
};

static struct mem_stream *mem_new(struct sn_loop *loop, size_t capacity)
{
	struct mem_stream *m = sn_alloc_zero(sizeof(*m));

	sn_stream_init(&m->stream, loop, &mem_ops, true);
	sn_chain_init(&m->queue);
	m->capacity = capacity;
	m->task.fn = on_wake;
	return m;
}

void sn_stream_mem_pair(
	struct sn_loop *loop, size_t capacity, struct sn_stream **a_r, struct sn_stream **b_r)
{
	struct mem_stream *a = mem_new(loop, capacity), *b = mem_new(loop, capacity);

	sn_assert(capacity > 0);
	a->peer = b;
	b->peer = a;
	sn_stream_ready(&a->stream);
	sn_stream_ready(&b->stream);
	*a_r = &a->stream;
	*b_r = &b->stream;
}
