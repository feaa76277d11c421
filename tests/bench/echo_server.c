/*
 * The echo server of the benchmarks, directly on listener and stream: `echo_server ENDPOINT`.
 * Prints "listening ADDRESS" and serves until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench_serve.h"

struct echo_conn {
	struct sn_incoming incoming; /* first member */
	struct sn_stream_user user;
};

static void echo_input(struct sn_stream_user *user)
{
	struct sn_stream *s = user->stream;
	struct sn_str in = sn_stream_input(s);

	sn_stream_write(s, in);
	sn_stream_consume(s, in.n);
	if (sn_stream_congested(s))
		sn_stream_pause(s);
}

static void echo_drained(struct sn_stream_user *user)
{
	sn_stream_resume(user->stream);
}

static void echo_end(struct sn_stream_user *user, int code)
{
	(void)user;
	(void)code;
}

static void echo_free(struct sn_stream_user *user)
{
	sn_incoming_free(&sn_container_of(user, struct echo_conn, user)->incoming);
}

static const struct sn_stream_events echo_events = {
	.on_input = echo_input,
	.on_drained = echo_drained,
	.on_end = echo_end,
	.on_free = echo_free,
};

static void on_open(struct sn_listener *listener, struct sn_incoming *in)
{
	struct echo_conn *conn = sn_container_of(in, struct echo_conn, incoming);

	(void)listener;
	conn->user.events = &echo_events;
	sn_stream_set_user(in->top, &conn->user);
}

static const struct sn_listener_ops ops = { .on_open = on_open };

static const struct sn_listener_options options = {
	.conn_size = sizeof(struct echo_conn),
	.limits = { .in_max = 65536, .low = 65536, .high = 262144, .max = 1048576 },
	.deadlines = { .handshake = SN_SEC(30),
		.idle = SN_SEC(300),
		.write = SN_SEC(60),
		.close = SN_SEC(5) },
};

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: echo_server ENDPOINT\n");
		return EXIT_FAILURE;
	}
	return bench_serve(argv[1], &options, &ops);
}
