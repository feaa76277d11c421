#include "daemon/service/plugin_host.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/support/certs.h"
#include "tests/support/unit.h"

static struct sn_test_dir dir;
static struct sn_plugins plugins;

static char *at(const char *name)
{
	return sn_asprintf("%s/%s", dir.path, name);
}

static void put(const char *name, const char *text)
{
	char *path = at(name);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	sn_free(path);
}

static void make_folder(const char *name)
{
	char *path = at(name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
	sn_free(path);
}

/* Three folders; what is in them looks like shared objects. */
static void setup(void)
{
	sn_endpoints_init();
	sn_test_dir_make(&dir);
	make_folder("installed");
	make_folder("own");
	make_folder("searched");
	put("installed/b.so", "\177ELF");
	put("installed/a.so", "\177ELF");
	put("installed/.hidden.so", "\177ELF");
	put("installed/README", "Not one of them.");
	put("own/c.so", "\177ELF");
	put("searched/d.so", "no shared object");
	put("alone.so", "\177ELF");
}

static void teardown(void)
{
	sn_plugins_fini(&plugins);
	sn_test_dir_remove(&dir);
}

static void list(const char *conf, const char *search)
{
	char *installed = at("installed"), *path = at("t.toml"), *searched = at(search);
	const struct sn_conf_request request = { .path = path };
	const struct sn_plugin_places places = {
		.request = conf != NULL ? &request : NULL,
		.installed = installed,
		.search = searched,
	};

	if (conf != NULL)
		put("t.toml", conf);
	sn_plugins_list(&places, &plugins);
	sn_free(installed);
	sn_free(path);
	sn_free(searched);
}

static void expect(size_t i, const char *name, const char *refused)
{
	char *path = at(name);

	ck_assert_uint_lt(i, plugins.count);
	ck_assert_str_eq(plugins.items[i].path, path);
	sn_free(path);
	if (refused == NULL) {
		ck_assert_msg(plugins.items[i].refused == NULL, "%s", plugins.items[i].refused);
		return;
	}
	ck_assert_ptr_nonnull(plugins.items[i].refused);
	ck_assert_msg(
		strstr(plugins.items[i].refused, refused) != NULL, "%s", plugins.items[i].refused);
}

START_TEST(folders_alone)
{
	list(NULL, "searched");
	expect(0, "installed/a.so", NULL);
	expect(1, "installed/b.so", NULL);
	expect(2, "searched/d.so", "not a shared object");
	ck_assert_uint_eq(plugins.count, 3);
}
END_TEST

START_TEST(order_of_search)
{
	char *own = at("own"),
	     *conf = sn_asprintf("[server]\nplugins = [\"%s\"]\n"
				 "[plugin.one]\npath = \"alone.so\"\n"
				 "[plugin.two]\npath = \"installed/b.so\"\n"
				 "required = false\n"
				 "[service.unknown_yet]\ncolour = 1\n",
		     own);

	list(conf, "searched");
	expect(0, "alone.so", NULL);
	ck_assert_str_eq(plugins.items[0].table, "one");
	ck_assert(plugins.items[0].required);
	expect(1, "installed/b.so", NULL);
	ck_assert_str_eq(plugins.items[1].table, "two");
	ck_assert(!plugins.items[1].required);
	expect(2, "installed/a.so", NULL);
	ck_assert_ptr_null(plugins.items[2].table);
	expect(3, "own/c.so", NULL);
	expect(4, "searched/d.so", "not a shared object");
	ck_assert_uint_eq(plugins.count, 5);
	sn_free(own);
	sn_free(conf);
}
END_TEST

START_TEST(the_same_file_twice)
{
	char *link = at("own/again.so"), *target = at("installed/a.so"), *own = at("own");
	char *conf = sn_asprintf("[server]\nplugins = [\"%s\", \"%s\"]\n", own, own);

	ck_assert_int_eq(symlink(target, link), 0);
	list(conf, "none");
	ck_assert_uint_eq(plugins.count, 3);
	sn_free(link);
	sn_free(target);
	sn_free(own);
	sn_free(conf);
}
END_TEST

/* In a process of its own, which may go elsewhere. */
START_TEST(paths_become_absolute)
{
	ck_assert_int_eq(chdir(dir.path), 0);
	list("[plugin.one]\npath = \"alone.so\"\n", "none");
	expect(0, "alone.so", NULL);
	sn_plugins_fini(&plugins);
	put("t.toml", "[plugin.one]\npath = \"alone.so\"\n[server]\nplugins = [\"own\"]\n");
	sn_plugins_list(
		&(struct sn_plugin_places){
			.request = &(struct sn_conf_request){ .path = "t.toml" } },
		&plugins);
	expect(0, "alone.so", NULL);
	expect(1, "own/c.so", NULL);
}
END_TEST

START_TEST(what_is_written_down_has_to_be_there)
{
	list("[server]\nplugins = [\"/no/such/folder\"]\n[plugin.gone]\npath = \"gone.so\"\n",
		"none");
	expect(0, "gone.so", "cannot be read: No such file");
	ck_assert_uint_eq(plugins.count, 4);
	ck_assert_str_eq(plugins.items[3].path, "/no/such/folder");
	ck_assert_str_eq(plugins.items[3].refused,
		"no such folder of plugins ([server] plugins): No such file or directory");
}
END_TEST

START_TEST(a_name_of_two_lines)
{
	put("own/a\nb.so", "\177ELF");
	list(NULL, "own");
	expect(2, "own/a\nb.so", "line break");
}
END_TEST

/* What is wrong with a file is for the load that follows; what can be read of it counts. */
START_TEST(a_file_with_mistakes)
{
	list("[plugin.one]\npath = \"alone.so\"\n[server]\nplugins = 5\n[log\n", "none");
	expect(0, "alone.so", NULL);
	ck_assert_uint_eq(plugins.count, 3);
}
END_TEST

START_TEST(a_text_and_a_pipe)
{
	const struct sn_conf_request text = { .text = SN_STR("[plugin.x]\npath = \"/no/x.so\"\n") };
	struct sn_plugin_places places = { .request = &text };
	struct sn_conf_request pipe_request = { 0 };
	int ends[2];
	char *path;

	sn_plugins_list(&places, &plugins);
	ck_assert_uint_eq(plugins.count, 1);
	sn_plugins_fini(&plugins);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "[plugin.x]\n", 11), 11);
	path = sn_asprintf("/dev/fd/%d", ends[0]);
	pipe_request.path = path;
	places.request = &pipe_request;
	sn_plugins_list(&places, &plugins);
	ck_assert_uint_eq(plugins.count, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	sn_free(path);
}
END_TEST

