#include "config/conf_toml.h"

#include "tests/support/split.h"
#include "tests/support/unit.h"
#include "tests/unit/config/toml_cases.h"

Suite *sn_suite_conf_toml(void);

#define DUMP_MAX ((size_t)1 << 20)

/* One text parsed. */
struct parsed {
	struct sn_conf_diags diags;
	struct sn_toml_value *root;
	struct sn_strbuf dump;
};

static void parse(struct parsed *p, struct sn_str text)
{
	const struct sn_conf_source *source;

	sn_conf_diags_init(&p->diags);
	source = sn_conf_source_add(p->diags.pool, &p->diags.sources, "test.toml", text);
	p->root = sn_toml_parse(p->diags.pool, source, &p->diags);
	sn_strbuf_init(&p->dump, DUMP_MAX);
	toml_dump(&p->dump, p->root);
}

static void forget(struct parsed *p)
{
	sn_strbuf_fini(&p->dump);
	sn_conf_diags_fini(&p->diags);
}

START_TEST(test_valid)
{
	const struct toml_valid *c = &toml_valid[_i];
	struct parsed p;

	parse(&p, c->text);
	ck_assert_msg(p.diags.first == NULL, "%s: %s", c->name,
		p.diags.first != NULL ? p.diags.first->text.p : "");
	ck_assert_msg(strcmp(sn_strbuf_cstr(&p.dump), c->dump) == 0, "%s: %s", c->name,
		sn_strbuf_cstr(&p.dump));
	forget(&p);
}
END_TEST

START_TEST(test_invalid)
{
	const struct toml_invalid *c = &toml_invalid[_i];
	const struct sn_conf_problem *first;
	struct parsed p;

	parse(&p, c->text);
	first = p.diags.first;
	ck_assert_msg(first != NULL, "%s: accepted", c->name);
	ck_assert_msg(sn_str_find_str(first->text, sn_str(c->message)) < first->text.n ||
			sn_str_eq(first->text, sn_str(c->message)),
		"%s: %s", c->name, first->text.p);
	ck_assert_msg(first->pos.line == c->line && first->pos.column == c->column, "%s: %u:%u",
		c->name, first->pos.line, first->pos.column);
	forget(&p);
}
END_TEST

static void parse_truncated(struct sn_split_feed *feed, struct sn_str piece)
{
	struct parsed p;

	(void)feed;
	parse(&p, piece);
	forget(&p);
}

static void ignore_begin(struct sn_split_feed *feed)
{
	(void)feed;
}

static void ignore_end(struct sn_split_feed *feed, bool whole)
{
	(void)feed;
	(void)whole;
}

/* Cut anywhere, a text is read within its bounds; what a sanitizer sees is the test. */
START_TEST(test_truncated)
{
	struct sn_split_feed feed = {
		.begin = ignore_begin, .piece = parse_truncated, .end = ignore_end
	};

	for (size_t i = 0; i < toml_valid_count; i++)
		sn_test_every_truncation(&feed, toml_valid[i].text);
	for (size_t i = 0; i < toml_invalid_count; i++)
		sn_test_every_truncation(&feed, toml_invalid[i].text);
}
END_TEST

static void nest(char *mem, size_t depth)
{
	memcpy(mem, "a = ", 4);
	memset(mem + 4, '[', depth);
	memset(mem + 4 + depth, ']', depth);
}

START_TEST(test_nesting_limit)
{
	char text[200];
	struct parsed p;

	nest(text, 64);
	parse(&p, sn_str_n(text, 4 + 128));
	ck_assert_uint_eq(p.diags.errors, 0);
	forget(&p);
	nest(text, 65);
	parse(&p, sn_str_n(text, 4 + 130));
	ck_assert_uint_eq(p.diags.errors, 1);
	ck_assert_uint_eq(p.diags.first->pos.column, 4 + 65);
	forget(&p);
}
END_TEST

/* Names, headers and braces nest as brackets do. */
START_TEST(test_nesting_limit_of_names)
{
	static const char *const before[] = { "", "[", "[[", "x = {" };
	static const char *const after[] = { " = 1", "]", "]]", " = 1}" };
	struct sn_strbuf text;
	struct parsed p;

	sn_strbuf_init(&text, DUMP_MAX);
	sn_strbuf_adds(&text, before[_i]);
	for (int i = 0; i < 70; i++)
		sn_strbuf_adds(&text, i > 0 ? ".a" : "a");
	sn_strbuf_adds(&text, after[_i]);
	parse(&p, sn_strbuf_str(&text));
	ck_assert_uint_eq(p.diags.errors, 1);
	ck_assert_str_eq(p.diags.first->text.p, "nested more than 64 deep");
	forget(&p);
	sn_strbuf_fini(&text);
}
END_TEST

static const struct {
	const char *text;
	const char *lines; /* of the problems */
	const char *dump;  /* of what could be read all the same */
} recoveries[] = {
	{ "a = \nb = 2\nc\nd = 4\n", "1 3", "{a= b=2 d=4}" },
	{ "[a\nx = 1\n[b]\ny = 2\n", "1", "{b={y=2}}" },
	{ "[a]\nx = 1\n[a]\nx = 2\n[b]\ny = 3\n", "3", "{a={x=1} b={y=3}}" },
	{ "a = [\n 1,\n bad,\n 2\n]\nb = 3\n", "3", "{a= b=3}" },
	{ "a = [\n \"x\nb = 1\n", "2", "{a= b=1}" },
	{ "a = [ 1\nb = 2\n", "2", "{a= b=2}" },
	{ "a = [\n bad,\n\n[t]\nb = 1\n", "2", "{a= t={b=1}}" },
	{ "a = [ bad\n# no end\n", "1", "{a=}" },
	{ "a = \"\\q\\z\"\nb = 1\n", "1 1", "{a= b=1}" },
	{ "a = \"\"\"x\nb = 1\n", "1", "{a=}" },
	{ "# \x01 \x02\n# \x03\na = 1\n", "1 2", "{a=1}" },
	{ "a = 1 # \xff\nb = 2\n", "1", "{a=1 b=2}" },
	{ "a = 1\na = \nb = 2\n", "2 2", "{a=1 b=2}" },
	{ "a = \na = 1\nb = 2\n", "1", "{a= b=2}" },
	{ "a = \na.b = 1\n[a]\n", "1", "{a=}" },
	{ "a = {b = [\n 1,\n},\nc = 3\n", "3", "{a= c=3}" },
	{ "a = [1]\nb =\n?\nc = 1\n", "2 3", "{a=[1] b= c=1}" },
};

