#include "daemon/net/stream.h"

#include "daemon/base/mem.h"
#include "daemon/base/wire.h"

/* What is to be told to the user, or done for the stream, in the deferred phase. */
enum {
	EV_READY = 1,
	EV_PULL = 2, /* pull again: s->more */
	EV_INPUT = 4,
	EV_EOF = 8,
	EV_DRAINED = 16,
	EV_END = 32,
};
#define EV_INPUT_SIDE (EV_PULL | EV_INPUT | EV_EOF)

#define DEFAULT_CLOSE SN_SEC(5)

static const struct sn_stream_limits default_limits = {
	.in_max = 64 * 1024,
	.low = 64 * 1024,
	.high = 256 * 1024,
	.max = 16 * 1024 * 1024,
};

static void notify(struct sn_stream *s, unsigned event)
{
	s->pending |= event;
	sn_loop_defer(s->loop, &s->event_task);
}

/* --- deadlines: one timer, armed for the nearest and looked at again only when it fires --------
 */

static int64_t deadline(int64_t since, int64_t span)
{
	return span > 0 ? since + span : INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t write_deadline(const struct sn_stream *s)
{
	if (!s->blocked || s->out.bytes == 0)
		return INT64_MAX;
	return deadline(s->progress, s->deadlines.write);
}

static int64_t close_deadline(const struct sn_stream *s)
{
	return deadline(s->progress > s->began ? s->progress : s->began, s->deadlines.close);
}

static int64_t next_deadline(const struct sn_stream *s)
{
	const struct sn_stream_deadlines *d = &s->deadlines;

	switch (s->state) {
	case SN_STREAM_CONNECTING:
		return deadline(s->began, d->handshake);
	case SN_STREAM_OPEN:
		return earlier(deadline(s->activity, d->idle), write_deadline(s));
	case SN_STREAM_CLOSING:
		return earlier(close_deadline(s), write_deadline(s));
	case SN_STREAM_LINGERING:
		return deadline(s->began, d->close > 0 ? d->close : DEFAULT_CLOSE);
	default:
		return INT64_MAX;
	}
}

static void on_deadline(struct sn_timer *timer);

/* A deadline that moved away is noticed when the timer fires; only a nearer one moves the timer. */
static void arm(struct sn_stream *s)
{
	int64_t at = next_deadline(s);

	if (at == INT64_MAX || (sn_timer_armed(&s->timer) && s->timer.deadline <= at))
		return;
	sn_timer_set_at(s->loop, &s->timer, at, on_deadline);
}

static void enter(struct sn_stream *s, enum sn_stream_state state)
{
	s->state = state;
	s->began = sn_loop_now(s->loop);
	arm(s);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The only way to the end, from whatever state. */
static void finish(struct sn_stream *s, int code)
{
	if (s->state >= SN_STREAM_ENDED)
		return;
	s->state = SN_STREAM_ENDED;
	s->end_code = code;
	sn_timer_clear(&s->timer);
	sn_task_cancel(&s->flush_task);
	s->pending = 0;
	notify(s, EV_END);
}

/* After the orderly shutdown nothing can fail that the user needs to know. */
static void fail(struct sn_stream *s, int code)
{
	finish(s, s->state == SN_STREAM_LINGERING ? SN_CLOSE : code);
}

static void on_deadline(struct sn_timer *timer)
{
	struct sn_stream *s = sn_container_of(timer, struct sn_stream, timer);

	if (next_deadline(s) > sn_loop_now(s->loop))
		arm(s);
	else
		fail(s, SN_ETIMEOUT);
}

static bool end_told(const struct sn_stream *s)
{
	return s->state == SN_STREAM_ENDED && !(s->pending & EV_END);
}

static void on_closing(struct sn_task *task)
{
	struct sn_stream *s = sn_container_of(task, struct sn_stream, closing_task);
	struct sn_stream *upper = s->upper;
	struct sn_stream_user *user = s->user;
	bool heap = s->heap;

	s->state = SN_STREAM_FREED;
	s->magic = 0;
	sn_task_cancel(&s->event_task);
	sn_buf_fini(&s->in);
	sn_chain_fini(&s->out);
	if (s->sink != NULL)
		sn_chain_fini(s->sink);
	sn_free(s->sink);
	if (upper != NULL) {
		upper->lower = NULL;
		if (end_told(upper))
			sn_loop_closing(upper->loop, &upper->closing_task);
	}
	if (user != NULL) {
		user->stream = NULL;
		if (user->events->on_free != NULL)
			user->events->on_free(user);
	}
	if (heap)
		sn_free(s);
}

static void tell_end(struct sn_stream *s)
{
	s->pending = 0;
	s->ops->release(s);
	sn_chain_clear(&s->out);
	if (s->lower != NULL)
		sn_stream_abort(s->lower, SN_CLOSE);
	else
		sn_loop_closing(s->loop, &s->closing_task);
	if (s->user != NULL)
		s->user->events->on_end(s->user, s->end_code);
}

/* --- input ------------------------------------------------------------------------------------ */

static bool wants_input(const struct sn_stream *s)
{
	if (s->eof)
		return false;
	if (s->state <= SN_STREAM_OPEN)
		return !s->paused && s->in.n < s->limits.in_max;
	return s->state < SN_STREAM_ENDED; /* to drop it */
}

static void update_interest(struct sn_stream *s)
{
	bool want = wants_input(s);

	if (want != s->reading) {
		s->reading = want;
		s->ops->want_input(s, want);
	}
	if (want && s->more)
		notify(s, EV_PULL);
}

static void hear_input(struct sn_stream *s)
{
	uint64_t turn = sn_loop_turns(s->loop);

	if (s->state != SN_STREAM_OPEN || s->paused || s->user == NULL || s->in.n == 0)
		return;
	if (s->input_turn == turn) {
		notify(s, EV_INPUT);
		return;
	}
	s->input_turn = turn;
	s->pending &= ~(unsigned)EV_INPUT;
	s->user->events->on_input(s->user);
}

static void hear_eof(struct sn_stream *s)
{
	if (s->state != SN_STREAM_OPEN)
		return;
	if (s->user != NULL && s->user->events->on_eof != NULL)
		s->user->events->on_eof(s->user);
	else
		sn_stream_close(s);
}

static void meet_eof(struct sn_stream *s)
{
	s->eof = true;
	if (s->state == SN_STREAM_CONNECTING)
		finish(s, SN_EEOF);
	else if (s->state == SN_STREAM_LINGERING)
		finish(s, SN_CLOSE);
	else if (s->pending & EV_INPUT)
		notify(s, EV_EOF);
	else
		hear_eof(s);
}

static void count_input(struct sn_stream *s, size_t had)
{
	if (s->in.n <= had)
		return;
	s->activity = sn_loop_now(s->loop);
	s->bytes_in += s->in.n - had;
}

static void take(struct sn_stream *s)
{
	size_t had;
	int rc;

	s->more = false;
	if (s->state > SN_STREAM_OPEN)
		sn_buf_clear(&s->in);
	had = s->in.n;
	rc = s->ops->pull(s);
	count_input(s, had);
	if (s->state > SN_STREAM_OPEN)
		sn_buf_clear(&s->in);
	else if (rc == SN_OK)
		hear_input(s);
	sn_buf_settle(&s->in);
	if (rc == SN_CLOSE)
		meet_eof(s);
	else if (rc < 0)
		fail(s, rc);
	if (s->state < SN_STREAM_ENDED)
		update_interest(s);
}

/* --- output ----------------------------------------------------------------------------------- */

static void set_blocked(struct sn_stream *s, bool blocked)
{
	s->blocked = blocked;
	if (blocked)
		arm(s);
}

/* What is queued while blocked waits with the rest, whose deadline it does not move. */
static void schedule_flush(struct sn_stream *s)
{
	if (s->blocked)
		return;
	s->progress = sn_loop_now(s->loop);
	sn_loop_flush(s->loop, &s->flush_task);
}

static void push(struct sn_stream *s)
{
	size_t queued = s->out.bytes;
	int rc = s->ops->push(s);

	if (s->state >= SN_STREAM_ENDED)
		return;
	if (s->out.bytes < queued) {
		s->activity = s->progress = sn_loop_now(s->loop);
		s->bytes_out += queued - s->out.bytes;
	}
	if (rc < 0) {
		finish(s, rc);
		return;
	}
	set_blocked(s, rc == SN_AGAIN);
	if (s->congested && s->out.bytes <= s->limits.low) {
		s->congested = false;
		notify(s, EV_DRAINED);
	}
}

static void shut_down(struct sn_stream *s)
{
	int rc = s->ops->shutdown(s);

	if (s->state >= SN_STREAM_ENDED)
		return;
	if (rc == SN_AGAIN) {
		set_blocked(s, true);
		return;
	}
	if (rc != SN_OK || (s->eof && s->lower == NULL)) {
		finish(s, rc == SN_OK ? SN_CLOSE : rc);
		return;
	}
	enter(s, SN_STREAM_LINGERING);
	if (s->lower != NULL)
		sn_stream_close(s->lower);
	update_interest(s);
}

static void drive_output(struct sn_stream *s)
{
	if (s->blocked || s->state == SN_STREAM_CONNECTING || s->state >= SN_STREAM_LINGERING)
		return;
	if (s->out.bytes > 0)
		push(s);
	if (s->state == SN_STREAM_CLOSING && !s->blocked && s->out.bytes == 0)
		shut_down(s);
}

static void on_flush(struct sn_task *task)
{
	drive_output(sn_container_of(task, struct sn_stream, flush_task));
}

/* Called only when the total is over the limit, so walking the slices costs nothing in practice. */
static size_t bytes_in_memory(const struct sn_chain *c)
{
	size_t sum = 0;

	for (uint32_t i = c->head; i < c->tail; i++)
		if (c->slices[i].block->fd < 0)
			sum += c->slices[i].n;
	return sum;
}

static bool over_limit(const struct sn_stream *s)
{
	return s->out.bytes > s->limits.max && bytes_in_memory(&s->out) > s->limits.max;
}

/* False: the stream has ended. */
static bool check_marks(struct sn_stream *s)
{
	if (over_limit(s)) {
		finish(s, SN_ELIMIT);
		return false;
	}
	if (s->out.bytes > s->limits.high)
		s->congested = true;
	return true;
}

/* --- events ----------------------------------------------------------------------------------- */

/* A user may hand the stream to another one at once, who then hears it too, before any input. */
static void tell_ready(struct sn_stream *s)
{
	while (s->pending & EV_READY) {
		s->pending &= ~(unsigned)EV_READY;
		if (s->state == SN_STREAM_OPEN && s->user != NULL &&
			s->user->events->on_ready != NULL)
			s->user->events->on_ready(s->user);
	}
}

static void tell_input(struct sn_stream *s)
{
	unsigned due = s->pending & EV_INPUT_SIDE;

	if (due == 0 || s->input_turn == sn_loop_turns(s->loop))
		return; /* what stays pending is deferred to the next turn */
	/* What is unread stays due while more is pulled: there may be nothing, or the end. */
	s->pending &= ~(due & ~(unsigned)EV_INPUT);
	if ((due & EV_PULL) && wants_input(s))
		take(s);
	if (s->pending & EV_INPUT & due) {
		s->pending &= ~(unsigned)EV_INPUT;
		hear_input(s);
	}
	if ((due & EV_EOF) && s->paused)
		s->pending |= EV_EOF; /* held: the user is still busy with what came before it */
	else if (due & EV_EOF)
		hear_eof(s);
}

static void tell_drained(struct sn_stream *s)
{
	if (!(s->pending & EV_DRAINED))
		return;
	s->pending &= ~(unsigned)EV_DRAINED;
	if (s->state == SN_STREAM_OPEN && !s->congested && s->user != NULL &&
		s->user->events->on_drained != NULL)
		s->user->events->on_drained(s->user);
}

static void on_events(struct sn_task *task)
{
	struct sn_stream *s = sn_container_of(task, struct sn_stream, event_task);

	if (s->state == SN_STREAM_ENDED) {
		tell_end(s);
		return;
	}
	tell_ready(s);
	tell_input(s);
	tell_drained(s);
	if (s->pending & ~(s->paused ? (unsigned)EV_EOF : 0))
		sn_loop_defer(s->loop, &s->event_task);
}

/* --- for users -------------------------------------------------------------------------------- */

void sn_stream_set_user(struct sn_stream *s, struct sn_stream_user *user)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (s->user != NULL && s->user->stream == s)
		s->user->stream = NULL;
	s->user = user;
	if (user == NULL)
		return;
	user->stream = s;
	if (s->state == SN_STREAM_OPEN)
		notify(s, EV_READY | (s->in.n > 0 ? EV_INPUT : 0) | (s->eof ? EV_EOF : 0));
}

void sn_stream_set_limits(struct sn_stream *s, const struct sn_stream_limits *limits)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	sn_assert(limits->in_max > 0 && limits->low <= limits->high && limits->high <= limits->max);
	s->limits = *limits;
	sn_buf_set_max(&s->in, limits->in_max);
	if (s->state < SN_STREAM_ENDED && check_marks(s))
		update_interest(s);
}

