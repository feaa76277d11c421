#include "config/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_tree(void);

static struct fixture f;
static char folder[256];

static void set_up(void)
{
	(void)folder_new(folder, sizeof(folder));
	ck_assert_int_eq(mkdir(folder_path(folder, "conf.d"), 0700), 0);
}

static void tear_down(void)
{
	fixture_fini(&f);
	folder_remove(folder);
}

static void load(const char *name)
{
	const struct sn_conf_request request = { .schema = &small_schema,
		.path = folder_path(folder, name) };

	fixture_load(&f, &request);
}

static const struct every_conf *every(void)
{
	return sn_conf_plain(f.conf, "every");
}

/* The report, which names the folder wherever a file is named. */
static void expect_report(const char *fmt)
{
	struct sn_strbuf want;
	struct sn_str rest = sn_str(fmt), part;

	sn_strbuf_init(&want, 1 << 16);
	for (bool first = true; sn_str_split(&rest, '@', &part); first = false) {
		sn_strbuf_adds(&want, first ? "" : folder);
		sn_strbuf_add(&want, part);
	}
	fixture_expect_report(&f, sn_strbuf_cstr(&want));
	sn_strbuf_fini(&want);
}

START_TEST(test_no_such_file)
{
	load("a.toml");
	expect_report("@/a.toml: error: cannot be read: No such file or directory\n");
}
END_TEST

START_TEST(test_folder)
{
	load("conf.d");
	expect_report("@/conf.d: error: cannot be read: Is a directory\n");
}
END_TEST

START_TEST(test_include)
{
	folder_write(folder, "a.toml", "include = ['b.toml', 'conf.d/*.toml']\n[service.echo]\n");
	folder_write(folder, "b.toml", "[every]\nmotd = 'motd.txt'\n");
	folder_write(folder, "conf.d/20.toml", "[service.two]\ntype = 'chat'\n");
	folder_write(folder, "conf.d/10.toml", "[service.chat]\nmotd = 'm'\n");
	folder_write(folder, "conf.d/30.off", "?\n");
	load("a.toml");
	fixture_expect_clean(&f);
	ck_assert_str_view(every()->motd, folder_path(folder, "motd.txt"));
	ck_assert_str_view(sn_conf_named_at(f.conf, "service", 0)->name, "echo");
	ck_assert_str_view(sn_conf_named_at(f.conf, "service", 1)->name, "chat");
	ck_assert_str_view(sn_conf_named_at(f.conf, "service", 2)->name, "two");
	ck_assert_str_view(
		((const struct chat_conf *)sn_conf_named_at(f.conf, "service", 1)->settings)->motd,
		folder_path(folder, "conf.d/m"));
}
END_TEST

START_TEST(test_include_of_an_include)
{
	folder_write(folder, "a.toml", "include = 'conf.d/b.toml'\n");
	folder_write(folder, "conf.d/b.toml", "include = '../c.toml'\n");
	folder_write(folder, "c.toml", "[every]\nname = 'c'\n");
	load("a.toml");
	fixture_expect_clean(&f);
	ck_assert_str_view(every()->name, "c");
}
END_TEST

START_TEST(test_include_faults)
{
	folder_write(folder, "a.toml",
		"include = ['b.toml', 5, '', 'conf.d/*.none', 'c.toml', 'a.toml']\n[every]\n");
	folder_write(folder, "c.toml", "[every]\nname = 1\n");
	load("a.toml");
	expect_report(
		"@/a.toml:1:12: error: @/b.toml cannot be read: No such file or directory\n"
		"  1 | include = ['b.toml', 5, '', 'conf.d/*.none', 'c.toml', 'a.toml']\n"
		"    |            ^~~~~~~~\n"
		"@/a.toml:1:22: error: \"include\" takes paths in quotes, found integer\n"
		"  1 | include = ['b.toml', 5, '', 'conf.d/*.none', 'c.toml', 'a.toml']\n"
		"    |                      ^\n"
		"@/a.toml:1:25: error: \"include\" takes paths in quotes, found a string that "
		"is none\n"
		"  1 | include = ['b.toml', 5, '', 'conf.d/*.none', 'c.toml', 'a.toml']\n"
		"    |                         ^~\n"
		"@/a.toml:1:56: error: @/a.toml is included already\n"
		"  1 | include = ['b.toml', 5, '', 'conf.d/*.none', 'c.toml', 'a.toml']\n"
		"    |                                                        ^~~~~~~~\n"
		"@/c.toml:1:2: error: \"every\" is in @/a.toml already (line 2); a table is "
		"written in one file only\n"
		"  1 | [every]\n"
		"    |  ^~~~~\n");
}
END_TEST

START_TEST(test_one_service_in_two_files)
{
	folder_write(folder, "a.toml", "include = 'b.toml'\n[service.chat]\n");
	folder_write(folder, "b.toml", "[service.echo]\n[service.chat]\n");
	load("a.toml");
	expect_report("@/b.toml:2:10: error: \"chat\" is in @/a.toml already (line 2); a table is "
		      "written in one file only\n"
		      "  2 | [service.chat]\n"
		      "    |          ^~~~\n");
}
END_TEST

START_TEST(test_include_depth)
{
	char name[32], text[64];

	for (int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "%d.toml", i);
		(void)snprintf(text, sizeof(text), "include = '%d.toml'\n", i + 1);
		folder_write(folder, name, text);
	}
	load("0.toml");
	expect_report("@/8.toml:1:11: error: files include one another more than 8 deep\n"
		      "  1 | include = '9.toml'\n"
		      "    |           ^~~~~~~~\n");
}
END_TEST

