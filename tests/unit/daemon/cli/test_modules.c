#include "daemon/cli/cli.h"
#include "tests/support/unit.h"

static size_t count_modules(void)
{
	size_t count = 0;

	while (sn_registry_at(count) != NULL)
		count++;
	return count;
}

START_TEST(registering_again_changes_nothing)
{
	size_t count;

	sn_cli_register();
	count = count_modules();
	ck_assert_uint_gt(count, 0);
	sn_cli_register();
	ck_assert_uint_eq(count_modules(), count);
	ck_assert_ptr_nonnull(sn_registry_find(SN_STR("irc")));
	ck_assert_ptr_nonnull(sn_checker_type_at(0));
	ck_assert_ptr_nonnull(sn_endpoint_type_find(SN_SERVER, SN_STR("tls")));
}
END_TEST

START_TEST(every_module_fits_and_says_what_it_is)
{
	const struct sn_service *service;

	sn_cli_register();
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++) {
		struct sn_diag diag = { 0 };

		ck_assert_msg(sn_service_verify(service, &diag) == SN_OK, "%s", diag.text);
		ck_assert_ptr_nonnull(service->help);
		ck_assert_ptr_nonnull(strstr(service->help, service->name));
		ck_assert_str_eq(service->conf->name, service->name);
	}
}
END_TEST

/* Programmer errors in the rows of the fixed tables. */
START_TEST(rows_are_sound)
{
	const struct sn_conf_schema *schema = sn_registry_schema();
	struct sn_diag diag = { 0 };

	sn_cli_register();
	for (size_t i = 0; i < schema->count; i++) {
		ck_assert_ptr_nonnull(schema->tables[i].doc);
		ck_assert_msg(sn_conf_section_verify(schema->tables[i].section, &diag) == SN_OK,
			"[%s]: %s", schema->tables[i].name, diag.text);
	}
}
END_TEST

/* One command is for this machine: whoever wants more says so. */
START_TEST(defaults_listen_on_loopback)
{
	const struct sn_service *service;

	sn_cli_register();
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++) {
		for (const char *const *text = service->default_listen;
			text != NULL && *text != NULL; text++) {
			struct sn_pool *pool = sn_pool_new(0);
			struct sn_endpoint *endpoint;
			struct sn_listen_plan plan;

			ck_assert_int_eq(
				sn_endpoint_parse(pool, SN_SERVER, sn_str(*text), &endpoint, NULL),
				SN_OK);
			ck_assert_int_eq(sn_listen_plan_make(endpoint, &plan, NULL), SN_OK);
			ck_assert_msg(sn_addr_is_loopback(&plan.addr), "%s", *text);
			sn_listen_plan_fini(&plan);
			sn_pool_free(&pool);
		}
	}
}
END_TEST

START_TEST(options_are_unique)
{
	const struct sn_service *service;

	sn_cli_register();
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++) {
		const struct sn_conf_section *sections[] = { service->conf, &sn_service_common,
			&sn_log_section };
		const char *seen[256];
		size_t count = 0;

		for (size_t s = 0; s < 3; s++) {
			for (size_t k = 0; k < sections[s]->count; k++) {
				const char *option = sections[s]->items[k].option;

				for (size_t o = 0; option != NULL && o < count; o++)
					ck_assert_str_ne(option, seen[o]);
				if (option != NULL)
					seen[count++] = option;
			}
		}
		ck_assert_uint_gt(count, 4);
	}
}
END_TEST

Suite *sn_suite_modules(void);
Suite *sn_suite_modules(void)
{
	Suite *suite = suite_create("cli/modules");
	TCase *tc = tcase_create("modules");

	tcase_add_test(tc, registering_again_changes_nothing);
	tcase_add_test(tc, every_module_fits_and_says_what_it_is);
	tcase_add_test(tc, rows_are_sound);
	tcase_add_test(tc, defaults_listen_on_loopback);
	tcase_add_test(tc, options_are_unique);
	suite_add_tcase(suite, tc);
	return suite;
}
