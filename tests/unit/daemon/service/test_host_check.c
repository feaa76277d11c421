#include "daemon/service/host.h"

#include <errno.h>

#include "tests/unit/daemon/service/fixture.h"

static const struct {
	const char *toml, *said; /* NULL: nothing is wrong */
	int code;                /* 0: SN_ECONFIG, if something is */
} cases[] = {
	{ "[service.tap]\n", NULL },
	{ "[service.tap]\nlisten = \"tcp:1:interface=127.0.0.1\"\n", NULL }, /* nothing is opened */
	{ "[service.tap]\nauth = \"memory:alice:x\"\n", NULL },
	{ "[service.tap]\nauth = \"accounts\"\n", NULL }, /* needs what only a daemon has */
	{ "[server]\n", "no service is configured" },
	{ "[service.tap]\nbad_file = \"motd\"\n", ":2:12: error: cannot read motd" },
	{ "[service.tap]\nlisten = \"tls:/nowhere/x:tcp:1\"\n", ":2:1", -ENOENT },
	{ "[service.tap]\nlisten = \"udp:1\"\n", "tap does not speak datagrams", SN_ESYNTAX },
	{ "[service.tap]\nauth = [\"memory:a:b\",\n \"file:/nowhere/users\"]\n", ":3: error: " },
};

START_TEST(what_is_wrong_before_anything_runs)
{
	const int wrong = cases[_i].code != SN_OK ? cases[_i].code : SN_ECONFIG;
	const int code = host_check(cases[_i].toml);

	ck_assert_msg(code == (cases[_i].said != NULL ? wrong : SN_OK), "%d: %s", code, reported());
	if (cases[_i].said != NULL)
		ck_assert_msg(strstr(reported(), cases[_i].said) != NULL, "%s", reported());
	ck_assert_str_eq(tap_read(), ""); /* nothing started */
}
END_TEST

START_TEST(everything_at_once)
{
	ck_assert_int_eq(host_check("[service.tap]\nbad_file = \"motd\"\n"
				    "listen = \"udp:1\"\nauth = \"file:/nowhere/users\"\n"
				    "[service.b]\ntype = \"tap\"\nbad_file = \"rules\"\n"),
		SN_ECONFIG);
	ck_assert_ptr_nonnull(strstr(reported(), "motd"));
	ck_assert_ptr_nonnull(strstr(reported(), "datagrams"));
	ck_assert_ptr_nonnull(strstr(reported(), "/nowhere/users"));
	ck_assert_ptr_nonnull(strstr(reported(), "rules"));
}
END_TEST

Suite *sn_suite_host_check(void);
Suite *sn_suite_host_check(void)
{
	Suite *suite = suite_create("service/host_check");
	TCase *tc = tcase_create("host_check");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_loop_test(
		tc, what_is_wrong_before_anything_runs, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, everything_at_once);
	suite_add_tcase(suite, tc);
	return suite;
}
