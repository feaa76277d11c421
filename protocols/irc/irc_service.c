#include "protocols/irc/irc_service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocols/irc/irc_conn.h"
#include "protocols/irc/irc_freeze.h"
#include "protocols/irc/irc_private.h"

#define MOTD_BYTES_MAX (64 << 10)

static const struct sn_conf_item items[] = {
	{ "network", SN_CONF_STRING, offsetof(struct sn_irc_conf, network), .def = "Sennit",
		.min = 1, .max = 32, .reload = SN_RELOAD_LIVE, .option = "name", .meta = "NET",
		.doc = "Name of the network, shown to clients; without spaces." },
	{ "server_name", SN_CONF_STRING, offsetof(struct sn_irc_conf, server_name), .max = 63,
		.reload = SN_RELOAD_SERVICE,
		.doc = "Name of this server in what it sends; default: the machine's name." },
	{ "motd", SN_CONF_PATH, offsetof(struct sn_irc_conf, motd), .reload = SN_RELOAD_LIVE,
		.option = "motd", .doc = "File with the message of the day; at most 64 KiB." },
	{ "open", SN_CONF_BOOL, offsetof(struct sn_irc_conf, open), .def = "false",
		.reload = SN_RELOAD_LIVE, .option = "open",
		.doc = "Let guests in who do not log in, although --auth knows accounts." },
	{ "insecure_auth", SN_CONF_BOOL, offsetof(struct sn_irc_conf, insecure_auth),
		.def = "false", .reload = SN_RELOAD_LIVE,
		.doc = "Take passwords over connections without TLS from other machines too." },
	{ "ping_interval", SN_CONF_DURATION, offsetof(struct sn_irc_conf, ping_interval),
		.def = "90s", .min = SN_MS(100), .max = SN_SEC(86400), .reload = SN_RELOAD_LIVE,
		.doc = "A client silent for this long is asked whether it is there." },
	{ "ping_timeout", SN_CONF_DURATION, offsetof(struct sn_irc_conf, ping_timeout),
		.def = "60s", .min = SN_MS(100), .max = SN_SEC(86400), .reload = SN_RELOAD_LIVE,
		.doc = "And this is how long it has to answer." },
	{ "register_timeout", SN_CONF_DURATION, offsetof(struct sn_irc_conf, register_timeout),
		.def = "60s", .min = SN_MS(100), .max = SN_SEC(3600), .reload = SN_RELOAD_LIVE,
		.doc = "How long a new connection has to give NICK and USER." },
	{ "nick_max", SN_CONF_INT, offsetof(struct sn_irc_conf, nick_max), .def = "32", .min = 1,
		.max = 64, .reload = SN_RELOAD_SERVICE, .doc = "Most bytes of a nickname." },
	{ "channel_max", SN_CONF_INT, offsetof(struct sn_irc_conf, channel_max), .def = "64",
		.min = 1, .max = 100, .reload = SN_RELOAD_SERVICE,
		.doc = "Most bytes of a channel's name, without the #." },
	{ "topic_max", SN_CONF_INT, offsetof(struct sn_irc_conf, topic_max), .def = "390", .min = 1,
		.max = 390, .reload = SN_RELOAD_SERVICE, .doc = "Most bytes of a topic." },
	{ "channels_per_user", SN_CONF_INT, offsetof(struct sn_irc_conf, channels_per_user),
		.def = "100", .min = 1, .max = 10000, .reload = SN_RELOAD_LIVE,
		.doc = "Most channels one user may be in." },
	{ "ban_max", SN_CONF_INT, offsetof(struct sn_irc_conf, ban_max), .def = "100", .min = 1,
		.max = 10000, .reload = SN_RELOAD_LIVE, .doc = "Most bans of one channel." },
	{ "away_max", SN_CONF_INT, offsetof(struct sn_irc_conf, away_max), .def = "390", .min = 1,
		.max = 390, .reload = SN_RELOAD_LIVE, .doc = "Most bytes of an away message." },
	{ "flood_burst", SN_CONF_INT, offsetof(struct sn_irc_conf, flood_burst), .def = "20",
		.min = 1, .max = 1000000, .reload = SN_RELOAD_LIVE,
		.doc = "Commands a client may send at once." },
	{ "flood_rate", SN_CONF_INT, offsetof(struct sn_irc_conf, flood_rate), .def = "4", .min = 1,
		.max = 1000000, .reload = SN_RELOAD_LIVE,
		.doc = "Commands a second after that; what comes faster waits." },
	{ "flood_backlog", SN_CONF_SIZE, offsetof(struct sn_irc_conf, flood_backlog),
		.def = "16KiB", .min = 1024, .max = 65536, .reload = SN_RELOAD_LIVE,
		.doc = "Bytes that may wait so; a client with more is disconnected for flooding." },
};

