/*
 * The service on its way to another process: the chat core and each client. Bytes, addresses and
 * sessions are the host's. Who is in the middle of logging in cannot move: the exchange has secrets
 * that stay here.
 */
#include "protocols/irc/irc_freeze.h"

#include "daemon/base/wire.h"
#include "protocols/irc/irc_private.h"

enum {
	NEGOTIATING = 1,
	CAP_302 = 2,
	PING_SENT = 4,
	AWAITS_DRAIN = 8,
	SKIPPING = 16,
	AFTER_CR = 32,
	THROTTLED = 64,
};

static struct sn_irc_server *server_of(struct sn_instance *instance)
{
	return sn_container_of(instance, struct sn_irc_server, instance);
}

static struct sn_irc_client *client_of(struct sn_conn *conn)
{
	return sn_container_of(conn, struct sn_irc_client, conn);
}

/* --- away ----------------------------------------------------------------------------------- */

int sn_irc_freeze(struct sn_instance *instance, struct sn_strbuf *out)
{
	sn_pack_u64(out, (uint64_t)instance->started_wall);
	sn_chat_freeze(server_of(instance)->chat, out);
	return SN_OK;
}

static uint8_t flags_of(const struct sn_irc_client *client)
{
	return (client->negotiating ? NEGOTIATING : 0) | (client->cap302 ? CAP_302 : 0) |
		(client->ping_sent ? PING_SENT : 0) | (client->awaits_drain ? AWAITS_DRAIN : 0) |
		(client->framer.skipping ? SKIPPING : 0) |
		(client->framer.after_cr ? AFTER_CR : 0) |
		(sn_timer_armed(&client->throttle) ? THROTTLED : 0);
}

int sn_irc_conn_freeze(struct sn_conn *conn, struct sn_strbuf *out)
{
	const struct sn_irc_client *client = client_of(conn);

	if (client->state == SN_IRC_ENDING || client->sasl.mech != NULL)
		return SN_EBUSY;
	sn_pack_u8(out, (uint8_t)client->state);
	sn_pack_u8(out, flags_of(client));
	sn_pack_u32(out, client->caps);
	sn_pack_u32(out, (uint32_t)client->framer.scanned);
	sn_pack_str16(out, client->nick_wanted);
	sn_pack_str16(out, client->login);
	sn_pack_str16(out, client->real_name);
	sn_pack_u64(out, (uint64_t)client->flood_until);
	sn_pack_u64(out, (uint64_t)client->heard);
	sn_pack_u64(out, (uint64_t)client->timer.deadline);
	sn_pack_u64(out, (uint64_t)client->throttle.deadline);
	if (client->state == SN_IRC_REGISTERED)
		sn_chat_freeze_user(&client->user, out);
	return out->err;
}

/* --- and back ------------------------------------------------------------------------------- */

/* Every client that moved is here now. */
static void on_thawed(struct sn_task *task)
{
	sn_chat_thaw_end(sn_container_of(task, struct sn_irc_server, thawed)->chat);
}

int sn_irc_thaw(
	struct sn_instance *instance, uint32_t version, struct sn_reader *in, struct sn_diag *diag)
{
	struct sn_irc_server *server = server_of(instance);
	int code;

	if (version != SN_IRC_FREEZE_VERSION)
		return sn_diag_set(diag, SN_EVERSION, 0,
			"the state of the other process has version %u, this program knows %u",
			(unsigned)version, SN_IRC_FREEZE_VERSION);
	instance->started_wall = (int64_t)sn_read_u64(in);
	code = sn_chat_thaw(server->chat, in);
	server->thawed.fn = on_thawed;
	sn_loop_defer(instance->loop, &server->thawed);
	if (code != SN_OK)
		return sn_diag_set(diag, code, 0, "the state of the rooms is damaged");
	return SN_OK;
}

static struct sn_str read_own(struct sn_reader *in)
{
	const struct sn_str text = sn_read_str16(in);

	return text.n > 0 ? sn_str_n(sn_str_dup(text), text.n) : SN_STR_NULL;
}

static void apply_flags(struct sn_irc_client *client, uint8_t flags)
{
	client->negotiating = flags & NEGOTIATING;
	client->cap302 = flags & CAP_302;
	client->ping_sent = flags & PING_SENT;
	client->awaits_drain = flags & AWAITS_DRAIN;
	client->framer.skipping = flags & SKIPPING;
	client->framer.after_cr = flags & AFTER_CR;
}

static int come_back(struct sn_irc_client *client, struct sn_reader *in)
{
	struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_session *session = client->conn.session;
	int code;

	client->user.login = client->login;
	client->user.real_name = client->real_name;
	client->user.account = session != NULL ? session->account : SN_STR_NULL;
	code = sn_chat_thaw_user(server->chat, &client->user, in);
	if (code != SN_OK)
		return code;
	server->unregistered--;
	client->state = SN_IRC_REGISTERED;
	sn_metric_add(&server->instance.metrics, SN_IRC_USERS, 1);
	return SN_OK;
}

int sn_irc_conn_thaw(struct sn_conn *conn, uint32_t version, struct sn_reader *in)
{
	struct sn_irc_client *client = client_of(conn);
	const unsigned state = sn_read_u8(in);
	const uint8_t flags = sn_read_u8(in);
	int64_t timer, throttle;

	(void)version; /* sn_irc_thaw has looked at it */
	sn_irc_conn_begin(client);
	apply_flags(client, flags);
	client->caps = sn_read_u32(in);
	client->framer.scanned = sn_read_u32(in);
	client->nick_wanted = read_own(in);
	client->login = read_own(in);
	client->real_name = read_own(in);
	client->flood_until = (int64_t)sn_read_u64(in);
	client->heard = (int64_t)sn_read_u64(in);
	timer = (int64_t)sn_read_u64(in);
	throttle = (int64_t)sn_read_u64(in);
	if (in->err == SN_OK && client->framer.scanned > sn_conn_input(conn).n)
		sn_reader_fail(in, SN_EPROTO);
	if (in->err != SN_OK)
		return in->err;
	sn_irc_conn_set_timers(client, timer, flags & THROTTLED ? throttle : 0);
	return state == SN_IRC_REGISTERED ? come_back(client, in) : SN_OK;
}
