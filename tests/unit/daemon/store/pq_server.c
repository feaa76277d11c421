#include "tests/unit/daemon/store/pq_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define BINARIES "/usr/lib/postgresql/15/bin"
#define PATIENCE_S 60

static char folder[64], data[80], database[40], url[256];
static pid_t server, owner;
static unsigned databases;
static bool made; /* the test's database */

/* Neither initdb nor postgres runs as root. */
static void drop_root(void)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

	if (geteuid() != 0)
		return;
	if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
		setuid(user->pw_uid) != 0)
		_exit(126);
}

/* A child that runs a program with its output in a file of the folder, and dies with us. */
static pid_t start(const char *const *argv, const char *log)
{
	char path[128];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", folder, log);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	drop_root();
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	setsid();
	if (chdir(folder) != 0)
		_exit(125);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int null = open("/dev/null", O_RDONLY);
	dup2(null, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void show_log(const char *log)
{
	char command[160];

	snprintf(command, sizeof(command), "%s/%s", folder, log);
	FILE *file = fopen(command, "r");
	for (int c; file != NULL && (c = fgetc(file)) != EOF;)
		fputc(c, stderr);
	if (file != NULL)
		fclose(file);
}

static void need(const char *program)
{
	ck_assert_msg(access(program, X_OK) == 0, "%s is missing: apt-get install postgresql-15",
		program);
}

static void make_cluster(void)
{
	const char *const argv[] = { BINARIES "/initdb", "-D", data, "-U", "postgres", "-A",
		"trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", NULL };
	int status;
	pid_t pid;

	need(argv[0]);
	snprintf(folder, sizeof(folder), "/tmp/sn-pq-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 01777), 0);
	snprintf(data, sizeof(data), "%s/data", folder);
	pid = start(argv, "initdb.log");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (status != 0)
		show_log("initdb.log");
	ck_assert_msg(status == 0, "initdb failed (%d)", status);
}

static void pause_briefly(void)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	nanosleep(&moment, NULL);
}

/* There is nothing to wait for but an answer. */
static void wait_for_server(void)
{
	const time_t deadline = time(NULL) + PATIENCE_S;

	while (PQping(pq_server_url_of("postgres")) != PQPING_OK) {
		const bool alive = waitpid(server, NULL, WNOHANG) == 0;

		if (!alive || time(NULL) > deadline)
			show_log("postgres.log");
		ck_assert_msg(alive, "postgres ended");
		ck_assert_msg(time(NULL) <= deadline, "postgres does not answer");
		pause_briefly();
	}
}

static void run_server(void)
{
	const char *const argv[] = { BINARIES "/postgres", "-D", data, "-k", folder, "-h", "", "-F",
		"-c", "max_connections=40", "-c", "shared_buffers=16MB", "-c",
		"unix_socket_permissions=0777", NULL };

	need(argv[0]);
	server = start(argv, "postgres.log");
	wait_for_server();
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void end_server(void)
{
	if (getpid() != owner)
		return;
	if (server > 0) {
		pq_server_thaw();
		kill(server, SIGQUIT);
		waitpid(server, NULL, 0);
	}
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void pq_server_start(void)
{
	if (server > 0)
		return;
	owner = getpid();
	make_cluster();
	run_server();
	atexit(end_server);
}

void pq_server_new_database(void)
{
	made = false;
}

const char *pq_server_url_of(const char *name)
{
	static char other[256];

	snprintf(other, sizeof(other), "postgresql://postgres@/%s?host=%s", name, folder);
	return other;
}

static void run_sql(const char *name, const char *sql)
{
	PGconn *conn = PQconnectdb(pq_server_url_of(name));
	PGresult *result = PQexec(conn, sql);
	const ExecStatusType status = PQresultStatus(result);

	ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
		PQerrorMessage(conn));
	PQclear(result);
	PQfinish(conn);
}

const char *pq_server_url(void)
{
	char sql[80];

	if (!made) {
		snprintf(database, sizeof(database), "t%d_%u", (int)getpid(), ++databases);
		snprintf(sql, sizeof(sql), "CREATE DATABASE %s STRATEGY file_copy", database);
		run_sql("postgres", sql);
		snprintf(url, sizeof(url), "%s", pq_server_url_of(database));
		made = true;
	}
	return url;
}

void pq_server_does(const char *sql)
{
	pq_server_url();
	run_sql(database, sql);
}

void pq_server_kick(void)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
		database);
	run_sql("postgres", sql);
}

/* The server's processes are its children, each the leader of a group of its own. */
static void signal_all(int signo)
{
	char path[64], line[32];
	FILE *file;

	kill(server, signo);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)server, (int)server);
	file = fopen(path, "r");
	while (file != NULL && fscanf(file, "%31s", line) == 1)
		kill((pid_t)strtol(line, NULL, 10), signo);
	if (file != NULL)
		fclose(file);
}

void pq_server_freeze(void)
{
	signal_all(SIGSTOP);
}

void pq_server_thaw(void)
{
	signal_all(SIGCONT);
}

void pq_server_refuse(bool refuse)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "ALTER DATABASE %s ALLOW_CONNECTIONS %s", database,
		refuse ? "false" : "true");
	run_sql("postgres", sql);
}
