#include "daemon/net/srv.h"

#include "tests/support/unit.h"

Suite *sn_suite_srv(void);

#define ROUNDS 20000

/* How often each target came first, as text is too much for a distribution. */
static void count_firsts(const struct sn_srv *srvs, size_t count, unsigned *firsts)
{
	struct sn_srv copy[8];

	ck_assert_uint_le(count, 8);
	for (int round = 0; round < ROUNDS; round++) {
		memcpy(copy, srvs, count * sizeof(*srvs));
		sn_srv_order(copy, count);
		for (size_t i = 0; i < count; i++)
			firsts[i] += srvs[i].port == copy[0].port;
	}
}

START_TEST(test_priority_comes_first)
{
	for (int round = 0; round < 100; round++) {
		struct sn_srv srvs[] = {
			{ .priority = 20, .weight = 60000, .port = 1 },
			{ .priority = 0, .weight = 0, .port = 2 },
			{ .priority = 65535, .weight = 1, .port = 3 },
			{ .priority = 10, .weight = 1, .port = 4 },
		};

		sn_srv_order(srvs, 4);
		ck_assert_uint_eq(srvs[0].port, 2);
		ck_assert_uint_eq(srvs[1].port, 4);
		ck_assert_uint_eq(srvs[2].port, 1);
		ck_assert_uint_eq(srvs[3].port, 3);
	}
}
END_TEST

/* A binomial of 20000 at 1/4 has a standard deviation of 61: 500 is more than eight of them. */
START_TEST(test_weight_decides_within_a_priority)
{
	static const struct sn_srv srvs[] = {
		{ .priority = 5, .weight = 10, .port = 1 },
		{ .priority = 5, .weight = 30, .port = 2 },
		{ .priority = 6, .weight = 1000, .port = 3 },
	};
	unsigned firsts[3] = { 0 };

	count_firsts(srvs, 3, firsts);
	/* RFC 2782 draws from 0 to 40 inclusive: 11 of 41 for whichever stands first. */
	ck_assert_uint_ge(firsts[0], ROUNDS / 4 - 600);
	ck_assert_uint_le(firsts[0], ROUNDS / 4 + 900);
	ck_assert_uint_eq(firsts[0] + firsts[1], ROUNDS);
	ck_assert_uint_eq(firsts[2], 0);
}
END_TEST

START_TEST(test_weight_zero_is_seldom_drawn)
{
	static const struct sn_srv srvs[] = {
		{ .priority = 5, .weight = 99, .port = 1 },
		{ .priority = 5, .weight = 0, .port = 2 },
	};
	unsigned firsts[2] = { 0 };

	count_firsts(srvs, 2, firsts);
	ck_assert_uint_gt(firsts[1], 0); /* expected: 1 in 100 */
	ck_assert_uint_lt(firsts[1], ROUNDS / 20);
}
END_TEST

START_TEST(test_nothing_is_lost)
{
	struct sn_srv srvs[64];
	uint64_t seen = 0;

	for (uint16_t i = 0; i < 64; i++)
		srvs[i] = (struct sn_srv){ .priority = i % 3, .weight = i % 5, .port = i };
	sn_srv_order(srvs, 64);
	for (size_t i = 0; i < 64; i++)
		seen |= UINT64_C(1) << srvs[i].port;
	ck_assert_uint_eq(seen, UINT64_MAX);
	sn_srv_order(srvs, 1);
	sn_srv_order(NULL, 0);
}
END_TEST

Suite *sn_suite_srv(void)
{
	Suite *suite = suite_create("srv");
	TCase *tc = tcase_create("srv");

	tcase_add_test(tc, test_priority_comes_first);
	tcase_add_test(tc, test_weight_decides_within_a_priority);
	tcase_add_test(tc, test_weight_zero_is_seldom_drawn);
	tcase_add_test(tc, test_nothing_is_lost);
	suite_add_tcase(suite, tc);
	return suite;
}
