#include "daemon/auth/authorized_keys_parse.h"

#include "daemon/base/text.h"
#include "daemon/base/wire.h"

static const char *const key_types[] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp521",
	"ssh-rsa",
	"sk-ssh-ed25519@openssh.com",
	"sk-ecdsa-sha2-nistp256@openssh.com",
};

static bool is_key_type(struct sn_str word)
{
	for (size_t i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++) {
		if (sn_str_eq(word, sn_str(key_types[i])))
			return true;
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Up to the first blank that is not inside quotes. A backslash means itself but before a quote. */
static struct sn_str take_word(struct sn_str *rest)
{
	bool quoted = false;
	size_t n = 0;
	struct sn_str word;

	for (; n < rest->n && (quoted || !is_blank(rest->p[n])); n++) {
		if (sn_str_starts(sn_str_from(*rest, n), SN_STR("\\\"")))
			n++;
		else if (rest->p[n] == '"')
			quoted = !quoted;
	}
	word = sn_str_sub(*rest, 0, n);
	*rest = sn_str_trim(sn_str_from(*rest, n));
	return word;
}

/* The closing quote of a value that begins behind its opening one; value.n: there is none. */
static size_t find_quote(struct sn_str value)
{
	size_t n = 0;

	while (n < value.n && value.p[n] != '"')
		n += sn_str_starts(sn_str_from(value, n), SN_STR("\\\"")) ? 2 : 1;
	return n < value.n ? n : value.n;
}

static bool is_option_char(char c)
{
	return sn_ascii_alpha(c) || sn_ascii_digit(c) || c == '-' || c == '_';
}

/* One where none is needed means nothing, as in sshd. */
static struct sn_str skip_commas(struct sn_str s)
{
	while (sn_str_starts(s, SN_STR(",")))
		s = sn_str_from(s, 1);
	return s;
}

bool sn_authorized_key_option(struct sn_str *rest, struct sn_str *name_r, struct sn_str *value_r)
{
	struct sn_str at = skip_commas(*rest);
	size_t n = 0;

	*rest = at;
	while (n < at.n && is_option_char(at.p[n]))
		n++;
	*name_r = sn_str_sub(at, 0, n);
	*value_r = SN_STR_NULL;
	at = sn_str_from(at, n);
	if (sn_str_starts(at, SN_STR("=\""))) {
		at = sn_str_from(at, 2);
		n = find_quote(at);
		if (n == at.n)
			return false;
		*value_r = sn_str_sub(at, 0, n);
		at = sn_str_from(at, n + 1);
	}
	if (name_r->n == 0 || (at.n > 0 && at.p[0] != ','))
		return false;
	*rest = skip_commas(at);
	return true;
}

static bool options_fine(struct sn_str options)
{
	struct sn_str name, value;

	while (sn_authorized_key_option(&options, &name, &value))
		continue;
	return options.n == 0;
}

/* A key is its type and one to three more strings, whole. */
static bool is_whole(const struct sn_authorized_key *key)
{
	struct sn_reader in = sn_reader(sn_str_n(key->wire, key->wire_n));
	unsigned strings = 0;

	for (; in.err == SN_OK && sn_reader_left(&in) > 0; strings++)
		(void)sn_read_str32(&in);
	return in.err == SN_OK && strings >= 2 && strings <= 4;
}

static int decode(struct sn_str base64, struct sn_authorized_key *key, struct sn_diag *diag)
{
	struct sn_reader in;

	if (sn_base64_decode(base64, key->wire, sizeof(key->wire), &key->wire_n) != SN_OK ||
		!is_whole(key))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"what follows %.*s is no whole key in base64 of at most %d bytes",
			SN_STR_ARG(key->type), SN_SSH_KEY_MAX);
	in = sn_reader(sn_str_n(key->wire, key->wire_n));
	if (!sn_str_eq(sn_read_str32(&in), key->type))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"the line says %.*s, and the key in it is of another type",
			SN_STR_ARG(key->type));
	return SN_OK;
}

int sn_authorized_key_parse(
	struct sn_str line, struct sn_authorized_key *key_r, struct sn_diag *diag)
{
	struct sn_str rest = sn_str_trim(line), word;

	if (rest.n == 0 || rest.p[0] == '#')
		return sn_diag_set(diag, SN_EMISSING, 0, "there is no key in this line");
	*key_r = (struct sn_authorized_key){ 0 };
	word = take_word(&rest);
	if (!is_key_type(word) && !sn_str_eq(word, SN_STR("ssh-dss"))) {
		key_r->options = word;
		word = take_word(&rest);
	}
	if (sn_str_eq(word, SN_STR("ssh-dss")))
		return sn_diag_set(diag, SN_EUNSUPPORTED, 0, "DSA keys are not safe any more");
	if (!is_key_type(word))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"this is no line of authorized_keys: \"ssh-ed25519 AAAA... comment\", with "
			"options before it if need be");
	if (!options_fine(key_r->options))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"the options before %.*s are malformed: name or name=\"value\", separated by "
			"commas",
			SN_STR_ARG(word));
	key_r->type = word;
	word = take_word(&rest);
	key_r->comment = rest;
	return decode(word, key_r, diag);
}
