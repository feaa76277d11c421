#include "tests/unit/daemon/cli/cli_fixture.h"

static const struct cli_row rows[] = {
	{ "list", EX_USAGE, NULL, "list what? modules, endpoints or auth" },
	{ "list bogus", EX_USAGE, NULL, "list what?" },
	{ "list modules auth", EX_USAGE, NULL, "list what?" },
	{ "list modules", EX_OK, "irc        single   stream", NULL },
	{ "list auth", EX_OK, "memory:NAME:PASSWORD[:NAME:PASSWORD...]\n", NULL },
	{ "list auth", EX_OK, "file:PATH\n", NULL },
	{ "list endpoints", EX_OK, "Where to listen:\n", NULL },
	{ "list endpoints", EX_OK, "Where to connect:\n", NULL },
	{ "list endpoints", EX_OK, "port number; 0 lets the system choose\n", NULL },
};
#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(runs)
{
	cli_check_row(&rows[_i]);
}
END_TEST

/* Every registered type is listed with its example, and every example parses. */
START_TEST(endpoints_are_complete)
{
	const char *out = cli_run("list endpoints")->out;
	const struct sn_endpoint_type *type;
	struct sn_pool *pool = sn_pool_new(0);

	sn_cli_register();
	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		struct sn_endpoint *endpoint;
		struct sn_diag diag = { 0 };

		ck_assert_ptr_nonnull(strstr(out, type->example));
		ck_assert_msg(sn_endpoint_parse(pool, type->side, sn_str(type->example), &endpoint,
				      &diag) == SN_OK,
			"%s: %s", type->example, diag.text);
	}
	sn_pool_free(&pool);
}
END_TEST

Suite *sn_suite_cli_list(void);
Suite *sn_suite_cli_list(void)
{
	Suite *suite = suite_create("cli/cli_list");
	TCase *tc = tcase_create("cli_list");

	tcase_add_checked_fixture(tc, cli_setup, cli_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, runs, 0, ROW_COUNT);
	tcase_add_test(tc, endpoints_are_complete);
	suite_add_tcase(suite, tc);
	return suite;
}
