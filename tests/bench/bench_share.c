/*
 * How should workers share a port? One socket for all, watched with EPOLLEXCLUSIVE, or a socket for
 * each in one SO_REUSEPORT group, all of them opened and kept by the parent. For each way: CPU of
 * the workers for one connection, and how evenly the connections fall on them. Loopback only.
 *
 *   bench_share [WORKERS [SECONDS]]
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/assert.h"

#define WORKERS_MAX 16
#define CLIENTS 4
#define BURST 16 /* connections that one client opens at once */
#define BUDGET 64

struct counts {
	_Atomic uint64_t accepted[WORKERS_MAX];
	_Atomic uint64_t empty[WORKERS_MAX]; /* woken for nothing */
	_Atomic bool stop;
};

static struct counts *counts;

static int open_socket(uint16_t port, bool share)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	sn_assert(fd >= 0);
	sn_assert(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	sn_assert(!share || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0);
	sn_assert(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	sn_assert(listen(fd, 4096) == 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in addr;
	socklen_t size = sizeof(addr);

	sn_assert(getsockname(fd, (struct sockaddr *)&addr, &size) == 0);
	return addr.sin_port;
}

static void serve_one(int fd)
{
	char byte;

	if (recv(fd, &byte, 1, 0) == 1)
		(void)send(fd, &byte, 1, MSG_NOSIGNAL);
	(void)close(fd);
}

static void work(unsigned worker, int fd, bool exclusive)
{
	const int epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN | (exclusive ? EPOLLEXCLUSIVE : 0) };

	sn_assert(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	while (!counts->stop) {
		unsigned taken = 0;

		if (epoll_wait(epoll, &event, 1, 100) <= 0)
			continue;
		for (; taken < BUDGET; taken++) {
			const int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			if (conn < 0)
				break;
			serve_one(conn);
		}
		counts->accepted[worker] += taken;
		counts->empty[worker] += taken == 0;
	}
	_exit(0);
}

/* Bursts of connections, a byte there and back on each. */
static void load(uint16_t port)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	const struct linger reset = { .l_onoff = 1 }; /* no thousands of TIME_WAIT */

	while (!counts->stop) {
		int fds[BURST];
		char byte = 'x';

		for (unsigned i = 0; i < BURST; i++) {
			fds[i] = socket(AF_INET, SOCK_STREAM, 0);
			(void)setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			if (connect(fds[i], (const struct sockaddr *)&addr, sizeof(addr)) == 0)
				(void)send(fds[i], &byte, 1, MSG_NOSIGNAL);
		}
		for (unsigned i = 0; i < BURST; i++) {
			(void)recv(fds[i], &byte, 1, 0);
			(void)close(fds[i]);
		}
	}
	_exit(0);
}

static double cpu_of(pid_t pid)
{
	struct rusage usage;
	int status;

	sn_assert(wait4(pid, &status, 0, &usage) == pid);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const char *name, unsigned workers, double cpu)
{
	uint64_t all = 0, most = 0, least = UINT64_MAX, empty = 0;

	for (unsigned i = 0; i < workers; i++) {
		const uint64_t n = counts->accepted[i];

		all += n;
		most = n > most ? n : most;
		least = n < least ? n : least;
		empty += counts->empty[i];
	}
	printf("%-10s %10llu %12.2f us %11.2f %12.3f\n", name, (unsigned long long)all,
		all > 0 ? cpu * 1e6 / (double)all : 0.0,
		least > 0 ? (double)most / (double)least : 0.0,
		all > 0 ? (double)empty / (double)all : 0.0);
}

static void run(const char *name, bool reuseport, unsigned workers, unsigned seconds)
{
	const struct timespec span = { .tv_sec = seconds };
	pid_t worker_pids[WORKERS_MAX], client_pids[CLIENTS];
	int fds[WORKERS_MAX];
	double cpu = 0;

	*counts = (struct counts){ .stop = false };
	for (unsigned i = 0; i < workers; i++)
		fds[i] = i == 0     ? open_socket(0, reuseport)
			: reuseport ? open_socket(port_of(fds[0]), true)
				    : fds[0];
	for (unsigned i = 0; i < workers; i++) {
		worker_pids[i] = fork();
		if (worker_pids[i] == 0)
			work(i, fds[i], !reuseport);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_pids[i] = fork();
		if (client_pids[i] == 0)
			load(port_of(fds[0]));
	}
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	counts->stop = true;
	for (unsigned i = 0; i < CLIENTS; i++)
		(void)kill(client_pids[i], SIGKILL), (void)cpu_of(client_pids[i]);
	for (unsigned i = 0; i < workers; i++)
		cpu += cpu_of(worker_pids[i]);
	for (unsigned i = 0; i < workers; i++)
		if (i == 0 || reuseport)
			(void)close(fds[i]);
	report(name, workers, cpu);
}

int main(int argc, char **argv)
{
	const unsigned workers = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
	const unsigned seconds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;

	if (workers == 0 || workers > WORKERS_MAX || seconds == 0) {
		fprintf(stderr, "usage: bench_share [WORKERS (1 to %d) [SECONDS]]\n", WORKERS_MAX);
		return 64;
	}
	counts = mmap(
		NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sn_assert(counts != MAP_FAILED);
	printf("%u workers, %u s each\n%-10s %10s %15s %11s %12s\n", workers, seconds, "way",
		"connections", "worker CPU each", "most/least", "empty wakes");
	for (unsigned round = 0; round < 2; round++) {
		run("exclusive", false, workers, seconds);
		run("reuseport", true, workers, seconds);
	}
	return 0;
}
