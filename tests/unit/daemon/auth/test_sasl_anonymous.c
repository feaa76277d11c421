#include "tests/unit/daemon/auth/sasl_client.h"

START_TEST(anonymous)
{
	static const struct {
		const char *trace;
		size_t size; /* filled up to it; 0: as it is */
		int code;
	} rows[] = {
		{ "", 0, SN_OK },
		{ "sirhc", 0, SN_OK },
		{ "fred@example.org", 0, SN_OK },
		{ "\xc3\xa9", 0, SN_OK },
		{ "\xff", 0, SN_EPROTO },
		{ "", 255, SN_OK },
		{ "", 256, SN_EPROTO },
		{ "\0", 1, SN_EPROTO },
	};
	struct talk talk = { .sasl.service = "test" };
	struct sn_portal *portal;
	char trace[300];

	auth_setup();
	portal = sn_portal_new(&context);
	ck_assert_int_eq(talk_start(&talk, portal, "ANONYMOUS"), SN_EUNKNOWN);
	sn_portal_add(portal, open_checker("anonymous"));
	memset(trace, 'x', sizeof(trace));
	ck_assert_int_eq(talk_start(&talk, portal, "ANONYMOUS"), SN_OK);
	ck_assert_int_eq(talk_step(&talk, SN_STR_NULL), SN_AGAIN);
	ck_assert_int_eq(
		talk_step(&talk,
			rows[_i].size > 0 ? sn_str_n(rows[_i].size > 1 ? trace : rows[_i].trace,
						    rows[_i].size)
					  : sn_str(rows[_i].trace)),
		rows[_i].code);
	if (rows[_i].code == SN_OK)
		ck_assert_uint_eq(talk.sasl.session->account.n, 0);
	talk_end(&talk);
	sn_portal_free(&portal);
	auth_teardown();
}
END_TEST

Suite *suite_sasl_anonymous(void);
Suite *suite_sasl_anonymous(void)
{
	Suite *suite = suite_create("sasl_anonymous");
	TCase *tc = tcase_create("sasl_anonymous");

	tcase_add_loop_test(tc, anonymous, 0, 8);
	suite_add_tcase(suite, tc);
	return suite;
}
