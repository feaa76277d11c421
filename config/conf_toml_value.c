#include "config/conf_toml_value.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/assert.h"
#include "daemon/base/text.h"

#define SHOWN_MAX 60

/* A walk over one token; everything a number or a date is made of is plain ASCII. */
struct scan {
	struct sn_str s;
	size_t at;
};

static char scan_peek(const struct scan *sc)
{
	return sc->at < sc->s.n ? sc->s.p[sc->at] : '\0';
}

static bool scan_take(struct scan *sc, const char *any_of)
{
	char c = scan_peek(sc);

	if (c == '\0' || strchr(any_of, c) == NULL)
		return false;
	sc->at++;
	return true;
}

static bool is_digit(char c, unsigned base)
{
	if (sn_ascii_digit(c))
		return (unsigned)(c - '0') < base;
	return base == 16 && sn_ascii_lower(c) >= 'a' && sn_ascii_lower(c) <= 'f';
}

/* Digits with single underscores between them, copied without those; false if there are none. */
static bool scan_digits(struct scan *sc, unsigned base, struct sn_strbuf *out)
{
	bool any = false;

	while (is_digit(scan_peek(sc), base)) {
		sn_strbuf_addc(out, sc->s.p[sc->at++]);
		any = true;
		if (scan_peek(sc) == '_' && sc->at + 1 < sc->s.n &&
			is_digit(sc->s.p[sc->at + 1], base))
			sc->at++;
	}
	return any;
}

static const char *read_prefixed(
	struct scan *sc, unsigned base, struct sn_strbuf *digits, struct sn_toml_value *value)
{
	uint64_t n = 0;
	int err;

	sc->at += 2;
	if (!scan_digits(sc, base, digits) || sc->at < sc->s.n)
		return "is not a number of that base";
	err = sn_parse_base(sn_strbuf_str(digits), base, INT64_MAX, &n);
	value->kind = SN_TOML_INTEGER;
	value->integer = (int64_t)n;
	return err == SN_OK ? NULL : "does not fit into 64 bits";
}

/* strtod follows the process's locale, where 1.5 may be spelled 1,5. */
static double parse_real(const char *text)
{
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double real;

	sn_assert(plain != (locale_t)0);
	real = strtod_l(text, NULL, plain);
	freelocale(plain);
	return real;
}

/* Fraction and exponent, each optional; false if one is begun and has no digits. */
static bool scan_float_rest(struct scan *sc, struct sn_strbuf *out)
{
	if (scan_take(sc, ".")) {
		sn_strbuf_addc(out, '.');
		if (!scan_digits(sc, 10, out))
			return false;
	}
	if (scan_take(sc, "eE")) {
		sn_strbuf_addc(out, 'e');
		if (scan_take(sc, "+-"))
			sn_strbuf_addc(out, sc->s.p[sc->at - 1]);
		if (!scan_digits(sc, 10, out))
			return false;
	}
	return true;
}

static const char *read_decimal(struct scan *sc, struct sn_strbuf *out, struct sn_toml_value *value)
{
	size_t sign = out->n, integer_end;

	if (!scan_digits(sc, 10, out))
		return "is not a number";
	integer_end = sc->at;
	if (out->p[sign] == '0' && out->n > sign + 1)
		return "has a leading zero (octal is written 0o17)";
	if (!scan_float_rest(sc, out) || sc->at < sc->s.n)
		return "is not a number";
	if (sc->at > integer_end) {
		value->kind = SN_TOML_FLOAT;
		value->real = parse_real(sn_strbuf_cstr(out));
		return NULL;
	}
	value->kind = SN_TOML_INTEGER;
	return sn_parse_i64(sn_strbuf_str(out), INT64_MIN, INT64_MAX, &value->integer) == SN_OK
		? NULL
		: "does not fit into 64 bits";
}

static bool read_special(struct sn_str name, bool negative, struct sn_toml_value *value)
{
	if (sn_str_eq(name, SN_STR("inf")))
		value->real = negative ? -INFINITY : INFINITY;
	else if (sn_str_eq(name, SN_STR("nan")))
		value->real = negative ? -NAN : NAN;
	else
		return false;
	value->kind = SN_TOML_FLOAT;
	return true;
}

