/*
 * A stream user that records what it hears and can act on it, and the turning of a loop until
 * something is so. Every event checks the promises of stream.h that hold always: at most one
 * on_input a turn, nothing from inside a call of the user's, nothing after on_end but on_free.
 */
#ifndef SN_TESTS_UNIT_DAEMON_NET_PROBE_H
#define SN_TESTS_UNIT_DAEMON_NET_PROBE_H

#include "daemon/base/strbuf.h"
#include "daemon/net/stream.h"
#include "tests/support/unit.h"

struct probe;
typedef void (*probe_fn)(struct probe *p);

struct probe {
	struct sn_stream_user user;
	struct sn_strbuf got; /* consumed input */
	size_t bite;          /* most bytes consumed in one on_input; 0: all */
	bool hoards;          /* on_input consumes nothing */
	probe_fn on_input;    /* called after consuming; may be NULL */
	probe_fn on_end;
	probe_fn on_free;
	bool keeps_open; /* on_eof does nothing */
	bool calling;    /* the test is inside a call into the stream */
	unsigned ready, inputs, drained, eofs, ends, frees;
	int code; /* of on_end */
	uint64_t input_turn;
	void *context; /* of who installed the hooks */
};

void probe_init(struct probe *p, struct sn_stream *s);
void probe_fini(struct probe *p);

/* A call from the outside, during which no event may come. */
#define PROBE_CALL(p, call) \
	do { \
		(p)->calling = true; \
		call; \
		(p)->calling = false; \
	} while (0)

#define TURN_UNTIL(loop, condition) \
	do { \
		for (int turn_ = 0; turn_ < 20000 && !(condition); turn_++) \
			sn_loop_turn((loop), SN_MS(20)); \
		ck_assert_msg((condition), "never: %s", #condition); \
	} while (0)

/* Turns that have nothing to wait for. */
void turn_some(struct sn_loop *loop, unsigned turns);

/* n bytes that repeat only after 251. */
char *pattern_new(size_t n);

/* Every child of this process has been reaped. */
bool no_children(void);

/* A connected pair of TCP sockets on loopback, non-blocking. */
void tcp_pair(int fds[2]);

#endif
