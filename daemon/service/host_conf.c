/* The rows of [server], [worker.NAME], [plugin.NAME] and [log]. */
#include "daemon/base/text.h"
#include "daemon/service/host.h"

#include "daemon/auth/limiter.h"

static const char *const level_choices[] = { "debug", "info", "warn", "error", "critical", NULL };
static const char *const format_choices[] = { "auto", "text", "json", NULL };
static const char *const target_choices[] = {
	[SN_LOG_TO_FD] = "stderr",
	[SN_LOG_TO_SYSLOG] = "syslog",
	[SN_LOG_TO_JOURNALD] = "journald",
	NULL,
};

static const struct sn_conf_item server_items[] = {
	{ "name", SN_CONF_STRING, offsetof(struct sn_server_conf, name), .max = 64,
		.reload = SN_RELOAD_PROCESS, .option = "daemon-name", .meta = "NAME",
		.doc = "Name of this daemon: its control socket is NAME.sock. Default: the service of "
		       "`sennit SERVICE`, and \"sennit\" for `sennit run`." },
	{ "user", SN_CONF_STRING, offsetof(struct sn_server_conf, user), .max = 64,
		.reload = SN_RELOAD_PROCESS, .option = "user", .meta = "USER",
		.doc = "User to become when started as root. Not root: no effect." },
	{ "group", SN_CONF_STRING, offsetof(struct sn_server_conf, group), .max = 64,
		.reload = SN_RELOAD_PROCESS, .doc = "Group to become; default: the user's own." },
	{ "processes", SN_CONF_STRING, offsetof(struct sn_server_conf, processes), .def = "auto",
		.min = 1, .max = 8, .flags = SN_CONF_OR_NUMBER, .reload = SN_RELOAD_LIVE,
		.option = "processes", .meta = "N",
		.doc = "Workers of the group \"main\": a number up to 256, or \"auto\" for one per "
		       "core. Services with shared state, such as irc, run in the first of them." },
	{ "state", SN_CONF_PATH, offsetof(struct sn_server_conf, state),
		.reload = SN_RELOAD_PROCESS, .option = "state", .meta = "DIR",
		.doc = "Folder for what is kept: accounts, keys. Default: $STATE_DIRECTORY, "
		       "/var/lib/sennit for root, else sennit in XDG_STATE_HOME or ~/.local/state. Made when it is missing; the "
		       "folder above it must exist." },
	{ "runtime", SN_CONF_PATH, offsetof(struct sn_server_conf, runtime),
		.reload = SN_RELOAD_PROCESS,
		.doc = "Folder of the control socket. Default: $RUNTIME_DIRECTORY, /run/sennit for "
		       "root, else sennit in XDG_RUNTIME_DIR, else /tmp/sennit-UID." },
	{ "control", SN_CONF_PATH, offsetof(struct sn_server_conf, control),
		.reload = SN_RELOAD_PROCESS, .option = "control", .meta = "PATH",
		.doc = "The control socket for `sennit ctl`. Default: NAME.sock in the runtime "
		       "folder." },
	{ "ephemeral", SN_CONF_BOOL, offsetof(struct sn_server_conf, ephemeral), .def = "false",
		.reload = SN_RELOAD_PROCESS, .option = "ephemeral",
		.doc = "Keep nothing: no state folder, and accounts live in memory." },
	{ "store", SN_CONF_SECRET, offsetof(struct sn_server_conf, store), .max = 4096,
		.reload = SN_RELOAD_PROCESS, .option = "store", .meta = "URL",
		.doc = "Database of the accounts: sqlite:PATH or postgresql://... Default: sennit.db "
		       "in the state folder." },
	{ "plugins", SN_CONF_STRINGS, offsetof(struct sn_server_conf, plugins), .max = 64,
		.reload = SN_RELOAD_PROCESS,
		.doc = "Folders to look for plugins in, besides the installed one." },
	{ "sandbox", SN_CONF_BOOL, offsetof(struct sn_server_conf, sandbox), .def = "true",
		.reload = SN_RELOAD_PROCESS,
		.doc = "Let workers make only the system calls and reach only the files that they "
		       "need (seccomp, landlock). Off: for plugins that need more." },
	{ "drain_timeout", SN_CONF_DURATION, offsetof(struct sn_server_conf, drain_timeout),
		.def = "5s", .min = 0, .max = SN_SEC(3600), .reload = SN_RELOAD_LIVE,
		.doc = "How long clients are given to go when the daemon stops; then they are cut." },
	{ "watchdog", SN_CONF_DURATION, offsetof(struct sn_server_conf, watchdog), .def = "10s",
		.min = SN_SEC(1), .max = SN_SEC(3600), .reload = SN_RELOAD_PROCESS,
		.doc = "A worker that answers nothing for this long is ended and started again." },
	{ "slow_turn", SN_CONF_DURATION, offsetof(struct sn_server_conf, slow_turn), .def = "100ms",
		.min = SN_MS(1), .max = SN_SEC(60), .reload = SN_RELOAD_PROCESS,
		.doc = "One turn of a worker's loop that uses more CPU time than this is reported." },
	{ "offload_threads", SN_CONF_INT, offsetof(struct sn_server_conf, offload_threads),
		.def = "0", .min = 0, .max = 256, .reload = SN_RELOAD_PROCESS,
		.doc = "Threads for work that would hold up the loop (password hashes, TLS handshakes, "
		       "disk); 0: one per core." },
	{ "offload_queue", SN_CONF_INT, offsetof(struct sn_server_conf, offload_queue),
		.def = "1024", .min = 1, .max = 1000000, .reload = SN_RELOAD_PROCESS,
		.doc = "Most pieces of such work waiting; more are refused with a temporary failure." },
	{ "auth_timeout", SN_CONF_DURATION, offsetof(struct sn_server_conf, auth_timeout),
		.def = "10s", .min = SN_MS(100), .max = SN_SEC(600), .reload = SN_RELOAD_PROCESS,
		.doc = "How long a login of a user of this machine (PAM) may take." },
	{ "auth_children", SN_CONF_INT, offsetof(struct sn_server_conf, auth_children), .def = "16",
		.min = 1, .max = 1024, .reload = SN_RELOAD_PROCESS,
		.doc = "Most of such logins at one time; more are told to try again." },
	{ "auth_free_failures", SN_CONF_INT, offsetof(struct sn_server_conf, auth_free_failures),
		.def = "5", .min = 0, .max = 1000000, .reload = SN_RELOAD_PROCESS,
		.doc = "Failed logins from one address, or at one account, that cost nothing; further "
		       "ones have to wait. Half are forgotten every 5 minutes." },
	{ "auth_refuse_failures", SN_CONF_INT,
		offsetof(struct sn_server_conf, auth_refuse_failures), .def = "50", .min = 1,
		.max = 1000000, .reload = SN_RELOAD_PROCESS,
		.doc = "From this many on logins from that address are refused." },
	{ "auth_entries", SN_CONF_INT, offsetof(struct sn_server_conf, auth_entries),
		.def = "65536", .min = 64, .max = 16777216, .reload = SN_RELOAD_PROCESS,
		.doc = "Addresses and accounts whose failures are remembered." },
	{ "auth_exempt", SN_CONF_STRINGS, offsetof(struct sn_server_conf, auth_exempt), .max = 256,
		.reload = SN_RELOAD_PROCESS,
		.doc = "Addresses and networks (192.0.2.0/24) whose failures are not counted, such as a gateway's." },
	{ "metrics_size", SN_CONF_SIZE, offsetof(struct sn_server_conf, metrics_size),
		.def = "256KiB", .min = 4096, .max = 64 << 20, .reload = SN_RELOAD_PROCESS,
		.doc = "Shared memory for the metrics of one worker." },
};

