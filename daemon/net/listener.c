#include "daemon/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/net/conn_caps.h"

#define DEFAULT_BUDGET 64
#define FIRST_PAUSE SN_MS(100)
#define LONGEST_PAUSE SN_SEC(1)
#define COMPLAINT_INTERVAL SN_SEC(1)

const struct sn_metric_def sn_listener_metrics[SN_LISTENER_METRICS] = {
        [SN_LISTENER_ACCEPTED] =
                {
                        .name = "sennit_connections_accepted_total",
                        .kind = SN_METRIC_COUNTER,
                        .help = "Connections accepted and within the limits.",
                },
        [SN_LISTENER_OPEN] =
                {
                        .name = "sennit_connections_open",
                        .kind = SN_METRIC_GAUGE,
                        .help = "Connections not freed yet.",
                },
        [SN_LISTENER_REFUSED_TOTAL] =
                {
                        .name = "sennit_connections_refused_total",
                        .labels = "reason=\"total\"",
                        .kind = SN_METRIC_COUNTER,
                        .help = "Connections closed at once because of a limit.",
                },
        [SN_LISTENER_REFUSED_ADDRESS] =
                {
                        .name = "sennit_connections_refused_total",
                        .labels = "reason=\"address\"",
                        .kind = SN_METRIC_COUNTER,
                        .help = "Connections closed at once because of a limit.",
                },
        [SN_LISTENER_REFUSED_FD] =
                {
                        .name = "sennit_connections_refused_total",
                        .labels = "reason=\"descriptors\"",
                        .kind = SN_METRIC_COUNTER,
                        .help = "Connections closed at once because of a limit.",
                },
        [SN_LISTENER_STAGE_FAILED] =
                {
                        .name = "sennit_connections_failed_total",
                        .kind = SN_METRIC_COUNTER,
                        .help = "Connections that ended before their service saw them: bad PROXY header, "
                                "failed TLS handshake, timeout.",
                },
};

static void count(struct sn_listener *l, enum sn_listener_metric metric)
{
	if (l->options.metrics != NULL)
		sn_metric_add(l->options.metrics, metric, 1);
}

/* Whether a line may be logged: at most one a second. */
static bool may_complain(struct sn_listener *l)
{
	int64_t now = sn_loop_now(l->loop);

	if (l->options.log == NULL || now - l->last_complaint < COMPLAINT_INTERVAL)
		return false;
	l->last_complaint = now;
	return true;
}

/* --- a connection on its way through the stages ----------------------------------------------- */

static struct sn_incoming *incoming_of(struct sn_stream_user *user)
{
	return sn_container_of(user, struct sn_incoming, user);
}

static bool any_stage_names_peer(const struct sn_accept_stage *stage)
{
	for (; stage != NULL; stage = stage->next)
		if (stage->ops->names_peer)
			return true;
	return false;
}

static int count_address(struct sn_incoming *in)
{
	struct sn_listener *l = in->listener;

	if (sn_conn_caps_address_full(l->options.caps, &in->peer)) {
		count(l, SN_LISTENER_REFUSED_ADDRESS);
		return SN_ELIMIT;
	}
	in->cap = sn_conn_caps_enter_address(l->options.caps, &in->peer);
	return SN_OK;
}

/* The stream's own handshake deadline begins anew with each filter, and none runs between. */
static bool is_late(const struct sn_incoming *in)
{
	int64_t span = in->listener->options.deadlines.handshake;

	return span > 0 && sn_loop_now(in->listener->loop) - in->accepted >= span;
}

static void set_stage_deadlines(struct sn_incoming *in)
{
	struct sn_stream_deadlines d = in->listener->options.deadlines;

	d.idle = d.handshake;
	sn_stream_set_deadlines(in->top, &d);
}

static void hand_over(struct sn_incoming *in)
{
	struct sn_listener *l = in->listener;

	sn_stream_set_deadlines(in->top, &l->options.deadlines);
	l->ops->on_open(l, in);
	sn_assert(in->top->user != NULL && in->top->user != &in->user);
}

