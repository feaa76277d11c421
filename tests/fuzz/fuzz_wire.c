/* Wire cursors: a program of reads taken from the input itself never leaves it, and what a writer
 * wrote a reader reads back. */
#include <stdint.h>

#include "daemon/base/assert.h"
#include "daemon/base/framer.h"
#include "daemon/base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(struct sn_str all, struct sn_str view)
{
	sn_assert(view.n == 0 || (view.p >= all.p && view.p + view.n <= all.p + all.n));
}

static void read_some(struct sn_reader *r, uint8_t op)
{
	switch (op % 9) {
	case 0:
		(void)sn_read_u8(r);
		break;
	case 1:
		(void)sn_read_u16(r);
		break;
	case 2:
		(void)sn_read_u24(r);
		break;
	case 3:
		(void)sn_read_u32(r);
		break;
	case 4:
		(void)sn_read_u64(r);
		break;
	case 5:
		check_view(r->data, sn_read_str8(r));
		break;
	case 6:
		check_view(r->data, sn_read_str16(r));
		break;
	case 7:
		check_view(r->data, sn_read_str32(r));
		break;
	default:
		check_view(r->data, sn_read_bytes(r, op));
		break;
	}
}

static void round_trip(struct sn_str s)
{
	char mem[600];
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_reader r;

	sn_write_u16(&w, (uint16_t)s.n);
	sn_write_str8(&w, s);
	sn_write_str16(&w, s);
	if (w.err != SN_OK)
		return;
	r = sn_reader(sn_writer_str(&w));
	sn_assert(sn_read_u16(&r) == (uint16_t)s.n);
	sn_assert(sn_str_eq(sn_read_str8(&r), s));
	sn_assert(sn_str_eq(sn_read_str16(&r), s));
	sn_assert(r.err == SN_OK && sn_reader_left(&r) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_str in = sn_str_n(data, size);
	struct sn_reader r = sn_reader(in);
	struct sn_str body;
	size_t used;

	for (size_t i = 0; i < size && i < 64; i++)
		read_some(&r, data[i]);
	for (unsigned width = 1; width <= 4; width *= 2) {
		if (sn_frame_length(width, 1024, in, &body, &used) == SN_OK)
			check_view(in, body);
	}
	round_trip(in);
	return 0;
}
