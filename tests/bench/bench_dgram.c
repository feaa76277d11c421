/*
 * UDP echo on loopback: how many packets a second one loop answers, and how much processor time a
 * packet costs the server, beside the least that two system calls per batch cost. The client thread
 * sends and receives in batches, with a fixed number of packets under way, so that the server is
 * never idle and nothing is dropped for want of buffers.
 *
 *   bench_dgram [seconds per size] [packets under way]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/loop/timer.h"
#include "daemon/net/dgram.h"

#define CLIENT_BATCH 64
#define PACKET_MAX 2048

struct client {
	struct sn_addr server;
	size_t size;
	unsigned under_way;
	atomic_bool stop;
	uint64_t sent, received;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void check(bool ok, const char *what)
{
	if (!ok)
		die(what);
}

/* --- client -------------------------------------------------------------------------------------
 */

struct batch {
	char data[CLIENT_BATCH][PACKET_MAX];
	struct iovec iov[CLIENT_BATCH];
	struct mmsghdr msgs[CLIENT_BATCH];
};

static struct batch *new_batch(size_t size)
{
	struct batch *b = calloc(1, sizeof(*b));

	check(b != NULL, "calloc");
	for (size_t i = 0; i < CLIENT_BATCH; i++) {
		b->iov[i] = (struct iovec){ .iov_base = b->data[i], .iov_len = size };
		b->msgs[i].msg_hdr.msg_iov = &b->iov[i];
		b->msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return b;
}

static unsigned send_batch(int fd, struct batch *b, unsigned count)
{
	int n = sendmmsg(fd, b->msgs, count < CLIENT_BATCH ? count : CLIENT_BATCH, 0);

	return n > 0 ? (unsigned)n : 0;
}

/* Waits for one packet and takes what else is there; 0 after a while without any. */
static unsigned receive_batch(int fd, struct batch *b)
{
	int n = recvmmsg(fd, b->msgs, CLIENT_BATCH, MSG_WAITFORONE, NULL);

	return n > 0 ? (unsigned)n : 0;
}

static int client_socket(const struct client *c)
{
	const struct timeval patience = { .tv_usec = 100000 };
	const int buffer = 4 << 20;
	int fd = socket(c->server.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(fd >= 0, "socket");
	check(connect(fd, &c->server.sa, c->server.len) == 0, "connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	return fd;
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	struct batch *out = new_batch(c->size), *in = new_batch(PACKET_MAX);
	int fd = client_socket(c);
	unsigned pending = 0;

	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		unsigned got;

		while (pending < c->under_way) {
			unsigned n = send_batch(fd, out, c->under_way - pending);

			c->sent += n;
			pending += n;
		}
		got = receive_batch(fd, in);
		c->received += got;
		pending = got > 0 ? pending - (got < pending ? got : pending) : 0;
	}
	close(fd);
	free(out);
	free(in);
	return NULL;
}

/* --- servers ------------------------------------------------------------------------------------
 */

/* What a run cost its server. */
struct cost {
	uint64_t packets, dropped, turns;
	double cpu, wall;
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_seconds(void)
{
	return (double)sn_clock_mono(&sn_clock_system) / 1e9;
}

/* A wildcard socket; *addr_r gets its port. */
static int open_server(const char *ip, struct sn_addr *addr_r)
{
	struct sn_addr any;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sn_addr_any6(0, &any);
	check(fd >= 0 && bind(fd, &any.sa, any.len) == 0, "bind");
	check(getsockname(fd, &any.sa, &any.len) == 0, "getsockname");
	check(sn_addr_parse(sn_str(ip), sn_addr_port(&any), addr_r) == SN_OK, "address");
	return fd;
}

/* The floor: two system calls in a circle, no loop, no care for the address asked. */
static void serve_bare(int fd, double seconds, struct cost *cost)
{
	const struct timeval patience = { .tv_usec = 100000 };
	static char data[SN_DGRAM_BATCH][PACKET_MAX];
	struct sn_addr peers[SN_DGRAM_BATCH];
	struct iovec iov[SN_DGRAM_BATCH];
	struct mmsghdr msgs[SN_DGRAM_BATCH] = { 0 };
	double end = wall_seconds() + seconds;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (; wall_seconds() < end; cost->turns++) {
		int n;

		for (int i = 0; i < SN_DGRAM_BATCH; i++) {
			iov[i] = (struct iovec){ data[i], PACKET_MAX };
			msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i].sa,
				.msg_namelen = sizeof(peers[i].un),
				.msg_iov = &iov[i],
				.msg_iovlen = 1 };
		}
		n = recvmmsg(fd, msgs, SN_DGRAM_BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			iov[i].iov_len = msgs[i].msg_len;
		n = n > 0 ? sendmmsg(fd, msgs, (unsigned)n, 0) : 0;
		cost->packets += n > 0 ? (unsigned)n : 0;
	}
	close(fd);
}

struct server {
	struct sn_dgram dgram;
	struct sn_timer stop;
	struct sn_loop *loop;
};

static size_t echo(struct sn_dgram *d, const struct sn_packet *packet, char *reply, size_t cap)
{
	size_t n = packet->data.n < cap ? packet->data.n : cap;

	(void)d;
	memcpy(reply, packet->data.p, n);
	return n;
}

static void on_stop(struct sn_timer *timer)
{
	sn_loop_stop(sn_container_of(timer, struct server, stop)->loop, 0);
}

static void serve_dgram(int fd, double seconds, struct cost *cost)
{
	static const struct sn_dgram_ops ops = { .on_packet = echo };
	struct server s = { .stop = { .fn = on_stop } };

	check(sn_loop_new(NULL, &s.loop) == SN_OK, "loop");
	check(sn_dgram_start(&s.dgram, s.loop, fd, NULL, &ops) == SN_OK, "dgram");
	sn_timer_set(s.loop, &s.stop, (int64_t)(seconds * 1e9), on_stop);
	sn_loop_run(s.loop);
	cost->packets = s.dgram.sent;
	cost->dropped = s.dgram.dropped;
	cost->turns = sn_loop_turns(s.loop);
	sn_dgram_stop(&s.dgram);
	sn_loop_free(&s.loop);
}

typedef void (*serve_fn)(int fd, double seconds, struct cost *cost);

/* One run; its cost in nanoseconds a packet. */
static double measure(
	const char *name, serve_fn serve, const char *ip, struct client client, double seconds)
{
	struct cost cost = { 0 };
	pthread_t thread;
	int fd = open_server(ip, &client.server);

	check(pthread_create(&thread, NULL, run_client, &client) == 0, "pthread_create");
	cost.cpu = -cpu_seconds();
	cost.wall = -wall_seconds();
	serve(fd, seconds, &cost);
	cost.cpu += cpu_seconds();
	cost.wall += wall_seconds();
	atomic_store(&client.stop, true);
	pthread_join(thread, NULL);
	printf("%-6s %-10s %5zu  %9.0f  %9.0f  %5.0f %%  %8.1f  %7llu\n", name, ip, client.size,
		(double)cost.packets / cost.wall, cost.cpu / (double)cost.packets * 1e9,
		cost.cpu / cost.wall * 100, (double)cost.packets / (double)cost.turns,
		(unsigned long long)cost.dropped);
	return cost.cpu / (double)cost.packets * 1e9;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 512, 1232 };
	static const char *const ips[] = { "127.0.0.1", "::1" };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	struct client client = {
		.under_way = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 256,
	};

	printf("udp echo, %u packets under way\n", client.under_way);
	printf("server address    bytes  packets/s  ns cpu/pk  busy     per turn  dropped\n");
	for (size_t i = 0; i < 3 * 2; i++) {
		double bare, own;

		client.size = sizes[i / 2];
		bare = measure("bare", serve_bare, ips[i % 2], client, seconds);
		own = measure("dgram", serve_dgram, ips[i % 2], client, seconds);
		printf("       cost dgram/bare %.2f\n", own / bare);
	}
	return 0;
}
