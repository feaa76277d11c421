/*
 * What TLS costs the server: handshakes per second, CPU time per handshake and how long the loop
 * stood still, with the costly step on the loop and on the pool; private memory of an idle
 * connection. Only the server's work is inside the clock: the clients' hellos are made before, and
 * their answers between the measured phases.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/support/certs.h"

#include "daemon/base/mem.h"
#include "daemon/net/tls.h"

#define CONNS 200
#define ROUNDS 10
#define IDLE 2000
#define TICK SN_MS(1)

struct conn {
	struct sn_stream_fd socket;
	struct sn_stream_user user;
	bool ready, over;
	/* the client's end */
	SSL *ssl;
	int fd;
};

static struct sn_loop *loop;
static struct conn *conns;
static unsigned ready_count, echo_count, over_count;
static SSL_CTX *client_ctx;

/* --- the server's side ---------------------------------------------------------------------- */

static void on_ready(struct sn_stream_user *user)
{
	struct conn *conn = sn_container_of(user, struct conn, user);

	conn->ready = true;
	ready_count++;
}

static void on_input(struct sn_stream_user *user)
{
	sn_stream_write(user->stream, sn_stream_input(user->stream));
	sn_stream_consume(user->stream, sn_stream_input(user->stream).n);
	echo_count++;
}

static void on_end(struct sn_stream_user *user, int code)
{
	(void)user;
	(void)code;
}

static void on_free(struct sn_stream_user *user)
{
	sn_container_of(user, struct conn, user)->over = true;
	over_count++;
}

static const struct sn_stream_events events = {
	.on_ready = on_ready,
	.on_input = on_input,
	.on_end = on_end,
	.on_free = on_free,
};

static void accept_conn(struct conn *conn, int fd, struct sn_tls_context *context)
{
	struct sn_stream *top;

	memset(conn, 0, sizeof(*conn));
	conn->user.events = &events;
	sn_assert(sn_stream_fd_init(&conn->socket, loop, fd, fd) == SN_OK);
	sn_stream_ready(&conn->socket.stream);
	sn_assert(sn_stream_push_tls(&conn->socket.stream, context, NULL, &top) == SN_OK);
	sn_stream_set_user(top, &conn->user);
}

static void close_conns(unsigned count)
{
	over_count = 0;
	for (unsigned i = 0; i < count; i++)
		sn_stream_abort(conns[i].user.stream, SN_CLOSE);
	while (over_count < count)
		sn_loop_turn(loop, SN_MS(1));
}

/* --- the clock ------------------------------------------------------------------------------ */

struct tally {
	int64_t wall, cpu, stall; /* ns; stall: most of the loop's CPU time between two ticks */
	struct sn_timer tick;
	int64_t begun, cpu_begun, ticked;
};

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return SN_SEC(t.tv_sec) + t.tv_nsec;
}

/* CPU time, so that other programs on the machine do not count. */
static void on_tick(struct sn_timer *timer)
{
	struct tally *tally = sn_container_of(timer, struct tally, tick);
	const int64_t now = read_clock(CLOCK_THREAD_CPUTIME_ID);

	if (now - tally->ticked > tally->stall)
		tally->stall = now - tally->ticked;
	tally->ticked = now;
	sn_timer_set(loop, timer, TICK, on_tick);
}

static void begin(struct tally *tally)
{
	tally->begun = read_clock(CLOCK_MONOTONIC);
	tally->cpu_begun = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	tally->ticked = read_clock(CLOCK_THREAD_CPUTIME_ID);
	sn_timer_set(loop, &tally->tick, TICK, on_tick);
}

static void end(struct tally *tally)
{
	on_tick(&tally->tick);
	sn_timer_clear(&tally->tick);
	tally->wall += read_clock(CLOCK_MONOTONIC) - tally->begun;
	tally->cpu += read_clock(CLOCK_PROCESS_CPUTIME_ID) - tally->cpu_begun;
}

/* --- handshakes ----------------------------------------------------------------------------- */

static void client_step(struct conn *conn)
{
	(void)SSL_do_handshake(conn->ssl);
}

static bool has_answer(const struct conn *conn)
{
	struct pollfd p = { .fd = conn->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void open_pair(struct conn *conn, struct sn_tls_context *context)
{
	int fds[2];

	sn_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	accept_conn(conn, fds[0], context);
	conn->fd = fds[1];
	conn->ssl = SSL_new(client_ctx);
	SSL_set_fd(conn->ssl, fds[1]);
	SSL_set_connect_state(conn->ssl);
}

static void turn_until_answered(void)
{
	for (unsigned i = 0; i < CONNS; i++)
		while (!has_answer(&conns[i]))
			sn_loop_turn(loop, SN_MS(1));
}

static void run_round(struct sn_tls_context *context, struct tally *tally)
{
	for (unsigned i = 0; i < CONNS; i++)
		open_pair(&conns[i], context);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	ready_count = 0;
	for (unsigned i = 0; i < CONNS; i++)
		client_step(&conns[i]); /* all hellos lie in the sockets */
	begin(tally);
	turn_until_answered();
	end(tally);
	for (unsigned i = 0; i < CONNS; i++)
		client_step(&conns[i]);
	begin(tally);
	while (ready_count < CONNS)
		sn_loop_turn(loop, SN_MS(1));
	end(tally);
	for (unsigned i = 0; i < CONNS; i++) {
		SSL_free(conns[i].ssl);
		close(conns[i].fd);
	}
	close_conns(CONNS);
}

static struct sn_tls_context *make_context(
	const struct sn_test_dir *dir, enum sn_test_key_kind kind, struct sn_offload *pool)
{
	const struct sn_tls_server_options *options;
	const struct sn_test_cert *certs[1];
	struct sn_tls_context *context;
	struct sn_test_cert cert;
	struct sn_test_pem pem;
	struct sn_diag diag;

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "bench", .kind = kind }, &cert);
	certs[0] = &cert;
	pem = sn_test_pem_write(dir, pool != NULL ? "pool.pem" : "loop.pem", "kc", certs);
	sn_test_cert_fini(&cert);
	options = &(struct sn_tls_server_options){ .certs = pem.path };
	if (sn_tls_server_new(options, &context, &diag) != SN_OK) {
		fprintf(stderr, "%s\n", diag.text);
		exit(EXIT_FAILURE);
	}
	sn_assert(sn_tls_server_attach(context, loop, pool) == SN_OK);
	return context;
}