const char *sn_toml_number(struct sn_pool *pool, struct sn_str token, struct sn_toml_value *value)
{
	static const struct {
		struct sn_str prefix;
		unsigned base;
	} bases[] = { { SN_STR("0x"), 16 }, { SN_STR("0o"), 8 }, { SN_STR("0b"), 2 } };
	struct scan sc = { .s = token };
	struct sn_strbuf out;
	bool negative;

	sn_strbuf_fixed(&out, sn_pool_alloc(pool, token.n + 1), token.n + 1);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (sn_str_starts(token, bases[i].prefix))
			return read_prefixed(&sc, bases[i].base, &out, value);
	negative = scan_peek(&sc) == '-';
	if (scan_take(&sc, "+-") && negative)
		sn_strbuf_addc(&out, '-');
	if (read_special(sn_str_from(token, sc.at), negative, value))
		return NULL;
	return read_decimal(&sc, &out, value);
}

/* Exactly `width` digits. */
static bool scan_fixed(struct scan *sc, size_t width, unsigned *v_r)
{
	struct sn_str digits = sn_str_sub(sc->s, sc->at, width);
	uint64_t v = 0;

	if (digits.n != width || sn_parse_u64(digits, 9999, &v) != SN_OK)
		return false;
	sc->at += width;
	*v_r = (unsigned)v;
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static const char *scan_date(struct scan *sc, struct sn_toml_datetime *dt)
{
	unsigned year, month, day;

	if (!scan_fixed(sc, 4, &year) || !scan_take(sc, "-") || !scan_fixed(sc, 2, &month) ||
		!scan_take(sc, "-") || !scan_fixed(sc, 2, &day))
		return "is not a date (YYYY-MM-DD)";
	if (month < 1 || month > 12)
		return "names a month outside 01 to 12";
	if (day < 1 || day > days_in_month(year, month))
		return "names a day that month does not have";
	dt->year = (int16_t)year;
	dt->month = (uint8_t)month;
	dt->day = (uint8_t)day;
	return NULL;
}

/* Digits beyond nanoseconds are cut off, as the specification asks. */
static bool scan_fraction(struct scan *sc, uint32_t *ns_r)
{
	uint32_t ns = 0, unit = 100000000;
	size_t from = sc->at;

	for (; sn_ascii_digit(scan_peek(sc)); sc->at++, unit /= 10)
		ns += (uint32_t)(scan_peek(sc) - '0') * unit;
	*ns_r = ns;
	return sc->at > from;
}

static const char *scan_time(struct scan *sc, struct sn_toml_datetime *dt)
{
	unsigned hour, minute, second;

	if (!scan_fixed(sc, 2, &hour) || !scan_take(sc, ":") || !scan_fixed(sc, 2, &minute) ||
		!scan_take(sc, ":") || !scan_fixed(sc, 2, &second))
		return "is not a time (HH:MM:SS)";
	/* RFC 3339 section 5.7: 60 is a leap second. */
	if (hour > 23 || minute > 59 || second > 60)
		return "names an hour, minute or second that does not exist";
	if (scan_take(sc, ".") && !scan_fraction(sc, &dt->nanosecond))
		return "has no digits after the point";
	dt->hour = (uint8_t)hour;
	dt->minute = (uint8_t)minute;
	dt->second = (uint8_t)second;
	return NULL;
}

static const char *scan_offset(struct scan *sc, struct sn_toml_datetime *dt)
{
	bool negative = scan_peek(sc) == '-';
	unsigned hours, minutes;

	if (scan_take(sc, "Zz"))
		return NULL;
	if (!scan_take(sc, "+-") || !scan_fixed(sc, 2, &hours) || !scan_take(sc, ":") ||
		!scan_fixed(sc, 2, &minutes))
		return "has no time offset (Z or +HH:MM) after the time";
	if (hours > 23 || minutes > 59)
		return "has a time offset outside 23:59";
	dt->offset_minutes = (int16_t)(hours * 60 + minutes);
	if (negative)
		dt->offset_minutes = (int16_t)-dt->offset_minutes;
	return NULL;
}

static const char *read_date_first(struct scan *sc, struct sn_toml_value *value)
{
	const char *why = scan_date(sc, &value->datetime);

	value->kind = SN_TOML_LOCAL_DATE;
	if (why != NULL || sc->at == sc->s.n)
		return why;
	if (!scan_take(sc, "Tt "))
		return "is not a date (YYYY-MM-DD)";
	value->kind = SN_TOML_LOCAL_DATETIME;
	why = scan_time(sc, &value->datetime);
	if (why != NULL || sc->at == sc->s.n)
		return why;
	value->kind = SN_TOML_OFFSET_DATETIME;
	return scan_offset(sc, &value->datetime);
}

const char *sn_toml_datetime(struct sn_str token, struct sn_toml_value *value)
{
	struct scan sc = { .s = token };
	const char *why;

	value->datetime = (struct sn_toml_datetime){ 0 };
	if (token.n > 2 && token.p[2] == ':') {
		value->kind = SN_TOML_LOCAL_TIME;
		why = scan_time(&sc, &value->datetime);
	} else {
		why = read_date_first(&sc, value);
	}
	return why == NULL && sc.at < token.n ? "has more behind it than a date or time has" : why;
}

static bool bare_char(int c)
{
	return c > 0 &&
		(sn_ascii_alpha((char)c) || sn_ascii_digit((char)c) || strchr("_+-.:", c) != NULL);
}

/* The longest run that could be one value; a date's blank before its time belongs to it. */
static struct sn_str take_bare(struct sn_lex *lx)
{
	size_t from = lx->at;
	struct sn_str token;

	while (bare_char(sn_lex_peek(lx)))
		sn_lex_skip(lx, 1);
	token = sn_lex_since(lx, from);
	if (token.n != 10 || token.p[4] != '-' || sn_lex_peek(lx) != ' ' ||
		lx->at + 1 >= lx->text.n || !sn_ascii_digit(lx->text.p[lx->at + 1]))
		return token;
	sn_lex_skip(lx, 1);
	while (bare_char(sn_lex_peek(lx)))
		sn_lex_skip(lx, 1);
	return sn_lex_since(lx, from);
}

static bool looks_like_datetime(struct sn_str token)
{
	return (token.n > 4 && token.p[4] == '-' && sn_ascii_digit(token.p[3])) ||
		(token.n > 2 && token.p[2] == ':' && sn_ascii_digit(token.p[1]));
}

static const char *classify(struct sn_pool *pool, struct sn_str token, struct sn_toml_value *value)
{
	if (sn_str_eq(token, SN_STR("true")) || sn_str_eq(token, SN_STR("false"))) {
		value->kind = SN_TOML_BOOLEAN;
		value->boolean = token.n == 4;
		return NULL;
	}
	if (sn_ascii_digit(token.p[0]) && looks_like_datetime(token))
		return sn_toml_datetime(token, value);
	if (sn_ascii_digit(token.p[0]) || strchr("+-.", token.p[0]) != NULL)
		return sn_toml_number(pool, token, value);
	if (read_special(token, false, value))
		return NULL;
	if (sn_str_eq_nocase(token, SN_STR("true")) || sn_str_eq_nocase(token, SN_STR("false")))
		return "must be in lower case";
	return "is not a value: text needs quotes";
}

bool sn_toml_read_bare(struct sn_lex *lx, struct sn_pool *pool, struct sn_toml_value *value)
{
	struct sn_conf_pos pos = sn_lex_pos(lx);
	size_t from = lx->at;
	struct sn_str token = take_bare(lx);
	const char *why;

	if (token.n == 0)
		return sn_lex_unexpected(lx, "a value");
	why = classify(pool, token, value);
	if (why == NULL)
		return true;
	token = sn_str_sub(token, 0, SHOWN_MAX);
	sn_conf_report(lx->diags, SN_CONF_ERROR, sn_lex_until(lx, pos, from), "%.*s %s",
		SN_STR_ARG(token), why);
	return false;
}
