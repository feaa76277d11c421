#include "tests/support/unit.h"

#include "daemon/net/endpoint_token.h"

static struct sn_pool *pool;

static void set_up(void)
{
	pool = sn_pool_new(0);
}

static void tear_down(void)
{
	sn_pool_free(&pool);
}

/* "p VALUE" or "k KEY=VALUE", each with its columns, one after another. */
static const char *dump(const struct sn_endpoint_arg *args, size_t count)
{
	static char text[400];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	for (size_t i = 0; i < count; i++) {
		sn_strbuf_addf(&out, "%s%zu ", i > 0 ? "|" : "", args[i].key_column);
		if (args[i].key.p != NULL)
			sn_strbuf_addf(&out, "%.*s=%zu ", SN_STR_ARG(args[i].key), args[i].column);
		sn_strbuf_add(&out, args[i].value);
	}
	return text;
}

START_TEST(takes_texts_apart)
{
	static const struct {
		const char *text, *args;
	} rows[] = {
		{ "", "1 " },
		{ ":", "1 |2 " },
		{ "tcp:80", "1 tcp|5 80" },
		{ "tcp:80:", "1 tcp|5 80|8 " },
		{ "a:b:d=1:c", "1 a|3 b|5 d=7 1|9 c" },
		{ "k=a=b", "1 k=3 a=b" },
		{ "k=a=b:c=d", "1 k=3 a=b|7 c=9 d" },
		{ "=v", "1 =2 v" },
		{ "=", "1 =2 " },
		{ "==", "1 =2 =" },
		{ "interface=::1", "1 interface=11 |12 |13 1" },
		{ "i=\\:\\:1", "1 i=3 ::1" },
		{ "i\\=x", "1 i=x" },
		{ "a\\:b\\\\c:d", "1 a:b\\c|9 d" },
		{ "\\x", "1 x" },
		{ "k\\=\\:=v", "1 k=:=7 v" },
		{ "\xc3\xa9=\xc3\xa9:1", "1 \xc3\xa9=4 \xc3\xa9|7 1" },
	};
	struct sn_endpoint_arg *args;
	size_t count;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(
			sn_endpoint_tokens(pool, sn_str(rows[i].text), &args, &count, NULL), SN_OK);
		ck_assert_str_eq(dump(args, count), rows[i].args);
	}
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		struct sn_str text;
		size_t column;
	} rows[] = {
		{ SN_STR("\\"), 1 },
		{ SN_STR("unix:/x\\"), 8 },
		{ SN_STR("a\\\\\\"), 4 },
		{ SN_STR("k=\\"), 3 },
		{ SN_STR("unix:\0x"), 6 },
		{ SN_STR("unix:\\\0x"), 6 },
	};
	struct sn_endpoint_arg *args;
	size_t count;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sn_diag diag = { 0 };

		ck_assert_int_eq(
			sn_endpoint_tokens(pool, rows[i].text, &args, &count, &diag), SN_ESYNTAX);
		ck_assert_int_eq(diag.code, SN_ESYNTAX);
		ck_assert_uint_eq(diag.column, rows[i].column);
	}
}
END_TEST

/* Twice escaped: the columns are those of the outermost text. */
START_TEST(places_in_a_text_within_a_text)
{
	struct sn_endpoint_token_list outer, inner, innermost;
	const struct sn_str text = SN_STR("a:b=c\\:d=e\\\\\\:f:g");
	struct sn_str value;

	ck_assert_int_eq(sn_endpoint_tokenize(pool, text, NULL, &outer, NULL), SN_OK);
	ck_assert_str_eq(dump(outer.args, outer.count), "1 a|3 b=5 c:d=e\\:f|17 g");
	ck_assert_uint_eq(outer.end, text.n + 1);
	value = outer.args[1].value;
	ck_assert_int_eq(sn_endpoint_tokenize(
				 pool, value, outer.columns + (value.p - outer.text), &inner, NULL),
		SN_OK);
	ck_assert_str_eq(dump(inner.args, inner.count), "5 c|8 d=10 e:f");
	ck_assert_uint_eq(inner.end, 16);
	value = inner.args[1].value;
	ck_assert_int_eq(sn_endpoint_tokenize(pool, value, inner.columns + (value.p - inner.text),
				 &innermost, NULL),
		SN_OK);
	ck_assert_str_eq(dump(innermost.args, innermost.count), "10 e|15 f");
}
END_TEST

Suite *sn_suite_endpoint_token(void);
Suite *sn_suite_endpoint_token(void)
{
	Suite *suite = suite_create("endpoint_token");
	TCase *tc = tcase_create("endpoint_token");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, takes_texts_apart);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, places_in_a_text_within_a_text);
	suite_add_tcase(suite, tc);
	return suite;
}
