#include <unistd.h>

#include "tests/unit/daemon/auth/broker_fixture.h"

static int login(const char *spec, const char *account, const char *password)
{
	struct sn_checker *checker = open_checker("%s", spec);
	struct sn_session *session = NULL;
	const int code = check_now(checker, account, password, &session);

	if (code == SN_OK) {
		ck_assert_str_view(session->account, account);
		ck_assert_str_eq(session->checker, "unix");
	}
	sn_session_unref(&session);
	sn_checker_close(&checker);
	return code;
}

START_TEST(asks_pam)
{
	static const struct {
		const char *spec, *account, *password;
		int code;
	} rows[] = {
		{ "unix", "alice", "pencil", SN_OK },
		{ "unix", "alice", "pencim", SN_EDENIED },
		{ "unix", "alice", "", SN_EDENIED },
		{ "unix", "Alice", "pencil", SN_ENOTFOUND },
		{ "unix", "nobody-here", "pencil", SN_ENOTFOUND },
		{ "unix:sennit", "alice", "pencil", SN_OK },
		{ "unix:permit", "alice", "anything", SN_OK },
		{ "unix:closed", "alice", "anything", SN_EDISABLED },
		{ "unix:no-such-service", "alice", "pencil", SN_EDENIED },
	};

	ck_assert_int_eq(login(rows[_i].spec, rows[_i].account, rows[_i].password), rows[_i].code);
}
END_TEST

static struct answer connect_as(const char *account, uid_t uid)
{
	struct sn_checker *checker = open_checker("unix");
	const struct sn_creds creds = {
		.kind = SN_CREDS_PEER, .account = sn_str(account), .uid = uid
	};
	const struct answer answer = check_creds(checker, &creds);

	sn_checker_close(&checker);
	return answer;
}

START_TEST(knows_peers_by_the_kernel)
{
	struct answer answer = connect_as("", machine_alice());

	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert_str_view(answer.session->account, "alice");
	sn_session_unref(&answer.session);
	answer = connect_as("alice", machine_alice());
	ck_assert_int_eq(answer.code, SN_OK);
	sn_session_unref(&answer.session);
	ck_assert_int_eq(connect_as("bob", machine_alice()).code, SN_EDENIED);
	ck_assert_int_eq(connect_as("", 31337).code, SN_ENOTFOUND);
}
END_TEST

START_TEST(refuses_what_is_no_service)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("unix:../x"), &checker, &diag), SN_ESYNTAX);
	ck_assert_ptr_nonnull(strstr(diag.text, "/etc/pam.d"));
}
END_TEST

START_TEST(says_that_it_needs_the_broker)
{
	struct sn_auth_context without = context;
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	without.broker = NULL;
	ck_assert_int_eq(
		sn_checker_open(&without, SN_STR("unix"), &checker, &diag), SN_EUNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(diag.text, "broker"));
	ck_assert_ptr_null(checker);
}
END_TEST

struct waiting {
	struct sn_waiter waiter;
	bool called;
};

static void on_answer(struct sn_waiter *w, struct sn_promise *p, int code)
{
	(void)p;
	(void)code;
	sn_container_of(w, struct waiting, waiter)->called = true;
}

START_TEST(a_login_may_be_given_up)
{
	struct sn_checker *checker = open_checker("unix:hangs");
	const struct sn_creds creds = password_creds("alice", "x");
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	struct waiting waiting = { .called = false };

	ck_assert_int_eq(checker->type->check(checker, &creds, &session, &promise), SN_PENDING);
	sn_promise_wait(promise, &waiting.waiter, on_answer);
	sn_loop_turn(loop, 0);
	sn_waiter_cancel(&waiting.waiter);
	sn_loop_turn(loop, 0);
	ck_assert(!waiting.called);
	sn_checker_close(&checker);
}
END_TEST

Suite *suite_checker_unix(void);
Suite *suite_checker_unix(void)
{
	Suite *suite = suite_create("checker_unix");
	TCase *tc = tcase_create("checker_unix");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, asks_pam, 0, 9);
	tcase_add_test(tc, knows_peers_by_the_kernel);
	tcase_add_test(tc, refuses_what_is_no_service);
	tcase_add_test(tc, says_that_it_needs_the_broker);
	tcase_add_test(tc, a_login_may_be_given_up);
	suite_add_tcase(suite, tc);
	return suite;
}
