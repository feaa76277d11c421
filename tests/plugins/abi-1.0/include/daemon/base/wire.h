/*
 * Big-endian cursors with a sticky error: read or write field after field, look at err once.
 * After an error reads give zero, views are empty, and nothing moves. No pointer arithmetic on
 * peer data is needed outside this file.
 */
#ifndef SN_DAEMON_BASE_WIRE_H
#define SN_DAEMON_BASE_WIRE_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/base/strbuf.h"

struct sn_reader {
	struct sn_str data;
	size_t pos;
	int err; /* SN_OK, SN_EEOF (too short) or what sn_reader_fail set */
};

static inline struct sn_reader sn_reader(struct sn_str data)
{
	return (struct sn_reader){ .data = data };
}
void sn_reader_fail(struct sn_reader *r, int err); /* the first error stays */
uint8_t sn_read_u8(struct sn_reader *r);
uint16_t sn_read_u16(struct sn_reader *r);
uint32_t sn_read_u24(struct sn_reader *r);
uint32_t sn_read_u32(struct sn_reader *r);
uint64_t sn_read_u64(struct sn_reader *r);
struct sn_str sn_read_bytes(struct sn_reader *r, size_t n);
struct sn_str sn_read_str8(struct sn_reader *r); /* u8 length, then bytes */
struct sn_str sn_read_str16(struct sn_reader *r);
struct sn_str sn_read_str32(struct sn_reader *r);
void sn_read_skip(struct sn_reader *r, size_t n);
void sn_read_seek(struct sn_reader *r, size_t pos);
size_t sn_reader_left(const struct sn_reader *r);

/* Over caller's memory; SN_ELIMIT when it does not fit. */
struct sn_writer {
	char *p;
	size_t n, cap;
	int err;
};

static inline struct sn_writer sn_writer(void *mem, size_t cap)
{
	return (struct sn_writer){ .p = (char *)mem, .cap = cap };
}
void sn_write_u8(struct sn_writer *w, uint8_t v);
void sn_write_u16(struct sn_writer *w, uint16_t v);
void sn_write_u24(struct sn_writer *w, uint32_t v);
void sn_write_u32(struct sn_writer *w, uint32_t v);
void sn_write_u64(struct sn_writer *w, uint64_t v);
void sn_write_bytes(struct sn_writer *w, struct sn_str s);
void sn_write_str8(struct sn_writer *w, struct sn_str s); /* SN_ELIMIT over 255 bytes, and so on */
void sn_write_str16(struct sn_writer *w, struct sn_str s);
void sn_write_str32(struct sn_writer *w, struct sn_str s);
/* Overwrite two bytes written earlier (a length known only later). */
void sn_write_u16_at(struct sn_writer *w, size_t pos, uint16_t v);
void sn_write_u32_at(struct sn_writer *w, size_t pos, uint32_t v);
/* The same at the end of a growing builder; SN_ELIMIT sticks to it. */
void sn_pack_u8(struct sn_strbuf *out, uint8_t v);
void sn_pack_u16(struct sn_strbuf *out, uint16_t v);
void sn_pack_u32(struct sn_strbuf *out, uint32_t v);
void sn_pack_u64(struct sn_strbuf *out, uint64_t v);
void sn_pack_str8(struct sn_strbuf *out, struct sn_str s);
void sn_pack_str16(struct sn_strbuf *out, struct sn_str s);
void sn_pack_str32(struct sn_strbuf *out, struct sn_str s);
/* A length of 32 bits that is known only later: begin returns its place for end. */
size_t sn_pack_begin32(struct sn_strbuf *out);
void sn_pack_end32(struct sn_strbuf *out, size_t place);
static inline struct sn_str sn_writer_str(const struct sn_writer *w)
{
	return sn_str_n(w->p, w->n);
}

#endif
