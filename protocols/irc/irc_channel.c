#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

#define REASON_MAX 390
#define TARGETS_MAX 20 /* of one JOIN, PART, NAMES, KICK; as ISUPPORT says */

bool sn_irc_room_name(struct sn_str channel, struct sn_str *name_r)
{
	if (channel.n < 2 || channel.p[0] != '#')
		return false;
	*name_r = sn_str_from(channel, 1);
	return true;
}

struct sn_chat_room *sn_irc_find_room(struct sn_irc_server *server, struct sn_str channel)
{
	struct sn_str name;

	return sn_irc_room_name(channel, &name) ? sn_chat_find_room(server->chat, name) : NULL;
}

static struct sn_str param(const struct sn_irc_message *m, size_t i)
{
	return i < m->param_count ? m->params[i] : SN_STR_NULL;
}

static struct sn_str reason_of(const struct sn_irc_message *m, size_t i)
{
	const struct sn_str text = param(m, i);

	return sn_str_n(text.p, sn_utf8_prefix(text, REASON_MAX));
}

/* Calls fn for each of a comma list, up to the limit. */
typedef void (*target_fn)(struct sn_irc_client *client, struct sn_str target, struct sn_str *arg);
static void each_target(
	struct sn_irc_client *client, struct sn_str list, target_fn fn, struct sn_str *arg)
{
	struct sn_str rest = list, target;
	size_t count = 0;

	while (sn_str_split(&rest, ',', &target)) {
		if (target.n == 0)
			continue;
		if (++count > TARGETS_MAX) {
			sn_irc_reply(client, ERR_TOOMANYTARGETS, SN_STR_ARG(target));
			return;
		}
		fn(client, target, arg);
	}
}

/* --- JOIN, PART ----------------------------------------------------------------------------- */

/* keys: what is left of the list of keys. */
static void join_one(struct sn_irc_client *client, struct sn_str channel, struct sn_str *keys)
{
	struct sn_chat_room *room;
	struct sn_str key = SN_STR_NULL, name;
	int code = SN_CHAT_ENOROOM;

	(void)sn_str_split(keys, ',', &key);
	if (sn_irc_room_name(channel, &name))
		code = sn_chat_join(&client->user, name, key, &room);
	if (code == SN_CHAT_EMEMBER)
		return;
	if (code != SN_OK) {
		sn_irc_refuse(client, code, channel);
		return;
	}
	sn_irc_send_topic(client, room, false);
	sn_irc_send_names(client, room);
}

static void part_all(struct sn_irc_client *client)
{
	while (!sn_list_empty(&client->user.members)) {
		struct sn_chat_member *member =
			sn_container_of(client->user.members.next, struct sn_chat_member, of_user);

		const int code = sn_chat_part(&client->user, member->room, SN_STR_NULL);

		sn_assert(code == SN_OK);
	}
}

int sn_irc_join(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_str keys = param(m, 1);

	if (sn_str_eq(m->params[0], SN_STR("0"))) {
		part_all(client);
		return SN_OK;
	}
	each_target(client, m->params[0], join_one, &keys);
	return SN_OK;
}

static void part_one(struct sn_irc_client *client, struct sn_str channel, struct sn_str *reason)
{
	struct sn_chat_room *room = sn_irc_find_room(sn_irc_server(client), channel);
	const int code =
		room != NULL ? sn_chat_part(&client->user, room, *reason) : SN_CHAT_ENOROOM;

	if (code != SN_OK)
		sn_irc_refuse(client, code, channel);
}

int sn_irc_part(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_str reason = reason_of(m, 1);

	each_target(client, m->params[0], part_one, &reason);
	return SN_OK;
}

/* --- TOPIC ---------------------------------------------------------------------------------- */

void sn_irc_send_topic(struct sn_irc_client *client, struct sn_chat_room *room, bool say_none)
{
	if (room->topic.n == 0) {
		if (say_none)
			sn_irc_reply(client, RPL_NOTOPIC, SN_STR_ARG(room->name));
		return;
	}
	sn_irc_reply(client, RPL_TOPIC, SN_STR_ARG(room->name), SN_STR_ARG(room->topic));
	sn_irc_reply(client, RPL_TOPICWHOTIME, SN_STR_ARG(room->name), SN_STR_ARG(room->topic_by),
		(long long)(room->topic_at / SN_SEC(1)));
}

int sn_irc_topic(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat_room *room = sn_irc_find_room(sn_irc_server(client), m->params[0]);
	int code;

	if (room == NULL || !sn_chat_room_visible(room, &client->user)) {
		sn_irc_refuse(client, SN_CHAT_ENOROOM, m->params[0]);
		return SN_OK;
	}
	if (m->param_count < 2) {
		sn_irc_send_topic(client, room, true);
		return SN_OK;
	}
	code = sn_chat_set_topic(&client->user, room, m->params[1]);
	if (code != SN_OK)
		sn_irc_refuse(client, code, m->params[0]);
	return SN_OK;
}

