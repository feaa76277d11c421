#include "daemon/base/text.h"

#include "daemon/base/assert.h"

/* Value of an ASCII digit of any base up to 16, or 16. */
static unsigned digit_value(char c)
{
	if (sn_ascii_digit(c))
		return (unsigned)(c - '0');
	const char lower = sn_ascii_lower(c);
	return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

int sn_parse_base(struct sn_str s, unsigned base, uint64_t max, uint64_t *v_r)
{
	sn_assert(base >= 2 && base <= 16);
	uint64_t v = 0;
	bool over = false;
	if (s.n == 0)
		return SN_ENUMBER;
	/* Runs to the end in any case: "99999999999999999999x" is malformed, not out of range. */
	for (size_t i = 0; i < s.n; i++) {
		const unsigned digit = digit_value(s.p[i]);
		if (digit >= base)
			return SN_ENUMBER;
		over = over || digit > max || v > (max - digit) / base;
		if (!over)
			v = v * base + digit;
	}
	if (over)
		return SN_ERANGE;
	*v_r = v;
	return SN_OK;
}

int sn_parse_u64(struct sn_str s, uint64_t max, uint64_t *v_r)
{
	return sn_parse_base(s, 10, max, v_r);
}

int sn_parse_i64(struct sn_str s, int64_t min, int64_t max, int64_t *v_r)
{
	const bool negative = s.n > 0 && s.p[0] == '-';
	const struct sn_str digits = negative ? sn_str_n(s.p + 1, s.n - 1) : s;
	const uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t magnitude;
	const int r = sn_parse_u64(digits, most, &magnitude);
	if (r < 0)
		return r;
	/* Negated in unsigned arithmetic, where INT64_MIN is no special case. */
	const int64_t v = (int64_t)(negative ? 0 - magnitude : magnitude);
	if (v < min || v > max)
		return SN_ERANGE;
	*v_r = v;
	return SN_OK;
}

/* Number of leading decimal digits. */
static size_t count_digits(struct sn_str s)
{
	size_t n = 0;
	while (n < s.n && sn_ascii_digit(s.p[n]))
		n++;
	return n;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "TiB", 1ULL << 40 },
	{ "TB", 1000000000000ULL },
	{ "GiB", 1ULL << 30 },
	{ "GB", 1000000000ULL },
	{ "MiB", 1ULL << 20 },
	{ "MB", 1000000ULL },
	{ "KiB", 1ULL << 10 },
	{ "kB", 1000ULL },
	{ "", 1ULL },
	{ "B", 1ULL },
};

