#include "config/conf_diag.h"

#include "tests/support/unit.h"

Suite *sn_suite_conf_diag(void);

static struct sn_conf_diags diags;
static struct sn_strbuf out;

static void set_up(void)
{
	sn_conf_diags_init(&diags);
	sn_strbuf_init(&out, 1 << 20);
}

static void tear_down(void)
{
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&diags);
}

static struct sn_conf_source *add_source(const char *name, const char *text)
{
	return sn_conf_source_add(diags.pool, &diags.sources, name, sn_str(text));
}

static struct sn_conf_pos at(
	const struct sn_conf_source *source, uint32_t line, uint32_t column, uint32_t length)
{
	return (struct sn_conf_pos){
		.source = source, .line = line, .column = column, .length = length
	};
}

static void expect_print(const char *text)
{
	sn_strbuf_reset(&out);
	sn_conf_diags_print(&diags, &out, false);
	ck_assert_str_eq(sn_strbuf_cstr(&out), text);
}

static const struct {
	const char *text;
	uint32_t line, column, length;
	const char *excerpt;
} excerpts[] = {
	{ "lisen = 1\n", 1, 1, 5, "  1 | lisen = 1\n    | ^~~~~\n" },
	{ "a\nb = x\r\nc\n", 2, 5, 0, "  2 | b = x\n    |     ^\n" },
	{ "\n\n\n\n\n\n\n\n\nlast", 10, 4, 1, "  10 | last\n     |    ^\n" },
	/* A column is a code point, a tab stays a tab. */
	{ "\t\xc3\xa9\xc3\xa9 = x", 1, 6, 1, "  1 | \t\xc3\xa9\xc3\xa9 = x\n    | \t    ^\n" },
	{ "\xc3\xa9\xc3\xa9 = 1", 1, 1, 4, "  1 | \xc3\xa9\xc3\xa9 = 1\n    | ^~\n" },
	/* What could steer a terminal is not passed on. */
	{ "a\x1b[2Jb = 1", 1, 7, 1, "  1 | a?[2Jb = 1\n    |       ^\n" },
	{ "a \xff\xc2\x9b b", 1, 6, 1, "  1 | a ?? b\n    |      ^\n" },
	/* The end of a line, of the text, and behind it. */
	{ "a = \nb", 1, 5, 0, "  1 | a = \n    |     ^\n" },
	{ "a", 1, 2, 0, "  1 | a\n    |  ^\n" },
	{ "a\n", 2, 1, 0, "  2 | \n    | ^\n" },
	{ "a = 1\n", 1, 5, 100, "  1 | a = 1\n    |     ^\n" },
	/* A byte order mark is no column. */
	{ "\xEF\xBB\xBFx = y", 1, 1, 1, "  1 | x = y\n    | ^\n" },
};

START_TEST(test_excerpt)
{
	const struct sn_conf_source *source = add_source("a.toml", excerpts[_i].text);
	struct sn_str want = sn_str(excerpts[_i].excerpt);

	sn_conf_report(&diags, SN_CONF_ERROR,
		at(source, excerpts[_i].line, excerpts[_i].column, excerpts[_i].length), "no");
	sn_conf_diags_print(&diags, &out, false);
	ck_assert_msg(sn_str_ends(sn_strbuf_str(&out), want), "%s", sn_strbuf_cstr(&out));
}
END_TEST

START_TEST(test_long_line_is_cut)
{
	struct sn_strbuf line;

	sn_strbuf_init(&line, 1 << 20);
	for (int i = 0; i < 1000; i++)
		sn_strbuf_adds(&line, "0123456789");
	sn_conf_report(&diags, SN_CONF_ERROR,
		at(add_source("a.toml", sn_strbuf_cstr(&line)), 1, 5001, 3), "here");
	sn_conf_diags_print(&diags, &out, false);
	ck_assert_uint_lt(out.n, 400);
	ck_assert_msg(sn_str_ends(sn_strbuf_str(&out),
			      SN_STR("    |                                                       "
				     "      ^~~\n")),
		"%s", sn_strbuf_cstr(&out));
	sn_strbuf_fini(&line);
}
END_TEST

START_TEST(test_order)
{
	const struct sn_conf_source *first = add_source("first", "1\n2\n3\n");
	const struct sn_conf_source *second = add_source("second", "1\n");

	sn_conf_report(&diags, SN_CONF_ERROR, at(second, 1, 1, 1), "e");
	sn_conf_report(&diags, SN_CONF_ERROR, at(first, 3, 1, 1), "d");
	sn_conf_report(&diags, SN_CONF_ERROR, at(first, 2, 1, 1), "b");
	sn_conf_report(&diags, SN_CONF_WARNING, at(first, 2, 1, 1), "c");
	sn_conf_report(&diags, SN_CONF_ERROR, at(NULL, 0, 0, 0), "a");
	ck_assert_uint_eq(diags.errors, 4);
	ck_assert_uint_eq(diags.warnings, 1);
	expect_print("error: a\n"
		     "first:2:1: error: b\n  2 | 2\n    | ^\n"
		     "first:2:1: warning: c\n  2 | 2\n    | ^\n"
		     "first:3:1: error: d\n  3 | 3\n    | ^\n"
		     "second:1:1: error: e\n  1 | 1\n    | ^\n");
}
END_TEST

