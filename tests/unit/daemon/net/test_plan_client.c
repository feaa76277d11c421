#include "daemon/base/clock.h"
#include "daemon/net/plan.h"
#include "tests/support/certs.h"
#include "tests/support/unit.h"

Suite *sn_suite_plan_client(void);

static struct sn_pool *pool;
static struct sn_connect_plan plan;
static struct sn_diag diag;

static void set_up(void)
{
	sn_endpoints_init();
	sn_net_init();
	pool = sn_pool_new(0);
}

static void tear_down(void)
{
	sn_connect_plan_fini(&plan);
	sn_pool_free(&pool);
}

/* Parse and plan; the endpoint is gone afterwards, the plan stands for itself. */
static int make(const char *text)
{
	struct sn_pool *own = sn_pool_new(0);
	struct sn_endpoint *ep;
	int rc = sn_endpoint_parse(own, SN_CLIENT, sn_str(text), &ep, &diag);

	plan = (struct sn_connect_plan){ 0 };
	ck_assert_msg(rc == SN_OK, "%s: %s", text, diag.text);
	rc = sn_connect_plan_make(ep, &plan, &diag);
	sn_pool_free(&own);
	return rc;
}

static void describe_addr(struct sn_strbuf *out, const char *what, const struct sn_addr *addr)
{
	if (addr->len == 0)
		return;
	sn_strbuf_addf(out, " %s=", what);
	sn_addr_format(addr, out);
}

static void describe(struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "%lld s", (long long)(plan.timeout / SN_SEC(1)));
	if (plan.host.n > 0)
		sn_strbuf_addf(out, " host=%s port=%u", plan.host.p, plan.port);
	describe_addr(out, "addr", &plan.addr);
	describe_addr(out, "bind", &plan.bind);
	if (plan.lock_file != NULL)
		sn_strbuf_addf(out, " lock=%s", plan.lock_file);
	for (char *const *arg = plan.argv; arg != NULL && *arg != NULL; arg++)
		sn_strbuf_addf(out, " [%s]", *arg);
	if (plan.tls != NULL)
		sn_strbuf_addf(out, " tls=%s", plan.tls_host);
}

static const struct {
	const char *text, *plan;
} plans[] = {
	{ "tcp:h:80", "30 s host=h port=80" },
	{ "tcp:80:host=h:timeout=5", "5 s host=h port=80" },
	{ "tcp:\\:\\:1:443:bindAddress=\\:\\:1", "30 s host=::1 port=443 bind=[::1]:0" },
	{ "tcp:h:80:bindAddress=127.0.0.2", "30 s host=h port=80 bind=127.0.0.2:0" },
	{ "tcp:h:80:bindAddress=", "30 s host=h port=80" },
	{ "unix:/run/x.sock", "30 s addr=unix:/run/x.sock" },
	{ "unix:/run/x.sock:lockfile=1:timeout=2",
		"2 s addr=unix:/run/x.sock lock=/run/x.sock.lock" },
	{ "unix:@name:lockfile=1", "30 s addr=unix:@name" },
	{ "exec:cat", "0 s [cat]" },
	{ "exec:/bin/sh:-c:echo a\\:b:", "0 s [/bin/sh] [-c] [echo a:b] []" },
	{ "tls:h:443", "30 s host=h port=443 tls=h" },
	{ "tls:h:443:7:127.0.0.1", "7 s host=h port=443 bind=127.0.0.1:0 tls=h" },
	{ "tls:h:443:endpoint=tcp\\:proxy\\:8443\\:timeout=3", "3 s host=proxy port=8443 tls=h" },
	{ "tls:h:443:timeout=4:endpoint=tcp\\:proxy\\:8443\\:timeout=3",
		"4 s host=proxy port=8443 tls=h" },
	{ "tls:h:443:endpoint=unix\\:/x", "30 s addr=unix:/x tls=h" },
	{ "tls:h:443:endpoint=exec\\:cat", "0 s [cat] tls=h" },
	{ "ssl:h:443", "30 s host=h port=443 tls=h" },
	{ "ssl:127.0.0.1:443:hostname=h:timeout=1", "1 s host=127.0.0.1 port=443 tls=h" },
};

