#include "daemon/base/str.h"

#include <stdio.h>

#include "tests/unit/daemon/base/suites.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
	struct sn_str a, b;
	int order; /* sign of sn_str_cmp */
	bool nocase;
} compares[] = {
	{ SN_STR(""), SN_STR(""), 0, true }, { SN_STR_NULL, SN_STR(""), 0, true },
	{ SN_STR_NULL, SN_STR("a"), -1, false }, { SN_STR("abc"), SN_STR("abc"), 0, true },
	{ SN_STR("abc"), SN_STR("abd"), -1, false }, { SN_STR("ab"), SN_STR("abc"), -1, false },
	{ SN_STR("b"), SN_STR("abc"), 1, false }, { SN_STR("aBc"), SN_STR("AbC"), 1, true },
	{ SN_STR("a\0b"), SN_STR("a\0c"), -1, false },
	{ SN_STR("[@"), SN_STR("{`"), -1, false }, /* not letters, though 0x20 apart */
	{ SN_STR("\xc4"), SN_STR("\xe4"), -1, false },
	{ SN_STR("\xff"), SN_STR("a"), 1, false }, /* bytes, not chars */
};

START_TEST(comparison)
{
	const struct sn_str a = compares[_i].a, b = compares[_i].b;
	const int order = sn_str_cmp(a, b), back = sn_str_cmp(b, a);

	ck_assert_int_eq((order > 0) - (order < 0), compares[_i].order);
	ck_assert_int_eq((back > 0) - (back < 0), -compares[_i].order);
	ck_assert_int_eq(sn_str_eq(a, b), compares[_i].order == 0);
	ck_assert_int_eq(sn_str_eq_nocase(a, b), compares[_i].nocase);
}
END_TEST

START_TEST(ascii_classes)
{
	for (int i = 0; i < 256; i++) {
		const char c = (char)i;
		const bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z';

		ck_assert_hot(sn_ascii_lower(c) == (upper ? (char)(i + 32) : c));
		ck_assert_hot(sn_ascii_alpha(c) == (upper || lower));
		ck_assert_hot(sn_ascii_digit(c) == (i >= '0' && i <= '9'));
	}
}
END_TEST

START_TEST(starts_and_ends)
{
	const struct sn_str s = SN_STR("abcabd");

	ck_assert(sn_str_starts(s, SN_STR("abc")) && sn_str_ends(s, SN_STR("abd")));
	ck_assert(!sn_str_starts(s, SN_STR("abd")) && !sn_str_ends(s, SN_STR("abc")));
	ck_assert(sn_str_starts(s, s) && sn_str_ends(s, s));
	ck_assert(sn_str_starts(s, SN_STR("")) && sn_str_ends(s, SN_STR_NULL));
	ck_assert(!sn_str_starts(s, SN_STR("abcabde")) && !sn_str_ends(s, SN_STR("xabcabd")));
	ck_assert(sn_str_starts(SN_STR_NULL, SN_STR_NULL));
	ck_assert(!sn_str_ends(SN_STR_NULL, SN_STR("a")));
}
END_TEST

START_TEST(search)
{
	const struct sn_str s = SN_STR("a\0bcbc");

	ck_assert_uint_eq(sn_str_find(s, 'c'), 3);
	ck_assert_uint_eq(sn_str_find(s, '\0'), 1);
	ck_assert_uint_eq(sn_str_find(s, 'x'), s.n);
	ck_assert_uint_eq(sn_str_find(SN_STR_NULL, 'x'), 0);
	ck_assert_uint_eq(sn_str_find_str(s, SN_STR("bc")), 2);
	ck_assert_uint_eq(sn_str_find_str(s, SN_STR("bcb")), 2);
	ck_assert_uint_eq(sn_str_find_str(s, SN_STR("bcd")), s.n);
	ck_assert_uint_eq(sn_str_find_str(s, SN_STR("")), 0);
	ck_assert_uint_eq(sn_str_find_str(SN_STR_NULL, SN_STR("a")), 0);
	ck_assert_uint_eq(sn_str_find_str(SN_STR("a"), SN_STR("aa")), 1);
}
END_TEST

