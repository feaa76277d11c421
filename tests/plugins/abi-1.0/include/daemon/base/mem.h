/*
 * Heap allocation for what the program itself sizes: these never return NULL; out of memory ends
 * the worker with a message. What a peer sizes goes through sn_buf, sn_chain or sn_strbuf, whose
 * limits come from the configuration and whose functions return SN_ELIMIT.
 *
 * Ownership: the caller frees with sn_free. No other file calls malloc/free directly
 * (tests/tools/check_layers.sh looks), so that one place can count and inject failures.
 */
#ifndef SN_DAEMON_BASE_MEM_H
#define SN_DAEMON_BASE_MEM_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

void *sn_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *sn_alloc_zero(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
/* count * size, dying on overflow; zeroed. */
void *sn_alloc_array(size_t count, size_t size)
	__attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *sn_realloc(void *ptr, size_t size) __attribute__((alloc_size(2), returns_nonnull));
void *sn_realloc_array(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull));
void sn_free(void *ptr); /* NULL is fine */
char *sn_strdup(const char *text) __attribute__((malloc, returns_nonnull));
/* NUL-terminated copy of a view. */
char *sn_str_dup(struct sn_str s) __attribute__((malloc, returns_nonnull));
char *sn_asprintf(const char *fmt, ...) SN_PRINTF(1, 2) __attribute__((malloc, returns_nonnull));

/*
 * All threads share one heap from now on; before threads start. What a pool thread allocates the
 * loop frees: with a heap per thread each is left full of holes (an idle TLS connection then
 * holds 18.3 instead of 15.7 kB).
 */
void sn_alloc_share_heap(void);

/* Overwrite a secret so that the compiler cannot leave it out. */
void sn_wipe(void *ptr, size_t size);
/* Equality in time that depends on the length only. */
bool sn_equal_const_time(const void *a, const void *b, size_t size);
/* Bytes from the kernel's generator; dies if there are none. */
void sn_random(void *ptr, size_t size);

#endif
