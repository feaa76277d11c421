#include <signal.h>
#include <unistd.h>

#include "daemon/service/conn.h"
#include "tests/unit/daemon/cli/runner.h"

static const struct runner_case cases[] = {
	{ { "irc", "--lisen", "tcp:1" }, EX_USAGE, "",
		"sennit: unknown option --lisen; did you mean --listen?\n"
		"Try `sennit irc --help`.\n" },
	{ { "irc", "--lisen=tcp:1" }, EX_USAGE, "", "unknown option --lisen; did you mean" },
	{ { "irc", "--something-else" }, EX_USAGE, "", "unknown option --something-else\n" },
	{ { "irc", "--listen" }, EX_USAGE, "", "sennit: --listen needs EP\n" },
	{ { "irc", "--motd" }, EX_USAGE, "", "--motd needs FILE" },
	{ { "irc", "--log-level" }, EX_USAGE, "", "--log-level needs LEVEL" },
	{ { "irc", "extra" }, EX_USAGE, "", "unexpected \"extra\"" },
	{ { "irc", "--" }, EX_USAGE, "", "unexpected \"--\"" },
	{ { "irc", "-x" }, EX_USAGE, "", "unexpected \"-x\"" },
	{ { "irc", "-o" }, EX_USAGE, "", "-o needs KEY=VALUE" },
	{ { "irc", "-o", "key" }, EX_USAGE, "", "-o needs KEY=VALUE" },
	{ { "irc", "-o", "=value" }, EX_USAGE, "", "-o needs KEY=VALUE" },
	{ { "irc", "-o", "nik_max=9" }, EX_USAGE, "",
		"-o nik_max: error: unknown key \"nik_max\"" },
	{ { "irc", "-o", "nik_max=9" }, EX_USAGE, "", "did you mean \"nick_max\"?" },
	{ { "irc", "-o", "send_queue=1" }, EX_USAGE, "", "must be 16KiB to 1GiB, not 1" },
	{ { "irc", "-o", "send_queue=" }, EX_USAGE, "", "-o send_queue: error:" },
	{ { "irc", "--listen", "tcp:x" }, EX_USAGE, "", "    tcp:x\n        ^\n" },
	{ { "irc", "--open=maybe" }, EX_USAGE, "", "--open: error:" },
	{ { "irc", "--listen", "unix:s", "--motd=gone" }, EX_CONFIG, "", "gone" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

START_TEST(help_shows_every_option_with_its_default)
{
	static const char *const help[] = { "irc", "--help", NULL };
	static const char *const parts[] = {
		"Usage: sennit irc [options]\n\na chat server",
		"\n  --name NET  ",
		"\n                          Default: Sennit\n",
		"\n  --open  ",
		"\nOptions of every service:\n"
		"  --listen EP ...         Where to listen: endpoint strings (`sennit list\n"
		"                          endpoints`). Default: what the service says, on this\n"
		"                          machine only.\n"
		"  --auth TYPE[:ARG] ...   ",
		"\n  -o KEY=VALUE            Any other key of [service.irc]: man sennit.toml\n"
		"\nDaemon:\n  --daemon-name NAME  ",
		"\nLogging:\n  --log-level LEVEL  ",
		"\nWithout --listen: tcp:6667:interface=127.0.0.1\n"
		"\nExamples:\n  sennit irc\n",
	};

	ck_assert_int_eq(runner_run(help), EX_OK);
	ck_assert_str_eq(runner_err(), "");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_msg(strstr(runner_out(), parts[i]) != NULL, "no \"%s\" in:\n%s", parts[i],
			runner_out());
}
END_TEST

/* A module whose option is too long for its column, and whose words just fit into the next. */
static int swallow(struct sn_conn *conn)
{
	(void)conn;
	return SN_CLOSE;
}

struct wide_conf {
	int64_t number;
};

static const struct sn_conf_item wide_items[] = {
	{ "number", SN_CONF_INT, offsetof(struct wide_conf, number), .def = "7", .max = 9,
		.option = "number-of-the-beasts",
		.doc = "x12345678 x12345678 x12345678 x12345678 x12345678 1234 x12345678 x12345678 "
		       "x12345678 x12345678 x12345678 12345 end." },
};
static const struct sn_conf_section wide_section = {
	.name = "wide",
	.items = wide_items,
	.count = 1,
	.size = sizeof(struct wide_conf),
	.doc = "Is wide.",
};
static const struct sn_service wide = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "wide",
	.summary = "a wide module",
	.flags = SN_SERVICE_SINGLE | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct sn_conn),
	.conf = &wide_section,
	.help = "Examples:\n  sennit wide\n",
	.conn_input = swallow,
};

