#include "tests/unit/daemon/auth/fixture.h"

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

START_TEST(answers_scram)
{
	static const struct {
		const char *account, *password;
		int code;
	} rows[] = {
		{ "Alice", "secret", SN_OK },
		{ "alice", "secret", SN_OK },
		{ "BOB", "hunter2", SN_OK },
		{ "carol", NULL, SN_ENOTFOUND }, /* a crypt(3) hash */
		{ "dave", NULL, SN_ENOTFOUND },
	};
	struct sn_checker *checker =
		open_checker("memory:Alice:secret:bob:hunter2:carol:$6$salt$hash");

	for (int round = 0; round < 4; round++) {
		const struct sn_creds creds = {
			.kind = SN_CREDS_SCRAM,
			.account = sn_str(rows[_i].account),
			.hash = (enum sn_scram_hash)(round % 2),
		};
		struct answer answer = check_creds(checker, &creds);
		struct sn_scram_record fake;

		ck_assert(answer.waited);
		ck_assert_int_eq(answer.code, rows[_i].code);
		if (answer.code == SN_OK) {
			ck_assert(sn_str_eq_nocase(answer.session->account, creds.account));
			ck_assert(sn_scram_verify(&answer.scram, sn_str(rows[_i].password)));
			ck_assert(!sn_scram_verify(&answer.scram, SN_STR("wrong")));
			/* Nothing tells it from a name that does not exist. */
			sn_scram_fake(creds.hash, context.secret, creds.account, &fake);
			ck_assert_mem_eq(answer.scram.salt, fake.salt, sizeof(fake.salt));
			ck_assert_uint_eq(answer.scram.iterations, fake.iterations);
		}
		sn_session_unref(&answer.session);
	}
	sn_checker_close(&checker);
}
END_TEST

Suite *suite_checker_memory(void);
Suite *suite_checker_memory(void)
{
	Suite *suite = suite_create("checker_memory");
	TCase *tc = tcase_create("checker_memory");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_loop_test(tc, answers, 0, 8);
	tcase_add_loop_test(tc, answers_scram, 0, 5);
	tcase_add_test(tc, session_has_the_configured_spelling);
	tcase_add_loop_test(tc, refuses_bad_arguments, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
