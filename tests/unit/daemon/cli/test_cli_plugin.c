#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/runner.h"

/* One that is good, one that is not. */
static void setup(void)
{
	const char *build = getenv("SN_BUILDDIR");
	char text[1024];

	runner_setup();
	for (int required = 0; required < 2; required++) {
		(void)snprintf(text, sizeof(text),
			"[plugin.fine]\npath = \"%s/tests/plugins/good.so\"\n"
			"[plugin.wrong]\npath = \"%s/tests/plugins/wrong_magic.so\"\n"
			"required = %s\n"
			"[service.good]\nlisten = \"tcp:0:interface=127.0.0.1\"\n",
			build != NULL ? build : ".", build != NULL ? build : ".",
			required ? "true" : "false");
		runner_write(required ? "strict.toml" : "lax.toml", text);
	}
	runner_write("odd.toml", "[plugin.odd]\npath = \"a \\\"b\\\".so\"\n");
}

static const struct runner_case cases[] = {
	{ { "plugin" }, EX_USAGE, "", "plugin what? list, or new NAME KIND" },
	{ { "plugin", "remove" }, EX_USAGE, "", "plugin what?" },
	{ { "plugin", "--help" }, EX_OK, "Usage: sennit plugin list [--json] [FILE]", "" },
	{ { "plugin", "list" }, EX_OK, "No plugins. `sennit plugin new NAME service` begins one.\n",
		"" },
	{ { "plugin", "list", "--json" }, EX_OK, "[]\n", "" },
	{ { "plugin", "list", "--all" }, EX_USAGE, "", "unexpected \"--all\"" },
	{ { "plugin", "list", "a", "b" }, EX_USAGE, "", "unexpected \"b\"" },
	{ { "plugin", "list", "none.toml" }, EX_NOINPUT, "", "none.toml: cannot be read" },
	{ { "plugin", "list", "lax.toml" }, EX_OK, "org.example.good  1.0", "" },
	{ { "plugin", "list", "lax.toml" }, EX_OK, "refused: its sn_plugin_abi1 is no descriptor",
		"" },
	{ { "plugin", "list", "--json", "lax.toml" }, EX_OK,
		"\"id\": \"org.example.good\", \"version\": \"1.0\", \"license\": \"MIT\", "
		"\"kinds\": [\"service good\"], \"required\": true, \"refused\": null},\n {",
		"" },
	{ { "plugin", "list", "--json", "lax.toml" }, EX_OK,
		"\"id\": null, \"version\": null, \"license\": null, \"kinds\": [], "
		"\"required\": false, \"refused\": \"its sn_plugin_abi1 is no descriptor",
		"" },
	{ { "plugin", "list", "--json", "odd.toml" }, EX_OK, "a \\\"b\\\".so\", ", "" },
	{ { "check", "lax.toml" }, EX_OK, "lax.toml: fine, 1 service\n",
		"wrong_magic.so refused: its sn_plugin_abi1 is no descriptor" },
	{ { "check", "strict.toml" }, EX_CONFIG, "", "(required by [plugin.wrong]), strict.toml:" },
	{ { "run", "strict.toml" }, EX_CONFIG, "", "(required by [plugin.wrong]), strict.toml:" },
	{ { "@scan", "a.so" }, EX_USAGE, "", "not a command" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

Suite *sn_suite_cli_plugin(void);
Suite *sn_suite_cli_plugin(void)
{
	Suite *suite = suite_create("cli/plugin");
	TCase *tc = tcase_create("cli_plugin");

	tcase_add_checked_fixture(tc, setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
