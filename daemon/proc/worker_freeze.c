#include "daemon/proc/worker_freeze.h"

#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("worker");

/* --- away ----------------------------------------------------------------------------------- */

struct head {
	struct sn_str service;
	size_t sockets;
	uint64_t closed;
};

static void send_frozen(struct sn_ipc *ipc, const struct head *head, const int *state)
{
	char body[1024];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_str16(&w, head->service);
	sn_write_u32(&w, (uint32_t)head->sockets);
	sn_write_u64(&w, head->closed);
	sn_ipc_send(ipc, SN_IPC_FROZEN, 0, sn_writer_str(&w), state, state != NULL ? 1 : 0);
}

/* Sent ones are the kernel's to keep: ours go at once, so that never two of each count here. */
static void send_sockets(struct sn_ipc *ipc, struct sn_str service, struct sn_frozen *frozen)
{
	for (size_t at = 0; at < frozen->socket_count; at += SN_IPC_FDS_MAX) {
		const size_t left = frozen->socket_count - at;
		const size_t count = left < SN_IPC_FDS_MAX ? left : SN_IPC_FDS_MAX;
		char body[1024];
		struct sn_writer w = sn_writer(body, sizeof(body));

		sn_write_str16(&w, service);
		sn_write_u32(&w, (uint32_t)at);
		sn_ipc_send(ipc, SN_IPC_SOCKETS, 0, sn_writer_str(&w), &frozen->sockets[at], count);
		for (size_t i = at; i < at + count; i++) {
			(void)close(frozen->sockets[i]);
			frozen->sockets[i] = -1;
		}
	}
}

struct count {
	struct sn_str service;
	uint64_t sessions;
};

static void count_session(void *context, const struct sn_host_session *session)
{
	struct count *count = context;

	count->sessions += sn_str_eq(session->service, count->service);
}

/* It cannot move: its clients are told so, and have the time of a drain. */
static void send_away(struct sn_host *host, struct sn_ipc *ipc, struct sn_str service, int why)
{
	struct count count = { .service = service };
	struct head head = { .service = service };

	if (why == SN_EUNSUPPORTED) {
		sn_host_sessions(host, count_session, &count);
		why = sn_host_service_stop(host, service);
	}
	if (why != SN_OK && why != SN_ENOTFOUND && why != SN_EDUPLICATE) {
		sn_log(&log_ctx, SN_LOG_ERROR, "service-not-frozen", sn_f_str("service", service),
			sn_f_err(why));
	}
	head.closed = count.sessions;
	send_frozen(ipc, &head, NULL);
}

static void freeze(struct sn_host *host, struct sn_ipc *ipc, struct sn_str service)
{
	struct sn_frozen *frozen = NULL;
	struct head head = { .service = service };
	int code = host != NULL ? sn_host_freeze(host, service, &frozen) : SN_ENOTFOUND, state;

	if (code == SN_OK)
		code = sn_ipc_memfd("sennit-frozen", sn_strbuf_str(&frozen->state), &state);
	if (code == SN_OK) {
		head.sockets = frozen->socket_count;
		head.closed = frozen->closed;
		send_frozen(ipc, &head, &state);
		(void)close(state);
		send_sockets(ipc, service, frozen);
	} else {
		send_away(host, ipc, service, code);
	}
	sn_frozen_free(&frozen);
}

struct asked {
	struct sn_list link;
	char *service;
};

static struct asked *next_asked(struct sn_worker_freezes *freezes)
{
	struct sn_list *link = sn_list_pop(&freezes->services);

	return link != NULL ? sn_container_of(link, struct asked, link) : NULL;
}

static void free_asked(struct asked *asked)
{
	sn_free(asked->service);
	sn_free(asked);
}

static void on_turn(struct sn_timer *timer)
{
	struct sn_worker_freezes *freezes = sn_container_of(timer, struct sn_worker_freezes, timer);
	struct asked *asked;

	while ((asked = next_asked(freezes)) != NULL) {
		freeze(freezes->host, freezes->ipc, sn_str(asked->service));
		free_asked(asked);
	}
}