static int step(struct sn_incoming *in)
{
	struct sn_accept_stage *stage = in->stage;
	int rc = is_late(in) ? SN_ETIMEOUT : stage->ops->step(stage, in);

	if (rc == SN_OK || rc == SN_PENDING)
		in->stage = stage->next;
	if (rc == SN_OK && stage->ops->names_peer)
		rc = count_address(in);
	return rc;
}

static void advance(struct sn_stream_user *user)
{
	struct sn_incoming *in = incoming_of(user);

	while (in->stage != NULL) {
		int rc = step(in);

		if (rc < 0)
			sn_stream_abort(in->top, rc);
		if (rc != SN_OK)
			return;
	}
	hand_over(in);
}

static void stage_eof(struct sn_stream_user *user)
{
	sn_stream_abort(user->stream, SN_EEOF);
}

static void stage_end(struct sn_stream_user *user, int code)
{
	struct sn_incoming *in = incoming_of(user);
	struct sn_listener *l = in->listener;
	const char *reason = sn_stream_tls_error(in->top);
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf peer;

	count(l, SN_LISTENER_STAGE_FAILED);
	if (l->options.log == NULL)
		return;
	sn_strbuf_fixed(&peer, text, sizeof(text));
	sn_addr_format(&in->peer, &peer);
	sn_log(l->options.log, reason[0] != '\0' ? SN_LOG_INFO : SN_LOG_DEBUG,
		"connection-not-established", sn_f_str("peer", sn_strbuf_str(&peer)),
		sn_f_cstr("stage", in->stage != NULL ? in->stage->ops->name : ""), sn_f_err(code),
		sn_f_cstr("reason", reason));
}

static void stage_free(struct sn_stream_user *user)
{
	sn_incoming_free(incoming_of(user));
}

static const struct sn_stream_events stage_events = {
	.on_ready = advance,
	.on_input = advance,
	.on_eof = stage_eof,
	.on_end = stage_end,
	.on_free = stage_free,
};

/* --- a new connection ------------------------------------------------------------------------- */

static struct sn_incoming *incoming_new(struct sn_listener *l)
{
	struct sn_incoming *in = sn_alloc_zero(l->options.conn_size);

	in->listener = l;
	in->stage = l->stages;
	in->user.events = &stage_events;
	in->accepted = sn_loop_now(l->loop);
	return in;
}

static void incoming_enlist(struct sn_incoming *in, struct sn_stream *stream)
{
	struct sn_listener *l = in->listener;

	in->top = stream;
	sn_list_append(&l->connections, &in->link);
	sn_conn_caps_enter(l->options.caps);
	count(l, SN_LISTENER_OPEN);
	if (l->options.limits.in_max > 0)
		sn_stream_set_limits(stream, &l->options.limits);
}

/* From here on the stream's end frees it. on_open comes from the stream's on_ready. */
static void incoming_start(struct sn_incoming *in, struct sn_stream *stream)
{
	incoming_enlist(in, stream);
	count(in->listener, SN_LISTENER_ACCEPTED);
	set_stage_deadlines(in);
	sn_stream_set_user(stream, &in->user);
}

static void note_local(const struct sn_listener *l, struct sn_incoming *in, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	in->local = l->sock.local;
	if (in->local.len > 0 && !l->any_address)
		return;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
		sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &in->local) == SN_OK)
		sn_addr_unmap(&in->local);
}

/* What begins with an accepted socket; false: refused, and the caller closes it. */
static bool admit(struct sn_listener *l, int fd, const struct sn_addr *peer)
{
	bool by_socket = !l->peer_named_later;
	struct sn_incoming *in;

	if (sn_conn_caps_full(l->options.caps)) {
		count(l, SN_LISTENER_REFUSED_TOTAL);
		if (may_complain(l))
			sn_log(l->options.log, SN_LOG_WARN, "connection-limit-reached",
				sn_f_uint("limit", l->options.caps->max_total));
		return false;
	}
	if (by_socket && sn_conn_caps_address_full(l->options.caps, peer)) {
		count(l, SN_LISTENER_REFUSED_ADDRESS);
		return false;
	}
	in = incoming_new(l);
	if (sn_stream_fd_init_socket(&in->socket, l->loop, fd) != SN_OK) {
		sn_free(in);
		return false;
	}
	in->peer = *peer;
	note_local(l, in, fd);
	if (by_socket)
		in->cap = sn_conn_caps_enter_address(l->options.caps, peer);
	incoming_start(in, &in->socket.stream);
	sn_stream_ready(&in->socket.stream);
	return true;
}

