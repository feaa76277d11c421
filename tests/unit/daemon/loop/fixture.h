/* What the suites of this folder share: one loop per test, and tests of assertions. */
#ifndef SN_TESTS_UNIT_DAEMON_LOOP_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_LOOP_FIXTURE_H

#include "daemon/loop/loop.h"
#include "tests/support/unit.h"

extern struct sn_loop *loop;
extern struct sn_fake_clock fake; /* the loop's clock in tests set up with fake_loop_setup */

void loop_setup(void);      /* system clock */
void fake_loop_setup(void); /* fake clock; turn with turn() or sn_loop_turn(loop, 0) only */
void loop_teardown(void);

void turn(void);                   /* without sleeping */
void turn_until(const bool *flag); /* sleeping */
void advance_and_turn(int64_t ns);

/* fn fails an assertion, in a process of its own. */
void assert_dies(void (*fn)(void));

/* A pipe whose ends close on exec. */
void open_pipe(int ends[2]);

#endif