/* Largest first: a duration names each unit at most once and in this order. */
static const struct unit duration_units[] = {
	{ "d", 86400000000000ULL },
	{ "h", 3600000000000ULL },
	{ "m", 60000000000ULL },
	{ "s", 1000000000ULL },
	{ "ms", 1000000ULL },
	{ "us", 1000ULL },
	{ "ns", 1ULL },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Index of the unit of that name in units[from..count), or count. */
static size_t find_unit(const struct unit *units, size_t from, size_t count, struct sn_str name)
{
	size_t i = from;
	while (i < count && !sn_str_eq(sn_str(units[i].name), name))
		i++;
	return i;
}

/* Digits times factor within 2^63-1. */
static int parse_scaled(struct sn_str digits, uint64_t factor, uint64_t *v_r)
{
	uint64_t v;
	const int r = sn_parse_u64(digits, INT64_MAX / factor, &v);
	if (r < 0)
		return r;
	*v_r = v * factor;
	return SN_OK;
}

int sn_parse_size(struct sn_str s, uint64_t *bytes_r)
{
	if (s.n == 0)
		return SN_ENUMBER;
	const size_t digits = count_digits(s);
	const struct sn_str name = sn_str_n(s.p + digits, s.n - digits);
	const size_t unit = find_unit(size_units, 0, COUNT(size_units), name);
	if (unit == COUNT(size_units))
		return SN_ENUMBER;
	return parse_scaled(sn_str_n(s.p, digits), size_units[unit].factor, bytes_r);
}

/* Take "30m" off *rest; *unit_r is where its unit stands in the table. */
static int take_duration(struct sn_str *rest, size_t from, size_t *unit_r, uint64_t *ns_r)
{
	const size_t digits = count_digits(*rest);
	size_t end = digits;
	while (end < rest->n && sn_ascii_alpha(rest->p[end]))
		end++;
	const struct sn_str name = sn_str_n(rest->p + digits, end - digits);
	const struct sn_str number = sn_str_n(rest->p, digits);
	*unit_r = find_unit(duration_units, from, COUNT(duration_units), name);
	if (*unit_r == COUNT(duration_units))
		return SN_ENUMBER;
	*rest = sn_str_n(rest->p + end, rest->n - end);
	return parse_scaled(number, duration_units[*unit_r].factor, ns_r);
}

int sn_parse_duration(struct sn_str s, int64_t *ns_r)
{
	uint64_t sum = 0;
	size_t from = 0;
	bool over = false;
	if (s.n == 0)
		return SN_ENUMBER;
	if (sn_str_eq(s, SN_STR("0"))) {
		*ns_r = 0;
		return SN_OK;
	}
	while (s.n > 0) {
		size_t unit;
		uint64_t part = 0;
		const int r = take_duration(&s, from, &unit, &part);
		if (r < 0 && r != SN_ERANGE)
			return r;
		over = over || r == SN_ERANGE || part > (uint64_t)INT64_MAX - sum;
		if (!over)
			sum += part;
		from = unit + 1;
	}
	if (over)
		return SN_ERANGE;
	*ns_r = (int64_t)sum;
	return SN_OK;
}

static void keep_shorter(struct sn_strbuf *best, struct sn_strbuf *next)
{
	if (best->n > 0 && best->n <= next->n)
		return;
	sn_strbuf_reset(best);
	sn_strbuf_add(best, sn_strbuf_str(next));
}

void sn_format_size(struct sn_strbuf *b, uint64_t bytes)
{
	char best_mem[32], next_mem[32];
	struct sn_strbuf best, next;
	sn_strbuf_fixed(&best, best_mem, sizeof(best_mem));
	sn_strbuf_fixed(&next, next_mem, sizeof(next_mem));
	for (size_t i = 0; i < COUNT(size_units); i++) {
		const uint64_t factor = size_units[i].factor;
		if (bytes % factor != 0 || (bytes == 0 && factor != 1))
			continue;
		sn_strbuf_reset(&next);
		sn_strbuf_addu(&next, bytes / factor);
		sn_strbuf_adds(&next, size_units[i].name);
		keep_shorter(&best, &next);
	}
	sn_strbuf_add(b, sn_strbuf_str(&best));
}

/* ns split greedily over the units from duration_units[from] down. */
static void split_duration(struct sn_strbuf *b, uint64_t ns, size_t from)
{
	for (size_t i = from; i < COUNT(duration_units); i++) {
		const uint64_t factor = duration_units[i].factor;
		if (ns < factor)
			continue;
		sn_strbuf_addu(b, ns / factor);
		sn_strbuf_adds(b, duration_units[i].name);
		ns %= factor;
	}
}

void sn_format_duration(struct sn_strbuf *b, int64_t ns)
{
	const uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char best_mem[64], next_mem[64];
	struct sn_strbuf best, next;
	if (ns == 0) {
		sn_strbuf_addc(b, '0');
		return;
	}
	sn_strbuf_fixed(&best, best_mem, sizeof(best_mem));
	sn_strbuf_fixed(&next, next_mem, sizeof(next_mem));
	for (size_t from = 0; from < COUNT(duration_units); from++) {
		sn_strbuf_reset(&next);
		split_duration(&next, magnitude, from);
		keep_shorter(&best, &next);
	}
	if (ns < 0)
		sn_strbuf_addc(b, '-');
	sn_strbuf_add(b, sn_strbuf_str(&best));
}

void sn_format_decimal(struct sn_strbuf *b, uint64_t v, uint64_t unit, unsigned digits)
{
	char text[18];
	size_t n = 0, significant = 0;
	sn_assert(unit >= 1 && unit <= 1000000000000000000ULL && digits <= sizeof(text));
	uint64_t rest = v % unit;
	for (; n < digits && rest > 0; rest %= unit) {
		rest *= 10;
		text[n] = (char)('0' + rest / unit);
		if (text[n++] != '0')
			significant = n;
	}
	sn_strbuf_addu(b, v / unit);
	if (significant > 0) {
		sn_strbuf_addc(b, '.');
		sn_strbuf_add(b, sn_str_n(text, significant));
	}
}

int sn_hex_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r)
{
	unsigned char *out = mem;
	if (s.n % 2 != 0)
		return SN_EENCODING;
	if (s.n / 2 > cap)
		return SN_ELIMIT;
	for (size_t i = 0; i < s.n; i += 2) {
		const unsigned high = digit_value(s.p[i]), low = digit_value(s.p[i + 1]);
		if (high > 15 || low > 15)
			return SN_EENCODING;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	*n_r = s.n / 2;
	return SN_OK;
}

void sn_hex_encode(struct sn_strbuf *b, struct sn_str s)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const char pair[2] = { digits[c >> 4], digits[c & 15] };
		sn_strbuf_add(b, sn_str_n(pair, sizeof(pair)));
	}
}

/* The two alphabets of RFC 4648 differ in their last two characters and in the padding. */
struct base64 {
	char c62, c63;
	bool padded;
};

static const struct base64 base64_std = { '+', '/', true };
static const struct base64 base64_url = { '-', '_', false };

