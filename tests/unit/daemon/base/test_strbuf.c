#include "daemon/base/strbuf.h"

#include "daemon/base/mem.h"
#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

START_TEST(fixed_holds_what_fits)
{
	char mem[6];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	ck_assert_str_eq(sn_strbuf_cstr(&b), "");
	sn_strbuf_adds(&b, "abc");
	sn_strbuf_addc(&b, 'd');
	ck_assert_int_eq(b.err, SN_OK);
	sn_strbuf_adds(&b, "efg");
	ck_assert_int_eq(b.err, SN_ELIMIT);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "abcde");
	sn_strbuf_fini(&b);
}
END_TEST

START_TEST(exactly_full_is_no_error)
{
	char mem[4];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_strbuf_adds(&b, "abc");
	sn_strbuf_adds(&b, "");
	ck_assert_int_eq(b.err, SN_OK);
	sn_strbuf_addf(&b, "%s", "");
	ck_assert_int_eq(b.err, SN_OK);
	sn_strbuf_reset(&b);
	sn_strbuf_addf(&b, "%d", 123);
	ck_assert_int_eq(b.err, SN_OK);
	ck_assert_str_eq(mem, "123");
}
END_TEST

/* Text after a gap would read as if nothing were missing. */
START_TEST(error_is_sticky)
{
	char mem[4];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_strbuf_add_quoted(&b, SN_STR("ab\n"));
	ck_assert_str_eq(mem, "ab");
	sn_strbuf_adds(&b, "c");
	sn_strbuf_addf(&b, "%d", 1);
	sn_strbuf_addu(&b, 1);
	sn_strbuf_add_json(&b, SN_STR("x"));
	ck_assert_str_eq(mem, "ab");
	ck_assert_int_eq(b.err, SN_ELIMIT);
	sn_strbuf_reset(&b);
	ck_assert_int_eq(b.err, SN_OK);
	sn_strbuf_adds(&b, "xyz");
	ck_assert_str_eq(mem, "xyz");
}
END_TEST

START_TEST(growing)
{
	struct sn_strbuf b;
	char want[1001];

	sn_strbuf_init(&b, 1000);
	ck_assert_ptr_null(b.p);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "");
	for (int i = 0; i < 1000; i++) {
		want[i] = (char)('a' + i % 26);
		sn_strbuf_addc(&b, want[i]);
	}
	want[1000] = '\0';
	ck_assert_int_eq(b.err, SN_OK);
	ck_assert_str_eq(sn_strbuf_cstr(&b), want);
	sn_strbuf_addc(&b, 'x');
	ck_assert_int_eq(b.err, SN_ELIMIT);
	ck_assert_uint_eq(sn_strbuf_str(&b).n, 1000);
	sn_strbuf_fini(&b);
}
END_TEST

START_TEST(no_limit_is_a_limit_too)
{
	struct sn_strbuf b;

	sn_strbuf_init(&b, SIZE_MAX);
	sn_strbuf_addf(&b, "%0300d", 7);
	ck_assert_int_eq(b.err, SN_OK);
	ck_assert_uint_eq(b.n, 300);
	sn_strbuf_fini(&b);
}
END_TEST

/* Every length of text against every limit around it, for both ways of formatting. */
START_TEST(printf_at_every_boundary)
{
	char text[140];

	memset(text, 'x', sizeof(text));
	for (int n = 0; n < 140; n++) {
		for (size_t max = 0; max < 140; max += 7) {
			const size_t fits = (size_t)n < max ? (size_t)n : max;
			struct sn_strbuf b;

			sn_strbuf_init(&b, max);
			sn_strbuf_addf(&b, "%.*s", n, text);
			ck_assert_hot(b.n == fits);
			ck_assert_hot(strlen(sn_strbuf_cstr(&b)) == fits);
			ck_assert_hot(b.err == (fits < (size_t)n ? SN_ELIMIT : SN_OK));
			sn_strbuf_fini(&b);
		}
	}
}
END_TEST

static const struct {
	uint64_t v;
	const char *text;
} numbers[] = {
	{ 0, "0" },
	{ 9, "9" },
	{ 10, "10" },
	{ 1234567890, "1234567890" },
	{ UINT64_MAX, "18446744073709551615" },
};

START_TEST(decimal)
{
	char mem[32];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_strbuf_addu(&b, numbers[_i].v);
	ck_assert_str_eq(mem, numbers[_i].text);
}
END_TEST