START_TEST(test_places)
{
	const struct sn_conf_source *file = add_source("a.toml", "secret = 1\n");
	struct sn_conf_source *option = add_source("--listen", "tcp:99999");

	option->is_option = true;
	sn_conf_report(&diags, SN_CONF_ERROR, at(file, 0, 0, 0), "whole file");
	sn_conf_report(&diags, SN_CONF_ERROR, at(file, 1, 0, 0), "line that is not shown");
	sn_conf_report(&diags, SN_CONF_ERROR, at(option, 1, 5, 5), "too large");
	sn_conf_report(&diags, SN_CONF_ERROR, at(option, 0, 0, 0), "not shown");
	expect_print("a.toml: error: whole file\n"
		     "a.toml:1: error: line that is not shown\n"
		     "--listen: error: not shown\n"
		     "--listen: error: too large\n"
		     "    tcp:99999\n"
		     "        ^~~~~\n");
}
END_TEST

START_TEST(test_color)
{
	sn_conf_report(&diags, SN_CONF_ERROR, at(add_source("a", "b"), 1, 1, 1), "c");
	sn_conf_diags_print(&diags, &out, true);
	ck_assert_str_eq(sn_strbuf_cstr(&out),
		"\033[1ma:1:1: \033[0m\033[1;31merror: \033[0mc\n"
		"  1 | b\n    | \033[32m^\033[0m\n");
}
END_TEST

START_TEST(test_message_is_made_safe)
{
	sn_conf_report(&diags, SN_CONF_ERROR, at(NULL, 0, 0, 0), "a\x1b%sb", "\n");
	expect_print("error: a??b\n");
}
END_TEST

START_TEST(test_long_message_is_cut)
{
	sn_conf_report(&diags, SN_CONF_ERROR, at(NULL, 0, 0, 0), "%5000d", 1);
	ck_assert_uint_lt(diags.first->text.n, 1100);
}
END_TEST

/* A position of a configuration that outlives the diags it was loaded with. */
START_TEST(test_source_from_elsewhere)
{
	struct sn_conf_diags other;
	const struct sn_conf_source *source;

	sn_conf_diags_init(&other);
	source = sn_conf_source_add(other.pool, &other.sources, "x.toml", SN_STR("a = 1\n"));
	sn_conf_report(&diags, SN_CONF_ERROR, at(source, 1, 5, 1), "one");
	sn_conf_report(&diags, SN_CONF_ERROR, at(source, 1, 1, 1), "two");
	sn_conf_diags_fini(&other);
	ck_assert_ptr_nonnull(diags.sources);
	ck_assert_ptr_null(diags.sources->next);
	expect_print("x.toml:1:1: error: two\n  1 | a = 1\n    | ^\n"
		     "x.toml:1:5: error: one\n  1 | a = 1\n    |     ^\n");
}
END_TEST

static const struct {
	const char *source, *text;
	bool is_option;
	uint32_t column; /* of the string */
	size_t offset;
	uint32_t want;
} withins[] = {
	{ "a = \"tcp:80\"", "tcp:80", false, 5, 0, 6 },
	{ "a = \"tcp:80\"", "tcp:80", false, 5, 4, 10 },
	{ "a = 'tcp:80'", "tcp:80", false, 5, 6, 12 },
	{ "a = '\xc3\xa9:80'", "\xc3\xa9:80", false, 5, 3, 8 },
	{ "a = \"tcp\\u003a80\"", "tcp:80", false, 5, 4, 5 }, /* escapes */
	{ "a = \"tcp:${P}\"", "tcp:80", false, 5, 4, 5 },     /* expanded */
	{ "a = \"\"\"tcp:80\"\"\"", "tcp:80", false, 5, 4, 5 },
	{ "a = 80", "80", false, 5, 1, 6 },
	{ "tcp:80", "tcp:80", true, 1, 4, 5 },
	{ "'x'", "'x'", true, 1, 1, 2 },
};

START_TEST(test_within)
{
	struct sn_conf_source *source = add_source("a", withins[_i].source);
	struct sn_conf_pos pos = at(source, 1, withins[_i].column, 3);

	source->is_option = withins[_i].is_option;
	pos = sn_conf_pos_within(pos, sn_str(withins[_i].text), withins[_i].offset);
	ck_assert_uint_eq(pos.column, withins[_i].want);
}
END_TEST

START_TEST(test_within_nothing)
{
	struct sn_conf_pos pos = sn_conf_pos_within(at(NULL, 0, 0, 0), SN_STR("x"), 0);

	ck_assert_ptr_null(pos.source);
	pos = sn_conf_pos_within(at(add_source("a", "b"), 0, 0, 0), SN_STR("b"), 0);
	ck_assert_uint_eq(pos.line, 0);
}
END_TEST

Suite *sn_suite_conf_diag(void)
{
	Suite *suite = suite_create("conf_diag");
	TCase *tc = tcase_create("conf_diag");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_excerpt, 0, (int)(sizeof(excerpts) / sizeof(excerpts[0])));
	tcase_add_test(tc, test_long_line_is_cut);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_places);
	tcase_add_test(tc, test_color);
	tcase_add_test(tc, test_message_is_made_safe);
	tcase_add_test(tc, test_long_message_is_cut);
	tcase_add_test(tc, test_source_from_elsewhere);
	tcase_add_loop_test(tc, test_within, 0, (int)(sizeof(withins) / sizeof(withins[0])));
	tcase_add_test(tc, test_within_nothing);
	return suite;
}
