/*
 * Load for the echo servers: what one message costs the server in CPU time, and what an idle
 * connection costs it in memory.
 *
 *   echo_load [--tls] load PORT PID SECONDS CONNECTIONS:ACTIVE...
 *   echo_load [--tls] idle PORT PID FEW MANY
 *
 * load: ACTIVE messages of 64 bytes are under way at any time, the connections taking turns. Prints
 *   "US_PER_MESSAGE MESSAGES_PER_SECOND": the server's CPU time per message in microseconds; one
 *   line for each number of connections, which grows from one to the next.
 * idle: each connection echoes one message and then does nothing. Prints the growth of the server's
 *   private memory from FEW to MANY connections, in bytes per connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/bench/bench_proc.h"

#define MESSAGE 64
#define WARM_UP 0.5

struct client {
	int fd;
	SSL *ssl;
	size_t have; /* bytes of the answer */
	bool busy;   /* a message is under way */
};

static SSL_CTX *tls;
static struct sockaddr_in server;
static struct client *clients;
static size_t client_count, next_client;
static int epoll_fd;
static uint64_t answers;

/* --- connections ------------------------------------------------------------------------------ */

static int connect_from(size_t index)
{
	int fd = bench_socket_from((unsigned)index);

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	return fd;
}

static void start_tls(struct client *c)
{
	if (tls == NULL)
		return;
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1)
		bench_die("TLS handshake");
}

static ssize_t send_some(struct client *c, const void *p, size_t n)
{
	return c->ssl != NULL ? SSL_write(c->ssl, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
}

/* -1 with EAGAIN when there is nothing. */
static ssize_t receive_some(struct client *c, void *p, size_t n)
{
	int got;

	if (c->ssl == NULL)
		return recv(c->fd, p, n, 0);
	got = SSL_read(c->ssl, p, (int)n);
	if (got > 0)
		return got;
	errno = SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
	return -1;
}

static void ask(struct client *c)
{
	static const char message[MESSAGE] = "0123456789abcdef";

	c->have = 0;
	c->busy = true;
	if (send_some(c, message, MESSAGE) != MESSAGE)
		bench_die("send");
}

/* True when the answer is complete. */
static bool hear(struct client *c)
{
	char text[MESSAGE];
	ssize_t n = receive_some(c, text, MESSAGE - c->have);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		bench_die("receive");
	c->have += (size_t)n;
	c->busy = c->have < MESSAGE;
	return !c->busy;
}

static void open_client(size_t i)
{
	struct client *c = &clients[i];
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

	c->fd = connect_from(i);
	start_tls(c);
	ask(c);
	while (!hear(c))
		;
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		bench_die("epoll");
}

static void open_clients(size_t count)
{
	clients = realloc(clients, count * sizeof(*clients));
	if (clients == NULL)
		bench_die("memory");
	memset(clients + client_count, 0, (count - client_count) * sizeof(*clients));
	while (client_count < count)
		open_client(client_count++);
}

/* --- the two measurements --------------------------------------------------------------------- */

/* The next in turn that has nothing under way: the one just answered, when all are active. */
static void ask_next(bool all, struct client *answered)
{
	if (all) {
		ask(answered);
		return;
	}
	while (clients[next_client].busy)
		next_client = (next_client + 1) % client_count;
	ask(&clients[next_client]);
	next_client = (next_client + 1) % client_count;
}

/* Hears what comes within a second at most; asks again after each answer, if told to. */
static void turn(bool ask_again, bool all)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll_fd, events, 256, 1000);

	for (int i = 0; i < n; i++) {
		struct client *c = &clients[events[i].data.u64];

		if (!hear(c))
			continue;
		answers++;
		if (ask_again)
			ask_next(all, c);
	}
}

static void run_for(bool all, double seconds)
{
	double end = bench_now() + seconds;

	while (bench_now() < end)
		turn(true, all);
}

static void measure_load(const char *pid, size_t connections, size_t active, double seconds)
{
	bool all = active == connections;
	uint64_t outstanding;
	double cpu, start;

	open_clients(connections);
	for (size_t i = 0; i < active; i++)
		ask_next(all, &clients[i]);
	run_for(all, WARM_UP);
	answers = 0;
	cpu = bench_proc_cpu(pid);
	start = bench_now();
	run_for(all, seconds);
	cpu = bench_proc_cpu(pid) - cpu;
	printf("%.3f %.0f\n", cpu * 1e6 / (double)answers, (double)answers / (bench_now() - start));
	for (outstanding = answers + active; answers < outstanding;)
		turn(false, all);
}

/* Of CONNECTIONS:ACTIVE. */
static void measure_loads(const char *pid, const char *seconds, char **loads)
{
	for (; *loads != NULL; loads++) {
		char *active;
		size_t connections = strtoul(*loads, &active, 10);

		measure_load(
			pid, connections, strtoul(active + 1, NULL, 10), strtod(seconds, NULL));
	}
}

static void measure_idle(const char *pid, size_t few, size_t many)
{
	struct timespec settle = { .tv_nsec = 300000000 };
	long before;

	open_clients(few);
	nanosleep(&settle, NULL);
	before = bench_proc_private(pid);
	open_clients(many);
	nanosleep(&settle, NULL);
	printf("%ld\n", (bench_proc_private(pid) - before) / (long)(many - few));
}

static void set_up(bool with_tls, const char *port)
{
	bench_raise_fd_limit();
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (with_tls) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	}
}

int main(int argc, char **argv)
{
	bool with_tls = argc > 1 && strcmp(argv[1], "--tls") == 0;

	argv += with_tls;
	argc -= with_tls;
	if (argc < 6) {
		fprintf(stderr, "usage: see the head of echo_load.c\n");
		return EXIT_FAILURE;
	}
	set_up(with_tls, argv[2]);
	if (strcmp(argv[1], "load") == 0)
		measure_loads(argv[3], argv[4], argv + 5);
	else
		measure_idle(argv[3], strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
	return EXIT_SUCCESS;
}
