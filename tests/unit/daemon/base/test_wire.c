#include "daemon/base/wire.h"

#include "daemon/base/mem.h"
#include "tests/support/death.h"
#include "tests/support/split.h"
#include "tests/unit/daemon/base/suites.h"

static const char sample[] = "\x81"
			     "\x82\x03"
			     "\x84\x05\x06"
			     "\x87\x08\x09\x0a"
			     "\x8b\x0c\x0d\x0e\x0f\x10\x11\x12"
			     "\x02hi"
			     "\x00\x03"
			     "abc"
			     "\x00\x00\x00\x01z"
			     "xyz";
#define SAMPLE sn_str_n(sample, sizeof(sample) - 1)

static void read_sample(struct sn_reader *r)
{
	ck_assert_uint_eq(sn_read_u8(r), 0x81);
	ck_assert_uint_eq(sn_read_u16(r), 0x8203);
	ck_assert_uint_eq(sn_read_u24(r), 0x840506);
	ck_assert_uint_eq(sn_read_u32(r), 0x8708090a);
	ck_assert_uint_eq(sn_read_u64(r), UINT64_C(0x8b0c0d0e0f101112));
	ck_assert_str_view(sn_read_str8(r), "hi");
	ck_assert_str_view(sn_read_str16(r), "abc");
	ck_assert_str_view(sn_read_str32(r), "z");
	ck_assert_uint_eq(sn_reader_left(r), 3);
	sn_read_skip(r, 1);
	ck_assert_str_view(sn_read_bytes(r, 2), "yz");
}

START_TEST(reads_every_kind)
{
	struct sn_reader r = sn_reader(SAMPLE);

	read_sample(&r);
	ck_assert_int_eq(r.err, SN_OK);
	ck_assert_uint_eq(sn_reader_left(&r), 0);
}
END_TEST

/* After the error: zero, empty, and no move. */
static void check_dead(struct sn_reader *r, int err)
{
	const size_t pos = r->pos;

	ck_assert_int_eq(r->err, err);
	ck_assert_uint_eq(sn_read_u8(r) + sn_read_u16(r) + sn_read_u24(r) + sn_read_u32(r), 0);
	ck_assert_uint_eq(sn_read_u64(r), 0);
	ck_assert_uint_eq(sn_read_bytes(r, 0).n, 0);
	ck_assert_uint_eq(sn_read_str8(r).n + sn_read_str16(r).n + sn_read_str32(r).n, 0);
	sn_read_skip(r, 0);
	sn_read_seek(r, 0);
	ck_assert_uint_eq(r->pos, pos);
	ck_assert_uint_eq(sn_reader_left(r), 0);
	ck_assert_int_eq(r->err, err);
}

static void feed_begin(struct sn_split_feed *feed)
{
	(void)feed;
}

/* Read a truncated sample through: exactly one error, and only for want of bytes. */
static void feed_piece(struct sn_split_feed *feed, struct sn_str piece)
{
	struct sn_reader r = sn_reader(piece);

	(void)feed;
	(void)sn_read_u8(&r);
	(void)sn_read_u16(&r);
	(void)sn_read_u24(&r);
	(void)sn_read_u32(&r);
	(void)sn_read_u64(&r);
	(void)sn_read_str8(&r);
	(void)sn_read_str16(&r);
	(void)sn_read_str32(&r);
	(void)sn_read_bytes(&r, 3);
	ck_assert_uint_le(r.pos, piece.n);
	check_dead(&r, SN_EEOF);
}

static void feed_end(struct sn_split_feed *feed, bool whole)
{
	(void)feed;
	ck_assert(!whole);
}

START_TEST(every_truncation_is_an_error)
{
	struct sn_split_feed feed = { feed_begin, feed_piece, feed_end };

	sn_test_every_truncation(&feed, SAMPLE);
}
END_TEST

START_TEST(first_error_stays)
{
	struct sn_reader r = sn_reader(SN_STR("ab"));

	(void)sn_read_u8(&r);
	sn_reader_fail(&r, SN_EPROTO);
	sn_reader_fail(&r, SN_ESYNTAX);
	check_dead(&r, SN_EPROTO);
}
END_TEST

