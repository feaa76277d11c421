#include "tests/support/unit.h"

#include "daemon/base/mem.h"
#include "daemon/net/endpoint.h"

static struct sn_pool *pool;

static void set_up(void)
{
	sn_endpoints_init();
	pool = sn_pool_new(0);
}

static void tear_down(void)
{
	sn_pool_free(&pool);
}

static enum sn_endpoint_side side_of(char letter)
{
	return letter == 'S' ? SN_SERVER : SN_CLIENT;
}

/* The first letter of a row's text says the side, and is not part of it. */
static struct sn_endpoint *parsed(const char *row)
{
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	const int rc = sn_endpoint_parse(pool, side_of(row[0]), sn_str(row + 1), &ep, &diag);

	ck_assert_msg(rc == SN_OK, "%s: %s: %s", row, sn_errname(rc), diag.text);
	return ep;
}

static const char *text_of(const struct sn_endpoint *ep)
{
	static char text[1000];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_endpoint_format(ep, &out);
	ck_assert_int_eq(out.err, SN_OK);
	return text;
}

/* Accepted, and printed so. */
static const char *const accepted[][2] = {
	{ "Stcp:80:127.0.0.1:5", "tcp:80:127.0.0.1:5" },
	{ "Stcp:80", "tcp:80" },
	{ "STCP:80", "tcp:80" },
	{ "S80", "tcp:80" },
	{ "S8080:interface=127.0.0.1", "tcp:8080:127.0.0.1" },
	{ "S080", "tcp:80" },
	{ "Stcp:80:", "tcp:80:" },
	{ "Stcp:80:backlog=5", "tcp:80:backlog=5" },
	{ "Stcp:backlog=5:port=80", "tcp:80:backlog=5" },
	{ "Sinterface=x:tcp:80", "tcp:80:x" },
	{ "Stcp: 80 ", "tcp:80" },
	{ "Stcp:+8_0", "tcp:80" },
	{ "Stcp:-0", "tcp:0" },
	{ "Stcp:\t0_08\v", "tcp:8" },
	{ "Stcp:80:interface=\\:\\:1", "tcp:80:\\:\\:1" },
	{ "Stcp:80:interface=a=b=c", "tcp:80:a\\=b\\=c" },
	{ "Stcp:80:interface\\=x", "tcp:80:interface\\=x" },
	{ "Stcp:80:backlog=5:backlog=6", "tcp:80:backlog=6" },
	{ "Stcp:80:backlog=x:backlog=6", "tcp:80:backlog=6" },
	{ "Sunix:/a\\=b", "unix:/a\\=b" },
	{ "Sunix:address=/a=b", "unix:/a\\=b" },
	{ "Sunix:a\\:b\\\\c", "unix:a\\:b\\\\c" },
	{ "Sunix:/s:mode=660:mode=600", "unix:/s:600" },
	{ "Sunix:/s:mode=0o6_60", "unix:/s:660" },
	{ "Sunix:/s:lockfile=2", "unix:/s:lockfile=1" },
	{ "Sunix:/s:lockfile=-99999999999999999999", "unix:/s:lockfile=1" },
	{ "Sunix:/s:lockfile=0", "unix:/s:lockfile=0" },
	{ "Sunix:", "unix:" },
	{ "Sstdio:foo:bar=1", "stdio" },
	{ "Shaproxy:tcp:80:interface=\\:\\:1", "haproxy:tcp:80:\\:\\:1" },
	{ "Shaproxy:backlog=5:tcp:80", "haproxy:tcp:80:backlog=5" },
	{ "Sbacklog=5:haproxy:tcp:80:backlog=6", "haproxy:tcp:80:backlog=6" },
	{ "Shaproxy:80", "haproxy:tcp:80" },
	{ "Shaproxy:haproxy:unix:/a\\=b", "haproxy:haproxy:unix:/a\\=b" },
	{ "Stls:certs:clientCA=ca.pem:tcp:443", "tls:certs:clientCA=ca.pem:tcp:443" },
	{ "Stls:certs=/x\\:y:tcp:443", "tls:/x\\:y:tcp:443" },
	{ "Stls:certs:backlog=3:443", "tls:certs:tcp:443:backlog=3" },
	{ "Stls:certs:haproxy:tcp:443", "tls:certs:haproxy:tcp:443" },
	{ "Ctcp:host=h:80", "tcp:h:80" },
	{ "Ctcp:80:host=h", "tcp:h:80" },
	{ "Ctcp:h:port=80", "tcp:h:80" },
	{ "Ctcp:h:80:host=x:port=y", "tcp:h:80" },
	{ "Ctcp:80:host=h:port=90", "tcp:h:80" },
	{ "Ctcp:a:b:c:host=h:port=80", "tcp:h:80" },
	{ "Ctcp:\\:\\:1:80", "tcp:\\:\\:1:80" },
	{ "CTcP:h:80:timeout=5", "tcp:h:80:timeout=5" },
	{ "Cunix:/f", "unix:/f" },
	{ "Cunix:/f:path=/g", "unix:/f" },
	{ "Cunix:/f:/g:path=/h", "unix:/h" },
	{ "Ctls:h:443:30:1.2.3.4", "tls:h:443:30:1.2.3.4" },
	{ "Ctls:h:443:endpoint=tcp\\:127.0.0.1\\:8443",
		"tls:h:443:endpoint=tcp\\:127.0.0.1\\:8443" },
	{ "Cexec:/bin/cat:-n:a\\=b:", "exec:/bin/cat:-n:a\\=b:" },
};

