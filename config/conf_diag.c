#include "config/conf_diag.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/conf_secret.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define MESSAGE_MAX 1024
/* Code points of one source line that are shown, and how many of them before the caret. */
#define EXCERPT_MAX 160
#define EXCERPT_BEFORE 60

void sn_conf_diags_init(struct sn_conf_diags *d)
{
	*d = (struct sn_conf_diags){ .pool = sn_pool_new(0) };
	d->last = &d->first;
}

void sn_conf_diags_fini(struct sn_conf_diags *d)
{
	sn_pool_free(&d->pool);
	*d = (struct sn_conf_diags){ 0 };
}

struct sn_conf_source *sn_conf_source_add(
	struct sn_pool *pool, struct sn_conf_source **list, const char *name, struct sn_str text)
{
	struct sn_conf_source *source = sn_pool_alloc_zero(pool, sizeof(*source));

	source->name = sn_pool_str(pool, sn_str(name));
	source->text = text;
	while (*list != NULL)
		list = &(*list)->next;
	*list = source;
	return source;
}

struct sn_conf_pos sn_conf_whole_text(const struct sn_conf_source *source)
{
	return (struct sn_conf_pos){
		.source = source, .line = 1, .column = 1, .length = (uint32_t)source->text.n
	};
}

static bool same_source(const struct sn_conf_source *a, const struct sn_conf_source *b)
{
	return a == b ||
		(a->is_option == b->is_option && sn_str_eq(a->name, b->name) &&
			sn_str_eq(a->text, b->text));
}

const struct sn_conf_source *sn_conf_source_import(
	struct sn_pool *pool, struct sn_conf_source **list, const struct sn_conf_source *source)
{
	struct sn_conf_source *own;

	if (source == NULL)
		return NULL;
	for (own = *list; own != NULL; own = own->next)
		if (same_source(own, source))
			return own;
	own = sn_conf_source_add(pool, list, source->name.p, sn_conf_keep(pool, source->text));
	own->is_option = source->is_option;
	return own;
}

/* The start of a line and how to get from there to a later one without starting over. */
struct line_cursor {
	const struct sn_conf_source *source;
	uint32_t line;
	size_t start;
};

static void seek_line(struct line_cursor *c, const struct sn_conf_source *source, uint32_t line)
{
	if (c->source != source || c->line > line)
		*c = (struct line_cursor){ .source = source, .line = 1 };
	while (c->line < line && c->start < source->text.n) {
		c->start += sn_str_find(sn_str_from(source->text, c->start), '\n') + 1;
		c->line++;
	}
}

static struct sn_str line_at(const struct line_cursor *c)
{
	struct sn_str line = sn_str_from(c->source->text, c->start);

	line.n = sn_str_find(line, '\n');
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (c->start == 0 && sn_str_starts(line, SN_STR("\xEF\xBB\xBF")))
		line = sn_str_from(line, 3);
	return line;
}

/* A byte that begins a column: anything but what continues a UTF-8 sequence. */
static bool begins_column(char c)
{
	return ((unsigned char)c & 0xC0) != 0x80;
}

static uint32_t count_columns(struct sn_str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += begins_column(s.p[i]);
	return n;
}

/* The byte index of a 1-based column. */
static size_t column_index(struct sn_str line, uint32_t column)
{
	size_t i = 0;

	for (; i < line.n; i++)
		if (begins_column(line.p[i]) && --column == 0)
			break;
	return i;
}

struct sn_conf_pos sn_conf_pos_within(struct sn_conf_pos pos, struct sn_str text, size_t offset)
{
	struct line_cursor c = { 0 };
	struct sn_str rest;
	uint32_t quote = 0;

	if (pos.source == NULL || pos.line == 0 || pos.column == 0)
		return pos;
	seek_line(&c, pos.source, pos.line);
	rest = line_at(&c);
	rest = sn_str_from(rest, column_index(rest, pos.column));
	if (!pos.source->is_option && rest.n > 0 && (rest.p[0] == '"' || rest.p[0] == '\'')) {
		rest = sn_str_from(rest, 1);
		quote = 1;
	}
	if (!sn_str_starts(rest, text))
		return pos;
	pos.column += quote + count_columns(sn_str_sub(text, 0, offset));
	pos.length = 0;
	return pos;
}

void sn_conf_report(struct sn_conf_diags *d, enum sn_conf_severity severity, struct sn_conf_pos pos,
	const char *fmt, ...)
{
	struct sn_conf_problem *problem = sn_pool_alloc_zero(d->pool, sizeof(*problem));
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	problem->severity = severity;
	problem->pos = pos;
	problem->pos.source = sn_conf_source_import(d->pool, &d->sources, pos.source);
	problem->text = sn_pool_str(d->pool, sn_str(text));
	*d->last = problem;
	d->last = &problem->next;
	if (severity == SN_CONF_ERROR)
		d->errors++;
	else
		d->warnings++;
}

struct printer {
	struct sn_strbuf *out;
	bool color;
	struct line_cursor line;
};

static void paint(struct printer *p, const char *code)
{
	if (p->color)
		sn_strbuf_addf(p->out, "\033[%sm", code);
}

