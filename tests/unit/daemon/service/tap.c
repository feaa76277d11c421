#include "tests/unit/daemon/service/tap.h"

#include "daemon/base/text.h"
#include "tests/support/unit.h"

#define DIARY_MAX 65536

struct tap_conf {
	struct sn_str start_error; /* start fails with this text */
};

struct tap tap;
static char page[DIARY_MAX];

void tap_init(void)
{
	tap = (struct tap){ .tls = NULL };
	sn_strbuf_init(&tap.diary, DIARY_MAX);
}

void tap_fini(void)
{
	sn_tls_context_unref(&tap.tls);
	sn_strbuf_fini(&tap.diary);
}

SN_PRINTF(1, 2) static void note(const char *fmt, ...)
{
	va_list args;

	if (tap.diary.n > 0)
		sn_strbuf_adds(&tap.diary, "; ");
	va_start(args, fmt);
	sn_strbuf_addv(&tap.diary, fmt, args);
	va_end(args);
	ck_assert_int_eq(tap.diary.err, SN_OK);
}

const char *tap_read(void)
{
	(void)snprintf(page, sizeof(page), "%s", sn_strbuf_cstr(&tap.diary));
	sn_strbuf_reset(&tap.diary);
	return page;
}

/* --- the service ---------------------------------------------------------------------------- */

static int start(struct sn_instance *instance, struct sn_diag *diag)
{
	const struct tap_conf *conf = instance->settings;

	note("start %.*s", SN_STR_ARG(instance->name));
	if (conf->start_error.n > 0)
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0, "%.*s", SN_STR_ARG(conf->start_error));
	return SN_OK;
}

static void stop(struct sn_instance *instance)
{
	note("stop %.*s", SN_STR_ARG(instance->name));
	ck_assert(sn_list_empty(&instance->conns));
}

static void drain(struct sn_instance *instance, struct sn_str reason)
{
	struct sn_list *link, *next;

	note("drain %.*s: %.*s", SN_STR_ARG(instance->name), SN_STR_ARG(reason));
	ck_assert(instance->draining);
	if (tap.stubborn)
		return;
	sn_list_each_safe (link, next, &instance->conns) {
		struct sn_conn *conn = sn_container_of(link, struct sn_conn, link);

		sn_conn_write(conn, reason);
		sn_conn_close(conn);
	}
}

static void greet(
	struct sn_instance *instance, const struct sn_listener *listener, struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "  say to %.*s at port %u: close\n", SN_STR_ARG(instance->name),
		(unsigned)sn_addr_port(&listener->sock.local));
}

/* --- connections ---------------------------------------------------------------------------- */

static int conn_open(struct sn_conn *conn)
{
	tap.last = sn_container_of(conn, struct tap_conn, conn);
	ck_assert_uint_eq(tap.last->closes, 0); /* the allocation is zeroed */
	tap.opened++;
	note("open");
	return tap.refuses ? SN_EDENIED : SN_OK;
}

static void shout(struct sn_conn *conn, struct sn_str count)
{
	uint64_t lines = 0;

	ck_assert_int_eq(sn_parse_u64(count, 1000000, &lines), SN_OK);
	while (lines-- > 0)
		sn_conn_printf(conn, "%99s\n", "x");
	note("congested %d", sn_conn_congested(conn));
}

static int obey(struct sn_conn *conn, struct sn_str line)
{
	if (sn_str_eq(line, SN_STR("wait")))
		return SN_PENDING;
	if (sn_str_eq(line, SN_STR("fail")))
		return SN_EPROTO;
	if (sn_str_eq(line, SN_STR("tls")))
		return sn_conn_start_tls(conn, tap.tls);
	if (sn_str_eq(line, SN_STR("cut")))
		sn_conn_abort(conn, SN_EDENIED);
	if (sn_str_eq(line, SN_STR("shut")))
		sn_conn_close(conn);
	if (sn_str_starts(line, SN_STR("shout ")))
		shout(conn, sn_str_from(line, 6));
	if (!sn_str_eq(line, SN_STR("close")))
		return SN_OK;
	sn_conn_write(conn, SN_STR("bye"));
	return SN_CLOSE;
}

