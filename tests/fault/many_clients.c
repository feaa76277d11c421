/*
 * Clients of a line service (IRC, or one that says lines back), for the fault tests: they say a
 * line in which PONG stands and wait for PONG.
 *
 *   many_clients steady ADDRESS PORT COUNT MS   COUNT connections that stay; each says a line every
 * MS many_clients churn ADDRESS PORT COUNT 0     COUNT at a time: connect, talk, leave, and again
 *
 * Says "ready" when everybody has had an answer; then, for each line of standard input and at its
 * end, a line of JSON with what happened since the last one. Latencies are from a line to its
 * answer; those of churn from connect on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 5
#define EVENTS 256

struct client {
	int fd; /* -1: gone */
	bool connected, waits, greeted;
	unsigned matched; /* of PONG */
	int64_t said, due;
};

struct counts {
	uint64_t lost;    /* accepted, and closed without an answer; steady: closed at all */
	uint64_t refused; /* nobody listens */
	uint64_t errors;  /* anything else */
};

static struct {
	bool steady, told;
	struct sockaddr_in to;
	int64_t interval;
	size_t count, waiting;
	struct client *clients;
	struct counts counts;
	uint32_t *latencies; /* us */
	size_t answers, room;
	int epoll;
} all;

static int64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void *must(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "many_clients: out of memory\n");
		exit(1);
	}
	return p;
}

static void add_latency(int64_t us)
{
	if (all.answers == all.room) {
		all.room = all.room == 0 ? 4096 : 2 * all.room;
		all.latencies = must(realloc(all.latencies, all.room * sizeof(*all.latencies)));
	}
	all.latencies[all.answers++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* --- what was seen ---------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double quantile(double q)
{
	if (all.answers == 0)
		return 0;
	return all.latencies[(size_t)(q * (double)(all.answers - 1))] / 1000.0;
}

/* The latest answer is the longest wait that has ended; one that has not is told apart. */
static double longest_wait_ms(void)
{
	const int64_t now = now_us();
	int64_t longest = 0;

	for (size_t i = 0; i < all.count; i++) {
		const struct client *client = &all.clients[i];

		if (client->fd >= 0 && client->waits && now - client->said > longest)
			longest = now - client->said;
	}
	return (double)longest / 1000.0;
}

static size_t alive(void)
{
	size_t n = 0;

	for (size_t i = 0; i < all.count; i++)
		n += all.clients[i].fd >= 0;
	return n;
}

static void report(void)
{
	if (all.answers > 0)
		qsort(all.latencies, all.answers, sizeof(*all.latencies), by_value);
	printf("{\"answers\":%zu,\"lost\":%llu,\"refused\":%llu,\"errors\":%llu,\"alive\":%zu,"
	       "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"waiting_ms\":%.3f}\n",
		all.answers, (unsigned long long)all.counts.lost,
		(unsigned long long)all.counts.refused, (unsigned long long)all.counts.errors,
		alive(), quantile(0.5), quantile(0.99), quantile(1.0), longest_wait_ms());
	(void)fflush(stdout);
	all.counts = (struct counts){ 0 };
	all.answers = 0;
}

/* --- one client ------------------------------------------------------------------------------- */

static void begin(struct client *client);

static void part(struct client *client)
{
	const struct linger at_once = { .l_onoff = 1 };

	/* Else the ports of thousands of short connections would be kept for a minute. */
	if (!all.steady)
		(void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)close(client->fd);
	client->fd = -1;
	if (!all.steady)
		begin(client);
}

static void fail(struct client *client, int err)
{
	if (err == ECONNREFUSED)
		all.counts.refused++;
	else if (err == 0 || err == ECONNRESET || err == EPIPE)
		all.counts.lost++;
	else
		all.counts.errors++;
	part(client);
}

static void begin(struct client *client)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = client };

	*client = (struct client){ .said = now_us(), .waits = true, .greeted = client->greeted };
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
		(connect(client->fd, (struct sockaddr *)&all.to, sizeof(all.to)) != 0 &&
			errno != EINPROGRESS) ||
		epoll_ctl(all.epoll, EPOLL_CTL_ADD, client->fd, &event) != 0) {
		perror("many_clients");
		exit(1);
	}
}

