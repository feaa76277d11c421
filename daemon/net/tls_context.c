#include "daemon/net/tls_private.h"

#include <dirent.h>
#include <errno.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "daemon/base/mem.h"

/* Forward secrecy and AEAD; 1.3 has nothing else. The shorter AES first: it is strong enough. */
static const char suites_12[] = "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20";
static const char suites_13[] =
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char signatures[] = "ed25519:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:"
				 "ecdsa_secp521r1_sha512:ed448:"
				 "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
				 "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
				 "RSA+SHA256:RSA+SHA384:RSA+SHA512";
/* In TLS 1.2 this list also limits the curves of the peer's certificate (RFC 8422 5.1.1): who
 * checks certificates needs the bigger ones too. */
static const char groups[] = "X25519:P-256";
static const char groups_verifying[] = "X25519:P-256:P-384:P-521";

const struct sn_log_ctx sn_tls_log = SN_LOG_CTX("net.tls");

/* --- both sides ----------------------------------------------------------------------------- */

static int set_policy(SSL_CTX *ssl, enum sn_tls_versions versions, bool verifies)
{
	const int oldest = versions == SN_TLS_1_3_ONLY ? TLS1_3_VERSION : TLS1_2_VERSION;
	const int newest = versions == SN_TLS_1_2_ONLY ? TLS1_2_VERSION : 0;

	SSL_CTX_set_options(ssl,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
			SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ssl, 2);
	return SSL_CTX_set_min_proto_version(ssl, oldest) &&
			SSL_CTX_set_max_proto_version(ssl, newest) &&
			SSL_CTX_set_cipher_list(ssl, suites_12) &&
			SSL_CTX_set_ciphersuites(ssl, suites_13) &&
			SSL_CTX_set1_sigalgs_list(ssl, signatures) &&
			SSL_CTX_set1_groups_list(ssl, verifies ? groups_verifying : groups)
		? SN_OK
		: SN_ETLS;
}

static struct sn_tls_context *new_context(const SSL_METHOD *method)
{
	struct sn_tls_context *context = sn_alloc_zero(sizeof(*context));

	context->refs = 1;
	context->ssl = SSL_CTX_new(method);
	sn_assert(context->ssl != NULL); /* out of memory, or no usable OpenSSL */
	SSL_CTX_set_app_data(context->ssl, context);
	return context;
}

struct sn_tls_context *sn_tls_context_ref(struct sn_tls_context *context)
{
	context->refs++;
	return context;
}

void sn_tls_context_unref(struct sn_tls_context **context_p)
{
	struct sn_tls_context *context = *context_p;

	*context_p = NULL;
	if (context == NULL || --context->refs > 0)
		return;
	sn_assert(context->attached == 0);
	SSL_CTX_free(context->ssl);
	sn_tls_store_unref(&context->store);
	sn_free(context->alpn);
	sn_free(context);
}

static struct sn_tls_context *context_of(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* RFC 7301 3.1 */
static void set_alpn(struct sn_tls_context *context, const char *const *names)
{
	size_t n = 0;

	sn_free(context->alpn);
	context->alpn = NULL;
	context->alpn_len = 0;
	if (names == NULL || names[0] == NULL)
		return;
	for (const char *const *name = names; *name != NULL; name++) {
		sn_assert(**name != '\0' && strlen(*name) <= 255);
		n += 1 + strlen(*name);
	}
	context->alpn = sn_alloc(n);
	for (const char *const *name = names; *name != NULL; name++) {
		const size_t len = strlen(*name);

		context->alpn[context->alpn_len++] = (uint8_t)len;
		memcpy(context->alpn + context->alpn_len, *name, len);
		context->alpn_len += len;
	}
}

static int load_roots_folder(SSL_CTX *ssl, DIR *dir, const char *path, struct sn_diag *diag)
{
	struct dirent *entry;
	unsigned count = 0;
	int code = SN_OK;

	while (code == SN_OK && (entry = readdir(dir)) != NULL) {
		char *file;

		if (entry->d_name[0] == '.' || !sn_str_ends(sn_str(entry->d_name), SN_STR(".pem")))
			continue;
		file = sn_asprintf("%s/%s", path, entry->d_name);
		code = sn_tls_roots_load(file, SSL_CTX_get_cert_store(ssl), diag);
		sn_free(file);
		count++;
	}
	if (code == SN_OK && count == 0)
		code = sn_diag_set(
			diag, SN_ECERT, 0, "%s: no certificate (*.pem) in this folder", path);
	return code;
}

/* Roots the operator named are trusted as they are, a server's own certificate among them. */
static int load_roots(SSL_CTX *ssl, const char *path, struct sn_diag *diag)
{
	DIR *dir = opendir(path);
	int code;

	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
	if (dir == NULL)
		return sn_tls_roots_load(path, SSL_CTX_get_cert_store(ssl), diag);
	code = load_roots_folder(ssl, dir, path, diag);
	closedir(dir);
	return code;
}

/* --- server: what OpenSSL asks -------------------------------------------------------------- */

/* The last moment before anything costly; an offloaded handshake leaves the loop here. */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	const struct sn_tls_handshake *handshake = SSL_get_app_data(ssl);

	(void)alert;
	(void)arg;
	return handshake->stop_at_hello ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
}

