#include "daemon/service/service.h"

#include "config/conf_schema.h"
#include "tests/unit/daemon/service/echo.h"
#include "tests/unit/daemon/service/fixture.h"

static const struct sn_conf_item undocumented[] = {
	{ "key", SN_CONF_INT, 0, .doc = "" },
};
static const struct sn_conf_section bad_rows = { .name = "bad",
	.items = undocumented,
	.count = 1,
	.size = 8,
	.doc = "Rows without documentation." };

enum change {
	ABI_OLD,
	ABI_NEW,
	SIZE_SMALL,
	SIZE_FIRST,
	SIZE_LARGE,
	NO_NAME,
	NO_SUMMARY,
	NO_CONF,
	SMALL_INSTANCE,
	NO_PLACE,
	BOTH_PLACES,
	NO_KIND,
	NO_INPUT,
	SMALL_CONN,
	NO_PACKETS,
	FREEZE_PART,
	FREEZE_SHARDED,
	BAD_ROWS,
};

static int freeze_nothing(struct sn_instance *instance, struct sn_strbuf *out)
{
	(void)instance;
	(void)out;
	return SN_OK;
}

static int conn_freeze_nothing(struct sn_conn *conn, struct sn_strbuf *out)
{
	(void)conn;
	(void)out;
	return SN_OK;
}

static int thaw_nothing(
	struct sn_instance *instance, uint32_t version, struct sn_reader *in, struct sn_diag *diag)
{
	(void)instance;
	(void)version;
	(void)in;
	(void)diag;
	return SN_OK;
}

static int conn_thaw_nothing(struct sn_conn *conn, uint32_t version, struct sn_reader *in)
{
	(void)conn;
	(void)version;
	(void)in;
	return SN_OK;
}

static struct sn_service changed(enum change change)
{
	struct sn_service s = echo_service;

	switch (change) {
	case ABI_OLD:
		s.abi = SN_SERVICE_ABI - 1;
		break;
	case ABI_NEW:
		s.abi = SN_SERVICE_ABI + 1;
		break;
	case SIZE_SMALL:
		s.size = offsetof(struct sn_service, dgram_input);
		break;
	case SIZE_FIRST:
		s.size = offsetof(struct sn_service, default_group);
		/* Not to be looked at. */
		s.freeze = freeze_nothing;
		break;
	case SIZE_LARGE:
		s.size += 64;
		break;
	case NO_NAME:
		s.name = NULL;
		break;
	case NO_SUMMARY:
		s.summary = NULL;
		break;
	case NO_CONF:
		s.conf = NULL;
		break;
	case SMALL_INSTANCE:
		s.instance_size = sizeof(struct sn_instance) - 1;
		break;
	case NO_PLACE:
		s.flags = SN_SERVICE_STREAM;
		break;
	case BOTH_PLACES:
		s.flags |= SN_SERVICE_SINGLE | SN_SERVICE_SHARDED;
		break;
	case NO_KIND:
		s.flags = SN_SERVICE_SINGLE;
		break;
	case NO_INPUT:
		s.conn_input = NULL;
		break;
	case SMALL_CONN:
		s.conn_size = sizeof(struct sn_conn) - 1;
		break;
	case NO_PACKETS:
		s.flags |= SN_SERVICE_DGRAM;
		break;
	case FREEZE_PART:
		s.freeze = freeze_nothing;
		s.freeze_version = 1;
		break;
	case FREEZE_SHARDED:
		s.flags = SN_SERVICE_SHARDED | SN_SERVICE_STREAM;
		s.freeze_version = 1;
		s.freeze = freeze_nothing;
		s.conn_freeze = conn_freeze_nothing;
		s.thaw = thaw_nothing;
		s.conn_thaw = conn_thaw_nothing;
		break;
	case BAD_ROWS:
		s.conf = &bad_rows;
		break;
	}
	return s;
}

