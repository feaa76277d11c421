/* Questions about people: WHO, WHOIS, WHOWAS, USERHOST, ISON. */
#include "protocols/irc/irc_private.h"

#define NICKS_MAX 20

static bool is_secure(const struct sn_chat_user *user)
{
	return user->front == &sn_irc_front &&
		sn_conn_tls(&sn_irc_of_user((struct sn_chat_user *)(uintptr_t)user)->conn) != NULL;
}

/* --- WHO ------------------------------------------------------------------------------------ */

static void who_line(struct sn_irc_client *client, struct sn_chat_user *user,
	const struct sn_chat_member *member)
{
	const struct sn_str room = member != NULL ? member->room->name : SN_STR("*");
	char flags[8];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, flags, sizeof(flags));
	sn_strbuf_addc(&b, user->away.n > 0 ? 'G' : 'H');
	if (sn_irc_is_operator(user))
		sn_strbuf_addc(&b, '*');
	if (member != NULL)
		sn_strbuf_adds(&b, sn_irc_rank_prefix(client, member->ranks));
	sn_irc_reply(client, RPL_WHOREPLY, member != NULL ? "#" : "", SN_STR_ARG(room),
		SN_STR_ARG(user->login), SN_STR_ARG(user->host),
		SN_STR_ARG(sn_irc_server(client)->name), SN_STR_ARG(user->name), flags,
		SN_STR_ARG(user->real_name));
}

static bool too_much(struct sn_irc_client *client)
{
	if (!sn_conn_congested(&client->conn))
		return false;
	sn_irc_reply(client, ERR_TOOMANYMATCHES, SN_STR_ARG(SN_STR("WHO")));
	return true;
}

static void who_room(struct sn_irc_client *client, const struct sn_chat_room *room)
{
	const bool member = sn_chat_member(room, &client->user) != NULL;
	const struct sn_list *link;

	sn_list_each (link, &room->members) {
		const struct sn_chat_member *one =
			sn_container_of(link, const struct sn_chat_member, of_room);

		if (!member && one->user->invisible)
			continue;
		if (too_much(client))
			return;
		who_line(client, one->user, one);
	}
}

static bool visible(const struct sn_irc_client *client, const struct sn_chat_user *user)
{
	return user == &client->user || !user->invisible || sn_chat_acquainted(user, &client->user);
}

static void who_mask(struct sn_irc_client *client, struct sn_str mask)
{
	struct sn_chat_user *user = NULL;

	while ((user = sn_chat_next_user(sn_irc_server(client)->chat, user)) != NULL) {
		if (!sn_str_glob(mask, user->name) && !sn_str_glob(mask, user->host) &&
			!sn_str_glob(mask, user->login) && !sn_str_glob(mask, user->real_name))
			continue;
		if (!visible(client, user))
			continue;
		if (too_much(client))
			return;
		who_line(client, user, NULL);
	}
}

static void who_operators(struct sn_irc_client *client)
{
	struct sn_chat_user *user = NULL;

	while ((user = sn_chat_next_user(sn_irc_server(client)->chat, user)) != NULL) {
		if (!sn_irc_is_operator(user) || !visible(client, user))
			continue;
		if (too_much(client))
			return;
		who_line(client, user, NULL);
	}
}

int sn_irc_who(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_str mask =
		m->param_count > 0 && m->params[0].n > 0 && !sn_str_eq(m->params[0], SN_STR("0"))
		? m->params[0]
		: SN_STR("*");
	struct sn_chat_room *room = sn_irc_find_room(server, mask);
	struct sn_chat_user *user = sn_chat_find_user(server->chat, mask);
	const bool operators = m->param_count > 1 && sn_str_eq(m->params[1], SN_STR("o"));

	if (operators) {
		who_operators(client);
	} else if (room != NULL) {
		if (sn_chat_room_visible(room, &client->user))
			who_room(client, room);
	} else if (user != NULL) {
		/* Asked for by name: shown also when invisible. */
		who_line(client, user, NULL);
	} else if (mask.p[0] != '#') {
		who_mask(client, mask);
	}
	sn_irc_reply(client, RPL_ENDOFWHO, SN_STR_ARG(mask));
	return SN_OK;
}

/* --- WHOIS ---------------------------------------------------------------------------------- */

static void send_channels(struct sn_irc_client *client, struct sn_chat_user *user)
{
	char text[SN_IRC_LINE_MAX - 100];
	struct sn_strbuf line;
	struct sn_list *link;

	sn_strbuf_fixed(&line, text, sizeof(text));
	sn_list_each (link, &user->members) {
		struct sn_chat_member *member =
			sn_container_of(link, struct sn_chat_member, of_user);
		const struct sn_chat_room *room = member->room;

		if (!sn_chat_room_visible(room, &client->user) ||
			(user->invisible && user != &client->user &&
				sn_chat_member(room, &client->user) == NULL))
			continue;
		if (line.n + room->name.n + 5 > sizeof(text)) {
			sn_irc_reply(client, RPL_WHOISCHANNELS, SN_STR_ARG(user->name),
				SN_STR_ARG(sn_strbuf_str(&line)));
			sn_strbuf_reset(&line);
		}
		sn_strbuf_addf(&line, "%s%s#%.*s", line.n > 0 ? " " : "",
			sn_irc_rank_prefix(client, member->ranks), SN_STR_ARG(room->name));
	}
	if (line.n > 0)
		sn_irc_reply(client, RPL_WHOISCHANNELS, SN_STR_ARG(user->name),
			SN_STR_ARG(sn_strbuf_str(&line)));
}

