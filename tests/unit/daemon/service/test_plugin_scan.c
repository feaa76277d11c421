#include "daemon/service/plugin_host.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/service/plugins.h"

#define PATIENCE SN_SEC(60) /* nothing here waits for its end */

/* The child process is this program again. */
__attribute__((constructor)) static void play_role(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "@scan") != 0)
		return;
	sn_endpoints_init();
	sn_checkers_init();
	_exit(sn_plugins_scan_main(argc, argv));
}

/* One file, alone. */
static const struct {
	const char *name, *refused; /* NULL: not at all */
} cases[] = {
	{ "good", NULL },
	{ "older", NULL },
	{ "bad_row", "exactly one of SINGLE and SHARDED" },
	{ "init_crashes", "crashed in its init (Aborted)" },
	{ "init_fails", "its init failed: the moon is not full" },
	{ "load_crashes", "crashed while it was being loaded (Aborted)" },
	{ "load_exits", "ended the process while it was being loaded (exit status 7)" },
	{ "newer_interface", "needs sennit.service/1.99, this program has sennit.service/1.1" },
	{ "newer_minor", "needs plugin ABI 1.1, this program has 1.0: it needs a newer sennit" },
	{ "no_descriptor", "not a plugin of sennit (it exports no sn_plugin_abi1)" },
	{ "no_id", "lacks id" },
	{ "other_conn", "built where struct sn_conn has " },
	{ "other_interface", "implements sennit.service/2, this program has sennit.service/1" },
	{ "other_major", "built for plugin ABI 2, this program has 1: rebuild it" },
	{ "undefined_symbol", "undefined symbol: sn_function_of_tomorrow (this program has none" },
	{ "unknown_interface", "implements sennit.kitchen/1, which this program does not know" },
	{ "writes_elsewhere", "wrote to a descriptor that is not its own" },
	{ "wrong_magic", "is no descriptor (wrong magic number)" },
	{ "wrong_size", "its descriptor says 16 bytes and has " },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

START_TEST(one_by_one)
{
	struct sn_plugins plugins = { 0 };

	plugins_add(&plugins, cases[_i].name);
	sn_plugins_scan(&plugins, PATIENCE);
	plugins_expect(&plugins.items[0], cases[_i].refused);
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(what_a_good_one_says)
{
	struct sn_plugins plugins = { 0 };

	plugins_add(&plugins, "good");
	sn_plugins_scan(&plugins, PATIENCE);
	ck_assert_str_eq(plugins.items[0].id, "org.example.good");
	ck_assert_str_eq(plugins.items[0].version, "1.0");
	ck_assert_str_eq(plugins.items[0].license, "MIT");
	ck_assert_str_eq(plugins.items[0].kinds, "service good");
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(one_that_hangs)
{
	struct sn_plugins plugins = { 0 };

	plugins_add(&plugins, "load_hangs");
	plugins_add(&plugins, "good");
	sn_plugins_scan(&plugins, SN_MS(3000));
	plugins_expect(&plugins.items[0], "hung while it was being loaded (no end after 3000 ms)");
	plugins_expect(&plugins.items[1], NULL);
	sn_plugins_fini(&plugins);
}
END_TEST

/* Each time one dies the others are seen again: what is refused is what is broken. */
START_TEST(all_together)
{
	struct sn_plugins plugins = { 0 };

	for (size_t i = 0; i < CASES; i++)
		plugins_add(&plugins, cases[i].name);
	plugins_add(&plugins, "same_id");
	plugins_add(&plugins, "same_service");
	sn_plugins_scan(&plugins, PATIENCE);
	for (size_t i = 0; i < CASES; i++)
		plugins_expect(&plugins.items[i], cases[i].refused);
	plugins_expect(&plugins.items[CASES], "its id org.example.good is that of ");
	plugins_expect(&plugins.items[CASES + 1], "there is a service \"good\" already");
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(refused_ones_are_not_tried)
{
	struct sn_plugins plugins = { 0 };

	plugins_add(&plugins, "good");
	sn_plugin_refuse(&plugins.items[0], "for a reason");
	sn_plugins_scan(&plugins, PATIENCE);
	ck_assert_str_eq(plugins.items[0].refused, "for a reason");
	ck_assert_ptr_null(plugins.items[0].id);
	sn_plugins_fini(&plugins);
}
END_TEST

START_TEST(nothing_to_look_at)
{
	struct sn_plugins plugins = { 0 };

	sn_plugins_scan(&plugins, PATIENCE);
	ck_assert_uint_eq(plugins.count, 0);
}
END_TEST

Suite *sn_suite_plugin_scan(void);
Suite *sn_suite_plugin_scan(void)
{
	Suite *suite = suite_create("service/plugin_scan");
	TCase *tc = tcase_create("plugin_scan");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, one_by_one, 0, (int)CASES);
	tcase_add_test(tc, what_a_good_one_says);
	tcase_add_test(tc, one_that_hangs);
	tcase_add_test(tc, all_together);
	tcase_add_test(tc, refused_ones_are_not_tried);
	tcase_add_test(tc, nothing_to_look_at);
	suite_add_tcase(suite, tc);
	return suite;
}
