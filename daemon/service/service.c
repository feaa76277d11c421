#include "daemon/service/service.h"

#include "daemon/service/conn.h"

static const struct sn_conf_item common_items[] = {
	{ "listen", SN_CONF_LISTEN, offsetof(struct sn_service_conf, listen), .max = 64,
		.reload = SN_RELOAD_LISTENER, .option = "listen", .meta = "EP",
		.doc = "Where to listen: endpoint strings (`sennit list endpoints`). Default: what the "
		       "service says, on this machine only." },
	{ "auth", SN_CONF_STRINGS, offsetof(struct sn_service_conf, auth), .max = 16,
		.flags = SN_CONF_PRIVATE, .reload = SN_RELOAD_SERVICE, .option = "auth",
		.meta = "TYPE[:ARG]",
		.doc = "Who may log in, asked in this order (`sennit list auth`). Default: the accounts of "
		       "this daemon (`sennit user`), and guests, where a service knows both." },
	{ "roles", SN_CONF_STRINGS, offsetof(struct sn_service_conf, roles), .max = 64,
		.reload = SN_RELOAD_SERVICE,
		.doc = "Roles of which an account needs one to log in here; none: any account may." },
	{ "worker", SN_CONF_STRING, offsetof(struct sn_service_conf, worker), .max = 32,
		.reload = SN_RELOAD_SERVICE,
		.doc = "Group of workers to run in, [worker.NAME]. Default: what the service says, "
		       "mostly \"main\"." },
	{ "max_connections", SN_CONF_INT, offsetof(struct sn_service_conf, max_connections),
		.def = "10000", .min = 1, .max = 10000000, .reload = SN_RELOAD_LIVE,
		.doc = "Most connections at one time; more are closed at once." },
	{ "max_per_address", SN_CONF_INT, offsetof(struct sn_service_conf, max_per_address),
		.def = "64", .min = 0, .max = 10000000, .reload = SN_RELOAD_LIVE,
		.doc = "Most connections at one time from one IPv4 address or one IPv6 /64; 0: no "
		       "limit. Peers of unix sockets are not counted." },
	{ "handshake_timeout", SN_CONF_DURATION,
		offsetof(struct sn_service_conf, handshake_timeout), .def = "20s",
		.min = SN_MS(100), .max = SN_SEC(600), .reload = SN_RELOAD_LIVE,
		.doc = "How long a PROXY header and a TLS handshake may take together." },
	{ "idle_timeout", SN_CONF_DURATION, offsetof(struct sn_service_conf, idle_timeout),
		.def = "0", .min = 0, .max = SN_SEC(86400 * 7), .reload = SN_RELOAD_LIVE,
		.doc = "Close a connection on which no byte has passed for this long; 0: never (the "
		       "service may have its own way)." },
	{ "write_timeout", SN_CONF_DURATION, offsetof(struct sn_service_conf, write_timeout),
		.def = "60s", .min = SN_MS(100), .max = SN_SEC(86400), .reload = SN_RELOAD_LIVE,
		.doc = "Cut a client that takes none of the bytes queued for it for this long." },
	{ "close_timeout", SN_CONF_DURATION, offsetof(struct sn_service_conf, close_timeout),
		.def = "5s", .min = SN_MS(100), .max = SN_SEC(600), .reload = SN_RELOAD_LIVE,
		.doc = "How long the last bytes of a closing connection may take." },
	{ "send_queue", SN_CONF_SIZE, offsetof(struct sn_service_conf, send_queue), .def = "1MiB",
		.min = 16 << 10, .max = (int64_t)1 << 30, .reload = SN_RELOAD_LIVE,
		.doc = "Most bytes waiting to be sent to one client; one more and it is cut." },
};

/* The group's name stands in process titles and in `sennit ctl`: GROUP/K. */
static void check_common(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_service_conf *common = settings;
	const struct sn_str name = common->worker;

	for (size_t i = 0; i < name.n; i++) {
		if (sn_ascii_alpha(name.p[i]) || sn_ascii_digit(name.p[i]) || name.p[i] == '-' ||
			name.p[i] == '_')
			continue;
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"worker: \"%.*s\" is not a group's name: use letters, digits, '-' and '_'",
			SN_STR_ARG(name));
		return;
	}
}

