#include "daemon/base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/log_queue.h"
#include "daemon/base/log_socket.h"
#include "daemon/base/mem.h"

enum {
	QUEUE_DEFAULT = 1 << 20,
	QUEUE_LEAST = 4096,
	BATCH_BYTES = 16384,
	/* JSON makes six bytes of one; the rest is for the words between the values. */
	LINES_MAX = 16 * BATCH_BYTES,
};
#define BACKOFF_FIRST SN_MS(10)
#define BACKOFF_MOST SN_SEC(1)
#define LOOK_INTERVAL SN_SEC(1)
/* How long after its deadline a thread may hang in write() before stop leaves it behind. */
#define STOP_GRACE SN_SEC(1)

struct sink {
	struct sn_log_options options;
	pthread_t thread;
	pthread_cond_t ended_cond;
	int wake_fd; /* readable: stop, or a record for a thread that is idle */

	/* guarded by the lock */
	struct sn_log_queue queue;
	struct sn_log_repeats repeats;
	uint64_t dropped_untold;
	bool idle, stopping, ended;
	int64_t deadline; /* of stopping; CLOCK_MONOTONIC whatever the clock of the records is */

	/* the thread's own */
	struct sn_strbuf lines;
	struct sn_log_socket socket; /* target: a socket */
	char *path;                  /* target: fd; own copy */
	int64_t next_look;           /* when to see what the path means; of real_mono() */
	int reopen_failure;          /* told already */
	int64_t backoff;
	int failure; /* of the last write, or SN_OK */
	int64_t failing_since;
	bool resumed_untold;
	char batch[BATCH_BYTES];
};

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sink *current; /* guarded by the lock */
static _Atomic uint64_t dropped_total;

static int64_t real_mono(void)
{
	return sn_clock_mono(&sn_clock_system);
}

/* Records of the log about itself go the way of all others, but are never held back. */
static bool push_own(struct sink *s, const struct sn_log_call *call)
{
	char mem[SN_LOG_RECORD_MAX];
	return sn_log_queue_push(&s->queue, sn_str_n(mem, sn_log_record_encode(call, mem)));
}

static void count_dropped(struct sink *s, uint64_t n)
{
	atomic_fetch_add_explicit(&dropped_total, n, memory_order_relaxed);
	s->dropped_untold += n;
}

/* One such record; false if it did not fit. */
static bool push_event(struct sink *s, enum sn_log_level level, const char *event,
	const struct sn_log_field *fields, unsigned count)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("log");
	const struct sn_log_call call = {
		.wall_ns = sn_clock_wall(s->options.clock),
		.level = level,
		.ctx = &ctx,
		.event = event,
		.fields = fields,
		.count = count,
	};
	return push_own(s, &call);
}

static void tell_dropped(struct sink *s)
{
	char text[40];
	struct sn_strbuf b;
	if (s->dropped_untold == 0)
		return;
	sn_strbuf_fixed(&b, text, sizeof(text));
	sn_strbuf_addf(&b, "and %llu more", (unsigned long long)s->dropped_untold);
	const struct sn_log_field fields[] = {
		sn_f_uint("count", s->dropped_untold),
		sn_f_str("text", sn_strbuf_str(&b)),
	};
	if (push_event(s, SN_LOG_WARN, "log-dropped", fields, 2))
		s->dropped_untold = 0;
}

static void tell_repeated(struct sink *s, const struct sn_log_repeat *ended)
{
	const struct sn_log_ctx ctx = SN_LOG_CTX(ended->ns_text);
	char text[128];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, text, sizeof(text));
	sn_strbuf_addf(
		&b, "and %llu more of %s", (unsigned long long)ended->held, ended->event_text);
	const struct sn_log_field fields[] = {
		sn_f_cstr("repeated", ended->event_text),
		sn_f_uint("count", ended->held),
		sn_f_str("text", sn_strbuf_str(&b)),
	};
	const struct sn_log_call call = {
		.wall_ns = sn_clock_wall(s->options.clock),
		.level = ended->level,
		.ctx = &ctx,
		.event = "log-repeated",
		.fields = fields,
		.count = 3,
	};
	if (!push_own(s, &call))
		count_dropped(s, ended->held);
}

