#include <errno.h>

#include "tests/support/certs.h"
#include "tests/unit/daemon/auth/fixture.h"

static struct sn_test_dir dir;
static struct sn_test_cert ca;
static struct sn_test_pem ca_file;

static void set_up(void)
{
	const struct sn_test_cert *const cas[] = { &ca };

	auth_setup();
	sn_test_dir_make(&dir);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &ca);
	ca_file = sn_test_pem_write(&dir, "ca.pem", "c", cas);
}

static void tear_down(void)
{
	sn_test_cert_fini(&ca);
	sn_test_dir_remove(&dir);
	auth_teardown();
}

#define XMPP "otherName:1.3.6.1.5.5.7.8.5;UTF8:"

START_TEST(names_the_holder)
{
	static const struct {
		const char *name, *alt, *wanted, *account;
		bool stranger;
		int code;
	} rows[] = {
		{ "alice", NULL, "", "alice", false, SN_OK },
		{ "alice@example.org", NULL, "", "alice", false, SN_OK },
		{ "Al", "email:alice@example.org", "", "alice", false, SN_OK },
		{ "Al", "email:a@example.org," XMPP "alice@example.org", "", "alice", false,
			SN_OK },
		{ "Al", "email:a@example.org," XMPP "alice@example.org", "A", "a", false, SN_OK },
		{ "Al", "email:a@example.org," XMPP "alice@example.org", "al", "Al", false, SN_OK },
		{ "Al", "email:a@example.org", "alice", NULL, false, SN_EDENIED },
		{ "@", NULL, "", NULL, false, SN_EDENIED },
		{ "alice", NULL, "", NULL, true, SN_ENOTFOUND },
	};
	struct sn_checker *checker = open_checker("cert:%s", ca_file.path);
	struct sn_creds creds = { .kind = SN_CREDS_CERTIFICATE,
		.account = sn_str(rows[_i].wanted) };
	struct sn_test_cert cert;
	unsigned char *der = NULL;
	struct answer answer;

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = rows[_i].name,
				  .alt = rows[_i].alt,
				  .issuer = rows[_i].stranger ? NULL : &ca },
		&cert);
	creds.certificate.n = (size_t)i2d_X509(cert.x509, &der);
	creds.certificate.p = (const char *)der;
	answer = check_creds(checker, &creds);
	ck_assert_int_eq(answer.code, rows[_i].code);
	if (answer.code == SN_OK)
		ck_assert_str_view(answer.session->account, rows[_i].account);
	sn_session_unref(&answer.session);
	creds.certificate = SN_STR_NULL;
	ck_assert_int_eq(check_creds(checker, &creds).code, SN_ENOTFOUND);
	OPENSSL_free(der);
	sn_test_cert_fini(&cert);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(refuses_what_it_cannot_read)
{
	static const struct {
		const char *spec;
		int code;
	} rows[] = {
		{ "cert", SN_EMISSING },
		{ "cert:", SN_EMISSING },
		{ "cert:/nonexistent/ca.pem", -ENOENT },
	};
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_checker_open(&context, sn_str(rows[_i].spec), &checker, &diag), rows[_i].code);
	ck_assert_ptr_null(checker);
	ck_assert_int_ne(diag.text[0], '\0');
}
END_TEST

Suite *suite_checker_cert(void);
Suite *suite_checker_cert(void)
{
	Suite *suite = suite_create("checker_cert");
	TCase *tc = tcase_create("checker_cert");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, names_the_holder, 0, 9);
	tcase_add_loop_test(tc, refuses_what_it_cannot_read, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}
