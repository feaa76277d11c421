/*
 * The echo server of the benchmarks, directly on listener and stream: `echo_server ENDPOINT`.
 * With --close before it, it closes at the first input instead. Prints "listening ADDRESS" and
 * serves until it is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/mem.h"
#include "daemon/loop/signal.h"
#include "daemon/net/listener.h"

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

static void close_input(struct sn_stream_user *user)
{
	sn_stream_abort(user->stream, SN_CLOSE);
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

static const struct sn_stream_events close_events = {
	.on_input = close_input,
	.on_end = echo_end,
	.on_free = echo_free,
};

static const struct sn_stream_events *events = &echo_events;

static void on_open(struct sn_listener *listener, struct sn_incoming *in)
{
	struct echo_conn *conn = sn_container_of(in, struct echo_conn, incoming);

	(void)listener;
	conn->user.events = events;
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

/* Whatever fails here was given on the command line. */
static void check(int code, const struct sn_diag *diag)
{
	if (code == SN_OK)
		return;
	fprintf(stderr, "echo_server: %s\n", diag->text[0] ? diag->text : sn_strerror(code));
	exit(EXIT_FAILURE);
}

static void plan_endpoint(struct sn_pool *pool, const char *text, struct sn_listen_plan *plan)
{
	struct sn_diag diag = { .code = SN_OK };
	struct sn_endpoint *ep;

	sn_endpoints_init();
	sn_net_init();
	check(sn_endpoint_parse(pool, SN_SERVER, sn_str(text), &ep, &diag), &diag);
	check(sn_listen_plan_make(ep, plan, &diag), &diag);
}

static void attach_stages(
	struct sn_accept_stage *stage, struct sn_loop *loop, struct sn_offload *pool)
{
	const struct sn_diag none = { .code = SN_OK };

	for (; stage != NULL; stage = stage->next)
		if (stage->ops->attach != NULL)
			check(stage->ops->attach(stage, loop, pool), &none);
}

static void announce(const struct sn_addr *addr)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format(addr, &out);
	printf("listening %s\n", text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_diag diag = { .code = SN_OK };
	struct sn_listen_socket sock;
	struct sn_listen_plan plan;
	struct sn_listener listener;
	struct sn_offload *workers;
	struct sn_loop *loop;

	if (argc == 3 && strcmp(argv[1], "--close") == 0) {
		events = &close_events;
	} else if (argc != 2) {
		fprintf(stderr, "usage: echo_server [--close] ENDPOINT\n");
		return EXIT_FAILURE;
	}
	sn_signal_ignore_pipe();
	check(sn_loop_new(NULL, &loop), &diag);
	check(sn_offload_new(NULL, &workers), &diag);
	plan_endpoint(pool, argv[argc - 1], &plan);
	attach_stages(plan.stages, loop, workers);
	check(sn_listen_open(&plan, &sock, &diag), &diag);
	check(sn_listener_start(&listener, loop, &sock, plan.stages, &options, &ops), &diag);
	announce(&listener.sock.local);
	return sn_loop_run(loop);
}
