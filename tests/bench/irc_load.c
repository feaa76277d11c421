/*
 * Load for IRC servers: what an idle client costs in memory, and a delivered line in CPU time.
 *
 *   irc_load idle PORT PID FEW MANY
 *   irc_load fanout PORT PID SECONDS MEMBERS
 *
 * idle: growth of the server's private memory from FEW to MANY registered clients that are in no
 *   channel, in bytes per client.
 * fanout: one client speaks to a channel of MEMBERS others, the next line when all have the last.
 *   Prints "US_PER_LINE LINES_PER_SECOND": the server's CPU time for one line to one member.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench_proc.h"

#define AT_ONCE 8 /* clients registering at the same time: the listen queue of ngircd holds 10 */
#define PATIENCE_MS 30000
#define WARM_UP 0.5

struct client {
	int fd;
	char last[8]; /* end of what came, as what we wait for may come in parts */
};

static struct sockaddr_in server;
static struct client *clients;
static unsigned client_count;
static int epoll_fd;
static uint64_t found; /* what the present step waits for, all clients together */

/* --- hearing ---------------------------------------------------------------------------------- */

/* How often `what`, of at most 8 characters, is in what came since the last call. */
static unsigned hear(struct client *c, const char *what)
{
	static char text[8 + 65536 + 1];
	size_t keep = strlen(c->last), length = strlen(what);
	unsigned times = 0;
	ssize_t n;

	memcpy(text, c->last, keep);
	n = recv(c->fd, text + keep, 65536, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		bench_die("a client was disconnected");
	text[keep + (size_t)n] = '\0';
	for (const char *p = text; (p = strstr(p, what)) != NULL; p += length)
		times++;
	/* Shorter than `what`, so that nothing is counted twice. */
	keep = keep + (size_t)n < length - 1 ? keep + (size_t)n : length - 1;
	memcpy(c->last, strchr(text, '\0') - keep, keep + 1);
	return times;
}

static void turn(const char *what)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll_fd, events, 256, PATIENCE_MS);

	if (n == 0) {
		errno = ETIMEDOUT;
		bench_die(what);
	}
	for (int i = 0; i < n; i++)
		found += hear(&clients[events[i].data.u32], what);
}

static void wait_for(const char *what, uint64_t times)
{
	while (found < times)
		turn(what);
	if (found > times) {
		errno = EPROTO;
		bench_die(what);
	}
	found = 0;
}

/* --- speaking --------------------------------------------------------------------------------- */

static void say(const struct client *c, const char *text)
{
	size_t n = strlen(text);

	if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		bench_die("send");
}

static void begin_client(unsigned i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
	struct client *c = &clients[i];
	char text[80];

	c->fd = bench_socket_from(i);
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		bench_die("epoll_ctl");
	snprintf(text, sizeof(text), "NICK u%u\r\nUSER u%u 0 * :User %u\r\n", i, i, i);
	say(c, text);
}

/* Neither server has a message of the day: 422, which says so, ends the registration. (The number
 * alone may be that of users.) */
static void open_clients(unsigned count)
{
	clients = realloc(clients, count * sizeof(*clients));
	if (clients == NULL)
		bench_die("memory");
	memset(clients + client_count, 0, (count - client_count) * sizeof(*clients));
	while (client_count < count) {
		unsigned begun = 0;

		for (; begun < AT_ONCE && client_count < count; begun++)
			begin_client(client_count++);
		wait_for("MOTD", begun);
	}
}

/* One after the other, as each of them makes a line for everyone who is in already. */
static void join_all(void)
{
	for (unsigned i = 0; i < client_count; i++) {
		say(&clients[i], "JOIN #bench\r\n");
		wait_for(" 366 ", 1);
	}
}

/* --- the measurements ------------------------------------------------------------------------- */

static long settled_memory(const char *pid)
{
	const struct timespec a_while = { .tv_nsec = 500000000 };

	nanosleep(&a_while, NULL);
	return bench_proc_private(pid);
}

static void measure_idle(const char *pid, unsigned few, unsigned many)
{
	long before;

	open_clients(few);
	before = settled_memory(pid);
	open_clients(many);
	printf("%ld\n", (settled_memory(pid) - before) / (long)(many - few));
}

/* The last client speaks; the echo of the others' joins has been read by then. */
static uint64_t speak_for(double seconds, unsigned members)
{
	double end = bench_now() + seconds;
	uint64_t lines = 0;

	for (; bench_now() < end; lines += members) {
		say(&clients[members],
			"PRIVMSG #bench :Forty words a minute is what a person types, about.\r\n");
		wait_for("PRIVMSG ", members);
	}
	return lines;
}

static void measure_fanout(const char *pid, double seconds, unsigned members)
{
	double cpu, start;
	uint64_t lines;

	open_clients(members + 1);
	join_all();
	(void)speak_for(WARM_UP, members);
	cpu = bench_proc_cpu(pid);
	start = bench_now();
	lines = speak_for(seconds, members);
	cpu = bench_proc_cpu(pid) - cpu;
	printf("%.3f %.0f\n", cpu * 1e6 / (double)lines, (double)lines / (bench_now() - start));
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: see the head of irc_load.c\n");
		return EXIT_FAILURE;
	}
	bench_raise_fd_limit();
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)) };
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (strcmp(argv[1], "idle") == 0)
		measure_idle(argv[3], (unsigned)strtoul(argv[4], NULL, 10),
			(unsigned)strtoul(argv[5], NULL, 10));
	else
		measure_fanout(
			argv[3], strtod(argv[4], NULL), (unsigned)strtoul(argv[5], NULL, 10));
	return EXIT_SUCCESS;
}
