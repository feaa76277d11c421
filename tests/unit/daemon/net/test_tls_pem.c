#include "tests/support/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/certs.h"
#include "tests/support/log_capture.h"

#include "daemon/net/tls_private.h"

static struct sn_test_dir dir;
static struct sn_test_cert root, middle, leaf, other;
static struct sn_tls_cert *cert;
static struct sn_diag diag;

static void set_up(void)
{
	sn_test_dir_make(&dir);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "root", .ca = true }, &root);
	sn_test_cert_make(
		&(struct sn_test_cert_options){ .name = "middle", .ca = true, .issuer = &root },
		&middle);
	sn_test_cert_make(
		&(struct sn_test_cert_options){ .name = "leaf", .issuer = &middle }, &leaf);
	sn_test_cert_simple("other.example", &other);
}

static void tear_down(void)
{
	sn_tls_cert_free(&cert);
	sn_test_cert_fini(&root);
	sn_test_cert_fini(&middle);
	sn_test_cert_fini(&leaf);
	sn_test_cert_fini(&other);
	sn_test_dir_remove(&dir);
}

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static const char *subject(X509 *x509)
{
	static char text[100];

	return X509_NAME_oneline(X509_get_subject_name(x509), text, sizeof(text));
}

/* Key and leaf come first in the list of certificates, as the support's writer wants; the parts'
 * order in the file is what varies. */
static const struct {
	const char *parts;
	const struct sn_test_cert *certs[4];
	int chain;
} orders[] = {
	{ "kc", { &leaf }, 0 }, { "ck", { &leaf }, 0 }, { "kcc", { &leaf, &middle }, 1 },
	{ "cck", { &leaf, &middle }, 1 }, { "ckcc", { &leaf, &middle, &root }, 2 },
	{ "kccc", { &leaf, &root, &middle }, 2 }, { "xkcxcx", { &leaf, &middle }, 1 },
	{ "kccc", { &leaf, &other, &middle }, 1 }, /* what does not belong is left out */
};

START_TEST(test_orders)
{
	struct sn_test_pem pem =
		sn_test_pem_write(&dir, "a.pem", orders[_i].parts, orders[_i].certs);
	int code = sn_tls_cert_load(&(struct sn_tls_files){ .certs = pem.path }, &cert, &diag);

	ck_assert_msg(code == SN_OK, "%s", diag.text);
	ck_assert_str_eq(cert->path, pem.path);
	ck_assert_str_eq(subject(cert->leaf), "/CN=leaf");
	ck_assert_int_eq(EVP_PKEY_eq(cert->key, leaf.key), 1);
	ck_assert_int_eq(cert->chain != NULL ? sk_X509_num(cert->chain) : 0, orders[_i].chain);
	if (orders[_i].chain > 0)
		ck_assert_str_eq(subject(sk_X509_value(cert->chain, 0)), "/CN=middle");
	if (orders[_i].chain > 1)
		ck_assert_str_eq(subject(sk_X509_value(cert->chain, 1)), "/CN=root");
}
END_TEST

/* The leaf is the one the key belongs to, wherever it stands. */
START_TEST(test_leaf_last)
{
	const struct sn_test_cert *certs[] = { &middle, &leaf }, *key[] = { &leaf };
	struct sn_test_pem chain = sn_test_pem_write(&dir, "chain.pem", "cc", certs);
	struct sn_test_pem keys = sn_test_pem_write(&dir, "key.pem", "k", key);

	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = chain.path, .key = keys.path },
			&cert, &diag),
		SN_OK);
	ck_assert_str_eq(subject(cert->leaf), "/CN=leaf");
	ck_assert_int_eq(sk_X509_num(cert->chain), 1);
}
END_TEST

