#include "daemon/auth/checker.h"

#include "tests/unit/daemon/auth/fixture.h"

START_TEST(opens_by_type_word)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, SN_STR("memory:a:b"), &checker, &diag), SN_OK);
	ck_assert_str_eq(checker->type->name, "memory");
	sn_checker_close(&checker);
	ck_assert_ptr_null(checker);
	sn_checker_close(&checker);
}
END_TEST

START_TEST(unknown_type_names_the_nearest)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("memry:a:b"), &checker, &diag), SN_EUNKNOWN);
	ck_assert_ptr_nonnull(strstr(diag.text, "memry"));
	ck_assert_ptr_nonnull(strstr(diag.text, "did you mean \"memory\"?"));
	ck_assert_int_eq(sn_checker_open(&context, SN_STR(""), &checker, &diag), SN_EUNKNOWN);
	ck_assert_ptr_null(checker);
}
END_TEST

START_TEST(registers_each_name_once)
{
	static const struct sn_checker_type small = { .size = 8, .name = "small" };
	const struct sn_checker_type *first = sn_checker_type_at(0);

	ck_assert_int_eq(sn_checker_register(first), SN_EDUPLICATE);
	ck_assert_int_eq(sn_checker_register(&small), SN_EABI);
	for (size_t i = 0; sn_checker_type_at(i) != NULL; i++) {
		ck_assert_ptr_nonnull(sn_checker_type_at(i)->doc);
		ck_assert_ptr_nonnull(sn_checker_type_at(i)->arg_help);
		ck_assert_uint_ne(sn_checker_type_at(i)->kinds, 0);
	}
}
END_TEST

Suite *suite_checker(void);
Suite *suite_checker(void)
{
	Suite *suite = suite_create("checker");
	TCase *tc = tcase_create("checker");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_test(tc, opens_by_type_word);
	tcase_add_test(tc, unknown_type_names_the_nearest);
	tcase_add_test(tc, registers_each_name_once);
	suite_add_tcase(suite, tc);
	return suite;
}
