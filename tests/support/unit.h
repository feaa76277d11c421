/*
 * One unit-test program per source folder: its suites.c lists the suites, test_<file>.c holds one
 * suite per source file, unit_main.c runs them all (CK_RUN_SUITE and CK_RUN_CASE choose).
 */
#ifndef SN_TESTS_SUPPORT_UNIT_H
#define SN_TESTS_SUPPORT_UNIT_H

#include <check.h>

#include "daemon/base/str.h"

typedef Suite *(*sn_suite_fn)(void);
extern const sn_suite_fn sn_suites[]; /* ended by NULL */

/* For loops of thousands: Check writes a file record for every ck_assert that passes. */
#define ck_assert_hot(expr) \
	do { \
		if (!(expr)) \
			ck_abort_msg("Assertion '%s' failed", #expr); \
	} while (0)

#define ck_assert_str_view(view, literal) \
	do { \
		const struct sn_str ck_view_ = (view); \
		const struct sn_str ck_want_ = sn_str(literal); \
		ck_assert_msg(sn_str_eq(ck_view_, ck_want_), "%s is \"%.*s\", expected \"%.*s\"", \
			#view, SN_STR_ARG(ck_view_), SN_STR_ARG(ck_want_)); \
	} while (0)

#endif
