#include "daemon/base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/log_queue.h"
#include "tests/support/unit.h"

Suite *sn_suite_log_sink(void);

enum { EVENTS = 100000 };

static const struct sn_log_ctx ctx = SN_LOG_CTX("t");
static char events[EVENTS][8]; /* "e00000": so many that none repeats */
static struct sn_strbuf output;

static void setup(void)
{
	for (int i = 0; i < EVENTS; i++)
		snprintf(events[i], sizeof(events[i]), "e%05d", i);
	sn_log_reset_levels();
	sn_strbuf_init(&output, 64 << 20);
}

static void teardown(void)
{
	sn_log_stop(0);
	sn_strbuf_fini(&output);
}

static void log_events(int from, int count)
{
	for (int i = from; i < from + count; i++)
		sn_log(&ctx, SN_LOG_INFO, events[i], sn_f_int("v", i));
}

static int open_file(void)
{
	const int fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Append everything fd has, from its offset to its end, to the output. */
static void read_output(int fd)
{
	char mem[16384];
	ssize_t n;
	while ((n = read(fd, mem, sizeof(mem))) > 0)
		sn_strbuf_add(&output, sn_str_n(mem, (size_t)n));
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(output.err, SN_OK);
}

static void read_file(int fd)
{
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	read_output(fd);
	close(fd);
}

struct tally {
	uint64_t lines;   /* of events */
	uint64_t dropped; /* told by log-dropped */
	uint64_t held;    /* told by log-repeated */
	bool in_order;
};

/* The number behind "key=" in a line. */
static uint64_t number_of(struct sn_str text, struct sn_str key)
{
	const size_t at = sn_str_find_str(text, key);
	ck_assert_uint_lt(at, text.n);
	return strtoull(text.p + at + key.n, NULL, 10);
}

/* Every line must be whole: "TIME info [t] eNNNNN v=N", or one of the log's own. */
static void tally_line(struct tally *t, struct sn_str text, int64_t *last)
{
	struct sn_str word;
	struct sn_str rest = text;
	ck_assert(sn_str_split(&rest, ' ', &word));
	ck_assert_uint_eq(word.n, strlen("2026-11-20T11:05:46.123Z"));
	if (sn_str_find_str(rest, SN_STR("[log] log-dropped")) < rest.n) {
		t->dropped += number_of(rest, SN_STR("count="));
		const uint64_t more = number_of(rest, SN_STR("text=\"and "));
		ck_assert_uint_eq(more, number_of(rest, SN_STR("count=")));
		ck_assert(sn_str_ends(rest, SN_STR(" more\"")));
	} else if (sn_str_find_str(rest, SN_STR("log-repeated")) < rest.n) {
		t->held += number_of(rest, SN_STR("count="));
	} else if (sn_str_find_str(rest, SN_STR("log-write-resumed")) == rest.n) {
		const int64_t v = (int64_t)number_of(rest, SN_STR(" v="));
		char expected[64];
		snprintf(expected, sizeof(expected), "info [t] e%05d v=%d", (int)v, (int)v);
		ck_assert_str_view(rest, expected);
		t->in_order = t->in_order && v > *last;
		*last = v;
		t->lines++;
	}
}

static struct tally tally_output(void)
{
	struct tally t = { .in_order = true };
	struct sn_str text, rest = sn_strbuf_str(&output);
	int64_t last = -1;
	ck_assert(rest.n == 0 || rest.p[rest.n - 1] == '\n');
	while (rest.n > 0 && sn_str_split(&rest, '\n', &text))
		tally_line(&t, text, &last);
	return t;
}

static void *drain(void *arg)
{
	const int *fd = arg;
	read_output(*fd);
	return NULL;
}

START_TEST(test_file)
{
	const int fd = open_file();
	sn_log_start(&(struct sn_log_options){ .fd = fd });
	log_events(0, 1000);
	sn_log_stop(SN_SEC(10));
	read_file(fd);
	const struct tally t = tally_output();
	ck_assert_uint_eq(t.lines, 1000);
	ck_assert(t.in_order);
	ck_assert_uint_eq(sn_log_dropped(), 0);
}
END_TEST

START_TEST(test_formats)
{
	static const char *const parts[] = { " info [t] e00000 v=0\n",
		"\033[32minfo\033[0m [t] e00000 v=0\n",
		"\"level\":\"info\",\"ns\":\"t\",\"event\":\"e00000\",\"v\":0}\n",
		"<6>[t] e00000 v=0\n" };
	const int fd = open_file();
	sn_log_start(&(struct sn_log_options){ .fd = fd, .format = (enum sn_log_format)_i });
	log_events(0, 1);
	sn_log_stop(SN_SEC(10));
	read_file(fd);
	ck_assert_msg(sn_str_ends(sn_strbuf_str(&output), sn_str(parts[_i])), "%s",
		sn_strbuf_cstr(&output));
}
END_TEST

START_TEST(test_restart)
{
	const int fd = open_file();
	for (int i = 0; i < 20; i++) {
		sn_log_start(&(struct sn_log_options){ .fd = fd });
		log_events(i, 1);
		sn_log_stop(SN_SEC(10));
	}
	sn_log_stop(SN_SEC(10));
	read_file(fd);
	ck_assert_uint_eq(tally_output().lines, 20);
}
END_TEST

/* Each record is waited for, so that the sink mostly sleeps when the next one comes. */
START_TEST(test_sleeping_sink_wakes)
{
	int pipe_fds[2];
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1] });
	for (int i = 0; i < 200; i++) {
		char mem[256];
		log_events(i, 1);
		ck_assert_int_gt(read(pipe_fds[0], mem, sizeof(mem)), 0);
	}
	sn_log_stop(SN_SEC(10));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* 100,000 records while the sink hangs on a pipe nobody reads: no producer waits, nothing gets
 * lost untold, and no line is cut. */
