#include "daemon/base/text.h"

#include "daemon/base/clock.h"
#include "daemon/base/mem.h"
#include "tests/support/unit.h"

Suite *sn_suite_text(void);

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define V(literal) SN_STR("" literal)

/* A heap copy of exactly its size, so that a sanitizer sees any read past the view. */
static struct sn_str exact(struct sn_str s)
{
	char *copy = sn_alloc(s.n);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return sn_str_n(copy, s.n);
}

static void drop(struct sn_str s)
{
	sn_free((char *)(uintptr_t)s.p);
}

static const struct {
	const char *text;
	unsigned base;
	uint64_t max;
	int result;
	uint64_t value;
} numbers[] = {
	{ "0", 10, UINT64_MAX, SN_OK, 0 },
	{ "007", 10, UINT64_MAX, SN_OK, 7 },
	{ "18446744073709551615", 10, UINT64_MAX, SN_OK, UINT64_MAX },
	{ "18446744073709551616", 10, UINT64_MAX, SN_ERANGE, 0 },
	{ "18446744073709551620", 10, UINT64_MAX, SN_ERANGE, 0 },
	{ "28446744073709551615", 10, UINT64_MAX, SN_ERANGE, 0 },
	{ "99999999999999999999999999", 10, UINT64_MAX, SN_ERANGE, 0 },
	{ "99999999999999999999999999x", 10, UINT64_MAX, SN_ENUMBER, 0 },
	{ "65535", 10, 65535, SN_OK, 65535 },
	{ "65536", 10, 65535, SN_ERANGE, 0 },
	{ "5", 10, 4, SN_ERANGE, 0 },
	{ "0", 10, 0, SN_OK, 0 },
	{ "00", 10, 0, SN_OK, 0 },
	{ "1", 10, 0, SN_ERANGE, 0 },
	{ "", 10, 10, SN_ENUMBER, 0 },
	{ "+1", 10, 10, SN_ENUMBER, 0 },
	{ "-1", 10, 10, SN_ENUMBER, 0 },
	{ "-0", 10, 10, SN_ENUMBER, 0 },
	{ " 1", 10, 10, SN_ENUMBER, 0 },
	{ "1 ", 10, 10, SN_ENUMBER, 0 },
	{ "1a", 10, 10, SN_ENUMBER, 0 },
	{ "1/", 10, 10, SN_ENUMBER, 0 },
	{ "1:", 10, 10, SN_ENUMBER, 0 },
	{ "0x1", 16, 10, SN_ENUMBER, 0 },
	{ "ffffffffffffffff", 16, UINT64_MAX, SN_OK, UINT64_MAX },
	{ "FfFf", 16, UINT64_MAX, SN_OK, 0xffff },
	{ "10000000000000000", 16, UINT64_MAX, SN_ERANGE, 0 },
	{ "g", 16, UINT64_MAX, SN_ENUMBER, 0 },
	{ "@", 16, UINT64_MAX, SN_ENUMBER, 0 },
	{ "`", 16, UINT64_MAX, SN_ENUMBER, 0 },
	{ "G", 16, UINT64_MAX, SN_ENUMBER, 0 },
	{ "0755", 8, 07777, SN_OK, 0755 },
	{ "8", 8, 07777, SN_ENUMBER, 0 },
	{ "101", 2, UINT64_MAX, SN_OK, 5 },
	{ "2", 2, UINT64_MAX, SN_ENUMBER, 0 },
};

START_TEST(test_parse_base)
{
	uint64_t v = 0xbad;
	const struct sn_str s = exact(sn_str(numbers[_i].text));
	ck_assert_int_eq(
		sn_parse_base(s, numbers[_i].base, numbers[_i].max, &v), numbers[_i].result);
	ck_assert_uint_eq(v, numbers[_i].result == SN_OK ? numbers[_i].value : 0xbad);
	drop(s);
}
END_TEST

START_TEST(test_parse_nul_is_no_end)
{
	uint64_t v;
	int64_t i;
	ck_assert_int_eq(sn_parse_u64(V("1\0002"), 100, &v), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_u64(V("1\0"), 100, &v), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_i64(V("-1\0"), -100, 100, &i), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_size(V("1kB\0"), &v), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_duration(V("1s\0"), &i), SN_ENUMBER);
}
END_TEST

