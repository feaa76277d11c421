#include "daemon/auth/scram.h"
#include "tests/support/unit.h"

/* RFC 4013 3, and what it forbids. NULL: refused. */
static const struct {
	const char *given;
	size_t n;
	const char *prepared, *folded;
} rows[] = {
#define ROW(given, prepared, folded) \
	{ \
		given, sizeof(given) - 1, prepared, folded \
	}
	ROW("user", "user", "user"), ROW("USER", "USER", "user"),
	ROW("I\xc2\xadX", "IX", "ix"),   /* SOFT HYPHEN: mapped to nothing */
	ROW("\xc2\xaa", "a", "a"),       /* FEMININE ORDINAL: NFKC */
	ROW("\xe2\x85\xa8", "IX", "ix"), /* ROMAN NUMERAL NINE */
	ROW("\x07", NULL, NULL),         /* a control character */
	ROW("\xd8\xa7"
	    "1",
		NULL, NULL), /* bidirectional check */
	ROW("a\xc2\xa0"
	    "b",
		"a b", "a b"), /* NO-BREAK SPACE: a space */
	ROW("\xc3\x89t\xc3\xa9", "\xc3\x89t\xc3\xa9", "\xc3\xa9t\xc3\xa9"),
	ROW("stra\xc3\x9f"
	    "e",
		"stra\xc3\x9f"
		"e",
		"strasse"),
	ROW("e\xcc\x81", "\xc3\xa9", "\xc3\xa9"), /* composed */
	ROW("\xc2\xad", NULL, NULL),              /* nothing is left */
	ROW("", NULL, NULL), ROW("a\0b", NULL, NULL), ROW("\xff", NULL, NULL),
	ROW("\xed\xa0\x80", NULL, NULL), /* a surrogate */
	ROW("\xef\xbf\xbd", NULL, NULL), /* REPLACEMENT CHARACTER */
	ROW("\xee\x80\x80", NULL, NULL), /* private use */
#undef ROW
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void compare(int (*prepare)(struct sn_str, struct sn_strbuf *), struct sn_str given,
	const char *expected)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1000);
	ck_assert_int_eq(prepare(given, &out), expected != NULL ? SN_OK : SN_EENCODING);
	if (expected != NULL)
		ck_assert_str_eq(sn_strbuf_cstr(&out), expected);
	else
		ck_assert_uint_eq(out.n, 0);
	sn_strbuf_fini(&out);
}

START_TEST(prepares)
{
	const struct sn_str given = sn_str_n(rows[_i].given, rows[_i].n);

	compare(sn_saslprep, given, rows[_i].prepared);
	compare(sn_saslprep_fold, given, rows[_i].folded);
}
END_TEST

START_TEST(says_when_there_is_no_room)
{
	struct sn_strbuf out;
	char mem[4];

	sn_strbuf_fixed(&out, mem, sizeof(mem));
	ck_assert_int_eq(sn_saslprep(SN_STR("user"), &out), SN_ELIMIT);
	sn_strbuf_reset(&out);
	ck_assert_int_eq(sn_saslprep(SN_STR("\xc3\xa9\xc3\xa9"), &out), SN_ELIMIT);
	sn_strbuf_reset(&out);
	ck_assert_int_eq(sn_saslprep_fold(SN_STR("USER"), &out), SN_ELIMIT);
}
END_TEST

START_TEST(knows_one_name_by_its_spellings)
{
	ck_assert(sn_saslprep_same(SN_STR("Alice"), SN_STR("aLICE")));
	ck_assert(!sn_saslprep_same(SN_STR("alice"), SN_STR("alicf")));
	ck_assert(sn_saslprep_same(SN_STR("\xc3\x89mile"), SN_STR("e\xcc\x81mile")));
	ck_assert(sn_saslprep_same(SN_STR("I\xc2\xadX"), SN_STR("ix")));
	ck_assert(!sn_saslprep_same(SN_STR("\xff"), SN_STR("\xff")));
	ck_assert(!sn_saslprep_same(SN_STR(""), SN_STR("a")));
}
END_TEST

Suite *suite_saslprep(void);
Suite *suite_saslprep(void)
{
	Suite *suite = suite_create("saslprep");
	TCase *tc = tcase_create("saslprep");

	tcase_add_loop_test(tc, prepares, 0, ROWS);
	tcase_add_test(tc, says_when_there_is_no_room);
	tcase_add_test(tc, knows_one_name_by_its_spellings);
	suite_add_tcase(suite, tc);
	return suite;
}