/* A test program is installed nowhere. */
START_TEST(a_program_from_elsewhere_has_no_installed_folder)
{
	struct sn_plugin_places places;
	char mem[SN_PLUGIN_FOLDER_MAX];

	sn_plugin_places_here(NULL, mem, &places);
	ck_assert_ptr_null(places.installed);
	ck_assert_int_eq(places.privileged, geteuid() == 0);
	if (places.privileged)
		ck_assert_ptr_null(places.search);
}
END_TEST

Suite *sn_suite_plugin_places(void);
Suite *sn_suite_plugin_places(void)
{
	Suite *suite = suite_create("service/plugin_places");
	TCase *tc = tcase_create("plugin_places"), *elsewhere = tcase_create("plugin_elsewhere");

	tcase_set_timeout(tc, 60);
	tcase_set_timeout(elsewhere, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, folders_alone);
	tcase_add_test(tc, order_of_search);
	tcase_add_test(tc, the_same_file_twice);
	tcase_add_test(tc, what_is_written_down_has_to_be_there);
	tcase_add_test(tc, a_name_of_two_lines);
	tcase_add_test(tc, a_file_with_mistakes);
	tcase_add_test(tc, a_text_and_a_pipe);
	tcase_add_test(tc, a_program_from_elsewhere_has_no_installed_folder);
	suite_add_tcase(suite, tc);
	tcase_set_tags(elsewhere, "no-valgrind");
	tcase_add_checked_fixture(elsewhere, setup, teardown);
	tcase_add_test(elsewhere, paths_become_absolute);
	suite_add_tcase(suite, elsewhere);
	return suite;
}
