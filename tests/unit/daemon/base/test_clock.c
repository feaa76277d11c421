#include "daemon/base/clock.h"

#include <time.h>

#include "tests/support/unit.h"

Suite *sn_suite_clock(void);

static const struct {
	int64_t wall_ns;
	unsigned digits;
	const char *text;
} times[] = {
	{ 0, 0, "1970-01-01T00:00:00Z" },
	{ 0, 3, "1970-01-01T00:00:00.000Z" },
	{ 1795172746123456789, 0, "2026-11-20T11:05:46Z" },
	{ 1795172746123456789, 3, "2026-11-20T11:05:46.123Z" },
	{ 1795172746123456789, 6, "2026-11-20T11:05:46.123456Z" },
	{ 1795172746123456789, 9, "2026-11-20T11:05:46.123456789Z" },
	{ 1795172746009000001, 3, "2026-11-20T11:05:46.009Z" },
	{ 1795172746999999999, 3, "2026-11-20T11:05:46.999Z" },
	{ 951782400000000000, 0, "2000-02-29T00:00:00Z" },
	{ -1, 9, "1969-12-31T23:59:59.999999999Z" },
	{ -1000000000, 3, "1969-12-31T23:59:59.000Z" },
	{ -1500000000, 3, "1969-12-31T23:59:58.500Z" },
	{ INT64_MAX, 9, "2262-04-11T23:47:16.854775807Z" },
	{ INT64_MIN, 9, "1677-09-21T00:12:43.145224192Z" },
};

START_TEST(test_format_time)
{
	char mem[64];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_format_time(&b, times[_i].wall_ns, times[_i].digits);
	ck_assert_str_eq(sn_strbuf_cstr(&b), times[_i].text);
}
END_TEST

START_TEST(test_format_time_appends)
{
	char mem[64];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_strbuf_adds(&b, "at ");
	sn_format_time(&b, 0, 0);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "at 1970-01-01T00:00:00Z");
}
END_TEST

START_TEST(test_fake_clock)
{
	struct sn_fake_clock fake;
	sn_fake_clock_init(&fake);
	ck_assert_int_eq(sn_clock_mono(&fake.clock), 0);
	ck_assert_int_eq(sn_clock_wall(&fake.clock), 0);
	fake.wall_ns = SN_SEC(100);
	sn_fake_clock_advance(&fake, SN_MS(1500));
	ck_assert_int_eq(sn_clock_mono(&fake.clock), 1500000000);
	ck_assert_int_eq(sn_clock_wall(&fake.clock), 101500000000);
}
END_TEST

START_TEST(test_system_clock)
{
	const int64_t before = (int64_t)time(NULL);
	const int64_t wall = sn_clock_wall(&sn_clock_system) / SN_SEC(1);
	const int64_t first = sn_clock_mono(&sn_clock_system);
	/* time() may be read from a coarser clock, a tick behind. */
	ck_assert_int_ge(wall, before);
	ck_assert_int_le(wall, (int64_t)time(NULL) + 1);
	ck_assert_int_ge(sn_clock_mono(&sn_clock_system), first);
}
END_TEST

Suite *sn_suite_clock(void)
{
	Suite *suite = suite_create("base/clock");
	TCase *tc = tcase_create("clock");
	tcase_add_loop_test(tc, test_format_time, 0, sizeof(times) / sizeof(times[0]));
	tcase_add_test(tc, test_format_time_appends);
	tcase_add_test(tc, test_fake_clock);
	tcase_add_test(tc, test_system_clock);
	suite_add_tcase(suite, tc);
	return suite;
}
