#include "daemon/base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "daemon/base/assert.h"

SN_NORETURN static void die_out_of_memory(const char *func, size_t count, size_t size)
{
	char text[96];

	snprintf(text, sizeof(text), "out of memory (%zu x %zu bytes)", count, size);
	sn_assert_failed(text, __FILE__, __LINE__, func);
}

void *sn_alloc(size_t size)
{
	void *ptr = malloc(size > 0 ? size : 1);

	if (ptr == NULL)
		die_out_of_memory(__func__, 1, size);
	return ptr;
}

void *sn_alloc_zero(size_t size)
{
	return sn_alloc_array(1, size);
}

void *sn_alloc_array(size_t count, size_t size)
{
	const bool empty = count == 0 || size == 0;
	void *ptr = empty ? calloc(1, 1) : calloc(count, size);

	if (ptr == NULL)
		die_out_of_memory(__func__, count, size);
	return ptr;
}

void *sn_realloc(void *ptr, size_t size)
{
	return sn_realloc_array(ptr, 1, size);
}

void *sn_realloc_array(void *ptr, size_t count, size_t size)
{
	const bool empty = count == 0 || size == 0;
	/* realloc(p, 0) may free p and return NULL. */
	void *moved = empty ? realloc(ptr, 1) : reallocarray(ptr, count, size);

	if (moved == NULL)
		die_out_of_memory(__func__, count, size);
	return moved;
}

void sn_free(void *ptr)
{
	free(ptr);
}

void sn_alloc_share_heap(void)
{
	/* Refused only by a libc without such heaps: then there is nothing to share. */
	(void)mallopt(M_ARENA_MAX, 1);
}

char *sn_strdup(const char *text)
{
	return sn_str_dup(sn_str(text));
}

char *sn_str_dup(struct sn_str s)
{
	char *copy;

	sn_assert(s.n < SIZE_MAX);
	copy = sn_alloc(s.n + 1);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *sn_asprintf(const char *fmt, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	sn_assert(n >= 0);
	return text;
}

void sn_wipe(void *ptr, size_t size)
{
	if (size > 0)
		explicit_bzero(ptr, size);
}

bool sn_equal_const_time(const void *a, const void *b, size_t size)
{
	/* volatile: the compiler may not stop at the first difference. */
	const volatile unsigned char *x = a, *y = b;
	unsigned char diff = 0;

	for (size_t i = 0; i < size; i++)
		diff |= (unsigned char)(x[i] ^ y[i]);
	return diff == 0;
}

void sn_random(void *ptr, size_t size)
{
	char *p = ptr;

	while (size > 0) {
		ssize_t n = getrandom(p, size, 0);

		sn_assert(n > 0 || errno == EINTR);
		if (n < 0)
			continue;
		p += n;
		size -= (size_t)n;
	}
}
