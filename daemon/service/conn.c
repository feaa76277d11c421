#include "daemon/service/conn.h"

#include "daemon/base/wire.h"
#include "daemon/service/host_private.h"

static struct sn_conn *conn_of(struct sn_stream_user *user)
{
	struct sn_conn *conn = sn_container_of(user, struct sn_conn, user);

	SN_MAGIC_CHECK(conn, SN_CONN_MAGIC);
	return conn;
}

/* What a handler's result means for the connection. */
static void settle(struct sn_conn *conn, int code)
{
	if (code == SN_PENDING) {
		sn_stream_pause(conn->user.stream);
	} else if (code == SN_CLOSE) {
		sn_conn_close(conn);
	} else if (code < 0) {
		sn_conn_log(conn, SN_LOG_DEBUG, "conn-refused", sn_f_err(code));
		sn_conn_abort(conn, code);
	}
}

static void on_input(struct sn_stream_user *user)
{
	struct sn_conn *conn = conn_of(user);

	settle(conn, conn->instance->service->conn_input(conn));
}

static void on_drained(struct sn_stream_user *user)
{
	struct sn_conn *conn = conn_of(user);

	if (conn->instance->service->conn_drained != NULL)
		conn->instance->service->conn_drained(conn);
}

static void on_eof(struct sn_stream_user *user)
{
	struct sn_conn *conn = conn_of(user);
	const struct sn_service *service = conn->instance->service;

	settle(conn, service->conn_eof != NULL ? service->conn_eof(conn) : SN_CLOSE);
}

static void on_end(struct sn_stream_user *user, int code)
{
	struct sn_conn *conn = conn_of(user);

	sn_timer_clear(&conn->expiry);
	if (conn->instance->service->conn_close != NULL)
		conn->instance->service->conn_close(conn, code);
	sn_conn_log(conn, SN_LOG_DEBUG, "conn-closed",
		sn_f_cstr("reason", code == SN_CLOSE ? "end of stream" : sn_strerror(code)),
		sn_f_duration("lasted", sn_loop_now(conn->instance->loop) - conn->opened));
}

static void on_free(struct sn_stream_user *user)
{
	struct sn_conn *conn = conn_of(user);

	sn_list_remove(&conn->link);
	sn_timer_clear(&conn->expiry);
	sn_session_unref(&conn->session);
	sn_conf_unref(&conn->conf);
	sn_pool_free(&conn->pool_);
	conn->magic = 0;
	sn_incoming_free(&conn->incoming);
}

static const struct sn_stream_events events = {
	.on_input = on_input,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_end = on_end,
	.on_free = on_free,
};

static _Atomic uint64_t next_id = 1;

static struct sn_conn *join(struct sn_instance *instance, struct sn_incoming *incoming,
	const struct sn_stream_events *of_stream)
{
	struct sn_conn *conn = sn_container_of(incoming, struct sn_conn, incoming);

	conn->magic = SN_CONN_MAGIC;
	conn->instance = instance;
	conn->conf = sn_conf_ref(instance->conf);
	conn->user.events = of_stream;
	sn_list_append(&instance->conns, &conn->link);
	sn_stream_set_user(incoming->top, &conn->user);
	return conn;
}

void sn_conn_begin(struct sn_instance *instance, struct sn_incoming *incoming)
{
	struct sn_conn *conn = join(instance, incoming, &events);

	conn->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
	conn->opened = sn_loop_now(instance->loop);
	sn_conn_log(conn, SN_LOG_DEBUG, "conn-opened",
		sn_f_cstr("tls", sn_conn_tls(conn) != NULL ? sn_conn_tls(conn)->version : "no"));
	if (instance->service->conn_open != NULL)
		settle(conn, instance->service->conn_open(conn));
}

void sn_conn_consume(struct sn_conn *conn, size_t n)
{
	sn_stream_consume(conn->user.stream, n);
}

void sn_conn_write(struct sn_conn *conn, struct sn_str data)
{
	sn_stream_write(conn->user.stream, data);
}

void sn_conn_printf(struct sn_conn *conn, const char *fmt, ...)
{
	char text[1024];
	struct sn_strbuf b;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sn_assert(n >= 0);
	if ((size_t)n < sizeof(text)) {
		sn_conn_write(conn, sn_str_n(text, (size_t)n));
		return;
	}
	sn_strbuf_init(&b, (size_t)n);
	va_start(args, fmt);
	sn_strbuf_addv(&b, fmt, args);
	va_end(args);
	sn_conn_write(conn, sn_strbuf_str(&b));
	sn_strbuf_fini(&b);
}

void sn_conn_write_block(struct sn_conn *conn, struct sn_block *block)
{
	sn_stream_write_block(conn->user.stream, block);
}

struct sn_chain *sn_conn_out(struct sn_conn *conn)
{
	return sn_stream_out(conn->user.stream);
}

void sn_conn_flush(struct sn_conn *conn)
{
	sn_stream_flush(conn->user.stream);
}

bool sn_conn_congested(const struct sn_conn *conn)
{
	return sn_stream_congested(conn->user.stream);
}

void sn_conn_resume(struct sn_conn *conn)
{
	sn_stream_resume(conn->user.stream);
}

void sn_conn_close(struct sn_conn *conn)
{
	sn_stream_close(conn->user.stream);
}

void sn_conn_abort(struct sn_conn *conn, int code)
{
	sn_stream_abort(conn->user.stream, code);
}

bool sn_conn_is_open(const struct sn_conn *conn)
{
	return sn_stream_is_open(conn->user.stream);
}

