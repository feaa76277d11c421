/*
 * Example of a service plugin: says every line back. It shows each thing that a service can have:
 * configuration rows that are also options and documentation, metrics, limits on what a peer
 * controls, and the move of its connections to another process.
 *
 * SINGLE or SHARDED? Were there only lines to say back, any number of workers could do it: SHARDED.
 * But the total that `numbered` shows is one number for all clients, so one process has to hold it:
 * SINGLE. That has a price: when its worker is replaced (an upgrade), what it holds must move, or
 * is lost. The five freeze and thaw functions at the end are that move.
 */
#include "daemon/base/framer.h"
#include "daemon/service/plugin.h"

/* --- configuration -------------------------------------------------------------------------- */

struct echo_conf {
	int64_t line_max;
	struct sn_str prefix;
	bool numbered;
};

/* Each row is a key of [service.echo], and with .option an option of `sennit echo`. */
static const struct sn_conf_item items[] = {
	{ "line_max", SN_CONF_INT, offsetof(struct echo_conf, line_max), .def = "512", .min = 1,
		.max = 65536, .reload = SN_RELOAD_LIVE,
		.doc = "Most bytes of a line; a longer one is answered with an error." },
	{ "prefix", SN_CONF_STRING, offsetof(struct echo_conf, prefix), .def = "", .max = 64,
		.reload = SN_RELOAD_LIVE, .option = "prefix",
		.doc = "What every answer begins with." },
	{ "numbered", SN_CONF_BOOL, offsetof(struct echo_conf, numbered), .def = "false",
		.reload = SN_RELOAD_LIVE, .option = "numbered",
		.doc = "Number the answers: among this client's lines, and among all." },
};
static const struct sn_conf_section section = {
	.name = "echo",
	.items = items,
	.count = sizeof(items) / sizeof(items[0]),
	.size = sizeof(struct echo_conf),
	.doc = "Says every line back.",
};

/* --- metrics -------------------------------------------------------------------------------- */

enum { LINES, TOO_LONG, METRICS };

static const struct sn_metric_def metrics[METRICS] = {
	[LINES] = { .name = "sennit_echo_lines_total",
		.kind = SN_METRIC_COUNTER,
		.unit = "",
		.help = "Lines that were said back." },
	[TOO_LONG] = { .name = "sennit_echo_too_long_total",
		.kind = SN_METRIC_COUNTER,
		.unit = "",
		.help = "Lines that were longer than line_max." },
};

/* --- the service ---------------------------------------------------------------------------- */

/* One [service.NAME] of this type. */
struct echo_server {
	struct sn_instance instance; /* first member */
	uint64_t total;              /* lines of all clients, ever */
};

/* One client. */
struct echo_client {
	struct sn_conn conn; /* first member */
	struct sn_line_framer framer;
	uint64_t lines;
};

static struct echo_server *server_of(const struct sn_conn *conn)
{
	return sn_container_of(conn->instance, struct echo_server, instance);
}

static int conn_open(struct sn_conn *conn)
{
	struct echo_client *client = sn_container_of(conn, struct echo_client, conn);
	const struct echo_conf *conf = conn->instance->settings;

	sn_line_framer_init(&client->framer, SN_LINE_LF_OR_CRLF, (size_t)conf->line_max);
	return SN_OK;
}

static void answer(struct echo_client *client, struct sn_str line)
{
	struct echo_server *server = server_of(&client->conn);
	const struct echo_conf *conf = server->instance.settings;

	client->lines++;
	server->total++;
	sn_metric_add(&server->instance.metrics, LINES, 1);
	if (conf->numbered)
		sn_conn_printf(&client->conn, "%llu/%llu ", (unsigned long long)client->lines,
			(unsigned long long)server->total);
	sn_conn_write(&client->conn, conf->prefix);
	sn_conn_write(&client->conn, line);
	sn_conn_write(&client->conn, SN_STR("\n"));
}

