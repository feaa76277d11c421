/*
 * Certificates that somebody shows after the handshake, or in another way than TLS: do our roots
 * vouch for one, and which names does it give its holder? DER in, no OpenSSL types out.
 */
#ifndef SN_DAEMON_NET_TLS_VERIFY_H
#define SN_DAEMON_NET_TLS_VERIFY_H

#include "daemon/base/strbuf.h"

struct sn_tls_roots;

/* Every certificate of the PEM file is trusted, also one that is not self-signed. Blocking. */
int sn_tls_roots_new(
	const char *path, struct sn_tls_roots **roots_r, struct sn_diag *diag) SN_WARN_UNUSED;
void sn_tls_roots_free(struct sn_tls_roots **roots);

/* Is it a certificate for TLS clients, valid now, that one of the roots has signed (or is)? SN_OK;
 * SN_ECERT; SN_ESYNTAX: no certificate. A signature or two: 0.1 ms. */
int sn_tls_roots_verify(const struct sn_tls_roots *roots, struct sn_str der) SN_WARN_UNUSED;

/*
 * The i-th name of the holder, as it stands there: XMPP addresses first (RFC 6120 13.7.1.4), then
 * mail addresses (SAN), then the common name. SN_ENOTFOUND: no more; SN_ESYNTAX: no certificate.
 * Names with a NUL inside are left out.
 */
int sn_tls_cert_name(struct sn_str der, size_t i, struct sn_strbuf *out) SN_WARN_UNUSED;

#endif