START_TEST(accepts_and_prints)
{
	const char *row = accepted[_i][0];
	struct sn_endpoint *ep = parsed(row), *again;
	const char *text = text_of(ep);

	ck_assert_str_eq(text, accepted[_i][1]);
	ck_assert_str_view(ep->source, row + 1);
	ck_assert_int_eq(
		sn_endpoint_parse(pool, side_of(row[0]), sn_str(text), &again, NULL), SN_OK);
	ck_assert_str_eq(text_of(again), accepted[_i][1]);
	ck_assert(sn_endpoint_eq(ep, again));
}
END_TEST

static const struct {
	const char *row;
	int code;
	size_t column;
} refused[] = {
	{ "S", SN_EUNKNOWN, 1 },
	{ "S:80", SN_EUNKNOWN, 1 },
	{ "Stpc:80", SN_EUNKNOWN, 1 },
	{ "S80x", SN_EUNKNOWN, 1 },
	{ "C80", SN_EUNKNOWN, 1 },
	{ "Ca=b:fd:3", SN_EUNKNOWN, 5 },
	{ "Sa=b", SN_EMISSING, 4 },
	{ "C=a", SN_EMISSING, 3 },
	{ "Stcp", SN_EMISSING, 4 },
	{ "Stcp:", SN_ENUMBER, 5 },
	{ "Stcp:80:5:127.0.0.1", SN_ENUMBER, 10 },
	{ "Stcp:0x50", SN_ENUMBER, 5 },
	{ "Stcp:8__0", SN_ENUMBER, 5 },
	{ "Stcp:_8", SN_ENUMBER, 5 },
	{ "Stcp:8_", SN_ENUMBER, 5 },
	{ "Stcp:+-8", SN_ENUMBER, 5 },
	{ "Stcp:- 8", SN_ENUMBER, 5 },
	{ "Stcp:-", SN_ENUMBER, 5 },
	{ "Stcp:8 0", SN_ENUMBER, 5 },
	{ "Stcp:80.0", SN_ENUMBER, 5 },
	{ "Stcp:\xd9\xa1", SN_ENUMBER, 5 },
	{ "Stcp:99999", SN_ERANGE, 5 },
	{ "Stcp:-1", SN_ERANGE, 5 },
	{ "Stcp:99999999999999999999999", SN_ERANGE, 5 },
	{ "Stcp:80:bogus=1", SN_EUNKNOWN, 8 },
	{ "Stcp:80:=5", SN_EUNKNOWN, 8 },
	{ "Stcp:80:Interface=x", SN_EUNKNOWN, 8 },
	{ "Stcp:80:81:82:83", SN_ESYNTAX, 14 },
	{ "Stcp:80:interface=::1", SN_EDUPLICATE, 19 },
	{ "Stcp:80:port=80", SN_EDUPLICATE, 5 },
	{ "Sunix:/a=b", SN_EUNKNOWN, 6 },
	{ "Sunix:/x\\", SN_ESYNTAX, 8 },
	{ "Sunix:/s:mode=999", SN_ENUMBER, 14 },
	{ "Sunix:/s:mode=0o", SN_ENUMBER, 14 },
	{ "Sunix:/s:mode=10000", SN_ERANGE, 14 },
	{ "Sunix:/s:lockfile=yes", SN_ENUMBER, 18 },
	{ "Shaproxy", SN_EMISSING, 8 },
	{ "Shaproxy:", SN_EUNKNOWN, 9 },
	{ "Shaproxy:a=b", SN_EMISSING, 12 },
	{ "Shaproxy:tcp:x", SN_ENUMBER, 13 },
	{ "Shaproxy:udp:53", SN_ESYNTAX, 9 },
	{ "Stls", SN_EMISSING, 4 },
	{ "Stls:certs", SN_EMISSING, 10 },
	{ "Stls:certs:tcp:4x3", SN_ENUMBER, 15 },
	{ "Stls:certs:tcp:443:clientCA=x", SN_EUNKNOWN, 19 },
	{ "Ctcp:h", SN_EMISSING, 6 },
	{ "Ctcp:h:80:30", SN_EMISSING, 10 },
	{ "Ctcp:::1:80", SN_EMISSING, 7 },
	{ "Ctcp:x:host=h:port=90", SN_ENUMBER, 5 },
	{ "Ctcp:h:80:timeout=2.5", SN_ENUMBER, 18 },
	{ "Ctcp:h:http", SN_ENUMBER, 7 },
	{ "Cunix", SN_EMISSING, 5 },
	{ "Cunix:address=/f", SN_EUNKNOWN, 6 },
	{ "Cunix:/f:/g", SN_EMISSING, 9 },
	{ "Ctls:h:443:endpoint=tcp:127.0.0.1:8443", SN_ENUMBER, 24 },
	{ "Ctls:h:443:bogus=1", SN_EUNKNOWN, 11 },
	{ "Ctls:h:443:endpoint=tcp\\:127.0.0.1\\:84x3", SN_ENUMBER, 36 },
	{ "Ctls:h:443:endpoint=tcp\\:127.0.0.1:5", SN_EMISSING, 34 },
	{ "Ctls:h:1:endpoint=tls\\:h\\:1\\:endpoint=tcp\\\\\\:h\\\\\\:x", SN_ENUMBER, 50 },
};

