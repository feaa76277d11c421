/* Tables for people: columns as wide as their widest cell, the last one left open. Cells are UTF-8;
 * what could steer a terminal is shown escaped. */
#ifndef SN_DAEMON_CLI_TABLE_H
#define SN_DAEMON_CLI_TABLE_H

#include <stdio.h>

#include "daemon/base/strbuf.h"

struct sn_table_column {
	const char *title;
	bool right; /* numbers */
};

struct sn_table {
	const struct sn_table_column *columns;
	size_t column_count;
	char **cells; /* row by row */
	size_t cell_count;
};

void sn_table_init(struct sn_table *table, const struct sn_table_column *columns, size_t count);
void sn_table_fini(struct sn_table *table);
/* The next cell, from left to right and then in the next row. */
void sn_table_add(struct sn_table *table, struct sn_str text);
void sn_table_addf(struct sn_table *table, const char *fmt, ...) SN_PRINTF(2, 3);
/* Title line (bold with color), then the rows; no rows: nothing. */
void sn_table_print(const struct sn_table *table, FILE *out, bool color);

#endif
