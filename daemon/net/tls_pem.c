#include "daemon/net/tls_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "daemon/base/mem.h"

/* More than any chain needs; keeps a wrong path (a disk image) from being read whole. */
#define FILE_MAX (1 << 20)
/* What OpenSSL's security level 2 asks for: RSA-2048, P-224 and up, no SHA-1. */
#define SECURITY_BITS 112

/* What the PEM blocks of one or more files gave. */
struct parts {
	STACK_OF(X509) * certs;
	EVP_PKEY *key;
	bool want_certs, want_key;
};

struct block {
	char *name, *header;
	unsigned char *der;
	long n;
};

const char *sn_tls_reason(const char *fallback)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return reason != NULL ? reason : fallback;
}

int sn_tls_stamp_take(const struct sn_tls_files *files, struct sn_tls_stamp *stamp_r)
{
	const char *const paths[SN_TLS_FILES] = { files->certs, files->key, files->extra };
	struct stat st;

	memset(stamp_r, 0, sizeof(*stamp_r));
	for (size_t i = 0; i < SN_TLS_FILES; i++) {
		if (paths[i] == NULL)
			continue;
		if (stat(paths[i], &st) < 0)
			return -errno;
		stamp_r->file[i].dev = st.st_dev;
		stamp_r->file[i].ino = st.st_ino;
		stamp_r->file[i].size = st.st_size;
		stamp_r->file[i].mtime = SN_SEC(st.st_mtim.tv_sec) + st.st_mtim.tv_nsec;
	}
	return SN_OK;
}

bool sn_tls_stamp_eq(const struct sn_tls_stamp *a, const struct sn_tls_stamp *b)
{
	for (size_t i = 0; i < SN_TLS_FILES; i++)
		if (a->file[i].dev != b->file[i].dev || a->file[i].ino != b->file[i].ino ||
			a->file[i].size != b->file[i].size || a->file[i].mtime != b->file[i].mtime)
			return false;
	return true;
}

/* NONBLOCK: a FIFO in the place of a certificate must not hold up start-up. */
static int open_pem(const char *path, BIO **bio_r, struct sn_diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code;
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) < 0) {
		code = sn_diag_set(
			diag, -errno, 0, "%s: cannot be read: %s", path, sn_strerror(-errno));
	} else if (!S_ISREG(st.st_mode)) {
		code = sn_diag_set(diag, SN_ECERT, 0, "%s: is not a regular file", path);
	} else if (st.st_size > FILE_MAX) {
		code = sn_diag_set(diag, SN_ELIMIT, 0, "%s: is over 1 MiB, not a PEM file", path);
	} else {
		file = fdopen(fd, "r");
		sn_assert(file != NULL);
		*bio_r = BIO_new_fp(file, BIO_CLOSE);
		sn_assert(*bio_r != NULL);
		return SN_OK;
	}
	if (fd >= 0)
		close(fd);
	return code;
}

static int add_cert(
	struct parts *parts, const struct block *block, const char *path, struct sn_diag *diag)
{
	const unsigned char *der = block->der;
	X509 *cert;

	if (!parts->want_certs)
		return SN_OK;
	cert = d2i_X509(NULL, &der, block->n);
	if (cert == NULL)
		return sn_diag_set(diag, SN_ECERT, 0, "%s: certificate %d is malformed: %s", path,
			sk_X509_num(parts->certs) + 1, sn_tls_reason("not a certificate"));
	sk_X509_push(parts->certs, cert);
	return SN_OK;
}

static int add_key(
	struct parts *parts, const struct block *block, const char *path, struct sn_diag *diag)
{
	const unsigned char *der = block->der;

	if (!parts->want_key || parts->key != NULL)
		return SN_OK;
	if (strcmp(block->name, PEM_STRING_PKCS8) == 0 ||
		strstr(block->header, "ENCRYPTED") != NULL)
		return sn_diag_set(diag, SN_ECERT, 0,
			"%s: the private key is encrypted, and nobody is there to be asked for the "
			"passphrase: store it without (openssl pkey -in ... -out ...)",
			path);
	parts->key = d2i_AutoPrivateKey(NULL, &der, block->n);
	if (parts->key == NULL)
		return sn_diag_set(diag, SN_ECERT, 0, "%s: the private key is malformed: %s", path,
			sn_tls_reason("unknown kind of key"));
	return SN_OK;
}

static int add_block(
	struct parts *parts, const struct block *block, const char *path, struct sn_diag *diag)
{
	const char *name = block->name;