/* --- NAMES ---------------------------------------------------------------------------------- */

char sn_irc_rank_char(unsigned ranks)
{
	if (ranks & SN_RANK_OPERATOR)
		return '@';
	return (ranks & SN_RANK_VOICE) ? '+' : '\0';
}

const char *sn_irc_rank_prefix(const struct sn_irc_client *to, unsigned ranks)
{
	const bool both = (to->caps & SN_CAP_MULTI_PREFIX) && (ranks & SN_RANK_VOICE);

	if (ranks & SN_RANK_OPERATOR)
		return both ? "@+" : "@";
	return (ranks & SN_RANK_VOICE) ? "+" : "";
}

static void add_name(
	const struct sn_irc_client *to, const struct sn_chat_member *member, struct sn_strbuf *out)
{
	const struct sn_chat_user *user = member->user;

	sn_strbuf_adds(out, sn_irc_rank_prefix(to, member->ranks));
	sn_strbuf_add(out, user->name);
	if (to->caps & SN_CAP_USERHOST_IN_NAMES)
		sn_strbuf_addf(out, "!%.*s@%.*s", SN_STR_ARG(user->login), SN_STR_ARG(user->host));
}

/* Invisible people are named to those who share the room. */
static bool may_see(const struct sn_irc_client *client, const struct sn_chat_room *room,
	const struct sn_chat_user *user)
{
	return !user->invisible || sn_chat_member(room, &client->user) != NULL;
}

static void send_name_list(struct sn_irc_client *client, struct sn_chat_room *room)
{
	const char kind = (room->flags & SN_ROOM_SECRET) ? '@' : '=';
	/* ":server 353 nick = #room :" takes the rest of the line. */
	const size_t head = sn_irc_server(client)->name.n + client->user.name.n + room->name.n + 14;
	char text[SN_IRC_LINE_MAX], name[256];
	struct sn_strbuf line, one;
	struct sn_list *link;

	sn_strbuf_fixed(&line, text, sizeof(text));
	sn_list_each (link, &room->members) {
		struct sn_chat_member *member =
			sn_container_of(link, struct sn_chat_member, of_room);

		if (!may_see(client, room, member->user))
			continue;
		sn_strbuf_fixed(&one, name, sizeof(name));
		add_name(client, member, &one);
		if (line.n > 0 && head + line.n + 1 + one.n > SN_IRC_LINE_MAX) {
			sn_irc_reply(client, RPL_NAMREPLY, kind, SN_STR_ARG(room->name),
				SN_STR_ARG(sn_strbuf_str(&line)));
			sn_strbuf_reset(&line);
		}
		if (line.n > 0)
			sn_strbuf_addc(&line, ' ');
		sn_strbuf_add(&line, sn_strbuf_str(&one));
	}
	if (line.n > 0)
		sn_irc_reply(client, RPL_NAMREPLY, kind, SN_STR_ARG(room->name),
			SN_STR_ARG(sn_strbuf_str(&line)));
}

void sn_irc_send_names(struct sn_irc_client *client, struct sn_chat_room *room)
{
	char text[128];
	struct sn_strbuf channel;

	if (sn_chat_room_visible(room, &client->user))
		send_name_list(client, room);
	sn_strbuf_fixed(&channel, text, sizeof(text));
	sn_strbuf_addf(&channel, "#%.*s", SN_STR_ARG(room->name));
	sn_irc_reply(client, RPL_ENDOFNAMES, SN_STR_ARG(sn_strbuf_str(&channel)));
}

static void names_one(struct sn_irc_client *client, struct sn_str channel, struct sn_str *unused)
{
	struct sn_chat_room *room = sn_irc_find_room(sn_irc_server(client), channel);

	(void)unused;
	if (room != NULL)
		sn_irc_send_names(client, room);
	else
		sn_irc_reply(client, RPL_ENDOFNAMES, SN_STR_ARG(channel));
}

int sn_irc_names(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if (m->param_count == 0 || m->params[0].n == 0)
		sn_irc_reply(client, RPL_ENDOFNAMES, SN_STR_ARG(SN_STR("*")));
	else
		each_target(client, m->params[0], names_one, NULL);
	return SN_OK;
}

/* --- LIST ----------------------------------------------------------------------------------- */

