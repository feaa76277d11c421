#include "config/conf_lex.h"

#include <stdio.h>

#include "daemon/base/assert.h"
#include "daemon/base/text.h"

void sn_lex_init(
	struct sn_lex *lx, const struct sn_conf_source *source, struct sn_conf_diags *diags)
{
	*lx = (struct sn_lex){
		.source = source, .diags = diags, .text = source->text, .line = 1, .known_column = 1
	};
	if (sn_str_starts(lx->text, SN_STR("\xEF\xBB\xBF")))
		lx->at = lx->known_at = 3;
}

int sn_lex_peek(const struct sn_lex *lx)
{
	return lx->at < lx->text.n ? (unsigned char)lx->text.p[lx->at] : SN_LEX_END;
}

bool sn_lex_starts(const struct sn_lex *lx, struct sn_str s)
{
	return sn_str_starts(sn_str_from(lx->text, lx->at), s);
}

void sn_lex_skip(struct sn_lex *lx, size_t n)
{
	sn_assert(n <= lx->text.n - lx->at);
	lx->at += n;
}

bool sn_lex_take(struct sn_lex *lx, char c)
{
	if (sn_lex_peek(lx) != (unsigned char)c)
		return false;
	lx->at++;
	return true;
}

bool sn_lex_newline(struct sn_lex *lx)
{
	if (sn_lex_starts(lx, SN_STR("\r\n")))
		lx->at++;
	else if (sn_lex_peek(lx) != '\n')
		return false;
	lx->at++;
	lx->line++;
	lx->known_at = lx->at;
	lx->known_column = 1;
	return true;
}

void sn_lex_blanks(struct sn_lex *lx)
{
	while (sn_lex_peek(lx) == ' ' || sn_lex_peek(lx) == '\t')
		lx->at++;
}

struct sn_str sn_lex_since(const struct sn_lex *lx, size_t from)
{
	return sn_str_sub(lx->text, from, lx->at - from);
}

struct sn_conf_pos sn_lex_pos(struct sn_lex *lx)
{
	for (; lx->known_at < lx->at; lx->known_at++)
		if ((lx->text.p[lx->known_at] & 0xC0) != 0x80)
			lx->known_column++;
	return (struct sn_conf_pos){
		.source = lx->source, .line = lx->line, .column = lx->known_column
	};
}

struct sn_conf_pos sn_lex_until(const struct sn_lex *lx, struct sn_conf_pos pos, size_t from)
{
	pos.length = (uint32_t)(lx->at - from);
	return pos;
}

/* A name for the character that is next, in quotes where it can be shown. */
static const char *describe_next(const struct sn_lex *lx, char *mem, size_t size)
{
	struct sn_str rest = sn_str_from(lx->text, lx->at);
	uint32_t cp = 0;
	size_t n = sn_utf8_decode(rest, &cp);

	if (rest.n == 0)
		return "the end of the file";
	if (cp == '\n' || sn_str_starts(rest, SN_STR("\r\n")))
		return "the end of the line";
	if (n == 0)
		(void)snprintf(mem, size, "byte 0x%02X", (unsigned char)rest.p[0]);
	else if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
		(void)snprintf(mem, size, "control character U+%04X", cp);
	else if (cp < 0x7F)
		(void)snprintf(mem, size, "'%c'", (int)cp);
	else
		(void)snprintf(mem, size, "'%.*s' (U+%04X)", (int)n, rest.p, cp);
	return mem;
}

bool sn_lex_unexpected(struct sn_lex *lx, const char *expected)
{
	char mem[48];

	sn_conf_report(lx->diags, SN_CONF_ERROR, sn_lex_pos(lx), "expected %s, found %s", expected,
		describe_next(lx, mem, sizeof(mem)));
	return false;
}

static bool forbidden(struct sn_lex *lx, size_t n, const char *what)
{
	if (lx->bad_line != lx->line)
		sn_conf_report(lx->diags, SN_CONF_ERROR, sn_lex_pos(lx), "%s", what);
	lx->bad_line = lx->line;
	lx->at += n;
	return false;
}

bool sn_lex_char(struct sn_lex *lx, struct sn_str *char_r)
{
	struct sn_str rest = sn_str_from(lx->text, lx->at);
	uint32_t cp;
	size_t n = sn_utf8_decode(rest, &cp);
	char what[64];

	*char_r = SN_STR_NULL;
	if (n == 0)
		return forbidden(lx, 1, "invalid UTF-8: the file must be saved as UTF-8");
	if (cp == '\r')
		return forbidden(lx, n, "carriage return without a line feed after it");
	if ((cp < 0x20 && cp != '\t') || cp == 0x7F) {
		(void)snprintf(what, sizeof(what), "control character U+%04X", cp);
		return forbidden(lx, n, what);
	}
	*char_r = sn_str_sub(rest, 0, n);
	lx->at += n;
	return true;
}

static bool at_newline(const struct sn_lex *lx)
{
	return sn_lex_peek(lx) == '\n' || sn_lex_starts(lx, SN_STR("\r\n"));
}

static void skip_comment(struct sn_lex *lx)
{
	struct sn_str ignored;

	if (sn_lex_peek(lx) == '#')
		while (sn_lex_peek(lx) != SN_LEX_END && !at_newline(lx))
			(void)sn_lex_char(lx, &ignored);
}

bool sn_lex_line_end(struct sn_lex *lx, const char *after)
{
	char expected[80];

	sn_lex_blanks(lx);
	skip_comment(lx);
	if (sn_lex_newline(lx) || sn_lex_peek(lx) == SN_LEX_END)
		return true;
	(void)snprintf(expected, sizeof(expected), "the end of the line after %s", after);
	return sn_lex_unexpected(lx, expected);
}

void sn_lex_gap(struct sn_lex *lx)
{
	do {
		sn_lex_blanks(lx);
		skip_comment(lx);
	} while (sn_lex_newline(lx));
}

void sn_lex_skip_line(struct sn_lex *lx)
{
	size_t left = sn_str_find(sn_str_from(lx->text, lx->at), '\n');

	lx->at += left;
	(void)sn_lex_newline(lx);
}
