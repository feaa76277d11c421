/* What services may know of a TLS connection: facts for logs and policies, and channel bindings. */
#include "daemon/net/tls_private.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "daemon/base/mem.h"

#define SUBJECT_MAX 512
#define BINDING_MAX EVP_MAX_MD_SIZE

/* --- facts ---------------------------------------------------------------------------------- */

/* RFC 2253 */
static size_t print_subject(X509 *cert, char *mem, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, mem, (int)size);
	BIO_free(bio);
	return n > 0 ? (size_t)n : 0;
}

static struct sn_str put_text(char **at, struct sn_str text)
{
	char *p = *at;

	if (text.n > 0)
		memcpy(p, text.p, text.n);
	*at += text.n;
	return sn_str_n(p, text.n);
}

static void add_peer(
	struct sn_tls_info *info, SSL *ssl, X509 *peer, const struct sn_tls_context *context)
{
	unsigned n = 0;

	info->has_peer_cert = true;
	info->peer_verified = context->verifies_peer && SSL_get_verify_result(ssl) == X509_V_OK;
	sn_assert(X509_digest(peer, EVP_sha256(), info->peer_fingerprint, &n) == 1 &&
		n == sizeof(info->peer_fingerprint));
}

struct sn_tls_info *sn_tls_info_new(SSL *ssl, const struct sn_tls_context *context)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);
	const struct sn_str sni = sn_str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	char subject[SUBJECT_MAX];
	const size_t subject_n = peer != NULL ? print_subject(peer, subject, sizeof(subject)) : 0;
	unsigned char *der = NULL;
	const int der_n = peer != NULL && SSL_is_server(ssl) ? i2d_X509(peer, &der) : 0;
	const unsigned char *alpn;
	unsigned alpn_n;
	struct sn_tls_info *info;
	char *at;

	SSL_get0_alpn_selected(ssl, &alpn, &alpn_n);
	sn_assert(der_n >= 0);
	info = sn_alloc_zero(sizeof(*info) + sni.n + alpn_n + subject_n + (size_t)der_n);
	at = (char *)(info + 1);
	info->version = SSL_get_version(ssl);
	info->cipher = SSL_get_cipher_name(ssl);
	info->resumed = SSL_session_reused(ssl) == 1;
	info->sni = put_text(&at, sni);
	info->alpn = put_text(&at, sn_str_n(alpn, alpn_n));
	info->peer_subject = put_text(&at, sn_str_n(subject, subject_n));
	info->peer_der = put_text(&at, sn_str_n(der, (size_t)der_n));
	OPENSSL_free(der);
	if (peer != NULL)
		add_peer(info, ssl, peer, context);
	return info;
}

/* --- channel bindings ----------------------------------------------------------------------- */

/* Without it an attacker between two connections can make both have the same secret (RFC 7627). */
static bool has_unique_secret(SSL *ssl)
{
	return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

/* RFC 9266 */
static size_t bind_exporter(SSL *ssl, uint8_t mem[BINDING_MAX])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (!has_unique_secret(ssl) ||
		SSL_export_keying_material(ssl, mem, 32, label, sizeof(label) - 1, NULL, 0, 1) != 1)
		return 0;
	return 32;
}

/* RFC 5929 3: the first Finished message, which is the client's unless the session was resumed. */
static size_t bind_unique(SSL *ssl, uint8_t mem[BINDING_MAX])
{
	const bool client_first = !SSL_session_reused(ssl);

	if (SSL_version(ssl) >= TLS1_3_VERSION || !has_unique_secret(ssl))
		return 0;
	if (client_first == !SSL_is_server(ssl))
		return SSL_get_finished(ssl, mem, BINDING_MAX);
	return SSL_get_peer_finished(ssl, mem, BINDING_MAX);
}

/* RFC 5929 4: under the digest of the certificate's signature, but nothing weaker than SHA-256. */
static size_t bind_end_point(SSL *ssl, uint8_t mem[BINDING_MAX])
{
	X509 *cert = SSL_is_server(ssl) ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
	const EVP_MD *md;
	int nid = NID_undef;
	unsigned n = 0;

	if (cert == NULL || !X509_get_signature_info(cert, &nid, NULL, NULL, NULL))
		return 0;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	md = EVP_get_digestbynid(nid);
	/* Ed25519 has no digest of its own: the RFC does not say what to do. */
	return md != NULL && X509_digest(cert, md, mem, &n) == 1 ? n : 0;
}

int sn_tls_binding(SSL *ssl, struct sn_str type, uint8_t *out, size_t cap, size_t *n_r)
{
	static const struct {
		const char *name;
		size_t (*bind)(SSL *ssl, uint8_t mem[BINDING_MAX]);
	} kinds[] = {
		{ "tls-exporter", bind_exporter },
		{ "tls-unique", bind_unique },
		{ "tls-server-end-point", bind_end_point },
	};
	uint8_t mem[BINDING_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (sn_str_eq(type, sn_str(kinds[i].name)))
			n = kinds[i].bind(ssl, mem);
	if (n == 0)
		return SN_ENOTFOUND;
	if (n > cap)
		return SN_ELIMIT;
	memcpy(out, mem, n);
	*n_r = n;
	return SN_OK;
}
