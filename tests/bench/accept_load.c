/*
 * Load for servers that close what they accept: how many connections a second of the server's CPU
 * time goes to.
 *
 *   accept_load [--request] PORT PID SECONDS
 *
 * UNDER_WAY connections are open at any time; each ends when the server closes it. With --request a
 * small HTTP request goes out first. Prints "PER_CPU_SECOND US_PER_CONNECTION PER_SECOND".
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
#include <unistd.h>

#include "tests/bench/bench_proc.h"

#define UNDER_WAY 64
#define ADDRESSES 8
#define PER_ADDRESS 5000
#define WARM_UP 0.5

static const char request[] = "GET / HTTP/1.0\r\n\r\n";

static struct sockaddr_in server;
static bool with_request;
static int epoll_fd;
static uint64_t opened, ended;

static void open_one(void)
{
	int fd = bench_socket_from((unsigned)(opened++ % ADDRESSES) * PER_ADDRESS);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	/* A reset at once is an end like another. */
	if (with_request && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 &&
		errno != ECONNRESET && errno != EPIPE)
		bench_die("send");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_die("epoll_ctl");
}

/* With a reset, so that neither side keeps the pair of ports in TIME_WAIT. */
static void end_one(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };
	char answer[64];

	if (recv(fd, answer, sizeof(answer), 0) > 0) {
		errno = EPROTO;
		bench_die("an answer came where none was expected");
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	ended++;
}

static void run_for(double seconds)
{
	double end = bench_now() + seconds;
	struct epoll_event events[UNDER_WAY];

	while (bench_now() < end) {
		int n = epoll_wait(epoll_fd, events, UNDER_WAY, 1000);

		if (n == 0) {
			errno = ETIMEDOUT;
			bench_die("the server does not close");
		}
		for (int i = 0; i < n; i++) {
			end_one(events[i].data.fd);
			open_one();
		}
	}
}

static void measure(const char *pid, double seconds)
{
	double cpu, start;

	for (int i = 0; i < UNDER_WAY; i++)
		open_one();
	run_for(WARM_UP);
	ended = 0;
	cpu = bench_proc_cpu(pid);
	start = bench_now();
	run_for(seconds);
	cpu = bench_proc_cpu(pid) - cpu;
	printf("%.0f %.2f %.0f\n", (double)ended / cpu, cpu * 1e6 / (double)ended,
		(double)ended / (bench_now() - start));
}

int main(int argc, char **argv)
{
	with_request = argc > 1 && strcmp(argv[1], "--request") == 0;
	argv += with_request;
	argc -= with_request;
	if (argc != 4) {
		fprintf(stderr, "usage: accept_load [--request] PORT PID SECONDS\n");
		return EXIT_FAILURE;
	}
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)) };
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	measure(argv[2], strtod(argv[3], NULL));
	return EXIT_SUCCESS;
}