START_TEST(refuses)
{
	const char *row = refused[_i].row;
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	const int rc = sn_endpoint_parse(pool, side_of(row[0]), sn_str(row + 1), &ep, &diag);

	ck_assert_msg(rc == refused[_i].code, "%s: %s", row, sn_errname(rc));
	ck_assert_msg(diag.column == refused[_i].column, "%s: column %zu", row, diag.column);
	ck_assert_int_eq(diag.code, rc);
	ck_assert_uint_gt(strlen(diag.text), 0);
	ck_assert_ptr_null(ep);
	ck_assert_int_eq(sn_endpoint_parse(pool, side_of(row[0]), sn_str(row + 1), &ep, NULL), rc);
}
END_TEST

/* Any prefix is either an endpoint or an error within it, and is not read past its end. */
START_TEST(prefixes)
{
	const struct sn_str whole = sn_str(accepted[_i][0] + 1);

	for (size_t n = 0; n < whole.n; n++) {
		char *copy = sn_alloc(n + 1), *text = copy + 1; /* ends where the memory ends */
		struct sn_endpoint *ep;
		struct sn_diag diag = { 0 };
		int rc;

		memcpy(text, whole.p, n);
		rc = sn_endpoint_parse(
			pool, side_of(accepted[_i][0][0]), sn_str_n(text, n), &ep, &diag);
		sn_free(copy);
		if (rc == SN_OK)
			continue;
		ck_assert_uint_ge(diag.column, 1);
		ck_assert_uint_le(diag.column, n + 1);
	}
}
END_TEST

START_TEST(explains)
{
	static const char *const rows[][2] = {
		{ "Stpc:80", "unknown endpoint type 'tpc'; did you mean 'tcp'?" },
		{ "Sfoo:80", "unknown endpoint type 'foo'; `sennit list endpoints` shows all" },
		{ "Sexec:cat", "'exec' is no type to listen on" },
		{ "Chaproxy:tcp:1", "'haproxy' is no type to connect to" },
		{ "Stcp:80:interfac=x",
			"tcp: has no parameter 'interfac'; did you mean 'interface'?" },
		{ "Stcp:70000", "tcp: port must be 0 to 65535" },
		{ "Stcp:http", "tcp: port: 'http' is not an integer" },
		{ "Sunix:/x:mode=9", "unix: mode: '9' is not an octal number" },
		{ "Stls:c:clientAuth=maybe:tcp:1",
			"tls: clientAuth must be one of none|request|require" },
		{ "Shaproxy:udp:53", "haproxy: needs a stream inside, and udp is none" },
	};
	struct sn_endpoint *ep;
	struct sn_diag diag;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_ne(sn_endpoint_parse(pool, side_of(rows[i][0][0]),
					 sn_str(rows[i][0] + 1), &ep, &diag),
			SN_OK);
		ck_assert_str_eq(diag.text, rows[i][1]);
	}
}
END_TEST

