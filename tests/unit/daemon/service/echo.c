#include "tests/unit/daemon/service/echo.h"

#include "daemon/base/framer.h"
#include "daemon/service/conn.h"

struct echo_conf {
	int64_t line_max;
};
struct echo_server {
	struct sn_instance instance;
};
struct echo_client {
	struct sn_conn conn;
	struct sn_line_framer framer;
};

static const struct sn_conf_item items[] = {
	{ "line_max", SN_CONF_INT, offsetof(struct echo_conf, line_max), .def = "512", .min = 1,
		.max = 65536, .doc = "Most bytes of a line." },
};
static const struct sn_conf_section section = { .name = "echo",
	.items = items,
	.count = 1,
	.size = sizeof(struct echo_conf),
	.doc = "Says every line back." };

static int conn_open(struct sn_conn *conn)
{
	struct echo_client *client = sn_container_of(conn, struct echo_client, conn);
	const struct echo_conf *conf = conn->instance->settings;

	sn_line_framer_init(&client->framer, SN_LINE_LF_OR_CRLF, (size_t)conf->line_max);
	return SN_OK;
}

static int conn_input(struct sn_conn *conn)
{
	struct echo_client *client = sn_container_of(conn, struct echo_client, conn);
	struct sn_str line;
	size_t used;
	int code;

	while ((code = sn_frame_line(&client->framer, sn_conn_input(conn), &line, &used)) ==
		SN_OK) {
		sn_conn_write(conn, line);
		sn_conn_write(conn, SN_STR("\n"));
		sn_conn_consume(conn, used);
	}
	sn_conn_consume(conn, used);
	return code == SN_AGAIN ? SN_OK : code;
}

const struct sn_service echo_service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "echo",
	.summary = "says every line back",
	.flags = SN_SERVICE_SHARDED | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct echo_server),
	.conn_size = sizeof(struct echo_client),
	.conf = &section,
	.conn_open = conn_open,
	.conn_input = conn_input,
};