START_TEST(test_recovery)
{
	struct sn_strbuf lines;
	struct parsed p;

	sn_strbuf_init(&lines, DUMP_MAX);
	parse(&p, sn_str(recoveries[_i].text));
	for (const struct sn_conf_problem *e = p.diags.first; e != NULL; e = e->next)
		sn_strbuf_addf(&lines, "%s%u", lines.n > 0 ? " " : "", e->pos.line);
	ck_assert_str_eq(sn_strbuf_cstr(&lines), recoveries[_i].lines);
	ck_assert_str_eq(sn_strbuf_cstr(&p.dump), recoveries[_i].dump);
	sn_strbuf_fini(&lines);
	forget(&p);
}
END_TEST

START_TEST(test_positions)
{
	struct sn_toml_entry *table, *entry;
	struct parsed p;

	parse(&p, SN_STR("# \xc3\xa9\n[ a.t ] # x\n\t'\xc3\xa9' = [ \"\xc3\xa9\", 2_0]\n"));
	ck_assert_uint_eq(p.diags.errors, 0);
	table = sn_toml_find(sn_toml_find(p.root, SN_STR("a"))->value, SN_STR("t"));
	ck_assert_uint_eq(table->key_pos.line, 2);
	ck_assert_uint_eq(table->key_pos.column, 5);
	ck_assert_uint_eq(table->value->pos.column, 1);
	ck_assert_uint_eq(table->value->pos.length, strlen("[ a.t ]"));
	entry = sn_toml_find(table->value, SN_STR("\xc3\xa9"));
	ck_assert_uint_eq(entry->key_pos.line, 3);
	ck_assert_uint_eq(entry->key_pos.column, 2);
	ck_assert_uint_eq(entry->key_pos.length, 4);
	ck_assert_uint_eq(entry->value->pos.column, 8);
	ck_assert_uint_eq(entry->value->pos.length, strlen("[ \"\xc3\xa9\", 2_0]"));
	ck_assert_uint_eq(entry->value->array.items[1]->pos.column, 15);
	ck_assert_uint_eq(entry->value->array.items[1]->pos.length, 3);
	ck_assert_ptr_null(sn_toml_find(table->value, SN_STR("e")));
	forget(&p);
}
END_TEST

START_TEST(test_too_many_errors)
{
	struct sn_strbuf text;
	struct parsed p;

	sn_strbuf_init(&text, DUMP_MAX);
	for (int i = 0; i < 5000; i++)
		sn_strbuf_adds(&text, "?\n");
	parse(&p, sn_strbuf_str(&text));
	ck_assert_uint_eq(p.diags.errors, 1001);
	forget(&p);
	sn_strbuf_fini(&text);
}
END_TEST

/* Many keys in one table, many elements in one array: neither is searched from its start. */
START_TEST(test_wide)
{
	const int count = 20000;
	struct sn_strbuf text;
	struct parsed p;

	sn_strbuf_init(&text, DUMP_MAX);
	for (int i = 0; i < count; i++)
		sn_strbuf_addf(&text, "k%d = %d\n", i, i);
	for (int i = 0; i < count; i++)
		sn_strbuf_adds(&text, "[[e]]\n");
	parse(&p, sn_strbuf_str(&text));
	ck_assert_uint_eq(p.diags.errors, 0);
	ck_assert_int_eq(sn_toml_find(p.root, SN_STR("k19999"))->value->integer, 19999);
	ck_assert_uint_eq(sn_toml_find(p.root, SN_STR("e"))->value->array.count, (size_t)count);
	forget(&p);
	sn_strbuf_fini(&text);
}
END_TEST

START_TEST(test_kind_names)
{
	ck_assert_str_eq(sn_toml_kind_name(SN_TOML_STRING), "string");
	ck_assert_str_eq(sn_toml_kind_name(SN_TOML_LOCAL_TIME), "local time");
	ck_assert_str_eq(sn_toml_kind_name(SN_TOML_TABLE), "table");
}
END_TEST

Suite *sn_suite_conf_toml(void)
{
	Suite *suite = suite_create("conf_toml");
	TCase *tc = tcase_create("conf_toml");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_valid, 0, (int)toml_valid_count);
	tcase_add_loop_test(tc, test_invalid, 0, (int)toml_invalid_count);
	tcase_add_test(tc, test_truncated);
	tcase_add_test(tc, test_nesting_limit);
	tcase_add_loop_test(tc, test_nesting_limit_of_names, 0, 4);
	tcase_add_loop_test(
		tc, test_recovery, 0, (int)(sizeof(recoveries) / sizeof(recoveries[0])));
	tcase_add_test(tc, test_positions);
	tcase_add_test(tc, test_too_many_errors);
	tcase_add_test(tc, test_wide);
	tcase_add_test(tc, test_kind_names);
	return suite;
}
