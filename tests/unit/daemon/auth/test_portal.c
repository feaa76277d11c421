#include "daemon/auth/portal.h"

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/fixture.h"

static void add(struct sn_portal *portal, const char *spec)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, sn_str(spec), &checker, &diag), SN_OK);
	sn_portal_add(portal, checker);
}

static void add_file(struct sn_portal *portal, const char *text)
{
	char *spec = sn_asprintf("file:%s", write_file(text));

	add(portal, spec);
	sn_free(spec);
}

START_TEST(without_checkers_nobody_gets_in)
{
	struct sn_portal *portal = sn_portal_new(&context);

	ck_assert_uint_eq(sn_portal_kinds(portal), 0);
	ck_assert_int_eq(login_now(portal, "alice", "secret", NULL), SN_EDENIED);
	sn_portal_free(&portal);
	ck_assert_ptr_null(portal);
	sn_portal_free(&portal);
}
END_TEST

/* The first that knows the account decides, also to refuse. */
START_TEST(asks_in_order)
{
	static const struct {
		const char *account, *password, *checker;
		int code;
	} rows[] = {
		{ "alice", "one", "memory", SN_OK },
		{ "alice", "two", NULL, SN_EDENIED },
		{ "bob", "two", "file", SN_OK },
		{ "bob", "one", NULL, SN_EDENIED },
		{ "carol", "three", "memory", SN_OK },
		{ "carol", "one", NULL, SN_EDENIED },
		{ "dave", "one", NULL, SN_EDENIED },
	};
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_session *session = NULL;

	add(portal, "memory:alice:one");
	add_file(portal, "alice:two\nbob:two\n");
	add(portal, "memory:bob:three:carol:three");
	ck_assert_uint_eq(sn_portal_kinds(portal), SN_CREDS_PASSWORD);
	ck_assert_int_eq(
		login_now(portal, rows[_i].account, rows[_i].password, &session), rows[_i].code);
	if (rows[_i].checker != NULL)
		ck_assert_str_eq(session->checker, rows[_i].checker);
	else
		ck_assert_ptr_null(session);
	sn_session_unref(&session);
	sn_portal_free(&portal);
}
END_TEST

START_TEST(kinds_nobody_takes_are_refused)
{
	struct sn_portal *portal = sn_portal_new(&context);
	const struct sn_creds creds = { .kind = SN_CREDS_ANONYMOUS };
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;

	add(portal, "memory:alice:one");
	ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_EDENIED);
	sn_portal_free(&portal);
}
END_TEST

struct answer {
	struct sn_waiter waiter;
	int code;
};

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)p;
	sn_container_of(waiter, struct answer, waiter)->code = code;
}

/* The caller's copy of the password may be wiped as soon as login returned. */
START_TEST(keeps_what_it_needs)
{
	char account[] = "carol", password[] = "three";
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_creds creds = password_creds(account, password);
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	struct answer answer = { .code = SN_PENDING };

	add_file(portal, "alice:two\n");
	add(portal, "memory:carol:three");
	ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_PENDING);
	memset(account, 'x', sizeof(account) - 1);
	memset(password, 'x', sizeof(password) - 1);
	sn_promise_wait(promise, &answer.waiter, on_answer);
	while (answer.code == SN_PENDING)
		sn_loop_turn(loop, -1);
	ck_assert_int_eq(answer.code, SN_OK);
	sn_portal_free(&portal);
}
END_TEST

Suite *suite_portal(void);
Suite *suite_portal(void)
{
	Suite *suite = suite_create("portal");
	TCase *tc = tcase_create("portal");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_test(tc, without_checkers_nobody_gets_in);
	tcase_add_loop_test(tc, asks_in_order, 0, 7);
	tcase_add_test(tc, kinds_nobody_takes_are_refused);
	tcase_add_test(tc, keeps_what_it_needs);
	suite_add_tcase(suite, tc);
	return suite;
}
