#include "daemon/base/assert.h"

#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

struct marked {
	uint32_t magic;
	int first, second;
};

static void fail_expression(void)
{
	volatile int one = 1;

	sn_assert(one == 2);
}

static void fail_unreachable(void)
{
	sn_unreachable();
}

static void fail_null(void)
{
	struct marked *volatile none = NULL;

	SN_MAGIC_CHECK(none, 0x4d41524b);
}

static void fail_magic(void)
{
	struct marked other = { .magic = 1 };

	SN_MAGIC_CHECK(&other, 0x4d41524b);
}

static const struct {
	void (*fn)(void);
	const char *says;
} deaths[] = {
	{ fail_expression, "fail_expression: check failed: one == 2" },
	{ fail_expression, "test_assert.c:" },
	{ fail_unreachable, "check failed: unreachable" },
	{ fail_null, "check failed: (none) != NULL" },
	{ fail_magic, "(&other)->magic == (0x4d41524b)" },
};

START_TEST(failed_check_kills_and_tells)
{
	ck_assert(sn_test_dies(deaths[_i].fn, deaths[_i].says));
}
END_TEST

START_TEST(backtrace_is_printed)
{
	/* Frames read "program(+0x1234) [0x...]". */
	ck_assert(sn_test_dies(fail_expression, "[0x"));
}
END_TEST

START_TEST(passed_check_evaluates_once)
{
	struct marked good = { .magic = 7 };
	int calls = 0;

	sn_assert(++calls == 1);
	SN_MAGIC_CHECK(&good, 7);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(container_of_finds_the_owner)
{
	struct marked owner = { .magic = 7 };
	int *member = &owner.second;

	ck_assert_ptr_eq(sn_container_of(member, struct marked, second), &owner);
}
END_TEST

Suite *sn_suite_assert(void)
{
	Suite *suite = suite_create("base/assert");
	TCase *tc = tcase_create("assert");

	tcase_add_loop_test(
		tc, failed_check_kills_and_tells, 0, sizeof(deaths) / sizeof(deaths[0]));
	tcase_add_test(tc, backtrace_is_printed);
	tcase_add_test(tc, passed_check_evaluates_once);
	tcase_add_test(tc, container_of_finds_the_owner);
	suite_add_tcase(suite, tc);
	return suite;
}