void sn_stream_set_deadlines(struct sn_stream *s, const struct sn_stream_deadlines *deadlines)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	s->deadlines = *deadlines;
	arm(s);
	if (s->lower != NULL) {
		struct sn_stream_deadlines d = {
			.write = deadlines->write,
			.close = deadlines->close,
		};

		sn_stream_set_deadlines(s->lower, &d);
	}
}

void sn_stream_consume(struct sn_stream *s, size_t n)
{
	sn_buf_consume(&s->in, n);
	if (s->in.n == 0 && !s->in.lent)
		sn_buf_settle(&s->in); /* an idle stream holds no buffer */
	if (s->state < SN_STREAM_ENDED)
		update_interest(s);
}

void sn_stream_pause(struct sn_stream *s)
{
	s->paused = true;
	if (s->state < SN_STREAM_ENDED)
		update_interest(s);
}

void sn_stream_resume(struct sn_stream *s)
{
	if (!s->paused)
		return;
	s->paused = false;
	if (s->state >= SN_STREAM_ENDED)
		return;
	if (s->in.n > 0)
		notify(s, EV_INPUT);
	if (s->pending & EV_EOF)
		notify(s, EV_EOF);
	update_interest(s);
}

void sn_stream_write(struct sn_stream *s, struct sn_str data)
{
	if (!sn_stream_is_open(s))
		return;
	sn_chain_write(&s->out, data);
	sn_stream_flush(s);
}