static void overflow_pipe(int flags)
{
	int pipe_fds[2];
	pthread_t reader;
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(pipe_fds[1], F_SETFL, flags), 0);
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1] });
	log_events(0, EVENTS);
	ck_assert_uint_gt(sn_log_dropped(), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, drain, &pipe_fds[0]), 0);
	sn_log_stop(SN_SEC(30));
	close(pipe_fds[1]);
	pthread_join(reader, NULL);
	close(pipe_fds[0]);
	const struct tally t = tally_output();
	ck_assert_uint_gt(t.lines, 0);
	ck_assert(t.in_order);
	ck_assert_uint_eq(t.dropped, sn_log_dropped());
	ck_assert_uint_eq(t.lines + t.dropped, EVENTS);
}

START_TEST(test_overflow_blocking_pipe)
{
	overflow_pipe(0);
}
END_TEST

START_TEST(test_overflow_nonblocking_pipe)
{
	overflow_pipe(O_NONBLOCK);
}
END_TEST

/* Nobody ever reads: stop leaves at its deadline and counts what it leaves behind. */
START_TEST(test_stop_gives_up)
{
	int pipe_fds[2];
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1] });
	log_events(0, 10000);
	sn_log_stop(SN_MS(20));
	/* Known at once: a thread that hung in write() would count only when it is read. */
	const uint64_t dropped = sn_log_dropped();
	ck_assert_uint_gt(dropped, 0);
	close(pipe_fds[1]);
	read_output(pipe_fds[0]);
	close(pipe_fds[0]);
	ck_assert_uint_eq(tally_output().lines + dropped, 10000);
}
END_TEST

START_TEST(test_full_disk)
{
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	sn_log_start(&(struct sn_log_options){ .fd = fd });
	log_events(0, EVENTS);
	sn_log_stop(SN_MS(20));
	/* The line that tells of an overflow is lost too, if it came to be written. */
	ck_assert_uint_ge(sn_log_dropped(), EVENTS);
	ck_assert_uint_le(sn_log_dropped(), EVENTS + 1);
	close(fd);
}
END_TEST

START_TEST(test_closed_pipe)
{
	int pipe_fds[2];
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	close(pipe_fds[0]);
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1] });
	log_events(0, 10);
	sn_log_stop(SN_MS(20));
	ck_assert_uint_eq(sn_log_dropped(), 10);
	close(pipe_fds[1]);
}
END_TEST

/*
 * A clock the tests move. When the sink thread has read the monotonic side, `asked` is posted and
 * the clock goes on by sink_step.
 */
static struct test_clock {
	struct sn_clock clock;
	_Atomic int64_t now, sink_step;
	pthread_t owner;
	sem_t asked;
} test_clock;

