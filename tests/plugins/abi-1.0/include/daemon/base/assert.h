/*
 * Checks for programmer errors: always on, also in production. Never for what a peer or an
 * operator can cause. A failed check prints expression, place and backtrace, then aborts.
 */
#ifndef SN_DAEMON_BASE_ASSERT_H
#define SN_DAEMON_BASE_ASSERT_H

#include "daemon/base/err.h"

SN_NORETURN void sn_assert_failed(const char *expr, const char *file, int line, const char *func);

#define sn_assert(expr) \
	(__builtin_expect(!!(expr), 1) ? (void)0 \
				       : sn_assert_failed(#expr, __FILE__, __LINE__, __func__))
#define sn_unreachable() sn_assert_failed("unreachable", __FILE__, __LINE__, __func__)

/* Object marks, checked where a pointer enters from a plugin or a table (conn, stream, service). */
#define SN_MAGIC_CHECK(obj, mark) sn_assert((obj) != NULL && (obj)->magic == (mark))

#define sn_container_of(ptr, type, member) \
	((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#endif
