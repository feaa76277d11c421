#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

#define TARGETS_MAX 4 /* of one message, as ISUPPORT says */

static struct sn_str param(const struct sn_irc_message *m, size_t i)
{
	return i < m->param_count ? m->params[i] : SN_STR_NULL;
}

/* "@#room": only to those of at least this rank. */
static struct sn_str strip_rank(struct sn_str target, unsigned *min_rank_r)
{
	*min_rank_r = 0;
	if (target.n < 2 || target.p[1] != '#')
		return target;
	if (target.p[0] == '@')
		*min_rank_r = SN_RANK_OPERATOR;
	else if (target.p[0] == '+')
		*min_rank_r = SN_RANK_VOICE;
	else
		return target;
	return sn_str_from(target, 1);
}

static int say(struct sn_irc_client *client, struct sn_str target, struct sn_chat_message *message)
{
	const struct sn_str channel = strip_rank(target, &message->min_rank);
	struct sn_chat_room *room = sn_irc_find_room(sn_irc_server(client), channel);

	if (room == NULL)
		return SN_CHAT_ENOUSER;
	return sn_chat_say(&client->user, room, message);
}

static int tell(struct sn_irc_client *client, struct sn_str target, struct sn_chat_message *message)
{
	struct sn_chat_user *to = sn_chat_find_user(sn_irc_server(client)->chat, target);
	int code;

	if (to == NULL)
		return SN_CHAT_ENOUSER;
	code = sn_chat_tell(&client->user, to, message);
	if (code == SN_OK && message->kind == SN_CHAT_MESSAGE && to->away.n > 0)
		sn_irc_reply(client, RPL_AWAY, SN_STR_ARG(to->name), SN_STR_ARG(to->away));
	return code;
}

static void send_one(
	struct sn_irc_client *client, struct sn_str target, struct sn_chat_message *message)
{
	unsigned rank;
	const struct sn_str bare = strip_rank(target, &rank);
	const bool channel = bare.n > 0 && bare.p[0] == '#';
	const int code = channel ? say(client, target, message) : tell(client, target, message);

	if (code == SN_OK)
		sn_metric_add(&client->conn.instance->metrics, SN_IRC_MESSAGES, 1);
	/* Notices are never answered by an error: two robots could go on for ever. */
	else if (message->kind == SN_CHAT_MESSAGE)
		sn_irc_refuse(client, code == SN_CHAT_ENOUSER && channel ? SN_CHAT_ENOROOM : code,
			target);
}

static void send_all(
	struct sn_irc_client *client, struct sn_str targets, struct sn_chat_message *message)
{
	struct sn_str rest = targets, target;
	size_t count = 0;

	while (sn_str_split(&rest, ',', &target)) {
		if (target.n == 0)
			continue;
		if (++count > TARGETS_MAX) {
			if (message->kind == SN_CHAT_MESSAGE)
				sn_irc_reply(client, ERR_TOOMANYTARGETS, SN_STR_ARG(target));
			return;
		}
		send_one(client, target, message);
	}
}

static void with_tags(struct sn_irc_client *client, const struct sn_irc_message *m,
	struct sn_chat_message *message)
{
	char text[SN_IRC_TAGS_MAX + 1];
	struct sn_strbuf tags;

	sn_strbuf_fixed(&tags, text, sizeof(text));
	if ((client->caps & SN_CAP_MESSAGE_TAGS) && m->tags.n > 0)
		sn_irc_client_tags(m->tags, &tags);
	message->client_tags = sn_strbuf_str(&tags);
	if (message->kind != SN_CHAT_TAGS_ONLY || tags.n > 0)
		send_all(client, m->params[0], message);
}

int sn_irc_privmsg(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat_message message = { .kind = SN_CHAT_MESSAGE, .text = param(m, 1) };

	if (param(m, 0).n == 0)
		sn_irc_reply(client, ERR_NORECIPIENT, SN_STR_ARG(m->command));
	else if (message.text.n == 0)
		sn_irc_reply(client, ERR_NOTEXTTOSEND);
	else
		with_tags(client, m, &message);
	return SN_OK;
}

int sn_irc_notice(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat_message message = { .kind = SN_CHAT_NOTICE, .text = param(m, 1) };

	if (param(m, 0).n > 0 && message.text.n > 0)
		with_tags(client, m, &message);
	return SN_OK;
}

int sn_irc_tagmsg(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat_message message = { .kind = SN_CHAT_TAGS_ONLY };

	with_tags(client, m, &message);
	return SN_OK;
}

int sn_irc_away(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_str text = param(m, 0);
	const size_t max = (size_t)sn_irc_server(client)->conf->away_max;

	sn_chat_set_away(&client->user, sn_str_n(text.p, sn_utf8_prefix(text, max)));
	if (text.n > 0)
		sn_irc_reply(client, RPL_NOWAWAY);
	else
		sn_irc_reply(client, RPL_UNAWAY);
	return SN_OK;
}