static int64_t test_mono(const struct sn_clock *clock)
{
	(void)clock;
	if (pthread_equal(pthread_self(), test_clock.owner))
		return atomic_load(&test_clock.now);
	const int64_t now = atomic_fetch_add(&test_clock.now, atomic_load(&test_clock.sink_step));
	sem_post(&test_clock.asked);
	return now;
}

static int64_t test_wall(const struct sn_clock *clock)
{
	(void)clock;
	return atomic_load(&test_clock.now);
}

static void start_test_clock(void)
{
	test_clock.clock = (struct sn_clock){ .mono = test_mono, .wall = test_wall };
	atomic_store(&test_clock.now, SN_SEC(1000));
	atomic_store(&test_clock.sink_step, 0);
	test_clock.owner = pthread_self();
	ck_assert_int_eq(sem_init(&test_clock.asked, 0, 0), 0);
}

/* The disk is full, then it is not: what was queued arrives, and a word about the time between. */
START_TEST(test_full_disk_recovers)
{
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), file = open_file();
	start_test_clock();
	sn_log_start(&(struct sn_log_options){ .fd = fd, .clock = &test_clock.clock });
	log_events(0, 10);
	/* The first failure is when the sink asks for the time. */
	while (sem_wait(&test_clock.asked) < 0)
		ck_assert_int_eq(errno, EINTR);
	log_events(10, 10);
	atomic_fetch_add(&test_clock.now, SN_MS(2500));
	ck_assert_int_eq(dup2(file, fd), fd);
	sn_log_stop(SN_SEC(10));
	close(fd);
	read_file(file);
	const struct tally t = tally_output();
	ck_assert_uint_eq(t.lines, 20);
	ck_assert(t.in_order);
	const struct sn_str text = sn_strbuf_str(&output);
	ck_assert_uint_lt(
		sn_str_find_str(text, SN_STR(" warn [log] log-write-resumed error=\"")), text.n);
	ck_assert_uint_lt(sn_str_find_str(text, SN_STR(" failed-for=2.5s\n")), text.n);
	ck_assert_uint_eq(sn_log_dropped(), 0);
}
END_TEST

static void log_same(const char *event, int count)
{
	for (int i = 0; i < count; i++)
		sn_log(&ctx, SN_LOG_WARN, event);
}

static unsigned count_of(const char *needle)
{
	const size_t length = strlen(needle);
	const char *p = output.p, *end = output.p + output.n;
	unsigned n = 0;
	while (output.n > 0 && (p = memmem(p, (size_t)(end - p), needle, length)) != NULL) {
		p += length;
		n++;
	}
	return n;
}

START_TEST(test_repeats_collapse)
{
	const int fd = open_file();
	start_test_clock();
	sn_log_start(&(struct sn_log_options){ .fd = fd, .clock = &test_clock.clock });
	log_same("again", 100);
	log_same("other", 1);
	atomic_fetch_add(&test_clock.now, SN_SEC(1));
	log_same("again", 30);
	sn_log_stop(SN_SEC(10));
	read_file(fd);
	ck_assert_uint_eq(count_of(" warn [t] again\n"), 40);
	ck_assert_uint_eq(count_of(" warn [t] other\n"), 1);
	ck_assert_uint_eq(count_of(" warn [t] log-repeated repeated=again count=80 "
				   "text=\"and 80 more of again\"\n"),
		1);
	ck_assert_uint_eq(count_of("text=\"and 10 more of again\"\n"), 1);
	ck_assert_uint_eq(count_of("\n"), 43);
	ck_assert_uint_eq(sn_log_dropped(), 0);
}
END_TEST

/* Nothing is logged any more, and still the line comes when the second is over. */
START_TEST(test_repeats_end_by_themselves)
{
	int pipe_fds[2];
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	start_test_clock();
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1], .clock = &test_clock.clock });
	log_same("again", SN_LOG_BURST);
	atomic_fetch_add(&test_clock.now, SN_MS(990));
	log_same("again", 5);
	atomic_store(&test_clock.sink_step, SN_MS(20));
	while (count_of("\"and 5 more of again\"\n") == 0) {
		char mem[4096];
		const ssize_t n = read(pipe_fds[0], mem, sizeof(mem));
		ck_assert_int_gt(n, 0);
		sn_strbuf_add(&output, sn_str_n(mem, (size_t)n));
	}
	ck_assert_uint_eq(count_of(" warn [t] again\n"), SN_LOG_BURST);
	sn_log_stop(SN_SEC(10));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* Lines longer than a pipe takes in one piece arrive whole. */
