#include "daemon/auth/checker.h"
#include "tests/unit/daemon/cli/cli_fixture.h"

START_TEST(registers_everything_once)
{
	const struct sn_service *service;
	struct sn_diag diag;

	sn_cli_register();
	sn_cli_register();
	ck_assert_ptr_nonnull(sn_registry_find(SN_STR("irc")));
	ck_assert_ptr_nonnull(sn_checker_type_at(0));
	ck_assert_ptr_nonnull(sn_endpoint_type_find(SN_SERVER, SN_STR("tls")));
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++)
		ck_assert_msg(sn_service_verify(service, &diag) == SN_OK, "%s: %s", service->name,
			diag.text);
}
END_TEST

/* Programmer errors in the rows of the fixed tables. */
START_TEST(rows_are_sound)
{
	const struct sn_conf_schema *schema = sn_registry_schema();
	struct sn_diag diag;

	sn_cli_register();
	for (size_t i = 0; i < schema->count; i++) {
		ck_assert_ptr_nonnull(schema->tables[i].doc);
		ck_assert_msg(sn_conf_section_verify(schema->tables[i].section, &diag) == SN_OK,
			"[%s]: %s", schema->tables[i].name, diag.text);
	}
}
END_TEST

Suite *sn_suite_modules(void);
Suite *sn_suite_modules(void)
{
	Suite *suite = suite_create("cli/modules");
	TCase *tc = tcase_create("modules");

	tcase_add_test(tc, registers_everything_once);
	tcase_add_test(tc, rows_are_sound);
	suite_add_tcase(suite, tc);
	return suite;
}
