/*
 * Load for the echo servers: what one message costs the server in CPU time, and what an idle
 * connection costs it in memory.
 *
 *   echo_load [--tls] load PORT PID CONNECTIONS ACTIVE SECONDS
 *   echo_load [--tls] idle PORT PID FEW MANY
 *   echo_load churn PORT PID SECONDS
 *
 * load: ACTIVE messages of 64 bytes are under way at any time, the connections taking turns. Prints
 *   "US_PER_MESSAGE MESSAGES_PER_SECOND": the server's CPU time per message in microseconds.
 * idle: each connection echoes one message and then does nothing. Prints the growth of the server's
 *   private memory from FEW to MANY connections, in bytes per connection.
 * churn: a server that closes at the first request, 64 connections at a time. Prints
 *   "US_PER_CONNECTION CONNECTIONS_PER_SECOND".
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define MESSAGE 64
#define PER_ADDRESS 5000 /* connections from one source address: there are 28,000 ports */
#define WARM_UP 0.5
#define BATCH 64
#define ADDRESSES 200

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

static void die(const char *what)
{
	fprintf(stderr, "echo_load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- what the server used --------------------------------------------------------------------- */

static double thread_cpu(const char *pid, const char *tid)
{
	char path[300];
	uint64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, tid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0; /* ended meanwhile */
	if (fscanf(f, "%" SCNu64, &ns) != 1)
		die(path);
	fclose(f);
	return (double)ns / 1e9;
}

static double server_cpu(const char *pid)
{
	const struct dirent *entry;
	char path[64];
	double sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	if (dir == NULL)
		die(path);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			sum += thread_cpu(pid, entry->d_name);
	closedir(dir);
	return sum;
}

static long server_private_bytes(const char *pid)
{
	char path[64], line[256];
	long sum = 0, kib;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
	f = fopen(path, "r");
	if (f == NULL)
		die(path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum += kib * 1024;
	fclose(f);
	return sum;
}

/* --- connections ------------------------------------------------------------------------------ */

static int connect_from(size_t index)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index / PER_ADDRESS)) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
		connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		die("connect");
	return fd;
}

static void start_tls(struct client *c)
{
	if (tls == NULL)
		return;
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1)
		die("TLS handshake");
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
		die("send");
}

/* True when the answer is complete. */
static bool hear(struct client *c)
{
	char text[MESSAGE];
	ssize_t n = receive_some(c, text, MESSAGE - c->have);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("receive");
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
		die("epoll");
}

static void open_clients(size_t count)
{
	clients = realloc(clients, count * sizeof(*clients));
	if (clients == NULL)
		die("memory");
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

static void run_for(bool all, double seconds)
{
	double end = now() + seconds;
	struct epoll_event events[256];

	while (now() < end) {
		int n = epoll_wait(epoll_fd, events, 256, 1000);

		for (int i = 0; i < n; i++) {
			struct client *c = &clients[events[i].data.u64];

			if (!hear(c))
				continue;
			answers++;
			ask_next(all, c);
		}
	}
}

static void measure_load(const char *pid, size_t connections, size_t active, double seconds)
{
	bool all = active == connections;
	double cpu, start;

	open_clients(connections);
	for (size_t i = 0; i < active; i++)
		ask_next(all, &clients[i]);
	run_for(all, WARM_UP);
	answers = 0;
	cpu = server_cpu(pid);
	start = now();
	run_for(all, seconds);
	cpu = server_cpu(pid) - cpu;
	printf("%.3f %.0f\n", cpu * 1e6 / (double)answers, (double)answers / (now() - start));
}

static void measure_idle(const char *pid, size_t few, size_t many)
{
	struct timespec settle = { .tv_nsec = 300000000 };
	long before;

	open_clients(few);
	nanosleep(&settle, NULL);
	before = server_private_bytes(pid);
	open_clients(many);
	nanosleep(&settle, NULL);
	printf("%ld\n", (server_private_bytes(pid) - before) / (long)(many - few));
}

/* The kernel completes these connections; the server finds all of them waiting. */
static void open_batch(int fds[BATCH], size_t address)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";

	for (int i = 0; i < BATCH; i++) {
		fds[i] = connect_from(address * PER_ADDRESS);
		if (send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
			die("send");
	}
}

static void close_batch(const int fds[BATCH])
{
	char text[64];

	for (int i = 0; i < BATCH; i++) {
		if (recv(fds[i], text, sizeof(text), 0) > 0)
			die("not closed");
		close(fds[i]);
	}
}

static void churn_for(double seconds)
{
	double end = now() + seconds;

	for (size_t round = 0; now() < end; round++) {
		int fds[BATCH];

		open_batch(fds, round % ADDRESSES);
		close_batch(fds);
		answers += BATCH;
	}
}

static void measure_churn(const char *pid, double seconds)
{
	double cpu, start;

	churn_for(WARM_UP);
	answers = 0;
	cpu = server_cpu(pid);
	start = now();
	churn_for(seconds);
	cpu = server_cpu(pid) - cpu;
	printf("%.3f %.0f\n", cpu * 1e6 / (double)answers, (double)answers / (now() - start));
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void set_up(bool with_tls, const char *port)
{
	raise_descriptor_limit();
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (with_tls) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	}
}

static int arguments_of(const char *mode)
{
	if (strcmp(mode, "load") == 0)
		return 7;
	return strcmp(mode, "idle") == 0 ? 6 : 5;
}

int main(int argc, char **argv)
{
	bool with_tls = argc > 1 && strcmp(argv[1], "--tls") == 0;
	size_t numbers[3] = { 0 };

	argv += with_tls;
	argc -= with_tls;
	if (argc < 5 || argc > 7 || argc != arguments_of(argv[1])) {
		fprintf(stderr, "usage: see the head of echo_load.c\n");
		return EXIT_FAILURE;
	}
	set_up(with_tls, argv[2]);
	for (int i = 4; i < argc; i++)
		numbers[i - 4] = strtoul(argv[i], NULL, 10);
	if (strcmp(argv[1], "load") == 0)
		measure_load(argv[3], numbers[0], numbers[1], (double)numbers[2]);
	else if (strcmp(argv[1], "idle") == 0)
		measure_idle(argv[3], numbers[0], numbers[1]);
	else
		measure_churn(argv[3], (double)numbers[0]);
	return EXIT_SUCCESS;
}