static void check(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_irc_conf *conf = settings;

	if (sn_str_find(conf->network, ' ') < conf->network.n)
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"network: \"%.*s\" has a space; clients could not read it",
			SN_STR_ARG(conf->network));
	if (sn_str_find(conf->server_name, ' ') < conf->server_name.n)
		sn_conf_report(diags, SN_CONF_ERROR, pos, "server_name must not have a space");
}

const struct sn_conf_section sn_irc_section = {
	.name = "irc",
	.items = items,
	.count = sizeof(items) / sizeof(items[0]),
	.size = sizeof(struct sn_irc_conf),
	.doc = "An IRC server.",
	.check = check,
};

static const struct sn_metric_def metric_defs[] = {
	[SN_IRC_USERS] = { "sennit_irc_users", NULL, SN_METRIC_GAUGE, "", "Registered users." },
	[SN_IRC_COMMANDS] = { "sennit_irc_commands_total", NULL, SN_METRIC_COUNTER, "",
		"Commands received." },
	[SN_IRC_MESSAGES] = { "sennit_irc_messages_total", NULL, SN_METRIC_COUNTER, "",
		"Messages and notices accepted." },
	[SN_IRC_THROTTLED] = { "sennit_irc_throttled_total", NULL, SN_METRIC_COUNTER, "",
		"Times a client was made to wait." },
	[SN_IRC_FLOODED] = { "sennit_irc_flooded_total", NULL, SN_METRIC_COUNTER, "",
		"Clients disconnected for flooding." },
	[SN_IRC_LOGINS] = { "sennit_irc_logins_total", NULL, SN_METRIC_COUNTER, "",
		"Successful logins." },
	[SN_IRC_LOGIN_FAILURES] = { "sennit_irc_login_failures_total", NULL, SN_METRIC_COUNTER, "",
		"Refused logins." },
};

/* --- start and stop ------------------------------------------------------------------------- */

static struct sn_irc_server *server_of(struct sn_instance *instance)
{
	return sn_container_of(instance, struct sn_irc_server, instance);
}

static int read_file(const char *path, char **text_r, struct sn_diag *diag)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct sn_strbuf text;
	char piece[4096];
	ssize_t n = 0;

	if (fd < 0)
		return sn_diag_set(diag, -errno, 0, "cannot read the message of the day %s: %s",
			path, sn_strerror(-errno));
	sn_strbuf_init(&text, MOTD_BYTES_MAX);
	while (text.err == SN_OK && (n = read(fd, piece, sizeof(piece))) > 0)
		sn_strbuf_add(&text, sn_str_n(piece, (size_t)n));
	n = n < 0 ? -errno : 0;
	(void)close(fd);
	if (n < 0 || text.err != SN_OK) {
		const int code = n < 0 ? (int)n : SN_ELIMIT;

		sn_strbuf_fini(&text);
		return sn_diag_set(diag, code, 0, "message of the day %s: %s", path,
			code == SN_ELIMIT ? "larger than 64 KiB" : sn_strerror(code));
	}
	*text_r = sn_strbuf_take(&text);
	return SN_OK;
}

static void split_motd(struct sn_irc_server *server)
{
	struct sn_str rest = sn_str(server->motd_text), line;
	size_t count = 0;

	while (sn_str_split(&rest, '\n', &line))
		count++;
	server->motd = sn_alloc_array(count, sizeof(*server->motd));
	rest = sn_str(server->motd_text);
	while (sn_str_split(&rest, '\n', &line)) {
		if (sn_str_ends(line, SN_STR("\r")))
			line.n--;
		if (rest.p != NULL || line.n > 0)
			server->motd[server->motd_count++] = line;
	}
}

static void name_server(struct sn_irc_server *server)
{
	char host[64] = "";

	if (server->conf->server_name.n > 0) {
		server->name_text = sn_str_dup(server->conf->server_name);
	} else {
		if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
			(void)memcpy(host, "localhost", sizeof("localhost"));
		server->name_text = sn_strdup(host);
	}
	server->name = sn_str(server->name_text);
}

static void stop(struct sn_instance *instance)
{
	struct sn_irc_server *server = server_of(instance);

	sn_task_cancel(&server->thawed);
	if (server->chat != NULL)
		sn_chat_thaw_end(server->chat); /* if nobody came at all */
	sn_chat_free(&server->chat);
	sn_free(server->motd);
	sn_free(server->motd_text);
	sn_free(server->name_text);
}

static struct sn_chat_limits limits_of(const struct sn_irc_conf *conf)
{
	return (struct sn_chat_limits){
		.name_max = (uint32_t)conf->nick_max,
		.room_name_max = (uint32_t)conf->channel_max,
		.topic_max = (uint32_t)conf->topic_max,
		.rooms_per_user = (uint32_t)conf->channels_per_user,
		.list_max = (uint32_t)conf->ban_max,
	};
}

/* A file that cannot be read leaves what there is. */
static int load_motd(
	struct sn_irc_server *server, const struct sn_irc_conf *conf, struct sn_diag *diag)
{
	char *text = NULL;

