#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/sasl_client.h"

static struct sn_portal *portal;
static struct talk talk;

static void set_up(void)
{
	auth_setup();
	portal = sn_portal_new(&context);
	sn_portal_add(portal, open_checker("memory:alice:secret:\xc3\xa9va:gar\xc3\xa7on"));
	talk = (struct talk){ .sasl = { .service = "test", .secure = true } };
}

static void tear_down(void)
{
	talk_end(&talk);
	sn_portal_free(&portal);
	auth_teardown();
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
		{ P("Alice\0ALICE\0secret"), SN_OK },
		{ P("\0e\xcc\x81va\0gar\xc3\xa7on"), SN_OK },
		{ P("\0\xc3\xa9va\0gar\xc3\xa7on"), SN_OK },
		{ P("\0alice\0wrong"), SN_EDENIED },
		{ P("\0nobody\0secret"), SN_EDENIED },
		{ P("bob\0alice\0secret"), SN_EDENIED },
		{ P("\0al\x07\0secret"), SN_EDENIED },
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
	const bool initial = _i % 2 == 0;
	const size_t row = (size_t)_i / 2;

	ck_assert_int_eq(talk_start(&talk, portal, "plain"), SN_OK);
	if (!initial)
		ck_assert_int_eq(talk_step(&talk, SN_STR_NULL), SN_AGAIN);
	ck_assert_int_eq(
		talk_step(&talk, sn_str_n(rows[row].response, rows[row].n)), rows[row].code);
	ck_assert_uint_eq(talk.got.n, 0);
	ck_assert_ptr_null(talk.sasl.mech);
	ck_assert((talk.sasl.session != NULL) == (rows[row].code == SN_OK));
}
END_TEST

static int try_sizes(size_t name, size_t password)
{
	char *response = sn_alloc(name + password + 2);
	int code;

	memset(response, 'a', name + password + 2);
	response[0] = response[1 + name] = '\0';
	ck_assert_int_eq(talk_start(&talk, portal, "PLAIN"), SN_OK);
	code = talk_step(&talk, sn_str_n(response, name + password + 2));
	sn_free(response);
	return code;
}

START_TEST(parts_have_limits)
{
	ck_assert_int_eq(try_sizes(255, 10), SN_EDENIED);
	ck_assert_int_eq(try_sizes(256, 10), SN_EPROTO);
	ck_assert_int_eq(try_sizes(10, 1024), SN_EDENIED);
	ck_assert_int_eq(try_sizes(10, 1025), SN_EPROTO);
}
END_TEST

Suite *suite_sasl_plain(void);
Suite *suite_sasl_plain(void)
{
	Suite *suite = suite_create("sasl_plain");
	TCase *tc = tcase_create("sasl_plain");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, plain, 0, 2 * 19);
	tcase_add_test(tc, parts_have_limits);
	suite_add_tcase(suite, tc);
	return suite;
}
