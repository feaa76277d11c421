/* A SINGLE service on its way to another process: freeze.h says what the blob holds. */
#include "daemon/base/wire.h"
#include "daemon/service/freeze.h"
#include "daemon/service/host_private.h"

#define RECONNECT SN_STR("Server is being updated: please reconnect")

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("service");

/* --- away ----------------------------------------------------------------------------------- */

/* A connection that moves, and where its module's state is. */
struct moving {
	struct sn_conn *conn;
	size_t at, n;
};

struct freezing {
	struct sn_instance *instance;
	struct sn_frozen *frozen;
	struct moving *moving;
	size_t count;
	struct sn_strbuf states; /* of all, one behind the other */
};

static void send_away(struct freezing *f, struct sn_conn *conn)
{
	f->frozen->closed++;
	sn_conn_kick(conn, RECONNECT);
	sn_conn_close(conn); /* whatever the module made of it */
}

static void ask_module(struct freezing *f, struct sn_conn *conn)
{
	const size_t at = f->states.n;
	const int code = f->instance->service->conn_freeze(conn, &f->states);

	if (code != SN_OK || f->states.err != SN_OK) {
		f->states.err = SN_OK;
		sn_strbuf_truncate(&f->states, at);
		send_away(f, conn);
		return;
	}
	f->moving[f->count++] = (struct moving){ conn, at, f->states.n - at };
}

static size_t count_conns(const struct sn_instance *instance)
{
	const struct sn_list *link;
	size_t count = 0;

	sn_list_each (link, &instance->conns)
		count++;
	return count;
}

/* First those that cannot move go, while those that can still hear of it. */
static void sort_out(struct freezing *f)
{
	struct sn_list *link, *next;

	f->moving = sn_alloc_array(count_conns(f->instance), sizeof(*f->moving));
	sn_list_each_safe (link, next, &f->instance->conns) {
		struct sn_conn *conn = sn_container_of(link, struct sn_conn, link);

		if (sn_conn_is_open(conn) && !sn_conn_can_move(conn))
			send_away(f, conn);
	}
	sn_list_each_safe (link, next, &f->instance->conns) {
		struct sn_conn *conn = sn_container_of(link, struct sn_conn, link);

		if (sn_conn_is_open(conn))
			ask_module(f, conn);
	}
}

static void pack_addr(struct sn_strbuf *out, const struct sn_addr *addr)
{
	sn_pack_str8(out, sn_str_n((const char *)&addr->sa, addr->len));
}

static void freeze_conn(struct freezing *f, const struct moving *moving)
{
	struct sn_strbuf *out = &f->frozen->state;
	struct sn_conn *conn = moving->conn;
	const size_t place = sn_pack_begin32(out);

	sn_pack_str16(out, sn_service_listener_text(conn->incoming.listener));
	pack_addr(out, &conn->incoming.peer);
	pack_addr(out, &conn->incoming.local);
	sn_pack_str32(out, sn_str_n(f->states.p + moving->at, moving->n));
	sn_conn_freeze(conn, out);
	sn_pack_end32(out, place);
	sn_frozen_add_socket(f->frozen, sn_stream_take_fd(conn->user.stream, SN_ECANCELED));
}

static int freeze_instance(struct freezing *f)
{
	const struct sn_service *service = f->instance->service;
	struct sn_strbuf *out = &f->frozen->state;
	size_t place;
	int code;

	sn_pack_u32(out, SN_FREEZE_FORMAT);
	sn_pack_str8(out, sn_str(service->name));
	sn_pack_u32(out, service->freeze_version);
	place = sn_pack_begin32(out);
	code = service->freeze(f->instance, out);
	sn_pack_end32(out, place);
	return code != SN_OK ? code : out->err;
}

static void log_frozen(const struct freezing *f)
{
	sn_log(&log_ctx, SN_LOG_INFO, "service-frozen", sn_f_str("service", f->instance->name),
		sn_f_uint("moved", f->frozen->socket_count), sn_f_uint("closed", f->frozen->closed),
		sn_f_uint("bytes", f->frozen->state.n));
}

int sn_host_freeze(struct sn_host *host, struct sn_str name, struct sn_frozen **frozen_r)
{
	struct freezing f = { .instance = sn_host_find(host, name) };
	int code;

	if (f.instance == NULL)
		return SN_ENOTFOUND;
	if (!sn_service_freezes(f.instance->service))
		return SN_EUNSUPPORTED;
	f.frozen = sn_frozen_new();
	sn_strbuf_init(&f.states, SN_FREEZE_STATE_MAX);
	sn_service_listeners_stop(f.instance);
	sn_service_listeners_cut(f.instance, SN_CUT_UNOPENED);
	sort_out(&f);
	sn_host_instance_retire(f.instance);
	code = freeze_instance(&f);
	for (size_t i = 0; i < f.count && code == SN_OK; i++)
		freeze_conn(&f, &f.moving[i]);
	if (code == SN_OK)
		code = f.frozen->state.err;
	sn_host_metrics_detach(f.instance);
	if (code == SN_OK)
		log_frozen(&f);
	else
		sn_service_listeners_cut(f.instance, SN_CUT_ALL);
	if (f.states.p != NULL)
		sn_wipe(f.states.p, f.states.n);
	sn_strbuf_fini(&f.states);
	sn_free(f.moving);
	if (code == SN_OK)
		*frozen_r = f.frozen;
	else
		sn_frozen_free(&f.frozen);
	return code;
}

