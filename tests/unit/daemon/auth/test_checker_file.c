#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/support/log_capture.h"
#include "tests/unit/daemon/auth/fixture.h"

static const char people[] = "# people\n"
			     "\n"
			     "alice:secret\r\n"
			     "  bob:with spaces inside:extra fields:are not looked at\n"
			     ":nobody\n"
			     "short\n"
			     "Carol:last line has no newline";

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
	struct sn_checker *checker = open_checker("file:%s", write_file(people));

	ck_assert_int_eq(
		check_now(checker, rows[_i].account, rows[_i].password, NULL), rows[_i].code);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(notices_changes)
{
	struct sn_checker *checker = open_checker("file:%s", write_file("alice:old\n"));

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
	struct sn_checker *checker = open_checker("file:%s", path);

	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(check_now(checker, "alice", "secret", NULL), SN_OK);
	sn_checker_close(&checker);
}
END_TEST

/* With their numbers, and without what stands in them. */
START_TEST(names_the_lines_that_are_no_accounts)
{
	struct sn_checker *checker;
	const char *log;

	log_capture_start();
	checker = open_checker("file:%s", write_file(people));
	log = log_capture_stop();
	ck_assert_msg(strstr(log, "line=5") != NULL && strstr(log, "line=6") != NULL, "%s", log);
	ck_assert_msg(strstr(log, "line=4") == NULL && strstr(log, "short") == NULL, "%s", log);
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
	struct sn_checker *checker = open_checker("file:%s", write_file(people));
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
	struct sn_checker *checker = open_checker("file:%s", write_file(people));
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

#define RECORD_256 \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=" \
	":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define RECORD_1 \
	"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:" \
	"D+CSWLOshSulAsxiupA+qs2/fTE="

/* "pencil" in each form; and the roles behind it. */
START_TEST(knows_every_form_and_the_roles)
{
	static const char text[] = "clear:pencil:operator, admin:more\n"
				   "sha256:" RECORD_256 ":operator\n"
				   "sha1:" RECORD_1 "\n"
				   "both:" RECORD_256 "\n"
				   "both:" RECORD_1 ":operator\n"
				   "broken:SCRAM-SHA-256$4096:x$y:z:operator\n"
				   "none:pencil\n";
	static const struct {
		const char *account;
		bool operator_password, sha_256, sha_1;
		int code;
	} rows[] = {
		{ "clear", true, true, true, SN_OK },
		{ "sha256", true, true, false, SN_OK },
		{ "sha1", false, false, true, SN_OK },
		{ "both", false, true, true, SN_OK },
		{ "broken", false, false, false, SN_EDENIED },
		{ "none", false, true, true, SN_OK },
		{ "nobody", false, false, false, SN_ENOTFOUND },
	};
	struct sn_checker *checker = open_checker("file:%s", write_file(text));
	struct sn_session *session = NULL;
	struct sn_creds creds = { .kind = SN_CREDS_SCRAM, .account = sn_str(rows[_i].account) };

	ck_assert_uint_eq(sn_checker_kinds(checker), SN_CREDS_PASSWORD | SN_CREDS_SCRAM);
	ck_assert_int_eq(check_now(checker, rows[_i].account, "pencil", &session), rows[_i].code);
	if (session != NULL)
		ck_assert(sn_session_has_role(session, SN_STR("operator")) ==
			rows[_i].operator_password);
	sn_session_unref(&session);
	if (rows[_i].code == SN_OK)
		ck_assert_int_eq(check_now(checker, rows[_i].account, "penci", NULL), SN_EDENIED);
	for (size_t i = 0; i < 2; i++) {
		const bool expected = i == 0 ? rows[_i].sha_1 : rows[_i].sha_256;
		struct answer answer;

		creds.hash = i == 0 ? SN_SCRAM_SHA_1 : SN_SCRAM_SHA_256;
		answer = check_creds(checker, &creds);
		ck_assert_int_eq(answer.code, expected ? SN_OK : SN_ENOTFOUND);
		if (expected) {
			ck_assert_uint_eq(answer.scram.hash, creds.hash);
			ck_assert(sn_scram_verify(&answer.scram, SN_STR("pencil")));
			ck_assert_str_view(answer.session->account, rows[_i].account);
		}
		sn_session_unref(&answer.session);
	}
	sn_checker_close(&checker);
}
END_TEST

/* A client that can SCRAM would take it, and could not log in. */
START_TEST(a_crypt_hash_takes_scram_out_of_the_offer)
{
	struct sn_checker *checker = open_checker("file:%s", write_file("alice:secret\n"));

	ck_assert_uint_eq(sn_checker_kinds(checker), SN_CREDS_PASSWORD | SN_CREDS_SCRAM);
	rewrite_file("alice:secret\nbob:$6$salt$hash\n");
	ck_assert_int_eq(check_now(checker, "alice", "secret", NULL), SN_OK);
	ck_assert_uint_eq(sn_checker_kinds(checker), SN_CREDS_PASSWORD);
	rewrite_file("");
	ck_assert_int_eq(check_now(checker, "alice", "secret", NULL), SN_ENOTFOUND);
	ck_assert_uint_eq(sn_checker_kinds(checker), SN_CREDS_PASSWORD | SN_CREDS_SCRAM);
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
	tcase_add_test(tc, names_the_lines_that_are_no_accounts);
	tcase_add_loop_test(tc, knows_every_form_and_the_roles, 0, 7);
	tcase_add_test(tc, a_crypt_hash_takes_scram_out_of_the_offer);
	tcase_add_loop_test(tc, refuses_what_it_cannot_read, 0, 5);
	tcase_add_test(tc, a_login_given_up_leaks_nothing);
	tcase_add_test(tc, a_full_queue_says_try_later);
	suite_add_tcase(suite, tc);
	return suite;
}
