#include "daemon/base/strbuf.h"

#include <stdio.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define FIRST_CAP 64

void sn_strbuf_fixed(struct sn_strbuf *b, char *mem, size_t size)
{
	sn_assert(size >= 1);
	*b = (struct sn_strbuf){ .p = mem, .cap = size, .max = size - 1 };
	b->p[0] = '\0';
}

void sn_strbuf_init(struct sn_strbuf *b, size_t max)
{
	*b = (struct sn_strbuf){ .max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2, .heap = true };
}

void sn_strbuf_fini(struct sn_strbuf *b)
{
	if (b->heap)
		sn_free(b->p);
	*b = (struct sn_strbuf){ .err = SN_ELIMIT };
}

void sn_strbuf_reset(struct sn_strbuf *b)
{
	b->n = 0;
	b->err = SN_OK;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Make room for n more bytes and the NUL; n within the limit. */
static void grow(struct sn_strbuf *b, size_t n)
{
	size_t cap = b->cap * 2;

	if (n < b->cap && b->n < b->cap - n)
		return;
	sn_assert(b->heap);
	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	if (cap > b->max)
		cap = b->max + 1;
	if (cap < b->n + n + 1)
		cap = b->n + n + 1;
	b->p = sn_realloc(b->p, cap);
	b->cap = cap;
}

static size_t room(const struct sn_strbuf *b)
{
	return b->err == SN_OK ? b->max - b->n : 0;
}

void sn_strbuf_add(struct sn_strbuf *b, struct sn_str s)
{
	if (s.n > room(b)) {
		s.n = room(b);
		b->err = SN_ELIMIT;
	}
	if (s.n == 0)
		return;
	grow(b, s.n);
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void sn_strbuf_adds(struct sn_strbuf *b, const char *cstr)
{
	sn_strbuf_add(b, sn_str(cstr));
}

void sn_strbuf_addc(struct sn_strbuf *b, char c)
{
	sn_strbuf_add(b, sn_str_n(&c, 1));
}

static size_t print(struct sn_strbuf *b, const char *fmt, va_list args) SN_PRINTF(2, 0);

/* Into the room there is now; the length it would have taken. */
static size_t print(struct sn_strbuf *b, const char *fmt, va_list args)
{
	char *at = b->p != NULL ? b->p + b->n : NULL;
	int n = vsnprintf(at, b->cap - b->n, fmt, args);

	sn_assert(n >= 0);
	return (size_t)n;
}

void sn_strbuf_addv(struct sn_strbuf *b, const char *fmt, va_list args)
{
	size_t n, fits;
	va_list again;

	if (b->err != SN_OK)
		return;
	va_copy(again, args);
	n = print(b, fmt, args);
	fits = n < room(b) ? n : room(b);
	if (b->cap - b->n <= fits) {
		grow(b, fits);
		(void)print(b, fmt, again);
	}
	va_end(again);
	if (fits < n)
		b->err = SN_ELIMIT;
	b->n += fits;
	b->p[b->n] = '\0';
}

void sn_strbuf_addf(struct sn_strbuf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sn_strbuf_addv(b, fmt, args);
	va_end(args);
}

void sn_strbuf_addu(struct sn_strbuf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	sn_strbuf_add(b, sn_str_n(digits + at, sizeof(digits) - at));
}

/* All or nothing: half an escape would mean something else. */
static void add_unit(struct sn_strbuf *b, struct sn_str unit)
{
	if (unit.n > room(b))
		b->err = SN_ELIMIT;
	else
		sn_strbuf_add(b, unit);
}

/* The letter that stands for c in "\c", or 0. */
static char escape_letter(char c)
{
	static const char letters[256] = {
		['\a'] = 'a',
		['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\v'] = 'v',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\',
	};

	return letters[(unsigned char)c];
}

static void add_letter_escape(struct sn_strbuf *b, char letter)
{
	const char unit[2] = { '\\', letter };

	add_unit(b, sn_str_n(unit, 2));
}

/* prefix, then the byte as two hexadecimal digits. */
static void add_hex_escape(struct sn_strbuf *b, const char *prefix, char c)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char v = (unsigned char)c;
	char mem[8];
	struct sn_strbuf unit;

	sn_strbuf_fixed(&unit, mem, sizeof(mem));
	sn_strbuf_adds(&unit, prefix);
	sn_strbuf_addc(&unit, digits[v >> 4]);
	sn_strbuf_addc(&unit, digits[v & 15]);
	add_unit(b, sn_strbuf_str(&unit));
}

/* Bytes at the front that need no escape in either form. */
static size_t plain_run(struct sn_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

/* One character or one invalid byte; how many bytes it took. */
static size_t quote_one(struct sn_strbuf *b, struct sn_str s)
{
	uint32_t cp = 0;
	size_t n = sn_utf8_decode(s, &cp);
	const char letter = escape_letter(s.p[0]);

	if (letter != 0) {
		add_letter_escape(b, letter);
		return 1;
	}
	/* Terminals obey C1 controls as well. */
	if (n > 0 && cp >= 0xa0) {
		add_unit(b, sn_str_sub(s, 0, n));
		return n;
	}
	add_hex_escape(b, "\\x", s.p[0]);
	return 1;
}

static size_t json_one(struct sn_strbuf *b, struct sn_str s)
{
	uint32_t cp = 0;
	size_t n = sn_utf8_decode(s, &cp);
	const char letter = escape_letter(s.p[0]);

	if (letter != 0 && letter != 'a' && letter != 'v') {
		add_letter_escape(b, letter);
		return 1;
	}
	if (n == 0) {
		add_unit(b, SN_STR("\xef\xbf\xbd"));
		return 1;
	}
	if (cp < 0x20)
		add_hex_escape(b, "\\u00", s.p[0]);
	else
		add_unit(b, sn_str_sub(s, 0, n));
	return n;
}

static void add_escaped(struct sn_strbuf *b, struct sn_str s,
	size_t (*add_one)(struct sn_strbuf *b, struct sn_str s))
{
	while (s.n > 0 && b->err == SN_OK) {
		const size_t plain = plain_run(s);

		sn_strbuf_add(b, sn_str_sub(s, 0, plain));
		s = sn_str_from(s, plain);
		if (s.n > 0)
			s = sn_str_from(s, add_one(b, s));
	}
}

void sn_strbuf_add_quoted(struct sn_strbuf *b, struct sn_str s)
{
	add_escaped(b, s, quote_one);
}

void sn_strbuf_add_json(struct sn_strbuf *b, struct sn_str s)
{
	add_escaped(b, s, json_one);
}

void sn_strbuf_truncate(struct sn_strbuf *b, size_t n)
{
	sn_assert(n <= b->n);
	b->n = n;
	if (b->p != NULL)
		b->p[n] = '\0';
}

char *sn_strbuf_take(struct sn_strbuf *b)
{
	char *text = b->p;

	sn_assert(b->heap);
	sn_strbuf_init(b, b->max);
	return text != NULL ? text : sn_strdup("");
}

const char *sn_strbuf_cstr(const struct sn_strbuf *b)
{
	return b->p != NULL ? b->p : "";
}