START_TEST(test_separate_files)
{
	const struct sn_test_cert *leafs[] = { &leaf }, *middles[] = { &middle };
	struct sn_test_pem certs = sn_test_pem_write(&dir, "cert.pem", "c", leafs);
	struct sn_test_pem key = sn_test_pem_write(&dir, "key.pem", "k", leafs);
	struct sn_test_pem extra = sn_test_pem_write(&dir, "extra.pem", "c", middles);
	struct sn_test_pem empty = sn_test_pem_write(&dir, "empty.pem", "x", NULL);
	struct sn_tls_files files = { .certs = certs.path, .key = key.path, .extra = extra.path };

	ck_assert_int_eq(sn_tls_cert_load(&files, &cert, &diag), SN_OK);
	ck_assert_int_eq(sk_X509_num(cert->chain), 1);
	sn_tls_cert_free(&cert);
	files.extra = empty.path;
	ck_assert_int_eq(sn_tls_cert_load(&files, &cert, &diag), SN_ECERT);
	ck_assert_ptr_null(cert);
	ck_assert_ptr_nonnull(strstr(diag.text, "empty.pem: no certificate in this file"));
}
END_TEST

static const struct {
	const char *parts;
	const struct sn_test_cert *certs[3];
	const char *says;
} bad[] = {
	{ "", { NULL }, "no certificate in this file" },
	{ "x", { NULL }, "no certificate in this file" },
	{ "c", { &leaf }, "no private key in this file" },
	{ "k", { &leaf }, "no certificate in this file" },
	{ "ec", { &leaf }, "the private key is encrypted" },
	{ "cb", { &leaf }, "malformed PEM" },
	{ "b", { NULL }, "malformed PEM" },
};

START_TEST(test_bad)
{
	struct sn_test_pem pem = sn_test_pem_write(&dir, "a.pem", bad[_i].parts, bad[_i].certs);

	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = pem.path }, &cert, &diag),
		SN_ECERT);
	ck_assert_ptr_null(cert);
	ck_assert_msg(strstr(diag.text, bad[_i].says) != NULL, "%s", diag.text);
	ck_assert_ptr_nonnull(strstr(diag.text, "a.pem: "));
}
END_TEST

START_TEST(test_key_of_another)
{
	const struct sn_test_cert *leafs[] = { &leaf }, *others[] = { &other };
	struct sn_test_pem certs = sn_test_pem_write(&dir, "cert.pem", "c", leafs);
	struct sn_test_pem key = sn_test_pem_write(&dir, "key.pem", "k", others);

	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = certs.path, .key = key.path },
			&cert, &diag),
		SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "cert.pem: key and certificate do not match"));
}
END_TEST

START_TEST(test_no_ordinary_file)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/nothing", dir.path);
	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = path }, &cert, &diag), -2);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = path }, &cert, &diag), SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "is not a regular file"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = path }, &cert, &diag), SN_ECERT);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(fclose(fopen(path, "w")), 0);
	ck_assert_int_eq(truncate(path, 2 << 20), 0);
	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = path }, &cert, &diag), SN_ELIMIT);
}
END_TEST

static const struct {
	struct sn_test_cert_options options;
	const char *says;
} weak[] = {
	{ { .name = "weak", .kind = SN_TEST_RSA1024 }, "the key is too weak (1024 bits)" },
	{ { .name = "weak", .issuer = &root }, "signature is too weak (ecdsa-with-SHA1)" },
};

START_TEST(test_weak)
{
	struct sn_test_cert_options options = weak[_i].options;
	const struct sn_test_cert *certs[1];
	struct sn_test_cert made;
	struct sn_test_pem pem;

	options.digest = options.issuer != NULL ? EVP_sha1() : NULL;
	sn_test_cert_make(&options, &made);
	certs[0] = &made;
	pem = sn_test_pem_write(&dir, "weak.pem", "kc", certs);
	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = pem.path }, &cert, &diag),
		SN_ECERT);
	ck_assert_msg(strstr(diag.text, weak[_i].says) != NULL, "%s", diag.text);
	sn_test_cert_fini(&made);
}
END_TEST

static const struct {
	struct sn_test_cert_options options;
	const char *event;
} times[] = {
	{ { .name = "old", .from_days = -10, .days = 5 }, "certificate-expired" },
	{ { .name = "new", .from_days = 5, .days = 5 }, "certificate-not-yet-valid" },
};

