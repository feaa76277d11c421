/*
 * String builder with a sticky error: append freely, look at the result once. Over a fixed array
 * (no heap, SN_ELIMIT when full) or growing on the heap up to a limit. The text is always
 * NUL-terminated; after an error it holds what fitted.
 *
 * Ownership: the caller owns the struct; a growing builder owns its memory until
 * sn_strbuf_fini or sn_strbuf_take.
 */
#ifndef SN_DAEMON_BASE_STRBUF_H
#define SN_DAEMON_BASE_STRBUF_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

struct sn_strbuf {
	char *p;
	size_t n, cap; /* n bytes of text; cap includes the NUL */
	size_t max;    /* most bytes of text ever */
	int err;       /* SN_OK or SN_ELIMIT */
	bool heap;
};

/* Over caller's memory of size bytes (size >= 1). */
void sn_strbuf_fixed(struct sn_strbuf *b, char *mem, size_t size);
/* Growing; at most max bytes of text. Nothing is allocated before the first append. */
void sn_strbuf_init(struct sn_strbuf *b, size_t max);
void sn_strbuf_fini(struct sn_strbuf *b);
void sn_strbuf_reset(struct sn_strbuf *b); /* empty, error cleared, memory kept */

void sn_strbuf_add(struct sn_strbuf *b, struct sn_str s);
void sn_strbuf_adds(struct sn_strbuf *b, const char *cstr);
void sn_strbuf_addc(struct sn_strbuf *b, char c);
void sn_strbuf_addf(struct sn_strbuf *b, const char *fmt, ...) SN_PRINTF(2, 3);
void sn_strbuf_addv(struct sn_strbuf *b, const char *fmt, va_list args) SN_PRINTF(2, 0);
void sn_strbuf_addu(struct sn_strbuf *b, uint64_t v); /* decimal, without printf */
/* Printable form for logs: C escapes, \xHH for other control and invalid UTF-8 bytes. */
void sn_strbuf_add_quoted(struct sn_strbuf *b, struct sn_str s);
/* Body of a JSON string (no quotes): escapes, invalid UTF-8 as U+FFFD. */
void sn_strbuf_add_json(struct sn_strbuf *b, struct sn_str s);
void sn_strbuf_truncate(struct sn_strbuf *b, size_t n);

static inline struct sn_str sn_strbuf_str(const struct sn_strbuf *b)
{
	return sn_str_n(b->p, b->n);
}
/* The text as a heap string the caller frees (growing builders only); the builder is empty. */
char *sn_strbuf_take(struct sn_strbuf *b) SN_WARN_UNUSED;
/* Never NULL, NUL-terminated, valid until the next append. */
const char *sn_strbuf_cstr(const struct sn_strbuf *b);

#endif
