/*
 * Stream: one type for bytes in both directions over a socket, a TLS filter on another stream, a
 * child's pipes, or a memory pair in tests. Protocols see only this.
 *
 * Input.  The stream reads when its user wants input and the input limit allows, puts bytes into
 *   s->in and calls on_input once per turn. The user consumes views of it; what it leaves stays and
 *   counts against the limit: when the buffer is full reading stops until something is consumed
 *   (sn_stream_consume starts it again). on_input comes again when more bytes have arrived, and
 *   for a new user when bytes are there already; on_eof, too.
 * Output. The user appends to s->out (sn_stream_write, or the chain itself and then
 *   sn_stream_flush); at the end of the turn everything goes out in one writev or sendfile. Above
 *   `high` queued bytes sn_stream_congested() is true; when the queue falls to `low` on_drained
 *   is called once. Above `max` bytes in memory (file ranges hold none) what the peer takes goes
 * out at once; if that is not enough the stream aborts with SN_ELIMIT: a reader that never reads.
 * End.    Three ways, one path: peer's end of stream (on_eof; the default is sn_stream_close), the
 *   user's sn_stream_close (flush, shut down, then end) and sn_stream_abort or an error (end now).
 *   All lead to exactly one on_end(code), from the deferred phase, and then to on_free from the
 *   closing phase, after which the memory is the owner's to free. After on_end no other event
 * comes. sn_stream_close lingers: the peer is told that no more comes, and until it ends too its
 * bytes are read and dropped, so that no reset destroys what it has not read yet. After close the
 * user hears nothing but on_end. Deadlines, all relative and re-armed by activity; 0 = none:
 *   handshake   until on_ready;  idle   no byte either way;
 *   write       output queued and no progress;
 *   close       from sn_stream_close, or the last progress of what was queued then, to the end.
 * Each ends the stream with SN_ETIMEOUT; only lingering that takes too long is an orderly end.
 *
 * Layers. A filter (TLS) has a `lower` stream; the user always holds the top one. Closing the top
 * closes all; the top's on_free comes after the lower ones are freed.
 *
 * Ownership: sn_stream_fd and friends are members of the owner's struct, or allocated by *_new
 * and then freed by the loop after on_free. The user is an embedded struct sn_stream_user.
 */
#ifndef SN_DAEMON_NET_STREAM_H
#define SN_DAEMON_NET_STREAM_H

#include "daemon/base/buf.h"
#include "daemon/base/chain.h"
#include "daemon/loop/timer.h"
#include "daemon/net/addr.h"

struct sn_stream;
struct sn_stream_user;
struct sn_tls_info;

struct sn_stream_events {
	/* Ready to carry data: connected, handshake done. At once for plain accepted sockets,
	 * but never from inside a call of the user's. A user set on an open stream hears it too.
	 * Always before on_input. May be NULL. */
	void (*on_ready)(struct sn_stream_user *user);
	void (*on_input)(struct sn_stream_user *user);
	void (*on_drained)(struct sn_stream_user *user); /* may be NULL */
	/* Peer will send no more; unread bytes may be left in `in`. Not while paused.
	 * NULL: sn_stream_close. */
	void (*on_eof)(struct sn_stream_user *user);
	/* It is over: SN_CLOSE (orderly) or a failure. Nothing can be sent any more. */
	void (*on_end)(struct sn_stream_user *user, int code);
	/* From the closing phase: nothing refers to the stream; free the owner here. May be NULL.
	 */
	void (*on_free)(struct sn_stream_user *user);
};

struct sn_stream_user {
	const struct sn_stream_events *events;
	struct sn_stream *stream; /* the top of its stack; NULL after on_free */
};

struct sn_stream_limits {
	size_t in_max;         /* unread input */
	size_t low, high, max; /* output water marks and hard limit, bytes */
};

struct sn_stream_deadlines {
	int64_t handshake, idle, write, close; /* ns; 0: none */
};

/* What a kind of stream does; for implementers (stream_fd.c, stream_tls.c, stream_mem.c, plugins).
 * All are called by stream.c only. */
