/*
 * Output chain: a queue of slices of refcounted blocks, in memory or in a file. Bytes written are
 * copied once, into a block; a block is shared by any number of chains (one encoded chat line in a
 * thousand members' queues costs a slice each). One writev or sendfile drains it.
 *
 * Ownership: adding a block takes a reference of its own; the caller keeps his. A block is
 * immutable from the moment it is shared. Refcounts are not atomic: a block lives on one loop.
 * Limits: the chain counts bytes; the stream above compares with its water marks and its limit.
 */
#ifndef SN_DAEMON_BASE_CHAIN_H
#define SN_DAEMON_BASE_CHAIN_H

#include <sys/types.h>
#include <sys/uio.h>

#include "daemon/base/err.h"
#include "daemon/base/str.h"

struct sn_block {
	uint32_t refs;
	uint32_t cap, used; /* memory blocks: size of the memory, bytes written */
	int fd;             /* file blocks: the descriptor (closed with the last ref), else -1 */
	const char *data;   /* memory blocks */
	void (*release)(struct sn_block *block); /* external memory: called instead of freeing */
};

struct sn_slice {
	struct sn_block *block;
	off_t off; /* into data, or into the file */
	size_t n;
};

#define SN_CHAIN_INLINE 2

struct sn_chain {
	struct sn_slice *slices; /* slices[head .. tail) */
	uint32_t head, tail, cap;
	size_t bytes;
	struct sn_slice few[SN_CHAIN_INLINE];
};

/* One reference, empty, room for cap bytes, growing never. */
struct sn_block *sn_block_new(size_t cap) SN_WARN_UNUSED;
/* One reference, holding a copy. */
struct sn_block *sn_block_copy(struct sn_str s) SN_WARN_UNUSED;
/* A file range's source; takes over fd. */
struct sn_block *sn_block_file(int fd) SN_WARN_UNUSED;
struct sn_block *sn_block_ref(struct sn_block *block);
void sn_block_unref(struct sn_block **block);
/* Append to a block nobody shares yet (asserted); SN_ELIMIT when it does not fit. */
int sn_block_write(struct sn_block *block, struct sn_str s) SN_WARN_UNUSED;
static inline struct sn_str sn_block_str(const struct sn_block *block)
{
	return sn_str_n(block->data, block->used);
}

void sn_chain_init(struct sn_chain *c);
void sn_chain_fini(struct sn_chain *c);
void sn_chain_clear(struct sn_chain *c);
/* Copy bytes to the end. */
void sn_chain_write(struct sn_chain *c, struct sn_str s);
void sn_chain_printf(struct sn_chain *c, const char *fmt, ...) SN_PRINTF(2, 3);
/* Room for n contiguous bytes at the end; sn_chain_commit says how many were written. */
char *sn_chain_reserve(struct sn_chain *c, size_t n);
void sn_chain_commit(struct sn_chain *c, size_t n);
/* Share [off, off+n) of a block. */
void sn_chain_add(struct sn_chain *c, struct sn_block *block, off_t off, size_t n);
/* Memory that outlives the process's use of it (string literals, mapped tables): no copy. */
void sn_chain_add_static(struct sn_chain *c, struct sn_str s);
/* Move all (or the first n bytes) of src to the end of dst without copying. */
void sn_chain_move(struct sn_chain *dst, struct sn_chain *src, size_t n);
/* Up to max leading memory slices for writev; 0 when empty or when a file range is first. */
size_t sn_chain_iovec(const struct sn_chain *c, struct iovec *iov, size_t max);
/* The first slice if it is a file range, else NULL. */
const struct sn_slice *sn_chain_file(const struct sn_chain *c);
/* The first memory slice as a view (empty: none). */
struct sn_str sn_chain_front(const struct sn_chain *c);
/* The first n bytes were written out. */
void sn_chain_consume(struct sn_chain *c, size_t n);
/* Copy up to n bytes from the front into mem (memory slices only); how many. For tests and TLS. */
size_t sn_chain_peek(const struct sn_chain *c, void *mem, size_t n);

#endif