void sn_worker_freezes_init(
	struct sn_worker_freezes *freezes, struct sn_loop *loop, struct sn_ipc *ipc)
{
	*freezes = (struct sn_worker_freezes){ .loop = loop, .ipc = ipc };
	sn_list_init(&freezes->services);
}

void sn_worker_freezes_add(
	struct sn_worker_freezes *freezes, struct sn_host *host, struct sn_reader *body)
{
	struct asked *asked = sn_alloc_zero(sizeof(*asked));

	asked->service = sn_str_dup(sn_read_str16(body));
	sn_list_append(&freezes->services, &asked->link);
	freezes->host = host;
	sn_timer_set(freezes->loop, &freezes->timer, 0, on_turn);
}

void sn_worker_freezes_free(struct sn_worker_freezes *freezes)
{
	struct asked *asked;

	sn_timer_clear(&freezes->timer);
	while ((asked = next_asked(freezes)) != NULL)
		free_asked(asked);
}

/* --- and back ------------------------------------------------------------------------------- */

struct item {
	struct sn_list link;
	char *service;
	size_t expected;
	struct sn_frozen *frozen;
};

void sn_worker_thaws_init(struct sn_worker_thaws *thaws)
{
	sn_list_init(&thaws->items);
}

void sn_worker_thaws_free(struct sn_worker_thaws *thaws)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&thaws->items)) != NULL) {
		struct item *item = sn_container_of(link, struct item, link);

		sn_frozen_free(&item->frozen);
		sn_free(item->service);
		sn_free(item);
	}
}

int sn_worker_thaws_add(struct sn_worker_thaws *thaws, struct sn_ipc_message *message)
{
	const struct sn_str service = sn_read_str16(&message->body);
	const uint32_t expected = sn_read_u32(&message->body);
	struct item *item;

	if (message->body.err != SN_OK)
		return SN_EPROTO;
	item = sn_alloc_zero(sizeof(*item));
	item->service = sn_str_dup(service);
	item->expected = expected;
	item->frozen = sn_frozen_new();
	sn_list_append(&thaws->items, &item->link);
	return sn_ipc_read_memfd(message->fds[0], SN_FREEZE_STATE_MAX, &item->frozen->state);
}

static struct item *find(struct sn_worker_thaws *thaws, struct sn_str service)
{
	struct sn_list *link;

	sn_list_each (link, &thaws->items) {
		struct item *item = sn_container_of(link, struct item, link);

		if (sn_str_eq(sn_str(item->service), service))
			return item;
	}
	return NULL;
}

int sn_worker_thaws_add_sockets(struct sn_worker_thaws *thaws, struct sn_ipc_message *message)
{
	struct item *item = find(thaws, sn_read_str16(&message->body));
	const uint32_t first = sn_read_u32(&message->body);

	if (message->body.err != SN_OK || item == NULL || first != item->frozen->socket_count ||
		message->fd_count > item->expected - item->frozen->socket_count)
		return SN_EPROTO;
	for (size_t i = 0; i < message->fd_count; i++)
		sn_frozen_add_socket(item->frozen, sn_ipc_take_fd(message, i));
	return SN_OK;
}

static int apply(struct item *item, struct sn_host *host, struct sn_diag *diag)
{
	if (item->frozen->socket_count != item->expected)
		return sn_diag_set(diag, SN_EPROTO, 0, "%zu of %zu connections have arrived",
			item->frozen->socket_count, item->expected);
	return sn_host_thaw(host, sn_str(item->service), item->frozen, diag);
}

int sn_worker_thaws_apply(
	struct sn_worker_thaws *thaws, struct sn_host *host, struct sn_conf_diags *diags)
{
	struct sn_list *link;
	int code = SN_OK;

	sn_list_each (link, &thaws->items) {
		struct item *item = sn_container_of(link, struct item, link);
		struct sn_diag diag = { 0 };

		if (code == SN_OK)
			code = apply(item, host, &diag);
		if (code != SN_OK) {
			sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
				"service %s cannot go on: %s", item->service,
				diag.text[0] != '\0' ? diag.text : sn_strerror(code));
			break;
		}
	}
	sn_worker_thaws_free(thaws);
	return code;
}
