/*
 * Connection: a service's view of one client. The module embeds struct sn_conn as the first member
 * of its own struct; the host allocates and frees it.
 *
 * Ownership: pool dies with the connection; session and conf snapshot are references it drops.
 */
#ifndef SN_DAEMON_SERVICE_CONN_H
#define SN_DAEMON_SERVICE_CONN_H

#include "daemon/auth/session.h"
#include "daemon/service/service.h"

#define SN_CONN_MAGIC 0x436f6e6eu

struct sn_conn {
	struct sn_incoming incoming; /* first member: what the listener made */
	uint32_t magic;
	uint64_t id; /* unique in this process */
	struct sn_instance *instance;
	struct sn_stream_user user;
	struct sn_session *session; /* NULL: nobody yet; sn_conn_set_session */
	struct sn_conf *conf;
	struct sn_pool *pool_;  /* use sn_conn_pool */
	struct sn_list link;    /* instance->conns */
	int64_t opened;         /* monotonic ns */
	struct sn_timer expiry; /* of the session */
	uint64_t reserved_[3];  /* for members of later minors; zero (decisions/0009) */
};

static inline struct sn_str sn_conn_input(const struct sn_conn *conn)
{
	return sn_stream_input(conn->user.stream);
}
void sn_conn_consume(struct sn_conn *conn, size_t n);
void sn_conn_write(struct sn_conn *conn, struct sn_str data);
void sn_conn_printf(struct sn_conn *conn, const char *fmt, ...) SN_PRINTF(2, 3);
void sn_conn_write_block(struct sn_conn *conn, struct sn_block *block);
struct sn_chain *sn_conn_out(struct sn_conn *conn); /* then sn_conn_flush */
void sn_conn_flush(struct sn_conn *conn);
bool sn_conn_congested(const struct sn_conn *conn);
/* After SN_PENDING from conn_input: input goes on. */
void sn_conn_resume(struct sn_conn *conn);
/* Flush, then close / cut now. conn_close follows from the deferred phase, never from in here. */
void sn_conn_close(struct sn_conn *conn);
void sn_conn_abort(struct sn_conn *conn, int code);
bool sn_conn_is_open(const struct sn_conn *conn);
/* Somebody has logged in, maybe again: takes the session over. When it ends (an app token's last
 * day) the connection is kicked. */
void sn_conn_set_session(struct sn_conn *conn, struct sn_session *session);
/* Close with a reason that the client sees, if the module knows how to tell it. */
void sn_conn_kick(struct sn_conn *conn, struct sn_str reason);

struct sn_pool *sn_conn_pool(struct sn_conn *conn); /* made on first use */
const struct sn_tls_info *sn_conn_tls(const struct sn_conn *conn);
/* STARTTLS, server side; SN_EPLAINTEXT when unconsumed bytes are already there: return it, and the
 * connection is cut. conn_open is not called again; conn_input goes on after the handshake. */
int sn_conn_start_tls(struct sn_conn *conn, struct sn_tls_context *context) SN_WARN_UNUSED;
/* A log line about this connection: carries conn=ID and peer=ADDRESS before its own fields. */
void sn_conn_log_emit(const struct sn_conn *conn, enum sn_log_level level, const char *event,
	const struct sn_log_field *fields, unsigned count);
#define sn_conn_log(conn, level, event, ...) \
	do { \
		if (sn_log_enabled(&(conn)->instance->log, (level))) { \
			const struct sn_log_field sn_fields_[] = { { .key = NULL }, \
				##__VA_ARGS__ }; \
			sn_conn_log_emit((conn), (level), (event), sn_fields_ + 1, \
				sizeof(sn_fields_) / sizeof(sn_fields_[0]) - 1); \
		} \
	} while (0)
static inline const struct sn_addr *sn_conn_peer(const struct sn_conn *conn)
{
	return &conn->incoming.peer;
}

/* What the listener calls when a connection is through its stages; and its end from host.c. */
void sn_conn_begin(struct sn_instance *instance, struct sn_incoming *incoming);

#endif
