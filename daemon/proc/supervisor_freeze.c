/* SINGLE services on their way from one worker to the next: worker_freeze.h has the messages. */
#include <unistd.h>

#include "daemon/proc/supervisor_upgrade.h"

#define BODY_MAX 1024

static struct sn_moving *moving_at(const struct sn_list *link)
{
	return sn_container_of(link, struct sn_moving, link);
}

struct sn_moving *sn_moving_add(struct sn_list *list, struct sn_str service)
{
	struct sn_moving *moving = sn_alloc_zero(sizeof(*moving));

	moving->service = sn_str_dup(service);
	moving->state = -1;
	sn_list_append(list, &moving->link);
	return moving;
}

static void drop(struct sn_moving *moving)
{
	for (size_t i = 0; i < moving->count; i++)
		(void)close(moving->sockets[i]);
	moving->count = moving->expected = 0;
	if (moving->state >= 0)
		(void)close(moving->state);
	moving->state = -1;
}

void sn_moving_free_all(struct sn_list *list)
{
	struct sn_list *link;

	while ((link = sn_list_pop(list)) != NULL) {
		struct sn_moving *moving = moving_at(link);

		drop(moving);
		sn_free(moving->sockets);
		sn_free(moving->service);
		sn_free(moving);
	}
}

static struct sn_moving *find(const struct sn_list *list, struct sn_str service)
{
	const struct sn_list *link;

	sn_list_each (link, list) {
		if (sn_str_eq(sn_str(moving_at(link)->service), service))
			return moving_at(link);
	}
	return NULL;
}

/* --- from the old worker -------------------------------------------------------------------- */

void sn_moving_ask(struct sn_list *list, struct sn_worker *old)
{
	const struct sn_layout *layout = old->supervisor->layout;

	for (size_t i = 0; i < layout->service_count; i++) {
		const struct sn_layout_service *service = &layout->services[i];
		char body[BODY_MAX];
		struct sn_writer w = sn_writer(body, sizeof(body));

		if (!service->single || !sn_sup_worker_runs(old, layout, service) ||
			find(list, service->name) != NULL)
			continue;
		(void)sn_moving_add(list, service->name);
		sn_write_str16(&w, service->name);
		sn_ipc_send(&old->ipc, SN_IPC_FREEZE, 0, sn_writer_str(&w), NULL, 0);
	}
}

/* str16 service, u32 sockets, u64 closed; a memfd if it moves */
int sn_moving_frozen(struct sn_list *list, struct sn_ipc_message *message)
{
	struct sn_moving *moving = find(list, sn_read_str16(&message->body));
	const uint32_t expected = sn_read_u32(&message->body);
	const uint64_t closed = sn_read_u64(&message->body);

	if (message->body.err != SN_OK || moving == NULL || moving->answered ||
		expected > SN_UPGRADE_SOCKETS_MAX || (expected > 0 && message->fd_count == 0))
		return SN_EPROTO;
	moving->answered = true;
	moving->state = sn_ipc_take_fd(message, 0);
	moving->expected = expected;
	moving->closed = closed;
	moving->sockets = sn_alloc_array(expected + 1, sizeof(*moving->sockets));
	return SN_OK;
}

/* str16 service, u32 index of the first */
int sn_moving_sockets(struct sn_list *list, struct sn_ipc_message *message)
{
	struct sn_moving *moving = find(list, sn_read_str16(&message->body));
	const uint32_t first = sn_read_u32(&message->body);

	if (message->body.err != SN_OK || moving == NULL || !moving->answered ||
		first != moving->count || message->fd_count > moving->expected - moving->count)
		return SN_EPROTO;
	for (size_t i = 0; i < message->fd_count; i++)
		moving->sockets[moving->count++] = sn_ipc_take_fd(message, i);
	return SN_OK;
}

void sn_moving_cut(struct sn_list *list)
{
	struct sn_list *link;

	sn_list_each (link, list) {
		struct sn_moving *moving = moving_at(link);

		if (moving->answered && moving->count == moving->expected)
			continue;
		moving->answered = true;
		drop(moving);
	}
}

bool sn_moving_complete(const struct sn_list *list)
{
	const struct sn_list *link;

	sn_list_each (link, list) {
		const struct sn_moving *moving = moving_at(link);

		if (!moving->answered || moving->count < moving->expected)
			return false;
	}
	return true;
}

/* --- to the new one ------------------------------------------------------------------------- */

static void give(const struct sn_moving *moving, struct sn_ipc *ipc)
{
	char body[BODY_MAX];
	struct sn_writer w = sn_writer(body, sizeof(body));

	sn_write_str16(&w, sn_str(moving->service));
	sn_write_u32(&w, (uint32_t)moving->count);
	sn_ipc_send(ipc, SN_IPC_THAW, 0, sn_writer_str(&w), &moving->state, 1);
	for (size_t at = 0; at < moving->count; at += SN_IPC_FDS_MAX) {
		const size_t left = moving->count - at;

		w = sn_writer(body, sizeof(body));
		sn_write_str16(&w, sn_str(moving->service));
		sn_write_u32(&w, (uint32_t)at);
		sn_ipc_send(ipc, SN_IPC_SOCKETS, 0, sn_writer_str(&w), &moving->sockets[at],
			left < SN_IPC_FDS_MAX ? left : SN_IPC_FDS_MAX);
	}
}

void sn_moving_give(const struct sn_list *list, struct sn_worker *worker)
{
	const struct sn_list *link;

	sn_list_each (link, list) {
		if (moving_at(link)->state >= 0)
			give(moving_at(link), &worker->ipc);
	}
}

void sn_moving_count(const struct sn_list *list, uint64_t *moved, uint64_t *closed)
{
	const struct sn_list *link;

	sn_list_each (link, list) {
		*moved += moving_at(link)->count;
		*closed += moving_at(link)->closed;
	}
}
