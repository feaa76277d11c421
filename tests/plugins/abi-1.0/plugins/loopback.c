/*
 * Endpoint types: `loopback:PORT` listens on, or connects to, this machine only.
 *
 * A type says how its text is read (params), and turns what was read into a plan of what to open.
 * It opens nothing itself: the process that opens sockets is not the one that speaks on them.
 */
#include "daemon/net/plan.h"
#include "daemon/service/plugin.h"

static const struct sn_param params[] = {
	{ .name = "port",
		.kind = SN_PARAM_INT,
		.flags = SN_PARAM_REQUIRED,
		.max = 65535,
		.doc = "port; 0: any free one" },
	{ .name = "v6", .kind = SN_PARAM_BOOL, .def = "0", .doc = "IPv6 instead of IPv4" },
};

static struct sn_str host_of(const struct sn_endpoint *ep)
{
	return sn_endpoint_get(ep, "v6")->number != 0 ? SN_STR("::1") : SN_STR("127.0.0.1");
}

static uint16_t port_of(const struct sn_endpoint *ep)
{
	return (uint16_t)sn_endpoint_get(ep, "port")->number;
}

static int plan_listen(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	const int code = sn_addr_parse(host_of(ep), port_of(ep), &plan->addr);

	return code == SN_OK ? SN_OK : sn_diag_set(diag, code, 0, "%s", sn_strerror(code));
}

static int plan_connect(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	if (port_of(ep) == 0)
		return sn_diag_set(diag, SN_ERANGE, sn_endpoint_get(ep, "port")->column,
			"loopback: there is nothing to connect to at port 0");
	plan->host = host_of(ep);
	plan->port = port_of(ep);
	return SN_OK;
}

static const struct sn_endpoint_ops ops = {
	.size = sizeof(struct sn_endpoint_ops),
	.plan_listen = plan_listen,
	.plan_connect = plan_connect,
};

static const struct sn_endpoint_type server = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "loopback",
	.side = SN_SERVER,
	.params = params,
	.param_count = sizeof(params) / sizeof(params[0]),
	.doc = "TCP from this machine only.",
	.example = "loopback:6667",
	.ops = &ops,
};
static const struct sn_endpoint_type client = {
	.size = sizeof(struct sn_endpoint_type),
	.word = "loopback",
	.side = SN_CLIENT,
	.params = params,
	.param_count = sizeof(params) / sizeof(params[0]),
	.doc = "TCP to this machine.",
	.example = "loopback:6667",
	.ops = &ops,
};

static const struct sn_plugin_interface interfaces[] = {
	SN_PLUGIN_ENDPOINT(&server),
	SN_PLUGIN_ENDPOINT(&client),
};

SN_PLUGIN("org.example.loopback", "1.0", "MIT", interfaces);
