#include "daemon/service/verbs.h"

static const struct sn_verb *row_at(const struct sn_verb_table *table, size_t i)
{
	return (const struct sn_verb *)(const void *)((const char *)table->rows +
		i * table->stride);
}

static int compare(struct sn_str name, const char *row)
{
	for (size_t i = 0; i < name.n; i++) {
		const char c = sn_ascii_lower(name.p[i]), r = sn_ascii_lower(row[i]);

		if (r == '\0') /* name may go on with a zero byte of its own */
			return 1;
		if (c != r)
			return (unsigned char)c < (unsigned char)r ? -1 : 1;
	}
	return row[name.n] == '\0' ? 0 : -1;
}

const struct sn_verb *sn_verb_find(const struct sn_verb_table *table, struct sn_str name)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare(name, row_at(table, middle)->name);

		if (order == 0)
			return row_at(table, middle);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_upper(const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name >= 'a' && *name <= 'z')
			return false;
	}
	return true;
}

bool sn_verbs_check(const struct sn_verb_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct sn_verb *row = row_at(table, i);

		if (!is_upper(row->name) || row->min > row->max)
			return false;
		if (i > 0 && strcmp(row_at(table, i - 1)->name, row->name) >= 0)
			return false;
	}
	return true;
}
