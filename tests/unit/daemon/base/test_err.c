#include "daemon/base/err.h"

#include <errno.h>
#include <limits.h>

#include "tests/unit/daemon/base/suites.h"

static const struct {
	int code;
	const char *name, *text;
} cases[] = {
	{ SN_OK, "OK", "success" },
	{ SN_AGAIN, "AGAIN", "more is needed first" },
	{ SN_PENDING, "PENDING", "the answer comes later" },
	{ SN_CLOSE, "CLOSE", "orderly end of stream" },
	{ 4, "UNKNOWN", "unknown result" },
	{ -ENOENT, "ENOENT", "No such file or directory" },
	{ -EMFILE, "EMFILE", "Too many open files" },
	{ -999, "UNKNOWN", "unknown result" },
	{ SN_ELIMIT, "ELIMIT", "size limit exceeded" },
	{ SN_EUNAVAILABLE, "EUNAVAILABLE", "service unavailable" },
	{ -5000, "UNKNOWN", "unknown result" },
	{ INT_MIN, "UNKNOWN", "unknown result" },
	{ INT_MAX, "UNKNOWN", "unknown result" },
};

START_TEST(names_and_texts)
{
	ck_assert_str_eq(sn_errname(cases[_i].code), cases[_i].name);
	ck_assert_str_eq(sn_strerror(cases[_i].code), cases[_i].text);
}
END_TEST

/* The values are part of the plugin ABI: a row moved or dropped shows here. */
START_TEST(own_codes_are_contiguous)
{
	static const int codes[] = {
#define SN_ERR(name, value, text) SN_##name,
#include "daemon/base/err.def"
#undef SN_ERR
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		ck_assert_int_eq(codes[i], -1000 - (int)i);
}
END_TEST

START_TEST(diag_is_filled)
{
	struct sn_diag diag;

	ck_assert_int_eq(sn_diag_set(&diag, SN_ENUMBER, 7, "bad port %d", 99999), SN_ENUMBER);
	ck_assert_int_eq(diag.code, SN_ENUMBER);
	ck_assert_uint_eq(diag.column, 7);
	ck_assert_str_eq(diag.text, "bad port 99999");
}
END_TEST

START_TEST(diag_may_be_null)
{
	ck_assert_int_eq(sn_diag_set(NULL, -EINVAL, 1, "%s", "unseen"), -EINVAL);
}
END_TEST

START_TEST(long_diag_is_cut)
{
	struct sn_diag diag;

	(void)sn_diag_set(&diag, SN_ESYNTAX, 0, "%0900d", 1);
	ck_assert_uint_eq(strlen(diag.text), sizeof(diag.text) - 1);
}
END_TEST

Suite *sn_suite_err(void)
{
	Suite *suite = suite_create("base/err");
	TCase *tc = tcase_create("err");

	tcase_add_loop_test(tc, names_and_texts, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, own_codes_are_contiguous);
	tcase_add_test(tc, diag_is_filled);
	tcase_add_test(tc, diag_may_be_null);
	tcase_add_test(tc, long_diag_is_cut);
	suite_add_tcase(suite, tc);
	return suite;
}