START_TEST(test_long_lines)
{
	static char keys[14][8];
	int pipe_fds[2];
	pthread_t reader;
	char value[512];
	struct sn_log_field fields[14];
	memset(value, '\1', sizeof(value));
	for (int i = 0; i < 14; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		fields[i] = sn_f_str(keys[i], sn_str_n(value, sizeof(value)));
	}
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, drain, &pipe_fds[0]), 0);
	sn_log_start(&(struct sn_log_options){ .fd = pipe_fds[1], .format = SN_LOG_JSON });
	for (int i = 0; i < 20; i++)
		sn_log_emit(&ctx, SN_LOG_INFO, "long", fields, 14);
	sn_log_stop(SN_SEC(10));
	close(pipe_fds[1]);
	pthread_join(reader, NULL);
	close(pipe_fds[0]);
	ck_assert_uint_eq(count_of("\n"), 20);
	ck_assert_uint_eq(count_of("\\u0001"), 20 * 14 * 512);
	ck_assert_uint_eq(count_of("\\u0001\"}\n"), 20);
}
END_TEST

/* A stream socket takes parts of a line; the rest follows. */
START_TEST(test_partial_writes)
{
	int fds[2], small = 1;
	pthread_t reader;
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, 0), 0);
	sn_log_start(&(struct sn_log_options){ .fd = fds[1] });
	log_events(0, 5000);
	ck_assert_int_eq(pthread_create(&reader, NULL, drain, &fds[0]), 0);
	sn_log_stop(SN_SEC(30));
	close(fds[1]);
	pthread_join(reader, NULL);
	close(fds[0]);
	const struct tally t = tally_output();
	ck_assert_uint_eq(t.lines, 5000);
	ck_assert(t.in_order);
}
END_TEST

static void *produce(void *arg)
{
	const int *from = arg;
	log_events(*from, 5000);
	return NULL;
}

START_TEST(test_producers)
{
	static int from[] = { 0, 5000, 10000, 15000 };
	const int fd = open_file();
	pthread_t threads[4];
	sn_log_start(&(struct sn_log_options){ .fd = fd, .queue_bytes = 1 << 16 });
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &from[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	sn_log_stop(SN_SEC(30));
	read_file(fd);
	const struct tally t = tally_output();
	ck_assert_uint_eq(t.lines + t.dropped, 20000);
	ck_assert_uint_eq(t.dropped, sn_log_dropped());
}
END_TEST

/* Stop while others log: each record is written by the sink or at once, none by both. */
START_TEST(test_stop_under_producers)
{
	static int from[] = { 0, 5000 };
	const int fd = open_file(), saved = dup(STDERR_FILENO);
	pthread_t threads[2];
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	sn_log_start(&(struct sn_log_options){ .fd = fd });
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &from[i]), 0);
	sn_log_stop(SN_SEC(30));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	read_file(fd);
	const struct tally t = tally_output();
	ck_assert_uint_eq(t.lines + t.dropped, 10000);
}
END_TEST

/* A start that finds no descriptor left says so and leaves the log working. */
START_TEST(test_no_descriptor)
{
	struct rlimit before, none;
	const int fd = open_file(), saved = dup(STDERR_FILENO);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	sn_log_start(&(struct sn_log_options){ .fd = fd });
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	log_events(0, 1);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	read_file(fd);
	ck_assert_uint_eq(count_of(" error [log] log-thread-failed error="), 1);
	ck_assert_uint_eq(count_of(" info [t] e00000 v=0\n"), 1);
}
END_TEST

/* --- log services and files that are renamed ------------------------------------------------ */

static char directory[64], socket_path[80], file_path[80], old_path[80];

