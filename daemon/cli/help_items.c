#include "daemon/cli/help_items.h"

static size_t indentation(struct sn_str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] == ' ')
		n++;
	return n;
}

static void split_item(struct sn_str line, struct sn_help_line *line_r)
{
	const size_t end = sn_str_find_str(line, SN_STR("  "));

	line_r->kind = SN_HELP_ITEM;
	line_r->text = sn_str_sub(line, 0, end);
	line_r->doc = sn_str_trim(sn_str_from(line, end));
}

bool sn_help_next(struct sn_help *help, struct sn_help_line *line_r)
{
	struct sn_str line;

	if (help->rest.n == 0)
		return false;
	(void)sn_str_split(&help->rest, '\n', &line);
	const size_t blanks = indentation(line);
	*line_r = (struct sn_help_line){ .text = sn_str_from(line, blanks) };
	if (line_r->text.n == 0) {
		line_r->kind = SN_HELP_BLANK;
	} else if (sn_str_eq(line, SN_STR("Examples:"))) {
		line_r->kind = SN_HELP_EXAMPLES;
		help->examples = true;
	} else if (help->examples && blanks > 0) {
		line_r->kind = SN_HELP_EXAMPLE;
	} else if (blanks == 2) {
		split_item(line_r->text, line_r);
	} else {
		line_r->kind = blanks > 0 ? SN_HELP_MORE : SN_HELP_TEXT;
	}
	return true;
}

/* "sennit.toml" has a point; what an item takes is in capitals. */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || sn_ascii_digit(c) || c == '-' || c == '.';
}

bool sn_help_name(struct sn_str *text, struct sn_str *name_r)
{
	size_t from = 0, end;

	while (from < text->n && (text->p[from] == '|' || text->p[from] == ' '))
		from++;
	/* A blank between two names means that the second one is an argument. */
	const bool first = from == 0, joined = sn_str_find(sn_str_sub(*text, 0, from), '|') < from;
	for (end = from; end < text->n && is_name_char(text->p[end]);)
		end++;
	const bool ended = end == text->n || strchr("| =[", text->p[end]) != NULL;
	if (end == from || !ended || !(first || joined))
		return false;
	*name_r = sn_str_sub(*text, from, end - from);
	*text = sn_str_from(*text, end);
	return true;
}
