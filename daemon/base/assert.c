#include "daemon/base/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes straight to the descriptor: the heap and stdio may be what is broken. */
void sn_assert_failed(const char *expr, const char *file, int line, const char *func)
{
	void *frames[48];
	int count;

	dprintf(STDERR_FILENO, "%s:%d: %s: check failed: %s\n", file, line, func, expr);
	count = backtrace(frames, sizeof(frames) / sizeof(frames[0]));
	backtrace_symbols_fd(frames, count, STDERR_FILENO);
	abort();
}
