/* Questions about the server: MOTD, LUSERS, VERSION, TIME, INFO, ADMIN, ISUPPORT. */
#include "protocols/irc/irc_private.h"

#define TOKENS_PER_LINE 13

/* A server named in a question must be this one. */
static bool is_here(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_irc_server *server = sn_irc_server(client);

	if (m == NULL || m->param_count == 0 || sn_str_glob(m->params[0], server->name) ||
		sn_str_eq_nocase(m->params[0], client->user.name))
		return true;
	sn_irc_reply(client, ERR_NOSUCHSERVER, SN_STR_ARG(m->params[0]));
	return false;
}

int sn_irc_motd(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_irc_server *server = sn_irc_server(client);

	if (!is_here(client, m))
		return SN_OK;
	if (server->motd_count == 0) {
		sn_irc_reply(client, ERR_NOMOTD);
		return SN_OK;
	}
	sn_irc_reply(client, RPL_MOTDSTART, SN_STR_ARG(server->name));
	for (size_t i = 0; i < server->motd_count; i++)
		sn_irc_reply(client, RPL_MOTD, SN_STR_ARG(server->motd[i]));
	sn_irc_reply(client, RPL_ENDOFMOTD);
	return SN_OK;
}

static size_t count_invisible(struct sn_chat *chat)
{
	struct sn_chat_user *user = NULL;
	size_t count = 0;

	while ((user = sn_chat_next_user(chat, user)) != NULL)
		count += user->invisible;
	return count;
}

int sn_irc_lusers(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_chat_stats stats = sn_chat_stats(server->chat);
	const size_t invisible = count_invisible(server->chat);

	(void)m;
	sn_irc_reply(client, RPL_LUSERCLIENT, stats.users - invisible, invisible);
	sn_irc_reply(client, RPL_LUSEROP);
	sn_irc_reply(client, RPL_LUSERUNKNOWN, server->unregistered);
	sn_irc_reply(client, RPL_LUSERCHANNELS, stats.rooms);
	sn_irc_reply(client, RPL_LUSERME, stats.users);
	sn_irc_reply(
		client, RPL_LOCALUSERS, stats.users, stats.users_max, stats.users, stats.users_max);
	sn_irc_reply(client, RPL_GLOBALUSERS, stats.users, stats.users_max, stats.users,
		stats.users_max);
	return SN_OK;
}

int sn_irc_version(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if (!is_here(client, m))
		return SN_OK;
	sn_irc_reply(client, RPL_VERSION, "sennit-" PACKAGE_VERSION,
		SN_STR_ARG(sn_irc_server(client)->name), "");
	sn_irc_send_isupport(client);
	return SN_OK;
}

int sn_irc_time(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	char text[40];
	struct sn_strbuf when;

	if (!is_here(client, m))
		return SN_OK;
	sn_strbuf_fixed(&when, text, sizeof(text));
	sn_format_time(&when, sn_loop_wall(client->conn.instance->loop), 0);
	sn_irc_reply(client, RPL_TIME, SN_STR_ARG(sn_irc_server(client)->name),
		SN_STR_ARG(sn_strbuf_str(&when)));
	return SN_OK;
}

int sn_irc_info(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if (!is_here(client, m))
		return SN_OK;
	sn_irc_reply(client, RPL_INFO, PACKAGE_STRING ", one daemon for a shelf of servers");
	sn_irc_reply(client, RPL_ENDOFINFO);
	return SN_OK;
}

int sn_irc_admin(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_irc_server *server = sn_irc_server(client);

	if (!is_here(client, m))
		return SN_OK;
	sn_irc_reply(client, RPL_ADMINME, SN_STR_ARG(server->name));
	sn_irc_reply(client, RPL_ADMINLOC1, SN_STR_ARG(server->conf->network));
	return SN_OK;
}

void sn_irc_send_isupport(struct sn_irc_client *client)
{
	const struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_chat_limits *limits = sn_chat_limits(server->chat);
	char text[1024];
	struct sn_strbuf all;
	struct sn_str rest, token;

	sn_strbuf_fixed(&all, text, sizeof(text));
	sn_strbuf_addf(&all,
		"AWAYLEN=%lld CASEMAPPING=ascii CHANLIMIT=#:%u CHANMODES=b,k,l,imnst "
		"CHANNELLEN=%u CHANTYPES=# ELIST=MU HOSTLEN=%d KICKLEN=390 MAXLIST=b:%u "
		"MAXTARGETS=4 MODES=12 NETWORK=%.*s NICKLEN=%u PREFIX=(ov)@+ STATUSMSG=@+ "
		"TARGMAX=JOIN:20,KICK:20,NAMES:20,NOTICE:4,PART:20,PRIVMSG:4,TAGMSG:4,WHOIS:20 "
		"TOPICLEN=%u USERLEN=10",
		(long long)server->conf->away_max, (unsigned)limits->rooms_per_user,
		(unsigned)limits->room_name_max + 1, SN_ADDR_TEXT_SIZE - 1,
		(unsigned)limits->list_max, SN_STR_ARG(server->conf->network),
		(unsigned)limits->name_max, (unsigned)limits->topic_max);
	rest = sn_strbuf_str(&all);
	while (rest.p != NULL && rest.n > 0) {
		const struct sn_str start = rest;
		size_t n = 0;

		for (int i = 0; i < TOKENS_PER_LINE && sn_str_split(&rest, ' ', &token); i++)
			n = (size_t)(token.p + token.n - start.p);
		sn_irc_reply(client, RPL_ISUPPORT, SN_STR_ARG(sn_str_sub(start, 0, n)));
	}
}