static const struct {
	enum change change;
	int code;
	const char *text; /* a part of what is said */
} cases[] = {
	{ ABI_OLD, SN_EABI, "built for service ABI 0, this program has 1: rebuild the module" },
	{ ABI_NEW, SN_EABI, "built for service ABI 2, this program has 1: rebuild the module" },
	{ SIZE_SMALL, SN_EABI, "are needed: rebuild the module" },
	{ SIZE_FIRST, SN_OK, "" },
	{ SIZE_LARGE, SN_OK, "" },
	{ NO_NAME, SN_ECONFIG, "needs name, summary and conf rows" },
	{ NO_SUMMARY, SN_ECONFIG, "needs name, summary and conf rows" },
	{ NO_CONF, SN_ECONFIG, "needs name, summary and conf rows" },
	{ SMALL_INSTANCE, SN_ECONFIG, "module echo: instance_size does not hold" },
	{ NO_PLACE, SN_ECONFIG, "module echo: exactly one of SINGLE and SHARDED" },
	{ BOTH_PLACES, SN_ECONFIG, "module echo: exactly one of SINGLE and SHARDED" },
	{ NO_KIND, SN_ECONFIG, "module echo: neither STREAM nor DGRAM" },
	{ NO_INPUT, SN_ECONFIG, "module echo: a STREAM module needs conn_input" },
	{ SMALL_CONN, SN_ECONFIG, "module echo: a STREAM module needs conn_input and a conn_size" },
	{ NO_PACKETS, SN_ECONFIG, "module echo: a DGRAM module needs dgram_input" },
	{ FREEZE_PART, SN_ECONFIG, "module echo: freeze_version and all four of" },
	{ FREEZE_SHARDED, SN_ECONFIG, "module echo: only a SINGLE module" },
	{ BAD_ROWS, SN_ECONFIG, "key" },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

START_TEST(what_does_not_fit_is_refused_with_a_reason)
{
	const struct sn_service service = changed(cases[_i].change);
	struct sn_diag diag = { 0 };
	const int code = sn_service_verify(&service, &diag);

	ck_assert_int_eq(code, cases[_i].code);
	ck_assert_msg(strstr(diag.text, cases[_i].text) != NULL, "said: %s", diag.text);
	ck_assert_int_eq(sn_service_verify(&service, NULL), code); /* nobody asks why */
}
END_TEST

START_TEST(fitting_modules_pass)
{
	struct sn_diag diag = { 0 };

	ck_assert_msg(sn_service_verify(&echo_service, &diag) == SN_OK, "%s", diag.text);
	ck_assert_msg(sn_service_verify(&tap_service, &diag) == SN_OK, "%s", diag.text);
	ck_assert_msg(sn_service_verify(&tap_datagram_service, &diag) == SN_OK, "%s", diag.text);
}
END_TEST

START_TEST(rows_of_every_service_are_right)
{
	struct sn_diag diag = { 0 };

	ck_assert_msg(sn_conf_section_verify(&sn_service_common, &diag) == SN_OK, "%s", diag.text);
}
END_TEST

START_TEST(defaults_of_every_service)
{
	struct sn_conf *conf = load("[service.tap]\n");
	const struct sn_service_conf *common = sn_conf_named_at(conf, "service", 0)->common;

	ck_assert_uint_eq(common->listen.count, 0);
	ck_assert_uint_eq(common->auth.count, 0);
	ck_assert_int_eq(common->max_connections, 10000);
	ck_assert_int_eq(common->max_per_address, 64);
	ck_assert_int_eq(common->handshake_timeout, SN_SEC(20));
	ck_assert_int_eq(common->idle_timeout, 0);
	ck_assert_int_eq(common->write_timeout, SN_SEC(60));
	ck_assert_int_eq(common->close_timeout, SN_SEC(5));
	ck_assert_uint_eq(common->send_queue, 1 << 20);
	sn_conf_unref(&conf);
}
END_TEST

Suite *sn_suite_service(void);
Suite *sn_suite_service(void)
{
	Suite *suite = suite_create("service/service");
	TCase *tc = tcase_create("service");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_loop_test(tc, what_does_not_fit_is_refused_with_a_reason, 0, (int)CASES);
	tcase_add_test(tc, fitting_modules_pass);
	tcase_add_test(tc, rows_of_every_service_are_right);
	tcase_add_test(tc, defaults_of_every_service);
	suite_add_tcase(suite, tc);
	return suite;
}