static int conn_input(struct sn_conn *conn)
{
	int code = SN_OK;

	while (code == SN_OK && sn_conn_is_open(conn)) {
		const struct sn_str in = sn_conn_input(conn);
		const size_t end = sn_str_find(in, '\n');
		struct sn_str line;

		if (end == in.n)
			break;
		line = sn_pool_str(sn_conn_pool(conn), sn_str_sub(in, 0, end));
		note("hear %.*s", SN_STR_ARG(line));
		if (sn_str_eq(line, SN_STR("leave")))
			break;
		sn_conn_consume(conn, end + 1);
		code = obey(conn, line);
	}
	return code;
}

static void conn_drained(struct sn_conn *conn)
{
	(void)conn;
	note("drained");
}

static int conn_eof(struct sn_conn *conn)
{
	note("eof, unread %zu", sn_conn_input(conn).n);
	return tap.waits_eof ? SN_OK : SN_CLOSE;
}

static void conn_close(struct sn_conn *conn, int code)
{
	struct tap_conn *client = sn_container_of(conn, struct tap_conn, conn);

	ck_assert_uint_eq(++client->closes, 1);
	ck_assert(!sn_conn_is_open(conn));
	sn_conn_write(conn, SN_STR("too late")); /* dropped, without harm */
	tap.closed++;
	note("end %s", sn_errname(code));
}

/* --- packets -------------------------------------------------------------------------------- */

static size_t dgram_input(struct sn_instance *instance, struct sn_dgram *dgram,
	const struct sn_packet *packet, char *reply, size_t cap)
{
	struct sn_strbuf b;

	(void)dgram;
	note("packet for %.*s: %.*s", SN_STR_ARG(instance->name), SN_STR_ARG(packet->data));
	sn_strbuf_fixed(&b, reply, cap);
	sn_strbuf_addf(&b, "you said %.*s", SN_STR_ARG(packet->data));
	return b.n;
}

/* --- descriptors ---------------------------------------------------------------------------- */

static const struct sn_conf_item items[] = {
	{ "start_error", SN_CONF_STRING, offsetof(struct tap_conf, start_error),
		.doc = "Why the service does not start." },
};

static const struct sn_conf_section stream_section = {
	.name = "tap",
	.items = items,
	.count = 1,
	.size = sizeof(struct tap_conf),
	.doc = "Does what it is told.",
};

static const struct sn_conf_section datagram_section = {
	.name = "tap_datagrams",
	.items = items,
	.count = 1,
	.size = sizeof(struct tap_conf),
	.doc = "Repeats what it is told.",
};

static const struct sn_metric_def metrics[] = {
	{ .name = "sennit_tap_total",
		.kind = SN_METRIC_COUNTER,
		.unit = "",
		.help = "Of the tap." },
};

static const char *const default_listen[] = { "tcp:0:interface=127.0.0.1",
	"tcp6:0:interface=\\:\\:1", NULL };

const struct sn_service tap_service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "tap",
	.summary = "keeps a diary",
	.flags = SN_SERVICE_SINGLE | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct tap_conn),
	.conf = &stream_section,
	.metrics = metrics,
	.metric_count = 1,
	.default_listen = default_listen,
	.start = start,
	.stop = stop,
	.drain = drain,
	.greet = greet,
	.conn_open = conn_open,
	.conn_input = conn_input,
	.conn_drained = conn_drained,
	.conn_eof = conn_eof,
	.conn_close = conn_close,
};

const struct sn_service tap_datagram_service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "tap_datagrams",
	.summary = "says every packet back",
	.flags = SN_SERVICE_SHARDED | SN_SERVICE_DGRAM,
	.instance_size = sizeof(struct sn_instance),
	.conf = &datagram_section,
	.start = start,
	.stop = stop,
	.greet = greet,
	.dgram_input = dgram_input,
};
