#include "tests/unit/daemon/auth/fixture.h"

START_TEST(lets_everybody_in)
{
	struct sn_checker *checker = open_checker("anonymous");
	const struct sn_creds creds = { .kind = SN_CREDS_ANONYMOUS };
	struct answer answer = check_creds(checker, &creds);

	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert_uint_eq(answer.session->account.n, 0);
	ck_assert_str_eq(answer.session->checker, "anonymous");
	sn_session_unref(&answer.session);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(takes_no_argument)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("anonymous:x"), &checker, &diag), SN_ESYNTAX);
	ck_assert_ptr_null(checker);
}
END_TEST

Suite *suite_checker_anonymous(void);
Suite *suite_checker_anonymous(void)
{
	Suite *suite = suite_create("checker_anonymous");
	TCase *tc = tcase_create("checker_anonymous");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_test(tc, lets_everybody_in);
	tcase_add_test(tc, takes_no_argument);
	suite_add_tcase(suite, tc);
	return suite;
}
