#include "tests/support/unit.h"

#include <stdlib.h>

#include "daemon/base/err.h"

SN_EXPORT const char *__asan_default_options(void);

/*
 * An allocation too large fails as it does without the sanitizer, and our code has its say. Check
 * forks for each test, and each child looks for leaks at its end: the less freed memory is kept,
 * the less there is to walk through.
 */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:quarantine_size_mb=16";
}

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	for (const sn_suite_fn *suite = sn_suites; *suite != NULL; suite++)
		srunner_add_suite(runner, (*suite)());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
