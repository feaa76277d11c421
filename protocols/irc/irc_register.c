#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

#define LOGIN_MAX 10 /* with its '~'; as ISUPPORT says */
#define REAL_NAME_MAX 150
#define QUIT_MAX 300

static void replace(struct sn_str *slot, struct sn_str value)
{
	char *copy = sn_str_dup(value);

	sn_free((char *)(uintptr_t)slot->p);
	*slot = sn_str_n(copy, value.n);
}

static void welcome(struct sn_irc_client *client)
{
	struct sn_irc_server *server = sn_irc_server(client);
	char text[40];
	struct sn_strbuf when;

	sn_strbuf_fixed(&when, text, sizeof(text));
	sn_format_time(&when, server->instance.started_wall, 0);
	sn_irc_reply(client, RPL_WELCOME, SN_STR_ARG(server->conf->network),
		SN_STR_ARG(client->user.name));
	sn_irc_reply(client, RPL_YOURHOST, SN_STR_ARG(server->name), PACKAGE_VERSION);
	sn_irc_reply(client, RPL_CREATED, SN_STR_ARG(sn_strbuf_str(&when)));
	sn_irc_reply(client, RPL_MYINFO, SN_STR_ARG(server->name), PACKAGE_VERSION, "io",
		"biklmnostv", "bklov");
	sn_irc_send_isupport(client);
	(void)sn_irc_lusers(client, NULL);
	(void)sn_irc_motd(client, NULL);
	if (sn_irc_is_operator(&client->user))
		sn_conn_printf(&client->conn, ":%.*s MODE %.*s :+o\r\n",
			SN_STR_ARG(client->user.name), SN_STR_ARG(client->user.name));
}

/* The account's nick may be shown to nobody who is not let in. */
static bool must_log_in(const struct sn_irc_client *client)
{
	const struct sn_irc_server *server = sn_irc_server(client);

	return client->conn.session == NULL && !server->conf->open && !server->instance.guests &&
		sn_portal_kinds(server->instance.portal) != 0;
}

int sn_irc_try_register(struct sn_irc_client *client)
{
	struct sn_irc_server *server = sn_irc_server(client);
	int code;

	if (client->state != SN_IRC_UNREGISTERED || client->negotiating ||
		client->nick_wanted.n == 0 || client->login.n == 0 || client->sasl.mech != NULL)
		return SN_OK;
	if (must_log_in(client))
		return sn_irc_end(client,
			"You must log in with SASL before you connect (account and password)");
	client->user.login = client->login;
	client->user.real_name = client->real_name;
	client->user.account =
		client->conn.session != NULL ? client->conn.session->account : SN_STR_NULL;
	code = sn_chat_enter(server->chat, &client->user, client->nick_wanted);
	if (code != SN_OK) {
		sn_irc_reply(client, ERR_NICKNAMEINUSE, SN_STR_ARG(client->nick_wanted));
		replace(&client->nick_wanted, SN_STR_NULL);
		return SN_OK;
	}
	server->unregistered--;
	client->state = SN_IRC_REGISTERED;
	sn_metric_add(&server->instance.metrics, SN_IRC_USERS, 1);
	sn_timer_set(client->conn.instance->loop, &client->timer, server->conf->ping_interval,
		client->timer.fn);
	sn_conn_log(&client->conn, SN_LOG_INFO, "client-registered",
		sn_f_str("nick", client->user.name), sn_f_str("account", client->user.account));
	welcome(client);
	return SN_OK;
}

int sn_irc_nick(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	struct sn_irc_server *server = sn_irc_server(client);
	const struct sn_str nick = m->param_count > 0 ? m->params[0] : SN_STR_NULL;
	struct sn_chat_user *holder = sn_chat_find_user(server->chat, nick);

	if (nick.n == 0) {
		sn_irc_reply(client, ERR_NONICKNAMEGIVEN);
		return SN_OK;
	}
	if (!sn_chat_name_valid(server->chat, nick)) {
		sn_irc_reply(client, ERR_ERRONEUSNICKNAME, SN_STR_ARG(nick));
		return SN_OK;
	}
	if (holder != NULL && holder != &client->user) {
		sn_irc_reply(client, ERR_NICKNAMEINUSE, SN_STR_ARG(nick));
		return SN_OK;
	}
	if (client->state == SN_IRC_REGISTERED) {
		const int code = sn_chat_rename(&client->user, nick);

		/* The very name it has: nothing to say. */
		if (code != SN_OK && code != SN_CHAT_EEXISTS)
			sn_irc_refuse(client, code, nick);
		return SN_OK;
	}
	replace(&client->nick_wanted, nick);
	return sn_irc_try_register(client);
}

/* What may stand between '!' and '@'; the rest becomes '_'. '~' says that nobody vouches for it. */
static void set_login(struct sn_irc_client *client, struct sn_str given)
{
	char text[LOGIN_MAX] = "~";
	size_t n = 1;

	for (size_t i = 0; i < given.n && n < sizeof(text); i++) {
		const char c = given.p[i];
		const bool plain =
			sn_ascii_alpha(c) || sn_ascii_digit(c) || c == '-' || c == '.' || c == '_';

		text[n++] = plain ? c : '_';
	}
	replace(&client->login, sn_str_n(text, n));
}

int sn_irc_user(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	const struct sn_str real = m->params[3];

	if (client->state == SN_IRC_REGISTERED || client->login.n > 0) {
		sn_irc_reply(client, ERR_ALREADYREGISTERED);
		return SN_OK;
	}
	if (m->params[0].n == 0 || real.n == 0) {
		sn_irc_reply(client, ERR_NEEDMOREPARAMS, SN_STR_ARG(m->command));
		return SN_OK;
	}
	set_login(client, m->params[0]);
	replace(&client->real_name, sn_str_n(real.p, sn_utf8_prefix(real, REAL_NAME_MAX)));
	return sn_irc_try_register(client);
}

/* Accepted and not looked at: passwords go through SASL. */
int sn_irc_pass(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	(void)m;
	if (client->state == SN_IRC_REGISTERED)
		sn_irc_reply(client, ERR_ALREADYREGISTERED);
	return SN_OK;
}

int sn_irc_quit(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	char text[QUIT_MAX + 8];
	struct sn_strbuf reason;
	const struct sn_str given = m->param_count > 0 ? m->params[0] : SN_STR_NULL;

	sn_strbuf_fixed(&reason, text, sizeof(text));
	sn_strbuf_adds(&reason, "Quit: ");
	sn_strbuf_add(&reason, sn_str_n(given.p, sn_utf8_prefix(given, QUIT_MAX)));
	sn_irc_set_quit_reason(
		client, given.n > 0 ? sn_strbuf_str(&reason) : SN_STR("Client quit"));
	return sn_irc_end(client, "%s", client->quit_reason);
}

int sn_irc_ping(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if (m->param_count == 0 || m->params[0].n == 0) {
		sn_irc_reply(client, ERR_NOORIGIN);
		return SN_OK;
	}
	sn_irc_send(client, "PONG %.*s :%.*s", SN_STR_ARG(sn_irc_server(client)->name),
		SN_STR_ARG(m->params[0]));
	return SN_OK;
}

/* Any line counts as a sign of life; conn.c noted it. */
int sn_irc_pong(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	(void)client;
	(void)m;
	return SN_OK;
}
