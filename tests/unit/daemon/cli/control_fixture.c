#include "tests/unit/daemon/cli/control_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/control.h"
#include "tests/support/unit.h"

static pid_t server = -1;

static void run_status(struct sn_control_request *request)
{
	sn_control_done(request, 0,
		json_pack("{s:{s:s, s:s, s:i, s:i}, s:[{s:s, s:i, s:s, s:i, s:i, s:i, s:f}], s:[]}",
			"daemon", "name", "sennit", "version", "0.1", "pid", 42, "uptime", 90061,
			"workers", "worker", "main/0", "pid", 43, "state", "running", "uptime", 59,
			"restarts", 2, "connections", 1000, "lag", 0.0012, "services"));
}

static void run_sessions(struct sn_control_request *request)
{
	sn_control_done(request, 0,
		json_pack("{s:[{s:s, s:s, s:s, s:n, s:s, s:b, s:i, s:i, s:i, s:i}]}", "sessions",
			"id", "main/0#7", "service", "irc", "peer", "127.0.0.1:5", "account",
			"title", "evil\033[2J", "tls", 1, "age", 3600, "idle", 0, "in", 999, "out",
			123456));
}

static void run_top(struct sn_control_request *request)
{
	static int cpu;

	cpu += 1000; /* s: no interval is as long */
	sn_control_done(request, 0,
		json_pack("{s:[{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:i}]}", "top", "worker",
			"main/0", "pid", 43, "cpu", cpu, "memory", 1500, "connections", 3,
			"accepted", cpu, "turns", cpu, "lag", 0.5, "slow_turns", 1));
}

static void run_log(struct sn_control_request *request)
{
	sn_control_event(request, "line", json_pack("{s:s}", "line", "one"));
	sn_control_event(request, "note", json_pack("{s:s}", "message", "aside"));
	sn_control_done(request, 0, json_pack("{s:s}", "message", "done"));
}

static void run_fail(struct sn_control_request *request)
{
	if (request->count == 1)
		sn_control_fail(request, 78, "a.toml:1:2: error: no\n  | x\n");
	else
		sn_control_fail(request, 69, "no worker runs");
}

static void run_bye(struct sn_control_request *request)
{
	(void)request;
	_exit(0);
}

static const struct sn_control_verb verbs[] = {
	{ "status", 0, 0, run_status },
	{ "sessions", 0, 1, run_sessions },
	{ "top", 0, 0, run_top },
	{ "log", 0, 9, run_log },
	{ "fail", 0, 1, run_fail },
	{ "bye", 0, 0, run_bye },
};

static void serve(const char *path, int ready)
{
	struct sn_control_options options = { .verbs = verbs,
		.verb_count = sizeof(verbs) / sizeof(verbs[0]) };
	struct sn_listen_socket sock;
	struct sn_control *control;

	if (sn_loop_new(NULL, &options.loop) != SN_OK ||
		sn_control_bind(path, &sock, NULL) != SN_OK ||
		sn_control_open(&options, &sock, &control) != SN_OK || write(ready, "", 1) != 1)
		_exit(1);
	(void)sn_loop_run(options.loop);
}

void control_fixture_start(const char *path)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0)
		serve(path, ready[1]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

void control_fixture_stop(void)
{
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
}