static void tell_resumed(struct sink *s)
{
	if (!s->resumed_untold)
		return;
	const struct sn_log_field fields[] = {
		sn_f_err(s->failure),
		sn_f_duration("failed-for", sn_clock_mono(s->options.clock) - s->failing_since),
	};
	if (!push_event(s, SN_LOG_WARN, "log-write-resumed", fields, 2))
		return;
	s->resumed_untold = false;
	s->failure = SN_OK;
}

static void tell_expired(struct sink *s)
{
	struct sn_log_repeat ended;
	if (s->repeats.holding == 0)
		return;
	const int64_t now = s->stopping ? INT64_MAX : sn_clock_mono(s->options.clock);
	while (sn_log_repeats_expire(&s->repeats, now, &ended))
		tell_repeated(s, &ended);
}

static void signal_thread(const struct sink *s)
{
	const uint64_t one = 1;
	ssize_t n;
	do
		n = write(s->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	/* EAGAIN: the counter is full, so the thread wakes anyway. */
}

static void put_locked(struct sink *s, const struct sn_log_call *call, struct sn_str record)
{
	struct sn_log_repeat ended;
	const int64_t now = sn_clock_mono(s->options.clock);
	const bool admitted = sn_log_repeats_admit(&s->repeats, call, now, &ended);
	if (ended.held > 0)
		tell_repeated(s, &ended);
	if (admitted && !sn_log_queue_push(&s->queue, record))
		count_dropped(s, 1);
	if (s->idle) {
		s->idle = false;
		signal_thread(s);
	}
}

bool sn_log_sink_put(const struct sn_log_call *call, struct sn_str record)
{
	pthread_mutex_lock(&sink_lock);
	struct sink *s = current;
	if (s != NULL)
		put_locked(s, call, record);
	pthread_mutex_unlock(&sink_lock);
	return s != NULL;
}

enum next_step { NEXT_WRITE, NEXT_SLEEP, NEXT_END };

static enum next_step choose_step(struct sink *s, bool empty, int64_t *timeout_r)
{
	if (!empty)
		return NEXT_WRITE;
	if (s->stopping)
		return NEXT_END;
	s->idle = true;
	*timeout_r = INT64_MAX;
	if (s->repeats.holding > 0)
		*timeout_r = sn_log_repeats_due(&s->repeats) - sn_clock_mono(s->options.clock);
	return NEXT_SLEEP;
}

/*
 * The next batch into s->batch, or how long to sleep. What the log has to say about itself is
 * queued behind the batch, where taking it has made room.
 */
static enum next_step take_batch(struct sink *s, struct sn_str *taken_r, int64_t *timeout_r)
{
	pthread_mutex_lock(&sink_lock);
	s->idle = false;
	const size_t n = sn_log_queue_take(&s->queue, s->batch, sizeof(s->batch));
	tell_dropped(s);
	tell_resumed(s);
	tell_expired(s);
	const enum next_step step = choose_step(s, n == 0 && s->queue.used == 0, timeout_r);
	pthread_mutex_unlock(&sink_lock);
	*taken_r = sn_str_n(s->batch, n);
	return step;
}

/* Until the deadline of stopping; INT64_MAX while nobody wants to stop. */
static int64_t time_left(struct sink *s)
{
	pthread_mutex_lock(&sink_lock);
	const int64_t left = s->stopping ? s->deadline - real_mono() : INT64_MAX;
	pthread_mutex_unlock(&sink_lock);
	return left;
}

static int to_poll_ms(int64_t ns)
{
	const int64_t most = SN_SEC(3600);
	const int64_t clipped = ns < 0 ? 0 : ns < most ? ns : most;
	return (int)((clipped + SN_MS(1) - 1) / SN_MS(1));
}

/*
 * Until fd is ready (-1: none), the eventfd is signalled, or the timeout. True only if fd is ready:
 * to write without knowing that could hang in a blocking pipe for ever.
 */
static bool wait_for(struct sink *s, int fd, int64_t timeout)
{
	struct pollfd fds[2] = {
		{ .fd = s->wake_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLOUT },
	};
	uint64_t count;
	if (poll(fds, 2, to_poll_ms(timeout)) <= 0)
		return false;
	if (fds[0].revents != 0) {
		const ssize_t n = read(s->wake_fd, &count, sizeof(count));
		sn_assert(n == (ssize_t)sizeof(count) || errno == EAGAIN || errno == EINTR);
	}
	return fds[1].revents != 0;
}

static bool is_regular(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * How much of the lines to write at once. A pipe that polls as writable takes PIPE_BUF bytes
 * without blocking and in one piece, so whole lines of several workers do not mix in it.
 */
static size_t piece_length(struct sn_str lines, bool any_length)
{
	if (any_length || lines.n <= PIPE_BUF)
		return lines.n;
	const char *end = memrchr(lines.p, '\n', PIPE_BUF);
	return end != NULL ? (size_t)(end - lines.p) + 1 : PIPE_BUF;
}

/* Nobody reads what waits for a log service: say so where there may be somebody, without waiting.
 */
static void tell_unreachable(const struct sink *s, int err)
{
	struct pollfd pollfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[256];
	struct sn_strbuf b;
	sn_strbuf_fixed(&b, text, sizeof(text));
	sn_strbuf_addf(&b, "sennit: log: %s: %s; trying again\n", s->socket.path, sn_strerror(err));
	if (poll(&pollfd, 1, 0) == 1)
		(void)!write(STDERR_FILENO, b.p, b.n);
}

static void note_failure(struct sink *s, int err)
{
	if (s->failure == SN_OK)
		s->failing_since = sn_clock_mono(s->options.clock);
	if (s->failure == SN_OK && s->options.target != SN_LOG_TO_FD)
		tell_unreachable(s, err);
	s->failure = err;
	s->resumed_untold = false;
}

static void note_success(struct sink *s)
{
	s->resumed_untold = s->failure != SN_OK;
	s->backoff = 0;
}

static void back_off(struct sink *s, int err)
{
	const int64_t left = time_left(s);
	const int64_t next = s->backoff == 0 ? BACKOFF_FIRST : s->backoff * 2;
	s->backoff = next < BACKOFF_MOST ? next : BACKOFF_MOST;
	if (err != -EAGAIN)
		note_failure(s, err);
	wait_for(s, -1, s->backoff < left ? s->backoff : left);
}

/* Takes what is written off *lines; false if the deadline left something. */
static bool write_lines(struct sink *s, struct sn_str *lines)
{
	const int fd = s->options.fd;
	const bool any_length = is_regular(fd);
	while (lines->n > 0) {
		const int64_t left = time_left(s);
		if (left <= 0)
			return false;
		if (!wait_for(s, fd, left))
			continue;
		const ssize_t n = write(fd, lines->p, piece_length(*lines, any_length));
		if (n > 0) {
			*lines = sn_str_from(*lines, (size_t)n);
			note_success(s);
		} else if (n == 0 || errno != EINTR) {
			back_off(s, n == 0 ? -EIO : -errno);
		}
	}
	return true;
}

static void format_batch(struct sink *s, struct sn_str taken)
{
	struct sn_str record;
	sn_strbuf_reset(&s->lines);
	while (sn_log_queue_next(&taken, &record))
		sn_log_record_format(&s->lines, record, s->options.format);
}

static uint64_t count_lines(struct sn_str lines)
{
	uint64_t n = 0;
	for (size_t i = 0; i < lines.n; i++)
		n += lines.p[i] == '\n';
	return n;
}

static uint64_t count_records(struct sn_str taken)
{
	struct sn_str record;
	uint64_t n = 0;
	while (sn_log_queue_next(&taken, &record))
		n++;
	return n;
}

/* The deadline has come: count what will never be written. */
static void abandon(struct sink *s, uint64_t lost)
{
	pthread_mutex_lock(&sink_lock);
	do {
		lost += count_records(sn_str_n(
			s->batch, sn_log_queue_take(&s->queue, s->batch, sizeof(s->batch))));
	} while (s->queue.used > 0);
	count_dropped(s, lost);
	pthread_mutex_unlock(&sink_lock);
}

/* --- a file that is renamed away ------------------------------------------------------------ */

static bool was_renamed(int fd, const char *path)
{
	struct stat opened, named;
	if (fstat(fd, &opened) != 0)
		return false;
	if (stat(path, &named) != 0)
		return errno == ENOENT;
	return opened.st_dev != named.st_dev || opened.st_ino != named.st_ino;
}

/* Under the same number, which others in this process know too (what a crash prints goes there). */
static int open_anew(int fd, const char *path)
{
	const int fresh = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fresh < 0)
		return -errno;
	const int err = dup3(fresh, fd, O_CLOEXEC) < 0 ? -errno : SN_OK;
	close(fresh);
	return err;
}

/* If it cannot be opened anew, the old file goes on: a log in the wrong place beats none. */
static void follow_rename(struct sink *s)
{
	const int64_t now = real_mono();
	if (s->path == NULL || now < s->next_look)
		return;
	s->next_look = now + LOOK_INTERVAL;
	const int err =
		was_renamed(s->options.fd, s->path) ? open_anew(s->options.fd, s->path) : SN_OK;
	if (err != SN_OK && err != s->reopen_failure) {
		const struct sn_log_field fields[] = { sn_f_cstr("path", s->path), sn_f_err(err) };
		pthread_mutex_lock(&sink_lock);
		(void)push_event(s, SN_LOG_ERROR, "log-reopen-failed", fields, 2);
		pthread_mutex_unlock(&sink_lock);
	}
	s->reopen_failure = err;
}

/* --- writing -------------------------------------------------------------------------------- */

static bool write_batch(struct sink *s, struct sn_str taken)
{
	follow_rename(s);
	format_batch(s, taken);
	struct sn_str lines = sn_strbuf_str(&s->lines);
	if (write_lines(s, &lines))
		return true;
	abandon(s, count_lines(lines));
	return false;
}

/* False if the deadline came first. */
static bool send_record(struct sink *s, struct sn_str record)
{
	sn_strbuf_reset(&s->lines);
	sn_log_record_format(&s->lines, record, s->options.format);
	for (;;) {
		const int64_t left = time_left(s);
		if (left <= 0)
			return false;
		const int err = sn_log_socket_send(&s->socket, sn_strbuf_str(&s->lines));
		if (err == SN_OK)
			break;
		if (err == -EAGAIN)
			wait_for(s, s->socket.fd, left < BACKOFF_MOST ? left : BACKOFF_MOST);
		else
			back_off(s, err);
	}
	note_success(s);
	return true;
}

static bool send_batch(struct sink *s, struct sn_str taken)
{
	struct sn_str rest = taken, record;
	while (sn_log_queue_next(&rest, &record)) {
		if (!send_record(s, record)) {
			abandon(s, count_records(taken));
			return false;
		}
		taken = rest;
	}
	return true;
}

static void write_until_end(struct sink *s)
{
	const bool datagrams = s->options.target != SN_LOG_TO_FD;
	struct sn_str taken;
	int64_t timeout;
	for (;;) {
		switch (take_batch(s, &taken, &timeout)) {
		case NEXT_END:
			return;
		case NEXT_SLEEP:
			wait_for(s, -1, timeout);
			break;
		case NEXT_WRITE:
			if (!(datagrams ? send_batch(s, taken) : write_batch(s, taken)))
				return;
			break;
		}
	}
}

static void *run_sink(void *arg)
{
	struct sink *s = arg;
	write_until_end(s);
	pthread_mutex_lock(&sink_lock);
	s->ended = true;
	pthread_cond_signal(&s->ended_cond);
	pthread_mutex_unlock(&sink_lock);
	return NULL;
}

static void init_ended_cond(struct sink *s)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended_cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void init_target(struct sink *s)
{
	static const struct {
		const char *path;
		enum sn_log_format format;
	} services[] = {
		[SN_LOG_TO_SYSLOG] = { "/dev/log", SN_LOG_SYSLOG },
		[SN_LOG_TO_JOURNALD] = { "/run/systemd/journal/socket", SN_LOG_JOURNAL },
	};
	const enum sn_log_target target = s->options.target;
	const char *path = s->options.path;
	if (target == SN_LOG_TO_FD) {
		s->path = path != NULL ? sn_strdup(path) : NULL;
		return;
	}
	tzset();
	s->options.format = services[target].format;
	sn_log_socket_init(&s->socket, path != NULL ? path : services[target].path);
}

static void fini_target(struct sink *s)
{
	sn_free(s->path);
	if (s->options.target != SN_LOG_TO_FD)
		sn_log_socket_fini(&s->socket);
}

static struct sink *new_sink(const struct sn_log_options *options)
{
	const size_t wanted = options->queue_bytes > 0 ? options->queue_bytes : QUEUE_DEFAULT;
	struct sink *s = sn_alloc_zero(sizeof(*s));
	s->options = *options;
	if (s->options.clock == NULL)
		s->options.clock = &sn_clock_system;
	sn_log_queue_init(&s->queue, wanted > QUEUE_LEAST ? wanted : QUEUE_LEAST);
	sn_strbuf_init(&s->lines, LINES_MAX);
	init_ended_cond(s);
	init_target(s);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s;
}

static void free_sink(struct sink *s)
{
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_cond_destroy(&s->ended_cond);
	fini_target(s);
	sn_strbuf_fini(&s->lines);
	sn_log_queue_fini(&s->queue);
	sn_free(s);
}

/* Signals belong to the loop's thread; SIGPIPE and SIGXFSZ come back as errors of write. */
static int create_thread(struct sink *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int err = pthread_create(&s->thread, NULL, run_sink, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int sn_log_sink_start(const struct sn_log_options *options)
{
	struct sink *s = new_sink(options);
	const int err = s->wake_fd < 0 ? -errno : create_thread(s);
	if (err < 0) {
		free_sink(s);
		return err;
	}
	atomic_store_explicit(&dropped_total, 0, memory_order_relaxed);
	pthread_mutex_lock(&sink_lock);
	sn_assert(current == NULL);
	current = s;
	pthread_mutex_unlock(&sink_lock);
	return SN_OK;
}

/* Take the sink away from the producers and tell its thread; NULL if there was none. */
static struct sink *begin_stop(int64_t timeout_ns)
{
	pthread_mutex_lock(&sink_lock);
	struct sink *s = current;
	current = NULL;
	if (s != NULL) {
		s->stopping = true;
		s->deadline = real_mono() + timeout_ns;
	}
	pthread_mutex_unlock(&sink_lock);
	if (s != NULL)
		signal_thread(s);
	return s;
}

static bool await_end(struct sink *s)
{
	const int64_t until = s->deadline + STOP_GRACE;
	const struct timespec ts = { .tv_sec = until / SN_SEC(1), .tv_nsec = until % SN_SEC(1) };
	int err = 0;
	pthread_mutex_lock(&sink_lock);
	while (!s->ended && err == 0)
		err = pthread_cond_timedwait(&s->ended_cond, &sink_lock, &ts);
	const bool ended = s->ended;
	pthread_mutex_unlock(&sink_lock);
	return ended;
}

void sn_log_sink_stop(int64_t timeout_ns)
{
	const int64_t most = SN_SEC(24 * 3600);
	struct sink *s = begin_stop(timeout_ns < 0 ? 0 : timeout_ns < most ? timeout_ns : most);
	if (s == NULL)
		return;
	if (!await_end(s)) {
		/* In a write() that does not return (a dead NFS server): its memory goes with it.
		 */
		pthread_detach(s->thread);
		return;
	}
	pthread_join(s->thread, NULL);
	free_sink(s);
}

uint64_t sn_log_sink_dropped(void)
{
	return atomic_load_explicit(&dropped_total, memory_order_relaxed);
}