#define PROCESSES_MAX 256

int sn_server_conf_processes(struct sn_str text, unsigned *count_r)
{
	uint64_t number;

	*count_r = 0;
	if (sn_str_eq(text, SN_STR("auto")))
		return SN_OK;
	if (sn_parse_u64(text, PROCESSES_MAX, &number) != SN_OK || number == 0)
		return SN_ERANGE;
	*count_r = (unsigned)number;
	return SN_OK;
}

static void check_processes(struct sn_str text, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	unsigned count;

	if (sn_server_conf_processes(text, &count) != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"processes: \"%.*s\" is neither \"auto\" nor a number from 1 to %d",
			SN_STR_ARG(text), PROCESSES_MAX);
}

/* A file name of its own. */
static bool is_plain_name(struct sn_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (!sn_ascii_alpha(name.p[i]) && !sn_ascii_digit(name.p[i]) &&
			strchr("-_.", name.p[i]) == NULL)
			return false;
	}
	return name.n == 0 || name.p[0] != '.';
}

static void check_exempt(const struct sn_conf_strings *list, struct sn_conf_diags *diags)
{
	for (size_t i = 0; i < list->count; i++) {
		struct sn_limiter_net net;

		if (sn_limiter_net_parse(list->items[i], &net) != SN_OK)
			sn_conf_report(diags, SN_CONF_ERROR, list->positions[i],
				"auth_exempt: \"%.*s\" is not an IP address or network (192.0.2.0/24)",
				SN_STR_ARG(list->items[i]));
	}
}

