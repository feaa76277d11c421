#include "protocols/irc/irc_conn.h"

#include "protocols/irc/irc_private.h"

static struct sn_irc_client *client_of(struct sn_conn *conn)
{
	return sn_container_of(conn, struct sn_irc_client, conn);
}

static int64_t now(const struct sn_irc_client *client)
{
	return sn_loop_now(client->conn.instance->loop);
}

/* --- deadlines: registration, then pings; one timer, set anew only when it fires ---------------
 */

static void on_timer(struct sn_timer *timer);

static void set_timer(struct sn_irc_client *client, int64_t at)
{
	sn_timer_set_at(client->conn.instance->loop, &client->timer, at, on_timer);
}

static void on_timer(struct sn_timer *timer)
{
	struct sn_irc_client *client = sn_container_of(timer, struct sn_irc_client, timer);
	const struct sn_irc_conf *conf = sn_irc_server(client)->conf;
	const int64_t silence = now(client) - client->heard;

	if (client->state == SN_IRC_UNREGISTERED) {
		(void)sn_irc_end(client, "Registration timed out");
		return;
	}
	if (client->ping_sent && silence >= conf->ping_interval + conf->ping_timeout) {
		(void)sn_irc_end(
			client, "Ping timeout: %lld seconds", (long long)(silence / SN_SEC(1)));
		return;
	}
	if (silence >= conf->ping_interval && !client->ping_sent) {
		client->ping_sent = true;
		sn_conn_printf(
			&client->conn, "PING :%.*s\r\n", SN_STR_ARG(sn_irc_server(client)->name));
	}
	set_timer(client,
		client->heard + conf->ping_interval + (client->ping_sent ? conf->ping_timeout : 0));
}

/* --- flood control ------------------------------------------------------------------------------
 * Each command costs time; a client may be `burst` commands ahead of the clock. Past that it is
 * read no further until the clock has caught up: TCP slows the sender, nobody else notices. */

static void on_throttle_end(struct sn_timer *timer)
{
	struct sn_irc_client *client = sn_container_of(timer, struct sn_irc_client, throttle);

	sn_conn_resume(&client->conn);
}

static void charge(struct sn_irc_client *client, unsigned cost)
{
	const int64_t per_command = SN_SEC(1) / sn_irc_server(client)->conf->flood_rate;

	if (client->flood_until < now(client))
		client->flood_until = now(client);
	client->flood_until += per_command * cost;
}

/* How long the client must wait before its next command; 0: not at all. */
static int64_t debt(const struct sn_irc_client *client)
{
	const struct sn_irc_conf *conf = sn_irc_server(client)->conf;
	const int64_t credit = SN_SEC(1) / conf->flood_rate * conf->flood_burst;
	const int64_t ahead = client->flood_until - now(client) - credit;

	return ahead > 0 ? ahead : 0;
}

static int throttle(struct sn_irc_client *client, int64_t wait)
{
	struct sn_irc_server *server = sn_irc_server(client);

	sn_metric_add(&server->instance.metrics, SN_IRC_THROTTLED, 1);
	if (sn_conn_input(&client->conn).n > server->conf->flood_backlog) {
		sn_metric_add(&server->instance.metrics, SN_IRC_FLOODED, 1);
		return sn_irc_end(client, "Excess flood");
	}
	sn_timer_set(client->conn.instance->loop, &client->throttle, wait, on_throttle_end);
	return SN_PENDING;
}

/* --- lines ---------------------------------------------------------------------------------- */

static int handle_line(struct sn_irc_client *client, struct sn_str line)
{
	struct sn_irc_message m;
	const int code = sn_irc_parse(line, &m);

	client->heard = now(client);
	if (client->ping_sent)
		set_timer(client, client->heard + sn_irc_server(client)->conf->ping_interval);
	client->ping_sent = false;
	if (code == SN_EMISSING)
		return SN_OK;
	charge(client, 1);
	if (code == SN_ELIMIT) {
		sn_irc_reply(client, ERR_INPUTTOOLONG);
		return SN_OK;
	}
	if (code != SN_OK) {
		/* Not IRC at all: before registration that is a stranger on the wrong port. */
		if (client->state == SN_IRC_UNREGISTERED)
			return sn_irc_end(client, "This is an IRC server: malformed line");
		sn_irc_reply(client, ERR_UNKNOWNCOMMAND, SN_STR_ARG(SN_STR("*")));
		return SN_OK;
	}
	return sn_irc_dispatch(client, &m);
}

/* A client that wants TLS here would wait for ever: it gets an end, the operator a reason. */
static int refuse_tls(struct sn_irc_client *client)
{
	sn_conn_log(&client->conn, SN_LOG_INFO, "tls-on-plain-port",
		sn_f_cstr("hint", "the client speaks TLS: it needs a tls: endpoint"));
	return sn_irc_end(client, "This port speaks plain text, not TLS");
}

int sn_irc_conn_input(struct sn_conn *conn)
{
	struct sn_irc_client *client = client_of(conn);
	struct sn_str line;
	size_t used;
	int code = SN_OK;

	if (client->state == SN_IRC_UNREGISTERED && sn_tls_is_hello(sn_conn_input(conn)))
		return refuse_tls(client);
	while (code == SN_OK && client->state != SN_IRC_ENDING) {
		const int64_t wait = debt(client);
		int framed;

		if (sn_conn_input(conn).n == 0)
			return SN_OK;
		if (wait > 0)
			return throttle(client, wait);
		/* Who does not read the answers gets no more of them. */
		if (sn_conn_congested(conn)) {
			client->awaits_drain = true;
			return SN_PENDING;
		}
		framed = sn_frame_line(&client->framer, sn_conn_input(conn), &line, &used);
		if (framed == SN_AGAIN) {
			sn_conn_consume(conn, used);
			return SN_OK;
		}
		if (framed == SN_ELIMIT) {
			charge(client, 1);
			sn_irc_reply(client, ERR_INPUTTOOLONG);
		} else {
			code = handle_line(client, line);
		}
		sn_conn_consume(conn, used);
	}
	return client->state == SN_IRC_ENDING ? SN_CLOSE : code;
}