static int adopt_pair(struct sn_listener *l)
{
	struct sn_incoming *in = incoming_new(l);
	int rc = sn_stream_fd_init(&in->socket, l->loop, l->sock.fd, l->sock.wfd);

	if (rc != SN_OK) {
		sn_free(in);
		return rc;
	}
	l->sock.fd = l->sock.wfd = -1;
	incoming_start(in, &in->socket.stream);
	sn_stream_ready(&in->socket.stream);
	return SN_OK;
}

void sn_listener_adopt(struct sn_listener *l, struct sn_stream *stream)
{
	if (sn_conn_caps_full(l->options.caps)) {
		count(l, SN_LISTENER_REFUSED_TOTAL);
		sn_stream_abort(stream, SN_ELIMIT);
		return;
	}
	incoming_start(incoming_new(l), stream);
}

int sn_listener_restore(struct sn_listener *l, int fd, const struct sn_addr *peer,
	const struct sn_addr *local, struct sn_incoming **in_r)
{
	struct sn_incoming *in = incoming_new(l);
	const int rc = sn_stream_fd_init_socket(&in->socket, l->loop, fd);

	if (rc != SN_OK) {
		sn_free(in);
		return rc;
	}
	in->stage = NULL;
	in->peer = *peer;
	in->local = *local;
	in->cap = sn_conn_caps_enter_address(l->options.caps, peer);
	incoming_enlist(in, &in->socket.stream);
	sn_stream_set_deadlines(in->top, &l->options.deadlines);
	*in_r = in;
	return SN_OK;
}

void sn_incoming_free(struct sn_incoming *in)
{
	struct sn_listener *l = in->listener;

	sn_conn_caps_leave(l->options.caps, &in->cap);
	sn_list_remove(&in->link);
	if (l->options.metrics != NULL)
		sn_metric_sub(l->options.metrics, SN_LISTENER_OPEN, 1);
	sn_free(in);
	if (l->ops->on_idle != NULL && sn_list_empty(&l->connections))
		l->ops->on_idle(l);
}

/* --- accepting -------------------------------------------------------------------------------- */

static unsigned wanted(const struct sn_listener *l)
{
	return l->options.shared ? SN_READABLE | SN_EXCLUSIVE : SN_READABLE;
}

static void on_pause_over(struct sn_timer *timer)
{
	struct sn_listener *l = sn_container_of(timer, struct sn_listener, pause_timer);

	sn_watch_want(&l->watch, wanted(l));
}

static void pause_accepting(struct sn_listener *l)
{
	l->pause = l->pause == 0 ? FIRST_PAUSE : l->pause * 2;
	if (l->pause > LONGEST_PAUSE)
		l->pause = LONGEST_PAUSE;
	sn_watch_want(&l->watch, 0);
	sn_timer_set(l->loop, &l->pause_timer, l->pause, on_pause_over);
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* With no descriptor left the client would hang in the queue: the reserve lets us tell it so. */
static void refuse_one(struct sn_listener *l)
{
	int fd;

	if (l->reserve_fd < 0)
		return;
	close(l->reserve_fd);
	fd = accept4(l->sock.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		count(l, SN_LISTENER_REFUSED_FD);
	}
	l->reserve_fd = open_reserve();
}

static void on_accept_error(struct sn_listener *l, int err)
{
	if (err == EMFILE || err == ENFILE)
		refuse_one(l);
	pause_accepting(l);
	if (may_complain(l))
		sn_log(l->options.log, SN_LOG_ERROR, "cannot-accept", sn_f_err(-err),
			sn_f_duration("pause", l->pause));
}

/* The failure is the connection's own: it was gone, or the network was, before it was accepted. */
static bool is_of_connection(int err)
{
	static const int errs[] = { ECONNABORTED, EINTR, EPROTO, ENOPROTOOPT, ENETDOWN, EHOSTDOWN,
		ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, EPERM };

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++)
		if (errs[i] == err)
			return true;
	return false;
}

