#include "daemon/proc/exit_code.h"

#include <errno.h>

#include "daemon/base/err.h"
#include "tests/support/unit.h"

static const struct {
	int code, exit;
} rows[] = {
	{ SN_OK, 0 },
	{ -EADDRINUSE, 69 },
	{ -EACCES, 77 },
	{ -ENOENT, 66 },
	{ -EIO, 71 },
	{ SN_ESYNTAX, 64 },
	{ SN_ECONFIG, 78 },
	{ SN_EPROTO, 78 },
};

START_TEST(results_have_exit_codes)
{
	ck_assert_int_eq(sn_exit_code(rows[_i].code), rows[_i].exit);
}
END_TEST

Suite *exit_code_suite(void);
Suite *exit_code_suite(void)
{
	Suite *s = suite_create("proc/exit_code");
	TCase *tc = tcase_create("exit_code");

	tcase_add_loop_test(tc, results_have_exit_codes, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(s, tc);
	return s;
}