/* Text of unknown origin for a terminal: what could steer it is a question mark. */
static void add_safe(struct sn_strbuf *out, struct sn_str s)
{
	while (s.n > 0) {
		uint32_t cp;
		size_t n = sn_utf8_decode(s, &cp);

		if (n > 0 && (cp == '\t' || (cp >= 0x20 && cp < 0x7F) || cp >= 0xA0))
			sn_strbuf_add(out, sn_str_sub(s, 0, n));
		else if (n > 0 || begins_column(s.p[0]))
			sn_strbuf_addc(out, '?');
		s = sn_str_from(s, n > 0 ? n : 1);
	}
}

/* Blanks as wide as s, which was printed above: a tab stays a tab. */
static void add_blank(struct sn_strbuf *out, struct sn_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (begins_column(s.p[i]))
			sn_strbuf_addc(out, s.p[i] == '\t' ? '\t' : ' ');
}

static void print_caret(struct printer *p, struct sn_str marked)
{
	uint32_t width = count_columns(marked);

	paint(p, "32");
	sn_strbuf_addc(p->out, '^');
	for (uint32_t i = 1; i < width; i++)
		sn_strbuf_addc(p->out, '~');
	paint(p, "0");
	sn_strbuf_addc(p->out, '\n');
}

/* The source line with a margin, and the caret below it; a long line is cut around the caret. */
static void print_excerpt(struct printer *p, const struct sn_conf_pos *pos)
{
	struct sn_str line, before, marked;
	size_t caret, from = 0;
	char margin[32];

	seek_line(&p->line, pos->source, pos->line);
	line = line_at(&p->line);
	if (pos->column > EXCERPT_MAX - EXCERPT_BEFORE)
		from = column_index(line, pos->column - EXCERPT_BEFORE);
	caret = column_index(line, pos->column) - from;
	line = sn_str_from(line, from);
	line.n = column_index(line, EXCERPT_MAX + 1);
	before = sn_str_sub(line, 0, caret);
	marked = sn_str_sub(line, caret, pos->length);
	(void)snprintf(margin, sizeof(margin), "  %u | ", pos->line);
	if (pos->source->is_option)
		(void)snprintf(margin, sizeof(margin), "    ");
	sn_strbuf_adds(p->out, margin);
	add_safe(p->out, line);
	sn_strbuf_addc(p->out, '\n');
	if (!pos->source->is_option)
		(void)snprintf(
			margin, sizeof(margin), "  %*s | ", snprintf(NULL, 0, "%u", pos->line), "");
	sn_strbuf_adds(p->out, margin);
	add_blank(p->out, before);
	print_caret(p, marked);
}

static void print_place(struct printer *p, const struct sn_conf_pos *pos)
{
	if (pos->source == NULL)
		return;
	paint(p, "1");
	add_safe(p->out, pos->source->name);
	if (!pos->source->is_option && pos->line > 0)
		sn_strbuf_addf(p->out, ":%u", pos->line);
	if (!pos->source->is_option && pos->line > 0 && pos->column > 0)
		sn_strbuf_addf(p->out, ":%u", pos->column);
	sn_strbuf_adds(p->out, ": ");
	paint(p, "0");
}

static void print_problem(struct printer *p, const struct sn_conf_problem *problem)
{
	bool error = problem->severity == SN_CONF_ERROR;

	print_place(p, &problem->pos);
	paint(p, error ? "1;31" : "1;35");
	sn_strbuf_adds(p->out, error ? "error: " : "warning: ");
	paint(p, "0");
	add_safe(p->out, problem->text);
	sn_strbuf_addc(p->out, '\n');
	if (problem->pos.source != NULL && problem->pos.line > 0 && problem->pos.column > 0)
		print_excerpt(p, &problem->pos);
}

/* A problem and what it is sorted by. */
struct ranked {
	const struct sn_conf_problem *problem;
	size_t source, found;
};

static int three_way(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int by = three_way(a->source, b->source);

	if (by == 0)
		by = three_way(a->problem->pos.line, b->problem->pos.line);
	if (by == 0)
		by = three_way(a->problem->pos.column, b->problem->pos.column);
	return by != 0 ? by : three_way(a->found, b->found);
}

static size_t source_rank(const struct sn_conf_diags *d, const struct sn_conf_source *source)
{
	size_t rank = 1;

	if (source == NULL)
		return 0;
	for (const struct sn_conf_source *s = d->sources; s != NULL && s != source; s = s->next)
		rank++;
	return rank;
}

void sn_conf_diags_print(const struct sn_conf_diags *d, struct sn_strbuf *out, bool color)
{
	struct printer p = { .out = out, .color = color };
	size_t count = d->errors + d->warnings, n = 0;
	struct ranked *ranked = sn_alloc_array(count > 0 ? count : 1, sizeof(*ranked));

	for (const struct sn_conf_problem *problem = d->first; problem != NULL;
		problem = problem->next, n++)
		ranked[n] = (struct ranked){ .problem = problem,
			.source = source_rank(d, problem->pos.source),
			.found = n };
	qsort(ranked, n, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < n; i++)
		print_problem(&p, ranked[i].problem);
	sn_free(ranked);
}