START_TEST(test_parse_null_view)
{
	uint64_t v;
	int64_t i;
	size_t n = 1;
	ck_assert_int_eq(sn_parse_u64(SN_STR_NULL, 100, &v), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_i64(SN_STR_NULL, 0, 100, &i), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_size(SN_STR_NULL, &v), SN_ENUMBER);
	ck_assert_int_eq(sn_parse_duration(SN_STR_NULL, &i), SN_ENUMBER);
	ck_assert_int_eq(sn_hex_decode(SN_STR_NULL, NULL, 0, &n), SN_OK);
	ck_assert_uint_eq(n, 0);
	n = 1;
	ck_assert_int_eq(sn_base64_decode(SN_STR_NULL, NULL, 0, &n), SN_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert(sn_utf8_valid(SN_STR_NULL));
}
END_TEST

static const struct {
	const char *text;
	int64_t min, max;
	int result;
	int64_t value;
} integers[] = {
	{ "0", INT64_MIN, INT64_MAX, SN_OK, 0 },
	{ "-0", INT64_MIN, INT64_MAX, SN_OK, 0 },
	{ "-1", -1, 1, SN_OK, -1 },
	{ "-2", -1, 1, SN_ERANGE, 0 },
	{ "2", -1, 1, SN_ERANGE, 0 },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, SN_OK, INT64_MAX },
	{ "9223372036854775808", INT64_MIN, INT64_MAX, SN_ERANGE, 0 },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, SN_OK, INT64_MIN },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, SN_ERANGE, 0 },
	{ "18446744073709551615", INT64_MIN, INT64_MAX, SN_ERANGE, 0 },
	{ "", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
	{ "-", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
	{ "--1", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
	{ "+1", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
	{ "- 1", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
	{ "1-", INT64_MIN, INT64_MAX, SN_ENUMBER, 0 },
};

START_TEST(test_parse_i64)
{
	int64_t v = 0xbad;
	const struct sn_str s = exact(sn_str(integers[_i].text));
	ck_assert_int_eq(
		sn_parse_i64(s, integers[_i].min, integers[_i].max, &v), integers[_i].result);
	ck_assert_int_eq(v, integers[_i].result == SN_OK ? integers[_i].value : 0xbad);
	drop(s);
}
END_TEST

static const struct {
	const char *text;
	int result;
	uint64_t bytes;
} sizes[] = {
	{ "0", SN_OK, 0 },
	{ "100", SN_OK, 100 },
	{ "100B", SN_OK, 100 },
	{ "500kB", SN_OK, 500000 },
	{ "16KiB", SN_OK, 16384 },
	{ "2MiB", SN_OK, 2097152 },
	{ "2MB", SN_OK, 2000000 },
	{ "1GiB", SN_OK, 1073741824 },
	{ "1GB", SN_OK, 1000000000 },
	{ "1TiB", SN_OK, 1099511627776 },
	{ "1TB", SN_OK, 1000000000000 },
	{ "0GiB", SN_OK, 0 },
	{ "9223372036854775807", SN_OK, INT64_MAX },
	{ "9223372036854775808", SN_ERANGE, 0 },
	{ "8589934591GiB", SN_OK, 9223372035781033984 },
	{ "8589934592GiB", SN_ERANGE, 0 },
	{ "9223372036854775kB", SN_OK, 9223372036854775000 },
	{ "9223372036854776kB", SN_ERANGE, 0 },
	{ "99999999999999999999999TiB", SN_ERANGE, 0 },
	{ "", SN_ENUMBER, 0 },
	{ "B", SN_ENUMBER, 0 },
	{ "KiB", SN_ENUMBER, 0 },
	{ "1 KiB", SN_ENUMBER, 0 },
	{ "1KB", SN_ENUMBER, 0 },
	{ "1kib", SN_ENUMBER, 0 },
	{ "1K", SN_ENUMBER, 0 },
	{ "1k", SN_ENUMBER, 0 },
	{ "1.5MiB", SN_ENUMBER, 0 },
	{ "-1", SN_ENUMBER, 0 },
	{ "1KiBx", SN_ENUMBER, 0 },
	{ "1KiB1", SN_ENUMBER, 0 },
};

START_TEST(test_parse_size)
{
	uint64_t v = 0xbad;
	const struct sn_str s = exact(sn_str(sizes[_i].text));
	ck_assert_int_eq(sn_parse_size(s, &v), sizes[_i].result);
	ck_assert_uint_eq(v, sizes[_i].result == SN_OK ? sizes[_i].bytes : 0xbad);
	drop(s);
}
END_TEST

static const struct {
	const char *text;
	int result;
	int64_t ns;
} durations[] = {
	{ "0", SN_OK, 0 },
	{ "0s", SN_OK, 0 },
	{ "1ns", SN_OK, 1 },
	{ "7us", SN_OK, 7000 },
	{ "250ms", SN_OK, 250000000 },
	{ "30s", SN_OK, SN_SEC(30) },
	{ "5m", SN_OK, SN_SEC(300) },
	{ "2h", SN_OK, SN_SEC(7200) },
	{ "7d", SN_OK, SN_SEC(604800) },
	{ "1h30m", SN_OK, SN_SEC(5400) },
	{ "1d2h3m4s5ms6us7ns", SN_OK, 93784005006007 },
	{ "90m", SN_OK, SN_SEC(5400) },
	{ "1m90s", SN_OK, SN_SEC(150) },
	{ "9223372036854775807ns", SN_OK, INT64_MAX },
	{ "9223372036854775808ns", SN_ERANGE, 0 },
	{ "9223372036s854775807ns", SN_OK, INT64_MAX },
	{ "9223372036s854775808ns", SN_ERANGE, 0 },
	{ "106751d", SN_OK, 9223286400000000000 },
	{ "106752d", SN_ERANGE, 0 },
	{ "106751d106752h", SN_ERANGE, 0 },
	{ "99999999999999999999d", SN_ERANGE, 0 },
	{ "99999999999999999999d1x", SN_ENUMBER, 0 },
	{ "", SN_ENUMBER, 0 },
	{ "00", SN_ENUMBER, 0 },
	{ "1", SN_ENUMBER, 0 },
	{ "s", SN_ENUMBER, 0 },
	{ "1h30", SN_ENUMBER, 0 },
	{ "30m1h", SN_ENUMBER, 0 },
	{ "1h1h", SN_ENUMBER, 0 },
	{ "1 s", SN_ENUMBER, 0 },
	{ "1s ", SN_ENUMBER, 0 },
	{ "1h 30m", SN_ENUMBER, 0 },
	{ "-1s", SN_ENUMBER, 0 },
	{ "+1s", SN_ENUMBER, 0 },
	{ "1.5s", SN_ENUMBER, 0 },
	{ "1S", SN_ENUMBER, 0 },
	{ "1min", SN_ENUMBER, 0 },
	{ "1h-30m", SN_ENUMBER, 0 },
};

START_TEST(test_parse_duration)
{
	int64_t v = 0xbad;
	const struct sn_str s = exact(sn_str(durations[_i].text));
	ck_assert_int_eq(sn_parse_duration(s, &v), durations[_i].result);
	ck_assert_int_eq(v, durations[_i].result == SN_OK ? durations[_i].ns : 0xbad);
	drop(s);
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} size_texts[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 999, "999" },
	{ 1000, "1kB" },
	{ 1024, "1KiB" },
	{ 1025, "1025" },
	{ 16384, "16KiB" },
	{ 500000, "500kB" },
	{ 1000000, "1MB" },
	{ 1048576, "1MiB" },
	{ 1073741824, "1GiB" },
	{ 3ULL << 40, "3TiB" },
	{ INT64_MAX, "9223372036854775807" },
};

START_TEST(test_format_size)
{
	char mem[64];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_format_size(&b, size_texts[_i].bytes);
	ck_assert_str_eq(sn_strbuf_cstr(&b), size_texts[_i].text);
}
END_TEST

static const struct {
	int64_t ns;
	const char *text;
} duration_texts[] = {
	{ 0, "0" },
	{ 1, "1ns" },
	{ 1500, "1500ns" },
	{ 1000000, "1ms" },
	{ 1500000, "1500us" },
	{ 30000000000, "30s" },
	{ 90000000000, "90s" },
	{ 3600000000000, "1h" },
	{ 5400000000000, "90m" },
	{ 604800000000000, "7d" },
	{ 86400000000001, "1d1ns" },
	{ -1000000000, "-1s" },
	{ INT64_MAX, "9223372036854775807ns" },
	{ INT64_MIN, "-9223372036854775808ns" },
};

START_TEST(test_format_duration)
{
	char mem[64];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_format_duration(&b, duration_texts[_i].ns);
	ck_assert_str_eq(sn_strbuf_cstr(&b), duration_texts[_i].text);
}
END_TEST

/* A fixed sequence that visits all magnitudes. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> (*state >> 58);
}

START_TEST(test_round_trip)
{
	uint64_t state = 1;
	for (int i = 0; i < 20000; i++) {
		const uint64_t unit = i % 3 == 0 ? 1 : i % 3 == 1 ? 1024 : 1000000;
		const uint64_t v = next_random(&state) % (INT64_MAX / unit) * unit;
		uint64_t bytes;
		int64_t ns;
		char mem[64];
		struct sn_strbuf b;
		sn_strbuf_fixed(&b, mem, sizeof(mem));
		sn_format_size(&b, v);
		ck_assert_int_eq(sn_parse_size(sn_strbuf_str(&b), &bytes), SN_OK);
		ck_assert_uint_eq(bytes, v);
		sn_strbuf_reset(&b);
		sn_format_duration(&b, (int64_t)v);
		ck_assert_int_eq(sn_parse_duration(sn_strbuf_str(&b), &ns), SN_OK);
		ck_assert_int_eq(ns, (int64_t)v);
	}
}
END_TEST

static const struct {
	uint64_t v, unit;
	unsigned digits;
	const char *text;
} decimals[] = {
	{ 0, 1, 9, "0" },
	{ 5, 1, 9, "5" },
	{ 1500000, 1000000, 3, "1.5" },
	{ 1005000, 1000000, 3, "1.005" },
	{ 1000400, 1000000, 3, "1" },
	{ 1999999, 1000000, 3, "1.999" },
	{ 1999999, 1000000, 0, "1" },
	{ 1, 1000000000, 9, "0.000000001" },
	{ 1, 3, 9, "0.333333333" },
	{ 1, 4, 18, "0.25" },
	{ UINT64_MAX, 1000000000000000000, 18, "18.446744073709551615" },
};

START_TEST(test_format_decimal)
{
	char mem[64];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_format_decimal(&b, decimals[_i].v, decimals[_i].unit, decimals[_i].digits);
	ck_assert_str_eq(sn_strbuf_cstr(&b), decimals[_i].text);
}
END_TEST

/* decode: one of the codecs below. */
typedef int (*decode_fn)(struct sn_str s, void *mem, size_t cap, size_t *n_r);
typedef void (*encode_fn)(struct sn_strbuf *b, struct sn_str s);

static const struct codec {
	decode_fn decode;
	encode_fn encode;
} hex = { sn_hex_decode, sn_hex_encode }, base64 = { sn_base64_decode, sn_base64_encode },
  base64url = { sn_base64url_decode, sn_base64url_encode };

static const struct {
	const struct codec *codec;
	struct sn_str plain;
	const char *text;
} vectors[] = {
	/* RFC 4648 section 10 */
	{ &base64, { "", 0 }, "" },
	{ &base64, { "f", 1 }, "Zg==" },
	{ &base64, { "fo", 2 }, "Zm8=" },
	{ &base64, { "foo", 3 }, "Zm9v" },
	{ &base64, { "foob", 4 }, "Zm9vYg==" },
	{ &base64, { "fooba", 5 }, "Zm9vYmE=" },
	{ &base64, { "foobar", 6 }, "Zm9vYmFy" },
	{ &base64url, { "", 0 }, "" },
	{ &base64url, { "f", 1 }, "Zg" },
	{ &base64url, { "fo", 2 }, "Zm8" },
	{ &base64url, { "foo", 3 }, "Zm9v" },
	{ &base64url, { "foob", 4 }, "Zm9vYg" },
	{ &base64url, { "fooba", 5 }, "Zm9vYmE" },
	{ &base64, { "\xfb\xff\xbf", 3 }, "+/+/" },
	{ &base64url, { "\xfb\xff\xbf", 3 }, "-_-_" },
	{ &base64, { "\0\0\0", 3 }, "AAAA" },
	{ &base64, { "\xff\xff\xff\xff", 4 }, "/////w==" },
	{ &hex, { "", 0 }, "" },
	{ &hex, { "foobar", 6 }, "666f6f626172" },
	{ &hex, { "\0\xff\x1a", 3 }, "00ff1a" },
};

START_TEST(test_codec_vectors)
{
	const struct codec *codec = vectors[_i].codec;
	const struct sn_str plain = exact(vectors[_i].plain),
			    text = exact(sn_str(vectors[_i].text));
	char mem[64], back[16];
	struct sn_strbuf b;
	size_t n = 99;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	codec->encode(&b, plain);
	ck_assert_str_eq(sn_strbuf_cstr(&b), vectors[_i].text);
	ck_assert_int_eq(codec->decode(text, back, plain.n, &n), SN_OK);
	ck_assert(sn_str_eq(sn_str_n(back, n), plain));
	if (plain.n > 0) {
		n = 99;
		ck_assert_int_eq(codec->decode(text, back, plain.n - 1, &n), SN_ELIMIT);
		ck_assert_uint_eq(n, 99);
	}
	drop(plain);
	drop(text);
}
END_TEST

static const struct {
	const struct codec *codec;
	const char *text;
} malformed[] = {
	{ &base64, "Z" },
	{ &base64, "Zg" },
	{ &base64, "Zg=" },
	{ &base64, "Zm8" },
	{ &base64, "=" },
	{ &base64, "==" },
	{ &base64, "====" },
	{ &base64, "Z===" },
	{ &base64, "Zg==Zg==" },
	{ &base64, "Zg==\n" },
	{ &base64, "Zm9v\n" },
	{ &base64, "Zm 9" },
	{ &base64, "Zm9v=" },
	{ &base64, "Zm9v====" },
	{ &base64, "Z=9v" },
	{ &base64, "-_-_" },
	{ &base64, "Zh==" }, /* trailing bits */
	{ &base64, "Zm9=" },
	{ &base64, "Zm9\x80" },
	{ &base64url, "Z" },
	{ &base64url, "Zg==" },
	{ &base64url, "Zg=" },
	{ &base64url, "Zm9vZ" },
	{ &base64url, "+/+/" },
	{ &base64url, "Zh" },
	{ &base64url, "Zm9" },
	{ &hex, "0" },
	{ &hex, "000" },
	{ &hex, "0g" },
	{ &hex, "g0" },
	{ &hex, "0 " },
	{ &hex, "0x12" },
};

START_TEST(test_codec_malformed)
{
	char mem[64];
	size_t n = 99;
	const struct sn_str s = exact(sn_str(malformed[_i].text));
	ck_assert_int_eq(malformed[_i].codec->decode(s, mem, sizeof(mem), &n), SN_EENCODING);
	ck_assert_uint_eq(n, 99);
	drop(s);
}
END_TEST

START_TEST(test_hex_upper_case)
{
	char mem[4];
	size_t n;
	ck_assert_int_eq(sn_hex_decode(V("AbcDeF"), mem, sizeof(mem), &n), SN_OK);
	ck_assert(sn_str_eq(sn_str_n(mem, n), V("\xab\xcd\xef")));
}
END_TEST

START_TEST(test_codec_every_byte)
{
	const struct codec *const codecs[] = { &hex, &base64, &base64url };
	char all[256], back[256];
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (int c = 0; c < 3; c++) {
		for (size_t len = 0; len <= sizeof(all); len++) {
			char mem[600];
			struct sn_strbuf b;
			size_t n;
			sn_strbuf_fixed(&b, mem, sizeof(mem));
			codecs[c]->encode(&b, sn_str_n(all, len));
			ck_assert_int_eq(
				codecs[c]->decode(sn_strbuf_str(&b), back, sizeof(back), &n),
				SN_OK);
			ck_assert(sn_str_eq(sn_str_n(back, n), sn_str_n(all, len)));
		}
	}
}
END_TEST

static const struct {
	struct sn_str text;
	uint32_t cp; /* 0xffffffff: invalid */
} characters[] = {
	{ { "\0", 1 }, 0 },
	{ { "A", 1 }, 'A' },
	{ { "\x7f", 1 }, 0x7f },
	{ { "\xc2\x80", 2 }, 0x80 },
	{ { "\xdf\xbf", 2 }, 0x7ff },
	{ { "\xe0\xa0\x80", 3 }, 0x800 },
	{ { "\xe2\x82\xac", 3 }, 0x20ac },
	{ { "\xed\x9f\xbf", 3 }, 0xd7ff },
	{ { "\xee\x80\x80", 3 }, 0xe000 },
	{ { "\xef\xbf\xbf", 3 }, 0xffff },
	{ { "\xf0\x90\x80\x80", 4 }, 0x10000 },
	{ { "\xf1\x80\x80\x80", 4 }, 0x40000 },
	{ { "\xf4\x8f\xbf\xbf", 4 }, 0x10ffff },
};

START_TEST(test_utf8_valid_characters)
{
	const struct sn_str s = exact(characters[_i].text);
	uint32_t cp = 0xbad;
	char out[4];
	ck_assert_uint_eq(sn_utf8_decode(s, &cp), s.n);
	ck_assert_uint_eq(cp, characters[_i].cp);
	ck_assert_uint_eq(sn_utf8_encode(cp, out), s.n);
	ck_assert(sn_str_eq(sn_str_n(out, s.n), s));
	ck_assert(sn_utf8_valid(s));
	drop(s);
	/* Every cut of it is invalid. */
	for (size_t n = 1; n < characters[_i].text.n; n++) {
		const struct sn_str cut = exact(sn_str_n(characters[_i].text.p, n));
		ck_assert_uint_eq(sn_utf8_decode(cut, &cp), 0);
		ck_assert(!sn_utf8_valid(cut));
		drop(cut);
	}
}
END_TEST

static const char *const invalid_utf8[] = {
	/* continuation bytes without a start */
	"\x80",
	"\xbf",
	"\x80\x80",
	/* starts without enough continuation */
	"\xc2",
	"\xc2 ",
	"\xe2\x82",
	"\xe2\x82 ",
	"\xe2 \xac",
	"\xf0\x9f\x98",
	"\xf0\x9f\x98 ",
	"\xc2\xc2",
	"\xe2\x82\xc0",
	"\xf0\x9f\xff\x80",
	"\xc2\xc0",
	"\xc2\x7f",
	/* overlong: U+002F, U+007F, U+07FF, U+FFFF */
	"\xc0\xaf",
	"\xc1\xbf",
	"\xe0\x80\xaf",
	"\xe0\x9f\xbf",
	"\xf0\x80\x80\xaf",
	"\xf0\x8f\xbf\xbf",
	"\xc0\x80",
	/* surrogates, single and as a pair */
	"\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xed\xa0\xbd\xed\xb8\x80",
	/* above U+10FFFF, and five and six bytes */
	"\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xf7\xbf\xbf\xbf",
	"\xf8\x88\x80\x80\x80",
	"\xfb\xbf\xbf\xbf\xbf",
	"\xfc\x84\x80\x80\x80\x80",
	"\xfe",
	"\xff",
	"\xfe\xfe\xff\xff",
};

START_TEST(test_utf8_invalid)
{
	const struct sn_str bad = sn_str(invalid_utf8[_i]);
	uint32_t cp = 0xbad;
	ck_assert_uint_eq(sn_utf8_decode(bad, &cp), 0);
	ck_assert_uint_eq(cp, 0xbad);
	/* Alone, and behind text of every length around the eight bytes taken at a time. */
	for (size_t before = 0; before < 20; before++) {
		char mem[32];
		memset(mem, 'a', before);
		memcpy(mem + before, bad.p, bad.n);
		const struct sn_str s = exact(sn_str_n(mem, before + bad.n));
		ck_assert(!sn_utf8_valid(s));
		ck_assert_uint_eq(sn_utf8_prefix(s, s.n), before);
		drop(s);
	}
}
END_TEST

START_TEST(test_utf8_encode_refuses)
{
	static const uint32_t bad[] = { 0xd800, 0xdbff, 0xdc00, 0xdfff, 0x110000, 0xffffffff };
	char out[4];
	ck_assert_uint_eq(sn_utf8_encode(bad[_i], out), 0);
}
END_TEST

START_TEST(test_utf8_every_scalar_value)
{
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char out[4];
		uint32_t back = 0;
		const size_t n = sn_utf8_encode(cp, out);
		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		if (n == 0 || sn_utf8_decode(sn_str_n(out, n), &back) != n || back != cp)
			ck_abort_msg("U+%04X does not come back", cp);
	}
}
END_TEST

static const struct {
	const char *text;
	size_t n, prefix;
} prefixes[] = {
	{ "", 0, 0 },
	{ "", 10, 0 },
	{ "abc", 0, 0 },
	{ "abc", 2, 2 },
	{ "abc", 3, 3 },
	{ "abc", 4, 3 },
	{ "abcdefghijklmnop", 9, 9 },
	{ "a\xc3\xa9z", 1, 1 },
	{ "a\xc3\xa9z", 2, 1 },
	{ "a\xc3\xa9z", 3, 3 },
	{ "\xe2\x82\xac", 2, 0 },
	{ "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 7, 4 },
	{ "ab\xff"
	  "cd",
		5, 2 },
	{ "ab\xc3", 3, 2 },
};

START_TEST(test_utf8_prefix)
{
	const struct sn_str s = exact(sn_str(prefixes[_i].text));
	ck_assert_uint_eq(sn_utf8_prefix(s, prefixes[_i].n), prefixes[_i].prefix);
	drop(s);
}
END_TEST

static void add_number_tests(Suite *suite)
{
	TCase *tc = tcase_create("numbers");
	tcase_add_loop_test(tc, test_parse_base, 0, COUNT(numbers));
	tcase_add_loop_test(tc, test_parse_i64, 0, COUNT(integers));
	tcase_add_loop_test(tc, test_parse_size, 0, COUNT(sizes));
	tcase_add_loop_test(tc, test_parse_duration, 0, COUNT(durations));
	tcase_add_test(tc, test_parse_nul_is_no_end);
	tcase_add_test(tc, test_parse_null_view);
	tcase_add_loop_test(tc, test_format_size, 0, COUNT(size_texts));
	tcase_add_loop_test(tc, test_format_duration, 0, COUNT(duration_texts));
	tcase_add_loop_test(tc, test_format_decimal, 0, COUNT(decimals));
	tcase_add_test(tc, test_round_trip);
	suite_add_tcase(suite, tc);
}

static void add_codec_tests(Suite *suite)
{
	TCase *tc = tcase_create("codecs");
	tcase_add_loop_test(tc, test_codec_vectors, 0, COUNT(vectors));
	tcase_add_loop_test(tc, test_codec_malformed, 0, COUNT(malformed));
	tcase_add_test(tc, test_codec_every_byte);
	tcase_add_test(tc, test_hex_upper_case);
	suite_add_tcase(suite, tc);
}

static void add_utf8_tests(Suite *suite)
{
	TCase *tc = tcase_create("utf8");
	tcase_add_loop_test(tc, test_utf8_valid_characters, 0, COUNT(characters));
	tcase_add_loop_test(tc, test_utf8_invalid, 0, COUNT(invalid_utf8));
	tcase_add_loop_test(tc, test_utf8_encode_refuses, 0, 6);
	tcase_add_test(tc, test_utf8_every_scalar_value);
	tcase_add_loop_test(tc, test_utf8_prefix, 0, COUNT(prefixes));
	suite_add_tcase(suite, tc);
}

Suite *sn_suite_text(void)
{
	Suite *suite = suite_create("base/text");
	add_number_tests(suite);
	add_codec_tests(suite);
	add_utf8_tests(suite);
	return suite;
}