void sn_irc_conn_drained(struct sn_conn *conn)
{
	struct sn_irc_client *client = client_of(conn);

	/* It may wait for something else: a password, or the clock. */
	if (client->awaits_drain)
		sn_conn_resume(conn);
	client->awaits_drain = false;
}

/* --- begin and end -------------------------------------------------------------------------- */

static void set_host(struct sn_irc_client *client)
{
	struct sn_strbuf host;

	sn_strbuf_fixed(&host, client->host, sizeof(client->host));
	if (sn_conn_peer(&client->conn)->sa.sa_family == AF_UNIX ||
		sn_conn_peer(&client->conn)->len == 0) {
		sn_strbuf_adds(&host, "localhost");
	} else {
		sn_addr_format_host(sn_conn_peer(&client->conn), &host);
		/* A word of the protocol must not begin with ':'. */
		if (host.n > 0 && client->host[0] == ':') {
			sn_strbuf_reset(&host);
			sn_strbuf_addc(&host, '0');
			sn_addr_format_host(sn_conn_peer(&client->conn), &host);
		}
	}
	client->user.host = sn_strbuf_str(&host);
}

void sn_irc_conn_begin(struct sn_irc_client *client)
{
	client->state = SN_IRC_UNREGISTERED;
	client->user.front = &sn_irc_front;
	client->heard = now(client);
	sn_line_framer_init(&client->framer, SN_LINE_LF_OR_CRLF, SN_IRC_INPUT_MAX);
	sn_irc_sasl_init(client);
	set_host(client);
	sn_irc_server(client)->unregistered++;
}

void sn_irc_conn_set_timers(struct sn_irc_client *client, int64_t timer, int64_t throttle)
{
	set_timer(client, timer);
	if (throttle != 0)
		sn_timer_set_at(
			client->conn.instance->loop, &client->throttle, throttle, on_throttle_end);
}

int sn_irc_conn_open(struct sn_conn *conn)
{
	struct sn_irc_client *client = client_of(conn);

	sn_irc_conn_begin(client);
	set_timer(client, now(client) + sn_irc_server(client)->conf->register_timeout);
	return SN_OK;
}

struct sn_str sn_irc_conn_title(const struct sn_conn *conn)
{
	const struct sn_irc_client *client =
		sn_container_of(conn, const struct sn_irc_client, conn);

	return client->state == SN_IRC_REGISTERED ? client->user.name : client->nick_wanted;
}

void sn_irc_conn_kick(struct sn_conn *conn, struct sn_str reason)
{
	(void)sn_irc_end(client_of(conn), "%.*s", SN_STR_ARG(reason));
}

void sn_irc_set_quit_reason(struct sn_irc_client *client, struct sn_str reason)
{
	sn_free(client->quit_reason);
	client->quit_reason = sn_str_dup(reason);
}

static void leave(struct sn_irc_client *client, struct sn_str reason)
{
	struct sn_irc_server *server = sn_irc_server(client);

	if (client->state == SN_IRC_UNREGISTERED)
		server->unregistered--;
	else if (client->state == SN_IRC_REGISTERED)
		sn_metric_sub(&server->instance.metrics, SN_IRC_USERS, 1);
	client->state = SN_IRC_ENDING;
	sn_chat_leave(&client->user, reason);
}

int sn_irc_end(struct sn_irc_client *client, const char *fmt, ...)
{
	char text[SN_IRC_LINE_MAX];
	struct sn_strbuf reason;
	va_list args;

	if (client->state == SN_IRC_ENDING)
		return SN_CLOSE;
	sn_strbuf_fixed(&reason, text, sizeof(text));
	va_start(args, fmt);
	sn_strbuf_addv(&reason, fmt, args);
	va_end(args);
	if (client->quit_reason == NULL)
		sn_irc_set_quit_reason(client, sn_strbuf_str(&reason));
	sn_conn_printf(&client->conn, "ERROR :Closing Link: %.*s (%.*s)\r\n",
		SN_STR_ARG(client->user.host), SN_STR_ARG(sn_strbuf_str(&reason)));
	/* Gone for the others now, not when the last bytes have left. */
	leave(client, sn_str(client->quit_reason));
	sn_conn_close(&client->conn);
	return SN_CLOSE;
}

static const char *end_text(int code)
{
	switch (code) {
	case SN_CLOSE:
		return "Connection closed";
	case SN_ELIMIT:
		return "SendQ exceeded";
	case SN_ETIMEOUT:
		return "Write timeout";
	default:
		return sn_strerror(code);
	}
}

void sn_irc_conn_close(struct sn_conn *conn, int code)
{
	struct sn_irc_client *client = client_of(conn);

	leave(client, sn_str(client->quit_reason != NULL ? client->quit_reason : end_text(code)));
	sn_irc_sasl_end(client);
	sn_strbuf_fini(&client->sasl_input);
	sn_timer_clear(&client->timer);
	sn_timer_clear(&client->throttle);
	sn_free(client->quit_reason);
	sn_free((char *)(uintptr_t)client->nick_wanted.p);
	sn_free((char *)(uintptr_t)client->login.p);
	sn_free((char *)(uintptr_t)client->real_name.p);
	client->quit_reason = NULL;
	client->nick_wanted = client->login = client->real_name = SN_STR_NULL;
}