static void setup_directory(void)
{
	setup();
	snprintf(directory, sizeof(directory), "/tmp/sn-log-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	snprintf(file_path, sizeof(file_path), "%s/file", directory);
	snprintf(old_path, sizeof(old_path), "%s/file.1", directory);
}

static void teardown_directory(void)
{
	teardown();
	(void)unlink(socket_path);
	(void)unlink(file_path);
	(void)unlink(old_path);
	(void)rmdir(directory);
}

static int bind_service(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	memcpy(addr.sun_path, socket_path, strlen(socket_path) + 1);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* The next datagram, which is waited for. */
static struct sn_str take_datagram(int fd)
{
	static char mem[65536];
	const ssize_t n = recv(fd, mem, sizeof(mem), 0);
	ck_assert_int_ge(n, 0);
	return sn_str_n(mem, (size_t)n);
}

START_TEST(test_syslog)
{
	const int fd = bind_service();
	char end[64];
	sn_log_start(&(struct sn_log_options){
		.target = SN_LOG_TO_SYSLOG, .path = socket_path, .format = SN_LOG_JSON });
	log_events(0, 1);
	sn_log(&ctx, SN_LOG_CRITICAL, "end");
	struct sn_str text = take_datagram(fd);
	snprintf(end, sizeof(end), " sennit[%d]: [t] e00000 v=0", getpid());
	ck_assert(sn_str_starts(text, SN_STR("<30>")) && sn_str_ends(text, sn_str(end)));
	text = take_datagram(fd);
	snprintf(end, sizeof(end), " sennit[%d]: [t] end", getpid());
	ck_assert(sn_str_starts(text, SN_STR("<26>")) && sn_str_ends(text, sn_str(end)));
	sn_log_stop(SN_SEC(10));
	close(fd);
}
END_TEST

START_TEST(test_journald)
{
	const int fd = bind_service();
	sn_log_start(&(struct sn_log_options){ .target = SN_LOG_TO_JOURNALD, .path = socket_path });
	log_events(0, 1);
	ck_assert_str_view(take_datagram(fd),
		"PRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=sennit\n"
		"MESSAGE=[t] e00000 v=0\nSENNIT_NS=t\nSENNIT_EVENT=e00000\nSENNIT_V=0\n");
	sn_log_stop(SN_SEC(10));
	close(fd);
}
END_TEST

/* More than a service's queue holds, taken in time: everything arrives, in order. */
START_TEST(test_service_behind)
{
	enum { COUNT = 20000 };
	const int fd = bind_service();
	char end[32];
	sn_log_start(&(struct sn_log_options){
		.target = SN_LOG_TO_SYSLOG, .path = socket_path, .queue_bytes = 8 << 20 });
	log_events(0, COUNT);
	for (int i = 0; i < COUNT; i++) {
		snprintf(end, sizeof(end), "[t] e%05d v=%d", i, i);
		ck_assert_hot(sn_str_ends(take_datagram(fd), sn_str(end)));
	}
	sn_log_stop(SN_SEC(10));
	ck_assert_uint_eq(sn_log_dropped(), 0);
	close(fd);
}
END_TEST

/* The service is away for a while: it gets what was logged meanwhile, and a word about it. */
START_TEST(test_service_restarts)
{
	const int saved = dup(STDERR_FILENO), errors = open_file();
	int fd = bind_service();
	ck_assert_int_eq(dup2(errors, STDERR_FILENO), STDERR_FILENO);
	start_test_clock();
	sn_log_start(&(struct sn_log_options){
		.target = SN_LOG_TO_SYSLOG, .path = socket_path, .clock = &test_clock.clock });
	log_events(0, 1);
	(void)take_datagram(fd);
	close(fd);
	ck_assert_int_eq(unlink(socket_path), 0);
	log_events(1, 1);
	/* The first failure is when the sink asks for the time. */
	while (sem_wait(&test_clock.asked) < 0)
		ck_assert_int_eq(errno, EINTR);
	fd = bind_service();
	log_events(2, 1);
	for (int i = 0; i < 3; i++)
		sn_strbuf_add(&output, take_datagram(fd));
	ck_assert_uint_eq(count_of("[t] e00001 v=1"), 1);
	ck_assert_uint_eq(count_of("[t] e00002 v=2"), 1);
	ck_assert_uint_eq(count_of("[log] log-write-resumed error="), 1);
	sn_strbuf_reset(&output);
	sn_log_stop(SN_SEC(10));
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	read_file(errors);
	ck_assert_uint_eq(count_of("sennit: log: "), 1);
	ck_assert_uint_eq(count_of("; trying again\n"), 1);
	ck_assert_uint_eq(sn_log_dropped(), 0);
	close(fd);
}
END_TEST

START_TEST(test_no_service)
{
	const int saved = dup(STDERR_FILENO), errors = open_file();
	ck_assert_int_eq(dup2(errors, STDERR_FILENO), STDERR_FILENO);
	sn_log_start(&(struct sn_log_options){ .target = SN_LOG_TO_JOURNALD, .path = socket_path });
	log_events(0, 1000);
	sn_log_stop(SN_MS(20));
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	read_file(errors);
	ck_assert_uint_eq(sn_log_dropped(), 1000);
	ck_assert_uint_eq(count_of(socket_path), 1);
}
END_TEST

static int open_log_file(void)
{
	const int fd = open(file_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void read_path(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	sn_strbuf_reset(&output);
	read_file(fd);
}

/* logrotate renames the file and makes a new one, or leaves that to us. */
START_TEST(test_renamed_file)
{
	const int fd = open_log_file();
	ck_assert_int_eq(write(fd, "old\n", 4), 4);
	ck_assert_int_eq(rename(file_path, old_path), 0);
	if (_i == 1)
		close(open_log_file());
	sn_log_start(&(struct sn_log_options){ .fd = fd, .path = file_path });
	log_events(0, 1);
	sn_log_stop(SN_SEC(10));
	/* The descriptor is the new file's for everybody who has it. */
	ck_assert_int_eq(write(fd, "crash\n", 6), 6);
	close(fd);
	read_path(old_path);
	ck_assert_str_eq(sn_strbuf_cstr(&output), "old\n");
	read_path(file_path);
	ck_assert(sn_str_ends(sn_strbuf_str(&output), SN_STR("[t] e00000 v=0\ncrash\n")));
}
END_TEST

START_TEST(test_file_not_renamed)
{
	const int fd = open_log_file();
	sn_log_start(&(struct sn_log_options){ .fd = fd, .path = file_path });
	log_events(0, 3);
	sn_log_stop(SN_SEC(10));
	close(fd);
	read_path(file_path);
	ck_assert_uint_eq(tally_output().lines, 3);
}
END_TEST

/* The new name cannot be had: the old file goes on, and says why. */
START_TEST(test_cannot_reopen)
{
	const int fd = open_log_file();
	ck_assert_int_eq(rename(file_path, old_path), 0);
	ck_assert_int_eq(symlink("no/such", file_path), 0);
	sn_log_start(&(struct sn_log_options){ .fd = fd, .path = file_path });
	log_events(0, 1);
	sn_log_stop(SN_SEC(10));
	close(fd);
	read_path(old_path);
	ck_assert_uint_eq(count_of("[t] e00000"), 1);
	ck_assert_uint_eq(count_of(" error [log] log-reopen-failed path="), 1);
}
END_TEST

static void add_target_tests(Suite *suite)
{
	TCase *tc = tcase_create("targets");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup_directory, teardown_directory);
	tcase_add_test(tc, test_syslog);
	tcase_add_test(tc, test_journald);
	tcase_add_test(tc, test_service_behind);
	tcase_add_test(tc, test_service_restarts);
	tcase_add_test(tc, test_no_service);
	tcase_add_loop_test(tc, test_renamed_file, 0, 2);
	tcase_add_test(tc, test_file_not_renamed);
	tcase_add_test(tc, test_cannot_reopen);
	suite_add_tcase(suite, tc);
}

static void add_failure_tests(Suite *suite)
{
	TCase *tc = tcase_create("failures");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_overflow_blocking_pipe);
	tcase_add_test(tc, test_overflow_nonblocking_pipe);
	tcase_add_test(tc, test_stop_gives_up);
	tcase_add_test(tc, test_full_disk);
	tcase_add_test(tc, test_full_disk_recovers);
	tcase_add_test(tc, test_closed_pipe);
	tcase_add_test(tc, test_no_descriptor);
	suite_add_tcase(suite, tc);
}

Suite *sn_suite_log_sink(void)
{
	Suite *suite = suite_create("base/log_sink");
	TCase *tc = tcase_create("sink");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_file);
	tcase_add_loop_test(tc, test_formats, 0, 4);
	tcase_add_test(tc, test_restart);
	tcase_add_test(tc, test_sleeping_sink_wakes);
	tcase_add_test(tc, test_repeats_collapse);
	tcase_add_test(tc, test_repeats_end_by_themselves);
	tcase_add_test(tc, test_long_lines);
	tcase_add_test(tc, test_partial_writes);
	tcase_add_test(tc, test_producers);
	tcase_add_test(tc, test_stop_under_producers);
	suite_add_tcase(suite, tc);
	add_failure_tests(suite);
	add_target_tests(suite);
	return suite;
}