void sn_stream_write_block(struct sn_stream *s, struct sn_block *block)
{
	if (!sn_stream_is_open(s))
		return;
	sn_chain_add(&s->out, block, 0, block->used);
	sn_stream_flush(s);
}

struct sn_chain *sn_stream_out(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (sn_stream_is_open(s))
		return &s->out;
	if (s->sink == NULL) {
		s->sink = sn_alloc(sizeof(*s->sink));
		sn_chain_init(s->sink);
	}
	sn_chain_clear(s->sink);
	return s->sink;
}

void sn_stream_flush(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (!sn_stream_is_open(s))
		return;
	/* Only the peer makes a queue too long, not a turn in which much is answered. */
	if (over_limit(s))
		drive_output(s);
	if (s->state >= SN_STREAM_ENDED || !check_marks(s))
		return;
	if (s->state == SN_STREAM_OPEN)
		schedule_flush(s);
}

void sn_stream_close(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (!sn_stream_is_open(s))
		return;
	if (s->eof && s->out.bytes == 0 && s->lower == NULL) {
		finish(s, SN_CLOSE);
		return;
	}
	enter(s, SN_STREAM_CLOSING);
	update_interest(s);
	schedule_flush(s);
}

void sn_stream_abort(struct sn_stream *s, int code)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	sn_assert(code < 0 || code == SN_CLOSE);
	finish(s, code);
}

