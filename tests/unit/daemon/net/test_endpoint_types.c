#include "tests/support/unit.h"

#include "daemon/net/endpoint.h"
#include "daemon/net/endpoint_types.h"

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

START_TEST(rows_are_complete)
{
	for (size_t i = 0; sn_endpoint_builtin_types[i] != NULL; i++) {
		const struct sn_endpoint_type *type = sn_endpoint_builtin_types[i];
		struct sn_endpoint *ep;
		struct sn_diag diag = { 0 };
		const int rc =
			sn_endpoint_parse(pool, type->side, sn_str(type->example), &ep, &diag);

		ck_assert_msg(rc == SN_OK, "%s: %s", type->example, diag.text);
		ck_assert_ptr_eq(ep->type, type);
		ck_assert_uint_gt(strlen(type->doc), 0);
		for (size_t j = 0; j < type->param_count; j++)
			ck_assert_ptr_nonnull(type->params[j].doc);
	}
}
END_TEST

/* "name=text" of every parameter, '*' behind what was given, "#number" where it is one. */
static const char *dump(const struct sn_endpoint *ep)
{
	static char text[600];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	for (size_t i = 0; i < ep->type->param_count; i++) {
		const struct sn_endpoint_value *value = &ep->values[i];

		if (value->text.p == NULL)
			continue;
		sn_strbuf_addf(&out, "%s%s=", out.n > 0 ? " " : "", ep->type->params[i].name);
		if (ep->type->params[i].kind == SN_PARAM_TEXT)
			sn_strbuf_add(&out, value->text);
		else
			sn_strbuf_addf(&out, "#%lld", (long long)value->number);
		sn_strbuf_adds(&out, value->given ? "*" : "");
	}
	for (size_t i = 0; i < ep->rest_count; i++)
		sn_strbuf_addf(&out, " +%.*s", SN_STR_ARG(ep->rest[i]));
	return text;
}

static const struct {
	enum sn_endpoint_side side;
	const char *text, *values;
} accepted[] = {
	{ SN_SERVER, "tcp:1", "port=#1* interface=" },
	{ SN_SERVER, "tcp:65535:h:7", "port=#65535* interface=h* backlog=#7*" },
	{ SN_SERVER, "tcp6:1", "port=#1* interface=::" },
	{ SN_SERVER, "tcp6:1:7:h", "port=#1* backlog=#7* interface=h*" },
	{ SN_SERVER, "unix:/x", "address=/x* mode=#438 lockfile=#1" },
	{ SN_SERVER, "unix:@x:7777:3:0:user=u:group=g",
		"address=@x* mode=#4095* backlog=#3* lockfile=#0* user=u* group=g*" },
	{ SN_SERVER, "ssl:443", "port=#443* privateKey=server.pem interface=" },
	{ SN_SERVER, "ssl:443:k:c:TLSv1_2_METHOD:i:9:e:d",
		"port=#443* privateKey=k* certKey=c* sslmethod=#2* interface=i* backlog=#9* "
		"extraCertChain=e* dhParameters=d*" },
	{ SN_SERVER, "tls:c:80", "certs=c* minVersion=#0" },
	{ SN_SERVER, "tls:c:clientCA=ca:clientAuth=request:minVersion=1.3:80",
		"certs=c* clientCA=ca* clientAuth=#1* minVersion=#1*" },
	{ SN_SERVER, "tls:c:clientAuth=none:80", "certs=c* clientAuth=#0* minVersion=#0" },
	{ SN_SERVER, "tls:c:clientAuth=request:80", "certs=c* clientAuth=#1* minVersion=#0" },
	{ SN_SERVER, "systemd:INET:0", "domain=#0* index=#0*" },
	{ SN_SERVER, "systemd:domain=UNIX:name=web", "domain=#2* name=web*" },
	{ SN_SERVER, "fd:3", "number=#3*" },
	{ SN_SERVER, "stdio:a:b=c", "" },
	{ SN_SERVER, "udp:53:i", "port=#53* interface=i*" },
	{ SN_CLIENT, "tcp:h:1", "host=h* port=#1* timeout=#30" },
	{ SN_CLIENT, "tcp:h:1:timeout=5:bindAddress=b",
		"host=h* port=#1* timeout=#5* bindAddress=b*" },
	{ SN_CLIENT, "unix:/x", "path=/x* timeout=#30 lockfile=#0" },
	{ SN_CLIENT, "unix:path=/x:lockfile=1:timeout=9", "path=/x* timeout=#9* lockfile=#1*" },
	{ SN_CLIENT, "ssl:h:1:certKey=c:privateKey=k:caCertsDir=d:hostname=n",
		"host=h* port=#1* timeout=#30 certKey=c* privateKey=k* caCertsDir=d* "
		"hostname=n*" },
	{ SN_CLIENT, "tls:h:1", "host=h* port=#1* timeout=#30" },
	{ SN_CLIENT, "tls:h:1:2:b:c:k:t",
		"host=h* port=#1* timeout=#2* bindAddress=b* certificate=c* privateKey=k* "
		"trustRoots=t*" },
	{ SN_CLIENT, "exec:cat", "command=cat*" },
	{ SN_CLIENT, "exec:cat:-n:a b", "command=cat* +-n +a b" },
};

