/*
 * Strict text codecs: what one of these accepts, exactly one value is meant by, and nothing after
 * it is ignored. They never read past a view and never allocate.
 */
#ifndef SN_DAEMON_BASE_TEXT_H
#define SN_DAEMON_BASE_TEXT_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/base/strbuf.h"

/* Decimal, no sign, blanks or leading '+': SN_ENUMBER malformed, SN_ERANGE above max. */
int sn_parse_u64(struct sn_str s, uint64_t max, uint64_t *v_r) SN_WARN_UNUSED;
/* As above with an optional '-'. */
int sn_parse_i64(struct sn_str s, int64_t min, int64_t max, int64_t *v_r) SN_WARN_UNUSED;
/* Digits of base 2..16, without prefix. */
int sn_parse_base(struct sn_str s, unsigned base, uint64_t max, uint64_t *v_r) SN_WARN_UNUSED;
/* "16KiB", "2MiB", "1GiB", "500kB", "100" (bytes); SN_ENUMBER or SN_ERANGE (over 2^63-1). */
int sn_parse_size(struct sn_str s, uint64_t *bytes_r) SN_WARN_UNUSED;
/* "250ms", "30s", "5m", "2h", "7d", "1h30m", "0"; nanoseconds; a bare number but 0 is refused. */
int sn_parse_duration(struct sn_str s, int64_t *ns_r) SN_WARN_UNUSED;
/* Shortest text that parses back to the same value ("5400s" is "90m"); a negative duration, which
 * no input may contain, gets a '-'. */
void sn_format_size(struct sn_strbuf *b, uint64_t bytes);
void sn_format_duration(struct sn_strbuf *b, int64_t ns);
/* v / unit as a decimal number: at most so many digits (0..18) after the point, cut, not rounded,
 * without trailing zeros. unit: 1..10^18. Free of printf's locale. */
void sn_format_decimal(struct sn_strbuf *b, uint64_t v, uint64_t unit, unsigned digits);

/*
 * The decoders write at most cap bytes to mem: SN_ELIMIT if there are more, SN_EENCODING if the
 * text is malformed; mem may then hold a part, *n_r is untouched.
 */
/* Hexadecimal, both cases accepted, lower case written. */
int sn_hex_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r) SN_WARN_UNUSED;
void sn_hex_encode(struct sn_strbuf *b, struct sn_str s);

/* RFC 4648: canonical padding required and non-zero trailing bits refused; url: section 5
 * alphabet, no padding. */
int sn_base64_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r) SN_WARN_UNUSED;
void sn_base64_encode(struct sn_strbuf *b, struct sn_str s);
int sn_base64url_decode(struct sn_str s, void *mem, size_t cap, size_t *n_r) SN_WARN_UNUSED;
void sn_base64url_encode(struct sn_strbuf *b, struct sn_str s);

/* RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
bool sn_utf8_valid(struct sn_str s);
/* Length of the longest valid prefix of at most n bytes (cutting text without breaking it). */
size_t sn_utf8_prefix(struct sn_str s, size_t n);
/* Decode one code point at s.p: bytes used (1..4), or 0 if there is no valid one. */
size_t sn_utf8_decode(struct sn_str s, uint32_t *cp_r);
/* Encode one scalar value; 1..4 bytes, or 0 if it is not one. */
size_t sn_utf8_encode(uint32_t cp, char out[4]);

#endif