struct sn_stream_ops {
	const char *name;
	/* Read into s->in (lend scratch first if it is empty). SN_OK: bytes came; SN_AGAIN: none
	 * now; SN_CLOSE: end of stream; or a failure. What the kernel does not report again (a
	 * filter's, a memory stream's) must be taken until it is dry or s->in is full; if there is
	 * more, or the end is known already, set s->more and pull is called again when due. */
	int (*pull)(struct sn_stream *s);
	/* Write from s->out, consuming it. SN_OK: all gone; SN_AGAIN: the rest later (the ops
	 * arrange to call sn_stream_writable); or a failure. */
	int (*push)(struct sn_stream *s);
	/* Input wanted or not. */
	void (*want_input)(struct sn_stream *s, bool want);
	/* Output is empty and no more will come. SN_OK: the peer was told, linger until it ends too
	 * (a filter: until lower, which stream.c closes now, ends); SN_CLOSE: nothing to wait for;
	 * SN_AGAIN: to be called again after sn_stream_writable; or a failure. */
	int (*shutdown)(struct sn_stream *s);
	/* Release everything but the struct; no I/O after this. Called once, just before on_end,
	 * with no other ops of this stream on the stack. stream.c aborts lower afterwards. */
	void (*release)(struct sn_stream *s);
};

enum sn_stream_state {
	SN_STREAM_CONNECTING, /* until on_ready */
	SN_STREAM_OPEN,
	SN_STREAM_CLOSING,   /* flushing the rest, then shutdown */
	SN_STREAM_LINGERING, /* shut down, waiting for the peer's end */
	SN_STREAM_ENDED,     /* on_end is due or was called */
	SN_STREAM_FREED,
};

#define SN_STREAM_MAGIC 0x53745265u

struct sn_stream {
	uint32_t magic;
	enum sn_stream_state state;
	const struct sn_stream_ops *ops;
	struct sn_loop *loop;
	struct sn_stream *lower, *upper;
	struct sn_stream_user *user;
	struct sn_buf in;
	struct sn_chain out;
	struct sn_chain *sink; /* swallows what is written after close; NULL: nothing was */
	struct sn_stream_limits limits;
	struct sn_stream_deadlines deadlines;
	int64_t activity, progress, began; /* monotonic: last byte either way; last write
					      progress; begin of the present state */
	struct sn_task event_task, flush_task, closing_task;
	struct sn_timer timer;
	unsigned pending; /* events to deliver, private to stream.c */
	int end_code;
	bool paused, eof, congested, heap;
	bool blocked;        /* waiting for sn_stream_writable */
	bool reading;        /* what want_input was told last */
	bool more;           /* there is something to pull that nobody will report again */
	uint64_t input_turn; /* the loop's turn of the last on_input */
	uint64_t bytes_in, bytes_out;
	uint64_t reserved_[4]; /* for members of later minors; zero (decisions/0009) */
};

/* --- for users ------------------------------------------------------------------------------ */

/* Who hears the events from now on; replaces the former user. */
void sn_stream_set_user(struct sn_stream *s, struct sn_stream_user *user);
void sn_stream_set_limits(struct sn_stream *s, const struct sn_stream_limits *limits);
/* A filter's lower stream takes over write and close. */
void sn_stream_set_deadlines(struct sn_stream *s, const struct sn_stream_deadlines *deadlines);

static inline struct sn_str sn_stream_input(const struct sn_stream *s)
{
	return sn_buf_view(&s->in);
}
void sn_stream_consume(struct sn_stream *s, size_t n);
/* No on_input and no on_eof until resumed; bytes that are there already are kept. on_input comes
 * again after resume if unread bytes are left. */
void sn_stream_pause(struct sn_stream *s);
void sn_stream_resume(struct sn_stream *s);

/* Queue a copy and flush at the end of the turn. After close or end: dropped silently. */
void sn_stream_write(struct sn_stream *s, struct sn_str data);
void sn_stream_write_block(struct sn_stream *s, struct sn_block *block); /* shares all of it */
/* Append to this, then call sn_stream_flush. Ask for it anew each time. */
struct sn_chain *sn_stream_out(struct sn_stream *s);
void sn_stream_flush(struct sn_stream *s);
static inline bool sn_stream_congested(const struct sn_stream *s)
{
	return s->congested;
}
static inline size_t sn_stream_queued(const struct sn_stream *s)
{
	return s->out.bytes;
}

