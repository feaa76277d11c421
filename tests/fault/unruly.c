/*
 * A plugin that does what no service should, when a client says so. Other lines are said back.
 *
 *   spin MS    uses the CPU for so long            crash      aborts
 *   sleep MS   sleeps in the middle of a turn      leak       opens descriptors until there are no
 * more exit       ends the process                    unleak     closes them again
 *   tell TYPE  sends the supervisor an empty message of this type (daemon/proc/ipc.def)
 *
 * With exit_while, it also ends the process when it starts, as long as that file exists.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/framer.h"
#include "daemon/proc/ipc.h"
#include "daemon/service/plugin.h"

#define LEAK_MAX 1048576

struct unruly_conf {
	struct sn_str exit_while, motto;
};

static const struct sn_conf_item items[] = {
	{ "exit_while", SN_CONF_STRING, offsetof(struct unruly_conf, exit_while), .def = "",
		.max = 4096, .doc = "While this file exists, its start ends the process." },
	{ "motto", SN_CONF_STRING, offsetof(struct unruly_conf, motto), .def = "", .max = 64,
		.reload = SN_RELOAD_SERVICE, .doc = "Without effect, but for the restart." },
};
static const struct sn_conf_section section = {
	.name = "unruly",
	.items = items,
	.count = sizeof(items) / sizeof(items[0]),
	.size = sizeof(struct unruly_conf),
	.doc = "Does what no service should.",
};

struct client {
	struct sn_conn conn;
	struct sn_line_framer framer;
};

static int *leaked;
static size_t leak_count;

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void spin(const char *ms)
{
	const int64_t end = clock_ms(CLOCK_THREAD_CPUTIME_ID) + atoi(ms);

	while (clock_ms(CLOCK_THREAD_CPUTIME_ID) < end) {
	}
}

static void nap(const char *ms)
{
	const struct timespec tick = { .tv_nsec = 1000000 };
	const int64_t end = clock_ms(CLOCK_MONOTONIC) + atoi(ms);

	while (clock_ms(CLOCK_MONOTONIC) < end)
		(void)nanosleep(&tick, NULL);
}

static void crash(const char *unused)
{
	(void)unused;
	abort();
}

static void leave(const char *unused)
{
	(void)unused;
	_exit(3);
}

static void leak(const char *unused)
{
	int fd;

	(void)unused;
	leaked = realloc(leaked, LEAK_MAX * sizeof(*leaked));
	while (leak_count < LEAK_MAX && (fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		leaked[leak_count++] = fd;
}

static void unleak(const char *unused)
{
	(void)unused;
	while (leak_count > 0)
		(void)close(leaked[--leak_count]);
}

static void tell(const char *type)
{
	const struct {
		uint16_t version, type;
		uint32_t serial, length, zero;
	} header = { htons(SN_IPC_VERSION), htons((uint16_t)atoi(type)), 0, 0, 0 };

	(void)!send(SN_IPC_FD, &header, sizeof(header), MSG_NOSIGNAL);
}

static void obey(struct sn_str line)
{
	static const struct {
		const char *word;
		void (*fn)(const char *rest);
	} orders[] = {
		{ "spin ", spin },
		{ "sleep ", nap },
		{ "crash", crash },
		{ "exit", leave },
		{ "leak", leak },
		{ "unleak", unleak },
		{ "tell ", tell },
	};
	char text[64] = "";

	memcpy(text, line.p, line.n < sizeof(text) - 1 ? line.n : sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strncmp(text, orders[i].word, strlen(orders[i].word)) == 0)
			orders[i].fn(text + strlen(orders[i].word));
	}
}

static int conn_open(struct sn_conn *conn)
{
	sn_line_framer_init(
		&sn_container_of(conn, struct client, conn)->framer, SN_LINE_LF_OR_CRLF, 512);
	return SN_OK;
}

static int conn_input(struct sn_conn *conn)
{
	struct client *client = sn_container_of(conn, struct client, conn);
	struct sn_str line;
	size_t used;

	while (sn_frame_line(&client->framer, sn_conn_input(conn), &line, &used) == SN_OK) {
		obey(line);
		sn_conn_write(conn, line);
		sn_conn_write(conn, SN_STR("\n"));
		sn_conn_consume(conn, used);
	}
	sn_conn_consume(conn, used);
	return SN_OK;
}

static void conn_kick(struct sn_conn *conn, struct sn_str reason)
{
	sn_conn_printf(conn, "error: %.*s\n", SN_STR_ARG(reason));
	sn_conn_close(conn);
}

static int start(struct sn_instance *instance, struct sn_diag *diag)
{
	const struct unruly_conf *conf = instance->settings;
	char path[4097] = "";

	(void)diag;
	memcpy(path, conf->exit_while.p, conf->exit_while.n);
	if (path[0] != '\0' && access(path, F_OK) == 0)
		_exit(3);
	return SN_OK;
}

static const struct sn_service service = {
	.abi = SN_SERVICE_ABI,
	.size = sizeof(struct sn_service),
	.name = "unruly",
	.summary = "does what no service should",
	.flags = SN_SERVICE_SHARDED | SN_SERVICE_STREAM,
	.instance_size = sizeof(struct sn_instance),
	.conn_size = sizeof(struct client),
	.conf = &section,
	.start = start,
	.conn_open = conn_open,
	.conn_input = conn_input,
	.conn_kick = conn_kick,
};
static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_SERVICE(&service) };

SN_PLUGIN("org.example.unruly", "1.0", "MIT", interfaces);
