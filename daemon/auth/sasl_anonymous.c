/* ANONYMOUS (RFC 4505): what the client says about itself is for traces; nobody checks it. */
#include "daemon/auth/sasl_mechs.h"
#include "daemon/base/text.h"

static int step_anonymous(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	const struct sn_creds creds = sn_sasl_creds(sasl, SN_CREDS_ANONYMOUS);

	(void)out;
	if (response.n > SN_SASL_NAME_MAX || !sn_utf8_valid(response) ||
		sn_str_find(response, '\0') < response.n)
		return SN_EPROTO;
	return sn_sasl_log_in(sasl, &creds);
}

const struct sn_sasl_mech sn_sasl_anonymous = {
	.name = "ANONYMOUS",
	.kind = SN_CREDS_ANONYMOUS,
	.step = step_anonymous,
};