START_TEST(nesting_is_limited)
{
	struct sn_strbuf text;
	struct sn_endpoint *ep;
	struct sn_diag diag;

	sn_strbuf_init(&text, 1000);
	for (int depth = 1; depth < SN_ENDPOINT_DEPTH_MAX; depth++)
		sn_strbuf_adds(&text, "haproxy:");
	sn_strbuf_adds(&text, "80");
	ck_assert_int_eq(
		sn_endpoint_parse(pool, SN_SERVER, sn_strbuf_str(&text), &ep, &diag), SN_OK);
	sn_strbuf_reset(&text);
	for (int depth = 0; depth < SN_ENDPOINT_DEPTH_MAX; depth++)
		sn_strbuf_adds(&text, "haproxy:");
	sn_strbuf_adds(&text, "80");
	ck_assert_int_eq(
		sn_endpoint_parse(pool, SN_SERVER, sn_strbuf_str(&text), &ep, &diag), SN_ELIMIT);
	ck_assert_uint_eq(diag.column, text.n - 1);
	sn_strbuf_fini(&text);
}
END_TEST

START_TEST(equality)
{
	static const char *const same[][2] = {
		{ "Stcp:80", "Sport=80:tcp" },
		{ "Stcp:80:backlog=5", "S80:backlog=05" },
		{ "Sunix:/x:lockfile=7", "Sunix:/x:lockfile=1" },
		{ "Sstdio", "Sstdio:x" },
	};
	static const char *const different[][2] = {
		{ "Stcp:80", "Stcp:81" },
		{ "Stcp:80", "Stcp6:80" },
		{ "Stcp:80", "Stcp:80:" },
		{ "Stcp:80:x", "Stcp:80:y" },
		{ "Stcp:80", "Ctcp:80:1" },
		{ "Shaproxy:80", "Shaproxy:81" },
		{ "Shaproxy:80", "S80" },
		{ "Cexec:a:b", "Cexec:a:c" },
		{ "Cexec:a:b", "Cexec:a" },
		{ "Ctls:h:1", "Ctls:h:1:endpoint=unix\\:x" },
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		ck_assert(sn_endpoint_eq(parsed(same[i][0]), parsed(same[i][1])));
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		ck_assert(!sn_endpoint_eq(parsed(different[i][0]), parsed(different[i][1])));
}
END_TEST

START_TEST(values_and_places)
{
	const struct sn_endpoint *ep = parsed("Stls:certs:tcp:8_0:backlog=5");
	const struct sn_endpoint_value *value = sn_endpoint_get(ep, "certs");

	ck_assert(value->given);
	ck_assert_uint_eq(value->column, 5);
	ck_assert_str_view(value->text, "certs");
	ck_assert(!sn_endpoint_get(ep, "clientCA")->given);
	ck_assert_ptr_null(sn_endpoint_get(ep, "clientCA")->text.p);
	ck_assert_int_eq(sn_endpoint_get(ep, "minVersion")->number, 0);

	ck_assert_uint_eq(ep->inner->column, 11);
	value = sn_endpoint_get(ep->inner, "port");
	ck_assert_int_eq(value->number, 80);
	ck_assert_uint_eq(value->column, 15);
	value = sn_endpoint_get(ep->inner, "backlog");
	ck_assert_int_eq(value->number, 5);
	ck_assert_uint_eq(value->column, 27);
	value = sn_endpoint_get(ep->inner, "interface");
	ck_assert(!value->given);
	ck_assert_str_view(value->text, "");
	ck_assert_uint_eq(value->column, 0);
}
END_TEST

START_TEST(quoting_survives_any_text)
{
	char all[255];
	struct sn_strbuf text;
	struct sn_endpoint *ep;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	sn_strbuf_init(&text, 1000);
	sn_strbuf_adds(&text, "unix:");
	sn_endpoint_quote(sn_str_n(all, sizeof(all)), &text);
	ck_assert_int_eq(
		sn_endpoint_parse(pool, SN_SERVER, sn_strbuf_str(&text), &ep, NULL), SN_OK);
	ck_assert(sn_str_eq(sn_endpoint_get(ep, "address")->text, sn_str_n(all, sizeof(all))));
	sn_strbuf_fini(&text);
}
END_TEST

Suite *sn_suite_endpoint(void);
Suite *sn_suite_endpoint(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tc = tcase_create("endpoint");
	const int accepted_count = sizeof(accepted) / sizeof(accepted[0]);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, accepts_and_prints, 0, accepted_count);
	tcase_add_loop_test(tc, refuses, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(tc, prefixes, 0, accepted_count);
	tcase_add_test(tc, explains);
	tcase_add_test(tc, nesting_is_limited);
	tcase_add_test(tc, equality);
	tcase_add_test(tc, values_and_places);
	tcase_add_test(tc, quoting_survives_any_text);
	suite_add_tcase(suite, tc);
	return suite;
}