void sn_stream_close(struct sn_stream *s);
/* code: what on_end gets; a failure, or SN_CLOSE. */
void sn_stream_abort(struct sn_stream *s, int code);
static inline bool sn_stream_is_open(const struct sn_stream *s)
{
	return s->state <= SN_STREAM_OPEN;
}

/* Who is at the other end of a unix socket below, as the kernel says (SO_PEERCRED): the user that
 * it ran as when it connected. SN_ENOTFOUND: no unix socket. */
int sn_stream_peer_uid(const struct sn_stream *s, uid_t *uid_r) SN_WARN_UNUSED;

/* Facts about the TLS layer in the stack (tls.h), or NULL when it is plain. */
const struct sn_tls_info *sn_stream_tls_info(const struct sn_stream *s);

/* --- for implementers ----------------------------------------------------------------------- */

/* State CONNECTING; limits 64 KiB in, 64/256 KiB, 16 MiB max; no deadline but 5 s to close.
 * heap: freed after on_free. */
void sn_stream_init(
	struct sn_stream *s, struct sn_loop *loop, const struct sn_stream_ops *ops, bool heap);
void sn_stream_ready(struct sn_stream *s);    /* CONNECTING -> OPEN */
void sn_stream_readable(struct sn_stream *s); /* something can be pulled */
void sn_stream_writable(struct sn_stream *s); /* push can go on */
/*
 * Put the filter s on top of lower: s takes over lower's user, limits and deadlines, and `filter`
 * hears lower's events from now on. It answers on_input and on_eof with sn_stream_readable(s),
 * on_drained with sn_stream_writable(s), on_end with sn_stream_abort(s, code); it needs no on_ready
 * and no on_free. Its want_input pauses and resumes lower.
 */
void sn_stream_stack(struct sn_stream *s, struct sn_stream *lower, struct sn_stream_user *filter);
/* For a filter's push and shutdown: lower's queue goes out now, not in the next flush phase. */
void sn_stream_flush_now(struct sn_stream *s);

/* --- to another process --------------------------------------------------------------------- */

struct sn_reader;
struct sn_strbuf;
/* Can it go on elsewhere: open, a plain socket, nothing on top, no file among what is queued? */
bool sn_stream_can_move(const struct sn_stream *s);
/* What it holds, as bytes: unread and unsent data, times, counters. */
void sn_stream_freeze(const struct sn_stream *s, struct sn_strbuf *out);
/* Take the descriptor of a stream that can move; the stream is aborted with this code, and what it
 * held is dropped. */
int sn_stream_take_fd(struct sn_stream *s, int code);
/* A fresh stream on the same socket, limits, deadlines and user set: open as the frozen one was.
 * Its user hears of what was due there, but not on_ready. SN_EEOF, SN_ELIMIT: nothing has happened;
 * abort it. */
int sn_stream_thaw(struct sn_stream *s, struct sn_reader *in) SN_WARN_UNUSED;

/* --- kinds ---------------------------------------------------------------------------------- */

/* A connected stream socket, pipe or tty. Takes over the descriptors (both may be the same; two
 * for a child's stdin and stdout). */
struct sn_stream_fd {
	struct sn_stream stream; /* first member */
	struct sn_watch rd, wr;  /* wr is used only with two descriptors */
	int rfd, wfd;
	bool is_socket;
	bool sole;                     /* nobody has a duplicate of rfd */
	bool rd_blocking, wr_blocking; /* how they came: put back at the end */
};
/* In caller's memory; state CONNECTING until sn_stream_ready (accepted: call it at once). After a
 * failure the descriptors are still the caller's. */
int sn_stream_fd_init(
	struct sn_stream_fd *s, struct sn_loop *loop, int rfd, int wfd) SN_WARN_UNUSED;
/* The same for a socket just accepted: non-blocking, and known to nobody else. Spares asking. */
int sn_stream_fd_init_socket(struct sn_stream_fd *s, struct sn_loop *loop, int fd) SN_WARN_UNUSED;
int sn_stream_fd_new(struct sn_loop *loop, int rfd, int wfd, struct sn_stream **s_r) SN_WARN_UNUSED;

/* Two connected memory streams, for tests and internal pairs: what one writes the other reads, at
 * the earliest in the next phase. capacity: bytes in flight each way before writing blocks. */
void sn_stream_mem_pair(
	struct sn_loop *loop, size_t capacity, struct sn_stream **a_r, struct sn_stream **b_r);

#endif
