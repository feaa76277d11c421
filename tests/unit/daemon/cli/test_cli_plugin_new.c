#include <stdio.h>

#include "tests/unit/daemon/cli/runner.h"

#define NAME_32 "a2345678901234567890123456789012"

static const struct runner_case cases[] = {
	{ { "plugin", "new" }, EX_USAGE, "", "new needs NAME and KIND" },
	{ { "plugin", "new", "x" }, EX_USAGE, "", "new needs NAME and KIND" },
	{ { "plugin", "new", "x", "service", "y" }, EX_USAGE, "", "new needs NAME and KIND" },
	{ { "plugin", "new", "x", "bus" }, EX_USAGE, "",
		"\"bus\" is no kind of plugin: service, endpoint or checker" },
	{ { "plugin", "new", "X", "service" }, EX_USAGE, "", "\"X\" is no name for a plugin" },
	{ { "plugin", "new", "1x", "service" }, EX_USAGE, "", "is no name" },
	{ { "plugin", "new", "", "service" }, EX_USAGE, "", "is no name" },
	{ { "plugin", "new", "a/b", "service" }, EX_USAGE, "", "is no name" },
	{ { "plugin", "new", "..", "service" }, EX_USAGE, "", "is no name" },
	{ { "plugin", "new", NAME_32 "3", "service" }, EX_USAGE, "", "at most 32" },
	{ { "plugin", "new", NAME_32, "service" }, EX_OK, "once installed: sennit a2345", "" },
	{ { "plugin", "new", "x_2", "endpoint" }, EX_OK,
		"x_2/x_2.c is endpoint types; once installed: --listen x_2:PORT\n"
		"Next: cd x_2 && make check, then edit x_2.c\n",
		"" },
	{ { "plugin", "new", "taken", "checker" }, EX_CANTCREAT, "",
		"cannot make the folder taken: File exists" },
};

static void setup(void)
{
	runner_setup();
	runner_write("taken", "not a folder");
}

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

/* All of a file in the folder, in static memory. */
static const char *text_of(const char *name)
{
	static char text[65536];
	char path[256];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", runner_dir.path, name);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s", path);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	ck_assert_int_eq(fclose(file), 0);
	return text;
}

static const struct {
	const char *kind, *code, *conf;
} kinds[] = {
	{ "service", "SN_PLUGIN_SERVICE(", "[service.mine]\n" },
	{ "endpoint", "SN_PLUGIN_ENDPOINT(", "listen = \"mine:6667\"\n" },
	{ "checker", "SN_PLUGIN_CHECKER(", "auth = \"mine:" },
};

START_TEST(every_mark_is_replaced)
{
	const char *const words[] = { "plugin", "new", "mine", kinds[_i].kind, NULL };

	ck_assert_int_eq(runner_run(words), EX_OK);
	ck_assert_ptr_nonnull(strstr(text_of("mine/mine.c"), kinds[_i].code));
	ck_assert_ptr_nonnull(strstr(text_of("mine/mine.c"), "SN_PLUGIN(\"org.example.mine\", "));
	ck_assert_ptr_nonnull(
		strstr(text_of("mine/mine.toml"), "[plugin.mine]\npath = \"mine.so\"\n"));
	ck_assert_ptr_nonnull(strstr(text_of("mine/mine.toml"), kinds[_i].conf));
	ck_assert_ptr_nonnull(strstr(text_of("mine/Makefile"), "\nNAME = mine\n"));
	ck_assert_ptr_nonnull(strstr(text_of("mine/Makefile"), "\n\t$(CC) $(PLUGIN_CFLAGS) "));
	ck_assert_ptr_null(strstr(text_of("mine/mine.c"), "@NAME@"));
	ck_assert_ptr_null(strstr(text_of("mine/mine.toml"), "@NAME@"));
	ck_assert_ptr_null(strstr(text_of("mine/Makefile"), "@NAME@"));
}
END_TEST

Suite *sn_suite_cli_plugin_new(void);
Suite *sn_suite_cli_plugin_new(void)
{
	Suite *suite = suite_create("cli/plugin_new");
	TCase *tc = tcase_create("cli_plugin_new");

	tcase_add_checked_fixture(tc, setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(tc, every_mark_is_replaced, 0, (int)(sizeof(kinds) / sizeof(kinds[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
