#include "daemon/base/pool.h"

#include <stdio.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"

/* With the allocator's own header a page quarter: small enough for thousands of connections. */
#define DEFAULT_BLOCK 1000
#define ALIGN _Alignof(max_align_t)

struct pool_block {
	struct pool_block *next;
	size_t used, cap; /* of mem */
	_Alignas(max_align_t) char mem[];
};

/* Lives at the start of its first block, so that a small pool is one allocation. */
struct sn_pool {
	struct pool_block *current; /* the newest block of regular size; the list starts here */
	struct sn_pool_cleanup *cleanups;
	size_t block_cap;
	size_t size;
};

static size_t align_up(size_t n)
{
	sn_assert(n <= SIZE_MAX / 2);
	return (n + ALIGN - 1) & ~(ALIGN - 1);
}

static struct pool_block *block_new(size_t cap)
{
	struct pool_block *block = sn_alloc(sizeof(*block) + cap);

	block->next = NULL;
	block->used = 0;
	block->cap = cap;
	return block;
}

/* size is aligned and fits. */
static void *block_take(struct pool_block *block, size_t size)
{
	void *mem = block->mem + block->used;

	block->used += size;
	return mem;
}

struct sn_pool *sn_pool_new(size_t block_size)
{
	const size_t least = sizeof(struct pool_block) + 2 * align_up(sizeof(struct sn_pool));
	struct pool_block *first;
	struct sn_pool *pool;

	if (block_size == 0)
		block_size = DEFAULT_BLOCK;
	if (block_size < least)
		block_size = least;
	first = block_new((block_size - sizeof(*first)) & ~(ALIGN - 1));
	pool = block_take(first, align_up(sizeof(*pool)));
	*pool = (struct sn_pool){
		.current = first,
		.block_cap = first->cap,
		.size = sizeof(*first) + first->cap,
	};
	return pool;
}

void sn_pool_free(struct sn_pool **pool)
{
	struct pool_block *block, *next;
	struct sn_pool *dying = *pool;

	*pool = NULL;
	if (dying == NULL)
		return;
	while (dying->cleanups != NULL) {
		struct sn_pool_cleanup *cleanup = dying->cleanups;

		dying->cleanups = cleanup->next;
		cleanup->fn(cleanup);
	}
	/* The pool itself lies in one of these. */
	for (block = dying->current; block != NULL; block = next) {
		next = block->next;
		sn_free(block);
	}
}

/*
 * A new block for size bytes. What is large gets a block of its own, listed behind the current
 * one, so that the current one's rest stays in use.
 */
static struct pool_block *add_block(struct sn_pool *pool, size_t size)
{
	const bool large = size > pool->block_cap / 4;
	struct pool_block *block = block_new(large ? size : pool->block_cap);

	pool->size += sizeof(*block) + block->cap;
	if (large) {
		block->next = pool->current->next;
		pool->current->next = block;
	} else {
		block->next = pool->current;
		pool->current = block;
	}
	return block;
}

void *sn_pool_alloc(struct sn_pool *pool, size_t size)
{
	struct pool_block *block = pool->current;

	size = align_up(size > 0 ? size : 1);
	if (size > block->cap - block->used)
		block = add_block(pool, size);
	return block_take(block, size);
}

void *sn_pool_alloc_zero(struct sn_pool *pool, size_t size)
{
	return memset(sn_pool_alloc(pool, size), 0, size);
}

char *sn_pool_strdup(struct sn_pool *pool, struct sn_str s)
{
	char *copy;

	sn_assert(s.n < SIZE_MAX);
	copy = sn_pool_alloc(pool, s.n + 1);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

struct sn_str sn_pool_str(struct sn_pool *pool, struct sn_str s)
{
	return sn_str_n(sn_pool_strdup(pool, s), s.n);
}

char *sn_pool_printf(struct sn_pool *pool, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	sn_assert(n >= 0);
	text = sn_pool_alloc(pool, (size_t)n + 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return text;
}

void sn_pool_on_free(struct sn_pool *pool, struct sn_pool_cleanup *cleanup)
{
	cleanup->next = pool->cleanups;
	pool->cleanups = cleanup;
}

size_t sn_pool_size(const struct sn_pool *pool)
{
	return pool->size;
}
