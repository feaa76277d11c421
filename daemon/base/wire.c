#include "daemon/base/wire.h"

#include "daemon/base/assert.h"

void sn_reader_fail(struct sn_reader *r, int err)
{
	if (r->err == SN_OK)
		r->err = err;
}

size_t sn_reader_left(const struct sn_reader *r)
{
	return r->err == SN_OK ? r->data.n - r->pos : 0;
}

struct sn_str sn_read_bytes(struct sn_reader *r, size_t n)
{
	struct sn_str bytes;

	if (n > sn_reader_left(r)) {
		sn_reader_fail(r, SN_EEOF);
		return SN_STR("");
	}
	bytes = sn_str_sub(r->data, r->pos, n);
	r->pos += n;
	return bytes;
}

static uint64_t read_number(struct sn_reader *r, size_t width)
{
	const struct sn_str bytes = sn_read_bytes(r, width);
	uint64_t v = 0;

	for (size_t i = 0; i < bytes.n; i++)
		v = v << 8 | (unsigned char)bytes.p[i];
	return v;
}

uint8_t sn_read_u8(struct sn_reader *r)
{
	return (uint8_t)read_number(r, 1);
}

uint16_t sn_read_u16(struct sn_reader *r)
{
	return (uint16_t)read_number(r, 2);
}

uint32_t sn_read_u24(struct sn_reader *r)
{
	return (uint32_t)read_number(r, 3);
}

uint32_t sn_read_u32(struct sn_reader *r)
{
	return (uint32_t)read_number(r, 4);
}

uint64_t sn_read_u64(struct sn_reader *r)
{
	return read_number(r, 8);
}

struct sn_str sn_read_str8(struct sn_reader *r)
{
	return sn_read_bytes(r, sn_read_u8(r));
}

struct sn_str sn_read_str16(struct sn_reader *r)
{
	return sn_read_bytes(r, sn_read_u16(r));
}

struct sn_str sn_read_str32(struct sn_reader *r)
{
	return sn_read_bytes(r, sn_read_u32(r));
}

void sn_read_skip(struct sn_reader *r, size_t n)
{
	(void)sn_read_bytes(r, n);
}

void sn_read_seek(struct sn_reader *r, size_t pos)
{
	if (pos > r->data.n)
		sn_reader_fail(r, SN_EEOF);
	else if (r->err == SN_OK)
		r->pos = pos;
}

/* Where n bytes go, already counted as written; NULL after an error. */
static char *claim(struct sn_writer *w, size_t n)
{
	char *at = w->p + w->n;

	if (w->err == SN_OK && n > w->cap - w->n)
		w->err = SN_ELIMIT;
	if (w->err != SN_OK)
		return NULL;
	w->n += n;
	return at;
}

static void put_number(char *at, uint64_t v, size_t width)
{
	for (size_t i = width; i-- > 0; v >>= 8)
		at[i] = (char)(v & 0xff);
}

static void write_number(struct sn_writer *w, uint64_t v, size_t width)
{
	char *at = claim(w, width);

	if (at != NULL)
		put_number(at, v, width);
}

void sn_write_u8(struct sn_writer *w, uint8_t v)
{
	write_number(w, v, 1);
}

void sn_write_u16(struct sn_writer *w, uint16_t v)
{
	write_number(w, v, 2);
}

void sn_write_u24(struct sn_writer *w, uint32_t v)
{
	if (v > 0xffffff && w->err == SN_OK)
		w->err = SN_ELIMIT;
	write_number(w, v, 3);
}

void sn_write_u32(struct sn_writer *w, uint32_t v)
{
	write_number(w, v, 4);
}

void sn_write_u64(struct sn_writer *w, uint64_t v)
{
	write_number(w, v, 8);
}

void sn_write_bytes(struct sn_writer *w, struct sn_str s)
{
	char *at = claim(w, s.n);

	if (at != NULL && s.n > 0)
		memcpy(at, s.p, s.n);
}

/* The length field and the bytes, or neither. */
static void write_str(struct sn_writer *w, struct sn_str s, size_t width, size_t max)
{
	const size_t left = w->cap - w->n;

	if (w->err == SN_OK && (s.n > max || left < width || s.n > left - width))
		w->err = SN_ELIMIT;
	write_number(w, s.n, width);
	sn_write_bytes(w, s);
}

void sn_write_str8(struct sn_writer *w, struct sn_str s)
{
	write_str(w, s, 1, UINT8_MAX);
}

void sn_write_str16(struct sn_writer *w, struct sn_str s)
{
	write_str(w, s, 2, UINT16_MAX);
}

void sn_write_str32(struct sn_writer *w, struct sn_str s)
{
	write_str(w, s, 4, UINT32_MAX);
}

static void overwrite(struct sn_writer *w, size_t pos, uint64_t v, size_t width)
{
	if (w->err != SN_OK)
		return;
	sn_assert(pos <= w->n && width <= w->n - pos);
	put_number(w->p + pos, v, width);
}

void sn_write_u16_at(struct sn_writer *w, size_t pos, uint16_t v)
{
	overwrite(w, pos, v, 2);
}

void sn_write_u32_at(struct sn_writer *w, size_t pos, uint32_t v)
{
	overwrite(w, pos, v, 4);
}

/* --- into a builder ------------------------------------------------------------------------- */

static void pack_number(struct sn_strbuf *out, uint64_t v, size_t width)
{
	char text[8];

	put_number(text, v, width);
	sn_strbuf_add(out, sn_str_n(text, width));
}

void sn_pack_u8(struct sn_strbuf *out, uint8_t v)
{
	pack_number(out, v, 1);
}

void sn_pack_u16(struct sn_strbuf *out, uint16_t v)
{
	pack_number(out, v, 2);
}

void sn_pack_u32(struct sn_strbuf *out, uint32_t v)
{
	pack_number(out, v, 4);
}

void sn_pack_u64(struct sn_strbuf *out, uint64_t v)
{
	pack_number(out, v, 8);
}

static void pack_str(struct sn_strbuf *out, struct sn_str s, size_t width, size_t max)
{
	if (s.n > max && out->err == SN_OK)
		out->err = SN_ELIMIT;
	pack_number(out, s.n, width);
	sn_strbuf_add(out, s);
}

void sn_pack_str8(struct sn_strbuf *out, struct sn_str s)
{
	pack_str(out, s, 1, UINT8_MAX);
}

void sn_pack_str16(struct sn_strbuf *out, struct sn_str s)
{
	pack_str(out, s, 2, UINT16_MAX);
}

void sn_pack_str32(struct sn_strbuf *out, struct sn_str s)
{
	pack_str(out, s, 4, UINT32_MAX);
}

size_t sn_pack_begin32(struct sn_strbuf *out)
{
	sn_pack_u32(out, 0);
	return out->n;
}

void sn_pack_end32(struct sn_strbuf *out, size_t place)
{
	if (out->n - place > UINT32_MAX && out->err == SN_OK)
		out->err = SN_ELIMIT;
	if (out->err == SN_OK)
		put_number(out->p + place - 4, out->n - place, 4);
}
