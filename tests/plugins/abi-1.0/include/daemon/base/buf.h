/*
 * Input buffer: contiguous bytes received and not yet consumed, with a limit.
 *
 * An idle connection holds no memory here: a reader lends the loop's scratch area, the parser
 * consumes views of it, and sn_buf_settle copies what is left (usually nothing) into memory of
 * the buffer's own. Views into the buffer are valid until the next lend, reserve, consume, settle.
 *
 *   sn_buf_lend(b, scratch, size)  an empty buffer borrows memory until settle
 *   sn_buf_reserve(b, n, &p)       room for n more bytes at p, growing own memory up to the limit
 *   sn_buf_commit(b, n)            n bytes were written there
 *   sn_buf_view(b) / consume(b, n) what is there / the first n are done with
 *   sn_buf_settle(b)               end of the turn: keep leftovers, give borrowed memory back
 */
#ifndef SN_DAEMON_BASE_BUF_H
#define SN_DAEMON_BASE_BUF_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

struct sn_buf {
	char *p;         /* start of the memory in use, own or lent */
	uint32_t off, n; /* unread bytes are p[off .. off+n) */
	uint32_t cap;
	uint32_t max; /* most unread bytes */
	bool lent;
};

void sn_buf_init(struct sn_buf *b, size_t max);
void sn_buf_fini(struct sn_buf *b);
/* Change the limit; what is already there stays. */
void sn_buf_set_max(struct sn_buf *b, size_t max);
/* Only when empty and not lent (asserted); sees at most max of it. */
void sn_buf_lend(struct sn_buf *b, void *mem, size_t size);
/*
 * At least one and up to want bytes of room: *p_r, *n_r. SN_ELIMIT when max unread bytes are
 * there already. Lent memory that is full is left for own memory.
 */
int sn_buf_reserve(struct sn_buf *b, size_t want, char **p_r, size_t *n_r) SN_WARN_UNUSED;
void sn_buf_commit(struct sn_buf *b, size_t n);
int sn_buf_append(struct sn_buf *b, struct sn_str s) SN_WARN_UNUSED;
void sn_buf_consume(struct sn_buf *b, size_t n);
void sn_buf_settle(struct sn_buf *b);
void sn_buf_clear(struct sn_buf *b);

static inline struct sn_str sn_buf_view(const struct sn_buf *b)
{
	return (struct sn_str){ b->p ? b->p + b->off : "", b->n };
}

#endif
