#include "daemon/cli/table.h"

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define GAP 2
#define CELL_MAX (1 << 16)

void sn_table_init(struct sn_table *table, const struct sn_table_column *columns, size_t count)
{
	*table = (struct sn_table){ .columns = columns, .column_count = count };
}

void sn_table_fini(struct sn_table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		sn_free(table->cells[i]);
	sn_free(table->cells);
	*table = (struct sn_table){ 0 };
}

void sn_table_add(struct sn_table *table, struct sn_str text)
{
	struct sn_strbuf cell;

	sn_strbuf_init(&cell, CELL_MAX);
	sn_strbuf_add_quoted(&cell, text);
	if ((table->cell_count & (table->cell_count - 1)) == 0) /* room doubles */
		table->cells = sn_realloc_array(table->cells,
			table->cell_count == 0 ? 1 : 2 * table->cell_count, sizeof(*table->cells));
	table->cells[table->cell_count++] = sn_strdup(sn_strbuf_cstr(&cell));
	sn_strbuf_fini(&cell);
}

void sn_table_addf(struct sn_table *table, const char *fmt, ...)
{
	struct sn_strbuf text;
	va_list args;

	sn_strbuf_init(&text, CELL_MAX);
	va_start(args, fmt);
	sn_strbuf_addv(&text, fmt, args);
	va_end(args);
	sn_table_add(table, sn_str(sn_strbuf_cstr(&text)));
	sn_strbuf_fini(&text);
}

/* Code points: as near to columns of a terminal as one gets without a locale. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct sn_table *table, size_t column)
{
	size_t width = width_of(table->columns[column].title);

	for (size_t i = column; i < table->cell_count; i += table->column_count) {
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	}
	return width;
}

static void print_cell(const struct sn_table *table, const size_t *widths, size_t column,
	const char *text, FILE *out)
{
	const bool last = column + 1 == table->column_count, right = table->columns[column].right;
	const size_t pad = widths[column] - width_of(text);

	fprintf(out, "%*s%s%*s", right ? (int)pad : 0, "", text,
		last ? 0 : (int)((right ? 0 : pad) + GAP), "");
}

void sn_table_print(const struct sn_table *table, FILE *out, bool color)
{
	size_t *widths;

	sn_assert(table->cell_count % table->column_count == 0);
	if (table->cell_count == 0)
		return;
	widths = sn_alloc_array(table->column_count, sizeof(*widths));
	for (size_t column = 0; column < table->column_count; column++)
		widths[column] = column_width(table, column);
	if (color)
		fputs("\033[1m", out);
	for (size_t column = 0; column < table->column_count; column++)
		print_cell(table, widths, column, table->columns[column].title, out);
	fputs(color ? "\033[0m\n" : "\n", out);
	for (size_t i = 0; i < table->cell_count; i++) {
		print_cell(table, widths, i % table->column_count, table->cells[i], out);
		if ((i + 1) % table->column_count == 0)
			putc('\n', out);
	}
	sn_free(widths);
}
