/*
 * A cursor over one TOML text that knows its line and column: what the grammar (conf_toml.c) and
 * the scalar values (conf_toml_value.c) are written in. Private to config/.
 *
 * Everything that finds an error has reported it when it returns false.
 */
#ifndef SN_CONFIG_CONF_LEX_H
#define SN_CONFIG_CONF_LEX_H

#include "config/conf_diag.h"

struct sn_lex {
	const struct sn_conf_source *source;
	struct sn_conf_diags *diags;
	struct sn_str text;
	size_t at; /* index of the next byte */
	uint32_t line;
	/* A place on this line whose column is known, so that counting goes on from there. */
	size_t known_at;
	uint32_t known_column;
	uint32_t bad_line; /* the last line with a forbidden character: one report per line is
			      enough */
};

#define SN_LEX_END (-1)

void sn_lex_init(
	struct sn_lex *lx, const struct sn_conf_source *source, struct sn_conf_diags *diags);
/* The next byte or SN_LEX_END. */
int sn_lex_peek(const struct sn_lex *lx);
bool sn_lex_starts(const struct sn_lex *lx, struct sn_str s);
/* Take n bytes, none of which is a line feed. */
void sn_lex_skip(struct sn_lex *lx, size_t n);
/* Take c if it is next. */
bool sn_lex_take(struct sn_lex *lx, char c);
/* LF or CRLF next: take it. */
bool sn_lex_newline(struct sn_lex *lx);
void sn_lex_blanks(struct sn_lex *lx); /* spaces and tabs */
/* Bytes from `from` up to here. */
struct sn_str sn_lex_since(const struct sn_lex *lx, size_t from);

struct sn_conf_pos sn_lex_pos(struct sn_lex *lx);
/* The same place, underlined up to here. */
struct sn_conf_pos sn_lex_until(const struct sn_lex *lx, struct sn_conf_pos pos, size_t from);

/* One character of text (not a newline). False if TOML forbids it; it is taken all the same. */
bool sn_lex_char(struct sn_lex *lx, struct sn_str *char_r);
/* Blanks, perhaps a comment, then the end of the line or of the text. */
bool sn_lex_line_end(struct sn_lex *lx, const char *after);
/* Any number of blanks, comments and newlines. */
void sn_lex_gap(struct sn_lex *lx);
/* To the start of the next line whatever comes before it. */
void sn_lex_skip_line(struct sn_lex *lx);
/* Report "expected ..., found" and what is next; false. */
bool sn_lex_unexpected(struct sn_lex *lx, const char *expected);

#endif
