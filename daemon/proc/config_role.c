#include "daemon/proc/config_role.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/proc/ipc.h"

#define SNAPSHOT_MAX ((size_t)64 << 20)

struct offer {
	struct sn_loop *loop;
	struct sn_ipc ipc;
	struct sn_conf_diags *diags;
	const struct sn_conf_endpoint *items;
	size_t item_count;
	int code; /* the first listener that failed */
};

/* u32 listener, u32 code (two's complement), u32 column, str16 text */
static void on_open_failed(struct offer *offer, struct sn_reader *r)
{
	const uint32_t listener = sn_read_u32(r);
	const int code = (int)sn_read_u32(r);
	const uint32_t column = sn_read_u32(r);
	const struct sn_str text = sn_read_str16(r);
	const struct sn_conf_endpoint *item;
	struct sn_conf_pos pos;

	if (r->err != SN_OK || listener >= offer->item_count)
		return;
	item = &offer->items[listener];
	pos = item->pos;
	if (column > 0)
		pos = sn_conf_pos_within(pos, item->endpoint->source, column - 1);
	sn_conf_report(offer->diags, SN_CONF_ERROR, pos, "%.*s", SN_STR_ARG(text));
	if (offer->code == SN_OK)
		offer->code = code < 0 ? code : SN_ECONFIG;
}

static void on_message(struct sn_ipc *ipc, struct sn_ipc_message *message)
{
	struct offer *offer = sn_container_of(ipc, struct offer, ipc);

	if (message->type == SN_IPC_OPEN_FAILED)
		on_open_failed(offer, &message->body);
	else if (message->type == SN_IPC_OPENED)
		sn_loop_stop(offer->loop, offer->code);
}

static void on_closed(struct sn_ipc *ipc, int code)
{
	(void)code;
	sn_loop_stop(sn_container_of(ipc, struct offer, ipc)->loop, SN_ECANCELED);
}

static const struct sn_ipc_ops ops = { .on_message = on_message, .on_closed = on_closed };

static int pack_layout(const struct sn_layout *layout, int *fd_r)
{
	struct sn_strbuf text;
	int code;

	sn_strbuf_init(&text, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(layout, &text);
	code = text.err;
	if (code == SN_OK)
		code = sn_ipc_memfd("sennit-layout", sn_strbuf_str(&text), fd_r);
	sn_strbuf_fini(&text);
	return code;
}

static int pack_snapshot(struct sn_conf *conf, struct sn_str head, int *fd_r)
{
	struct sn_strbuf text;
	int code;

	sn_strbuf_init(&text, SNAPSHOT_MAX);
	sn_strbuf_add(&text, head);
	sn_conf_export(conf, &text);
	code = text.err;
	if (code == SN_OK)
		code = sn_ipc_memfd("sennit-snapshot", sn_strbuf_str(&text), fd_r);
	if (text.p != NULL)
		sn_wipe(text.p, text.cap);
	sn_strbuf_fini(&text);
	return code;
}

static int say(struct sn_conf_diags *diags, int code)
{
	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 },
			"the configuration cannot be handed to the daemon: %s", sn_strerror(code));
	return code;
}

/* Send both, then hear what could not be opened. */
static int converse(const struct sn_config_role *role, struct offer *offer, const int fds[2])
{
	int code = sn_ipc_start(
		&offer->ipc, offer->loop, role->channel, SN_IPC_CONFIG, SN_IPC_SUPERVISOR, &ops);

	if (code != SN_OK)
		return say(offer->diags, code);
	sn_ipc_send(&offer->ipc, SN_IPC_LAYOUT, 0, SN_STR(""), fds, 2);
	code = sn_loop_run(offer->loop);
	sn_ipc_stop(&offer->ipc);
	return code;
}

static int offer_layout(const struct sn_config_role *role, struct offer *offer,
	struct sn_conf *conf, const struct sn_layout *layout)
{
	int fds[2] = { -1, -1 };
	int code = pack_layout(layout, &fds[0]);

	if (code == SN_OK)
		code = pack_snapshot(conf, role->head, &fds[1]);
	code = code == SN_OK ? converse(role, offer, fds) : say(offer->diags, code);
	for (size_t i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return code;
}

static int check_and_offer(
	const struct sn_config_role *role, struct offer *offer, struct sn_conf *conf)
{
	struct sn_conf_endpoint *items;
	struct sn_layout *layout;
	int code = sn_host_check(offer->loop, conf, offer->diags);

	if (code == SN_OK)
		code = sn_config_layout(conf, role->verb, offer->diags, &layout, &items);
	if (code != SN_OK)
		return code;
	offer->items = items;
	offer->item_count = layout->listener_count;
	code = offer_layout(role, offer, conf, layout);
	sn_layout_free(&layout);
	return code;
}

int sn_config_role_offer(
	const struct sn_config_role *role, struct sn_conf *conf, struct sn_conf_diags *diags)
{
	struct offer offer = { .diags = diags };
	int code = sn_loop_new(NULL, &offer.loop);

	if (code != SN_OK)
		return say(diags, code);
	code = check_and_offer(role, &offer, conf);
	sn_loop_free(&offer.loop);
	return code;
}