/* Value 0..63 of a character, or 64. */
static unsigned base64_value(const struct base64 *kind, char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (sn_ascii_digit(c))
		return (unsigned)(c - '0') + 52;
	return c == kind->c62 ? 62 : c == kind->c63 ? 63 : 64;
}

static char base64_char(const struct base64 *kind, unsigned v)
{
	static const char common[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	return v < 62 ? common[v] : v == 62 ? kind->c62 : kind->c63;
}

static int base64_decode(
	const struct base64 *kind, struct sn_str s, unsigned char *out, size_t cap, size_t *n_r)
{
	if (kind->padded && s.n % 4 != 0)
		return SN_EENCODING;
	/* A third '=' stays and is then no character of the alphabet. */
	for (int i = 0; kind->padded && i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	if (s.n % 4 == 1)
		return SN_EENCODING;
	const size_t size = s.n / 4 * 3 + s.n % 4 * 3 / 4;
	if (size > cap)
		return SN_ELIMIT;
	uint32_t acc = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < s.n; i++) {
		const unsigned v = base64_value(kind, s.p[i]);
		if (v > 63)
			return SN_EENCODING;
		acc = (acc << 6 | v) & 0xfff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*out++ = (unsigned char)(acc >> bits);
		}
	}
	if ((acc & ((1U << bits) - 1)) != 0)
		return SN_EENCODING;
	*n_r = size;
	return SN_OK;
}

static void base64_encode(const struct base64 *kind, struct sn_strbuf *b, struct sn_str s)
{
	const unsigned char *in = (const unsigned char *)s.p;
	for (size_t left = s.n; left > 0;) {
		const size_t take = left < 3 ? left : 3;
		const uint32_t group = (uint32_t)in[0] << 16 |
			(take > 1 ? (uint32_t)in[1] << 8 : 0) | (take > 2 ? in[2] : 0);
		char quad[4] = { '=', '=', '=', '=' };
		for (unsigned i = 0; i <= take; i++)
			quad[i] = base64_char(kind, group >> (18 - 6 * i) & 63);
		sn_strbuf_add(b, sn_str_n(quad, kind->padded ? 4 : take + 1));
		in += take;
		left -= take;
	}
}

int sn_base64_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r)
{
	return base64_decode(&base64_std, s, mem, cap, n_r);
}

void sn_base64_encode(struct sn_strbuf *b, struct sn_str s)
{
	base64_encode(&base64_std, b, s);
}

int sn_base64url_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r)
{
	return base64_decode(&base64_url, s, mem, cap, n_r);
}

void sn_base64url_encode(struct sn_strbuf *b, struct sn_str s)
{
	base64_encode(&base64_url, b, s);
}

/*
 * RFC 3629 section 4, one row per range of first bytes: the second byte's range is what keeps out
 * overlong forms (E0, F0), surrogates (ED) and values above U+10FFFF (F4).
 */
static const struct utf8_row {
	unsigned char first_min, first_max;
	unsigned char second_min, second_max;
	unsigned char length;
} utf8_rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct utf8_row *utf8_find_row(unsigned char first)
{
	for (size_t i = 0; i < COUNT(utf8_rows); i++)
		if (first >= utf8_rows[i].first_min && first <= utf8_rows[i].first_max)
			return &utf8_rows[i];
	return NULL;
}

size_t sn_utf8_decode(struct sn_str s, uint32_t *cp_r)
{
	const unsigned char *p = (const unsigned char *)s.p;
	if (s.n == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp_r = p[0];
		return 1;
	}
	const struct utf8_row *row = utf8_find_row(p[0]);
	if (row == NULL || s.n < row->length || p[1] < row->second_min || p[1] > row->second_max)
		return 0;
	uint32_t cp = p[0] & (0x7fU >> row->length);
	for (unsigned i = 1; i < row->length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fU);
	}
	*cp_r = cp;
	return row->length;
}

/* Length of the plain ASCII at the start; eight bytes at a time, for most text is ASCII. */
static size_t ascii_prefix(struct sn_str s)
{
	size_t i = 0;
	uint64_t word;
	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		if ((word & 0x8080808080808080ULL) != 0)
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

size_t sn_utf8_prefix(struct sn_str s, size_t n)
{
	const size_t end = n < s.n ? n : s.n;
	size_t i = 0;
	while (i < end) {
		uint32_t cp;
		const struct sn_str rest = sn_str_n(s.p + i, end - i);
		const size_t ascii = ascii_prefix(rest);
		const size_t used = ascii > 0 ? ascii : sn_utf8_decode(rest, &cp);
		if (used == 0)
			break;
		i += used;
	}
	return i;
}

bool sn_utf8_valid(struct sn_str s)
{
	return sn_utf8_prefix(s, s.n) == s.n;
}

size_t sn_utf8_encode(uint32_t cp, char out[4])
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	const size_t length = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)((0xf00U >> length & 0xf0) | cp);
	return length;
}
