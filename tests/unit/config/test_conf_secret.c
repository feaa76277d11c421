#include "config/conf_secret.h"

#include "tests/support/unit.h"

Suite *sn_suite_conf_secret(void);

/* Freed memory is looked at on purpose, from a cleanup that runs after the wiping one. */
static struct {
	struct sn_pool_cleanup cleanup;
	const char *p;
	bool wiped;
} witness;

static void look(struct sn_pool_cleanup *cleanup)
{
	(void)cleanup;
	witness.wiped = memcmp(witness.p, "\0\0\0\0\0\0", 6) == 0;
}

START_TEST(test_keep_wipes)
{
	struct sn_pool *own = sn_pool_new(0);
	struct sn_str kept;

	witness.cleanup.fn = look;
	sn_pool_on_free(own, &witness.cleanup);
	kept = sn_conf_keep(own, SN_STR("secret"));
	ck_assert_str_view(kept, "secret");
	ck_assert_str_eq(kept.p, "secret");
	witness.p = kept.p;
	sn_pool_free(&own);
	ck_assert(witness.wiped);
}
END_TEST

START_TEST(test_keep_empty)
{
	struct sn_pool *pool = sn_pool_new(0);

	ck_assert_str_eq(sn_conf_keep(pool, SN_STR_NULL).p, "");
	sn_pool_free(&pool);
}
END_TEST

Suite *sn_suite_conf_secret(void)
{
	Suite *suite = suite_create("conf_secret");
	TCase *tc = tcase_create("conf_secret");

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, test_keep_wipes);
	tcase_add_test(tc, test_keep_empty);
	return suite;
}
