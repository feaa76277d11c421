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
	sn_strbuf_truncate(line, line->n > SN_IRC_LINE_MAX ? SN_IRC_LINE_MAX : line->n);
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
	static const struct {
		int code;
		enum sn_irc_numeric numeric;
		const char *text;
	} rows[] = {
		{ SN_CHAT_ENOROOM, SN_ERR_NOSUCHCHANNEL, "No such channel" },
		{ SN_CHAT_ENAME, SN_ERR_BADCHANMASK, "Bad channel name" },
		{ SN_CHAT_ENOUSER, SN_ERR_NOSUCHNICK, "No such nick or channel" },
		{ SN_CHAT_ENOTMEMBER, SN_ERR_NOTONCHANNEL, "You're not on that channel" },
		{ SN_CHAT_EBANNED, SN_ERR_BANNEDFROMCHAN, "Cannot join channel (+b)" },
		{ SN_CHAT_EINVITEONLY, SN_ERR_INVITEONLYCHAN, "Cannot join channel (+i)" },
		{ SN_CHAT_EKEY, SN_ERR_BADCHANNELKEY, "Cannot join channel (+k)" },
		{ SN_CHAT_EFULL, SN_ERR_CHANNELISFULL, "Cannot join channel (+l)" },
		{ SN_CHAT_ETOOMANY, SN_ERR_TOOMANYCHANNELS, "You have joined too many channels" },
		{ SN_CHAT_ECANNOTSEND, SN_ERR_CANNOTSENDTOCHAN, "Cannot send to channel" },
		{ SN_CHAT_ENOTOP, SN_ERR_CHANOPRIVSNEEDED, "You're not channel operator" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != code)
			continue;
		sn_irc_reply_format(
			client, rows[i].numeric, "%.*s :%s", SN_STR_ARG(name), rows[i].text);
		return;
	}
	sn_irc_reply(client, ERR_UNKNOWNERROR, SN_STR_ARG(name), sn_chat_strerror(code));
}
