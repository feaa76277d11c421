/*
 * Arena: many small allocations that die together (a connection's, a request's, a configuration
 * snapshot's). Freed in one go; cleanups run first, newest first. Not thread-safe. Sizes a peer
 * controls must be limited before they come here.
 */
#ifndef SN_DAEMON_BASE_POOL_H
#define SN_DAEMON_BASE_POOL_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

struct sn_pool;

/* Embedded in what needs cleaning up; run by sn_pool_free. */
struct sn_pool_cleanup {
	struct sn_pool_cleanup *next;
	void (*fn)(struct sn_pool_cleanup *self);
};

struct sn_pool *sn_pool_new(size_t block_size); /* 0: a sensible default */
void sn_pool_free(struct sn_pool **pool);
void *sn_pool_alloc(struct sn_pool *pool, size_t size); /* aligned for any type */
void *sn_pool_alloc_zero(struct sn_pool *pool, size_t size);
struct sn_str sn_pool_str(struct sn_pool *pool, struct sn_str s); /* NUL-terminated copy */
char *sn_pool_strdup(struct sn_pool *pool, struct sn_str s);
char *sn_pool_printf(struct sn_pool *pool, const char *fmt, ...) SN_PRINTF(2, 3);
void sn_pool_on_free(struct sn_pool *pool, struct sn_pool_cleanup *cleanup);
size_t sn_pool_size(const struct sn_pool *pool); /* bytes held from the heap */

#endif
