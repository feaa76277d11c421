#include "tests/unit/daemon/auth/accounts_fixture.h"

#include "daemon/auth/accounts_private.h"

#define X60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"

START_TEST(possible_names)
{
	static const struct {
		const char *name, *id;
	} rows[] = {
		{ "alice", "alice" },
		{ "Alice.B-2_x", "alice.b-2_x" },
		{ "_service", "_service" },
		{ "9lives", "9lives" },
		{ X60 "1234", X60 "1234" },
		{ "J\xc3\xb6rg", "j\xc3\xb6rg" },
		{ "Jo\xcc\x88rg", "j\xc3\xb6rg" }, /* a mark of its own */
		{ "STRA\xc3\x9f"
		  "E",
			"strasse" },             /* sharp s */
		{ "\xef\xbc\xa1lice", "alice" }, /* full width */
		{ "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd" },
		{ "\xe5\xa4\xaa\xe9\x83\x8e", "\xe5\xa4\xaa\xe9\x83\x8e" },
	};
	struct sn_account_id id;
	struct sn_diag diag;

	ck_assert_int_eq(sn_account_name_check(sn_str(rows[_i].name), &diag), SN_OK);
	ck_assert(sn_account_id_make(sn_str(rows[_i].name), &id));
	ck_assert_str_eq(id.text, rows[_i].id);
	ck_assert_uint_eq(id.n, strlen(rows[_i].id));
}
END_TEST

START_TEST(impossible_names)
{
	static const struct {
		struct sn_str name;
		int code;
		const char *says;
	} rows[] = {
		{ SN_STR(""), SN_EMISSING, "empty" },
		{ SN_STR(X60 "12345"), SN_ELIMIT, "at most 64 bytes, this one 65" },
		{ SN_STR("al ice"), SN_EENCODING, "not ' '" },
		{ SN_STR("alice "), SN_EENCODING, "not ' '" },
		{ SN_STR("al:ice"), SN_EENCODING, "not ':'" },
		{ SN_STR("alice@example"), SN_EENCODING, "not '@'" },
		{ SN_STR("../alice"), SN_EENCODING, "not '/'" },
		{ SN_STR(".alice"), SN_EENCODING, "begins with" },
		{ SN_STR("-rf"), SN_EENCODING, "begins with" },
		{ SN_STR("al\0ice"), SN_EENCODING, "\\" },
		{ SN_STR("al\nice"), SN_EENCODING, "\\n" },
		{ SN_STR("al\xffice"), SN_EENCODING, "\\xff" },
		{ SN_STR("a\xe2\x80\x8bz"), SN_EENCODING, "not" },   /* zero width space */
		{ SN_STR("a\xe2\x80\xaez"), SN_EENCODING, "not" },   /* right to left override */
		{ SN_STR("\xe2\x99\xa5"), SN_EENCODING, "not" },     /* heart */
		{ SN_STR("\xf0\x9f\x98\x80"), SN_EENCODING, "not" }, /* emoji */
		{ SN_STR("\xc2\xad"), SN_EENCODING, "not" },         /* soft hyphen */
		{ SN_STR("\xcd\x8f"), SN_EENCODING, "no account" },  /* maps to nothing */
		{ SN_STR("a\xd7\x90"), SN_EENCODING, "no account" }, /* two directions */
	};
	struct sn_account_id id;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_account_name_check(rows[_i].name, &diag), rows[_i].code);
	ck_assert_msg(strstr(diag.text, rows[_i].says) != NULL, "%s", diag.text);
	ck_assert(!sn_account_id_make(rows[_i].name, &id));
}
END_TEST

Suite *suite_accounts_name(void);
Suite *suite_accounts_name(void)
{
	Suite *suite = suite_create("accounts_name");
	TCase *tc = tcase_create("accounts_name");

	tcase_add_loop_test(tc, possible_names, 0, 11);
	tcase_add_loop_test(tc, impossible_names, 0, 19);
	suite_add_tcase(suite, tc);
	return suite;
}
