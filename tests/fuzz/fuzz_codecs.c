/* Text codecs: what is accepted means one thing, and printing it gives it back. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/base/assert.h"
#include "daemon/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_base64(struct sn_str s)
{
	char *raw = malloc(s.n + 1), *text = malloc(2 * s.n + 8);
	struct sn_strbuf out;
	size_t n;

	if (sn_base64_decode(s, raw, s.n + 1, &n) == SN_OK) {
		sn_strbuf_fixed(&out, text, 2 * s.n + 8);
		sn_base64_encode(&out, sn_str_n(raw, n));
		sn_assert(sn_str_eq(sn_strbuf_str(&out), s));
	}
	if (sn_base64url_decode(s, raw, s.n + 1, &n) == SN_OK) {
		sn_strbuf_fixed(&out, text, 2 * s.n + 8);
		sn_base64url_encode(&out, sn_str_n(raw, n));
		sn_assert(sn_str_eq(sn_strbuf_str(&out), s));
	}
	if (sn_hex_decode(s, raw, s.n + 1, &n) == SN_OK) {
		sn_strbuf_fixed(&out, text, 2 * s.n + 8);
		sn_hex_encode(&out, sn_str_n(raw, n));
		sn_assert(sn_str_eq_nocase(sn_strbuf_str(&out), s));
	}
	free(raw);
	free(text);
}

/* The text is the value's decimal digits, after nothing but zeros. */
static void check_digits(struct sn_str s, uint64_t value)
{
	char mem[24];
	struct sn_strbuf digits;

	sn_strbuf_fixed(&digits, mem, sizeof(mem));
	sn_strbuf_addf(&digits, "%llu", (unsigned long long)value);
	sn_assert(sn_str_ends(s, sn_strbuf_str(&digits)));
	for (size_t n = 0; n < s.n - digits.n; n++)
		sn_assert(s.p[n] == '0');
}

static void check_integers(struct sn_str s)
{
	uint64_t u;
	int64_t i;

	if (sn_parse_u64(s, UINT64_MAX, &u) == SN_OK)
		check_digits(s, u);
	if (sn_parse_i64(s, INT64_MIN, INT64_MAX, &i) == SN_OK)
		check_digits(sn_str_from(s, s.p[0] == '-'), i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
}

static void check_numbers(struct sn_str s)
{
	char text[64];
	struct sn_strbuf out;
	uint64_t size, again;
	int64_t duration, same;

	if (sn_parse_size(s, &size) == SN_OK) {
		sn_strbuf_fixed(&out, text, sizeof(text));
		sn_format_size(&out, size);
		sn_assert(sn_parse_size(sn_strbuf_str(&out), &again) == SN_OK && again == size);
	}
	if (sn_parse_duration(s, &duration) == SN_OK) {
		sn_strbuf_fixed(&out, text, sizeof(text));
		sn_format_duration(&out, duration);
		sn_assert(
			sn_parse_duration(sn_strbuf_str(&out), &same) == SN_OK && same == duration);
	}
}

/* Valid as a whole exactly if every code point decodes; a cut prefix is valid. */
static void check_utf8(struct sn_str s)
{
	struct sn_str rest = s;
	uint32_t cp;
	size_t n = 1;

	while (rest.n > 0 && n > 0) {
		char again[4];

		n = sn_utf8_decode(rest, &cp);
		if (n > 0)
			sn_assert(sn_utf8_encode(cp, again) == n && memcmp(again, rest.p, n) == 0);
		rest = sn_str_from(rest, n);
	}
	sn_assert(sn_utf8_valid(s) == (rest.n == 0));
	if (sn_utf8_valid(s))
		sn_assert(sn_utf8_valid(sn_str_sub(s, 0, sn_utf8_prefix(s, s.n / 2))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sn_str s = sn_str_n(data, size);
	char text[1024];
	struct sn_strbuf out;

	check_base64(s);
	check_integers(s);
	check_numbers(s);
	check_utf8(s);
	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_strbuf_add_json(&out, s);
	sn_assert(sn_utf8_valid(sn_strbuf_str(&out)) || out.err != SN_OK);
	sn_strbuf_reset(&out);
	sn_strbuf_add_quoted(&out, s);
	return 0;
}