/* Problems of all files in one run, those of an included one under its own name. */
START_TEST(test_faults_of_all_files)
{
	folder_write(folder, "a.toml", "include = 'b.toml'\nx\n");
	folder_write(folder, "b.toml", "y\n");
	load("a.toml");
	expect_report("@/a.toml:2:2: error: expected '=' after the key, found the end of the line\n"
		      "  2 | x\n    |  ^\n"
		      "@/b.toml:1:2: error: expected '=' after the key, found the end of the line\n"
		      "  1 | y\n    |  ^\n");
}
END_TEST

START_TEST(test_environment)
{
	ck_assert_int_eq(setenv("SN_TEST_NAME", "value", 1), 0);
	ck_assert_int_eq(setenv("SN_TEST_EMPTY", "", 1), 0);
	fixture_text(&f,
		"[every]\nname = 'a${SN_TEST_NAME}b$$c'\n"
		"words = ['$', '$x $$$$ $$', '${SN_TEST_EMPTY}']\n"
		"[service.\"${SN_TEST_NAME}\"]\ntype = 'echo'\n");
	fixture_expect_clean(&f);
	ck_assert_str_view(every()->name, "avalueb$c");
	ck_assert_str_view(every()->words.items[0], "$");
	ck_assert_str_view(every()->words.items[1], "$x $$ $");
	ck_assert_str_view(every()->words.items[2], "");
	ck_assert_str_view(sn_conf_named_at(f.conf, "service", 0)->name, "${SN_TEST_NAME}");
}
END_TEST

/* A value is text, whatever it looks like: no quotes, no second expansion. */
START_TEST(test_environment_is_text)
{
	ck_assert_int_eq(setenv("SN_TEST_NAME", "\"${X}$$\\n", 1), 0);
	fixture_text(&f, "[every]\nname = \"${SN_TEST_NAME}\"\n");
	fixture_expect_clean(&f);
	ck_assert_str_view(every()->name, "\"${X}$$\\n");
}
END_TEST

START_TEST(test_environment_in_include)
{
	ck_assert_int_eq(setenv("SN_TEST_NAME", "conf.d", 1), 0);
	folder_write(folder, "a.toml", "include = '${SN_TEST_NAME}/b.toml'\n");
	folder_write(folder, "conf.d/b.toml", "[every]\nname = 'b'\n");
	load("a.toml");
	fixture_expect_clean(&f);
	ck_assert_str_view(every()->name, "b");
}
END_TEST

static const struct {
	const char *text, *report;
} environment_faults[] = {
	{ "[every]\nname = 'a${SN_TEST_NONE}'\n",
		"configuration:2:10: error: this environment variable is not set\n"
		"  2 | name = 'a${SN_TEST_NONE}'\n    |          ^~~~~~~~~~~~~~~\n" },
	{ "[every]\nname = 'a${'\n",
		"configuration:2:10: error: ${NAME} takes a variable's name (a dollar sign itself is "
		"$$)\n"
		"  2 | name = 'a${'\n    |          ^~\n" },
	{ "[every]\nname = '${}'\n",
		"configuration:2:9: error: ${NAME} takes a variable's name (a dollar sign itself is "
		"$$)\n"
		"  2 | name = '${}'\n    |         ^~~\n" },
	{ "[every]\nname = '${9 x}'\n",
		"configuration:2:9: error: ${NAME} takes a variable's name (a dollar sign itself is "
		"$$)\n"
		"  2 | name = '${9 x}'\n    |         ^~~~~~\n" },
	{ "[every]\nname = '${SN_TEST_LATIN1}'\n",
		"configuration:2:9: error: this environment variable is not valid UTF-8\n"
		"  2 | name = '${SN_TEST_LATIN1}'\n    |         ^~~~~~~~~~~~~~~~~\n" },
};

START_TEST(test_environment_faults)
{
	ck_assert_int_eq(unsetenv("SN_TEST_NONE"), 0);
	ck_assert_int_eq(setenv("SN_TEST_LATIN1", "\xe9", 1), 0);
	fixture_text(&f, environment_faults[_i].text);
	ck_assert_msg(
		sn_str_starts(sn_strbuf_str(&f.report), sn_str(environment_faults[_i].report)),
		"%s", sn_strbuf_cstr(&f.report));
	ck_assert_int_eq(f.result, SN_ECONFIG);
}
END_TEST

Suite *sn_suite_conf_tree(void)
{
	Suite *suite = suite_create("conf_tree");
	TCase *tc = tcase_create("conf_tree");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_no_such_file);
	tcase_add_test(tc, test_folder);
	tcase_add_test(tc, test_include);
	tcase_add_test(tc, test_include_of_an_include);
	tcase_add_test(tc, test_include_faults);
	tcase_add_test(tc, test_one_service_in_two_files);
	tcase_add_test(tc, test_include_depth);
	tcase_add_test(tc, test_faults_of_all_files);
	tcase_add_test(tc, test_environment);
	tcase_add_test(tc, test_environment_is_text);
	tcase_add_test(tc, test_environment_in_include);
	tcase_add_loop_test(tc, test_environment_faults, 0,
		(int)(sizeof(environment_faults) / sizeof(environment_faults[0])));
	return suite;
}
