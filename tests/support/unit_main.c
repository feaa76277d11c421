#include "tests/support/unit.h"

#include <stdlib.h>

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
