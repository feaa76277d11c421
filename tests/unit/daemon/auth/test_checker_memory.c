#include "tests/unit/daemon/auth/fixture.h"

static struct sn_checker *open_checker(const char *spec)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, sn_str(spec), &checker, &diag), SN_OK);
	return checker;
}

START_TEST(answers)
{
	static const struct {
		const char *account, *password;
		int code;
	} rows[] = {
		{ "alice", "secret", SN_OK },
		{ "ALICE", "secret", SN_OK },
		{ "alice", "Secret", SN_EDENIED },
		{ "alice", "", SN_EDENIED },
		{ "bob", "hunter2", SN_OK },
		{ "bob", "secret", SN_EDENIED },
		{ "carol", "secret", SN_ENOTFOUND },
		{ "", "secret", SN_ENOTFOUND },
	};
	struct sn_checker *checker = open_checker("memory:alice:secret:bob:hunter2");
	struct sn_session *session = NULL;

	ck_assert_int_eq(
		check_now(checker, rows[_i].account, rows[_i].password, &session), rows[_i].code);
	ck_assert((session != NULL) == (rows[_i].code == SN_OK));
	if (session != NULL)
		ck_assert(sn_str_eq_nocase(session->account, sn_str(rows[_i].account)));
	sn_session_unref(&session);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(session_has_the_configured_spelling)
{
	struct sn_checker *checker = open_checker("memory:Alice:secret");
	struct sn_session *session = NULL;

	ck_assert_int_eq(check_now(checker, "aLICE", "secret", &session), SN_OK);
	ck_assert_str_view(session->account, "Alice");
	sn_session_unref(&session);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(refuses_bad_arguments)
{
	static const char *const specs[] = { "memory", "memory:", "memory:alice", "memory:a:b:c",
		"memory::secret" };
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_checker_open(&context, sn_str(specs[_i]), &checker, &diag), SN_ESYNTAX);
	ck_assert_ptr_null(checker);
	ck_assert_int_ne(diag.text[0], '\0');
}
END_TEST

Suite *suite_checker_memory(void);
Suite *suite_checker_memory(void)
{
	Suite *suite = suite_create("checker_memory");
	TCase *tc = tcase_create("checker_memory");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_loop_test(tc, answers, 0, 8);
	tcase_add_test(tc, session_has_the_configured_spelling);
	tcase_add_loop_test(tc, refuses_bad_arguments, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