static void measure(const char *what, const struct sn_test_dir *dir, enum sn_test_key_kind kind,
	struct sn_offload *pool)
{
	struct sn_tls_context *context = make_context(dir, kind, pool);
	struct tally tally = { .wall = 0 };
	struct tally warm_up = { .wall = 0 };
	const double n = (double)CONNS * ROUNDS;

	run_round(context, &warm_up);
	for (int i = 0; i < ROUNDS; i++)
		run_round(context, &tally);
	printf("%-28s %6.0f handshakes/s %6.1f us CPU each %7.2f ms longest stall of the loop\n",
		what, n * 1e9 / (double)tally.wall, (double)tally.cpu / n / 1e3,
		(double)tally.stall / 1e6);
	sn_tls_server_detach(context);
	sn_tls_context_unref(&context);
}

/* --- memory --------------------------------------------------------------------------------- */

static long private_dirty_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[200];
	long kib = 0;

	sn_assert(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

/* The clients live in another process: only the server's memory is to be seen. */
static pid_t fork_clients(int (*fds)[2], unsigned count)
{
	char line[100] = "a line of chat, so that the buffers have been in use";
	pid_t child = fork();

	sn_assert(child >= 0);
	if (child > 0)
		return child;
	for (unsigned i = 0; i < count; i++) {
		SSL *ssl = SSL_new(client_ctx);

		close(fds[i][0]);
		SSL_set_fd(ssl, fds[i][1]);
		if (SSL_connect(ssl) != 1 || SSL_write(ssl, line, sizeof(line)) <= 0 ||
			SSL_read(ssl, line, sizeof(line)) <= 0)
			_exit(EXIT_FAILURE);
	}
	for (;;)
		pause();
}

static void connect_idle(struct sn_tls_context *context, unsigned count, long *kib_r)
{
	int(*fds)[2] = sn_alloc_array(count, sizeof(*fds));
	pid_t child;

	for (unsigned i = 0; i < count; i++)
		sn_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]) == 0);
	child = fork_clients(fds, count);
	*kib_r = private_dirty_kib();
	echo_count = 0;
	for (unsigned i = 0; i < count; i++) {
		close(fds[i][1]);
		(void)fcntl(fds[i][0], F_SETFL, O_NONBLOCK);
		accept_conn(&conns[i], fds[i][0], context);
	}
	while (echo_count < count)
		sn_loop_turn(loop, SN_MS(10));
	sn_loop_turn(loop, 0);
	*kib_r = private_dirty_kib() - *kib_r;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close_conns(count);
	sn_free(fds);
}

static void measure_idle(const char *what, const struct sn_test_dir *dir,
	enum sn_test_key_kind kind, struct sn_offload *pool)
{
	struct sn_tls_context *context = make_context(dir, kind, pool);
	long kib;

	connect_idle(context, 20, &kib); /* what exists once */
	connect_idle(context, IDLE, &kib);
	printf("%-34s %7.2f kB private each (%d connections; without struct sn_stream_fd, %zu bytes)\n",
		what, (double)kib * 1.024 / IDLE, IDLE, sizeof(struct sn_stream_fd));
	sn_tls_server_detach(context);
	sn_tls_context_unref(&context);
}

/* --- all ------------------------------------------------------------------------------------ */

static void raise_fd_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
	struct sn_offload *pool;
	struct sn_test_dir dir;

	raise_fd_limit();
	sn_assert(sn_loop_new(NULL, &loop) == SN_OK);
	sn_assert(sn_offload_new(NULL, &pool) == SN_OK);
	client_ctx = SSL_CTX_new(TLS_client_method());
	conns = sn_alloc_array(IDLE, sizeof(*conns));
	memset(conns, 0, IDLE * sizeof(*conns)); /* the service's own struct: not counted */
	sn_test_dir_make(&dir);

	measure_idle("idle, P-256, on the loop", &dir, SN_TEST_P256, NULL);
	measure_idle("idle, P-256, on the pool", &dir, SN_TEST_P256, pool);
	measure_idle("idle, RSA 2048, on the loop", &dir, SN_TEST_RSA2048, NULL);
	printf("\n%d at once, TLS 1.3, X25519:\n", CONNS);
	measure("ECDSA P-256, on the loop", &dir, SN_TEST_P256, NULL);
	measure("ECDSA P-256, on the pool", &dir, SN_TEST_P256, pool);
	measure("RSA 2048, on the loop", &dir, SN_TEST_RSA2048, NULL);
	measure("RSA 2048, on the pool", &dir, SN_TEST_RSA2048, pool);

	sn_test_dir_remove(&dir);
	sn_free(conns);
	SSL_CTX_free(client_ctx);
	sn_offload_free(&pool);
	sn_loop_free(&loop);
	return EXIT_SUCCESS;
}
