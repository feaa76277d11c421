#include "daemon/auth/accounts_import.h"

#include <stdio.h>

#include "tests/unit/daemon/auth/accounts_fixture.h"

static int import_one(struct sn_account_import *import, const char *name, const char *token)
{
	struct sn_account_item items[] = {
		{ .kind = SN_ACCOUNT_ROLE, .value = SN_STR("ops") },
		{ .kind = SN_ACCOUNT_TOKEN, .value = sn_str(token), .label = SN_STR("phone") },
	};
	const struct sn_account account = {
		.name = sn_str(name),
		.crypt = SN_STR("$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
				"jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"),
		.disabled = true,
		.created = 1,
		.changed = 2,
		.last_login = 3,
		.items = items,
		.item_count = token != NULL ? 2 : 1,
	};

	return sn_account_import_add(import, &account, NULL);
}

static void look(void *where, struct sn_promise *p)
{
	const struct sn_account *account = sn_account_at(p, 0);

	(void)where;
	ck_assert_int_eq(account->created, 1);
	ck_assert_int_eq(account->changed, 2);
	ck_assert_int_eq(account->last_login, 3);
}

START_TEST(takes_all_over)
{
	struct sn_account_import *import = sn_account_import_new(&context);

	ck_assert_int_eq(import_one(import, "Alice", ABC_SHA256), SN_OK);
	ck_assert_int_eq(import_one(import, "bob", NULL), SN_OK);
	ck_assert_str_eq(account_text("alice"), "ENOTFOUND");
	ck_assert_int_eq(sn_account_import_commit(import, false), SN_OK);
	sn_account_import_free(&import);
	ck_assert_str_eq(
		account_text("alice"), "Alice crypt disabled role::ops token:phone:" ABC_SHA256);
	ck_assert_str_eq(account_text("bob"), "bob crypt disabled role::ops");
	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, SN_STR("alice"), SN_STR_NULL, 1),
			look, NULL),
		SN_OK);
}
END_TEST

static void count_rows(void *count, struct sn_promise *p)
{
	*(int64_t *)count = sn_sql_cell(sn_store_rows(p, 0), 0, 0)->integer;
}

static int64_t staged_rows(void)
{
	const struct sn_sql sql = {
		.text = "SELECT (SELECT count(*) FROM account_imports) +"
			" (SELECT count(*) FROM account_import_items)",
	};
	int64_t count = -1;

	ck_assert_int_eq(
		sn_store_wait(loop, sn_store_read(context.store, &sql), count_rows, &count), SN_OK);
	return count;
}

START_TEST(all_or_nothing)
{
	struct sn_account_import *import = sn_account_import_new(&context);

	add_account("bob", NULL);
	ck_assert_int_eq(import_one(import, "alice", NULL), SN_OK);
	ck_assert_int_eq(import_one(import, "BOB", NULL), SN_OK);
	ck_assert_int_eq(sn_account_import_commit(import, false), SN_EDUPLICATE);
	sn_account_import_free(&import);
	ck_assert_str_eq(account_text("alice"), "ENOTFOUND");
	ck_assert_str_eq(account_text("bob"), "bob");
	ck_assert_int_eq(staged_rows(), 0);
}
END_TEST

START_TEST(updates)
{
	struct sn_account_import *import = sn_account_import_new(&context);

	add_account("bob", "secret");
	add_item("bob", SN_ACCOUNT_ROLE, "old");
	ck_assert_int_eq(import_one(import, "alice", NULL), SN_OK);
	ck_assert_int_eq(import_one(import, "Bob", NULL), SN_OK);
	ck_assert_int_eq(sn_account_import_commit(import, true), SN_OK);
	sn_account_import_free(&import);
	ck_assert_str_eq(account_text("bob"), "Bob crypt disabled role::ops");
	ck_assert_str_eq(account_text("alice"), "alice crypt disabled role::ops");
}
END_TEST

/* Somebody else's token. */
START_TEST(tokens_stay_unique)
{
	struct sn_account_import *import = sn_account_import_new(&context);

	add_account("bob", NULL);
	add_item("bob", SN_ACCOUNT_TOKEN, ABC_SHA256);
	ck_assert_int_eq(import_one(import, "alice", ABC_SHA256), SN_OK);
	ck_assert_int_eq(sn_account_import_commit(import, true), SN_EDUPLICATE);
	sn_account_import_free(&import);
	ck_assert_str_eq(account_text("alice"), "ENOTFOUND");
}
END_TEST