void sn_conn_kick(struct sn_conn *conn, struct sn_str reason)
{
	const struct sn_service *service = conn->instance->service;

	if (!sn_conn_is_open(conn))
		return;
	if (SN_SERVICE_HAS(service, conn_kick))
		service->conn_kick(conn, reason);
	else
		sn_conn_close(conn);
}

static bool is_expired(const struct sn_conn *conn)
{
	const struct sn_session *session = conn->session;

	return session != NULL && session->expires != 0 &&
		session->expires <= sn_loop_wall(conn->instance->loop);
}

static void watch_session(struct sn_conn *conn);

/* Meanwhile the wall clock may have been set back, or a module have changed the session itself. */
static void on_expiry(struct sn_timer *timer)
{
	struct sn_conn *conn = sn_container_of(timer, struct sn_conn, expiry);

	if (!is_expired(conn)) {
		watch_session(conn);
		return;
	}
	sn_conn_log(
		conn, SN_LOG_INFO, "session-expired", sn_f_str("account", conn->session->account));
	sn_conn_kick(conn, SN_STR("The login has expired"));
}

static void watch_session(struct sn_conn *conn)
{
	struct sn_loop *loop = conn->instance->loop;

	sn_timer_clear(&conn->expiry);
	if (conn->session != NULL && conn->session->expires != 0 && sn_conn_is_open(conn))
		sn_timer_set(loop, &conn->expiry, conn->session->expires - sn_loop_wall(loop),
			on_expiry);
}

void sn_conn_set_session(struct sn_conn *conn, struct sn_session *session)
{
	sn_session_unref(&conn->session);
	conn->session = session;
	watch_session(conn);
}

struct sn_pool *sn_conn_pool(struct sn_conn *conn)
{
	if (conn->pool_ == NULL)
		conn->pool_ = sn_pool_new(0);
	return conn->pool_;
}

const struct sn_tls_info *sn_conn_tls(const struct sn_conn *conn)
{
	return sn_stream_tls_info(conn->user.stream);
}

int sn_conn_start_tls(struct sn_conn *conn, struct sn_tls_context *context)
{
	return sn_stream_push_tls(conn->user.stream, context, NULL, &conn->incoming.top);
}

#define CONN_LOG_FIELDS 8

void sn_conn_log_emit(const struct sn_conn *conn, enum sn_log_level level, const char *event,
	const struct sn_log_field *fields, unsigned count)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf peer;
	struct sn_log_field all[CONN_LOG_FIELDS + 2];

	sn_assert(count <= CONN_LOG_FIELDS);
	sn_strbuf_fixed(&peer, text, sizeof(text));
	sn_addr_format(&conn->incoming.peer, &peer);
	all[0] = sn_f_uint("conn", conn->id);
	all[1] = sn_f_str("peer", sn_strbuf_str(&peer));
	for (unsigned i = 0; i < count; i++)
		all[i + 2] = fields[i];
	sn_log_emit(&conn->instance->log, level, event, all, count + 2);
}

/* --- to another process --------------------------------------------------------------------- */

bool sn_conn_can_move(const struct sn_conn *conn)
{
	return conn->user.stream == &conn->incoming.socket.stream &&
		sn_stream_can_move(conn->user.stream);
}

void sn_conn_freeze(const struct sn_conn *conn, struct sn_strbuf *out)
{
	sn_pack_u64(out, conn->id);
	sn_pack_u64(out, (uint64_t)conn->opened);
	sn_pack_u64(out, (uint64_t)conn->incoming.accepted);
	sn_pack_u8(out, conn->session != NULL);
	if (conn->session != NULL)
		sn_session_freeze(conn->session, out);
	sn_stream_freeze(conn->user.stream, out);
}

/* Ids go on above those that came along. */
static void note_id(uint64_t id)
{
	uint64_t next = atomic_load_explicit(&next_id, memory_order_relaxed);

	while (next <= id &&
		!atomic_compare_exchange_weak_explicit(
			&next_id, &next, id + 1, memory_order_relaxed, memory_order_relaxed))
		;
}

/* The module does not know it yet. */
static void on_unborn_end(struct sn_stream_user *user, int code)
{
	sn_conn_log(conn_of(user), SN_LOG_DEBUG, "conn-not-moved", sn_f_err(code));
}

static const struct sn_stream_events unborn_events = {
	.on_end = on_unborn_end,
	.on_free = on_free,
};

static int thaw(struct sn_conn *conn, struct sn_reader *in)
{
	conn->id = sn_read_u64(in);
	conn->opened = (int64_t)sn_read_u64(in);
	conn->incoming.accepted = (int64_t)sn_read_u64(in);
	if (sn_read_u8(in) != 0)
		conn->session = sn_session_thaw(in);
	if (in->err != SN_OK)
		return in->err;
	if (conn->id == UINT64_MAX)
		return SN_ERANGE;
	note_id(conn->id);
	return sn_stream_thaw(conn->user.stream, in);
}

int sn_conn_thaw(struct sn_instance *instance, struct sn_incoming *incoming, struct sn_reader *in,
	uint32_t version, struct sn_reader *state)
{
	struct sn_conn *conn = join(instance, incoming, &unborn_events);
	int code = thaw(conn, in);

	if (code == SN_OK) {
		conn->user.events = &events;
		code = instance->service->conn_thaw(conn, version, state);
	}
	if (code == SN_OK && state->err != SN_OK)
		code = state->err;
	if (code != SN_OK)
		sn_conn_abort(conn, code);
	else
		watch_session(conn);
	return code;
}
