/*
 * `sennit ctl VERB ...`: asks the running daemon, and shows the answer as tables or as the JSON it
 * was. What the verbs mean is the daemon's to say; the tables here are only how results look.
 */
#include <poll.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/ctl_client.h"
#include "daemon/cli/table.h"

#define TOP_INTERVAL_S 2

/* How a value looks. */
enum look { TEXT, NUMBER, SECONDS, BYTES, TIME, YES, MILLISECONDS, PERCENT };

struct column {
	const char *key, *title;
	enum look look;
};

/* One array of a result, as a table. */
struct view {
	const char *key; /* of the array */
	const struct column *columns;
	size_t count;
};
#define VIEW(key_, columns_) \
	{ \
		(key_), (columns_), sizeof(columns_) / sizeof((columns_)[0]) \
	}

static const struct column worker_columns[] = {
	{ "worker", "WORKER", TEXT },
	{ "pid", "PID", NUMBER },
	{ "state", "STATE", TEXT },
	{ "uptime", "UPTIME", SECONDS },
	{ "restarts", "RESTARTS", NUMBER },
	{ "connections", "CONNECTIONS", NUMBER },
	{ "lag", "LAG", MILLISECONDS },
};
static const struct column service_columns[] = {
	{ "service", "SERVICE", TEXT },
	{ "module", "MODULE", TEXT },
	{ "group", "GROUP", TEXT },
	{ "state", "STATE", TEXT },
};
static const struct column listener_columns[] = {
	{ "service", "SERVICE", TEXT },
	{ "address", "ADDRESS", TEXT },
	{ "endpoint", "ENDPOINT", TEXT },
};
static const struct column session_columns[] = {
	{ "id", "ID", TEXT },
	{ "service", "SERVICE", TEXT },
	{ "peer", "PEER", TEXT },
	{ "account", "ACCOUNT", TEXT },
	{ "title", "NAME", TEXT },
	{ "tls", "TLS", YES },
	{ "age", "AGE", SECONDS },
	{ "idle", "IDLE", SECONDS },
	{ "in", "IN", BYTES },
	{ "out", "OUT", BYTES },
};
static const struct column level_columns[] = {
	{ "namespace", "NAMESPACE", TEXT },
	{ "level", "LEVEL", TEXT },
};
static const struct column top_columns[] = {
	{ "worker", "WORKER", TEXT },
	{ "pid", "PID", NUMBER },
	{ "cpu_percent", "CPU", PERCENT },
	{ "memory", "MEMORY", BYTES },
	{ "connections", "CONNECTIONS", NUMBER },
	{ "accepted_rate", "ACCEPTED/S", NUMBER },
	{ "turns_rate", "TURNS/S", NUMBER },
	{ "lag", "LAG", MILLISECONDS },
	{ "slow_turns", "SLOW", NUMBER },
};

/* Whatever result has one of these arrays shows it so, in this order. */
static const struct view views[] = {
	VIEW("workers", worker_columns),
	VIEW("services", service_columns),
	VIEW("listeners", listener_columns),
	VIEW("sessions", session_columns),
	VIEW("levels", level_columns),
	VIEW("top", top_columns),
};
#define VIEW_COUNT (sizeof(views) / sizeof(views[0]))

/* --- values --------------------------------------------------------------------------------- */

/* "3d4h", "12m": two units are enough to look at. */
static void add_seconds(struct sn_strbuf *out, double seconds)
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t left = (int64_t)seconds;
	unsigned shown = 0;

	for (size_t i = 0; i < 4 && shown < 2; i++) {
		const int64_t n = left / units[i].seconds;

		if (n == 0 && (shown == 0 && i < 3))
			continue;
		if (n > 0 || shown == 0)
			sn_strbuf_addf(out, "%lld%c", (long long)n, units[i].letter);
		left %= units[i].seconds;
		shown++;
	}
}

