/* What must kill the process, tried in a child so that it also works with CK_FORK=no. */
#ifndef SN_TESTS_SUPPORT_DEATH_H
#define SN_TESTS_SUPPORT_DEATH_H

#include <stdbool.h>

/* True when fn ends its process by SIGABRT with a line on stderr that contains text. */
bool sn_test_dies(void (*fn)(void), const char *text);

#endif