	if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
		strcmp(name, PEM_STRING_X509_TRUSTED) == 0)
		return add_cert(parts, block, path, diag);
	if (sn_str_ends(sn_str(name), SN_STR("PRIVATE KEY")))
		return add_key(parts, block, path, diag);
	return SN_OK; /* EC and DH parameters, requests: of no use here */
}

static int read_blocks(struct parts *parts, BIO *bio, const char *path, struct sn_diag *diag)
{
	struct block b;
	int code = SN_OK;

	while (code == SN_OK && PEM_read_bio(bio, &b.name, &b.header, &b.der, &b.n)) {
		code = add_block(parts, &b, path, diag);
		OPENSSL_free(b.name);
		OPENSSL_free(b.header);
		OPENSSL_clear_free(b.der, (size_t)b.n);
	}
	if (code != SN_OK)
		return code;
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return sn_diag_set(diag, SN_ECERT, 0, "%s: malformed PEM: %s", path,
			sn_tls_reason("unexpected end"));
	ERR_clear_error();
	return SN_OK;
}

static int read_file(struct parts *parts, const char *path, struct sn_diag *diag)
{
	BIO *bio = NULL;
	int code = open_pem(path, &bio, diag);

	if (code != SN_OK)
		return code;
	ERR_clear_error();
	code = read_blocks(parts, bio, path, diag);
	BIO_free(bio);
	return code;
}

static int read_files(struct parts *parts, const struct sn_tls_files *files, struct sn_diag *diag)
{
	int code;

	parts->want_certs = true;
	parts->want_key = files->key == NULL;
	code = read_file(parts, files->certs, diag);
	if (code == SN_OK && sk_X509_num(parts->certs) == 0)
		code = sn_diag_set(
			diag, SN_ECERT, 0, "%s: no certificate in this file", files->certs);
	if (code == SN_OK && files->key != NULL) {
		parts->want_certs = false;
		parts->want_key = true;
		code = read_file(parts, files->key, diag);
	}
	if (code == SN_OK && parts->key == NULL)
		code = sn_diag_set(diag, SN_ECERT, 0, "%s: no private key in this file",
			files->key != NULL ? files->key : files->certs);
	return code;
}

static int read_extra(struct parts *parts, const char *path, struct sn_diag *diag)
{
	const int before = sk_X509_num(parts->certs);
	int code;

	parts->want_certs = true;
	parts->want_key = false;
	code = read_file(parts, path, diag);
	if (code == SN_OK && sk_X509_num(parts->certs) == before)
		code = sn_diag_set(diag, SN_ECERT, 0, "%s: no certificate in this file", path);
	return code;
}

static X509 *take_issuer(STACK_OF(X509) * certs, X509 *of)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_check_issued(sk_X509_value(certs, i), of) == X509_V_OK)
			return sk_X509_delete(certs, i);
	return NULL;
}

/* TLS 1.2 wants each certificate to certify the one before it (RFC 5246 7.4.2); files have them in
 * any order. */
static void build_chain(struct sn_tls_cert *cert, STACK_OF(X509) * rest)
{
	X509 *last = cert->leaf, *next;

	while (X509_check_issued(last, last) != X509_V_OK &&
		(next = take_issuer(rest, last)) != NULL) {
		if (cert->chain == NULL)
			cert->chain = sk_X509_new_null();
		sk_X509_push(cert->chain, next);
		last = next;
	}
	if (sk_X509_num(rest) > 0)
		sn_log(&sn_tls_log, SN_LOG_WARN, "certificates-unused",
			sn_f_cstr("path", cert->path), sn_f_int("count", sk_X509_num(rest)));
}

static int assemble(struct sn_tls_cert *cert, struct parts *parts, struct sn_diag *diag)
{
	for (int i = 0; i < sk_X509_num(parts->certs); i++) {
		if (!X509_check_private_key(sk_X509_value(parts->certs, i), parts->key))
			continue;
		cert->leaf = sk_X509_delete(parts->certs, i);
		cert->key = parts->key;
		parts->key = NULL;
		ERR_clear_error();
		build_chain(cert, parts->certs);
		return SN_OK;
	}
	ERR_clear_error();
	return sn_diag_set(diag, SN_ECERT, 0, "%s: key and certificate do not match", cert->path);
}

