#include "daemon/auth/accounts_private.h"

#include <stdio.h>

#include "tests/unit/daemon/auth/accounts_fixture.h"

START_TEST(idents)
{
	static const struct {
		enum sn_account_item_kind kind;
		const char *value, *ident; /* NULL: refused */
	} rows[] = {
		{ SN_ACCOUNT_ROLE, "operator", "operator" },
		{ SN_ACCOUNT_ROLE, "", NULL },
		{ SN_ACCOUNT_ROLE, "two words", NULL },
		{ SN_ACCOUNT_ROLE, "j\xc3\xb6rg", NULL },
		{ SN_ACCOUNT_KEY, "ssh-ed25519 " ED25519 " alice", ED25519_IDENT },
		{ SN_ACCOUNT_KEY, "no-pty ssh-ed25519 " ED25519, ED25519_IDENT },
		{ SN_ACCOUNT_KEY, "cert-authority ssh-ed25519 " ED25519, NULL },
		{ SN_ACCOUNT_KEY, "ssh-ed25519 AAAA", NULL },
		{ SN_ACCOUNT_KEY, "", NULL },
		{ SN_ACCOUNT_CERTIFICATE, ABC_SHA256, ABC_SHA256 },
		{ SN_ACCOUNT_CERTIFICATE,
			"BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:"
			"B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
			ABC_SHA256 },
		{ SN_ACCOUNT_CERTIFICATE, "ba78", NULL },
		{ SN_ACCOUNT_CERTIFICATE, ABC_SHA256 "00", NULL },
		{ SN_ACCOUNT_TOKEN, ABC_SHA256, ABC_SHA256 },
		{ SN_ACCOUNT_TOKEN, "sn_not-the-digest", NULL },
	};
	const struct sn_account_item item = {
		.kind = rows[_i].kind,
		.value = sn_str(rows[_i].value),
	};
	char ident[SN_ACCOUNT_IDENT_SIZE] = "";
	struct sn_diag diag = { 0 };
	const int code = sn_account_item_ident(&item, ident, &diag);

	ck_assert_int_eq(code == SN_OK, rows[_i].ident != NULL);
	ck_assert_str_eq(ident, rows[_i].ident != NULL ? rows[_i].ident : "");
	ck_assert_int_eq(diag.text[0] == '\0', code == SN_OK);
}
END_TEST

START_TEST(refuses_labels)
{
	static char long_label[201 + 1];
	static const char *const labels[] = { "two\nlines", "\xff", long_label };
	struct sn_account_item item = { .kind = SN_ACCOUNT_ROLE, .value = SN_STR("ops") };
	char ident[SN_ACCOUNT_IDENT_SIZE];

	memset(long_label, 'x', sizeof(long_label) - 1);
	item.label = sn_str(labels[_i]);
	ck_assert_int_ne(sn_account_item_ident(&item, ident, NULL), SN_OK);
}
END_TEST

