#include "daemon/auth/session.h"

#include "tests/support/unit.h"

START_TEST(keeps_a_copy_of_the_name)
{
	char name[] = "alice";
	struct sn_session *session = sn_session_new(sn_str(name), "memory");

	name[0] = 'X';
	ck_assert_str_view(session->account, "alice");
	ck_assert_int_eq(session->account.p[5], '\0');
	ck_assert_str_eq(session->checker, "memory");
	sn_session_unref(&session);
	ck_assert_ptr_null(session);
}
END_TEST

START_TEST(lives_until_the_last_reference)
{
	struct sn_session *first = sn_session_new(SN_STR("bob"), "file");
	struct sn_session *second = sn_session_ref(first);

	ck_assert_ptr_eq(first, second);
	sn_session_unref(&first);
	ck_assert_str_view(second->account, "bob");
	sn_session_unref(&second);
	sn_session_unref(&second);
}
END_TEST

Suite *suite_session(void);
Suite *suite_session(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_test(tc, keeps_a_copy_of_the_name);
	tcase_add_test(tc, lives_until_the_last_reference);
	suite_add_tcase(suite, tc);
	return suite;
}