START_TEST(refused_lines_leave_the_rest)
{
	struct sn_account_import *import = sn_account_import_new(&context);

	ck_assert_int_eq(import_one(import, "alice", "no digest"), SN_ESYNTAX);
	ck_assert_int_eq(import_one(import, "a b", NULL), SN_EENCODING);
	ck_assert_int_eq(import_one(import, "alice", NULL), SN_OK);
	ck_assert_int_eq(import_one(import, "ALICE", NULL), SN_EDUPLICATE);
	ck_assert_int_eq(sn_account_import_commit(import, false), SN_OK);
	sn_account_import_free(&import);
	ck_assert_str_eq(account_text("alice"), "alice crypt disabled role::ops");
}
END_TEST

START_TEST(many_accounts_with_many_items)
{
	struct sn_account_import *import = sn_account_import_new(&context);
	struct sn_account_item items[SN_ACCOUNT_ITEMS_MAX + 1];
	char roles[SN_ACCOUNT_ITEMS_MAX + 1][16], name[16];
	struct sn_account account = { .items = items, .item_count = SN_ACCOUNT_ITEMS_MAX };

	for (int i = 0; i <= SN_ACCOUNT_ITEMS_MAX; i++) {
		(void)snprintf(roles[i], sizeof(roles[i]), "role%d", i);
		items[i] = (struct sn_account_item){
			.kind = SN_ACCOUNT_ROLE,
			.value = sn_str(roles[i]),
		};
	}
	for (int i = 0; i < 700; i++) {
		(void)snprintf(name, sizeof(name), "user%d", i);
		account.name = sn_str(name);
		account.item_count = i == 350 ? SN_ACCOUNT_ITEMS_MAX : 0;
		ck_assert_int_eq(sn_account_import_add(import, &account, NULL), SN_OK);
	}
	account.item_count = SN_ACCOUNT_ITEMS_MAX + 1;
	account.name = SN_STR("toomany");
	ck_assert_int_eq(sn_account_import_add(import, &account, NULL), SN_ELIMIT);
	ck_assert_int_eq(sn_account_import_commit(import, false), SN_OK);
	sn_account_import_free(&import);
	ck_assert_ptr_nonnull(strstr(account_text("user350"), "role63"));
	ck_assert_str_eq(account_text("user699"), "user699");
}
END_TEST

START_TEST(checks)
{
	static struct sn_account_item twice[] = {
		{ .kind = SN_ACCOUNT_ROLE, .value = SN_STR("ops") },
		{ .kind = SN_ACCOUNT_KEY, .value = SN_STR("ssh-ed25519 " ED25519) },
		{ .kind = SN_ACCOUNT_KEY, .value = SN_STR("no-pty ssh-ed25519 " ED25519) },
	};
	static const char scram_1[] = "SCRAM-SHA-1$4096:c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAA="
				      ":AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	const struct {
		struct sn_account account;
		int code;
	} rows[] = {
		{ { .name = SN_STR("alice") }, SN_OK },
		{ { .name = SN_STR("alice"), .scram_sha_1 = sn_str(scram_1) }, SN_OK },
		{ { .name = SN_STR("alice"), .scram_sha_256 = sn_str(scram_1) }, SN_ESYNTAX },
		{ { .name = SN_STR("alice"), .scram_sha_256 = SN_STR("$6$a$b") }, SN_ESYNTAX },
		{ { .name = SN_STR("alice"), .crypt = sn_str(scram_1) }, SN_ESYNTAX },
		{ { .name = SN_STR("alice"), .crypt = SN_STR("plain") }, SN_ESYNTAX },
		{ { .name = SN_STR("alice"), .items = twice, .item_count = 2 }, SN_OK },
		{ { .name = SN_STR("alice"), .items = twice, .item_count = 3 }, SN_EDUPLICATE },
		{ { .name = SN_STR("") }, SN_EMISSING },
	};
	struct sn_diag diag = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(sn_account_check(&rows[i].account, &diag), rows[i].code);
}
END_TEST

Suite *suite_accounts_import(void);
Suite *suite_accounts_import(void)
{
	Suite *suite = suite_create("accounts_import");
	TCase *tc = tcase_create("accounts_import");

	tcase_add_checked_fixture(tc, accounts_setup, accounts_teardown);
	tcase_add_test(tc, takes_all_over);
	tcase_add_test(tc, all_or_nothing);
	tcase_add_test(tc, updates);
	tcase_add_test(tc, tokens_stay_unique);
	tcase_add_test(tc, refused_lines_leave_the_rest);
	tcase_add_test(tc, many_accounts_with_many_items);
	tcase_add_test(tc, checks);
	suite_add_tcase(suite, tc);
	return suite;
}
