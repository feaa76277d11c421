/* What the engine and the mechanisms share. Private to daemon/auth. */
#ifndef SN_DAEMON_AUTH_SASL_MECHS_H
#define SN_DAEMON_AUTH_SASL_MECHS_H

#include "daemon/auth/sasl.h"

#define SN_SASL_NAME_MAX 255
#define SN_SASL_PASSWORD_MAX 1024
#define SN_SASL_TOKEN_MAX 8192
#define SN_SASL_NONCE_MAX 256
#define SN_SASL_BINDING_MAX 64 /* sn_stream_tls_binding */

extern const struct sn_sasl_mech sn_sasl_anonymous, sn_sasl_external, sn_sasl_oauthbearer,
	sn_sasl_plain, sn_sasl_scram_sha_1, sn_sasl_scram_sha_1_plus, sn_sasl_scram_sha_256,
	sn_sasl_scram_sha_256_plus;

/* Who and where from, for every creds. */
struct sn_creds sn_sasl_creds(const struct sn_sasl *sasl, enum sn_creds_kind kind);
/* Ask the portal; the result is what a step returns. */
int sn_sasl_log_in(struct sn_sasl *sasl, const struct sn_creds *creds) SN_WARN_UNUSED;
/* Before that: only a session of this name will do; empty: any. */
void sn_sasl_want(struct sn_sasl *sasl, struct sn_str name);
/* Has this connection a binding that a client may use? */
bool sn_sasl_can_bind(const struct sn_sasl *sasl);
void sn_sasl_scram_free(struct sn_scram_exchange **exchange);

/*
 * GS2 header (RFC 5801 4): "n,," "y,a=NAME," "p=TYPE,,".
 */
struct sn_gs2 {
	char flag;           /* n, y, p */
	struct sn_str type;  /* p: the binding's */
	struct sn_str name;  /* as sent, still escaped; empty: none */
	struct sn_str whole; /* with its last comma */
};
/* Takes the header off *rest. SN_EPROTO. */
int sn_gs2_take(struct sn_str *rest, struct sn_gs2 *gs2_r) SN_WARN_UNUSED;
/* saslname: "=2C" is ',', "=3D" is '='; then SASLprep. SN_EPROTO. */
int sn_gs2_name(struct sn_str escaped, struct sn_strbuf *out) SN_WARN_UNUSED;

#endif
