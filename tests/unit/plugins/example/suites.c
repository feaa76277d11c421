#include "tests/support/unit.h"

Suite *sn_suite_echo(void);

const sn_suite_fn sn_suites[] = {
	sn_suite_echo,
	NULL,
};