const struct sn_conf_section sn_service_common = {
	.name = "service",
	.items = common_items,
	.count = sizeof(common_items) / sizeof(common_items[0]),
	.size = sizeof(struct sn_service_conf),
	.doc = "Keys every service understands.",
	.check = check_common,
};

/* Members up to and including this one are of the first ABI; later ones are read if size covers. */
#define MINIMUM_SIZE (offsetof(struct sn_service, dgram_input) + sizeof(void *))

/*
 * The ABI of plugins (decisions/0009): these structs keep their sizes within a major. A new member
 * takes its place from the struct's reserved_; one that does not fit there is a new major.
 */
#ifdef __LP64__
_Static_assert(sizeof(struct sn_conn) == 960, "struct sn_conn has a size of its own in the ABI");
_Static_assert(
	sizeof(struct sn_instance) == 504, "struct sn_instance has a size of its own in the ABI");
_Static_assert(
	sizeof(struct sn_checker) == 48, "struct sn_checker has a size of its own in the ABI");
#endif

bool sn_service_freezes(const struct sn_service *service)
{
	return SN_SERVICE_HAS(service, freeze) && SN_SERVICE_HAS(service, conn_freeze) &&
		SN_SERVICE_HAS(service, thaw) && SN_SERVICE_HAS(service, conn_thaw) &&
		service->freeze_version > 0;
}

static bool freezes_in_part(const struct sn_service *service)
{
	return !sn_service_freezes(service) &&
		(SN_SERVICE_HAS(service, freeze) || SN_SERVICE_HAS(service, conn_freeze) ||
			SN_SERVICE_HAS(service, thaw) || SN_SERVICE_HAS(service, conn_thaw));
}

static int verify_freezing(const struct sn_service *service, struct sn_diag *diag)
{
	if (freezes_in_part(service))
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: freeze_version and all four of freeze, conn_freeze, thaw and "
			"conn_thaw are needed, or none",
			service->name);
	if (sn_service_freezes(service) && !(service->flags & SN_SERVICE_SINGLE))
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: only a SINGLE module has something to freeze", service->name);
	return SN_OK;
}

static int verify_kind(const struct sn_service *service, struct sn_diag *diag)
{
	const unsigned placement = service->flags & (SN_SERVICE_SINGLE | SN_SERVICE_SHARDED);

	if (placement != SN_SERVICE_SINGLE && placement != SN_SERVICE_SHARDED)
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: exactly one of SINGLE and SHARDED is needed", service->name);
	if ((service->flags & SN_SERVICE_STREAM) &&
		(service->conn_input == NULL || service->conn_size < sizeof(struct sn_conn)))
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: a STREAM module needs conn_input and a conn_size that holds "
			"struct sn_conn",
			service->name);
	if ((service->flags & SN_SERVICE_DGRAM) && service->dgram_input == NULL)
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: a DGRAM module needs dgram_input", service->name);
	if ((service->flags & (SN_SERVICE_STREAM | SN_SERVICE_DGRAM)) == 0)
		return sn_diag_set(
			diag, SN_ECONFIG, 0, "module %s: neither STREAM nor DGRAM", service->name);
	return SN_OK;
}

int sn_service_verify(const struct sn_service *service, struct sn_diag *diag)
{
	int code;

	if (service->abi != SN_SERVICE_ABI)
		return sn_diag_set(diag, SN_EABI, 0,
			"built for service ABI %u, this program has %u: rebuild the module",
			(unsigned)service->abi, (unsigned)SN_SERVICE_ABI);
	if (service->size < MINIMUM_SIZE)
		return sn_diag_set(diag, SN_EABI, 0,
			"its struct sn_service has %zu bytes, at least %zu are needed: rebuild the module",
			service->size, (size_t)MINIMUM_SIZE);
	if (service->name == NULL || service->summary == NULL || service->conf == NULL)
		return sn_diag_set(
			diag, SN_ECONFIG, 0, "a module needs name, summary and conf rows");
	if (service->instance_size < sizeof(struct sn_instance))
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"module %s: instance_size does not hold struct sn_instance", service->name);
	code = verify_kind(service, diag);
	if (code == SN_OK)
		code = verify_freezing(service, diag);
	if (code != SN_OK)
		return code;
	return sn_conf_section_verify(service->conf, diag);
}
