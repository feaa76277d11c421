/*
 * Load for an upgrade: many clients who are on IRC while the daemon goes on with another program.
 *
 *   upgrade_load PORT CLIENTS COMMAND [ARG ...]
 *
 * CLIENTS register; then COMMAND (`sennit ctl upgrade ...`) runs, while one more client asks PING
 * again and again; afterwards each of them is asked whether it still gets an answer. Prints
 * "CLIENTS PAUSE_MS": who was answered on the connection it had all the time, and the longest that
 * the one had to wait. Fails when COMMAND does, or when one client hears anything but its answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench_proc.h"

#define AT_ONCE 64
#define PATIENCE_MS 30000

static struct sockaddr_in server;

static void say(int fd, const char *text)
{
	const size_t n = strlen(text);

	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		bench_die("send");
}

/* Reads to the end of the line that has `what` in it; false: lines came that have not. */
static bool hear(int fd, const char *what)
{
	static char text[65536];
	size_t n = 0;
	bool only = true;

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		char *end, *begin = text;
		ssize_t got;

		if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
			bench_die("no answer");
		got = recv(fd, text + n, sizeof(text) - n - 1, 0);
		if (got <= 0)
			bench_die("a client was disconnected");
		n += (size_t)got;
		text[n] = '\0';
		for (; (end = strchr(begin, '\n')) != NULL; begin = end + 1) {
			*end = '\0';
			if (strstr(begin, what) != NULL)
				return only && end[1] == '\0';
			only = false;
		}
		n = strlen(begin);
		memmove(text, begin, n + 1);
	}
}

static int begin_client(unsigned i)
{
	const int yes = 1, fd = bench_socket_from(i);
	char text[80];

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		bench_die("connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	snprintf(text, sizeof(text), "NICK u%u\r\nUSER u%u 0 * :User %u\r\n", i, i, i);
	say(fd, text);
	return fd;
}

static int *open_clients(unsigned count)
{
	int *fds = calloc(count, sizeof(*fds));
	unsigned begun = 0, done = 0;

	if (fds == NULL)
		bench_die("memory");
	while (done < count) {
		while (begun < count && begun < done + AT_ONCE) {
			fds[begun] = begin_client(begun);
			begun++;
		}
		for (; done < begun; done++)
			(void)hear(fds[done], "MOTD");
	}
	return fds;
}

static double ping(int fd)
{
	const double begin = bench_now();

	say(fd, "PING :there\r\n");
	if (!hear(fd, "PONG")) {
		errno = EPROTO;
		bench_die("a client heard something");
	}
	return bench_now() - begin;
}

static pid_t start(char **argv)
{
	const pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		bench_die("fork");
	return pid;
}

/* The longest answer from the start of the command to its end. */
static double watch_command(int fd, char **argv)
{
	const pid_t pid = start(argv);
	double longest = 0;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		const double took = ping(fd);

		longest = took > longest ? took : longest;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = ECANCELED;
		bench_die("the command");
	}
	return longest;
}

int main(int argc, char **argv)
{
	unsigned count;
	double longest;
	int *fds;

	if (argc < 4) {
		fprintf(stderr, "usage: see the head of upgrade_load.c\n");
		return EXIT_FAILURE;
	}
	bench_raise_fd_limit();
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)) };
	count = (unsigned)strtoul(argv[2], NULL, 10);
	fds = open_clients(count + 1);
	(void)ping(fds[count]);
	longest = watch_command(fds[count], argv + 3);
	for (unsigned i = 0; i < count; i++)
		(void)ping(fds[i]);
	printf("%u %.0f\n", count, longest * 1000);
	free(fds);
	return EXIT_SUCCESS;
}