/* One condition of LIST: ">5", "<100" (members), a mask, or a name. */
static bool matches(const struct sn_chat_room *room, struct sn_str condition)
{
	struct sn_str name;
	uint64_t count;

	if (condition.n > 1 && (condition.p[0] == '>' || condition.p[0] == '<')) {
		if (sn_parse_u64(sn_str_from(condition, 1), UINT32_MAX, &count) != SN_OK)
			return false;
		return condition.p[0] == '>' ? room->member_count > count
					     : room->member_count < count;
	}
	if (sn_irc_room_name(condition, &name))
		return sn_str_glob(name, room->name);
	return sn_str_glob(condition, room->name);
}

static bool matches_all(const struct sn_chat_room *room, struct sn_str conditions)
{
	struct sn_str rest = conditions, condition;
	bool any_name = false, named = false;

	while (sn_str_split(&rest, ',', &condition)) {
		const bool number =
			condition.n > 0 && (condition.p[0] == '>' || condition.p[0] == '<');

		if (condition.n == 0)
			continue;
		if (number && !matches(room, condition))
			return false;
		if (!number) {
			named = true;
			any_name = any_name || matches(room, condition);
		}
	}
	return !named || any_name;
}

int sn_irc_list(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat *chat = sn_irc_server(client)->chat;
	struct sn_chat_room *room = NULL;

	sn_irc_reply(client, RPL_LISTSTART);
	while ((room = sn_chat_next_room(chat, room)) != NULL) {
		if (!sn_chat_room_visible(room, &client->user) || !matches_all(room, param(m, 0)))
			continue;
		if (sn_conn_congested(&client->conn)) {
			sn_irc_reply(client, ERR_TOOMANYMATCHES, SN_STR_ARG(SN_STR("LIST")));
			break;
		}
		sn_irc_reply(client, RPL_LIST, SN_STR_ARG(room->name), room->member_count,
			SN_STR_ARG(room->topic));
	}
	sn_irc_reply(client, RPL_LISTEND);
	return SN_OK;
}

/* --- KICK, INVITE --------------------------------------------------------------------------- */

/* A channel for each nick, or one for all (RFC 2812 3.2.8): the last of the list stays. */
static struct sn_str next_channel(struct sn_str *list)
{
	const size_t comma = sn_str_find(*list, ',');
	const struct sn_str channel = sn_str_sub(*list, 0, comma);

	if (comma < list->n)
		*list = sn_str_from(*list, comma + 1);
	return channel;
}

/* arg: the channels left, then the reason. */
static void kick_one(struct sn_irc_client *client, struct sn_str nick, struct sn_str *arg)
{
	struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_str channel = next_channel(&arg[0]);
	struct sn_chat_room *room = sn_irc_find_room(server, channel);
	struct sn_chat_user *who = sn_chat_find_user(server->chat, nick);
	int code;

	if (room == NULL || who == NULL) {
		sn_irc_refuse(client, room == NULL ? SN_CHAT_ENOROOM : SN_CHAT_ENOUSER,
			room == NULL ? channel : nick);
		return;
	}
	code = sn_chat_kick(&client->user, room, who, arg[1]);
	if (code == SN_CHAT_ETHEYNOTMEMBER)
		sn_irc_reply(
			client, ERR_USERNOTINCHANNEL, SN_STR_ARG(nick), SN_STR_ARG(room->name));
	else if (code != SN_OK)
		sn_irc_refuse(client, code, channel);
}

int sn_irc_kick(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_str arg[2] = { m->params[0], reason_of(m, 2) };

	if (arg[1].n == 0)
		arg[1] = client->user.name;
	each_target(client, m->params[1], kick_one, arg);
	return SN_OK;
}

int sn_irc_invite(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_irc_server *server = sn_irc_server(client);
	struct sn_chat_user *who = sn_chat_find_user(server->chat, m->params[0]);
	struct sn_chat_room *room = sn_irc_find_room(server, m->params[1]);
	int code;

	if (who == NULL || room == NULL) {
		sn_irc_refuse(client, who == NULL ? SN_CHAT_ENOUSER : SN_CHAT_ENOROOM,
			m->params[who == NULL ? 0 : 1]);
		return SN_OK;
	}
	code = sn_chat_invite(&client->user, room, who);
	if (code == SN_CHAT_EMEMBER) {
		sn_irc_reply(
			client, ERR_USERONCHANNEL, SN_STR_ARG(who->name), SN_STR_ARG(room->name));
	} else if (code != SN_OK) {
		sn_irc_refuse(client, code, m->params[1]);
	} else {
		sn_irc_reply(client, RPL_INVITING, SN_STR_ARG(who->name), SN_STR_ARG(room->name));
		if (who->away.n > 0)
			sn_irc_reply(
				client, RPL_AWAY, SN_STR_ARG(who->name), SN_STR_ARG(who->away));
	}
	return SN_OK;
}
