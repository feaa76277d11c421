/* Turning a loop from a test until something has happened, with a limit that only a bug reaches. */
#ifndef SN_TESTS_SUPPORT_TURN_H
#define SN_TESTS_SUPPORT_TURN_H

#include "daemon/loop/loop.h"

#define SN_TEST_TURN_LIMIT SN_SEC(20)

/* Fails the test when the limit is reached. */
#define sn_test_turn_until(loop, condition) \
	do { \
		const int64_t limit_ = sn_clock_mono(&sn_clock_system) + SN_TEST_TURN_LIMIT; \
		while (!(condition)) { \
			sn_loop_turn((loop), SN_MS(100)); \
			ck_assert_msg(sn_clock_mono(&sn_clock_system) < limit_, \
				"never happened: %s", #condition); \
		} \
	} while (0)

#endif