/* --- and back ------------------------------------------------------------------------------- */

static int read_addr(struct sn_reader *in, struct sn_addr *addr_r)
{
	const struct sn_str raw = sn_read_str8(in);
	struct sockaddr_storage ss = { 0 };

	*addr_r = (struct sn_addr){ .len = 0 };
	if (in->err != SN_OK || raw.n > sizeof(ss))
		return SN_EPROTO;
	if (raw.n == 0)
		return SN_OK;
	memcpy(&ss, raw.p, raw.n);
	return sn_addr_from_sockaddr((const struct sockaddr *)&ss, (socklen_t)raw.n, addr_r);
}

/* Takes the socket over when it says so in *fd_p. */
static int thaw_conn(
	struct sn_instance *instance, uint32_t version, struct sn_str record, int *fd_p)
{
	struct sn_reader in = sn_reader(record), state;
	struct sn_listener *listener = sn_service_listeners_match(instance, sn_read_str16(&in));
	struct sn_incoming *incoming;
	struct sn_addr peer, local;
	int code = read_addr(&in, &peer);

	if (code == SN_OK)
		code = read_addr(&in, &local);
	if (code != SN_OK)
		return code;
	if (listener == NULL)
		return SN_ENOTFOUND;
	code = sn_listener_restore(listener, *fd_p, &peer, &local, &incoming);
	if (code != SN_OK)
		return code;
	*fd_p = -1;
	state = sn_reader(sn_read_str32(&in));
	return sn_conn_thaw(instance, incoming, &in, version, &state);
}

static void thaw_conns(struct sn_instance *instance, uint32_t version, struct sn_reader *in,
	struct sn_frozen *frozen)
{
	size_t moved = 0;

	for (size_t i = 0; i < frozen->socket_count && in->err == SN_OK; i++) {
		const struct sn_str record = sn_read_str32(in);
		const int code = thaw_conn(instance, version, record, &frozen->sockets[i]);

		if (code == SN_OK)
			moved++;
		else
			sn_log(&log_ctx, SN_LOG_WARN, "connection-not-moved",
				sn_f_str("service", instance->name), sn_f_err(code));
	}
	sn_log(&log_ctx, SN_LOG_INFO, "service-thawed", sn_f_str("service", instance->name),
		sn_f_uint("moved", moved), sn_f_uint("lost", frozen->socket_count - moved));
}

/* The blob's head: is it one of this service? */
static int read_head(const struct sn_instance *instance, struct sn_reader *in, uint32_t *version_r,
	struct sn_diag *diag)
{
	const uint32_t format = sn_read_u32(in);
	const struct sn_str module = sn_read_str8(in);

	*version_r = sn_read_u32(in);
	if (in->err != SN_OK)
		return sn_diag_set(diag, SN_EPROTO, 0, "the frozen state is cut short");
	if (format != SN_FREEZE_FORMAT)
		return sn_diag_set(diag, SN_EVERSION, 0,
			"the frozen state has format %u, this program knows %u", format,
			SN_FREEZE_FORMAT);
	if (!sn_str_eq(module, sn_str(instance->service->name)))
		return sn_diag_set(diag, SN_EVERSION, 0, "the frozen state is of a module %.*s",
			SN_STR_ARG(module));
	return SN_OK;
}

int sn_host_thaw(
	struct sn_host *host, struct sn_str name, struct sn_frozen *frozen, struct sn_diag *diag)
{
	struct sn_instance *instance = sn_host_find(host, name);
	struct sn_reader in = sn_reader(sn_strbuf_str(&frozen->state)), state;
	uint32_t version;
	int code;

	if (instance == NULL)
		return sn_diag_set(
			diag, SN_ENOTFOUND, 0, "no service %.*s runs here", SN_STR_ARG(name));
	if (!sn_service_freezes(instance->service))
		return sn_diag_set(
			diag, SN_EUNSUPPORTED, 0, "service %.*s cannot move", SN_STR_ARG(name));
	code = read_head(instance, &in, &version, diag);
	if (code != SN_OK)
		return code;
	state = sn_reader(sn_read_str32(&in));
	if (in.err != SN_OK)
		return sn_diag_set(diag, SN_EPROTO, 0, "the frozen state is cut short");
	code = instance->service->thaw(instance, version, &state, diag);
	if (code != SN_OK)
		return code;
	thaw_conns(instance, version, &in, frozen);
	return SN_OK;
}
