#include <stringprep.h>

#include "daemon/auth/scram.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

/* Text that both profiles leave as it is, but for case: the usual, and then no copy of a password
 * is left behind in a library's memory. */
static bool is_plain(struct sn_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < ' ' || text.p[i] > '~')
			return false;
	}
	return true;
}

/* Query strings: characters that Unicode 3.2 did not know pass, as RFC 3454 7 has it. */
static int prepare(struct sn_str text, const Stringprep_profile *profile, struct sn_strbuf *out)
{
	const size_t size = 4 * text.n + 64; /* NFKC at its worst takes more, and is refused */
	char *mem;
	int code;

	if (!sn_utf8_valid(text) || memchr(text.p, '\0', text.n) != NULL)
		return SN_EENCODING;
	mem = sn_alloc(size);
	memcpy(mem, text.p, text.n);
	mem[text.n] = '\0';
	code = stringprep(mem, size, 0, profile) == STRINGPREP_OK && mem[0] != '\0' ? SN_OK
										    : SN_EENCODING;
	if (code == SN_OK)
		sn_strbuf_adds(out, mem);
	sn_wipe(mem, size);
	sn_free(mem);
	return code != SN_OK ? code : out->err;
}

int sn_saslprep(struct sn_str text, struct sn_strbuf *out)
{
	if (text.n == 0)
		return SN_EENCODING;
	if (!is_plain(text))
		return prepare(text, stringprep_saslprep, out);
	sn_strbuf_add(out, text);
	return out->err;
}

int sn_saslprep_fold(struct sn_str text, struct sn_strbuf *out)
{
	struct sn_strbuf prepared;
	int code;

	if (text.n == 0)
		return SN_EENCODING;
	if (is_plain(text)) {
		for (size_t i = 0; i < text.n; i++)
			sn_strbuf_addc(out, sn_ascii_lower(text.p[i]));
		return out->err;
	}
	sn_strbuf_init(&prepared, 4 * text.n + 64);
	code = prepare(text, stringprep_saslprep, &prepared);
	/* Nameprep's tables fold case (RFC 3454 B.2), and SASLprep has refused the rest before. */
	if (code == SN_OK)
		code = prepare(sn_strbuf_str(&prepared), stringprep_nameprep, out);
	sn_strbuf_fini(&prepared);
	return code;
}

bool sn_saslprep_same(struct sn_str a, struct sn_str b)
{
	struct sn_strbuf folded_a, folded_b;
	bool same;

	if (is_plain(a) && is_plain(b))
		return sn_str_eq_nocase(a, b);
	sn_strbuf_init(&folded_a, 4 * a.n + 64);
	sn_strbuf_init(&folded_b, 4 * b.n + 64);
	same = sn_saslprep_fold(a, &folded_a) == SN_OK && sn_saslprep_fold(b, &folded_b) == SN_OK &&
		sn_str_eq(sn_strbuf_str(&folded_a), sn_strbuf_str(&folded_b));
	sn_strbuf_fini(&folded_a);
	sn_strbuf_fini(&folded_b);
	return same;
}
