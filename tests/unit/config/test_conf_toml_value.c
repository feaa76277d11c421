#include "config/conf_toml_value.h"

#include <locale.h>
#include <math.h>

#include "tests/support/unit.h"

Suite *sn_suite_conf_toml_value(void);

static struct sn_pool *pool;

static void set_up(void)
{
	pool = sn_pool_new(0);
}

static void tear_down(void)
{
	sn_pool_free(&pool);
}

static const struct {
	const char *token;
	int64_t value;
} integers[] = {
	{ "0", 0 },
	{ "-0", 0 },
	{ "1_000_000", 1000000 },
	{ "-9223372036854775808", INT64_MIN },
	{ "0x7FFF_ffff_ffff_ffff", INT64_MAX },
	{ "0o777", 511 },
	{ "0b1111_0000", 240 },
};

START_TEST(test_integer)
{
	struct sn_toml_value value;

	ck_assert_ptr_null(sn_toml_number(pool, sn_str(integers[_i].token), &value));
	ck_assert_int_eq(value.kind, SN_TOML_INTEGER);
	ck_assert_int_eq(value.integer, integers[_i].value);
}
END_TEST

static const struct {
	const char *token;
	double value;
} reals[] = {
	{ "0.1", 0.1 },
	{ "-2E-3", -2e-3 },
	{ "6.02_2e2_3", 6.022e23 },
	{ "9007199254740993.0", 9007199254740992.0 },
	{ "4.9406564584124654e-324", 4.9406564584124654e-324 },
	{ "1e400", INFINITY },
	{ "-inf", -INFINITY },
};

START_TEST(test_real)
{
	struct sn_toml_value value;

	ck_assert_ptr_null(sn_toml_number(pool, sn_str(reals[_i].token), &value));
	ck_assert_int_eq(value.kind, SN_TOML_FLOAT);
	ck_assert(value.real == reals[_i].value);
}
END_TEST

START_TEST(test_not_a_number)
{
	struct sn_toml_value value;

	ck_assert_ptr_null(sn_toml_number(pool, SN_STR("+nan"), &value));
	ck_assert(isnan(value.real) && !signbit(value.real));
	ck_assert_ptr_null(sn_toml_number(pool, SN_STR("-nan"), &value));
	ck_assert(isnan(value.real) && signbit(value.real));
	ck_assert_ptr_null(sn_toml_number(pool, SN_STR("-0.0"), &value));
	ck_assert(value.real == 0 && signbit(value.real));
}
END_TEST

/* Where a comma is the decimal point, a point still is here. */
START_TEST(test_locale)
{
	struct sn_toml_value value;
	locale_t german = newlocale(LC_NUMERIC_MASK, "de_DE.UTF-8", (locale_t)0);
	locale_t before = german != (locale_t)0 ? uselocale(german) : (locale_t)0;

	ck_assert_ptr_null(sn_toml_number(pool, SN_STR("1.5"), &value));
	ck_assert(value.real == 1.5);
	if (german != (locale_t)0) {
		(void)uselocale(before);
		freelocale(german);
	}
}
END_TEST

START_TEST(test_datetime)
{
	struct sn_toml_value value;

	ck_assert_ptr_null(sn_toml_datetime(SN_STR("2026-11-20T11:05:46.123-01:30"), &value));
	ck_assert_int_eq(value.kind, SN_TOML_OFFSET_DATETIME);
	ck_assert_int_eq(value.datetime.year, 2026);
	ck_assert_int_eq(value.datetime.month, 11);
	ck_assert_int_eq(value.datetime.day, 20);
	ck_assert_int_eq(value.datetime.hour, 11);
	ck_assert_int_eq(value.datetime.minute, 5);
	ck_assert_int_eq(value.datetime.second, 46);
	ck_assert_uint_eq(value.datetime.nanosecond, 123000000);
	ck_assert_int_eq(value.datetime.offset_minutes, -90);
	ck_assert_ptr_null(sn_toml_datetime(SN_STR("11:05:46"), &value));
	ck_assert_int_eq(value.kind, SN_TOML_LOCAL_TIME);
	ck_assert_int_eq(value.datetime.year, 0);
}
END_TEST

/* Every day that exists, and the one after each month's last, which does not. */
START_TEST(test_calendar)
{
	static const int years[] = { 1900, 2000, 2023, 2024, 2100 };
	static const int february[] = { 28, 29, 28, 29, 28 };
	static const int days[] = { 31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct sn_toml_value value;

	for (int month = 1; month <= 12; month++) {
		int last = month == 2 ? february[_i] : days[month - 1];

		for (int day = 0; day <= last + 1; day++) {
			const char *token =
				sn_pool_printf(pool, "%04d-%02d-%02d", years[_i], month, day);
			const char *fault = sn_toml_datetime(sn_str(token), &value);

			ck_assert_msg((fault == NULL) == (day >= 1 && day <= last), "%s", token);
		}
	}
}
END_TEST

Suite *sn_suite_conf_toml_value(void)
{
	Suite *suite = suite_create("conf_toml_value");
	TCase *tc = tcase_create("conf_toml_value");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_integer, 0, (int)(sizeof(integers) / sizeof(integers[0])));
	tcase_add_loop_test(tc, test_real, 0, (int)(sizeof(reals) / sizeof(reals[0])));
	tcase_add_test(tc, test_not_a_number);
	tcase_add_test(tc, test_locale);
	tcase_add_test(tc, test_datetime);
	tcase_add_loop_test(tc, test_calendar, 0, 5);
	return suite;
}