START_TEST(help_is_laid_out_in_columns)
{
	static const char *const help[] = { "wide", "--help", NULL };
	static const char want[] =
		"Usage: sennit wide [options]\n"
		"\n"
		"a wide module\n"
		"\n"
		"Options:\n"
		"  --number-of-the-beasts N\n"
		"                          x12345678 x12345678 x12345678 x12345678 x12345678 1234\n"
		"                          x12345678 x12345678 x12345678 x12345678 x12345678\n"
		"                          12345 end.\n"
		"                          Default: 7\n"
		"\n"
		"Options of every service:\n";

	if (sn_registry_find(SN_STR("wide")) == NULL)
		ck_assert_int_eq(sn_registry_add(&wide, NULL), SN_OK);
	ck_assert_int_eq(runner_run(help), EX_OK);
	ck_assert_str_eq(runner_err(), "");
	ck_assert_msg(strncmp(runner_out(), want, sizeof(want) - 1) == 0, "%s", runner_out());
	ck_assert_ptr_null(strstr(runner_out(), "Without --listen"));
}
END_TEST

START_TEST(help_fits_into_80_columns)
{
	static const char *const help[] = { "irc", "--help", NULL };
	struct sn_str rest, line;

	ck_assert_int_eq(runner_run(help), EX_OK);
	rest = sn_str(runner_out());
	while (sn_str_split(&rest, '\n', &line))
		ck_assert_msg(line.n <= 80, "%.*s", SN_STR_ARG(line));
}
END_TEST

/* Options reach the service: attached or as the next word, a flag, a list of two, a key. */
START_TEST(options_are_taken)
{
	const char *words[] = { "irc", "--listen=unix:one", "--listen", "unix:two", "--open",
		"--name=Knots", "-o", "nick_max=9", NULL };
	pid_t pid = runner_start(words, -1);

	ck_assert_ptr_nonnull(strstr(runner_line(), "one"));
	ck_assert_ptr_nonnull(strstr(runner_line(), "two"));
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(runner_wait(pid), EX_OK);
}
END_TEST

START_TEST(too_many_options)
{
	enum { COUNT = 257 };
	char *argv[COUNT + 2] = { (char *)"irc" };
	int saved = dup(STDERR_FILENO);

	sn_cli_register();
	for (int i = 1; i <= COUNT; i++)
		argv[i] = (char *)"--open";
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	ck_assert_int_eq(
		sn_cli_service(sn_registry_find(SN_STR("irc")), COUNT + 1, argv, sn_cli_serve),
		EX_USAGE);
	(void)fflush(stderr);
	(void)dup2(saved, STDERR_FILENO);
	close(saved);
}
END_TEST

Suite *sn_suite_cli_service(void);
Suite *sn_suite_cli_service(void)
{
	Suite *suite = suite_create("cli/service");
	TCase *tc = tcase_create("cli_service");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, help_shows_every_option_with_its_default);
	tcase_add_test(tc, help_is_laid_out_in_columns);
	tcase_add_test(tc, help_fits_into_80_columns);
	tcase_add_test(tc, options_are_taken);
	tcase_add_test(tc, too_many_options);
	suite_add_tcase(suite, tc);
	return suite;
}