/* SN_OK: accepted; SN_AGAIN: none waits; or -errno. */
static int accept_one(struct sn_listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct sn_addr peer;
	int fd = accept4(l->sock.fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EAGAIN ? SN_AGAIN : -errno;
	if (sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &peer) != SN_OK)
		peer.len = 0;
	sn_addr_unmap(&peer);
	if (!admit(l, fd, &peer))
		close(fd);
	l->pause = 0;
	return SN_OK;
}

static void on_connections(struct sn_watch *watch, unsigned events)
{
	struct sn_listener *l = sn_container_of(watch, struct sn_listener, watch);

	(void)events;
	for (unsigned i = 0; i < l->options.budget; i++) {
		int rc = accept_one(l);

		if (rc == SN_AGAIN)
			return;
		if (rc < 0 && !is_of_connection(-rc)) {
			on_accept_error(l, -rc);
			return;
		}
	}
}

/* --- the listener ----------------------------------------------------------------------------- */

static bool is_any(const struct sn_addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return addr->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
}

static int start_accepting(struct sn_listener *l)
{
	int rc = sn_watch_set(l->loop, &l->watch, l->sock.fd, wanted(l), on_connections);

	if (rc != SN_OK)
		return rc;
	l->reserve_fd = open_reserve();
	return SN_OK;
}

int sn_listener_start(struct sn_listener *l, struct sn_loop *loop, struct sn_listen_socket *sock,
	struct sn_accept_stage *stages, const struct sn_listener_options *options,
	const struct sn_listener_ops *ops)
{
	int rc;

	sn_assert(options->conn_size >= sizeof(struct sn_incoming));
	*l = (struct sn_listener){
		.ops = ops,
		.loop = loop,
		.options = *options,
		.sock = *sock,
		.stages = stages,
		.reserve_fd = -1,
		.last_complaint = sn_loop_now(loop) - COMPLAINT_INTERVAL,
		.any_address = sock->local.len > 0 && is_any(&sock->local),
		.peer_named_later = any_stage_names_peer(stages),
		.accepting = true,
	};
	if (l->options.budget == 0)
		l->options.budget = DEFAULT_BUDGET;
	sn_list_init(&l->connections);
	rc = sock->wfd >= 0 ? adopt_pair(l) : sock->fd >= 0 ? start_accepting(l) : SN_OK;
	if (rc == SN_OK)
		*sock = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	return rc;
}

void sn_listener_release(struct sn_listener *l, struct sn_listen_socket *sock_r)
{
	*sock_r = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	if (!l->accepting)
		return;
	l->accepting = false;
	sn_watch_clear(&l->watch);
	sn_timer_clear(&l->pause_timer);
	if (l->reserve_fd >= 0)
		close(l->reserve_fd);
	l->reserve_fd = -1;
	*sock_r = l->sock;
	l->sock.fd = l->sock.wfd = l->sock.lock_fd = -1;
	l->sock.unlink_path = NULL;
}

void sn_listener_stop(struct sn_listener *l)
{
	struct sn_listen_socket sock;

	sn_listener_release(l, &sock);
	sn_listen_close(&sock);
}

void sn_listener_set_limits(struct sn_listener *l, const struct sn_stream_limits *limits,
	const struct sn_stream_deadlines *deadlines)
{
	struct sn_list *link, *next;

	l->options.limits = *limits;
	l->options.deadlines = *deadlines;
	sn_list_each_safe (link, next, &l->connections) {
		struct sn_incoming *in = sn_container_of(link, struct sn_incoming, link);

		if (in->top->user == &in->user || !sn_stream_is_open(in->top))
			continue; /* set when it is through its stages */
		sn_stream_set_limits(in->top, limits);
		sn_stream_set_deadlines(in->top, deadlines);
	}
}

void sn_listener_fini(struct sn_listener *l)
{
	sn_listener_stop(l);
	sn_assert(sn_list_empty(&l->connections));
}
