#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

START_TEST(one_service_stops_and_the_others_go_on)
{
	struct client client, other;

	host_up("[service.a]\ntype = \"tap\"\n[service.b]\ntype = \"tap\"\n");
	client_open(&client, "a", 1024);
	client_open(&other, "b", 1024);
	(void)tap_read();
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("a")), SN_OK);
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("a")), SN_EDUPLICATE);
	turn();
	ck_assert_str_eq(client_got(&client), "Service is stopping");
	ck_assert_str_eq(tap_read(), "drain a: Service is stopping; end CLOSE; stop a");
	ck_assert_ptr_null(sn_host_find(host, SN_STR("a")));
	client_say(&other, "still here\n");
	ck_assert_str_eq(tap_read(), "hear still here");
	client_fini(&other);
	client_fini(&client);
}
END_TEST

START_TEST(and_starts_again)
{
	struct client client;

	host_up("[service.tap]\n[service.b]\ntype = \"tap\"\n");
	ck_assert_int_eq(host_start_service("tap"), SN_EDUPLICATE);
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("tap")), SN_OK);
	turn();
	(void)tap_read();
	ck_assert_int_eq(host_start_service("tap"), SN_OK);
	ck_assert_str_eq(tap_read(), "start tap");
	client_open(&client, "tap", 1024);
	client_say(&client, "close\n");
	ck_assert_str_eq(client_got(&client), "bye");
	client_fini(&client);
}
END_TEST

START_TEST(one_that_is_not_configured)
{
	host_up("[service.tap]\n");
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("x")), SN_ENOTFOUND);
	ck_assert_int_eq(host_start_service("x"), SN_ENOTFOUND);
}
END_TEST

START_TEST(a_reload_does_not_start_what_somebody_stopped)
{
	host_up("[service.tap]\n[service.b]\ntype = \"tap\"\n");
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("tap")), SN_OK);
	turn();
	(void)tap_read();
	ck_assert_int_eq(
		host_reload("[service.tap]\nword = \"x\"\n[service.b]\ntype = \"tap\"\n"), SN_OK);
	ck_assert_str_eq(tap_read(), "reload b: hello to hello");
	ck_assert_ptr_null(sn_host_find(host, SN_STR("tap")));
	ck_assert_int_eq(host_start_service("tap"), SN_OK);
}
END_TEST

START_TEST(at_the_deadline_the_last_are_cut)
{
	struct client client;

	tap.stubborn = true;
	host_up("[server]\ndrain_timeout = \"1s\"\n[service.tap]\n");
	client_open(&client, "tap", 1024);
	(void)tap_read();
	ck_assert_int_eq(sn_host_service_stop(host, SN_STR("tap")), SN_OK);
	pass(SN_MS(900));
	ck_assert_str_eq(tap_read(), "drain tap: Service is stopping");
	pass(SN_MS(200));
	ck_assert_str_eq(tap_read(), "end ECANCELED; stop tap");
	client_fini(&client);
}
END_TEST

Suite *sn_suite_host_instance(void);
Suite *sn_suite_host_instance(void)
{
	Suite *suite = suite_create("service/host_instance");
	TCase *tc = tcase_create("host_instance");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, one_service_stops_and_the_others_go_on);
	tcase_add_test(tc, and_starts_again);
	tcase_add_test(tc, one_that_is_not_configured);
	tcase_add_test(tc, a_reload_does_not_start_what_somebody_stopped);
	tcase_add_test(tc, at_the_deadline_the_last_are_cut);
	suite_add_tcase(suite, tc);
	return suite;
}
