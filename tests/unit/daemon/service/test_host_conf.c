#include "tests/unit/daemon/service/fixture.h"

START_TEST(defaults)
{
	struct sn_conf *conf = load("");
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	const struct sn_log_conf *log = sn_conf_plain(conf, "log");

	ck_assert_int_eq(server->drain_timeout, SN_SEC(5));
	ck_assert_int_eq(server->offload_threads, 0);
	ck_assert_int_eq(server->offload_queue, 1024);
	ck_assert_str_eq(server->processes.p, "auto");
	ck_assert(server->sandbox && !server->ephemeral);
	ck_assert_int_eq(server->watchdog, SN_SEC(10));
	ck_assert_int_eq(server->slow_turn, SN_MS(100));
	ck_assert_uint_eq(server->metrics_size, 256 << 10);
	ck_assert_int_eq(log->level, SN_LOG_INFO); /* choices in the order of the levels */
	ck_assert_int_eq(log->format, 0);
	ck_assert_uint_eq(log->levels.count, 0);
	ck_assert_uint_eq(log->file.n, 0);
	sn_conf_unref(&conf);
}
END_TEST

static const struct {
	const char *text;
	int code;
	unsigned count;
} processes[] = {
	{ "auto", SN_OK, 0 },
	{ "1", SN_OK, 1 },
	{ "256", SN_OK, 256 },
	{ "257", SN_ERANGE, 0 },
	{ "0", SN_ERANGE, 0 },
	{ "-1", SN_ERANGE, 0 },
	{ "2x", SN_ERANGE, 0 },
	{ "", SN_ERANGE, 0 },
};

START_TEST(numbers_of_processes)
{
	unsigned count = 99;

	ck_assert_int_eq(
		sn_server_conf_processes(sn_str(processes[_i].text), &count), processes[_i].code);
	ck_assert_uint_eq(count, processes[_i].count);
}
END_TEST

static const struct {
	const char *text, *said;
} wrong_settings[] = {
	{ "[server]\nprocesses = \"many\"\n", "neither \"auto\" nor a number" },
	{ "[server]\nprocesses = 257\n", "neither \"auto\" nor a number" },
	{ "[server]\nprocesses = true\n", "must be a string" },
	{ "[worker.web]\nprocesses = \"0\"\n", "neither \"auto\" nor a number" },
	{ "[server]\nname = \"../x\"\n", "names a file" },
	{ "[server]\nname = \".x\"\n", "names a file" },
	{ "[server]\nauth_exempt = [\"192.0.2.1\",\n\"gateway\"]\n",
		":3:1: error: auth_exempt: \"gateway\" is not an IP address" },
	{ "[server]\nauth_free_failures = 50\n", "must be more than auth_free_failures" },
	{ "[server]\ngroup = \"x\"\n", "group needs a user" },
	{ "[server]\nephemeral = true\nstate = \"/tmp/x\"\n", "goes with neither" },
	{ "[server]\nephemeral = true\nstore = \"sqlite:x\"\n", "goes with neither" },
	{ "[server]\nwatchdog = \"10ms\"\n", "watchdog" },
	{ "[server]\nmetrics_size = 4095\n", "metrics_size" },
	{ "[plugin.x]\nrequired = true\n", "path" },
	{ "[service.echo]\nworker = \"a/b\"\n", "worker: \"a/b\"" },
};

START_TEST(wrong_settings_are_told)
{
	const struct sn_conf_request request = {
		.schema = sn_registry_schema(),
		.text = sn_str(wrong_settings[_i].text),
	};
	struct sn_conf_diags diags;
	struct sn_strbuf text;
	struct sn_conf *conf = NULL;

	sn_conf_diags_init(&diags);
	sn_strbuf_init(&text, 65536);
	ck_assert_int_eq(sn_conf_load(&request, &diags, &conf), SN_ECONFIG);
	sn_conf_diags_print(&diags, &text, false);
	ck_assert_msg(strstr(sn_strbuf_cstr(&text), wrong_settings[_i].said) != NULL, "%s",
		sn_strbuf_cstr(&text));
	sn_strbuf_fini(&text);
	sn_conf_diags_fini(&diags);
}
END_TEST