/* --- for implementers ------------------------------------------------------------------------- */

void sn_stream_init(
	struct sn_stream *s, struct sn_loop *loop, const struct sn_stream_ops *ops, bool heap)
{
	int64_t now = sn_loop_now(loop);

	*s = (struct sn_stream){
		.magic = SN_STREAM_MAGIC,
		.state = SN_STREAM_CONNECTING,
		.ops = ops,
		.loop = loop,
		.limits = default_limits,
		.deadlines = { .close = DEFAULT_CLOSE },
		.activity = now,
		.progress = now,
		.began = now,
		.event_task = { .fn = on_events },
		.flush_task = { .fn = on_flush },
		.closing_task = { .fn = on_closing },
		.heap = heap,
		.input_turn = UINT64_MAX,
	};
	sn_buf_init(&s->in, default_limits.in_max);
	sn_chain_init(&s->out);
}

void sn_stream_ready(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (s->state == SN_STREAM_CLOSING)
		sn_stream_writable(s);
	if (s->state != SN_STREAM_CONNECTING)
		return;
	s->activity = sn_loop_now(s->loop);
	enter(s, SN_STREAM_OPEN);
	notify(s, s->in.n > 0 ? EV_READY | EV_INPUT : EV_READY);
	if (s->out.bytes > 0)
		schedule_flush(s);
	update_interest(s);
}

