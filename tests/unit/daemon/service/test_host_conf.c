#include "tests/unit/daemon/service/fixture.h"

static const struct {
	const char *entry;
	int code;
	const char *ns;
	enum sn_log_level level;
} entries[] = {
	{ "net.tls=debug", SN_OK, "net.tls", SN_LOG_DEBUG },
	{ "=warn", SN_OK, "", SN_LOG_WARN },
	{ "n23456789012345678901234567890123456789012345678901234567890123=info", SN_OK,
		"n23456789012345678901234567890123456789012345678901234567890123", SN_LOG_INFO },
	{ "n234567890123456789012345678901234567890123456789012345678901234=info", SN_ESYNTAX, NULL,
		SN_LOG_INFO },
	{ "net.tls", SN_ESYNTAX, NULL, SN_LOG_INFO },
	{ "", SN_ESYNTAX, NULL, SN_LOG_INFO },
	{ "net=", SN_EUNKNOWN, NULL, SN_LOG_INFO },
	{ "net=loud", SN_EUNKNOWN, NULL, SN_LOG_INFO },
	{ "net=debug=x", SN_EUNKNOWN, NULL, SN_LOG_INFO },
};

START_TEST(levels_by_namespace)
{
	char text[SN_LOG_CONF_NS_SIZE];
	enum sn_log_level level;
	struct sn_strbuf ns;

	sn_strbuf_fixed(&ns, text, sizeof(text));
	ck_assert_int_eq(
		sn_log_conf_level(sn_str(entries[_i].entry), &ns, &level), entries[_i].code);
	if (entries[_i].code != SN_OK)
		return;
	ck_assert_str_eq(text, entries[_i].ns);
	ck_assert_int_eq(level, entries[_i].level);
}
END_TEST

START_TEST(defaults)
{
	struct sn_conf *conf = load("");
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	const struct sn_log_conf *log = sn_conf_plain(conf, "log");

	ck_assert_int_eq(server->drain_timeout, SN_SEC(5));
	ck_assert_int_eq(server->offload_threads, 0);
	ck_assert_int_eq(server->offload_queue, 1024);
	ck_assert_int_eq(log->level, SN_LOG_INFO); /* choices in the order of the levels */
	ck_assert_int_eq(log->format, 0);
	ck_assert_uint_eq(log->levels.count, 0);
	ck_assert_uint_eq(log->file.n, 0);
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
		char name[SN_LOG_CONF_NS_SIZE];
		enum sn_log_level level;
		struct sn_strbuf ns;

		sn_strbuf_fixed(&ns, name, sizeof(name));
		ck_assert_int_eq(sn_log_conf_level(log->levels.items[i], &ns, &level), SN_OK);
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
	tcase_add_loop_test(
		tc, levels_by_namespace, 0, (int)(sizeof(entries) / sizeof(entries[0])));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, wrong_levels);
	tcase_add_test(tc, as_many_levels_as_allowed);
	suite_add_tcase(suite, tc);
	return suite;
}
