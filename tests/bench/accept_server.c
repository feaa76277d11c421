/*
 * Closes what it accepts, under limits as a service has them.
 *
 *   accept_server listener|listener-request|listener-close|service|service-request ENDPOINT
 *
 * listener: directly on sn_listener; service: as a module under the whole daemon, which
 * runs it as `sennit accept` would. Without a suffix a connection is cut as soon as it is open;
 * with -request once its first bytes are there, as a web server does; -close ends it in order
 * instead: a shutdown, then waiting for the client's end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"
#include "daemon/service/conn.h"
#include "tests/bench/bench_serve.h"

/* --- on the listener -------------------------------------------------------------------------- */

struct listener_conn {
	struct sn_incoming incoming; /* first member */
	struct sn_stream_user user;
};

static void cut(struct sn_stream_user *user)
{
	sn_stream_abort(user->stream, SN_CLOSE);
}

static void close_in_order(struct sn_stream_user *user)
{
	sn_stream_close(user->stream);
}

static void on_end(struct sn_stream_user *user, int code)
{
	(void)user;
	(void)code;
}

static void on_free(struct sn_stream_user *user)
{
	sn_incoming_free(&sn_container_of(user, struct listener_conn, user)->incoming);
}

static const struct sn_stream_events events = {
	.on_input = cut,
	.on_eof = cut,
	.on_end = on_end,
	.on_free = on_free,
};

static void on_open(struct sn_listener *listener, struct sn_incoming *in)
{
	struct listener_conn *conn = sn_container_of(in, struct listener_conn, incoming);

	(void)listener;
	conn->user.events = &events;
	sn_stream_set_user(in->top, &conn->user);
}

static void open_and_cut(struct sn_listener *listener, struct sn_incoming *in)
{
	on_open(listener, in);
	cut(in->top->user);
}

static void open_and_close(struct sn_listener *listener, struct sn_incoming *in)
{
	on_open(listener, in);
	close_in_order(in->top->user);
}

static int run_listener(
	const char *endpoint, void (*open)(struct sn_listener *, struct sn_incoming *))
{
	const struct sn_listener_ops ops = { .on_open = open };
	struct sn_metric_set metrics;
	struct sn_conn_caps caps;
	const struct sn_listener_options options = {
		.conn_size = sizeof(struct listener_conn),
		.limits = { .in_max = 65536, .low = 65536, .high = 262144, .max = 1048576 },
		.deadlines = { .handshake = SN_SEC(20), .write = SN_SEC(60), .close = SN_SEC(5) },
		.caps = &caps,
		.metrics = &metrics,
	};

	sn_conn_caps_init(&caps, 10000, 1000);
	sn_metrics_init(&metrics, sn_listener_metrics, SN_LISTENER_METRICS, NULL);
	return bench_serve(endpoint, &options, &ops);
}

/* --- as a service ----------------------------------------------------------------------------- */

static int cut_conn(struct sn_conn *conn)
{
	sn_conn_abort(conn, SN_CLOSE);
	return SN_OK;
}

static void greet(
	struct sn_instance *instance, const struct sn_listener *listener, struct sn_strbuf *out)
{
	(void)instance;
	sn_strbuf_adds(out, "listening ");
	sn_addr_format(&listener->sock.local, out);
	sn_strbuf_adds(out, "\n");
}

static struct sn_service service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "accept",
	.summary = "Closes what it accepts.",
	.flags = SN_SERVICE_STREAM | SN_SERVICE_SINGLE,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct sn_conn),
	.greet = greet,
	.conn_input = cut_conn,
};

static int run_service(const char *endpoint, bool at_once)
{
	static const struct sn_conf_section no_rows = { .name = "accept", .doc = "No keys." };
	char program[] = "sennit", name[] = "accept";
	char *argv[] = { program, name, sn_asprintf("--listen=%s", endpoint), NULL };
	struct sn_diag diag;

	service.conf = &no_rows;
	service.conn_open = at_once ? cut_conn : NULL;
	if (sn_registry_add(&service, &diag) != SN_OK) {
		fprintf(stderr, "%s\n", diag.text);
		return EXIT_FAILURE;
	}
	return sn_cli_main(3, argv);
}

int main(int argc, char **argv)
{
	const char *mode = argc == 3 ? argv[1] : "";

	if (strcmp(mode, "listener") == 0)
		return run_listener(argv[2], open_and_cut);
	if (strcmp(mode, "listener-request") == 0)
		return run_listener(argv[2], on_open);
	if (strcmp(mode, "listener-close") == 0)
		return run_listener(argv[2], open_and_close);
	if (strcmp(mode, "service") == 0 || strcmp(mode, "service-request") == 0)
		return run_service(argv[2], strcmp(mode, "service") == 0);
	fprintf(stderr, "usage: see the head of accept_server.c\n");
	return EXIT_FAILURE;
}