START_TEST(groups_and_plugins)
{
	struct sn_conf *conf = load("[worker.web]\nprocesses = 2\n"
				    "[plugin.x]\npath = \"/x.so\"\nrequired = false\n");
	const struct sn_worker_conf *worker = sn_conf_named_at(conf, "worker", 0)->settings;
	const struct sn_plugin_conf *plugin = sn_conf_named_at(conf, "plugin", 0)->settings;

	ck_assert_str_eq(worker->processes.p, "2");
	ck_assert_str_eq(plugin->path.p, "/x.so");
	ck_assert(!plugin->required);
	sn_conf_unref(&conf);
}
END_TEST

/* Every wrong entry is told, each at its place. */
START_TEST(wrong_levels)
{
	const struct sn_conf_request request = {
		.schema = sn_registry_schema(),
		.text = SN_STR("[log]\nlevels = [\"net=debug\", \"net\",\n  \"x=loud\"]\n"),
	};
	struct sn_conf_diags diags;
	struct sn_strbuf text;
	struct sn_conf *conf = NULL;

	sn_conf_diags_init(&diags);
	sn_strbuf_init(&text, 65536);
	ck_assert_int_eq(sn_conf_load(&request, &diags, &conf), SN_ECONFIG);
	ck_assert_uint_eq(diags.errors, 2);
	sn_conf_diags_print(&diags, &text, false);
	ck_assert_ptr_nonnull(
		strstr(sn_strbuf_cstr(&text), ":2:24: error: an entry of \"levels\""));
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&text), ":3:3: error: an entry of \"levels\""));
	sn_strbuf_fini(&text);
	sn_conf_diags_fini(&diags);
}
END_TEST

/* What the rows allow the log takes: as many rules, as long. */
START_TEST(as_many_levels_as_allowed)
{
	const struct sn_log_conf *log;
	struct sn_strbuf text;
	struct sn_conf *conf;

	sn_strbuf_init(&text, 65536);
	sn_strbuf_adds(&text, "[log]\nlevels = [");
	for (int i = 0; i < 63; i++)
		sn_strbuf_addf(&text, "\"n%d=warn\",", i);
	sn_strbuf_adds(&text, "]\n");
	conf = load(sn_strbuf_cstr(&text));
	log = sn_conf_plain(conf, "log");
	for (size_t i = 0; i < log->levels.count; i++) {
		char name[SN_LOG_NS_SIZE];
		enum sn_log_level level;
		struct sn_strbuf ns;

		sn_strbuf_fixed(&ns, name, sizeof(name));
		ck_assert_int_eq(sn_log_parse_rule(log->levels.items[i], &ns, &level), SN_OK);
		ck_assert_int_eq(sn_log_set_level(name, level), SN_OK);
	}
	sn_log_reset_levels();
	sn_conf_unref(&conf);
	sn_strbuf_fini(&text);
}
END_TEST

Suite *sn_suite_host_conf(void);
Suite *sn_suite_host_conf(void)
{
	Suite *suite = suite_create("service/host_conf");
	TCase *tc = tcase_create("host_conf");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, defaults);
	tcase_add_loop_test(
		tc, numbers_of_processes, 0, (int)(sizeof(processes) / sizeof(processes[0])));
	tcase_add_loop_test(tc, wrong_settings_are_told, 0,
		(int)(sizeof(wrong_settings) / sizeof(wrong_settings[0])));
	tcase_add_test(tc, groups_and_plugins);
	tcase_add_test(tc, wrong_levels);
	tcase_add_test(tc, as_many_levels_as_allowed);
	suite_add_tcase(suite, tc);
	return suite;
}