static void say(struct client *client)
{
	char text[128];
	int n = 0;

	if (all.steady && !client->connected)
		n = snprintf(text, sizeof(text), "NICK c%zu\r\nUSER c 0 * :c\r\n",
			(size_t)(client - all.clients));
	n += snprintf(text + n, sizeof(text) - (size_t)n, "PING :PONG\r\n");
	client->connected = true;
	client->waits = true;
	if (send(client->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		fail(client, errno);
}

static void on_writable(struct client *client)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	int err = 0;
	socklen_t size = sizeof(err);

	(void)getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (err != 0) {
		fail(client, err);
		return;
	}
	(void)epoll_ctl(all.epoll, EPOLL_CTL_MOD, client->fd, &event);
	say(client);
}

static void on_answer(struct client *client)
{
	const int64_t now = now_us();

	add_latency(now - client->said);
	client->waits = false;
	if (!client->greeted) {
		client->greeted = true;
		all.waiting--;
	}
	client->due = now + all.interval;
	if (!all.steady)
		part(client);
}

static bool has_answer(struct client *client, const char *data, size_t n)
{
	static const char word[] = "PONG"; /* no letter of it twice: no need to go back */
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (data[i] == word[client->matched])
			client->matched++;
		else
			client->matched = data[i] == word[0];
		if (client->matched == sizeof(word) - 1) {
			found = true;
			client->matched = 0;
		}
	}
	return found;
}

static void on_readable(struct client *client)
{
	char data[16384];
	const ssize_t n = recv(client->fd, data, sizeof(data), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		fail(client, n == 0 ? 0 : errno);
	else if (has_answer(client, data, (size_t)n) && client->waits)
		on_answer(client);
}

/* --- all of them ------------------------------------------------------------------------------ */

static void say_what_is_due(void)
{
	const int64_t now = now_us();

	for (size_t i = 0; all.steady && i < all.count; i++) {
		struct client *client = &all.clients[i];

		if (client->fd < 0 || client->waits || client->due > now)
			continue;
		client->said = now;
		say(client);
	}
}

/* False: nothing more comes. */
static bool on_command(void)
{
	char data[256];
	const ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	report();
	return n > 0;
}

static bool turn(void)
{
	struct epoll_event events[EVENTS];
	const int n = epoll_wait(all.epoll, events, EVENTS, TICK_MS);
	bool commanded = false;

	for (int i = 0; i < n; i++) {
		struct client *client = events[i].data.ptr;

		if (client == NULL)
			commanded = true;
		else if (!client->connected)
			on_writable(client);
		else
			on_readable(client);
	}
	say_what_is_due();
	if (all.waiting == 0 && !all.told) {
		all.told = true;
		printf("ready\n");
		(void)fflush(stdout);
	}
	return !commanded || on_command();
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event input = { .events = EPOLLIN };

	if (argc != 6) {
		fprintf(stderr, "usage: many_clients steady|churn ADDRESS PORT COUNT MS\n");
		return 64;
	}
	raise_limit();
	all.steady = strcmp(argv[1], "steady") == 0;
	all.to.sin_family = AF_INET;
	all.to.sin_port = htons((uint16_t)atoi(argv[3]));
	all.count = all.waiting = (size_t)atoi(argv[4]);
	all.interval = (int64_t)atoi(argv[5]) * 1000;
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	all.clients = must(calloc(all.count, sizeof(*all.clients)));
	if (inet_pton(AF_INET, argv[2], &all.to.sin_addr) != 1 || all.epoll < 0 ||
		epoll_ctl(all.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0) {
		perror("many_clients");
		return 1;
	}
	for (size_t i = 0; i < all.count; i++)
		begin(&all.clients[i]);
	while (turn()) {
	}
	return 0;
}
