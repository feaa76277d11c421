#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/accounts_fixture.h"

static void list_names(void *where, struct sn_promise *p)
{
	const struct sn_account *account;

	for (size_t i = 0; (account = sn_account_at(p, i)) != NULL; i++)
		sn_strbuf_addf(where, "%.*s/%zu ", SN_STR_ARG(account->name), account->item_count);
}

static const char *names_after(const char *after, size_t count)
{
	static char text[1000];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, SN_STR_NULL, sn_str(after), count),
			list_names, &out),
		SN_OK);
	return text;
}

START_TEST(pages_in_order)
{
	add_account("Carol", NULL);
	add_account("alice", NULL);
	add_account("J\xc3\xb6rg", NULL);
	add_account("bob", NULL);
	add_item("bob", SN_ACCOUNT_ROLE, "a");
	add_item("bob", SN_ACCOUNT_ROLE, "b");
	ck_assert_str_eq(names_after("", 100), "alice/0 bob/2 Carol/0 J\xc3\xb6rg/0 ");
	ck_assert_str_eq(names_after("", 2), "alice/0 bob/2 ");
	ck_assert_str_eq(names_after("Bob", 1), "Carol/0 ");
	ck_assert_str_eq(names_after("carol", 9), "J\xc3\xb6rg/0 ");
	ck_assert_str_eq(names_after("zoe", 9), "");
}
END_TEST

static void look_at_times(void *where, struct sn_promise *p)
{
	const struct sn_account *account = sn_account_at(p, 0);
	const int64_t now = sn_loop_wall(loop);

	(void)where;
	ck_assert_int_eq(account->last_login, 0);
	ck_assert_int_gt(account->created, now - SN_SEC(60));
	ck_assert_int_le(account->created, now);
	ck_assert_int_ge(account->changed, account->created);
	ck_assert_int_eq(account->items[0].expires, 77);
	ck_assert_int_eq(account->items[0].used, 0);
	ck_assert_int_gt(account->items[0].created, now - SN_SEC(60));
	ck_assert_ptr_null(sn_account_at(p, 1));
}

START_TEST(reads_everything)
{
	const struct sn_account_item token = {
		.kind = SN_ACCOUNT_TOKEN,
		.value = SN_STR(ABC_SHA256),
		.label = SN_STR("phone"),
		.expires = 77,
	};

	add_account("alice", "secret");
	ck_assert_int_eq(answer(sn_account_add_item(&context, SN_STR("alice"), &token)), SN_OK);
	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, SN_STR("alice"), SN_STR_NULL, 1),
			look_at_times, NULL),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice 256 1 token:phone:" ABC_SHA256);
}
END_TEST

static void ignore(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)waiter;
	(void)p;
	(void)code;
}

START_TEST(given_up_leaks_nothing)
{
	struct sn_waiter waiter = { 0 };

	add_account("alice", NULL);
	sn_promise_wait(
		sn_account_read(&context, SN_STR("alice"), SN_STR_NULL, 1), &waiter, ignore);
	sn_waiter_cancel(&waiter);
	sn_loop_turn(loop, 0);
}
END_TEST

Suite *suite_accounts_read(void);
Suite *suite_accounts_read(void)
{
	Suite *suite = suite_create("accounts_read");
	TCase *tc = tcase_create("accounts_read");

	tcase_add_checked_fixture(tc, accounts_setup, accounts_teardown);
	tcase_add_test(tc, pages_in_order);
	tcase_add_test(tc, reads_everything);
	tcase_add_test(tc, given_up_leaks_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
