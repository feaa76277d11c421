#include "daemon/auth/creds.h"

#include "tests/support/unit.h"

START_TEST(every_kind_has_a_name_of_its_own)
{
	for (size_t i = 0; i < SN_CREDS_KINDS; i++) {
		const char *name = sn_creds_kind_name((enum sn_creds_kind)(1u << i));

		ck_assert_str_ne(name, "unknown");
		for (size_t other = 0; other < i; other++)
			ck_assert_str_ne(
				name, sn_creds_kind_name((enum sn_creds_kind)(1u << other)));
	}
	ck_assert_str_eq(sn_creds_kind_name((enum sn_creds_kind)(1u << SN_CREDS_KINDS)), "unknown");
}
END_TEST

Suite *suite_creds(void);
Suite *suite_creds(void)
{
	Suite *suite = suite_create("creds");
	TCase *tc = tcase_create("creds");

	tcase_add_test(tc, every_kind_has_a_name_of_its_own);
	suite_add_tcase(suite, tc);
	return suite;
}
