/* AUTHENTICATE: https://ircv3.net/specs/extensions/sasl-3.2. Input stops while a password is
 * being looked at, so replies keep their order. */
#include "daemon/base/text.h"
#include "protocols/irc/irc_private.h"

#define CHUNK 400 /* a full one says that more follows */

void sn_irc_sasl_init(struct sn_irc_client *client)
{
	client->sasl.stream = client->conn.user.stream;
	client->sasl.peer = sn_conn_peer(&client->conn);
	client->sasl.service = client->conn.instance->service->name;
	client->sasl.secure = sn_conn_tls(&client->conn) != NULL ||
		sn_addr_is_loopback(client->sasl.peer) ||
		sn_irc_server(client)->conf->insecure_auth;
	client->sasl.separate_success = true;
	sn_strbuf_init(&client->sasl_input, SN_IRC_SASL_MAX);
}

bool sn_irc_is_operator(const struct sn_chat_user *user)
{
	const struct sn_session *session = user->front == &sn_irc_front
		? sn_irc_of_user((struct sn_chat_user *)(uintptr_t)user)->conn.session
		: NULL;

	return session != NULL && sn_session_has_role(session, SN_STR("operator"));
}

void sn_irc_sasl_end(struct sn_irc_client *client)
{
	sn_sasl_abort(&client->sasl);
	if (client->sasl_input.p != NULL)
		sn_wipe(client->sasl_input.p, client->sasl_input.n);
	sn_strbuf_reset(&client->sasl_input);
}

static void logged_in(struct sn_irc_client *client)
{
	struct sn_conn *conn = &client->conn;

	sn_conn_set_session(conn, sn_sasl_session(&client->sasl));
	sn_metric_add(&conn->instance->metrics, SN_IRC_LOGINS, 1);
	sn_conn_log(conn, SN_LOG_INFO, "logged-in", sn_f_str("account", conn->session->account),
		sn_f_cstr("checker", conn->session->checker));
	/* Nobody in particular has no name to be told. */
	if (conn->session->account.n > 0)
		sn_irc_reply(client, RPL_LOGGEDIN, SN_STR_ARG(sn_irc_nick_of(client)),
			SN_STR_ARG(client->login.n > 0 ? client->login : SN_STR("*")),
			SN_STR_ARG(client->user.host), SN_STR_ARG(conn->session->account),
			SN_STR_ARG(conn->session->account));
	sn_irc_reply(client, RPL_SASLSUCCESS);
	if (client->state == SN_IRC_REGISTERED)
		sn_chat_set_account(&client->user, conn->session->account);
}

static int finish(struct sn_irc_client *client, int code)
{
	if (code == SN_OK) {
		logged_in(client);
	} else {
		sn_metric_add(&client->conn.instance->metrics, SN_IRC_LOGIN_FAILURES, 1);
		sn_conn_log(&client->conn, SN_LOG_INFO, "login-refused", sn_f_err(code));
		sn_irc_reply(client, ERR_SASLFAIL,
			code == SN_EBUSY ? ": too busy, try again in a moment" : "");
	}
	sn_irc_sasl_end(client);
	return sn_irc_try_register(client);
}

/* In pieces as the client's own; a full one says that more follows. */
static void send_challenge(struct sn_irc_client *client, struct sn_str challenge)
{
	struct sn_strbuf encoded;
	struct sn_str rest;

	sn_strbuf_init(&encoded, SN_IRC_SASL_MAX);
	sn_base64_encode(&encoded, challenge);
	rest = sn_strbuf_str(&encoded);
	while (rest.n >= CHUNK) {
		sn_conn_printf(&client->conn, "AUTHENTICATE %.*s\r\n", CHUNK, rest.p);
		rest = sn_str_from(rest, CHUNK);
	}
	sn_conn_printf(&client->conn, "AUTHENTICATE %.*s\r\n",
		SN_STR_ARG(rest.n > 0 ? rest : SN_STR("+")));
	sn_strbuf_fini(&encoded);
}

static void on_done(struct sn_sasl *sasl, int code)
{
	struct sn_irc_client *client = sn_container_of(sasl, struct sn_irc_client, sasl);

	if (code == SN_AGAIN)
		send_challenge(client, sn_sasl_challenge(sasl));
	else
		(void)finish(client, code);
	sn_conn_resume(&client->conn);
}

static int step(struct sn_irc_client *client, struct sn_str response)
{
	struct sn_strbuf challenge;
	int code;

	sn_strbuf_init(&challenge, SN_IRC_SASL_MAX / 2);
	code = sn_sasl_step(&client->sasl, response, &challenge);
	if (code == SN_AGAIN)
		send_challenge(client, sn_strbuf_str(&challenge));
	sn_strbuf_fini(&challenge);
	if (code == SN_AGAIN || code == SN_PENDING)
		return code == SN_PENDING ? SN_PENDING : SN_OK;
	return finish(client, code);
}

static int start(struct sn_irc_client *client, struct sn_str mech)
{
	char text[160];
	struct sn_strbuf names;
	const struct sn_sasl_mech *row;
	int code;

	code = sn_sasl_start(&client->sasl, client->conn.instance->portal, mech, on_done);
	if (code == SN_OK)
		return step(client, SN_STR_NULL);
	sn_strbuf_fixed(&names, text, sizeof(text));
	for (size_t i = 0;
		(row = sn_sasl_mech_at(&client->sasl, client->conn.instance->portal, i)) != NULL;
		i++)
		sn_strbuf_addf(&names, "%s%s", i > 0 ? "," : "", row->name);
	sn_irc_reply(client, RPL_SASLMECHS, SN_STR_ARG(sn_strbuf_str(&names)));
	sn_irc_reply(client, ERR_SASLFAIL, "");
	return SN_OK;
}

static int respond(struct sn_irc_client *client)
{
	char raw[SN_IRC_SASL_MAX];
	size_t n;
	int code = sn_base64_decode(sn_strbuf_str(&client->sasl_input), raw, sizeof(raw), &n);

	sn_strbuf_reset(&client->sasl_input);
	code = code == SN_OK ? step(client, sn_str_n(raw, n)) : finish(client, SN_EPROTO);
	sn_wipe(raw, sizeof(raw));
	return code;
}

static int take_chunk(struct sn_irc_client *client, struct sn_str chunk)
{
	if (chunk.n > CHUNK) {
		sn_irc_sasl_end(client);
		sn_irc_reply(client, ERR_SASLTOOLONG);
		return SN_OK;
	}
	if (!sn_str_eq(chunk, SN_STR("+")))
		sn_strbuf_add(&client->sasl_input, chunk);
	if (client->sasl_input.err != SN_OK)
		return finish(client, SN_ELIMIT);
	return chunk.n == CHUNK ? SN_OK : respond(client);
}

int sn_irc_authenticate(struct sn_irc_client *client, const struct sn_irc_message *m)
{
	if ((client->caps & SN_CAP_SASL) == 0) {
		sn_irc_reply(client, ERR_SASLFAIL, ": request the sasl capability first");
		return SN_OK;
	}
	if (client->conn.session != NULL) {
		sn_irc_reply(client, ERR_SASLALREADY);
		return SN_OK;
	}
	if (sn_str_eq(m->params[0], SN_STR("*"))) {
		sn_irc_sasl_end(client);
		sn_irc_reply(client, ERR_SASLABORTED);
		return SN_OK;
	}
	if (client->sasl.mech != NULL)
		return take_chunk(client, m->params[0]);
	return start(client, m->params[0]);
}