START_TEST(parts_are_clipped)
{
	const struct sn_str s = SN_STR("abcdef");

	ck_assert_str_view(sn_str_sub(s, 1, 3), "bcd");
	ck_assert_str_view(sn_str_sub(s, 4, 99), "ef");
	ck_assert_str_view(sn_str_sub(s, 4, SIZE_MAX), "ef");
	ck_assert_str_view(sn_str_sub(s, 99, 1), "");
	ck_assert_str_view(sn_str_from(s, 2), "cdef");
	ck_assert_str_view(sn_str_from(s, 6), "");
	ck_assert_str_view(sn_str_from(s, SIZE_MAX), "");
	ck_assert_uint_eq(sn_str_from(SN_STR_NULL, 3).n, 0);
}
END_TEST

static const struct {
	const char *text, *trimmed;
} trims[] = {
	{ "", "" },
	{ " \t\r\n", "" },
	{ "a", "a" },
	{ " a b\t", "a b" },
	{ "\r\na\v ", "a\v" },
	{ "a ", "a" },
};

START_TEST(trim)
{
	ck_assert_str_view(sn_str_trim(sn_str(trims[_i].text)), trims[_i].trimmed);
}
END_TEST

static const struct {
	struct sn_str text;
	const char *parts; /* each in brackets */
} splits[] = {
	{ SN_STR_NULL, "" },
	{ SN_STR(""), "[]" },
	{ SN_STR("a"), "[a]" },
	{ SN_STR(","), "[][]" },
	{ SN_STR("a,"), "[a][]" },
	{ SN_STR(",a"), "[][a]" },
	{ SN_STR("a,bc,,d"), "[a][bc][][d]" },
};

START_TEST(split)
{
	struct sn_str rest = splits[_i].text, part;
	char parts[64] = "";

	while (sn_str_split(&rest, ',', &part)) {
		const size_t n = strlen(parts);

		snprintf(parts + n, sizeof(parts) - n, "[%.*s]", SN_STR_ARG(part));
	}
	ck_assert_str_eq(parts, splits[_i].parts);
	ck_assert_ptr_null(rest.p);
}
END_TEST

static const struct {
	const char *pattern, *text;
	bool match;
} globs[] = {
	{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "anything", true },
	{ "?", "", false }, { "?", "a", true }, { "a?c", "abc", true }, { "a?c", "ac", false },
	{ "A*C", "abbbc", true }, { "*!*@*.example.org", "nick!user@a.b.EXAMPLE.org", true },
	{ "*!*@*.example.org", "nick!user@example.org", false }, { "a*b*c", "aXbXbXc", true },
	{ "a*b*c", "aXbXbX", false }, { "**a**", "bab", true }, { "*ab", "aab", true },
	{ "*?", "", false }, { "a*", "b", false }, { "[a]", "[A]", true },
	{ "\\*", "\\x", true }, /* no escapes */
};

START_TEST(glob)
{
	const bool match = sn_str_glob(sn_str(globs[_i].pattern), sn_str(globs[_i].text));

	ck_assert_msg(match == globs[_i].match, "%s against %s", globs[_i].pattern, globs[_i].text);
}
END_TEST

/* Exponential in a naive matcher; here it returns at once. */
START_TEST(glob_is_not_exponential)
{
	char pattern[201], text[4001];

	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "a*", 2);
	pattern[199] = 'b';
	memset(text, 'a', 4000);
	ck_assert(!sn_str_glob(sn_str_n(pattern, 200), sn_str_n(text, 4000)));
}
END_TEST

static const struct {
	const char *a, *b;
	size_t max, distance;
} distances[] = {
	{ "", "", 0, 0 },
	{ "", "abc", 5, 3 },
	{ "abc", "abc", 0, 0 },
	{ "abc", "abd", 3, 1 },
	{ "abc", "ac", 3, 1 },
	{ "abc", "xabc", 3, 1 },
	{ "abcd", "abdc", 3, 1 }, /* transposition */
	{ "ca", "abc", 3, 3 },    /* nothing is edited twice */
	{ "kitten", "sitting", 9, 3 },
	{ "kitten", "sitting", 3, 3 },
	{ "kitten", "sitting", 2, 3 },
	{ "kitten", "sitting", 0, 1 },
	{ "abcdefgh", "zyxwvuts", 2, 3 },
	{ "a", "abcdefgh", 2, 3 },
	{ "kitten", "sitting", SIZE_MAX, 3 },
};