static void whois_user(struct sn_irc_client *client, struct sn_chat_user *user)
{
	struct sn_irc_server *server = sn_irc_server(client);
	const int64_t wall = sn_loop_wall(client->conn.instance->loop);

	sn_irc_reply(client, RPL_WHOISUSER, SN_STR_ARG(user->name), SN_STR_ARG(user->login),
		SN_STR_ARG(user->host), SN_STR_ARG(user->real_name));
	send_channels(client, user);
	sn_irc_reply(client, RPL_WHOISSERVER, SN_STR_ARG(user->name), SN_STR_ARG(server->name),
		SN_STR_ARG(server->conf->network));
	if (sn_irc_is_operator(user))
		sn_irc_reply(client, RPL_WHOISOPERATOR, SN_STR_ARG(user->name));
	if (user->away.n > 0)
		sn_irc_reply(client, RPL_AWAY, SN_STR_ARG(user->name), SN_STR_ARG(user->away));
	if (user->account.n > 0)
		sn_irc_reply(client, RPL_WHOISACCOUNT, SN_STR_ARG(user->name),
			SN_STR_ARG(user->account));
	if (is_secure(user))
		sn_irc_reply(client, RPL_WHOISSECURE, SN_STR_ARG(user->name));
	sn_irc_reply(client, RPL_WHOISIDLE, SN_STR_ARG(user->name),
		(long long)((wall > user->active ? wall - user->active : 0) / SN_SEC(1)),
		(long long)(user->since / SN_SEC(1)));
}

/* WHOIS [SERVER] NICK[,NICK...] */
int sn_irc_whois(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_chat *chat = sn_irc_server(client)->chat;
	struct sn_str rest, nick;
	size_t count = 0;

	if (m->param_count == 0 || m->params[0].n == 0) {
		sn_irc_reply(client, ERR_NONICKNAMEGIVEN);
		return SN_OK;
	}
	rest = m->params[m->param_count > 1 ? 1 : 0];
	while (sn_str_split(&rest, ',', &nick) && count < NICKS_MAX) {
		struct sn_chat_user *user = sn_chat_find_user(chat, nick);

		if (nick.n == 0)
			continue;
		count++;
		if (user != NULL)
			whois_user(client, user);
		else
			sn_irc_reply(client, ERR_NOSUCHNICK, SN_STR_ARG(nick));
		sn_irc_reply(client, RPL_ENDOFWHOIS, SN_STR_ARG(nick));
	}
	return SN_OK;
}

/* Nothing is kept of those who have left: the honest answer. */
int sn_irc_whowas(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if (m->param_count == 0 || m->params[0].n == 0) {
		sn_irc_reply(client, ERR_NONICKNAMEGIVEN);
		return SN_OK;
	}
	sn_irc_reply(client, ERR_WASNOSUCHNICK, SN_STR_ARG(m->params[0]));
	sn_irc_reply(client, RPL_ENDOFWHOWAS, SN_STR_ARG(m->params[0]));
	return SN_OK;
}

/* --- USERHOST, ISON ------------------------------------------------------------------------- */

/* One more word if it fits whole. */
static void add_word(struct sn_strbuf *line, struct sn_str word)
{
	if (line->n + 1 + word.n > line->max)
		return;
	if (line->n > 0)
		sn_strbuf_addc(line, ' ');
	sn_strbuf_add(line, word);
}

static void add_userhost(struct sn_strbuf *line, const struct sn_chat_user *user)
{
	char text[256];
	struct sn_strbuf word;

	sn_strbuf_fixed(&word, text, sizeof(text));
	sn_strbuf_addf(&word, "%.*s=%c%.*s@%.*s", SN_STR_ARG(user->name),
		user->away.n > 0 ? '-' : '+', SN_STR_ARG(user->login), SN_STR_ARG(user->host));
	add_word(line, sn_strbuf_str(&word));
}

int sn_irc_userhost(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	char text[SN_IRC_LINE_MAX - 100];
	struct sn_strbuf line;

	sn_strbuf_fixed(&line, text, sizeof(text));
	for (size_t i = 0; i < m->param_count && i < 5; i++) {
		struct sn_chat_user *user =
			sn_chat_find_user(sn_irc_server(client)->chat, m->params[i]);

		if (user != NULL)
			add_userhost(&line, user);
	}
	sn_irc_reply(client, RPL_USERHOST, SN_STR_ARG(sn_strbuf_str(&line)));
	return SN_OK;
}

int sn_irc_ison(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	char text[SN_IRC_LINE_MAX - 100];
	struct sn_strbuf line;

	sn_strbuf_fixed(&line, text, sizeof(text));
	for (size_t i = 0; i < m->param_count; i++) {
		struct sn_str rest = m->params[i], nick;

		while (sn_str_split(&rest, ' ', &nick)) {
			struct sn_chat_user *user =
				sn_chat_find_user(sn_irc_server(client)->chat, nick);

			if (user != NULL)
				add_word(&line, user->name);
		}
	}
	sn_irc_reply(client, RPL_ISON, SN_STR_ARG(sn_strbuf_str(&line)));
	return SN_OK;
}
