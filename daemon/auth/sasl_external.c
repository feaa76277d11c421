/*
 * EXTERNAL (RFC 4422 A): who the connection itself shows: by the client's certificate, or on a unix
 * socket by the user that the kernel vouches for. The response is the name the client wants to be,
 * or nothing: then it is the one that belongs to the proof.
 */
#include "daemon/auth/sasl_mechs.h"
#include "daemon/base/text.h"
#include "daemon/net/tls.h"

static const struct sn_tls_info *certificate_of(const struct sn_sasl *sasl)
{
	const struct sn_tls_info *info =
		sasl->stream != NULL ? sn_stream_tls_info(sasl->stream) : NULL;

	return info != NULL && info->has_peer_cert ? info : NULL;
}

static bool peer_uid(const struct sn_sasl *sasl, uid_t *uid_r)
{
	return sasl->stream != NULL && sn_stream_peer_uid(sasl->stream, uid_r) == SN_OK;
}

static bool fits_external(const struct sn_sasl *sasl, unsigned kinds)
{
	uid_t uid;

	return ((kinds & SN_CREDS_CERTIFICATE) != 0 && certificate_of(sasl) != NULL) ||
		((kinds & SN_CREDS_PEER) != 0 && peer_uid(sasl, &uid));
}

static bool is_name(struct sn_str response)
{
	return response.n <= SN_SASL_NAME_MAX && sn_utf8_valid(response) &&
		sn_str_find(response, '\0') == response.n;
}

static int step_external(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	const struct sn_tls_info *info = certificate_of(sasl);
	struct sn_creds creds = sn_sasl_creds(sasl, SN_CREDS_PEER);

	(void)out;
	if (!is_name(response))
		return SN_EPROTO;
	creds.account = response;
	sn_sasl_want(sasl, response);
	if (info != NULL && (sn_portal_kinds(sasl->portal) & SN_CREDS_CERTIFICATE) != 0) {
		creds.kind = SN_CREDS_CERTIFICATE;
		creds.fingerprint = info->peer_fingerprint;
		creds.certificate = info->peer_der;
		creds.certificate_verified = info->peer_verified;
	} else if (!peer_uid(sasl, &creds.uid)) {
		return SN_EDENIED;
	}
	return sn_sasl_log_in(sasl, &creds);
}

const struct sn_sasl_mech sn_sasl_external = {
	.name = "EXTERNAL",
	.kind = SN_CREDS_CERTIFICATE | SN_CREDS_PEER,
	.fits = fits_external,
	.step = step_external,
};
