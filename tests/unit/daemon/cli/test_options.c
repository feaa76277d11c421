#include "daemon/cli/options.h"

#include "daemon/base/str.h"
#include "daemon/cli/cli.h"
#include "tests/unit/daemon/cli/runner.h"

struct parsed {
	bool json;
	const char *state;
	const char *words[16];
	size_t count;
};

static int parse(struct parsed *parsed, const char *const *given)
{
	const struct sn_cli_option options[] = {
		{ "json", NULL, &parsed->json, NULL },
		{ "state", "DIR", NULL, &parsed->state },
		{ .name = NULL },
	};
	char *argv[16] = { (char *)"verb" };
	int argc = 1;

	*parsed = (struct parsed){ 0 };
	for (; given[argc - 1] != NULL; argc++)
		argv[argc] = (char *)given[argc - 1];
	return sn_cli_options("verb", options, argc, argv, parsed->words, &parsed->count);
}

START_TEST(in_any_place)
{
	static const char *const rows[][8] = {
		{ "--json", "--state", "/x", "a", "b" },
		{ "a", "--state=/x", "b", "--json" },
		{ "a", "b", "--state", "/y", "--json", "--state", "/x" },
		{ "--json", "--state", "/x", "--", "a", "b" },
	};
	struct parsed parsed;

	ck_assert_int_eq(parse(&parsed, rows[_i]), EX_OK);
	ck_assert(parsed.json);
	ck_assert_str_eq(parsed.state, "/x");
	ck_assert_uint_eq(parsed.count, 2);
	ck_assert_str_eq(parsed.words[0], "a");
	ck_assert_str_eq(parsed.words[1], "b");
}
END_TEST

START_TEST(words_that_look_like_options)
{
	static const char *const given[] = { "-", "--", "--json", "-x", NULL };
	struct parsed parsed;

	ck_assert_int_eq(parse(&parsed, given), EX_OK);
	ck_assert(!parsed.json);
	ck_assert_uint_eq(parsed.count, 3);
	ck_assert_str_eq(parsed.words[0], "-");
	ck_assert_str_eq(parsed.words[1], "--json");
	ck_assert_str_eq(parsed.words[2], "-x");
}
END_TEST

/* As every verb says it. */
static const struct runner_case bad[] = {
	{ { "hash", "--methd", "x" }, EX_USAGE, "",
		"unknown option --methd; did you mean --method?\nTry `sennit hash --help`." },
	{ { "hash", "-m" }, EX_USAGE, "", "unknown option -m" },
	{ { "hash", "--method" }, EX_USAGE, "", "--method needs NAME" },
	{ { "hash", "--password-stdin=x" }, EX_USAGE, "", "--password-stdin takes no value" },
};

START_TEST(bad_options)
{
	runner_check(&bad[_i]);
}
END_TEST

Suite *suite_options(void);
Suite *suite_options(void)
{
	Suite *suite = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_loop_test(tc, in_any_place, 0, 4);
	tcase_add_test(tc, words_that_look_like_options);
	tcase_add_loop_test(tc, bad_options, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
