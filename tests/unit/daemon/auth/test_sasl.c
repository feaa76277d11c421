#include "daemon/auth/sasl.h"

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/fixture.h"

struct exchange {
	struct sn_sasl sasl;
	int code;
	bool done;
};

static struct sn_portal *portal;

static void setup(void)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	auth_setup();
	portal = sn_portal_new(&context);
	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("memory:alice:secret"), &checker, &diag), SN_OK);
	sn_portal_add(portal, checker);
}

static void teardown(void)
{
	sn_portal_free(&portal);
	auth_teardown();
}

static void on_done(struct sn_sasl *sasl, int code)
{
	struct exchange *exchange = sn_container_of(sasl, struct exchange, sasl);

	exchange->code = code;
	exchange->done = true;
}

static int step(struct exchange *exchange, struct sn_str response)
{
	struct sn_strbuf challenge;
	int code;

	sn_strbuf_init(&challenge, 1024);
	code = sn_sasl_step(&exchange->sasl, response, &challenge);
	ck_assert_uint_eq(challenge.n, 0);
	sn_strbuf_fini(&challenge);
	return code;
}

#define P(literal) literal, sizeof(literal) - 1

START_TEST(plain)
{
	static const struct {
		const char *response;
		size_t n;
		int code;
	} rows[] = {
		{ P("\0alice\0secret"), SN_OK },
		{ P("alice\0alice\0secret"), SN_OK },
		{ P("\0ALICE\0secret"), SN_OK },
		{ P("\0alice\0wrong"), SN_EDENIED },
		{ P("\0nobody\0secret"), SN_EDENIED },
		{ P("bob\0alice\0secret"), SN_EDENIED },
		{ P(""), SN_EPROTO },
		{ P("\0"), SN_EPROTO },
		{ P("\0alice"), SN_EPROTO },
		{ P("\0alice\0"), SN_EPROTO },
		{ P("\0\0secret"), SN_EPROTO },
		{ P("\0alice\0secret\0"), SN_EPROTO },
		{ P("\0alice\0secret\0more"), SN_EPROTO },
		{ P("\0al\xffice\0secret"), SN_EPROTO },
		{ P("alice secret"), SN_EPROTO },
	};
	struct exchange exchange = { .sasl.secure = true };
	struct sn_session *session;

	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR("plain"), on_done), SN_OK);
	ck_assert_int_eq(step(&exchange, SN_STR_NULL), SN_AGAIN);
	ck_assert_int_eq(step(&exchange, sn_str_n(rows[_i].response, rows[_i].n)), rows[_i].code);
	ck_assert_ptr_null(exchange.sasl.mech);
	session = sn_sasl_session(&exchange.sasl);
	ck_assert((session != NULL) == (rows[_i].code == SN_OK));
	sn_session_unref(&session);
	sn_sasl_abort(&exchange.sasl);
	ck_assert(!exchange.done);
}
END_TEST

START_TEST(plain_with_an_initial_response)
{
	struct exchange exchange = { .sasl.secure = true };
	struct sn_session *session;

	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAIN"), on_done), SN_OK);
	ck_assert_int_eq(step(&exchange, sn_str_n(P("\0alice\0secret"))), SN_OK);
	session = sn_sasl_session(&exchange.sasl);
	ck_assert_str_view(session->account, "alice");
	sn_session_unref(&session);
}
END_TEST

START_TEST(parts_have_a_limit)
{
	char response[600];

	for (size_t n = 255; n <= 256; n++) {
		struct exchange exchange = { .sasl.secure = true };

		memset(response, 'a', sizeof(response));
		response[0] = response[1 + 5] = '\0';
		ck_assert_int_eq(
			sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAIN"), on_done), SN_OK);
		ck_assert_int_eq(step(&exchange, sn_str_n(response, 7 + n)),
			n == 255 ? SN_EDENIED : SN_EPROTO);
	}
}
END_TEST

START_TEST(offers_what_the_portal_takes)
{
	struct sn_portal *empty = sn_portal_new(&context);
	struct exchange exchange = { .sasl.secure = true };

	ck_assert_str_eq(sn_sasl_mech_at(&exchange.sasl, portal, 0)->name, "PLAIN");
	ck_assert_ptr_null(sn_sasl_mech_at(&exchange.sasl, portal, 1));
	ck_assert_ptr_null(sn_sasl_mech_at(&exchange.sasl, empty, 0));
	ck_assert_int_eq(
		sn_sasl_start(&exchange.sasl, empty, SN_STR("PLAIN"), on_done), SN_EUNKNOWN);
	ck_assert_int_eq(
		sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAINX"), on_done), SN_EUNKNOWN);
	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR(""), on_done), SN_EUNKNOWN);
	sn_portal_free(&empty);
}
END_TEST

static void add_file(const char *text)
{
	char *spec = sn_asprintf("file:%s", write_file(text));
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, sn_str(spec), &checker, &diag), SN_OK);
	sn_portal_add(portal, checker);
	sn_free(spec);
}

START_TEST(waits_for_a_slow_checker)
{
	static const struct {
		const char *response;
		size_t n;
		int code;
	} rows[] = {
		{ P("\0bob\0hunter2"), SN_OK },
		{ P("\0bob\0wrong"), SN_EDENIED },
		{ P("\0nobody\0x"), SN_EDENIED },
	};
	struct exchange exchange = { .sasl.secure = true };
	struct sn_session *session;

	add_file("bob:hunter2\n");
	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAIN"), on_done), SN_OK);
	ck_assert_int_eq(step(&exchange, sn_str_n(rows[_i].response, rows[_i].n)), SN_PENDING);
	ck_assert(!exchange.done);
	while (!exchange.done)
		sn_loop_turn(loop, -1);
	ck_assert_int_eq(exchange.code, rows[_i].code);
	session = sn_sasl_session(&exchange.sasl);
	ck_assert((session != NULL) == (rows[_i].code == SN_OK));
	sn_session_unref(&session);
}
END_TEST

START_TEST(given_up_while_waiting)
{
	struct exchange exchange = { .sasl.secure = true };

	add_file("bob:hunter2\n");
	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAIN"), on_done), SN_OK);
	ck_assert_int_eq(step(&exchange, sn_str_n(P("\0bob\0hunter2"))), SN_PENDING);
	sn_sasl_abort(&exchange.sasl);
	sn_offload_free(&pool);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(loop, 0);
	ck_assert(!exchange.done);
	ck_assert_int_eq(sn_sasl_start(&exchange.sasl, portal, SN_STR("PLAIN"), on_done), SN_OK);
	sn_sasl_abort(&exchange.sasl);
}
END_TEST

Suite *suite_sasl(void);
Suite *suite_sasl(void)
{
	Suite *suite = suite_create("sasl");
	TCase *tc = tcase_create("sasl");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, plain, 0, 15);
	tcase_add_test(tc, plain_with_an_initial_response);
	tcase_add_test(tc, parts_have_a_limit);
	tcase_add_test(tc, offers_what_the_portal_takes);
	tcase_add_loop_test(tc, waits_for_a_slow_checker, 0, 3);
	tcase_add_test(tc, given_up_while_waiting);
	suite_add_tcase(suite, tc);
	return suite;
}
