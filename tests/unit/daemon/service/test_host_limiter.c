#include "daemon/auth/limiter.h"

#include "daemon/base/mem.h"
#include "tests/unit/daemon/service/fixture.h"

static int ask(struct sn_limiter *limiter, const char *peer, int64_t *delay_r)
{
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_parse(sn_str(peer), 1, &addr), SN_OK);
	return sn_limiter_ask(limiter, &addr, SN_STR_NULL, delay_r);
}

START_TEST(does_what_the_configuration_says)
{
	struct sn_conf *conf = load("[server]\nauth_free_failures = 2\nauth_refuse_failures = 4\n"
				    "auth_entries = 64\nauth_exempt = [\"192.0.2.0/24\"]\n");
	const size_t size = sn_host_limiter_size(conf);
	void *memory = sn_alloc_zero(size);
	struct sn_limiter *limiter = NULL;
	struct sn_addr near_by, far;
	int64_t delay;

	ck_assert_uint_eq(size, sn_limiter_size(64));
	ck_assert_int_eq(sn_host_limiter_new(conf, memory, size, &limiter), SN_OK);
	sn_conf_unref(&conf);
	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.9"), 1, &near_by), SN_OK);
	ck_assert_int_eq(sn_addr_parse(SN_STR("198.51.100.1"), 1, &far), SN_OK);
	for (int failures = 1; failures <= 5; failures++) {
		sn_limiter_failed(limiter, &near_by, SN_STR_NULL, SN_STR_NULL);
		sn_limiter_failed(limiter, &far, SN_STR_NULL, SN_STR_NULL);
		ck_assert_int_eq(ask(limiter, "192.0.2.1", &delay), SN_OK);
		ck_assert_int_eq(delay, 0);
		ck_assert_int_eq(
			ask(limiter, "198.51.100.1", &delay), failures < 5 ? SN_OK : SN_EBUSY);
		if (failures < 5)
			ck_assert((delay > 0) == (failures > 2));
	}
	sn_limiter_free(&limiter);
	sn_free(memory);
}
END_TEST

Suite *sn_suite_host_limiter(void);

Suite *sn_suite_host_limiter(void)
{
	Suite *suite = suite_create("host_limiter");
	TCase *tc = tcase_create("host_limiter");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, does_what_the_configuration_says);
	suite_add_tcase(suite, tc);
	return suite;
}
