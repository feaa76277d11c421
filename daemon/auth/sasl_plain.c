/* PLAIN (RFC 4616): [authzid] NUL authcid NUL passwd, UTF-8. */
#include "daemon/auth/sasl_mechs.h"
#include "daemon/base/text.h"

static bool is_sized(struct sn_str part, size_t max)
{
	return part.n > 0 && part.n <= max;
}

/* The password goes on as it is: a crypt(3) hash knows its bytes only, and who keeps SCRAM records
 * prepares it. */
static int step_plain(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	struct sn_creds creds = sn_sasl_creds(sasl, SN_CREDS_PASSWORD);
	struct sn_str rest = response, authzid, authcid, more;
	char mem[4 * SN_SASL_NAME_MAX + 64];
	struct sn_strbuf name;

	(void)out;
	if (!sn_str_split(&rest, '\0', &authzid) || !sn_str_split(&rest, '\0', &authcid) ||
		!sn_str_split(&rest, '\0', &creds.password) || sn_str_split(&rest, '\0', &more))
		return SN_EPROTO;
	if (!is_sized(authcid, SN_SASL_NAME_MAX) ||
		!is_sized(creds.password, SN_SASL_PASSWORD_MAX) || !sn_utf8_valid(response))
		return SN_EPROTO;
	if (authzid.n != 0 && !sn_saslprep_same(authzid, authcid))
		return SN_EDENIED;
	sn_strbuf_fixed(&name, mem, sizeof(mem));
	if (sn_saslprep(authcid, &name) != SN_OK)
		return SN_EDENIED;
	creds.account = sn_strbuf_str(&name);
	return sn_sasl_log_in(sasl, &creds);
}

const struct sn_sasl_mech sn_sasl_plain = {
	.name = "PLAIN",
	.kind = SN_CREDS_PASSWORD,
	.needs_tls = true,
	.step = step_plain,
};
