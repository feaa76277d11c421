#include "protocols/irc/irc_private.h"

/* Room for any numeric around its arguments; what is longer is cut at a character's end. */
#define REPLY_MAX 1024

struct sn_str sn_irc_nick_of(const struct sn_irc_client *client)
{
	if (client->user.chat != NULL)
		return client->user.name;
	return client->nick_wanted.n > 0 ? client->nick_wanted : SN_STR("*");
}

/* A line leaves with at most 512 bytes, and in one piece: no CR or LF of a peer's gets in. */
static void send_line(struct sn_irc_client *client, struct sn_strbuf *line)
{
	for (size_t i = 0; i < line->n; i++) {
		if (line->p[i] == '\r' || line->p[i] == '\n' || line->p[i] == '\0')
			line->p[i] = ' ';
	}
	sn_strbuf_truncate(line, sn_irc_fit(sn_strbuf_str(line)));
	sn_conn_write(&client->conn, sn_strbuf_str(line));
	sn_conn_write(&client->conn, SN_STR("\r\n"));
}

void sn_irc_reply_format(
	struct sn_irc_client *client, enum sn_irc_numeric numeric, const char *fmt, ...)
{
	char text[REPLY_MAX];
	struct sn_strbuf line;
	va_list args;

	sn_strbuf_fixed(&line, text, sizeof(text));
	sn_strbuf_addf(&line, ":%.*s %03d %.*s ", SN_STR_ARG(sn_irc_server(client)->name),
		(int)numeric, SN_STR_ARG(sn_irc_nick_of(client)));
	va_start(args, fmt);
	sn_strbuf_addv(&line, fmt, args);
	va_end(args);
	send_line(client, &line);
}

void sn_irc_send(struct sn_irc_client *client, const char *fmt, ...)
{
	char text[REPLY_MAX];
	struct sn_strbuf line;
	va_list args;

	sn_strbuf_fixed(&line, text, sizeof(text));
	sn_strbuf_addf(&line, ":%.*s ", SN_STR_ARG(sn_irc_server(client)->name));
	va_start(args, fmt);
	sn_strbuf_addv(&line, fmt, args);
	va_end(args);
	send_line(client, &line);
}

void sn_irc_refuse(struct sn_irc_client *client, int code, struct sn_str name)
{
	switch (code) {
#define REFUSAL(error, numeric) \
	case error: \
		sn_irc_reply(client, numeric, SN_STR_ARG(name)); \
		return;
		REFUSAL(SN_CHAT_ENOROOM, ERR_NOSUCHCHANNEL)
		REFUSAL(SN_CHAT_ENAME, ERR_BADCHANMASK)
		REFUSAL(SN_CHAT_ENOUSER, ERR_NOSUCHNICK)
		REFUSAL(SN_CHAT_ENOTMEMBER, ERR_NOTONCHANNEL)
		REFUSAL(SN_CHAT_EBANNED, ERR_BANNEDFROMCHAN)
		REFUSAL(SN_CHAT_EINVITEONLY, ERR_INVITEONLYCHAN)
		REFUSAL(SN_CHAT_EKEY, ERR_BADCHANNELKEY)
		REFUSAL(SN_CHAT_EFULL, ERR_CHANNELISFULL)
		REFUSAL(SN_CHAT_ETOOMANY, ERR_TOOMANYCHANNELS)
		REFUSAL(SN_CHAT_ECANNOTSEND, ERR_CANNOTSENDTOCHAN)
		REFUSAL(SN_CHAT_ENOTOP, ERR_CHANOPRIVSNEEDED)
#undef REFUSAL
	default:
		sn_irc_reply(client, ERR_UNKNOWNERROR, SN_STR_ARG(name), sn_chat_strerror(code));
	}
}
