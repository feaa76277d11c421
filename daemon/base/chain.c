#include "daemon/base/chain.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"

/* ---- blocks ---- */

static struct sn_block *block_new(size_t extra, int fd)
{
	struct sn_block *block = sn_alloc(sizeof(*block) + extra);

	*block = (struct sn_block){ .refs = 1, .fd = fd };
	return block;
}

struct sn_block *sn_block_new(size_t cap)
{
	struct sn_block *block;

	sn_assert(cap <= UINT32_MAX);
	block = block_new(cap, -1);
	block->cap = (uint32_t)cap;
	block->data = (const char *)(block + 1);
	return block;
}

struct sn_block *sn_block_copy(struct sn_str s)
{
	struct sn_block *block = sn_block_new(s.n);
	int rc = sn_block_write(block, s);

	sn_assert(rc == SN_OK);
	return block;
}

struct sn_block *sn_block_file(int fd)
{
	sn_assert(fd >= 0);
	return block_new(0, fd);
}

struct sn_block *sn_block_ref(struct sn_block *block)
{
	sn_assert(block->refs > 0 && block->refs < UINT32_MAX);
	block->refs++;
	return block;
}

void sn_block_unref(struct sn_block **block)
{
	struct sn_block *b = *block;

	*block = NULL;
	if (b == NULL)
		return;
	sn_assert(b->refs > 0);
	if (--b->refs > 0)
		return;
	if (b->fd >= 0)
		close(b->fd);
	if (b->release != NULL)
		b->release(b);
	else
		sn_free(b);
}

static size_t block_room(const struct sn_block *block)
{
	return block->cap - block->used;
}

/* Only the one owner of a heap block writes, and there data points at the block's own memory. */
static char *block_end(struct sn_block *block)
{
	return (char *)(block + 1) + block->used;
}

int sn_block_write(struct sn_block *block, struct sn_str s)
{
	sn_assert(block->refs == 1 && block->fd < 0);
	if (s.n > block_room(block))
		return SN_ELIMIT;
	if (s.n > 0)
		memcpy(block_end(block), s.p, s.n);
	block->used += (uint32_t)s.n;
	return SN_OK;
}

/* ---- the queue of slices ---- */

void sn_chain_init(struct sn_chain *c)
{
	c->slices = c->few;
	c->head = c->tail = 0;
	c->cap = SN_CHAIN_INLINE;
	c->bytes = 0;
}

/* Only when no slice is left. */
static void reset(struct sn_chain *c)
{
	if (c->slices != c->few)
		sn_free(c->slices);
	sn_chain_init(c);
}

void sn_chain_clear(struct sn_chain *c)
{
	while (c->head < c->tail)
		sn_block_unref(&c->slices[c->head++].block);
	reset(c);
}

void sn_chain_fini(struct sn_chain *c)
{
	sn_chain_clear(c);
}

static struct sn_slice *last_slice(const struct sn_chain *c)
{
	return c->head < c->tail ? &c->slices[c->tail - 1] : NULL;
}

/* A slice is empty only between reserve and commit, and only the last one is. */
static void drop_uncommitted(struct sn_chain *c)
{
	struct sn_slice *last = last_slice(c);

	if (last == NULL || last->n > 0)
		return;
	sn_block_unref(&last->block);
	c->tail--;
}

/* Room for one more slice: the consumed front when that is worth moving, else more memory. */
static void make_slot(struct sn_chain *c)
{
	const uint32_t count = c->tail - c->head;

	if (c->tail < c->cap)
		return;
	if (c->head > 0 && c->head >= count) {
		memcpy(c->slices, c->slices + c->head, count * sizeof(*c->slices));
	} else {
		struct sn_slice *more;

		sn_assert(c->cap <= UINT32_MAX / 4);
		c->cap *= c->slices == c->few ? 4 : 2;
		more = sn_alloc_array(c->cap, sizeof(*more));
		memcpy(more, c->slices + c->head, count * sizeof(*more));
		if (c->slices != c->few)
			sn_free(c->slices);
		c->slices = more;
	}
	c->head = 0;
	c->tail = count;
}

/* Append a slice together with its reference. */
static void push_slice(struct sn_chain *c, struct sn_slice slice)
{
	struct sn_slice *last;

	drop_uncommitted(c);
	last = last_slice(c);
	c->bytes += slice.n;
	if (last != NULL && last->block == slice.block && last->off + (off_t)last->n == slice.off) {
		last->n += slice.n;
		sn_block_unref(&slice.block);
		return;
	}
	make_slot(c);
	c->slices[c->tail++] = slice;
}

void sn_chain_add(struct sn_chain *c, struct sn_block *block, off_t off, size_t n)
{
	sn_assert(off >= 0);
	sn_assert(block->fd >= 0 || ((size_t)off <= block->used && n <= block->used - (size_t)off));
	if (n > 0)
		push_slice(c, (struct sn_slice){ sn_block_ref(block), off, n });
}

void sn_chain_add_static(struct sn_chain *c, struct sn_str s)
{
	struct sn_block *block;

	if (s.n == 0)
		return;
	sn_assert(s.n <= UINT32_MAX);
	block = block_new(0, -1);
	block->data = s.p;
	block->cap = block->used = (uint32_t)s.n;
	push_slice(c, (struct sn_slice){ block, 0, s.n });
}

/* ---- writing ---- */

/* Heap memory the chain alone holds, filled exactly up to where the slice ends: may be appended
 * to. Whoever else held it has let go, so who made it does not matter. */