START_TEST(lengths_that_lie)
{
	static const struct sn_str lies[] = {
		SN_STR("\xff"
		       "abc"),
		SN_STR("\xff\xff"
		       "abc"),
		SN_STR("\xff\xff\xff\xff"
		       "abc"),
	};
	struct sn_reader r = sn_reader(lies[0]);

	ck_assert_uint_eq(sn_read_str8(&r).n, 0);
	check_dead(&r, SN_EEOF);
	r = sn_reader(lies[1]);
	ck_assert_uint_eq(sn_read_str16(&r).n, 0);
	check_dead(&r, SN_EEOF);
	r = sn_reader(lies[2]);
	ck_assert_uint_eq(sn_read_str32(&r).n, 0);
	check_dead(&r, SN_EEOF);
	r = sn_reader(lies[0]);
	sn_read_skip(&r, 1);
	sn_read_skip(&r, SIZE_MAX);
	check_dead(&r, SN_EEOF);
}
END_TEST

START_TEST(seek)
{
	struct sn_reader r = sn_reader(SN_STR("abc"));

	sn_read_seek(&r, 3);
	ck_assert_uint_eq(sn_reader_left(&r), 0);
	sn_read_seek(&r, 1);
	ck_assert_uint_eq(sn_read_u8(&r), 'b');
	sn_read_seek(&r, 4);
	check_dead(&r, SN_EEOF);
}
END_TEST

static void write_sample(struct sn_writer *w)
{
	sn_write_u8(w, 0x81);
	sn_write_u16(w, 0x8203);
	sn_write_u24(w, 0x840506);
	sn_write_u32(w, 0x8708090a);
	sn_write_u64(w, UINT64_C(0x8b0c0d0e0f101112));
	sn_write_str8(w, SN_STR("hi"));
	sn_write_str16(w, SN_STR("abc"));
	sn_write_str32(w, SN_STR("z"));
	sn_write_bytes(w, SN_STR("xyz"));
}

START_TEST(writes_every_kind)
{
	char mem[sizeof(sample) - 1];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	write_sample(&w);
	ck_assert_int_eq(w.err, SN_OK);
	ck_assert_uint_eq(sn_writer_str(&w).n, sizeof(mem));
	ck_assert_mem_eq(mem, sample, sizeof(mem));
}
END_TEST

/* In exactly sized memory, so that a sanitizer sees a byte too many. */
START_TEST(too_little_room_at_every_size)
{
	for (size_t size = 0; size < sizeof(sample) - 1; size++) {
		char *mem = sn_alloc(size);
		struct sn_writer w = sn_writer(mem, size);
		size_t n;

		write_sample(&w);
		ck_assert_int_eq(w.err, SN_ELIMIT);
		ck_assert_uint_le(w.n, size);
		ck_assert_mem_eq(mem, sample, w.n);
		n = w.n;
		sn_write_bytes(&w, SN_STR(""));
		sn_write_u16_at(&w, 0, 0xffff);
		ck_assert_uint_eq(w.n, n);
		ck_assert_mem_eq(mem, sample, w.n);
		sn_free(mem);
	}
}
END_TEST

START_TEST(length_and_bytes_or_neither)
{
	for (size_t size = 0; size < 6; size++) {
		char mem[6];
		struct sn_writer w = sn_writer(mem, size);

		sn_write_str32(&w, SN_STR("hi"));
		ck_assert_int_eq(w.err, SN_ELIMIT);
		ck_assert_uint_eq(w.n, 0);
	}
}
END_TEST

START_TEST(values_too_large_for_their_field)
{
	static char big[65536];
	static char mem[70000];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_str8(&w, sn_str_n(big, 255));
	sn_write_str16(&w, sn_str_n(big, 65535));
	sn_write_u24(&w, 0xffffff);
	ck_assert_int_eq(w.err, SN_OK);
	w = sn_writer(mem, sizeof(mem));
	sn_write_str8(&w, sn_str_n(big, 256));
	ck_assert_int_eq(w.err, SN_ELIMIT);
	w = sn_writer(mem, sizeof(mem));
	sn_write_str16(&w, sn_str_n(big, 65536));
	ck_assert_int_eq(w.err, SN_ELIMIT);
	w = sn_writer(mem, sizeof(mem));
	sn_write_u24(&w, 0x1000000);
	ck_assert_int_eq(w.err, SN_ELIMIT);
	ck_assert_uint_eq(w.n, 0);
}
END_TEST

