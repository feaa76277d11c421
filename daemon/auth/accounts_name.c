/* Names of accounts: what is allowed, and what makes two of them the same. */
#include <stringprep.h>

#include "daemon/auth/accounts_private.h"
#include "daemon/base/text.h"

/* stringprep works in place; case folding and NFKC make a name several times as long at worst. */
#define PREP_SIZE (SN_ACCOUNT_NAME_MAX * 18 + 1)

/* Beyond ASCII: what is neither letter, digit nor mark, and passes Nodeprep (RFC 3920 A). */
static const struct {
	uint32_t first, last;
} not_in_names[] = {
	{ 0x00a0, 0x00a9 },
	{ 0x00ab, 0x00b4 },
	{ 0x00b6, 0x00b9 },
	{ 0x00bb, 0x00bf },
	{ 0x00d7, 0x00d7 },
	{ 0x00f7, 0x00f7 },
	{ 0x2000, 0x2bff }, /* punctuation, signs, arrows, mathematics, boxes, dingbats */
	{ 0x2e00, 0x2fff },
	{ 0x3000, 0x3004 },
	{ 0x3008, 0x3020 },
	{ 0x3030, 0x3030 },
	{ 0xe000, 0xf8ff },
	{ 0xfd3e, 0xfd3f },
	{ 0xfe10, 0xfe1f },
	{ 0xfe30, 0xfe6f },
	{ 0xfff0, 0x1ffff },
};

static bool is_name_char(uint32_t cp)
{
	if (cp < 0x80)
		return sn_ascii_alpha((char)cp) || sn_ascii_digit((char)cp) || cp == '.' ||
			cp == '_' || cp == '-';
	for (size_t i = 0; i < sizeof(not_in_names) / sizeof(not_in_names[0]); i++) {
		if (cp >= not_in_names[i].first && cp <= not_in_names[i].last)
			return false;
	}
	return true;
}

/* The first character that no name may have; false: there is none. */
static bool find_forbidden(struct sn_str name, struct sn_str *found_r)
{
	while (name.n > 0) {
		uint32_t cp;
		const size_t n = sn_utf8_decode(name, &cp);

		*found_r = sn_str_sub(name, 0, n > 0 ? n : 1);
		if (n == 0 || !is_name_char(cp))
			return true;
		name = sn_str_from(name, n);
	}
	return false;
}

/* Nodeprep is SASLprep with case folding, and forbids what addresses are made of. */
static bool fold(struct sn_str name, struct sn_account_id *id_r)
{
	char text[PREP_SIZE];
	struct sn_str found;

	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (stringprep(text, sizeof(text), STRINGPREP_NO_UNASSIGNED, stringprep_xmpp_nodeprep) !=
		STRINGPREP_OK)
		return false;
	id_r->n = strlen(text);
	if (id_r->n == 0 || id_r->n > SN_ACCOUNT_NAME_MAX ||
		find_forbidden(sn_str_n(text, id_r->n), &found))
		return false;
	memcpy(id_r->text, text, id_r->n + 1);
	return true;
}

static bool bad_start(struct sn_str name)
{
	return name.n == 0 || name.p[0] == '.' || name.p[0] == '-';
}

bool sn_account_id_make(struct sn_str name, struct sn_account_id *id_r)
{
	struct sn_str found;

	return name.n <= SN_ACCOUNT_NAME_MAX && !bad_start(name) && !find_forbidden(name, &found) &&
		fold(name, id_r) && !bad_start(sn_str_n(id_r->text, id_r->n));
}

static int refuse_char(struct sn_str name, struct sn_str found, struct sn_diag *diag)
{
	char shown[64];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, shown, sizeof(shown));
	sn_strbuf_add_quoted(&b, found);
	return sn_diag_set(diag, SN_EENCODING, (size_t)(found.p - name.p) + 1,
		"an account name has letters, digits, '.', '_' and '-', not '%s'", shown);
}

int sn_account_name_check(struct sn_str name, struct sn_diag *diag)
{
	struct sn_account_id id;
	struct sn_str found;

	if (name.n == 0)
		return sn_diag_set(diag, SN_EMISSING, 0, "the account name is empty");
	if (name.n > SN_ACCOUNT_NAME_MAX)
		return sn_diag_set(diag, SN_ELIMIT, 0,
			"an account name has at most %d bytes, this one %zu", SN_ACCOUNT_NAME_MAX,
			name.n);
	if (find_forbidden(name, &found))
		return refuse_char(name, found, diag);
	if (bad_start(name))
		return sn_diag_set(diag, SN_EENCODING, 1,
			"an account name begins with a letter or digit, not '%c'", name.p[0]);
	if (!sn_account_id_make(name, &id))
		return sn_diag_set(diag, SN_EENCODING, 0,
			"no account can have this name: it mixes or holds characters that are not "
			"letters, digits or marks of a script (RFC 3920 A)");
	return SN_OK;
}