static void check_server(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_server_conf *server = settings;

	check_processes(server->processes, pos, diags);
	check_exempt(&server->auth_exempt, diags);
	if (!is_plain_name(server->name))
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"name: \"%.*s\" names a file: use letters, digits, '-', '_' and '.'",
			SN_STR_ARG(server->name));
	if (server->auth_refuse_failures <= server->auth_free_failures)
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"auth_refuse_failures must be more than auth_free_failures");
	if (server->group.n > 0 && server->user.n == 0)
		sn_conf_report(diags, SN_CONF_ERROR, pos, "group needs a user");
	if (server->ephemeral && (server->state.n > 0 || server->store.n > 0))
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"ephemeral keeps nothing: it goes with neither state nor store");
}

const struct sn_conf_section sn_server_section = {
	.name = "server",
	.items = server_items,
	.count = sizeof(server_items) / sizeof(server_items[0]),
	.size = sizeof(struct sn_server_conf),
	.doc = "The daemon itself.",
	.check = check_server,
};

static const struct sn_conf_item worker_items[] = {
	{ "processes", SN_CONF_STRING, offsetof(struct sn_worker_conf, processes), .def = "auto",
		.min = 1, .max = 8, .flags = SN_CONF_OR_NUMBER, .reload = SN_RELOAD_LIVE,
		.doc = "Workers of this group: a number up to 256, or \"auto\" for one per core." },
};

static void check_worker(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_worker_conf *worker = settings;

	check_processes(worker->processes, pos, diags);
}

const struct sn_conf_section sn_worker_section = {
	.name = "worker",
	.items = worker_items,
	.count = sizeof(worker_items) / sizeof(worker_items[0]),
	.size = sizeof(struct sn_worker_conf),
	.doc = "A group of workers with an address space of its own.",
	.check = check_worker,
};

static const struct sn_conf_item plugin_items[] = {
	{ "path", SN_CONF_PATH, offsetof(struct sn_plugin_conf, path), .flags = SN_CONF_REQUIRED,
		.reload = SN_RELOAD_PROCESS, .doc = "The plugin's file, NAME.so." },
	{ "required", SN_CONF_BOOL, offsetof(struct sn_plugin_conf, required), .def = "true",
		.reload = SN_RELOAD_PROCESS,
		.doc = "Whether the daemon refuses to start without it; otherwise the log says what "
		       "was wrong and the rest runs." },
};

const struct sn_conf_section sn_plugin_section = {
	.name = "plugin",
	.items = plugin_items,
	.count = sizeof(plugin_items) / sizeof(plugin_items[0]),
	.size = sizeof(struct sn_plugin_conf),
	.doc = "One plugin by its file.",
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
		.doc = "auto: coloured text on a terminal, lines with a priority and no time where "
		       "the journal reads standard error, JSON lines otherwise." },
	{ "target", SN_CONF_ENUM, offsetof(struct sn_log_conf, target), .def = "stderr",
		.choices = target_choices, .reload = SN_RELOAD_PROCESS, .option = "log-target",
		.meta = "WHERE",
		.doc = "stderr (or the file); syslog: facility daemon; journald: its native protocol, "
		       "with a field SENNIT_KEY for each key." },
	{ "socket", SN_CONF_PATH, offsetof(struct sn_log_conf, socket), .reload = SN_RELOAD_PROCESS,
		.doc = "Socket of syslog or journald; empty: /dev/log or "
		       "/run/systemd/journal/socket." },
	{ "file", SN_CONF_PATH, offsetof(struct sn_log_conf, file), .reload = SN_RELOAD_PROCESS,
		.option = "log-file", .meta = "FILE",
		.doc = "File that log lines are appended to; empty: standard error. When it is "
		       "renamed or removed it is made anew within a second." },
};

struct sn_log_setup sn_log_conf_setup(const struct sn_log_conf *log, bool color)
{
	return (struct sn_log_setup){
		.level = (enum sn_log_level)log->level,
		.levels = log->levels.items,
		.level_count = log->levels.count,
		.format = (enum sn_log_choice)log->format,
		.target = (enum sn_log_target)log->target,
		.file = log->file.n > 0 ? log->file.p : NULL,
		.socket = log->socket.n > 0 ? log->socket.p : NULL,
		.color = color,
	};
}

static void check_log(void *settings, struct sn_conf_pos pos, struct sn_conf_diags *diags)
{
	const struct sn_log_conf *log = settings;

	if (log->file.n > 0 && log->target != SN_LOG_TO_FD)
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"a \"file\" is only written with target = \"stderr\"");
	if (log->socket.n > 0 && log->target == SN_LOG_TO_FD)
		sn_conf_report(diags, SN_CONF_ERROR, pos,
			"\"socket\" goes with target = \"syslog\" or \"journald\"");
	for (size_t i = 0; i < log->levels.count; i++) {
		char text[SN_LOG_NS_SIZE];
		enum sn_log_level level;
		struct sn_strbuf ns;

		sn_strbuf_fixed(&ns, text, sizeof(text));
		if (sn_log_parse_rule(log->levels.items[i], &ns, &level) != SN_OK)
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