static bool slice_open(const struct sn_slice *slice)
{
	const struct sn_block *block = slice->block;

	return block->refs == 1 && block->data == (const char *)(block + 1) &&
		(size_t)slice->off + slice->n == block->used;
}

/*
 * Memory for a new block: the least size that holds n, but larger than the last block, so that a
 * long answer takes few blocks and a short one little memory; with malloc's header and the
 * block's own each stays within a round number.
 */
static size_t next_cap(const struct sn_slice *last, size_t n)
{
	static const size_t sizes[] = { 1000, 4000, 16000 };
	const size_t before = last != NULL && slice_open(last) ? last->block->cap : 0;
	size_t cap = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cap = sizes[i] - sizeof(struct sn_block);
		if (cap > before && cap >= n)
			break;
	}
	return cap;
}

/* The last slice if it can take bytes, else a new empty one over cap bytes. */
static struct sn_slice *push_empty(struct sn_chain *c, size_t cap)
{
	make_slot(c);
	c->slices[c->tail] = (struct sn_slice){ .block = sn_block_new(cap) };
	return &c->slices[c->tail++];
}

void sn_chain_write(struct sn_chain *c, struct sn_str s)
{
	while (s.n > 0) {
		struct sn_slice *last = last_slice(c);
		size_t n;

		if (last == NULL || !slice_open(last) || block_room(last->block) == 0)
			last = push_empty(c, next_cap(last, s.n));
		n = block_room(last->block);
		if (n > s.n)
			n = s.n;
		memcpy(block_end(last->block), s.p, n);
		sn_chain_commit(c, n);
		s = sn_str_from(s, n);
	}
}

char *sn_chain_reserve(struct sn_chain *c, size_t n)
{
	struct sn_slice *last = last_slice(c);

	if (last == NULL || !slice_open(last) || block_room(last->block) < n) {
		size_t cap = next_cap(last, n);

		drop_uncommitted(c);
		last = push_empty(c, cap > n ? cap : n);
	}
	return block_end(last->block);
}

void sn_chain_commit(struct sn_chain *c, size_t n)
{
	struct sn_slice *last = last_slice(c);

	sn_assert(last != NULL && slice_open(last) && n <= block_room(last->block));
	last->block->used += (uint32_t)n;
	last->n += n;
	c->bytes += n;
	if (c->bytes == 0)
		sn_chain_clear(c);
	else
		drop_uncommitted(c);
}

void sn_chain_printf(struct sn_chain *c, const char *fmt, ...)
{
	size_t room = 200;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(sn_chain_reserve(c, room), room, fmt, args);
	va_end(args);
	sn_assert(n >= 0);
	if ((size_t)n >= room) {
		room = (size_t)n + 1;
		va_start(args, fmt);
		n = vsnprintf(sn_chain_reserve(c, room), room, fmt, args);
		va_end(args);
	}
	sn_chain_commit(c, (size_t)n);
}

/* ---- draining ---- */

void sn_chain_move(struct sn_chain *dst, struct sn_chain *src, size_t n)
{
	sn_assert(dst != src);
	while (n > 0 && src->bytes > 0) {
		struct sn_slice *first = &src->slices[src->head];

		if (first->n > n) {
			sn_chain_add(dst, first->block, first->off, n);
			sn_chain_consume(src, n);
			return;
		}
		n -= first->n;
		src->bytes -= first->n;
		src->head++;
		push_slice(dst, *first);
	}
	if (src->bytes == 0)
		sn_chain_clear(src);
}

size_t sn_chain_iovec(const struct sn_chain *c, struct iovec *iov, size_t max)
{
	size_t count = 0;

	for (uint32_t i = c->head; i < c->tail && count < max; i++) {
		const struct sn_slice *slice = &c->slices[i];

		if (slice->block->fd >= 0 || slice->n == 0)
			break;
		iov[count++] = (struct iovec){
			.iov_base = (void *)(slice->block->data + slice->off),
			.iov_len = slice->n,
		};
	}
	return count;
}

const struct sn_slice *sn_chain_file(const struct sn_chain *c)
{
	const struct sn_slice *first = &c->slices[c->head];

	return c->bytes > 0 && first->block->fd >= 0 ? first : NULL;
}

struct sn_str sn_chain_front(const struct sn_chain *c)
{
	const struct sn_slice *first = &c->slices[c->head];

	if (c->bytes == 0 || first->block->fd >= 0)
		return SN_STR("");
	return sn_str_n(first->block->data + first->off, first->n);
}

void sn_chain_consume(struct sn_chain *c, size_t n)
{
	sn_assert(n <= c->bytes);
	c->bytes -= n;
	if (c->bytes == 0) {
		sn_chain_clear(c);
		return;
	}
	while (n > 0) {
		struct sn_slice *first = &c->slices[c->head];
		const size_t step = n < first->n ? n : first->n;

		first->off += (off_t)step;
		first->n -= step;
		n -= step;
		if (first->n == 0) {
			sn_block_unref(&first->block);
			c->head++;
		}
	}
}

size_t sn_chain_peek(const struct sn_chain *c, void *mem, size_t n)
{
	size_t done = 0;

	for (uint32_t i = c->head; i < c->tail && done < n; i++) {
		const struct sn_slice *slice = &c->slices[i];
		const size_t step = slice->n < n - done ? slice->n : n - done;

		if (slice->block->fd >= 0)
			break;
		memcpy((char *)mem + done, slice->block->data + slice->off, step);
		done += step;
	}
	return done;
}
