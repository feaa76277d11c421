/*
 * OAUTHBEARER (RFC 7628): "n,a=NAME,\1host=H\1port=P\1auth=Bearer TOKEN\1\1". A refusal is told in
 * JSON first; the client answers that with \1, and then it is over.
 */
#include "daemon/auth/sasl_mechs.h"

#define KEYS_MAX 16
#define REFUSAL "{\"status\":\"invalid_token\",\"schemes\":\"bearer\"}"

/* VCHAR, blanks and line ends (RFC 7628 3.1). */
static bool is_value(struct sn_str value)
{
	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];

		if ((c < ' ' || c > '~') && c != '\t' && c != '\r' && c != '\n')
			return false;
	}
	return true;
}

static bool is_key(struct sn_str key)
{
	for (size_t i = 0; i < key.n; i++) {
		if (!sn_ascii_alpha(key.p[i]))
			return false;
	}
	return key.n > 0;
}

/* "Bearer TOKEN"; the scheme is a word of HTTP: case does not matter. */
static bool is_bearer(struct sn_str value, struct sn_str *token_r)
{
	const struct sn_str scheme = SN_STR("Bearer ");

	if (!sn_str_eq_nocase(sn_str_sub(value, 0, scheme.n), scheme))
		return false;
	*token_r = sn_str_trim(sn_str_from(value, scheme.n));
	return token_r->n > 0;
}

/* After the GS2 header: \1, KEY=VALUE\1 ..., \1. A message without a token asks what there is. */
static int parse_pairs(struct sn_str rest, struct sn_str *token_r)
{
	struct sn_str part;

	*token_r = SN_STR_NULL;
	if (!sn_str_starts(rest, SN_STR("\1")) || !sn_str_ends(rest, SN_STR("\1")))
		return SN_EPROTO;
	rest = sn_str_sub(rest, 1, rest.n - 1);
	for (size_t i = 0; i < KEYS_MAX && sn_str_split(&rest, '\1', &part); i++) {
		const size_t equals = sn_str_find(part, '=');
		const struct sn_str key = sn_str_sub(part, 0, equals);
		const struct sn_str value = sn_str_from(part, equals + 1);

		if (part.n == 0) /* the last \1: nothing follows */
			return rest.p != NULL && rest.n == 0 ? SN_OK : SN_EPROTO;
		if (equals == part.n || !is_key(key) || !is_value(value))
			return SN_EPROTO;
		if (sn_str_eq(key, SN_STR("auth")) &&
			(token_r->n > 0 || !is_bearer(value, token_r)))
			return SN_EPROTO;
	}
	return SN_EPROTO;
}

static int refuse(int code, struct sn_strbuf *out)
{
	if (code != SN_EDENIED)
		return code;
	sn_strbuf_adds(out, REFUSAL);
	return SN_AGAIN;
}

static int step_oauth(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	struct sn_creds creds = sn_sasl_creds(sasl, SN_CREDS_TOKEN);
	char mem[4 * SN_SASL_NAME_MAX + 64];
	struct sn_str rest = response;
	struct sn_strbuf name;
	struct sn_gs2 gs2;

	/* Whatever the client says to the refusal: it is over. */
	if (sasl->steps > 1)
		return sn_str_eq(response, SN_STR("\1")) ? SN_EDENIED : SN_EPROTO;
	sn_strbuf_fixed(&name, mem, sizeof(mem));
	if (sn_gs2_take(&rest, &gs2) != SN_OK || gs2.flag == 'p' ||
		parse_pairs(rest, &creds.token) != SN_OK || creds.token.n > SN_SASL_TOKEN_MAX)
		return SN_EPROTO;
	if (gs2.name.n > 0 && sn_gs2_name(gs2.name, &name) != SN_OK)
		return SN_EPROTO;
	if (creds.token.n == 0)
		return refuse(SN_EDENIED, out);
	creds.account = sn_strbuf_str(&name);
	sn_sasl_want(sasl, creds.account);
	return refuse(sn_sasl_log_in(sasl, &creds), out);
}

static int oauth_answered(
	struct sn_sasl *sasl, struct sn_promise *p, int code, struct sn_strbuf *out)
{
	if (code == SN_OK)
		sasl->session = sn_check_session(p);
	return refuse(code, out);
}

const struct sn_sasl_mech sn_sasl_oauthbearer = {
	.name = "OAUTHBEARER",
	.kind = SN_CREDS_TOKEN,
	.needs_tls = true,
	.step = step_oauth,
	.answered = oauth_answered,
};
