/* A service: greets everybody who says their name. */
#include "daemon/base/framer.h"
#include "daemon/service/plugin.h"

struct greeter_conf {
	struct sn_str greeting;
};

/* One client. */
struct greeter_client {
	struct sn_conn conn; /* first member */
	struct sn_line_framer framer;
};

/* Keys of [service.greeter]; with .option also options of `sennit greeter`. */
static const struct sn_conf_item items[] = {
	{ "greeting", SN_CONF_STRING, offsetof(struct greeter_conf, greeting), .def = "Hello",
		.max = 64, .reload = SN_RELOAD_LIVE, .option = "greeting",
		.doc = "What is said before the name." },
};
static const struct sn_conf_section section = {
	.name = "greeter",
	.items = items,
	.count = sizeof(items) / sizeof(items[0]),
	.size = sizeof(struct greeter_conf),
	.doc = "Greets everybody who says their name.",
};

static int conn_open(struct sn_conn *conn)
{
	struct greeter_client *client = sn_container_of(conn, struct greeter_client, conn);

	sn_line_framer_init(&client->framer, SN_LINE_LF_OR_CRLF, 512);
	return SN_OK;
}

/* Once per turn, with all that has arrived: handle the whole lines, leave the rest. */
static int conn_input(struct sn_conn *conn)
{
	struct greeter_client *client = sn_container_of(conn, struct greeter_client, conn);
	const struct greeter_conf *conf = conn->instance->settings;
	struct sn_str line;
	size_t used;
	int code;

	while ((code = sn_frame_line(&client->framer, sn_conn_input(conn), &line, &used)) ==
		SN_OK) {
		sn_conn_printf(conn, "%.*s, %.*s!\n", SN_STR_ARG(conf->greeting), SN_STR_ARG(line));
		sn_conn_consume(conn, used);
	}
	sn_conn_consume(conn, used);
	return code == SN_AGAIN ? SN_OK : code; /* a line that is too long cuts the connection */
}

static const char *const default_listen[] = { "tcp:7007:interface=127.0.0.1", NULL };

static const struct sn_service service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "greeter",
	.summary = "greets everybody who says their name",
	.flags = SN_SERVICE_SHARDED | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct greeter_client),
	.conf = &section,
	.default_listen = default_listen,
	.conn_open = conn_open,
	.conn_input = conn_input,
};

static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_PLUGIN("org.example.greeter", "1.0", "MIT", interfaces);
