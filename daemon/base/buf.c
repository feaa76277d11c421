#include "daemon/base/buf.h"

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"

#define LEAST_OWN 64

static uint32_t clamp32(size_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

void sn_buf_init(struct sn_buf *b, size_t max)
{
	*b = (struct sn_buf){ .max = clamp32(max) };
}

/* Let go of the memory, own or lent, and of what is in it. */
static void drop_memory(struct sn_buf *b)
{
	if (!b->lent)
		sn_free(b->p);
	*b = (struct sn_buf){ .max = b->max };
}

void sn_buf_fini(struct sn_buf *b)
{
	drop_memory(b);
}

void sn_buf_set_max(struct sn_buf *b, size_t max)
{
	b->max = clamp32(max);
}

void sn_buf_lend(struct sn_buf *b, void *mem, size_t size)
{
	sn_assert(b->n == 0 && !b->lent);
	drop_memory(b);
	b->p = mem;
	b->cap = size < b->max ? (uint32_t)size : b->max;
	b->lent = true;
}

/* Size of own memory for n unread bytes: a power of two, but not beyond the limit for no use. */
static uint32_t own_cap(const struct sn_buf *b, uint32_t n)
{
	uint64_t cap = LEAST_OWN;

	while (cap < n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	return cap < n ? n : (uint32_t)cap;
}

/* Carry the unread bytes over into own memory of exactly cap bytes. */
static void move_to_own(struct sn_buf *b, uint32_t cap)
{
	char *own = sn_alloc(cap);

	if (b->n > 0)
		memcpy(own, b->p + b->off, b->n);
	if (!b->lent)
		sn_free(b->p);
	b->p = own;
	b->off = 0;
	b->cap = cap;
	b->lent = false;
}

static uint32_t tail_room(const struct sn_buf *b)
{
	return b->cap - b->off - b->n;
}

/* Only when it moves no more bytes than were consumed, so that moving stays linear overall. */
static void close_gap(struct sn_buf *b)
{
	if (b->off == 0 || b->off < b->n)
		return;
	memcpy(b->p, b->p + b->off, b->n);
	b->off = 0;
}

int sn_buf_reserve(struct sn_buf *b, size_t want, char **p_r, size_t *n_r)
{
	uint32_t n;

	sn_assert(want > 0);
	if (b->n >= b->max)
		return SN_ELIMIT;
	n = want < b->max - b->n ? (uint32_t)want : b->max - b->n;
	if (tail_room(b) < n)
		close_gap(b);
	if (tail_room(b) == 0 || (!b->lent && tail_room(b) < n))
		move_to_own(b, own_cap(b, b->n + n));
	*p_r = b->p + b->off + b->n;
	*n_r = n < tail_room(b) ? n : tail_room(b);
	return SN_OK;
}

void sn_buf_commit(struct sn_buf *b, size_t n)
{
	sn_assert(n <= tail_room(b));
	b->n += (uint32_t)n;
}

int sn_buf_append(struct sn_buf *b, struct sn_str s)
{
	if (s.n > b->max || b->n > b->max - s.n)
		return SN_ELIMIT;
	while (s.n > 0) {
		char *p;
		size_t n;
		int rc = sn_buf_reserve(b, s.n, &p, &n);

		if (rc != SN_OK)
			return rc;
		memcpy(p, s.p, n);
		sn_buf_commit(b, n);
		s = sn_str_from(s, n);
	}
	return SN_OK;
}

void sn_buf_consume(struct sn_buf *b, size_t n)
{
	sn_assert(n <= b->n);
	b->n -= (uint32_t)n;
	b->off = b->n > 0 ? b->off + (uint32_t)n : 0;
}

void sn_buf_settle(struct sn_buf *b)
{
	const uint32_t cap = own_cap(b, b->n);

	if (b->n == 0)
		drop_memory(b);
	else if (b->lent || b->cap / 2 > cap) /* much more than needed: a read made room in vain */
		move_to_own(b, cap);
}

void sn_buf_clear(struct sn_buf *b)
{
	b->off = b->n = 0;
}