START_TEST(fills_parameters)
{
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	const int rc =
		sn_endpoint_parse(pool, accepted[_i].side, sn_str(accepted[_i].text), &ep, &diag);

	ck_assert_msg(rc == SN_OK, "%s: %s", accepted[_i].text, diag.text);
	ck_assert_str_eq(dump(ep), accepted[_i].values);
}
END_TEST

static const struct {
	enum sn_endpoint_side side;
	const char *text;
	int code;
	size_t column;
} refused[] = {
	{ SN_SERVER, "tcp:1:backlog=-1", SN_ERANGE, 15 },
	{ SN_SERVER, "tcp6:1:7:h:x", SN_ESYNTAX, 12 },
	{ SN_SERVER, "unix:/x:666:1:1:u", SN_ESYNTAX, 17 },
	{ SN_SERVER, "ssl:443:sslmethod=SSLv3_METHOD", SN_ERANGE, 19 },
	{ SN_SERVER, "tls:c:clientAuth=require:80", SN_EMISSING, 18 },
	{ SN_SERVER, "tls:c:minVersion=1.1:80", SN_ERANGE, 18 },
	{ SN_SERVER, "tls:c:udp:80", SN_ESYNTAX, 7 },
	{ SN_SERVER, "systemd", SN_EMISSING, 8 },
	{ SN_SERVER, "systemd:INET", SN_EMISSING, 13 },
	{ SN_SERVER, "systemd:INET:0:name=x", SN_EDUPLICATE, 21 },
	{ SN_SERVER, "systemd:inet:0", SN_ERANGE, 9 },
	{ SN_SERVER, "systemd:INET:x", SN_ENUMBER, 14 },
	{ SN_SERVER, "fd", SN_EMISSING, 3 },
	{ SN_SERVER, "fd:-1", SN_ERANGE, 4 },
	{ SN_SERVER, "udp:53:i:5", SN_ESYNTAX, 10 },
	{ SN_CLIENT, "tcp:h:0", SN_ERANGE, 7 },
	{ SN_CLIENT, "tcp:h:1:timeout=0", SN_ERANGE, 17 },
	{ SN_CLIENT, "ssl:h:1:bogus=1", SN_EUNKNOWN, 9 },
	{ SN_CLIENT, "unix:/x:lockfile=y", SN_ENUMBER, 18 },
	{ SN_CLIENT, "tls:h:1:endpoint=", SN_EUNKNOWN, 18 },
	{ SN_CLIENT, "exec", SN_EMISSING, 5 },
	{ SN_CLIENT, "exec::x", SN_EMISSING, 6 },
	{ SN_CLIENT, "exec:cat:a=b", SN_EUNKNOWN, 10 },
	{ SN_CLIENT, "exec:-n:command=cat", SN_EDUPLICATE, 6 },
};

START_TEST(refuses)
{
	struct sn_endpoint *ep;
	struct sn_diag diag = { 0 };
	const int rc =
		sn_endpoint_parse(pool, refused[_i].side, sn_str(refused[_i].text), &ep, &diag);

	ck_assert_msg(rc == refused[_i].code, "%s: %s", refused[_i].text, sn_errname(rc));
	ck_assert_msg(
		diag.column == refused[_i].column, "%s: column %zu", refused[_i].text, diag.column);
}
END_TEST

Suite *sn_suite_endpoint_types(void);
Suite *sn_suite_endpoint_types(void)
{
	Suite *suite = suite_create("endpoint_types");
	TCase *tc = tcase_create("endpoint_types");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, rows_are_complete);
	tcase_add_loop_test(tc, fills_parameters, 0, sizeof(accepted) / sizeof(accepted[0]));
	tcase_add_loop_test(tc, refuses, 0, sizeof(refused) / sizeof(refused[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