START_TEST(tokens_are_random_text)
{
	char one[SN_ACCOUNT_TOKEN_SIZE], other[SN_ACCOUNT_TOKEN_SIZE];

	sn_account_new_token(one);
	sn_account_new_token(other);
	ck_assert_uint_eq(strlen(one), 46);
	ck_assert(sn_str_starts(sn_str(one), SN_STR("sn_")));
	ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(adds_and_removes)
{
	add_account("alice", NULL);
	add_item("alice", SN_ACCOUNT_KEY, "no-pty ssh-ed25519 " ED25519 " laptop");
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	add_item("Alice", SN_ACCOUNT_CERTIFICATE,
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
	ck_assert_str_eq(account_text("alice"),
		"alice role::ops key:laptop:no-pty ssh-ed25519 " ED25519
		" laptop certificate::" ABC_SHA256);
	ck_assert_int_eq(answer(sn_account_remove_item(
				 &context, SN_STR("alice"), SN_ACCOUNT_KEY, SN_STR("laptop"))),
		SN_OK);
	ck_assert_int_eq(answer(sn_account_remove_item(&context, SN_STR("alice"),
				 SN_ACCOUNT_CERTIFICATE, SN_STR(ABC_SHA256))),
		SN_OK);
	ck_assert_str_eq(account_text("alice"), "alice role::ops");
}
END_TEST

/* By what it is, by its fingerprint, by its label. */
START_TEST(removes_by)
{
	static const struct {
		const char *which;
		int code;
	} rows[] = {
		{ "ssh-ed25519 " ED25519, SN_OK },
		{ ED25519_IDENT, SN_OK },
		{ "laptop", SN_OK },
		{ "lap", SN_ENOTFOUND },
		{ "", SN_ENOTFOUND },
		{ "\xff", SN_ENOTFOUND },
	};

	add_account("alice", NULL);
	add_item("alice", SN_ACCOUNT_KEY, "ssh-ed25519 " ED25519 " laptop");
	ck_assert_int_eq(answer(sn_account_remove_item(&context, SN_STR("alice"), SN_ACCOUNT_KEY,
				 sn_str(rows[_i].which))),
		rows[_i].code);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	struct sn_account_item item = { .kind = SN_ACCOUNT_ROLE, .value = SN_STR("ops") };
	const struct sn_account_item token = { SN_ACCOUNT_TOKEN, .value = SN_STR(ABC_SHA256) };

	ck_assert_int_eq(answer(sn_account_add_item(&context, SN_STR("bob"), &item)), SN_ENOTFOUND);
	add_account("alice", NULL);
	add_account("bob", NULL);
	add_item("alice", SN_ACCOUNT_ROLE, "ops");
	ck_assert_int_eq(
		answer(sn_account_add_item(&context, SN_STR("alice"), &item)), SN_EDUPLICATE);
	item.value = SN_STR("two words");
	ck_assert_int_eq(answer(sn_account_add_item(&context, SN_STR("alice"), &item)), SN_ESYNTAX);
	/* A token belongs to one account. */
	add_item("alice", SN_ACCOUNT_TOKEN, ABC_SHA256);
	ck_assert_int_eq(
		answer(sn_account_add_item(&context, SN_STR("bob"), &token)), SN_EDUPLICATE);
	ck_assert_int_eq(answer(sn_account_remove_item(
				 &context, SN_STR("bob"), SN_ACCOUNT_TOKEN, SN_STR(ABC_SHA256))),
		SN_ENOTFOUND);
}
END_TEST

START_TEST(has_a_limit)
{
	char name[16];
	struct sn_account_item item = { .kind = SN_ACCOUNT_ROLE };

	add_account("alice", NULL);
	for (int i = 0; i <= SN_ACCOUNT_ITEMS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "role%d", i);
		item.value = sn_str(name);
		ck_assert_int_eq(answer(sn_account_add_item(&context, SN_STR("alice"), &item)),
			i < SN_ACCOUNT_ITEMS_MAX ? SN_OK : SN_ELIMIT);
	}
	add_item("alice", SN_ACCOUNT_TOKEN, ABC_SHA256);
}
END_TEST

START_TEST(hashes)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
			true },
		{ "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc"
		  ".eoxqOmSuNp2xS0ktL3nh/",
			true },
		{ "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", true },
		{ "$2b$05$short", false },
		{ "$9$unknown$method", false },
		{ "plain text", false },
		{ "", false },
		{ "$6$salt$two\nlines", false },
	};
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_account_hash_check(sn_str(rows[_i].text), &diag) == SN_OK, rows[_i].good);
	ck_assert_int_eq(diag.text[0] == '\0', rows[_i].good);
}
END_TEST

Suite *suite_accounts_item(void);
Suite *suite_accounts_item(void)
{
	Suite *suite = suite_create("accounts_item");
	TCase *tc = tcase_create("accounts_item");

	tcase_add_checked_fixture(tc, accounts_setup, accounts_teardown);
	tcase_add_loop_test(tc, idents, 0, 15);
	tcase_add_loop_test(tc, refuses_labels, 0, 3);
	tcase_add_test(tc, tokens_are_random_text);
	tcase_add_test(tc, adds_and_removes);
	tcase_add_loop_test(tc, removes_by, 0, 6);
	tcase_add_test(tc, says_what_is_wrong);
	tcase_add_test(tc, has_a_limit);
	tcase_add_loop_test(tc, hashes, 0, 8);
	suite_add_tcase(suite, tc);
	return suite;
}
