#include "daemon/service/registry.h"

#include "tests/unit/daemon/service/echo.h"
#include "tests/unit/daemon/service/fixture.h"

START_TEST(modules_are_found_by_name)
{
	ck_assert_ptr_eq(sn_registry_find(SN_STR("echo")), &echo_service);
	ck_assert_ptr_eq(sn_registry_find(SN_STR("tap")), &tap_service);
	ck_assert_ptr_null(sn_registry_find(SN_STR("Echo")));
	ck_assert_ptr_null(sn_registry_find(SN_STR("")));
}
END_TEST

START_TEST(the_list_is_sorted)
{
	size_t count = 0;

	for (; sn_registry_at(count) != NULL; count++) {
		if (count > 0)
			ck_assert_int_lt(strcmp(sn_registry_at(count - 1)->name,
						 sn_registry_at(count)->name),
				0);
	}
	ck_assert_uint_ge(count, 3);
	ck_assert_ptr_null(sn_registry_at(count + 1));
}
END_TEST

START_TEST(a_name_is_given_once)
{
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_registry_add(&echo_service, &diag), SN_EDUPLICATE);
	ck_assert_str_eq(diag.text, "a module named \"echo\" is registered already");
}
END_TEST

START_TEST(what_does_not_fit_stays_out)
{
	struct sn_service other = echo_service;
	struct sn_diag diag = { 0 };

	other.name = "other";
	other.abi++;
	ck_assert_int_eq(sn_registry_add(&other, &diag), SN_EABI);
	ck_assert_ptr_nonnull(strstr(diag.text, "ABI"));
	ck_assert_ptr_null(sn_registry_find(SN_STR("other")));
}
END_TEST

START_TEST(there_is_room_for_64)
{
	static struct sn_service many[64];
	static char names[64][8];
	struct sn_diag diag = { 0 };
	size_t count = 0;

	while (sn_registry_at(count) != NULL)
		count++;
	for (size_t i = 0; i < 64; i++) {
		int code;

		(void)snprintf(names[i], sizeof(names[i]), "m%02zu", i);
		many[i] = echo_service;
		many[i].name = names[i];
		code = sn_registry_add(&many[i], &diag);
		ck_assert_int_eq(code, count < 64 ? SN_OK : SN_ELIMIT);
		count += code == SN_OK;
	}
	ck_assert_str_eq(diag.text, "more than 64 modules");
	ck_assert_uint_eq(count, 64);
	ck_assert_ptr_null(sn_registry_at(64));
}
END_TEST

START_TEST(the_schema_knows_every_module)
{
	struct sn_conf *conf = load("[server]\ndrain_timeout = \"1s\"\n[log]\nlevel = \"warn\"\n"
				    "[service.echo]\nline_max = 7\n"
				    "[service.mine]\ntype = \"tap\"\nmax_connections = 3\n");
	const struct sn_conf_named *second = sn_conf_named_at(conf, "service", 1);
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	const struct sn_log_conf *log = sn_conf_plain(conf, "log");

	ck_assert_int_eq(server->drain_timeout, SN_SEC(1));
	ck_assert_int_eq(log->level, SN_LOG_WARN);
	ck_assert_str_view(second->name, "mine");
	ck_assert_str_eq(second->section->name, "tap");
	ck_assert_int_eq(((const struct sn_service_conf *)second->common)->max_connections, 3);
	ck_assert_ptr_null(sn_conf_named_at(conf, "service", 2));
	sn_conf_unref(&conf);
}
END_TEST

START_TEST(an_unknown_module_is_named)
{
	const struct sn_conf_request request = {
		.schema = sn_registry_schema(),
		.text = SN_STR("[service.ecko]\n"),
	};
	struct sn_conf_diags diags;
	struct sn_strbuf text;
	struct sn_conf *conf = NULL;

	sn_conf_diags_init(&diags);
	ck_assert_int_eq(sn_conf_load(&request, &diags, &conf), SN_ECONFIG);
	sn_strbuf_init(&text, 65536);
	sn_conf_diags_print(&diags, &text, false);
	ck_assert_msg(strstr(sn_strbuf_cstr(&text), "ecko") != NULL &&
			strstr(sn_strbuf_cstr(&text), "echo") != NULL,
		"%s", sn_strbuf_cstr(&text));
	sn_strbuf_fini(&text);
	sn_conf_diags_fini(&diags);
}
END_TEST

/* The promise of docs/module-api.md. */
START_TEST(the_echo_of_the_page_runs)
{
	struct client client;

	host_up("[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\nline_max = 8\n");
	client_open(&client, "echo", 1024);
	client_say(&client, "one\r\ntw");
	client_say(&client, "o\n\n12345678\n");
	ck_assert_str_eq(client_got(&client), "one\ntwo\n\n12345678\n");
	client_say(&client, "123456789\n");
	ck_assert_uint_eq(client.ends, 1);
	client_fini(&client);
	host_down();
}
END_TEST

Suite *sn_suite_registry(void);
Suite *sn_suite_registry(void)
{
	Suite *suite = suite_create("service/registry");
	TCase *tc = tcase_create("registry");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, modules_are_found_by_name);
	tcase_add_test(tc, the_list_is_sorted);
	tcase_add_test(tc, a_name_is_given_once);
	tcase_add_test(tc, what_does_not_fit_stays_out);
	tcase_add_test(tc, the_schema_knows_every_module);
	tcase_add_test(tc, an_unknown_module_is_named);
	tcase_add_test(tc, the_echo_of_the_page_runs);
	tcase_add_test(tc, there_is_room_for_64);
	suite_add_tcase(suite, tc);
	return suite;
}
