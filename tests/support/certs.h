/*
 * Keys and certificates made while a test runs: no file in the tree to expire, no private key in
 * it. A failure of OpenSSL here ends the test program.
 */
#ifndef SN_TESTS_SUPPORT_CERTS_H
#define SN_TESTS_SUPPORT_CERTS_H

#include <openssl/x509.h>

#include "daemon/base/str.h"

enum sn_test_key_kind { SN_TEST_P256, SN_TEST_RSA2048, SN_TEST_RSA1024, SN_TEST_ED25519 };

struct sn_test_cert {
	X509 *x509;
	EVP_PKEY *key;
};

struct sn_test_cert_options {
	const char *name; /* CN of the subject */
	const char *alt;  /* "DNS:example.org,IP:127.0.0.1"; NULL: none */
	enum sn_test_key_kind kind;
	int from_days, days; /* validity: from now + from_days on, for so long; days 0: -1, 30 */
	bool ca;
	const struct sn_test_cert *issuer; /* NULL: self-signed */
	const EVP_MD *digest;              /* of the signature; NULL: SHA-256 */
};

void sn_test_cert_make(const struct sn_test_cert_options *options, struct sn_test_cert *cert_r);
/* Self-signed P-256 with CN and one DNS name: what most tests need. */
void sn_test_cert_simple(const char *name, struct sn_test_cert *cert_r);
void sn_test_cert_fini(struct sn_test_cert *cert);
void sn_test_cert_fingerprint(const struct sn_test_cert *cert, uint8_t sha256[32]);

/* A new empty folder under the system's place for such; sn_test_dir_remove takes all in it along.
 */
struct sn_test_dir {
	char path[128];
};
void sn_test_dir_make(struct sn_test_dir *dir);
/* A new folder inside. */
struct sn_test_dir sn_test_dir_inside(const struct sn_test_dir *dir, const char *name);
void sn_test_dir_remove(struct sn_test_dir *dir);

/*
 * Write a PEM file by renaming, as those who renew certificates do. parts, in order: 'c' the next
 * of certs, 'k' the key of the first, 'e' that key encrypted, 'x' a line that is no PEM, 'b' a
 * broken block. The path of dir/name is returned in path.
 */
struct sn_test_pem {
	char path[256];
};
struct sn_test_pem sn_test_pem_write(const struct sn_test_dir *dir, const char *name,
	const char *parts, const struct sn_test_cert *const *certs);

#endif
