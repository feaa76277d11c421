#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/fixture.h"

static const char people[] = "# people\n"
			     "\n"
			     "alice:secret\r\n"
			     "  bob:with spaces inside:extra fields:are not looked at\n"
			     ":nobody\n"
			     "short\n"
			     "Carol:last line has no newline";

static struct sn_checker *open_checker(const char *path)
{
	char *spec = sn_asprintf("file:%s", path);
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, sn_str(spec), &checker, &diag), SN_OK);
	sn_free(spec);
	return checker;
}

START_TEST(answers)
{
	static const struct {
		const char *account, *password;
		int code;
	} rows[] = {
		{ "alice", "secret", SN_OK },
		{ "Alice", "secret", SN_OK },
		{ "alice", "secret\r", SN_EDENIED },
		{ "bob", "with spaces inside", SN_OK },
		{ "bob", "with spaces inside:extra fields", SN_EDENIED },
		{ "carol", "last line has no newline", SN_OK },
		{ "", "nobody", SN_ENOTFOUND },
		{ "short", "", SN_ENOTFOUND },
		{ "# people", "", SN_ENOTFOUND },
		{ "dave", "x", SN_ENOTFOUND },
	};
	struct sn_checker *checker = open_checker(write_file(people));

	ck_assert_int_eq(
		check_now(checker, rows[_i].account, rows[_i].password, NULL), rows[_i].code);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(notices_changes)
{
	struct sn_checker *checker = open_checker(write_file("alice:old\n"));

	ck_assert_int_eq(check_now(checker, "alice", "old", NULL), SN_OK);
	rewrite_file("alice:new\nbob:too\n");
	ck_assert_int_eq(check_now(checker, "alice", "old", NULL), SN_EDENIED);
	ck_assert_int_eq(check_now(checker, "alice", "new", NULL), SN_OK);
	ck_assert_int_eq(check_now(checker, "bob", "too", NULL), SN_OK);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(a_vanished_file_leaves_the_last_state)
{
	const char *path = write_file("alice:secret\n");
	struct sn_checker *checker = open_checker(path);

	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(check_now(checker, "alice", "secret", NULL), SN_OK);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(refuses_what_it_cannot_read)
{
	static const struct {
		const char *spec;
		int code;
	} rows[] = {
		{ "file:", SN_EMISSING },
		{ "file", SN_EMISSING },
		{ "file:/nonexistent/users", -ENOENT },
		{ "file:/tmp", -EINVAL },
		{ "file:/dev/null", -EINVAL },
	};
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_checker_open(&context, sn_str(rows[_i].spec), &checker, &diag), rows[_i].code);
	ck_assert_ptr_null(checker);
	ck_assert_int_ne(diag.text[0], '\0');
}
END_TEST

static void ignore(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)waiter;
	(void)p;
	(void)code;
}

/* The thread may still be at it when nobody waits any more. */
START_TEST(a_login_given_up_leaks_nothing)
{
	struct sn_checker *checker = open_checker(write_file(people));
	const struct sn_creds creds = password_creds("alice", "secret");

	for (int i = 0; i < 50; i++) {
		struct sn_session *session = NULL;
		struct sn_promise *promise = NULL;
		struct sn_waiter waiter = { 0 };

		ck_assert_int_eq(
			checker->type->check(checker, &creds, &session, &promise), SN_PENDING);
		sn_promise_wait(promise, &waiter, ignore);
		if (i % 2 == 0)
			sn_loop_turn(loop, 0);
		if (sn_waiter_waiting(&waiter))
			sn_waiter_cancel(&waiter);
		sn_loop_turn(loop, 0);
	}
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(a_full_queue_says_try_later)
{
	struct sn_checker *checker = open_checker(write_file(people));
	const struct sn_creds creds = password_creds("alice", "secret");
	struct sn_waiter waiters[64] = { 0 };
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	size_t accepted = 0;
	int code = SN_PENDING;

	sn_offload_free(&pool);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1, .queue_max = 2 }, &pool),
		SN_OK);
	context.pool = pool;
	while (code == SN_PENDING && accepted < 64) {
		code = checker->type->check(checker, &creds, &session, &promise);
		if (code == SN_PENDING)
			sn_promise_wait(promise, &waiters[accepted++], ignore);
	}
	ck_assert_int_eq(code, SN_EBUSY);
	for (size_t i = 0; i < accepted; i++)
		sn_waiter_cancel(&waiters[i]);
	sn_offload_free(&pool);
	sn_loop_turn(loop, 0);
	sn_checker_close(&checker);
}
END_TEST

Suite *suite_checker_file(void);
Suite *suite_checker_file(void)
{
	Suite *suite = suite_create("checker_file");
	TCase *tc = tcase_create("checker_file");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, answers, 0, 10);
	tcase_add_test(tc, notices_changes);
	tcase_add_test(tc, a_vanished_file_leaves_the_last_state);
	tcase_add_loop_test(tc, refuses_what_it_cannot_read, 0, 5);
	tcase_add_test(tc, a_login_given_up_leaks_nothing);
	tcase_add_test(tc, a_full_queue_says_try_later);
	suite_add_tcase(suite, tc);
	return suite;
}