static int check_strength(X509 *x509, const char *path, struct sn_diag *diag)
{
	int secbits = 0;
	uint32_t flags = 0;

	if (EVP_PKEY_get_security_bits(X509_get0_pubkey(x509)) < SECURITY_BITS)
		return sn_diag_set(diag, SN_ECERT, 0, "%s: the key is too weak (%d bits)", path,
			EVP_PKEY_get_bits(X509_get0_pubkey(x509)));
	if (X509_check_issued(x509, x509) == X509_V_OK)
		return SN_OK; /* nobody relies on a signature of one's own */
	if (X509_get_signature_info(x509, NULL, NULL, &secbits, &flags) && secbits < SECURITY_BITS)
		return sn_diag_set(diag, SN_ECERT, 0,
			"%s: the certificate's signature is too weak (%s)", path,
			OBJ_nid2ln(X509_get_signature_nid(x509)));
	return SN_OK;
}

static int check_cert(const struct sn_tls_cert *cert, struct sn_diag *diag)
{
	int code = check_strength(cert->leaf, cert->path, diag);

	for (int i = 0; code == SN_OK && i < sk_X509_num(cert->chain); i++)
		code = check_strength(sk_X509_value(cert->chain, i), cert->path, diag);
	return code;
}

static void warn_time(const struct sn_tls_cert *cert, const char *event, const ASN1_TIME *when)
{
	char text[64] = "";
	BIO *bio = BIO_new(BIO_s_mem());

	if (ASN1_TIME_print(bio, when))
		(void)BIO_read(bio, text, sizeof(text) - 1);
	BIO_free(bio);
	sn_log(&sn_tls_log, SN_LOG_WARN, event, sn_f_cstr("path", cert->path),
		sn_f_cstr("when", text));
}

/* A server with an old certificate is of more use than none: the operator hears of it. */
static void check_validity(const struct sn_tls_cert *cert)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert->leaf)) < 0)
		warn_time(cert, "certificate-expired", X509_get0_notAfter(cert->leaf));
	if (X509_cmp_current_time(X509_get0_notBefore(cert->leaf)) > 0)
		warn_time(cert, "certificate-not-yet-valid", X509_get0_notBefore(cert->leaf));
}

int sn_tls_cert_load(
	const struct sn_tls_files *files, struct sn_tls_cert **cert_r, struct sn_diag *diag)
{
	struct parts parts = { .certs = sk_X509_new_null() };
	struct sn_tls_cert *cert = sn_alloc_zero(sizeof(*cert));
	int code;

	cert->path = sn_strdup(files->certs);
	/* Taken before reading: a change in between shows as one later. An unreadable file is
	 * reported by the reading. */
	(void)!sn_tls_stamp_take(files, &cert->stamp);
	code = read_files(&parts, files, diag);
	if (code == SN_OK && files->extra != NULL)
		code = read_extra(&parts, files->extra, diag);
	if (code == SN_OK)
		code = assemble(cert, &parts, diag);
	if (code == SN_OK)
		code = check_cert(cert, diag);
	if (code == SN_OK)
		check_validity(cert);
	else
		sn_tls_cert_free(&cert);
	sk_X509_pop_free(parts.certs, X509_free);
	EVP_PKEY_free(parts.key);
	*cert_r = cert;
	return code;
}

struct sn_tls_cert *sn_tls_cert_share(const struct sn_tls_cert *cert)
{
	struct sn_tls_cert *copy = sn_alloc_zero(sizeof(*copy));

	copy->path = sn_strdup(cert->path);
	copy->stamp = cert->stamp;
	X509_up_ref(cert->leaf);
	copy->leaf = cert->leaf;
	EVP_PKEY_up_ref(cert->key);
	copy->key = cert->key;
	if (cert->chain != NULL)
		copy->chain = X509_chain_up_ref(cert->chain);
	return copy;
}

void sn_tls_cert_free(struct sn_tls_cert **cert)
{
	if (*cert == NULL)
		return;
	X509_free((*cert)->leaf);
	EVP_PKEY_free((*cert)->key);
	sk_X509_pop_free((*cert)->chain, X509_free);
	sn_free((*cert)->path);
	sn_free(*cert);
	*cert = NULL;
}

int sn_tls_roots_load(const char *path, X509_STORE *store, struct sn_diag *diag)
{
	struct parts parts = { .certs = sk_X509_new_null(), .want_certs = true };
	int code = read_file(&parts, path, diag);

	if (code == SN_OK && sk_X509_num(parts.certs) == 0)
		code = sn_diag_set(diag, SN_ECERT, 0, "%s: no certificate in this file", path);
	for (int i = 0; code == SN_OK && i < sk_X509_num(parts.certs); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(parts.certs, i)))
			code = sn_diag_set(diag, SN_ECERT, 0, "%s: %s", path,
				sn_tls_reason("certificate refused"));
	sk_X509_pop_free(parts.certs, X509_free);
	return code;
}
