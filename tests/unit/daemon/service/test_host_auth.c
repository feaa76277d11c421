#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

START_TEST(checkers_of_a_service)
{
	host_up("[service.tap]\nauth = [\"memory:alice:secret\"]\n");
	ck_assert_uint_ne(
		sn_portal_kinds(sn_host_find(host, SN_STR("tap"))->portal) & SN_CREDS_PASSWORD, 0);
}
END_TEST

START_TEST(one_that_needs_what_is_not_there)
{
	ck_assert_int_eq(host_try("[service.tap]\nauth = \"accounts\"\n"), SN_ECONFIG);
	ck_assert_msg(
		strstr(reported(), "this process keeps no accounts") != NULL, "%s", reported());
}
END_TEST

START_TEST(and_why)
{
	const struct sn_host_options options = { .state_missing = "/x is read-only" };

	ck_assert_int_eq(
		host_try_with(options, "[service.tap]\nauth = \"accounts\"\n"), SN_ECONFIG);
	ck_assert_msg(strstr(reported(), "/x is read-only") != NULL, "%s", reported());
}
END_TEST

Suite *sn_suite_host_auth(void);
Suite *sn_suite_host_auth(void)
{
	Suite *suite = suite_create("service/host_auth");
	TCase *tc = tcase_create("host_auth");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, checkers_of_a_service);
	tcase_add_test(tc, one_that_needs_what_is_not_there);
	tcase_add_test(tc, and_why);
	suite_add_tcase(suite, tc);
	return suite;
}