START_TEST(plans_say_what_the_text_says)
{
	char text[300];
	struct sn_strbuf out;
	int rc = make(plans[_i].text);

	ck_assert_msg(rc == SN_OK, "%s: %s", plans[_i].text, diag.text);
	sn_strbuf_fixed(&out, text, sizeof(text));
	describe(&out);
	ck_assert_str_eq(text, plans[_i].plan);
}
END_TEST

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
	const char *text;
	int code;
	size_t column;
	const char *part; /* of the message */
} errors[] = {
	{ "tcp::80", SN_EMISSING, 5, "host is empty" },
	{ "tcp:h:80:bindAddress=localhost", SN_ESYNTAX, 22, "'localhost'" },
	{ "unix:", SN_EMISSING, 6, "path is empty" },
	{ "unix:/" LONG LONG, SN_ELIMIT, 6, "107 bytes" },
	{ "tls::443", SN_EMISSING, 5, "host is empty" },
	{ "tls:h:443:endpoint=tls\\:h\\:443", SN_EUNAVAILABLE, 20, "TLS itself" },
	{ "tls:h:443:endpoint=tcp\\:\\:80", SN_EMISSING, 25, "host is empty" },
	{ "tls:h:443:trustRoots=/nonexistent", -2, 22, "/nonexistent" },
	{ "ssl:h:443:certKey=/nonexistent", -2, 19, "/nonexistent" },
	{ "ssl:h:443:privateKey=/nonexistent", SN_EMISSING, 22, "certKey" },
};

START_TEST(errors_have_a_place)
{
	int rc = make(errors[_i].text);

	ck_assert_msg(rc == errors[_i].code, "%s: %d %s", errors[_i].text, rc, diag.text);
	ck_assert_msg(strstr(diag.text, errors[_i].part) != NULL, "%s", diag.text);
	ck_assert_uint_eq(diag.column, errors[_i].column);
	ck_assert_ptr_null(plan.pool);
}
END_TEST

static const struct sn_endpoint_type unattached = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "nowhere",
	.side = SN_CLIENT,
	.doc = "a type that nothing was attached to",
	.example = "nowhere:",
};

START_TEST(a_type_without_a_plan_is_an_error)
{
	int rc = sn_endpoint_register(&unattached);

	ck_assert(rc == SN_OK || rc == SN_EDUPLICATE); /* once in a process */
	ck_assert_int_eq(make("nowhere"), SN_EUNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(diag.text, "nowhere"));
}
END_TEST

START_TEST(client_certificate_and_roots)
{
	struct sn_test_cert cert;
	struct sn_test_dir dir;
	struct sn_test_pem pem;
	char text[700];

	sn_test_dir_make(&dir);
	sn_test_cert_simple("example.org", &cert);
	pem = sn_test_pem_write(
		&dir, "own.pem", "kc", (const struct sn_test_cert *const[]){ &cert });
	snprintf(text, sizeof(text), "tls:h:443:certificate=%s:trustRoots=%s", pem.path, dir.path);
	ck_assert_msg(make(text) == SN_OK, "%s", diag.text);
	ck_assert_ptr_nonnull(plan.tls);
	sn_test_cert_fini(&cert);
	sn_test_dir_remove(&dir);
}
END_TEST

Suite *sn_suite_plan_client(void)
{
	Suite *suite = suite_create("plan_client");
	TCase *tc = tcase_create("plan_client");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, plans_say_what_the_text_says, 0, sizeof(plans) / sizeof(plans[0]));
	tcase_add_loop_test(tc, errors_have_a_place, 0, sizeof(errors) / sizeof(errors[0]));
	tcase_add_test(tc, a_type_without_a_plan_is_an_error);
	tcase_add_test(tc, client_certificate_and_roots);
	suite_add_tcase(suite, tc);
	return suite;
}