START_TEST(test_validity_warns)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert made;
	struct sn_test_pem pem;
	const char *log;
	int code;

	sn_test_cert_make(&times[_i].options, &made);
	certs[0] = &made;
	pem = sn_test_pem_write(&dir, "time.pem", "kc", certs);
	log_capture_start();
	code = sn_tls_cert_load(&(struct sn_tls_files){ .certs = pem.path }, &cert, &diag);
	log = log_capture_stop();
	ck_assert_int_eq(code, SN_OK);
	ck_assert_msg(strstr(log, times[_i].event) != NULL, "%s", log);
	ck_assert_ptr_nonnull(strstr(log, "time.pem"));
	sn_test_cert_fini(&made);
}
END_TEST

START_TEST(test_share)
{
	const struct sn_test_cert *certs[] = { &leaf, &middle };
	struct sn_test_pem pem = sn_test_pem_write(&dir, "a.pem", "kcc", certs);
	struct sn_tls_cert *copy;

	ck_assert_int_eq(
		sn_tls_cert_load(&(struct sn_tls_files){ .certs = pem.path }, &cert, &diag), SN_OK);
	copy = sn_tls_cert_share(cert);
	sn_tls_cert_free(&cert);
	ck_assert_str_eq(subject(copy->leaf), "/CN=leaf");
	ck_assert_int_eq(sk_X509_num(copy->chain), 1);
	ck_assert_str_eq(copy->path, pem.path);
	sn_tls_cert_free(&copy);
	ck_assert_ptr_null(copy);
}
END_TEST

START_TEST(test_stamp)
{
	const struct sn_test_cert *certs[] = { &leaf };
	struct sn_test_pem pem = sn_test_pem_write(&dir, "a.pem", "kc", certs);
	const struct sn_tls_files files = { .certs = pem.path };
	struct sn_tls_stamp a, b;

	ck_assert_int_eq(sn_tls_stamp_take(&files, &a), SN_OK);
	ck_assert_int_eq(sn_tls_stamp_take(&files, &b), SN_OK);
	ck_assert(sn_tls_stamp_eq(&a, &b));
	sn_test_pem_write(&dir, "a.pem", "kc", certs);
	ck_assert_int_eq(sn_tls_stamp_take(&files, &b), SN_OK);
	ck_assert(!sn_tls_stamp_eq(&a, &b));
	ck_assert_int_eq(unlink(pem.path), 0);
	ck_assert_int_eq(sn_tls_stamp_take(&files, &b), -2);
}
END_TEST

START_TEST(test_roots)
{
	const struct sn_test_cert *certs[] = { &root, &other };
	struct sn_test_pem pem = sn_test_pem_write(&dir, "roots.pem", "cxc", certs);
	struct sn_test_pem none = sn_test_pem_write(&dir, "none.pem", "k", certs);
	X509_STORE *store = X509_STORE_new();

	ck_assert_int_eq(sn_tls_roots_load(pem.path, store, &diag), SN_OK);
	ck_assert_int_eq(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 2);
	ck_assert_int_eq(sn_tls_roots_load(none.path, store, &diag), SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "none.pem: no certificate in this file"));
	X509_STORE_free(store);
}
END_TEST

Suite *sn_suite_tls_pem(void);

Suite *sn_suite_tls_pem(void)
{
	Suite *suite = suite_create("tls_pem");
	TCase *tc = tcase_create("tls_pem");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_orders, 0, COUNT(orders));
	tcase_add_test(tc, test_leaf_last);
	tcase_add_test(tc, test_separate_files);
	tcase_add_loop_test(tc, test_bad, 0, COUNT(bad));
	tcase_add_test(tc, test_key_of_another);
	tcase_add_test(tc, test_no_ordinary_file);
	tcase_add_loop_test(tc, test_weak, 0, COUNT(weak));
	tcase_add_loop_test(tc, test_validity_warns, 0, COUNT(times));
	tcase_add_test(tc, test_share);
	tcase_add_test(tc, test_stamp);
	tcase_add_test(tc, test_roots);
	suite_add_tcase(suite, tc);
	return suite;
}