static const struct {
	struct sn_str in;
	const char *quoted, *json;
} escapes[] = {
	{ SN_STR(""), "", "" },
	{ SN_STR("plain text, ~"), "plain text, ~", "plain text, ~" },
	{ SN_STR("a\"b\\c"), "a\\\"b\\\\c", "a\\\"b\\\\c" },
	{ SN_STR("\a\b\t\n\v\f\r"), "\\a\\b\\t\\n\\v\\f\\r", "\\u0007\\b\\t\\n\\u000b\\f\\r" },
	{ SN_STR("\0\x1b[31m"), "\\x00\\x1b[31m", "\\u0000\\u001b[31m" },
	{ SN_STR("\x7f"), "\\x7f", "\x7f" },
	{ SN_STR("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ SN_STR("\xc2\x9b"), "\\xc2\\x9b", "\xc2\x9b" }, /* C1: a terminal's CSI */
	{ SN_STR("\xc2\xa0"), "\xc2\xa0", "\xc2\xa0" },
	{ SN_STR("a\xff\x80z"), "a\\xff\\x80z", "a\xef\xbf\xbd\xef\xbf\xbdz" },
	{ SN_STR("\xe2\x82"), "\\xe2\\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ SN_STR("\xc0\xaf"), "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
};

START_TEST(escaping)
{
	struct sn_strbuf b;

	sn_strbuf_init(&b, 1000);
	sn_strbuf_add_quoted(&b, escapes[_i].in);
	ck_assert_str_eq(sn_strbuf_cstr(&b), escapes[_i].quoted);
	sn_strbuf_reset(&b);
	sn_strbuf_add_json(&b, escapes[_i].in);
	ck_assert_str_eq(sn_strbuf_cstr(&b), escapes[_i].json);
	sn_strbuf_fini(&b);
}
END_TEST

START_TEST(no_half_escape)
{
	for (size_t size = 1; size <= 4; size++) {
		char mem[4];
		struct sn_strbuf b;

		sn_strbuf_fixed(&b, mem, size);
		sn_strbuf_add_quoted(&b, SN_STR("\x01"));
		ck_assert_int_eq(b.err, SN_ELIMIT);
		ck_assert_str_eq(mem, "");
		sn_strbuf_fixed(&b, mem, size);
		sn_strbuf_add_json(&b, SN_STR("\xf0\x9f\x98\x80"));
		ck_assert_int_eq(b.err, SN_ELIMIT);
		ck_assert_str_eq(mem, "");
	}
}
END_TEST

START_TEST(truncation)
{
	struct sn_strbuf b;

	sn_strbuf_init(&b, 100);
	sn_strbuf_truncate(&b, 0);
	sn_strbuf_adds(&b, "abcdef");
	sn_strbuf_truncate(&b, 2);
	sn_strbuf_addc(&b, 'x');
	ck_assert_str_eq(sn_strbuf_cstr(&b), "abx");
	sn_strbuf_fini(&b);
}
END_TEST

static void truncate_beyond(void)
{
	char mem[8];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_strbuf_truncate(&b, 1);
}

static void take_fixed(void)
{
	char mem[8];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_free(sn_strbuf_take(&b));
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(truncate_beyond, "n <= b->n"));
	ck_assert(sn_test_dies(take_fixed, "b->heap"));
}
END_TEST

START_TEST(take_leaves_an_empty_builder)
{
	struct sn_strbuf b;
	char *text;

	sn_strbuf_init(&b, 3);
	text = sn_strbuf_take(&b);
	ck_assert_str_eq(text, "");
	sn_free(text);
	sn_strbuf_adds(&b, "abcd");
	text = sn_strbuf_take(&b);
	ck_assert_str_eq(text, "abc");
	sn_free(text);
	ck_assert_int_eq(b.err, SN_OK);
	sn_strbuf_adds(&b, "xy");
	ck_assert_str_eq(sn_strbuf_cstr(&b), "xy");
	sn_strbuf_fini(&b);
}
END_TEST

Suite *sn_suite_strbuf(void)
{
	Suite *suite = suite_create("base/strbuf");
	TCase *tc = tcase_create("strbuf");

	tcase_add_test(tc, fixed_holds_what_fits);
	tcase_add_test(tc, exactly_full_is_no_error);
	tcase_add_test(tc, error_is_sticky);
	tcase_add_test(tc, growing);
	tcase_add_test(tc, no_limit_is_a_limit_too);
	tcase_add_test(tc, printf_at_every_boundary);
	tcase_add_loop_test(tc, decimal, 0, COUNT(numbers));
	tcase_add_loop_test(tc, escaping, 0, COUNT(escapes));
	tcase_add_test(tc, no_half_escape);
	tcase_add_test(tc, truncation);
	tcase_add_test(tc, misuse_dies);
	tcase_add_test(tc, take_leaves_an_empty_builder);
	suite_add_tcase(suite, tc);
	return suite;
}
