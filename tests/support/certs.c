#include "tests/support/certs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"

static EVP_PKEY *make_key(enum sn_test_key_kind kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case SN_TEST_P256:
		key = EVP_EC_gen("P-256");
		break;
	case SN_TEST_RSA2048:
		key = EVP_RSA_gen(2048);
		break;
	case SN_TEST_RSA1024:
		key = EVP_RSA_gen(1024);
		break;
	case SN_TEST_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	sn_assert(key != NULL);
	return key;
}

static void set_name(X509 *x509, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x509);

	sn_assert(X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	sn_assert(ext != NULL && X509_add_ext(x509, ext, -1));
	X509_EXTENSION_free(ext);
}

static void set_validity(X509 *x509, int from_days, int days)
{
	const int from = days == 0 ? -1 : from_days;
	const int to = days == 0 ? 30 : from_days + days;

	sn_assert(X509_gmtime_adj(X509_getm_notBefore(x509), 86400L * from) != NULL);
	sn_assert(X509_gmtime_adj(X509_getm_notAfter(x509), 86400L * to) != NULL);
}

void sn_test_cert_make(const struct sn_test_cert_options *options, struct sn_test_cert *cert_r)
{
	X509 *x509 = X509_new();
	EVP_PKEY *key = make_key(options->kind);
	X509 *issuer = options->issuer != NULL ? options->issuer->x509 : x509;
	EVP_PKEY *signer = options->issuer != NULL ? options->issuer->key : key;
	const EVP_MD *digest = options->digest != NULL ? options->digest : EVP_sha256();
	uint64_t serial;

	sn_random(&serial, sizeof(serial));
	sn_assert(X509_set_version(x509, X509_VERSION_3));
	sn_assert(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1));
	set_validity(x509, options->from_days, options->days);
	set_name(x509, options->name);
	sn_assert(X509_set_issuer_name(x509, X509_get_subject_name(issuer)));
	sn_assert(X509_set_pubkey(x509, key));
	add_extension(x509, issuer, NID_subject_key_identifier, "hash");
	if (options->ca)
		add_extension(x509, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (options->alt != NULL)
		add_extension(x509, issuer, NID_subject_alt_name, options->alt);
	if (EVP_PKEY_is_a(signer, "ED25519"))
		digest = NULL;
	sn_assert(X509_sign(x509, signer, digest) > 0);
	cert_r->x509 = x509;
	cert_r->key = key;
}

void sn_test_cert_simple(const char *name, struct sn_test_cert *cert_r)
{
	char alt[300];

	snprintf(alt, sizeof(alt), "DNS:%s", name);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = name, .alt = alt }, cert_r);
}

void sn_test_cert_fini(struct sn_test_cert *cert)
{
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
	*cert = (struct sn_test_cert){ .x509 = NULL };
}

void sn_test_cert_fingerprint(const struct sn_test_cert *cert, uint8_t sha256[32])
{
	unsigned n;

	sn_assert(X509_digest(cert->x509, EVP_sha256(), sha256, &n) && n == 32);
}

void sn_test_dir_make(struct sn_test_dir *dir)
{
	snprintf(dir->path, sizeof(dir->path), "/tmp/sn-test-XXXXXX");
	sn_assert(mkdtemp(dir->path) != NULL);
}

struct sn_test_dir sn_test_dir_inside(const struct sn_test_dir *dir, const char *name)
{
	struct sn_test_dir inner;
	const int n = snprintf(inner.path, sizeof(inner.path), "%s/%s", dir->path, name);

	sn_assert(n > 0 && (size_t)n < sizeof(inner.path));
	sn_assert(mkdir(inner.path, 0700) == 0);
	return inner;
}

static void remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		inner = sn_asprintf("%s/%s", path, entry->d_name);
		if (unlink(inner) < 0)
			remove_tree(inner);
		sn_free(inner);
	}
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(path);
}

void sn_test_dir_remove(struct sn_test_dir *dir)
{
	remove_tree(dir->path);
}

static void write_part(
	FILE *file, char part, const struct sn_test_cert *first, const struct sn_test_cert *next)
{
	switch (part) {
	case 'c':
		sn_assert(PEM_write_X509(file, next->x509));
		break;
	case 'k':
		sn_assert(PEM_write_PrivateKey(file, first->key, NULL, NULL, 0, NULL, NULL));
		break;
	case 'e':
		sn_assert(PEM_write_PKCS8PrivateKey(
			file, first->key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
		break;
	case 'x':
		fputs("this is no PEM\n", file);
		break;
	case 'b':
		fputs("-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n", file);
		break;
	default:
		sn_unreachable();
	}
}

struct sn_test_pem sn_test_pem_write(const struct sn_test_dir *dir, const char *name,
	const char *parts, const struct sn_test_cert *const *certs)
{
	struct sn_test_pem pem;
	char part[300];
	FILE *file;
	size_t next = 0;

	snprintf(pem.path, sizeof(pem.path), "%s/%s", dir->path, name);
	snprintf(part, sizeof(part), "%s.part", pem.path);
	file = fopen(part, "w");
	sn_assert(file != NULL);
	for (const char *p = parts; *p != '\0'; p++) {
		write_part(
			file, *p, certs != NULL ? certs[0] : NULL, *p == 'c' ? certs[next] : NULL);
		if (*p == 'c')
			next++;
	}
	sn_assert(fclose(file) == 0);
	sn_assert(rename(part, pem.path) == 0);
	return pem;
}