START_TEST(distance)
{
	const struct sn_str a = sn_str(distances[_i].a), b = sn_str(distances[_i].b);

	ck_assert_uint_eq(sn_str_distance(a, b, distances[_i].max), distances[_i].distance);
	ck_assert_uint_eq(sn_str_distance(b, a, distances[_i].max), distances[_i].distance);
}
END_TEST

/* Straight from the definition: the oracle for the rows and the early ends. */
static size_t slow_distance(struct sn_str a, struct sn_str b)
{
	size_t best, d;

	if (a.n == 0 || b.n == 0)
		return a.n + b.n;
	best = slow_distance(sn_str_from(a, 1), sn_str_from(b, 1)) + (a.p[0] != b.p[0]);
	d = slow_distance(sn_str_from(a, 1), b) + 1;
	best = d < best ? d : best;
	d = slow_distance(a, sn_str_from(b, 1)) + 1;
	best = d < best ? d : best;
	if (a.n > 1 && b.n > 1 && a.p[0] == b.p[1] && a.p[1] == b.p[0]) {
		d = slow_distance(sn_str_from(a, 2), sn_str_from(b, 2)) + 1;
		best = d < best ? d : best;
	}
	return best;
}

/* The k-th word over "ab" and "c" of length k % 6. */
static struct sn_str word(unsigned k, char mem[5])
{
	const size_t n = k % 6;

	for (size_t i = 0; i < n; i++, k /= 3)
		mem[i] = (char)('a' + (k / 7) % 3);
	return sn_str_n(mem, n);
}

START_TEST(distance_equals_its_definition)
{
	for (unsigned k = 0; k < 4000; k++) {
		char mem_a[5], mem_b[5];
		const struct sn_str a = word(k, mem_a), b = word(k * 2654435761u >> 8, mem_b);
		const size_t d = slow_distance(a, b);

		for (size_t max = 0; max < 7; max++)
			ck_assert_hot(sn_str_distance(a, b, max) == (d > max ? max + 1 : d));
	}
}
END_TEST

START_TEST(nearest)
{
	static const char *const names[] = { "listen", "motd", "name", "auth" };

	ck_assert_str_eq(sn_str_nearest(SN_STR("listn"), names, COUNT(names)), "listen");
	ck_assert_str_eq(sn_str_nearest(SN_STR("liten"), names, COUNT(names)), "listen");
	ck_assert_str_eq(sn_str_nearest(SN_STR("mtod"), names, COUNT(names)), "motd");
	ck_assert_str_eq(sn_str_nearest(SN_STR("auth"), names, COUNT(names)), "auth");
	ck_assert_ptr_null(sn_str_nearest(SN_STR("xyz"), names, COUNT(names)));
	ck_assert_ptr_null(sn_str_nearest(SN_STR("au"), names, COUNT(names)));
	ck_assert_ptr_null(sn_str_nearest(SN_STR(""), names, COUNT(names)));
	ck_assert_ptr_null(sn_str_nearest(SN_STR("name"), names, 0));
}
END_TEST

Suite *sn_suite_str(void)
{
	Suite *suite = suite_create("base/str");
	TCase *tc = tcase_create("str");

	tcase_add_loop_test(tc, comparison, 0, COUNT(compares));
	tcase_add_test(tc, ascii_classes);
	tcase_add_test(tc, starts_and_ends);
	tcase_add_test(tc, search);
	tcase_add_test(tc, parts_are_clipped);
	tcase_add_loop_test(tc, trim, 0, COUNT(trims));
	tcase_add_loop_test(tc, split, 0, COUNT(splits));
	tcase_add_loop_test(tc, glob, 0, COUNT(globs));
	tcase_add_test(tc, glob_is_not_exponential);
	tcase_add_loop_test(tc, distance, 0, COUNT(distances));
	tcase_add_test(tc, distance_equals_its_definition);
	tcase_add_test(tc, nearest);
	suite_add_tcase(suite, tc);
	return suite;
}