static void add_bytes(struct sn_strbuf *out, double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t unit = 0;

	for (; bytes >= 1000 && unit < 4; unit++)
		bytes /= 1000;
	sn_strbuf_addf(out, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void add_value(struct sn_strbuf *out, const json_t *value, enum look look)
{
	const double number = json_number_value(value);

	if (value == NULL || json_is_null(value)) {
		sn_strbuf_adds(out, "-");
		return;
	}
	switch (look) {
	case TEXT:
		sn_strbuf_adds(out,
			json_is_string(value) && json_string_length(value) > 0
				? json_string_value(value)
				: "-");
		return;
	case NUMBER:
		sn_strbuf_addf(out, "%.0f", number);
		return;
	case SECONDS:
		add_seconds(out, number);
		return;
	case BYTES:
		add_bytes(out, number);
		return;
	case TIME:
		sn_format_time(out, (int64_t)(number * 1e9), 0);
		return;
	case YES:
		sn_strbuf_adds(out, json_is_true(value) ? "yes" : "no");
		return;
	case MILLISECONDS:
		sn_strbuf_addf(out, "%.1f ms", number * 1e3);
		return;
	case PERCENT:
		sn_strbuf_addf(out, "%.1f %%", number);
		return;
	}
}

/* --- results -------------------------------------------------------------------------------- */

static void print_view(const struct view *view, const json_t *rows)
{
	struct sn_table_column columns[16];
	struct sn_table table;
	size_t i;
	json_t *row;

	for (size_t c = 0; c < view->count; c++)
		columns[c] = (struct sn_table_column){ view->columns[c].title,
			view->columns[c].look != TEXT && view->columns[c].look != YES };
	sn_table_init(&table, columns, view->count);
	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		for (size_t c = 0; c < view->count; c++) {
			struct sn_strbuf cell;

			sn_strbuf_init(&cell, 1 << 16);
			add_value(&cell, json_object_get(row, view->columns[c].key),
				view->columns[c].look);
			sn_table_add(&table, sn_str(sn_strbuf_cstr(&cell)));
			sn_strbuf_fini(&cell);
		}
	}
	sn_table_print(&table, stdout, sn_cli_color(STDOUT_FILENO));
	sn_table_fini(&table);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* The head of `status`. */
static void print_daemon(const json_t *daemon)
{
	struct sn_strbuf uptime;

	sn_strbuf_init(&uptime, 64);
	add_seconds(&uptime, json_number_value(json_object_get(daemon, "uptime")));
	printf("%s %s, pid %lld, up %s\n", text_of(daemon, "name"), text_of(daemon, "version"),
		(long long)json_integer_value(json_object_get(daemon, "pid")),
		sn_strbuf_cstr(&uptime));
	if (text_of(daemon, "reload")[0] != '\0')
		printf("last reload: %s\n", text_of(daemon, "reload"));
	sn_strbuf_fini(&uptime);
}

static void print_result(const json_t *object)
{
	const json_t *daemon = json_object_get(object, "daemon");
	bool blank = daemon != NULL;

	if (daemon != NULL)
		print_daemon(daemon);
	for (size_t i = 0; i < VIEW_COUNT; i++) {
		const json_t *rows = json_object_get(object, views[i].key);

		if (json_array_size(rows) == 0)
			continue;
		if (blank)
			putchar('\n');
		print_view(&views[i], rows);
		blank = true;
	}
	fputs(text_of(object, "text"), stdout);
	if (text_of(object, "message")[0] != '\0')
		printf("%s\n", text_of(object, "message"));
}

static void print_error(const json_t *object)
{
	const char *error = text_of(object, "error");
	const size_t n = strlen(error);

	if (n > 0)
		fprintf(stderr, "%s%s%s", strchr(error, '\n') != NULL ? "" : "sennit: ", error,
			error[n - 1] == '\n' ? "" : "\n");
}

static void show(void *context, const json_t *object)
{
	(void)context;
	if (json_object_get(object, "code") == NULL) {
		if (text_of(object, "line")[0] != '\0')
			puts(text_of(object, "line"));
		else
			fprintf(stderr, "%s\n", text_of(object, "message"));
		(void)fflush(stdout);
		return;
	}
	print_result(object);
	print_error(object);
}

static int put_text(const char *text, size_t n, void *data)
{
	return fwrite(text, 1, n, data) == n ? 0 : -1;
}

static void show_json(void *context, const json_t *object)
{
	(void)context;
	(void)json_dump_callback(object, put_text, stdout, JSON_COMPACT);
	putchar('\n');
	(void)fflush(stdout);
}

/* --- top ------------------------------------------------------------------------------------ */

struct top {
	json_t *before; /* the last sample: {"workers": [...]} */
	double before_at;
	bool first;
};

static double now_s(void)
{
	return (double)sn_clock_mono(&sn_clock_system) / 1e9;
}

static const json_t *same_worker(const json_t *sample, const json_t *worker)
{
	const json_t *rows = json_object_get(sample, "top");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (json_equal(json_object_get(row, "worker"), json_object_get(worker, "worker")) &&
			json_equal(json_object_get(row, "pid"), json_object_get(worker, "pid")))
			return row;
	}
	return NULL;
}

static double rate(const json_t *row, const json_t *before, const char *key, double span)
{
	return (json_number_value(json_object_get(row, key)) -
		       json_number_value(json_object_get(before, key))) /
		span;
}

static void show_top(void *context, const json_t *object)
{
	struct top *top = context;
	const json_t *rows = json_object_get(object, "top");
	const double now = now_s(), span = now - top->before_at;

	print_error(object);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);
		const json_t *before = same_worker(top->before, row);

		if (before == NULL)
			continue;
		(void)json_object_set_new(
			row, "cpu_percent", json_real(100 * rate(row, before, "cpu", span)));
		(void)json_object_set_new(
			row, "accepted_rate", json_real(rate(row, before, "accepted", span)));
		(void)json_object_set_new(
			row, "turns_rate", json_real(rate(row, before, "turns", span)));
	}
	if (!top->first) {
		if (sn_cli_color(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		print_result(object);
		(void)fflush(stdout);
	}
	json_decref(top->before);
	top->before = json_deep_copy(object);
	top->before_at = now;
	top->first = false;
}

/* Rates need two looks: one at once, then one every interval, until a signal ends it; not on a
 * terminal, or with --json: one table. */
static int run_top(int fd, bool json)
{
	static const char *const words[] = { "top" };
	struct top top = { .first = true };
	int code = EX_OK;

	for (unsigned round = 0; code == EX_OK && (round < 2 || isatty(STDOUT_FILENO)); round++) {
		if (json)
			return sn_ctl_request(fd, words, 1, show_json, NULL);
		if (round > 0)
			(void)poll(NULL, 0, round == 1 ? 1000 : TOP_INTERVAL_S * 1000);
		code = sn_ctl_request(fd, words, 1, show_top, &top);
	}
	json_decref(top.before);
	return code;
}

/* --- the verb ------------------------------------------------------------------------------- */

static int run(const struct sn_command *command, int argc, char **argv)
{
	const char *which = NULL;
	bool json = false;
	int i = 1, fd, code;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
			which = argv[++i];
		else if (strncmp(argv[i], "--socket=", 9) == 0)
			which = argv[i] + 9;
		else
			return sn_cli_usage(command->name, "unknown option %s", argv[i]);
	}
	if (i == argc)
		return sn_cli_usage(command->name, "ctl needs a verb, such as status");
	/* Options may follow the verb as well: people write `ctl status --json`. */
	if (strcmp(argv[argc - 1], "--json") == 0) {
		json = true;
		argc--;
	}
	fd = sn_ctl_connect(which);
	if (fd < 0)
		return -fd;
	if (strcmp(argv[i], "top") == 0 && argc == i + 1)
		code = run_top(fd, json);
	else
		code = sn_ctl_request(fd, (const char *const *)&argv[i], (size_t)(argc - i),
			json ? show_json : show, NULL);
	(void)close(fd);
	return code;
}

