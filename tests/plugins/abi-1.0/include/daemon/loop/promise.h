/*
 * Promise: the one result of one operation that another party must answer (resolver, connector,
 * checker, thread pool). Not for plain calls: what can answer at once returns a code.
 *
 * Producer side: a promise is the first or any embedded member of the operation's own struct,
 * which carries the value; the consumer gets the operation by the producer's typed accessor.
 * Consumer side: one embedded waiter. Rules, each with a test:
 *   - resolves once; resolving twice is a programmer error
 *   - the waiter is called from the deferred phase, never before the starter returned
 *   - after sn_promise_cancel the waiter is not called; the producer's cancel stops the work
 *   - the memory belongs to the producer's `free`, which the loop's closing list calls after the
 *     waiter returned, or after cancel: a consumer never frees, never touches it afterwards
 */
#ifndef SN_DAEMON_LOOP_PROMISE_H
#define SN_DAEMON_LOOP_PROMISE_H

#include "daemon/loop/timer.h"

struct sn_promise;
struct sn_waiter;

struct sn_promise_ops {
	/* The consumer lost interest while pending: stop the work. May finish asynchronously, but
	 * must not resolve. NULL: nothing to stop. Called at most once. */
	void (*cancel)(struct sn_promise *p);
	/* From the closing phase, once: free the operation. A producer whose work cannot be
	 * stopped at once (a thread) keeps a count of its own here. */
	void (*free)(struct sn_promise *p);
};

enum sn_promise_state {
	SN_PROMISE_PENDING,
	SN_PROMISE_RESOLVED,
	SN_PROMISE_DELIVERED,
	SN_PROMISE_CANCELED
};

struct sn_promise {
	const struct sn_promise_ops *ops;
	struct sn_loop *loop;
	struct sn_waiter *waiter;
	struct sn_task task;
	enum sn_promise_state state;
	int code; /* SN_OK or a failure; valid once resolved */
};

/* code is p->code; the value is read from the operation around p, during this call. */
typedef void (*sn_waiter_fn)(struct sn_waiter *w, struct sn_promise *p, int code);

/* A member of the consumer. */
struct sn_waiter {
	struct sn_promise *promise; /* NULL: not waiting */
	sn_waiter_fn fn;
};

void sn_promise_init(struct sn_loop *loop, struct sn_promise *p, const struct sn_promise_ops *ops);
/* Producer: the answer. The waiter hears it in the deferred phase. */
void sn_promise_resolve(struct sn_promise *p, int code);
/* Consumer: wait for p. A promise has one waiter. */
void sn_promise_wait(struct sn_promise *p, struct sn_waiter *w, sn_waiter_fn fn);
/* Consumer: not interested any more (whatever its state). w is free at once. */
void sn_waiter_cancel(struct sn_waiter *w);
static inline bool sn_waiter_waiting(const struct sn_waiter *w)
{
	return w->promise != NULL;
}

/*
 * Combinators; they take over the promises they are given and cancel those still pending when
 * they are canceled themselves.
 */
/* Resolves when all have: SN_OK, or the first failure (the rest is canceled). Each result is seen
 * through on_each (may be NULL) as it arrives. count >= 1. */
typedef void (*sn_all_fn)(struct sn_promise *all, size_t index, struct sn_promise *p, int code);
struct sn_promise *sn_promise_all(struct sn_loop *loop, struct sn_promise *const *promises,
	size_t count, sn_all_fn on_each) SN_WARN_UNUSED;
/* inner's result, or SN_ETIMEOUT after delay_ns (inner is canceled). */
struct sn_promise *sn_promise_timeout(
	struct sn_loop *loop, struct sn_promise *inner, int64_t delay_ns) SN_WARN_UNUSED;
/* The promise inside a timeout, for its value, during the waiter's call; NULL after a timeout. */
struct sn_promise *sn_promise_inner(struct sn_promise *timeout);

#endif
