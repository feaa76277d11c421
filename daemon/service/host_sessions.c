#include "daemon/service/host_private.h"

static struct sn_host_session describe(const struct sn_conn *conn)
{
	const struct sn_instance *instance = conn->instance;
	const struct sn_service *service = instance->service;
	const struct sn_stream *stream = conn->user.stream;
	const int64_t now = sn_loop_now(instance->loop);
	struct sn_host_session session = {
		.service = instance->name,
		.id = conn->id,
		.peer = conn->incoming.peer,
		.tls = sn_conn_tls(conn) != NULL,
		.opened_wall = sn_loop_wall(instance->loop) - (now - conn->opened),
		.idle = now - stream->activity,
		.bytes_in = stream->bytes_in,
		.bytes_out = stream->bytes_out,
		.queued = sn_stream_queued(stream),
	};

	if (conn->session != NULL)
		session.account = conn->session->account;
	if (SN_SERVICE_HAS(service, conn_title))
		session.title = service->conn_title(conn);
	return session;
}

void sn_host_sessions(struct sn_host *host, sn_host_session_fn fn, void *context)
{
	struct sn_list *link, *at;

	sn_host_each_instance(link, host)
	{
		sn_list_each (at, &sn_host_instance_at(link)->conns) {
			const struct sn_conn *conn = sn_container_of(at, struct sn_conn, link);

			if (sn_conn_is_open(conn)) {
				const struct sn_host_session session = describe(conn);

				fn(context, &session);
			}
		}
	}
}

static struct sn_conn *find_conn(struct sn_host *host, uint64_t id)
{
	struct sn_list *link, *at;

	sn_host_each_instance(link, host)
	{
		sn_list_each (at, &sn_host_instance_at(link)->conns) {
			struct sn_conn *conn = sn_container_of(at, struct sn_conn, link);

			if (conn->id == id && sn_conn_is_open(conn))
				return conn;
		}
	}
	return NULL;
}

bool sn_host_kick(struct sn_host *host, uint64_t id, struct sn_str reason)
{
	struct sn_conn *conn = find_conn(host, id);

	if (conn == NULL)
		return false;
	sn_conn_log(conn, SN_LOG_INFO, "kicked", sn_f_str("reason", reason));
	sn_conn_kick(conn, reason);
	return true;
}