START_TEST(lengths_filled_in_later)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u16(&w, 0);
	sn_write_u32(&w, 0);
	sn_write_u16(&w, 7);
	sn_write_u16_at(&w, 0, 0x0102);
	sn_write_u32_at(&w, 2, 0x03040506);
	ck_assert_mem_eq(mem, "\1\2\3\4\5\6\0\7", 8);
}
END_TEST

static void overwrite_beyond(void)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u16(&w, 0);
	sn_write_u16_at(&w, 1, 0);
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(overwrite_beyond, "width <= w->n - pos"));
}
END_TEST

START_TEST(packs_into_a_builder)
{
	struct sn_strbuf out;
	struct sn_reader r;
	size_t place;

	sn_strbuf_init(&out, 1000);
	sn_pack_u8(&out, 0x12);
	sn_pack_u16(&out, 0x1234);
	sn_pack_u32(&out, 0x12345678);
	sn_pack_u64(&out, 0x123456789abcdef0);
	sn_pack_str8(&out, SN_STR("a"));
	sn_pack_str16(&out, SN_STR("bc"));
	sn_pack_str32(&out, SN_STR("def"));
	place = sn_pack_begin32(&out);
	sn_strbuf_adds(&out, "later");
	sn_pack_end32(&out, place);
	ck_assert_int_eq(out.err, SN_OK);
	r = sn_reader(sn_strbuf_str(&out));
	ck_assert_uint_eq(sn_read_u8(&r), 0x12);
	ck_assert_uint_eq(sn_read_u16(&r), 0x1234);
	ck_assert_uint_eq(sn_read_u32(&r), 0x12345678);
	ck_assert_uint_eq(sn_read_u64(&r), 0x123456789abcdef0);
	ck_assert(sn_str_eq(sn_read_str8(&r), SN_STR("a")));
	ck_assert(sn_str_eq(sn_read_str16(&r), SN_STR("bc")));
	ck_assert(sn_str_eq(sn_read_str32(&r), SN_STR("def")));
	ck_assert(sn_str_eq(sn_read_str32(&r), SN_STR("later")));
	ck_assert_uint_eq(sn_reader_left(&r), 0);
	ck_assert_int_eq(r.err, SN_OK);
	sn_strbuf_fini(&out);
}
END_TEST

START_TEST(what_does_not_fit_a_builder)
{
	static char text[256];
	struct sn_strbuf out;
	size_t place;

	sn_strbuf_init(&out, 1000);
	sn_pack_str8(&out, sn_str_n(text, 256));
	ck_assert_int_eq(out.err, SN_ELIMIT);
	sn_strbuf_fini(&out);
	sn_strbuf_init(&out, 6);
	place = sn_pack_begin32(&out);
	sn_strbuf_adds(&out, "abc");
	sn_pack_end32(&out, place);
	ck_assert_int_eq(out.err, SN_ELIMIT);
	sn_strbuf_fini(&out);
}
END_TEST

Suite *sn_suite_wire(void)
{
	Suite *suite = suite_create("base/wire");
	TCase *tc = tcase_create("wire");

	tcase_add_test(tc, reads_every_kind);
	tcase_add_test(tc, every_truncation_is_an_error);
	tcase_add_test(tc, first_error_stays);
	tcase_add_test(tc, lengths_that_lie);
	tcase_add_test(tc, seek);
	tcase_add_test(tc, writes_every_kind);
	tcase_add_test(tc, too_little_room_at_every_size);
	tcase_add_test(tc, length_and_bytes_or_neither);
	tcase_add_test(tc, values_too_large_for_their_field);
	tcase_add_test(tc, lengths_filled_in_later);
	tcase_add_test(tc, packs_into_a_builder);
	tcase_add_test(tc, what_does_not_fit_a_builder);
	tcase_add_test(tc, misuse_dies);
	suite_add_tcase(suite, tc);
	return suite;
}
