/*
 * The event loop: one per worker thread, passed as an argument, no global "current" loop.
 *
 * One turn, always in this order (asserted by a test):
 *   1. timers      every timer whose deadline has passed, oldest deadline first
 *   2. dispatch    one epoll_wait; each ready descriptor's watch is called once
 *   3. deferred    what was put off to "later in this turn": results of promises, offload, posts
 *   4. flush       each stream with new output pushes it once (one writev per stream and turn)
 *   5. closing     what was closed is freed: the only place where it is
 * Work a phase adds to itself waits for the next turn, which then does not sleep.
 *
 * Glossary
 *   watch     interest in one descriptor; a member of its owner, never allocated; stale kernel
 *             events are recognised by a generation kept per descriptor, so an owner may close,
 *             and a new owner may get the same number, inside one dispatch
 *   task      an embedded node for the deferred, flush and closing lists; added twice = added once
 *   post      a task handed over by another thread
 *
 * Ownership: the loop owns nothing it is given; owners unlink (clear, cancel) before they go.
 * Callbacks get the embedded node; sn_container_of finds the owner. None fires from inside the
 * function that registers it. Everything but sn_loop_post and sn_loop_turns belongs to the loop's
 * own thread.
 */
#ifndef SN_DAEMON_LOOP_LOOP_H
#define SN_DAEMON_LOOP_LOOP_H

#include "daemon/base/assert.h"
#include "daemon/base/clock.h"
#include "daemon/base/err.h"
#include "daemon/base/list.h"

struct sn_loop;
struct sn_watch;
struct sn_task;
struct sn_post;

/* Descriptor interest; the values are this header's own, not epoll's. */
enum sn_watch_events {
	SN_READABLE = 1,
	SN_WRITABLE = 2,
	SN_HANGUP = 4,    /* reported only: error or both directions closed */
	SN_EXCLUSIVE = 8, /* wanted only, with SN_READABLE: several processes wait for one socket,
			     and one of them, or a few, are to wake up */
};

typedef void (*sn_watch_fn)(struct sn_watch *watch, unsigned events);
typedef void (*sn_task_fn)(struct sn_task *task);
typedef void (*sn_post_fn)(struct sn_post *post);

struct sn_watch {
	int fd;          /* -1: not registered */
	unsigned events; /* wanted: SN_READABLE, SN_WRITABLE, both or 0 */
	sn_watch_fn fn;
	struct sn_loop *loop;
};

struct sn_task {
	struct sn_list link;
	sn_task_fn fn;
};

struct sn_post {
	struct sn_post *next;
	sn_post_fn fn; /* runs on the loop, in the deferred phase */
};

struct sn_loop_options {
	const struct sn_clock *clock; /* NULL: system */
	unsigned max_events;          /* events taken per turn; 0: 256 */
};

/* NULL options: all defaults. Fails with -errno (no descriptors left). */
int sn_loop_new(const struct sn_loop_options *options, struct sn_loop **loop_r) SN_WARN_UNUSED;
/* Nothing may be registered any more but posts that nobody will send again. */
void sn_loop_free(struct sn_loop **loop);

/* Turns until sn_loop_stop; returns the code given there. */
int sn_loop_run(struct sn_loop *loop);
/* The current turn is finished, then sn_loop_run returns. From the loop's thread. */
void sn_loop_stop(struct sn_loop *loop, int code);

/*
 * For a foreign loop (a GUI's): poll sn_loop_fd for readability, at most until sn_loop_timeout
 * nanoseconds from now (-1: no timer is set; 0: turn at once), then call sn_loop_turn(loop, 0).
 * sn_loop_turn sleeps at most max_wait_ns (-1: as long as there is nothing to do); a turn that
 * called a timer does not sleep.
 */
int sn_loop_fd(const struct sn_loop *loop);
int64_t sn_loop_timeout(const struct sn_loop *loop);
void sn_loop_turn(struct sn_loop *loop, int64_t max_wait_ns);

/* Monotonic time of this turn's start; refreshed after dispatch. No system call. */
int64_t sn_loop_now(const struct sn_loop *loop);
int64_t sn_loop_wall(const struct sn_loop *loop);
const struct sn_clock *sn_loop_clock(const struct sn_loop *loop);
/* Turns so far; a watchdog compares two readings (any thread). */
uint64_t sn_loop_turns(const struct sn_loop *loop);

/* Level-triggered interest in fd; the owner keeps and closes fd after sn_watch_clear. -EPERM: a
 * regular file or folder, which is never waited for; -EEXIST: fd has a watch here. */
int sn_watch_set(struct sn_loop *loop, struct sn_watch *watch, int fd, unsigned events,
	sn_watch_fn fn) SN_WARN_UNUSED;
/* Change the interest; no system call when nothing changes. 0 keeps the watch but hears only of
 * SN_HANGUP. */
void sn_watch_want(struct sn_watch *watch, unsigned events);
/* No call of fn after this returns, whatever the kernel has queued. Unset watches are fine. */
void sn_watch_clear(struct sn_watch *watch);
/* The same without a system call, for an owner who closes fd next: the kernel then forgets it by
 * itself, once the last duplicate is gone. So only where nobody keeps one (between a fork and its
 * exec a child does: events of that moment are ignored). */
void sn_watch_forget(struct sn_watch *watch);

/* Later in this turn (or in the next one when called from that very phase). fn must be set. */
void sn_loop_defer(struct sn_loop *loop, struct sn_task *task);
/* At the end of the turn, before closing. */
void sn_loop_flush(struct sn_loop *loop, struct sn_task *task);
/* The last thing that happens to an object: its fn frees it. Takes it off any other list. */
void sn_loop_closing(struct sn_loop *loop, struct sn_task *task);
/* Take a task off whatever list it is on. */
void sn_task_cancel(struct sn_task *task);

/* From any thread: run post->fn on the loop. Memory stays the caller's until fn runs. */
void sn_loop_post(struct sn_loop *loop, struct sn_post *post);

/*
 * The loop's scratch area for reading: valid during the callback that asked, free for everybody
 * afterwards. Two, because a filter reads its lower stream while filling its own input.
 */
#define SN_SCRATCH_SIZE 65536
enum sn_scratch { SN_SCRATCH_RAW, SN_SCRATCH_PLAIN };
void *sn_loop_scratch(struct sn_loop *loop, enum sn_scratch which);

#endif
