#include "tests/unit/daemon/cli/runner.h"

#define IMPORT "import", "accounts", "in", "--state", "st"

static int import_text(const char *text, const char *option)
{
	const char *const words[] = { IMPORT, option, NULL };

	runner_write("in", text);
	return runner_run(words);
}

static const char *names(void)
{
	static const char *const words[] = { "export", "accounts", "--state", "st", NULL };
	static char text[1000];
	const char *at;
	size_t n = 0;

	ck_assert_int_eq(runner_run(words), EX_OK);
	for (at = runner_out(); (at = strstr(at, "\"name\":\"")) != NULL;) {
		at += 8;
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%.*s ", (int)strcspn(at, "\""), at);
	}
	text[n] = '\0';
	return text;
}

START_TEST(all_of_them)
{
	ck_assert_int_eq(import_text("{\"name\":\"bob\"}\n\n  {\"name\":\"alice\"}", NULL), EX_OK);
	ck_assert_str_eq(runner_out(), "2 accounts imported\n");
	ck_assert_str_eq(names(), "alice bob ");
}
END_TEST

START_TEST(every_bad_line_and_nothing_else)
{
	ck_assert_int_eq(import_text("{\"name\":\"alice\"}\n"
				     "{\"name\":\n"
				     "{\"name\":\"a b\"}\n"
				     "{\"name\":\"bob\",\"crypt\":\"plain\"}\n"
				     "{\"name\":\"Alice\"}\n"
				     "{\"name\":\"carol\",\"roles\":[\"x y\"]}\n"
				     "{\"name\":\"dave\",\"name\":\"eve\"}\n",
				 NULL),
		EX_DATAERR);
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:2:"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:3: error: an account name has"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:4: error: this is neither"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:5: error: account \"Alice\" stands in an"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:6: error: a role's name"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:7:"));
	ck_assert_ptr_nonnull(strstr(runner_err(), "in: 6 bad lines; nothing was imported"));
	ck_assert_str_eq(names(), "");
}
END_TEST

START_TEST(keep_going_takes_the_good_ones)
{
	ck_assert_int_eq(
		import_text("{\"name\":\"alice\"}\n{}\n{\"name\":\"bob\"}\n", "--keep-going"),
		EX_DATAERR);
	ck_assert_ptr_nonnull(strstr(runner_err(), "in:2: error: there is no \"name\""));
	ck_assert_str_eq(names(), "alice bob ");
}
END_TEST

START_TEST(update_replaces)
{
	ck_assert_int_eq(import_text("{\"name\":\"alice\"}\n", NULL), EX_OK);
	ck_assert_int_eq(
		import_text("{\"name\":\"ALICE\"}\n{\"name\":\"bob\"}\n", NULL), EX_DATAERR);
	ck_assert_ptr_nonnull(
		strstr(runner_err(), "in:1: error: account \"ALICE\" exists already"));
	ck_assert_str_eq(names(), "alice ");
	ck_assert_int_eq(
		import_text("{\"name\":\"ALICE\"}\n{\"name\":\"bob\"}\n", "--update"), EX_OK);
	ck_assert_str_eq(names(), "ALICE bob ");
}
END_TEST

static const struct runner_case bad[] = {
	{ { "import" }, EX_USAGE, "", "import what? sennit import accounts FILE" },
	{ { "import", "accounts" }, EX_USAGE, "", "import what?" },
	{ { "import", "accounts", "none", "--state", "st" }, EX_NOINPUT, "",
		"none: cannot be read: No such file" },
	{ { "import", "accounts", ".", "--state", "st" }, EX_NOINPUT, "",
		".: cannot be read: Is a directory" },
	{ { "import", "accounts", "-", "--state", "st" }, EX_OK, "0 accounts imported\n", "" },
};

START_TEST(bad_words)
{
	runner_check(&bad[_i]);
}
END_TEST

Suite *suite_cli_import(void);
Suite *suite_cli_import(void)
{
	Suite *suite = suite_create("cli_import");
	TCase *tc = tcase_create("cli_import");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, all_of_them);
	tcase_add_test(tc, every_bad_line_and_nothing_else);
	tcase_add_test(tc, keep_going_takes_the_good_ones);
	tcase_add_test(tc, update_replaces);
	tcase_add_loop_test(tc, bad_words, 0, sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(suite, tc);
	return suite;
}