	if (conf->motd.n > 0) {
		const int code = read_file(conf->motd.p, &text, diag);

		if (code != SN_OK)
			return code;
	}
	sn_free(server->motd);
	sn_free(server->motd_text);
	server->motd = NULL;
	server->motd_count = 0;
	server->motd_text = text;
	if (text != NULL)
		split_motd(server);
	return SN_OK;
}

static int start(struct sn_instance *instance, struct sn_diag *diag)
{
	struct sn_irc_server *server = server_of(instance);
	const struct sn_irc_conf *conf = instance->settings;
	const struct sn_chat_options options = {
		.clock = sn_loop_clock(instance->loop),
		.limits = limits_of(conf),
	};
	const int code = load_motd(server, conf, diag);

	if (code != SN_OK)
		return code;
	server->conf = conf;
	name_server(server);
	server->chat = sn_chat_new(&options);
	return SN_OK;
}

static int reload(struct sn_instance *instance, const void *old, struct sn_diag *diag)
{
	struct sn_irc_server *server = server_of(instance);
	const struct sn_chat_limits limits = limits_of(instance->settings);

	(void)old;
	server->conf = instance->settings;
	sn_chat_set_limits(server->chat, &limits);
	return load_motd(server, server->conf, diag);
}

static void check_files(const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_irc_conf *conf = named->settings;
	struct sn_diag diag = { 0 };
	char *text = NULL;

	if (conf->motd.n > 0 && read_file(conf->motd.p, &text, &diag) != SN_OK)
		sn_conf_report(
			diags, SN_CONF_ERROR, sn_conf_key_pos(named, "motd"), "%s", diag.text);
	sn_free(text);
}

static void drain(struct sn_instance *instance, struct sn_str reason)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &instance->conns) {
		struct sn_conn *conn = sn_container_of(link, struct sn_conn, link);
		struct sn_irc_client *client = sn_container_of(conn, struct sn_irc_client, conn);

		(void)sn_irc_end(client, "%.*s", SN_STR_ARG(reason));
	}
}

static void greet(
	struct sn_instance *instance, const struct sn_listener *listener, struct sn_strbuf *out)
{
	const struct sn_addr *local = &listener->sock.local;
	bool tls = false;

	(void)instance;
	for (struct sn_accept_stage *stage = listener->stages; stage != NULL; stage = stage->next)
		tls = tls || strcmp(stage->ops->name, "tls") == 0;
	if (local->sa.sa_family != AF_INET && local->sa.sa_family != AF_INET6)
		return;
	sn_strbuf_adds(out, "     connect with:  irssi -c ");
	if (sn_addr_is_loopback(local))
		sn_addr_format_host(local, out);
	else
		sn_strbuf_adds(out, "THIS-HOST");
	sn_strbuf_addf(out, " -p %u%s    then:  /join #lobby\n", (unsigned)sn_addr_port(local),
		tls ? " --tls" : "");
}

static const char *const default_listen[] = { "tcp:6667:interface=127.0.0.1", NULL };
static const char *const alpn[] = { "irc", NULL };

const struct sn_service sn_irc_service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "irc",
	.summary = "a chat server (IRC): channels, accounts, TLS",
	.flags = SN_SERVICE_SINGLE | SN_SERVICE_STREAM | SN_SERVICE_ACCOUNTS,
	.instance_size = sizeof(struct sn_irc_server),
	.conn_size = sizeof(struct sn_irc_client),
	.conf = &sn_irc_section,
	.metrics = metric_defs,
	.metric_count = SN_IRC_METRICS,
	.alpn = alpn,
	.default_listen = default_listen,
	.help = "Examples:\n"
		"  sennit irc\n"
		"      a chat server for this machine, on port 6667\n"
		"  sennit irc --listen tls:certs:tcp:6697 --listen tcp:6667:interface=127.0.0.1\n"
		"      for the world with TLS (certs/ holds PEM files), for this machine without\n"
		"  sennit irc --auth file:users --name Knots --motd motd.txt\n"
		"      only people in the file \"users\" (lines NAME:PASSWORD or NAME:HASH)\n"
		"  sennit irc --auth memory:alice:secret --open\n"
		"      alice may log in (SASL), guests may come too\n",
	.start = start,
	.stop = stop,
	.reload = reload,
	.drain = drain,
	.greet = greet,
	.conn_open = sn_irc_conn_open,
	.conn_input = sn_irc_conn_input,
	.conn_drained = sn_irc_conn_drained,
	.conn_close = sn_irc_conn_close,
	.conn_title = sn_irc_conn_title,
	.conn_kick = sn_irc_conn_kick,
	.freeze_version = SN_IRC_FREEZE_VERSION,
	.freeze = sn_irc_freeze,
	.conn_freeze = sn_irc_conn_freeze,
	.thaw = sn_irc_thaw,
	.conn_thaw = sn_irc_conn_thaw,
	.check = check_files,
};
