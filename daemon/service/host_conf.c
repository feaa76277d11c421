/* The rows of [server] and [log]. */
#include "daemon/service/host.h"

static const char *const level_choices[] = { "debug", "info", "warn", "error", "critical", NULL };
static const char *const format_choices[] = { "auto", "text", "json", NULL };

static const struct sn_conf_item server_items[] = {
	{ "drain_timeout", SN_CONF_DURATION, offsetof(struct sn_server_conf, drain_timeout),
		.def = "5s", .min = 0, .max = SN_SEC(3600), .reload = SN_RELOAD_LIVE,
		.doc = "How long clients are given to go when the daemon stops; then they are cut." },
	{ "offload_threads", SN_CONF_INT, offsetof(struct sn_server_conf, offload_threads),
		.def = "0", .min = 0, .max = 256, .reload = SN_RELOAD_PROCESS,
		.doc = "Threads for work that would hold up the loop (password hashes, TLS handshakes, "
		       "disk); 0: one per core." },
	{ "offload_queue", SN_CONF_INT, offsetof(struct sn_server_conf, offload_queue),
		.def = "1024", .min = 1, .max = 1000000, .reload = SN_RELOAD_PROCESS,
		.doc = "Most pieces of such work waiting; more are refused with a temporary failure." },
};

const struct sn_conf_section sn_server_section = {
	.name = "server",
	.items = server_items,
	.count = sizeof(server_items) / sizeof(server_items[0]),
	.size = sizeof(struct sn_server_conf),
	.doc = "The daemon itself.",
};

static const struct sn_conf_item log_items[] = {
	{ "level", SN_CONF_ENUM, offsetof(struct sn_log_conf, level), .def = "info",
		.choices = level_choices, .reload = SN_RELOAD_LIVE, .option = "log-level",
		.meta = "LEVEL", .doc = "Least severe level that is logged." },
	{ "levels", SN_CONF_STRINGS, offsetof(struct sn_log_conf, levels),
		.max = 63, /* rules of the log, but for its root */
		.reload = SN_RELOAD_LIVE,
		.doc = "Levels of single namespaces and all below them: \"net.tls=debug\"." },
	{ "format", SN_CONF_ENUM, offsetof(struct sn_log_conf, format), .def = "auto",
		.choices = format_choices, .reload = SN_RELOAD_PROCESS, .option = "log-format",
		.meta = "FORMAT",
		.doc = "auto: coloured text on a terminal, JSON lines otherwise." },
	{ "file", SN_CONF_PATH, offsetof(struct sn_log_conf, file), .reload = SN_RELOAD_PROCESS,
		.option = "log-file", .meta = "FILE",
		.doc = "File that log lines are appended to; empty: standard error." },
};

int sn_log_conf_level(struct sn_str entry, struct sn_strbuf *ns, enum sn_log_level *level_r)
{
	const size_t equals = sn_str_find(entry, '=');

	sn_strbuf_add(ns, sn_str_sub(entry, 0, equals));
	if (ns->err != SN_OK || equals == entry.n)
		return SN_ESYNTAX;
	return sn_log_parse_level(sn_str_from(entry, equals + 1), level_r);
}

static void check_log(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_log_conf *log = settings;

	(void)pos;
	for (size_t i = 0; i < log->levels.count; i++) {
		char text[SN_LOG_CONF_NS_SIZE];
		enum sn_log_level level;
		struct sn_strbuf ns;

		sn_strbuf_fixed(&ns, text, sizeof(text));
		if (sn_log_conf_level(log->levels.items[i], &ns, &level) != SN_OK)
			sn_conf_report(diags, SN_CONF_ERROR, log->levels.positions[i],
				"an entry of \"levels\" is NAMESPACE=LEVEL, such as "
				"\"net.tls=debug\"");
	}
}

const struct sn_conf_section sn_log_section = {
	.name = "log",
	.items = log_items,
	.count = sizeof(log_items) / sizeof(log_items[0]),
	.size = sizeof(struct sn_log_conf),
	.doc = "What is logged, where and how.",
	.check = check_log,
};
