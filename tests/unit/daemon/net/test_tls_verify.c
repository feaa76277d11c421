#include "daemon/net/tls_verify.h"

#include <errno.h>

#include "daemon/base/mem.h"
#include "tests/support/certs.h"
#include "tests/support/unit.h"

static struct sn_test_dir dir;
static struct sn_test_cert ca, other_ca, cert;
static unsigned char *der;
static struct sn_tls_roots *roots;

static void write_root(const struct sn_test_cert *root, struct sn_test_pem *pem_r)
{
	const struct sn_test_cert *const certs[] = { root };

	*pem_r = sn_test_pem_write(&dir, "ca.pem", "c", certs);
}

static void set_up(void)
{
	struct sn_test_pem pem;
	struct sn_diag diag;

	sn_test_dir_make(&dir);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &ca);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &other_ca);
	write_root(&ca, &pem);
	ck_assert_int_eq(sn_tls_roots_new(pem.path, &roots, &diag), SN_OK);
	der = NULL;
}

static void tear_down(void)
{
	OPENSSL_free(der);
	sn_tls_roots_free(&roots);
	sn_test_cert_fini(&ca);
	sn_test_cert_fini(&other_ca);
	sn_test_dir_remove(&dir);
}

static struct sn_str make(const struct sn_test_cert_options *options)
{
	int n;

	sn_test_cert_make(options, &cert);
	n = i2d_X509(cert.x509, &der);
	ck_assert_int_gt(n, 0);
	sn_test_cert_fini(&cert);
	return sn_str_n(der, (size_t)n);
}

START_TEST(tells_good_from_bad)
{
	const struct {
		struct sn_test_cert_options options;
		int code;
	} rows[] = {
		{ { .name = "alice", .issuer = &ca }, SN_OK },
		{ { .name = "alice", .issuer = &ca, .kind = SN_TEST_ED25519 }, SN_OK },
		{ { .name = "alice", .issuer = &other_ca }, SN_ECERT },
		{ { .name = "alice" }, SN_ECERT },
		{ { .name = "alice", .issuer = &ca, .from_days = -3, .days = 1 }, SN_ECERT },
		{ { .name = "alice", .issuer = &ca, .from_days = 3, .days = 1 }, SN_ECERT },
	};

	ck_assert_int_eq(sn_tls_roots_verify(roots, make(&rows[_i].options)), rows[_i].code);
}
END_TEST

START_TEST(a_listed_certificate_vouches_for_itself)
{
	const struct sn_str view = make(&(struct sn_test_cert_options){ .name = "bob" });
	const unsigned char *p = der;
	struct sn_test_cert own = { .x509 = d2i_X509(NULL, &p, (long)view.n) };
	struct sn_test_pem pem;
	struct sn_diag diag;

	ck_assert_int_eq(sn_tls_roots_verify(roots, view), SN_ECERT);
	sn_tls_roots_free(&roots);
	write_root(&own, &pem);
	ck_assert_int_eq(sn_tls_roots_new(pem.path, &roots, &diag), SN_OK);
	ck_assert_int_eq(sn_tls_roots_verify(roots, view), SN_OK);
	sn_test_cert_fini(&own);
}
END_TEST

START_TEST(names_in_their_order)
{
	static const struct {
		const char *name, *alt, *names[4];
	} rows[] = {
		{ "alice", NULL, { "alice" } },
		{ "al", "email:alice@example.org,DNS:x.org", { "alice@example.org", "al" } },
		{ "al", "email:a@example.org,otherName:1.3.6.1.5.5.7.8.5;UTF8:alice@example.org",
			{ "alice@example.org", "a@example.org", "al" } },
		{ "al", "otherName:1.3.6.1.5.5.7.8.5;IA5:alice@example.org", { "al" } },
		{ "al", "otherName:1.2.3.4;UTF8:alice@example.org", { "al" } },
	};
	struct sn_str view =
		make(&(struct sn_test_cert_options){ .name = rows[_i].name, .alt = rows[_i].alt });
	struct sn_strbuf name;
	size_t i;

	sn_strbuf_init(&name, 100);
	for (i = 0; rows[_i].names[i] != NULL; i++) {
		sn_strbuf_reset(&name);
		ck_assert_int_eq(sn_tls_cert_name(view, i, &name), SN_OK);
		ck_assert_str_eq(sn_strbuf_cstr(&name), rows[_i].names[i]);
	}
	ck_assert_int_eq(sn_tls_cert_name(view, i, &name), SN_ENOTFOUND);
	ck_assert_int_eq(sn_tls_cert_name(view, SIZE_MAX, &name), SN_ENOTFOUND);
	sn_strbuf_fini(&name);
}
END_TEST

START_TEST(refuses_what_is_no_certificate)
{
	const struct sn_str view = make(&(struct sn_test_cert_options){ .name = "bob" });
	char *longer = sn_alloc(view.n + 1);
	struct sn_strbuf name;

	sn_strbuf_init(&name, 100);
	memcpy(longer, view.p, view.n);
	longer[view.n] = '\0';
	ck_assert_int_eq(sn_tls_roots_verify(roots, sn_str_n(longer, view.n + 1)), SN_ESYNTAX);
	for (size_t n = 0; n < view.n; n += 7) {
		ck_assert_int_eq(sn_tls_roots_verify(roots, sn_str_n(longer, n)), SN_ESYNTAX);
		ck_assert_int_eq(sn_tls_cert_name(sn_str_n(longer, n), 0, &name), SN_ESYNTAX);
	}
	ck_assert_uint_eq(name.n, 0);
	sn_strbuf_fini(&name);
	sn_free(longer);
}
END_TEST

START_TEST(says_what_is_wrong_with_the_file)
{
	struct sn_tls_roots *none = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_tls_roots_new("/nonexistent/ca.pem", &none, &diag), -ENOENT);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(strstr(diag.text, "/nonexistent/ca.pem"));
	ck_assert_int_ne(sn_tls_roots_new(dir.path, &none, &diag), SN_OK);
	ck_assert_ptr_null(none);
	sn_tls_roots_free(&none);
}
END_TEST

Suite *sn_suite_tls_verify(void);

Suite *sn_suite_tls_verify(void)
{
	Suite *suite = suite_create("tls_verify");
	TCase *tc = tcase_create("tls_verify");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, tells_good_from_bad, 0, 6);
	tcase_add_test(tc, a_listed_certificate_vouches_for_itself);
	tcase_add_loop_test(tc, names_in_their_order, 0, 5);
	tcase_add_test(tc, refuses_what_is_no_certificate);
	tcase_add_test(tc, says_what_is_wrong_with_the_file);
	suite_add_tcase(suite, tc);
	return suite;
}
