#include "config/conf_schema.h"

#include <stdio.h>

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

#define BASE "[every]\n"

/* Each row of [every], changed alone. */
static const struct {
	const char *line, *key;
} lines[] = {
	{ "name = \"other\"\n", "name" },
	{ "motd = \"other\"\n", "motd" },
	{ "password = \"other\"\n", "password" },
	{ "open = false\n", "open" },
	{ "limit = 7\n", "limit" },
	{ "timeout = \"7s\"\n", "timeout" },
	{ "buffer = \"7KiB\"\n", "buffer" },
	{ "mode = \"fast\"\n", "mode" },
	{ "words = [\"a\", \"b\"]\n", "words" },
	{ "listen = [\"tcp:7\"]\n", "listen" },
	{ "peers = [\"tcp:x:7\"]\n", "peers" },
};

static struct {
	const char *key;
	unsigned count;
} heard;

static void hear(void *context, const struct sn_conf_item *item)
{
	ck_assert_ptr_eq(context, &heard);
	heard.key = item->key;
	heard.count++;
}

static unsigned compare(const struct fixture *a, const struct fixture *b)
{
	memset(&heard, 0, sizeof(heard));
	return sn_conf_changes(&every_section, sn_conf_plain(a->conf, "every"),
		sn_conf_plain(b->conf, "every"), hear, &heard);
}

START_TEST(one_row_differs)
{
	char text[200];
	struct fixture a, b;

	(void)snprintf(text, sizeof(text), BASE "%s", lines[_i].line);
	fixture_text(&a, BASE);
	fixture_text(&b, text);
	fixture_expect_clean(&a);
	fixture_expect_clean(&b);
	ck_assert_uint_ne(compare(&a, &b), 0);
	ck_assert_uint_eq(heard.count, 1);
	ck_assert_str_eq(heard.key, lines[_i].key);
	ck_assert_uint_eq(compare(&b, &b), 0);
	fixture_fini(&a);
	fixture_text(&a, text); /* another load of the same */
	ck_assert_uint_eq(compare(&a, &b), 0);
	fixture_fini(&a);
	fixture_fini(&b);
}
END_TEST

static const struct sn_conf_item items[] = {
	{ "live", SN_CONF_INT, 0, .reload = SN_RELOAD_LIVE, .doc = "x" },
	{ "process", SN_CONF_INT, 8, .reload = SN_RELOAD_PROCESS, .doc = "x" },
};

START_TEST(scopes_are_bits)
{
	static const struct sn_conf_section section = { .items = items, .count = 2, .size = 16 };
	const int64_t a[2] = { 1, 2 }, b[2] = { 1, 3 }, c[2] = { 2, 3 };

	ck_assert_uint_eq(sn_conf_changes(&section, a, b, NULL, NULL), 1u << SN_RELOAD_PROCESS);
	ck_assert_uint_eq(sn_conf_changes(&section, a, c, NULL, NULL),
		1u << SN_RELOAD_PROCESS | 1u << SN_RELOAD_LIVE);
}
END_TEST

Suite *sn_suite_conf_changes(void);
Suite *sn_suite_conf_changes(void)
{
	Suite *suite = suite_create("config/conf_changes");
	TCase *tc = tcase_create("conf_changes");

	tcase_add_loop_test(tc, one_row_differs, 0, (int)(sizeof(lines) / sizeof(lines[0])));
	tcase_add_test(tc, scopes_are_bits);
	suite_add_tcase(suite, tc);
	return suite;
}
