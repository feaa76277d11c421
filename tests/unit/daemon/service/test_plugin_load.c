#include "daemon/service/plugin_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/service/registry.h"
#include "tests/support/certs.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/service/plugins.h"

START_TEST(good_ones_are_registered)
{
	struct sn_plugins plugins = { 0 };

	plugins_add(&plugins, "good");
	plugins_add(&plugins, "init_fails");
	plugins_add(&plugins, "older");
	sn_plugin_refuse(&plugins.items[2], "not now");
	ck_assert_uint_eq(sn_plugins_load(&plugins), 1);
	ck_assert_ptr_nonnull(sn_registry_find(SN_STR("good")));
	ck_assert_ptr_null(sn_registry_find(SN_STR("older")));
	plugins_expect(&plugins.items[0], NULL);
	plugins_expect(&plugins.items[1], "its init failed: the moon is not full");
	/* A reload names it again. */
	ck_assert_uint_eq(sn_plugins_load(&plugins), 1);
	sn_plugins_fini(&plugins);
}
END_TEST

/* What the headers of its time did not have is absent, whatever lies behind its row. */
START_TEST(an_older_row_is_widened)
{
	struct sn_plugins plugins = { 0 };
	const struct sn_service *service;

	plugins_add(&plugins, "older");
	ck_assert_uint_eq(sn_plugins_load(&plugins), 1);
	service = sn_registry_find(SN_STR("older"));
	ck_assert_ptr_nonnull(service);
	ck_assert_uint_eq(service->size, sizeof(*service));
	ck_assert_ptr_null(service->default_group);
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(one_line_for_each_refused_one)
{
	struct sn_plugins plugins = { 0 };
	struct sn_conf_diags diags;
	struct sn_strbuf out;

	plugins_add(&plugins, "good");
	plugins_add(&plugins, "wrong_magic");
	plugins_add(&plugins, "init_fails");
	plugins.items[2].table = sn_strdup("moon");
	plugins.items[2].required = true;
	(void)sn_plugins_load(&plugins);
	sn_conf_diags_init(&diags);
	sn_plugins_report(&plugins, &diags);
	ck_assert_uint_eq(diags.warnings, 1);
	ck_assert_uint_eq(diags.errors, 1);
	sn_strbuf_init(&out, 1 << 16);
	sn_conf_diags_print(&diags, &out, false);
	ck_assert_ptr_nonnull(
		strstr(sn_strbuf_cstr(&out), "wrong_magic.so refused: its sn_plugin_abi1"));
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&out),
		"init_fails.so refused: its init failed: the moon is not full (required by "
		"[plugin.moon])"));
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&diags);
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(another_process_loads_what_was_written)
{
	struct sn_plugins plugins = { 0 };
	struct sn_diag diag = { 0 };
	struct sn_strbuf out;

	plugins_add(&plugins, "good");
	plugins_add(&plugins, "older");
	sn_plugin_refuse(&plugins.items[1], "not now");
	sn_strbuf_init(&out, 1 << 16);
	sn_plugins_write(&plugins, &out);
	sn_strbuf_adds(&out, "[server]\n# plugin /of/a/comment\n");
	ck_assert_int_eq(sn_plugins_load_written(sn_strbuf_str(&out), &diag), SN_OK);
	ck_assert_ptr_nonnull(sn_registry_find(SN_STR("good")));
	ck_assert_ptr_null(sn_registry_find(SN_STR("older")));
	ck_assert_int_eq(sn_plugins_load_written(sn_strbuf_str(&out), &diag), SN_OK);
	ck_assert_int_eq(sn_plugins_load_written(SN_STR("# plugin /no/such.so\n"), &diag), SN_EABI);
	ck_assert_ptr_nonnull(strstr(diag.text, "plugin /no/such.so: cannot be loaded"));
	ck_assert_int_eq(sn_plugins_load_written(SN_STR(""), &diag), SN_OK);
	sn_strbuf_fini(&out);
	sn_plugins_fini(&plugins);
}
END_TEST

/* --- files ---------------------------------------------------------------------------------- */

static struct sn_test_dir dir;

static void setup(void)
{
	sn_test_dir_make(&dir);
}

static void teardown(void)
{
	sn_test_dir_remove(&dir);
}

static char *put(const char *name, const char *text, mode_t mode)
{
	char *path = sn_asprintf("%s/%s", dir.path, name);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void expect_file(const char *path, bool privileged, const char *text)
{
	struct sn_diag diag = { 0 };
	const int code = sn_plugin_file_check(path, privileged, &diag);

	if (text == NULL) {
		ck_assert_msg(code == SN_OK, "%s", diag.text);
		return;
	}
	ck_assert_int_lt(code, 0);
	ck_assert_msg(strstr(diag.text, text) != NULL, "%s", diag.text);
}

START_TEST(files_that_are_no_plugins)
{
	char *script = put("script.so", "#!/bin/sh\n", 0755), *empty = put("empty.so", "", 0644);

	expect_file("/no/such.so", false, "cannot be read: No such file");
	expect_file(dir.path, false, "not a plain file");
	expect_file(script, false, "not a shared object");
	expect_file(empty, false, "not a shared object");
	sn_free(script);
	sn_free(empty);
}
END_TEST

/* Only for a privileged process: another user runs what is theirs. */
START_TEST(files_of_others)
{
	char *plugin = put("a.so", "\177ELF", 0644);

	expect_file(plugin, false, NULL);
	expect_file(plugin, true, geteuid() == 0 ? NULL : "run as root, plugins must be root's");
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(plugin, 0666), 0);
		expect_file(plugin, true, "anybody may write to it: chmod o-w ");
		ck_assert_int_eq(chmod(plugin, 0644), 0);
		ck_assert_int_eq(chmod(dir.path, 0777), 0);
		expect_file(plugin, true, "anybody may put files into its folder: chmod o-w ");
		ck_assert_int_eq(chmod(dir.path, 01777), 0);
		expect_file(plugin, true, NULL);
		ck_assert_int_eq(chown(plugin, 4711, 4711), 0);
		expect_file(plugin, true, "it belongs to user 4711");
	}
	ck_assert_int_eq(chmod(plugin, 0666), 0);
	expect_file(plugin, false, NULL);
	sn_free(plugin);
}
END_TEST

Suite *sn_suite_plugin_load(void);
Suite *sn_suite_plugin_load(void)
{
	Suite *suite = suite_create("service/plugin_load");
	TCase *load = tcase_create("plugin_load"), *files = tcase_create("plugin_files");

	tcase_set_timeout(load, 60);
	tcase_set_timeout(files, 60);
	/* What is loaded stays: each test needs a process of its own. */
	tcase_set_tags(load, "no-valgrind");
	tcase_add_test(load, good_ones_are_registered);
	tcase_add_test(load, an_older_row_is_widened);
	tcase_add_test(load, one_line_for_each_refused_one);
	tcase_add_test(load, another_process_loads_what_was_written);
	suite_add_tcase(suite, load);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(files, files_that_are_no_plugins);
	tcase_add_test(files, files_of_others);
	suite_add_tcase(suite, files);
	return suite;
}
