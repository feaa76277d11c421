#include "tests/unit/daemon/service/tap.h"

#include "daemon/base/text.h"
#include "tests/support/unit.h"

#define DIARY_MAX 65536

struct tap_conf {
	struct sn_str start_error; /* start fails with this text */
	struct sn_str word;        /* LIVE */
	struct sn_str model;       /* SERVICE */
	struct sn_str bad_file;    /* check reports it */
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

static int reload(struct sn_instance *instance, const void *old, struct sn_diag *diag)
{
	const struct tap_conf *was = old, *is = instance->settings;

	(void)diag;
	note("reload %.*s: %.*s to %.*s", SN_STR_ARG(instance->name), SN_STR_ARG(was->word),
		SN_STR_ARG(is->word));
	return SN_OK;
}

static void check(const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct tap_conf *conf = named->settings;

	if (conf->bad_file.n > 0)
		sn_conf_report(diags, SN_CONF_ERROR, sn_conf_key_pos(named, "bad_file"),
			"cannot read %.*s", SN_STR_ARG(conf->bad_file));
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
		sn_container_of(conn, struct tap_conn, conn)->lines++;
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

static struct sn_str conn_title(const struct sn_conn *conn)
{
	(void)conn;
	return SN_STR("listener");
}

static void conn_kick(struct sn_conn *conn, struct sn_str reason)
{
	note("kick: %.*s", SN_STR_ARG(reason));
	sn_conn_write(conn, reason);
	sn_conn_close(conn);
}

/* --- moving --------------------------------------------------------------------------------- */

static int freeze(struct sn_instance *instance, struct sn_strbuf *out)
{
	ck_assert(instance->draining);
	note("freeze");
	sn_pack_u32(out, tap.opened);
	return SN_OK;
}

static int conn_freeze(struct sn_conn *conn, struct sn_strbuf *out)
{
	note("freeze conn");
	if (sn_str_eq(sn_conn_input(conn), SN_STR("stay")))
		return SN_EBUSY;
	sn_pack_u32(out, sn_container_of(conn, struct tap_conn, conn)->lines);
	return SN_OK;
}

static int thaw(
	struct sn_instance *instance, uint32_t version, struct sn_reader *in, struct sn_diag *diag)
{
	(void)instance;
	if (version != TAP_FREEZE_VERSION)
		return sn_diag_set(diag, SN_EVERSION, 0, "version %u", (unsigned)version);
	note("thaw %u", (unsigned)sn_read_u32(in));
	return in->err;
}

static int conn_thaw(struct sn_conn *conn, uint32_t version, struct sn_reader *in)
{
	struct tap_conn *client = sn_container_of(conn, struct tap_conn, conn);

	ck_assert_uint_eq(version, TAP_FREEZE_VERSION);
	client->lines = sn_read_u32(in);
	note("thaw conn %u", client->lines);
	tap.last = client;
	return tap.refuses ? SN_EDENIED : SN_OK;
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
	{ "word", SN_CONF_STRING, offsetof(struct tap_conf, word), .def = "hello",
		.reload = SN_RELOAD_LIVE, .doc = "Something that can change." },
	{ "model", SN_CONF_STRING, offsetof(struct tap_conf, model), .reload = SN_RELOAD_SERVICE,
		.doc = "Something that takes a new instance." },
	{ "bad_file", SN_CONF_STRING, offsetof(struct tap_conf, bad_file), .reload = SN_RELOAD_LIVE,
		.doc = "A file that cannot be read." },
};

static const struct sn_conf_section stream_section = {
	.name = "tap",
	.items = items,
	.count = sizeof(items) / sizeof(items[0]),
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
	.flags = SN_SERVICE_SINGLE | SN_SERVICE_STREAM | SN_SERVICE_ACCOUNTS,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct tap_conn),
	.conf = &stream_section,
	.metrics = metrics,
	.metric_count = 1,
	.default_listen = default_listen,
	.start = start,
	.stop = stop,
	.reload = reload,
	.drain = drain,
	.greet = greet,
	.conn_open = conn_open,
	.conn_input = conn_input,
	.conn_drained = conn_drained,
	.conn_eof = conn_eof,
	.conn_close = conn_close,
	.conn_title = conn_title,
	.conn_kick = conn_kick,
	.freeze_version = TAP_FREEZE_VERSION,
	.freeze = freeze,
	.conn_freeze = conn_freeze,
	.thaw = thaw,
	.conn_thaw = conn_thaw,
	.check = check,
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
