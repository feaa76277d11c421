/*
 * Results of every fallible function, and the text for people.
 *
 * A result is an int. Zero and above say how it went; below zero is a failure: -errno for what
 * the system reported, -1000 and lower for our own codes (err.def). Three classes, never mixed:
 *   programmer error   sn_assert: the worker dies, a supervisor restarts it
 *   peer error         a code; the connection closes; a metric counts it
 *   environment error  (EMFILE, ENOSPC) a code; back off, log at most once a second
 */
#ifndef SN_DAEMON_BASE_ERR_H
#define SN_DAEMON_BASE_ERR_H

#include <stddef.h>
#include <stdarg.h>

enum sn_result {
	SN_OK = 0,
	SN_AGAIN = 1, /* nothing wrong: more input, or a writable peer, is needed first */
	/* The answer comes later through a promise or callback, never before return. */
	SN_PENDING = 2,
	/* Orderly end of stream; or, from a handler: flush what is queued, then close. */
	SN_CLOSE = 3,
#define SN_ERR(name, value, text) SN_##name = (value),
#include "daemon/base/err.def"
#undef SN_ERR
};

#define SN_WARN_UNUSED __attribute__((warn_unused_result))
#define SN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SN_NORETURN __attribute__((noreturn))
#define SN_EXPORT __attribute__((visibility("default")))

/* Text for any result; a static string, never NULL. */
const char *sn_strerror(int code);
/* Stable short name ("ELIMIT", "ENOENT", "OK") for logs and tests; never NULL. */
const char *sn_errname(int code);

/*
 * The human detail of one failure, for places where a person wrote the input: endpoint strings,
 * configuration, command line, plugins, certificates. Lives in the caller's frame.
 */
struct sn_diag {
	int code;
	size_t column; /* 1-based byte column in the text that was parsed; 0: no single place */
	char text[400];
};

/* Fill *diag (may be NULL) and return code, so that `return sn_diag_set(...)` reads as one step. */
int sn_diag_set(struct sn_diag *diag, int code, size_t column, const char *fmt, ...)
	SN_PRINTF(4, 5);

#endif