/* Once per turn, with all that has arrived: handle the whole lines, leave the rest. */
static int conn_input(struct sn_conn *conn)
{
	struct echo_client *client = sn_container_of(conn, struct echo_client, conn);
	const struct echo_conf *conf = conn->instance->settings;
	struct sn_str line;
	size_t used;
	int code;

	client->framer.max = (size_t)conf->line_max; /* a reload may have changed it */
	while ((code = sn_frame_line(&client->framer, sn_conn_input(conn), &line, &used)) !=
		SN_AGAIN) {
		if (code == SN_OK) {
			answer(client, line);
		} else {
			sn_metric_add(&conn->instance->metrics, TOO_LONG, 1);
			sn_conn_write(conn, SN_STR("error: this line is too long\n"));
		}
		sn_conn_consume(conn, used);
	}
	sn_conn_consume(conn, used);
	return SN_OK;
}

static void conn_kick(struct sn_conn *conn, struct sn_str reason)
{
	sn_conn_printf(conn, "error: %.*s\n", SN_STR_ARG(reason));
	sn_conn_close(conn);
}

static void greet(
	struct sn_instance *instance, const struct sn_listener *listener, struct sn_strbuf *out)
{
	const struct sn_addr *local = &listener->sock.local;

	(void)instance;
	if (sn_addr_is_loopback(local) && sn_addr_port(local) != 0) {
		sn_strbuf_adds(out, "     connect with:  nc ");
		sn_addr_format_host(local, out);
		sn_strbuf_addf(out, " %u\n", (unsigned)sn_addr_port(local));
	}
}

/* --- to another process --------------------------------------------------------------------- */

#define FREEZE_VERSION 1

static int freeze(struct sn_instance *instance, struct sn_strbuf *out)
{
	sn_pack_u64(out, sn_container_of(instance, struct echo_server, instance)->total);
	return out->err;
}

static int thaw(
	struct sn_instance *instance, uint32_t version, struct sn_reader *in, struct sn_diag *diag)
{
	struct echo_server *server = sn_container_of(instance, struct echo_server, instance);

	if (version != FREEZE_VERSION)
		return sn_diag_set(diag, SN_EVERSION, 0, "state of version %u, not %u",
			(unsigned)version, FREEZE_VERSION);
	server->total = sn_read_u64(in);
	return in->err;
}

/* What was read and not consumed, and what was written and not sent, moves without our doing; of
 * the framer only that it is in the middle of a line to be skipped. */
static int conn_freeze(struct sn_conn *conn, struct sn_strbuf *out)
{
	const struct echo_client *client = sn_container_of(conn, struct echo_client, conn);

	sn_pack_u64(out, client->lines);
	sn_pack_u8(out, client->framer.skipping);
	return out->err;
}

/* In place of conn_open. */
static int conn_thaw(struct sn_conn *conn, uint32_t version, struct sn_reader *in)
{
	struct echo_client *client = sn_container_of(conn, struct echo_client, conn);
	const int code = conn_open(conn);

	(void)version; /* thaw has looked at it */
	client->lines = sn_read_u64(in);
	client->framer.skipping = sn_read_u8(in) != 0;
	return code == SN_OK ? in->err : code;
}

/* --- what sennit sees ----------------------------------------------------------------------- */

static const char *const default_listen[] = { "tcp:7007:interface=127.0.0.1", NULL };

static const struct sn_service echo_service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "echo",
	.summary = "says every line back",
	.flags = SN_SERVICE_SINGLE | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct echo_server),
	.conn_size = sizeof(struct echo_client),
	.conf = &section,
	.metrics = metrics,
	.metric_count = METRICS,
	.default_listen = default_listen,
	.help = "Examples:\n"
		"  sennit echo\n"
		"  sennit echo --numbered --prefix '> '\n",
	.greet = greet,
	.conn_open = conn_open,
	.conn_input = conn_input,
	.conn_kick = conn_kick,
	.freeze_version = FREEZE_VERSION,
	.freeze = freeze,
	.conn_freeze = conn_freeze,
	.thaw = thaw,
	.conn_thaw = conn_thaw,
};

static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&echo_service) };

SN_PLUGIN("org.example.echo", "1.0", "MIT", interfaces);