const struct sn_command sn_command_ctl = {
	.name = "ctl",
	.args = "[--socket PATH|NAME] [--json] VERB [WORD ...]",
	.summary = "look after a running daemon",
	.help = "Verbs:\n"
		"  status                      the daemon, its workers, services and listeners\n"
		"  workers                     one line for each worker\n"
		"  sessions [SERVICE]          who is connected\n"
		"  kick ID|ACCOUNT [REASON]    close connections\n"
		"  drain GROUP|SERVICE         take no more connections, let those there finish\n"
		"  start|stop GROUP|SERVICE    a stopped or failed one; a running one\n"
		"  reload                      read the configuration again\n"
		"  upgrade [BINARY]            go on with a new program, connections and all\n"
		"  log [NAMESPACE=LEVEL ...]   show or change log levels\n"
		"  top                         what the workers are doing now\n"
		"  metrics                     all metrics, as Prometheus reads them\n"
		"  health                      exit status 0 when everything runs\n"
		"\n"
		"Options:\n"
		"  --socket PATH|NAME  which daemon, when several run here\n"
		"  --json              the answer as JSON lines\n"
		"\n"
		"Each verb waits for its outcome; the exit status tells it.\n"
		"\n"
		"Examples:\n"
		"  sennit ctl status\n"
		"  sennit ctl kick alice \"see you tomorrow\"\n"
		"  sennit ctl log net.tls=debug\n",
	.run = run,
};
