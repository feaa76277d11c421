/*
 * String views. A view is a pointer and a length into memory somebody else owns; it is passed by
 * value, need not end in NUL, and never outlives the callback it came with unless copied
 * (sn_str_dup, sn_pool_str). Case here means ASCII case.
 */
#ifndef SN_DAEMON_BASE_STR_H
#define SN_DAEMON_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sn_str {
	const char *p;
	size_t n;
};

#define SN_STR(literal) ((struct sn_str){ "" literal, sizeof(literal) - 1 })
#define SN_STR_NULL ((struct sn_str){ NULL, 0 })
/* printf("%.*s", SN_STR_ARG(s)) */
#define SN_STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct sn_str sn_str_n(const void *p, size_t n)
{
	return (struct sn_str){ (const char *)p, n };
}

static inline struct sn_str sn_str(const char *cstr)
{
	return (struct sn_str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline bool sn_str_eq(struct sn_str a, struct sn_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char sn_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool sn_ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool sn_ascii_alpha(char c)
{
	return sn_ascii_lower(c) >= 'a' && sn_ascii_lower(c) <= 'z';
}

bool sn_str_eq_nocase(struct sn_str a, struct sn_str b);
/* <0, 0, >0: bytes, a prefix sorts first. */
int sn_str_cmp(struct sn_str a, struct sn_str b);
bool sn_str_starts(struct sn_str s, struct sn_str prefix);
bool sn_str_ends(struct sn_str s, struct sn_str suffix);
/* Index of the first such byte / substring, or s.n when there is none. */
size_t sn_str_find(struct sn_str s, char c);
size_t sn_str_find_str(struct sn_str s, struct sn_str needle);
/* [from, from+n) clipped to s. */
struct sn_str sn_str_sub(struct sn_str s, size_t from, size_t n);
struct sn_str sn_str_from(struct sn_str s, size_t from);
/* Without leading and trailing space, tab, CR, LF. */
struct sn_str sn_str_trim(struct sn_str s);
/*
 * Take the part before the first sep off *rest into *part_r and skip sep. False when *rest was
 * used up before the call (an empty string yields one empty part; mark: rest->p == NULL).
 */
bool sn_str_split(struct sn_str *rest, char sep, struct sn_str *part_r);
/* Glob with '*' and '?', ASCII case-insensitive; linear in the product of the lengths at worst. */
bool sn_str_glob(struct sn_str pattern, struct sn_str s);
/* Damerau-Levenshtein distance of short names, for "did you mean"; capped: above max returns
 * max + 1. */
size_t sn_str_distance(struct sn_str a, struct sn_str b, size_t max);
/* The nearest of names[0..count) within a third of the length, or NULL. */
const char *sn_str_nearest(struct sn_str s, const char *const *names, size_t count);

#endif
