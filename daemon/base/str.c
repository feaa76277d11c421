#include "daemon/base/str.h"

#include "daemon/base/mem.h"

bool sn_str_eq_nocase(struct sn_str a, struct sn_str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (sn_ascii_lower(a.p[i]) != sn_ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

int sn_str_cmp(struct sn_str a, struct sn_str b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

bool sn_str_starts(struct sn_str s, struct sn_str prefix)
{
	return s.n >= prefix.n && sn_str_eq(sn_str_n(s.p, prefix.n), prefix);
}

bool sn_str_ends(struct sn_str s, struct sn_str suffix)
{
	return s.n >= suffix.n && sn_str_eq(sn_str_from(s, s.n - suffix.n), suffix);
}

size_t sn_str_find(struct sn_str s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return at != NULL ? (size_t)(at - s.p) : s.n;
}

size_t sn_str_find_str(struct sn_str s, struct sn_str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	at = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at != NULL ? (size_t)(at - s.p) : s.n;
}

struct sn_str sn_str_sub(struct sn_str s, size_t from, size_t n)
{
	if (s.p == NULL)
		return s;
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return sn_str_n(s.p + from, n);
}

struct sn_str sn_str_from(struct sn_str s, size_t from)
{
	return sn_str_sub(s, from, s.n);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct sn_str sn_str_trim(struct sn_str s)
{
	size_t from = 0;

	while (from < s.n && is_blank(s.p[from]))
		from++;
	while (s.n > from && is_blank(s.p[s.n - 1]))
		s.n--;
	return sn_str_from(s, from);
}

bool sn_str_split(struct sn_str *rest, char sep, struct sn_str *part_r)
{
	const size_t at = sn_str_find(*rest, sep);

	if (rest->p == NULL)
		return false;
	*part_r = sn_str_sub(*rest, 0, at);
	*rest = at < rest->n ? sn_str_from(*rest, at + 1) : SN_STR_NULL;
	return true;
}

/*
 * Only the last star can need another try: what an earlier one swallowed never has to change
 * once the text up to a later star has matched.
 */
bool sn_str_glob(struct sn_str pattern, struct sn_str s)
{
	size_t p = 0, i = 0;
	size_t star = pattern.n, tried = 0; /* the last star and where its rest was tried */

	while (i < s.n) {
		const char c = p < pattern.n ? pattern.p[p] : '\0';

		if (p < pattern.n && c == '*') {
			star = p++;
			tried = i;
		} else if (p < pattern.n &&
			(c == '?' || sn_ascii_lower(c) == sn_ascii_lower(s.p[i]))) {
			p++;
			i++;
		} else if (star < pattern.n) {
			p = star + 1;
			i = ++tried;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * One row of the distance matrix: rows[0] is to be filled, rows[1] and rows[2] are the two before.
 * Returns the least value in it.
 */
static size_t distance_row(struct sn_str a, struct sn_str b, size_t i, size_t *rows[3])
{
	size_t best = rows[0][0] = i;

	for (size_t j = 1; j <= b.n; j++) {
		const bool same = a.p[i - 1] == b.p[j - 1];
		size_t d = least(rows[1][j], rows[0][j - 1]) + 1;

		d = least(d, rows[1][j - 1] + (same ? 0 : 1));
		if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
			d = least(d, rows[2][j - 2] + 1);
		rows[0][j] = d;
		best = least(best, d);
	}
	return best;
}

size_t sn_str_distance(struct sn_str a, struct sn_str b, size_t max)
{
	const size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
	size_t *mem, *rows[3];
	size_t best = 0, d;

	if (gap > max)
		return max + 1;
	mem = sn_alloc_array(3 * (b.n + 1), sizeof(*mem));
	for (size_t k = 0; k < 3; k++)
		rows[k] = mem + k * (b.n + 1);
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *oldest = rows[2];

		rows[2] = rows[1];
		rows[1] = rows[0];
		rows[0] = oldest;
		best = distance_row(a, b, i, rows);
		if (best > max)
			break; /* the least of a row never falls again */
	}
	d = best > max ? best : rows[0][b.n];
	sn_free(mem);
	return d > max ? max + 1 : d;
}

const char *sn_str_nearest(struct sn_str s, const char *const *names, size_t count)
{
	const char *nearest = NULL;
	size_t best = s.n / 3 + 1;

	for (size_t i = 0; i < count && best > 0; i++) {
		const size_t d = sn_str_distance(s, sn_str(names[i]), best - 1);

		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
