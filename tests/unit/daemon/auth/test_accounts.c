#include "daemon/auth/accounts.h"

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/accounts_fixture.h"

#define YESCRYPT "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

START_TEST(adds_and_reads)
{
	add_account("Alice", "secret");
	ck_assert_str_eq(account_text("alice"), "Alice 256 1");
	ck_assert_str_eq(account_text("ALICE"), "Alice 256 1");
	ck_assert_str_eq(account_text("bob"), "ENOTFOUND");
	ck_assert_str_eq(account_text("b b"), "ENOTFOUND");
}
END_TEST

START_TEST(names_are_unique_whatever_their_case)
{
	add_account("Alice", "secret");
	ck_assert_int_eq(answer(sn_account_add(&context, SN_STR("aLICE"), SN_STR("other"), false)),
		SN_EDUPLICATE);
	ck_assert_str_eq(account_text("alice"), "Alice 256 1");
}
END_TEST

/* Alone no password lets in; hashes are kept as they are. */
START_TEST(keeps_what_it_is_given)
{
	static const struct {
		const char *password, *text;
		bool hashed;
	} rows[] = {
		{ NULL, "alice", false },
		{ YESCRYPT, "alice crypt", true },
		{ YESCRYPT, "alice 256 1", false },
		{ "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$n7H0TsSH/xpEKKNWKrEVSz+WSUW90K9dOXbtEU/nFgk="
		  ":n7H0TsSH/xpEKKNWKrEVSz+WSUW90K9dOXbtEU/nFgk=",
			"alice 256", true },
		{ "SCRAM-SHA-1$4096:c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAA="
		  ":AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
			"alice 1", true },
	};

	ck_assert_int_eq(answer(sn_account_add(&context, SN_STR("alice"), sn_str(rows[_i].password),
				 rows[_i].hashed)),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), rows[_i].text);
}
END_TEST

START_TEST(refuses_bad_input)
{
	static char long_password[SN_ACCOUNT_PASSWORD_MAX + 2];
	static const struct {
		const char *name, *password;
		bool hashed;
		int code;
	} rows[] = {
		{ "", "x", false, SN_EMISSING },
		{ "a b", "x", false, SN_EENCODING },
		{ "alice", "", false, SN_EENCODING },
		{ "alice", "bell\a", false, SN_EENCODING },
		{ "alice", "\xff", false, SN_EENCODING },
		{ "alice", long_password, false, SN_ELIMIT },
		{ "alice", "plain", true, SN_ESYNTAX },
		{ "alice", "$nonsense$salt$hash", true, SN_ESYNTAX },
		{ "alice", "SCRAM-SHA-256$4096:x", true, SN_ESYNTAX },
		{ "alice", "", true, SN_ESYNTAX },
	};

	memset(long_password, 'x', sizeof(long_password) - 1);
	ck_assert_int_eq(answer(sn_account_add(&context, sn_str(rows[_i].name),
				 sn_str(rows[_i].password), rows[_i].hashed)),
		rows[_i].code);
	ck_assert_str_eq(account_text("alice"), "ENOTFOUND");
}
END_TEST

START_TEST(sets_passwords)
{
	add_account("alice", NULL);
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, SN_STR("Alice"), SN_STR(YESCRYPT), true)),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice crypt");
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, SN_STR("alice"), SN_STR("new"), false)),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice 256 1");
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, SN_STR("alice"), SN_STR_NULL, false)),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice");
	ck_assert_int_eq(
		answer(sn_account_set_password(&context, SN_STR("bob"), SN_STR("x"), false)),
		SN_ENOTFOUND);
}
END_TEST

START_TEST(disables_and_enables)
{
	add_account("alice", NULL);
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), true)), SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice disabled");
	ck_assert_int_eq(answer(sn_account_set_disabled(&context, SN_STR("alice"), false)), SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice");
	ck_assert_int_eq(
		answer(sn_account_set_disabled(&context, SN_STR("bob"), true)), SN_ENOTFOUND);
	ck_assert_int_eq(
		answer(sn_account_set_disabled(&context, SN_STR("/"), true)), SN_ENOTFOUND);
}
END_TEST

START_TEST(removes_with_all_it_has)
{
	add_account("alice", NULL);
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	add_item("alice", SN_ACCOUNT_TOKEN, ABC_SHA256);
	ck_assert_int_eq(answer(sn_account_remove(&context, SN_STR("ALICE"))), SN_OK);
	ck_assert_str_eq(account_text("alice"), "ENOTFOUND");
	ck_assert_int_eq(answer(sn_account_remove(&context, SN_STR("alice"))), SN_ENOTFOUND);
	add_account("alice", NULL);
	ck_assert_str_eq(account_text("alice"), "alice");
}
END_TEST

static void ignore(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)waiter;
	(void)p;
	(void)code;
}

/* At every stage: before the job, while it runs, while the store writes. */
START_TEST(given_up_leaks_nothing)
{
	for (int i = 0; i < 30; i++) {
		struct sn_waiter waiter = { 0 };

		sn_promise_wait(
			sn_account_set_password(&context, SN_STR("alice"), SN_STR("secret"), false),
			&waiter, ignore);
		for (int turn = 0; turn < i % 4 && sn_waiter_waiting(&waiter); turn++)
			sn_loop_turn(loop, SN_MS(1));
		if (sn_waiter_waiting(&waiter))
			sn_waiter_cancel(&waiter);
		sn_loop_turn(loop, 0);
	}
}
END_TEST

START_TEST(a_full_queue_says_try_later)
{
	struct sn_waiter waiters[8] = { 0 };
	int code = SN_OK;

	sn_offload_free(&pool);
	ck_assert_int_eq(
		sn_offload_new(&(struct sn_offload_options){ .threads = 1, .queue_max = 1 }, &pool),
		SN_OK);
	context.pool = pool;
	for (int i = 0; i < 8; i++)
		sn_promise_wait(sn_account_add(&context, SN_STR("alice"), SN_STR("x"), false),
			&waiters[i], ignore);
	code = answer(sn_account_add(&context, SN_STR("alice"), SN_STR("x"), false));
	ck_assert(code == SN_EBUSY || code == SN_EDUPLICATE);
	for (int i = 0; i < 8; i++)
		sn_waiter_cancel(&waiters[i]);
}
END_TEST

Suite *suite_accounts(void);
Suite *suite_accounts(void)
{
	Suite *suite = suite_create("accounts");
	TCase *tc = tcase_create("accounts");

	tcase_add_checked_fixture(tc, accounts_setup, accounts_teardown);
	tcase_add_test(tc, adds_and_reads);
	tcase_add_test(tc, names_are_unique_whatever_their_case);
	tcase_add_loop_test(tc, keeps_what_it_is_given, 0, 5);
	tcase_add_loop_test(tc, refuses_bad_input, 0, 10);
	tcase_add_test(tc, sets_passwords);
	tcase_add_test(tc, disables_and_enables);
	tcase_add_test(tc, removes_with_all_it_has);
	tcase_add_test(tc, given_up_leaks_nothing);
	tcase_add_test(tc, a_full_queue_says_try_later);
	suite_add_tcase(suite, tc);
	return suite;
}