void sn_stream_readable(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (s->state >= SN_STREAM_ENDED)
		return;
	tell_ready(s);
	if (wants_input(s))
		take(s);
	else
		s->more = true;
}

void sn_stream_writable(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	s->blocked = false;
	drive_output(s);
}

void sn_stream_stack(struct sn_stream *s, struct sn_stream *lower, struct sn_stream_user *filter)
{
	struct sn_stream_user *user = lower->user;
	struct sn_stream_deadlines deadlines = lower->deadlines;

	sn_assert(s->lower == NULL && lower->upper == NULL && sn_stream_is_open(lower));
	s->lower = lower;
	lower->upper = s;
	sn_stream_set_user(lower, filter);
	sn_stream_set_user(s, user);
	sn_stream_set_limits(s, &lower->limits);
	sn_stream_set_deadlines(s, &deadlines);
}

void sn_stream_flush_now(struct sn_stream *s)
{
	SN_MAGIC_CHECK(s, SN_STREAM_MAGIC);
	if (!sn_stream_is_open(s) || !check_marks(s))
		return;
	schedule_flush(s);
	sn_task_cancel(&s->flush_task);
	drive_output(s);
}

/* --- to another process ----------------------------------------------------------------------- */

enum { FROZEN_PAUSED = 1, FROZEN_EOF = 2, FROZEN_CONGESTED = 4 };

static uint8_t frozen_flags(const struct sn_stream *s)
{
	uint8_t flags = s->paused ? FROZEN_PAUSED : 0;

	/* An end nobody was told of yet comes again from the socket. */
	if (s->eof && !(s->pending & EV_EOF))
		flags |= FROZEN_EOF;
	if (s->congested || (s->pending & EV_DRAINED))
		flags |= FROZEN_CONGESTED;
	return flags;
}

void sn_stream_freeze(const struct sn_stream *s, struct sn_strbuf *out)
{
	size_t place;

	sn_pack_u8(out, frozen_flags(s));
	sn_pack_u64(out, (uint64_t)s->activity);
	sn_pack_u64(out, (uint64_t)s->progress);
	sn_pack_u64(out, (uint64_t)s->began);
	sn_pack_u64(out, s->bytes_in);
	sn_pack_u64(out, s->bytes_out);
	sn_pack_str32(out, sn_stream_input(s));
	place = sn_pack_begin32(out);
	for (uint32_t i = s->out.head; i < s->out.tail; i++) {
		const struct sn_slice *slice = &s->out.slices[i];

		sn_strbuf_add(out, sn_str_n(slice->block->data + slice->off, slice->n));
	}
	sn_pack_end32(out, place);
}

static void tell_thawed(struct sn_stream *s)
{
	if (s->in.n > 0 && !s->paused)
		notify(s, EV_INPUT);
	if (s->congested && s->out.bytes <= s->limits.low) {
		s->congested = false;
		notify(s, EV_DRAINED);
	}
	if (s->out.bytes > 0)
		sn_loop_flush(s->loop, &s->flush_task);
	arm(s);
	update_interest(s);
}

int sn_stream_thaw(struct sn_stream *s, struct sn_reader *in)
{
	const uint8_t flags = sn_read_u8(in);
	struct sn_str output;
	int code;

	sn_assert(s->state == SN_STREAM_CONNECTING && s->user != NULL);
	s->activity = (int64_t)sn_read_u64(in);
	s->progress = (int64_t)sn_read_u64(in);
	s->began = (int64_t)sn_read_u64(in);
	s->bytes_in = sn_read_u64(in);
	s->bytes_out = sn_read_u64(in);
	code = sn_buf_append(&s->in, sn_read_str32(in));
	output = sn_read_str32(in);
	if (in->err != SN_OK)
		return in->err;
	if (code != SN_OK || output.n > s->limits.max)
		return SN_ELIMIT;
	sn_chain_write(&s->out, output);
	s->state = SN_STREAM_OPEN;
	s->paused = flags & FROZEN_PAUSED;
	s->eof = flags & FROZEN_EOF;
	s->congested = (flags & FROZEN_CONGESTED) || s->out.bytes > s->limits.high;
	tell_thawed(s);
	return SN_OK;
}