/* Called without a name, too. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct sn_tls_handshake *handshake = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct sn_tls_cert *cert = sn_tls_set_pick(handshake->set, name);

	(void)arg;
	if (SSL_use_cert_and_key(ssl, cert->leaf, cert->key, cert->chain, 1) == 1)
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* RFC 7301 3.2: our order counts, and no protocol in common ends the handshake. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	const struct sn_tls_context *context = context_of(ssl);
	unsigned char *chosen;

	(void)arg;
	if (context->alpn == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, out_len, context->alpn, (unsigned)context->alpn_len, in,
		    in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int encrypt)
{
	return sn_tls_tickets_apply(
		&context_of(ssl)->store->tickets, name, iv, cipher, mac, encrypt);
}

/* Services compare fingerprints: any certificate whose key the peer has will do. */
static int on_unverified(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

/* --- server --------------------------------------------------------------------------------- */

static int set_client_auth(struct sn_tls_context *context,
	const struct sn_tls_server_options *options, struct sn_diag *diag)
{
	STACK_OF(X509_NAME) * names;
	int mode = SSL_VERIFY_PEER, code;

	if (options->client_auth == SN_TLS_CLIENT_AUTH_NONE)
		return SN_OK;
	if (options->client_auth == SN_TLS_CLIENT_AUTH_REQUIRE)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (options->client_ca == NULL) {
		SSL_CTX_set_verify(context->ssl, mode, on_unverified);
		return SN_OK;
	}
	SSL_CTX_set_verify(context->ssl, mode, NULL);
	context->verifies_peer = true;
	code = load_roots(context->ssl, options->client_ca, diag);
	names = code == SN_OK ? SSL_load_client_CA_file(options->client_ca) : NULL;
	ERR_clear_error(); /* a folder: no hint for the client then */
	if (names != NULL)
		SSL_CTX_set_client_CA_list(context->ssl, names);
	return code;
}

/* A ticket that was given out where clients need no certificate is not good where they do. */
static int set_session_policy(
	struct sn_tls_context *context, const struct sn_tls_server_options *options)
{
	char *policy = sn_asprintf("sennit %d %s", (int)options->client_auth,
		options->client_ca != NULL ? options->client_ca : "");
	unsigned char id[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const int ok = EVP_Digest(policy, strlen(policy), id, &n, EVP_sha256(), NULL) &&
		SSL_CTX_set_session_id_context(context->ssl, id, n) &&
		SSL_CTX_set_num_tickets(context->ssl, 1);

	sn_free(policy);
	SSL_CTX_set_timeout(context->ssl, SN_TLS_TICKET_PERIOD / SN_SEC(1));
	return ok ? SN_OK : SN_ETLS;
}

static int set_up_server(struct sn_tls_context *context,
	const struct sn_tls_server_options *options, struct sn_diag *diag)
{
	const struct sn_tls_files files = {
		.certs = options->certs,
		.key = options->key,
		.extra = options->extra_chain,
	};
	const bool asks = options->client_auth != SN_TLS_CLIENT_AUTH_NONE;
	int code = set_policy(context->ssl, options->versions, asks);

	if (code == SN_OK)
		code = set_session_policy(context, options);
	if (code != SN_OK)
		return sn_diag_set(
			diag, code, 0, "TLS set-up: %s", sn_tls_reason("OpenSSL refused"));
	code = sn_tls_store_get(&files, &context->store, diag);
	if (code == SN_OK)
		code = set_client_auth(context, options, diag);
	return code;
}

int sn_tls_server_new(const struct sn_tls_server_options *options,
	struct sn_tls_context **context_r, struct sn_diag *diag)
{
	struct sn_tls_context *context = new_context(TLS_server_method());
	int code = set_up_server(context, options, diag);

	SSL_CTX_set_client_hello_cb(context->ssl, on_client_hello, NULL);
	SSL_CTX_set_tlsext_servername_callback(context->ssl, on_server_name);
	SSL_CTX_set_alpn_select_cb(context->ssl, on_alpn, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl, on_ticket);
	set_alpn(context, options->alpn);
	if (code != SN_OK)
		sn_tls_context_unref(&context);
	*context_r = context;
	return code;
}

void sn_tls_server_set_alpn(struct sn_tls_context *context, const char *const *alpn)
{
	set_alpn(context, alpn);
}

int sn_tls_server_attach(
	struct sn_tls_context *context, struct sn_loop *loop, struct sn_offload *pool)
{
	int code = sn_tls_store_attach(context->store, loop, pool);

	if (code != SN_OK)
		return code;
	context->attached++;
	context->pool = pool;
	return SN_OK;
}

void sn_tls_server_detach(struct sn_tls_context *context)
{
	sn_assert(context->attached > 0);
	if (--context->attached == 0)
		context->pool = NULL;
	sn_tls_store_detach(context->store);
}

void sn_tls_server_refresh(struct sn_tls_context *context)
{
	sn_tls_store_refresh(context->store);
}

/* --- client --------------------------------------------------------------------------------- */

static int set_client_cert(
	SSL_CTX *ssl, const struct sn_tls_client_options *options, struct sn_diag *diag)
{
	const struct sn_tls_files files = {
		.certs = options->certs,
		.key = options->key,
	};
	struct sn_tls_cert *cert;
	int code;

	if (options->certs == NULL)
		return SN_OK;
	code = sn_tls_cert_load(&files, &cert, diag);
	if (code != SN_OK)
		return code;
	if (SSL_CTX_use_cert_and_key(ssl, cert->leaf, cert->key, cert->chain, 1) != 1)
		code = sn_diag_set(diag, SN_ECERT, 0, "%s: %s", options->certs,
			sn_tls_reason("certificate refused"));
	sn_tls_cert_free(&cert);
	return code;
}

static int set_trust(SSL_CTX *ssl, const char *roots, struct sn_diag *diag)
{
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (roots != NULL)
		return load_roots(ssl, roots, diag);
	if (SSL_CTX_set_default_verify_paths(ssl) != 1)
		return sn_diag_set(diag, SN_ETLS, 0, "the system's trust roots: %s",
			sn_tls_reason("cannot be loaded"));
	return SN_OK;
}

static int set_up_client(struct sn_tls_context *context,
	const struct sn_tls_client_options *options, struct sn_diag *diag)
{
	int code = set_policy(context->ssl, SN_TLS_1_2_UP, true);

	if (code != SN_OK)
		return sn_diag_set(
			diag, code, 0, "TLS set-up: %s", sn_tls_reason("OpenSSL refused"));
	context->verifies_peer = true;
	set_alpn(context, options->alpn);
	if (context->alpn != NULL)
		sn_assert(SSL_CTX_set_alpn_protos(
				  context->ssl, context->alpn, (unsigned)context->alpn_len) == 0);
	code = set_trust(context->ssl, options->trust_roots, diag);
	if (code == SN_OK)
		code = set_client_cert(context->ssl, options, diag);
	return code;
}

int sn_tls_client_new(const struct sn_tls_client_options *options,
	struct sn_tls_context **context_r, struct sn_diag *diag)
{
	struct sn_tls_context *context = new_context(TLS_client_method());
	int code = set_up_client(context, options, diag);

	if (code != SN_OK)
		sn_tls_context_unref(&context);
	*context_r = context;
	return code;
}
