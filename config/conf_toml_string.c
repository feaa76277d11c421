#include "config/conf_toml_value.h"

#include "config/conf_secret.h"
#include "daemon/base/text.h"

/* A string as it stands in the text. */
struct raw_string {
	char quote;
	bool multi; /* three quotes on either side */
	size_t end; /* index of the closing quotes */
};

static size_t quotes_at(const struct sn_lex *lx, size_t at, char quote)
{
	size_t n = 0;

	while (at + n < lx->text.n && lx->text.p[at + n] == quote)
		n++;
	return n;
}

/*
 * Where the closing quotes of a three-quote string begin. One or two quotes may stand directly
 * before them; more than that belongs to what follows the string.
 */
static bool find_multi_end(const struct sn_lex *lx, struct raw_string *raw)
{
	for (size_t i = lx->at; i < lx->text.n; i++) {
		size_t run = quotes_at(lx, i, raw->quote);

		if (run >= 3) {
			raw->end = i + (run < 5 ? run : 5) - 3;
			return true;
		}
		if (run > 0)
			i += run - 1;
		else if (raw->quote == '"' && lx->text.p[i] == '\\')
			i++;
	}
	return false;
}

static bool find_single_end(const struct sn_lex *lx, struct raw_string *raw)
{
	for (size_t i = lx->at; i < lx->text.n && lx->text.p[i] != '\n'; i++) {
		if (lx->text.p[i] == raw->quote) {
			raw->end = i;
			return true;
		}
		if (raw->quote == '"' && lx->text.p[i] == '\\' && i + 1 < lx->text.n &&
			lx->text.p[i + 1] != '\n')
			i++;
	}
	return false;
}

/* Take the opening quotes and find the closing ones. */
static bool open_string(struct sn_lex *lx, struct raw_string *raw)
{
	struct sn_conf_pos pos = sn_lex_pos(lx);
	size_t from = lx->at, quotes;

	raw->quote = lx->text.p[lx->at];
	quotes = quotes_at(lx, lx->at, raw->quote);
	raw->multi = quotes >= 3;
	sn_lex_skip(lx, raw->multi ? 3 : 1);
	if (raw->multi ? find_multi_end(lx, raw) : find_single_end(lx, raw))
		return true;
	sn_conf_report(lx->diags, SN_CONF_ERROR, sn_lex_until(lx, pos, from),
		raw->multi ? "this string is never closed"
			   : "this string is not closed on its line");
	if (raw->multi)
		lx->at = lx->text.n;
	return false;
}

/* \uXXXX or \UXXXXXXXX: the lexer stands behind the letter. */
static bool read_unicode(struct sn_lex *lx, size_t digits, struct sn_strbuf *out)
{
	struct sn_str hex = sn_str_sub(lx->text, lx->at, digits);
	uint64_t cp = 0;
	char utf8[4];
	size_t n = 0;

	if (hex.n == digits && sn_parse_base(hex, 16, UINT32_MAX, &cp) == SN_OK) {
		sn_lex_skip(lx, digits);
		n = sn_utf8_encode((uint32_t)cp, utf8);
	}
	sn_strbuf_add(out, sn_str_n(utf8, n));
	return n > 0;
}

static bool read_escape(struct sn_lex *lx, struct sn_strbuf *out)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	struct sn_conf_pos pos = sn_lex_pos(lx);
	size_t from = lx->at;
	const char *known;
	bool ok;
	int c;

	sn_lex_skip(lx, 1);
	c = sn_lex_peek(lx);
	known = c > 0 ? strchr(letters, c) : NULL;
	if (known != NULL) {
		sn_lex_skip(lx, 1);
		sn_strbuf_addc(out, meanings[known - letters]);
		return true;
	}
	if (c == 'u' || c == 'U') {
		sn_lex_skip(lx, 1);
		ok = read_unicode(lx, c == 'u' ? 4 : 8, out);
		if (!ok)
			sn_conf_report(lx->diags, SN_CONF_ERROR, sn_lex_until(lx, pos, from),
				"\\%c takes the %d hexadecimal digits of a Unicode character", c,
				c == 'u' ? 4 : 8);
		return ok;
	}
	sn_conf_report(lx->diags, SN_CONF_ERROR, pos,
		"unknown escape; a backslash itself is written \\\\, "
		"or use single quotes, where it is plain");
	return false;
}

/* A backslash at the end of a line joins it with the next text, whatever blanks are between. */
static bool join_lines(struct sn_lex *lx)
{
	struct sn_lex ahead = *lx;

	sn_lex_skip(&ahead, 1);
	sn_lex_blanks(&ahead);
	if (!sn_lex_newline(&ahead))
		return false;
	do
		sn_lex_blanks(&ahead);
	while (sn_lex_newline(&ahead));
	*lx = ahead;
	return true;
}

static bool read_char(struct sn_lex *lx, const struct raw_string *raw, struct sn_strbuf *out)
{
	struct sn_str c;

	if (raw->quote == '"' && sn_lex_peek(lx) == '\\')
		return (raw->multi && join_lines(lx)) || read_escape(lx, out);
	if (raw->multi && sn_lex_newline(lx)) {
		sn_strbuf_addc(out, '\n');
		return true;
	}
	if (!sn_lex_char(lx, &c))
		return false;
	sn_strbuf_add(out, c);
	return true;
}

bool sn_toml_read_string(struct sn_lex *lx, struct sn_pool *pool, struct sn_toml_value *value)
{
	struct raw_string raw = { 0 };
	struct sn_strbuf out;
	bool ok = true;
	size_t room;

	if (!open_string(lx, &raw))
		return false;
	if (raw.multi)
		(void)sn_lex_newline(lx);
	/* Nothing means more bytes than it is written with. */
	room = raw.end - lx->at + 1;
	sn_strbuf_fixed(&out, sn_conf_secret_alloc(pool, room), room);
	while (lx->at < raw.end)
		ok &= read_char(lx, &raw, &out);
	sn_lex_skip(lx, raw.multi ? 3 : 1);
	value->kind = SN_TOML_STRING;
	value->string = sn_strbuf_str(&out);
	return ok;
}
