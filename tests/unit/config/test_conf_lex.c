#include "config/conf_lex.h"

#include "tests/support/unit.h"

Suite *sn_suite_conf_lex(void);

static struct sn_conf_diags diags;
static struct sn_lex lx;

static void set_up(void)
{
	sn_conf_diags_init(&diags);
}

static void tear_down(void)
{
	sn_conf_diags_fini(&diags);
}

static void open_text(struct sn_str text)
{
	sn_lex_init(&lx, sn_conf_source_add(diags.pool, &diags.sources, "t", text), &diags);
}

static void expect_at(uint32_t line, uint32_t column)
{
	struct sn_conf_pos pos = sn_lex_pos(&lx);

	ck_assert_uint_eq(pos.line, line);
	ck_assert_uint_eq(pos.column, column);
}

START_TEST(test_walk)
{
	open_text(SN_STR("a\xc3\xa9 \t=\r\nb\nc"));
	ck_assert_int_eq(sn_lex_peek(&lx), 'a');
	expect_at(1, 1);
	sn_lex_skip(&lx, 3);
	expect_at(1, 3);
	sn_lex_blanks(&lx);
	expect_at(1, 5);
	ck_assert(!sn_lex_take(&lx, ':'));
	ck_assert(sn_lex_starts(&lx, SN_STR("=\r")));
	ck_assert(sn_lex_take(&lx, '='));
	ck_assert_str_view(sn_lex_since(&lx, 3), " \t=");
	ck_assert(sn_lex_newline(&lx));
	expect_at(2, 1);
	ck_assert(!sn_lex_newline(&lx));
	sn_lex_skip_line(&lx);
	expect_at(3, 1);
	sn_lex_skip_line(&lx);
	ck_assert_int_eq(sn_lex_peek(&lx), SN_LEX_END);
	ck_assert(!sn_lex_newline(&lx));
	expect_at(3, 2);
}
END_TEST

START_TEST(test_byte_order_mark)
{
	open_text(SN_STR("\xEF\xBB\xBFx"));
	ck_assert_int_eq(sn_lex_peek(&lx), 'x');
	expect_at(1, 1);
}
END_TEST

START_TEST(test_gap)
{
	open_text(SN_STR(" # one\r\n\t\n\n # two\n  x"));
	sn_lex_gap(&lx);
	expect_at(5, 3);
	ck_assert_uint_eq(diags.errors, 0);
}
END_TEST

static const struct {
	struct sn_str text;
	const char *problem; /* NULL: none */
} line_ends[] = {
	{ SN_STR(""), NULL },
	{ SN_STR(" \t\nx"), NULL },
	{ SN_STR("# x\r\n"), NULL },
	{ SN_STR(" x"), "expected the end of the line after it, found 'x'" },
	{ SN_STR("\r"), "expected the end of the line after it, found control character U+000D" },
	{ SN_STR("\xc3\xa9"), "expected the end of the line after it, found '\xc3\xa9' (U+00E9)" },
	{ SN_STR("\xe9"), "expected the end of the line after it, found byte 0xE9" },
	{ SN_STR("#\x7f\n"), "control character U+007F" },
};

START_TEST(test_line_end)
{
	open_text(line_ends[_i].text);
	(void)sn_lex_line_end(&lx, "it");
	if (line_ends[_i].problem == NULL)
		ck_assert_uint_eq(diags.errors, 0);
	else
		ck_assert_str_eq(diags.first->text.p, line_ends[_i].problem);
}
END_TEST

/* One report for each line that has forbidden characters, and the walk goes on behind them. */
START_TEST(test_forbidden)
{
	struct sn_str c;

	open_text(SN_STR("\x01\x02x\n\xff"));
	ck_assert(!sn_lex_char(&lx, &c));
	ck_assert(!sn_lex_char(&lx, &c));
	ck_assert(sn_lex_char(&lx, &c));
	ck_assert_str_view(c, "x");
	ck_assert(sn_lex_newline(&lx));
	ck_assert(!sn_lex_char(&lx, &c));
	ck_assert_int_eq(sn_lex_peek(&lx), SN_LEX_END);
	ck_assert_uint_eq(diags.errors, 2);
}
END_TEST

Suite *sn_suite_conf_lex(void)
{
	Suite *suite = suite_create("conf_lex");
	TCase *tc = tcase_create("conf_lex");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_walk);
	tcase_add_test(tc, test_byte_order_mark);
	tcase_add_test(tc, test_gap);
	tcase_add_loop_test(tc, test_line_end, 0, (int)(sizeof(line_ends) / sizeof(line_ends[0])));
	tcase_add_test(tc, test_forbidden);
	return suite;
}
