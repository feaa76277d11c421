#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop/offload.h"
#include "daemon/loop/signal.h"
#include "daemon/loop/timer.h"
#include "daemon/proc/privs.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/jail.h"

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, \
				strerror(errno)); \
			return 1; \
		} \
	} while (0)

static char folder[64];
static struct sn_str folder_path;
static pid_t boss; /* has the same user as its workers */

static void setup(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/sennit-sandbox-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0777), 0);
	folder_path = sn_str(folder);
	boss = getpid();
}

static void teardown(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* As a worker: nobody (who is not root: themselves), no capabilities, sandboxed. */
static int be_worker(void)
{
	const struct sn_sandbox sandbox = { .write_paths = &folder_path, .write_path_count = 1 };
	const char *user = geteuid() == 0 ? "nobody" : "";
	struct sn_diag diag = { 0 };

	jail_be_root();
	/* A network of its own: there ports below 1024 are privileged, whatever the machine says.
	 */
	REQUIRE(unshare(CLONE_NEWNET) == 0);
	REQUIRE(sn_privs_become(sn_str(user), SN_STR_NULL, &diag) == SN_OK);
	if (sn_privs_sandbox(&sandbox, &diag) != SN_OK) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	return 0;
}

/* --- what is refused ---------------------------------------------------------------------------
 */

/* Each gives 0 when it was refused with an error, 1 when it worked; the filter may end it before
 * that. */
static int set_uid(void)
{
	return setuid(0) == 0;
}

static int read_shadow(void)
{
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0;
}

static int read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static int write_elsewhere(void)
{
	return open("/tmp/sennit-not-allowed", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static int write_library_folder(void)
{
	return open("/usr/lib/sennit-not-allowed", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static int run_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 0;
}

static int bind_low_port(void)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(80),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static int trace_boss(void)
{
	return ptrace(PTRACE_SEIZE, boss, NULL, NULL) == 0;
}

static int mount_something(void)
{
	return mount("none", folder, "tmpfs", 0, NULL) == 0;
}

static int load_module(void)
{
	return syscall(SYS_init_module, "", 0, "") == 0;
}

static int load_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) == 0;
}

static int add_key(void)
{
	return syscall(SYS_add_key, "user", "x", "y", 1, -2) >= 0;
}

static int set_up_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL) >= 0;
}

static int new_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static int fork_process(void)
{
	const pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static int open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0) >= 0;
}

static int open_audit_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 9) >= 0;
}

static int signal_boss(void)
{
	return kill(boss, 0) == 0;
}

static int set_other_limits(void)
{
	return syscall(SYS_prlimit64, boss, 7, NULL, NULL) == 0;
}

struct attempt {
	const char *name; /* of the call that the filter catches; NULL: fails with an error */
	int (*fn)(void);
};

static const struct attempt attempts[] = {
	{ "setuid", set_uid },
	{ NULL, read_shadow },
	{ NULL, read_passwd },
	{ NULL, write_elsewhere },
	{ NULL, write_library_folder },
	{ "execve", run_program },
	{ NULL, bind_low_port },
#ifdef __SANITIZE_ADDRESS__
	{ NULL, trace_boss }, /* landlock does it: the leak check must trace its own process */
#else
	{ "ptrace", trace_boss },
#endif
	{ "mount", mount_something },
	{ "init_module", load_module },
	{ "bpf", load_bpf },
	{ "add_key", add_key },
	{ "io_uring_setup", set_up_ring },
	{ "unshare", new_namespace },
	{ NULL, fork_process },
	{ NULL, open_packet_socket },
	{ NULL, open_audit_socket },
	{ NULL, signal_boss },
	{ "prlimit64", set_other_limits },
};

static int try_attempt(const void *arg)
{
	const struct attempt *attempt = arg;

	if (be_worker() != 0)
		return 2;
	return attempt->fn();
}

START_TEST(refuses)
{
	const struct attempt *attempt = &attempts[_i];
	char line[96];
	struct jail_end end;

	jail_run(try_attempt, attempt, &end);
	if (attempt->name == NULL) {
		ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0,
			"attempt %d: status %d: %s", _i, end.status, end.said);
		return;
	}
	(void)snprintf(line, sizeof(line), "(%s); this worker ends", attempt->name);
	ck_assert_msg(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGSYS,
		"%s: status %d: %s", attempt->name, end.status, end.said);
	ck_assert_msg(strstr(end.said, line) != NULL, "%s: %s", attempt->name, end.said);
}
END_TEST

/* --- what works --------------------------------------------------------------------------------
 */

static int run_sql(void)
{
	char path[96];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/test.db", folder);
	REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
	REQUIRE(sqlite3_exec(db,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"CREATE TABLE t (a); INSERT INTO t VALUES (1); VACUUM;"
			"PRAGMA wal_checkpoint(TRUNCATE);",
			NULL, NULL, NULL) == SQLITE_OK);
	REQUIRE(sqlite3_close(db) == SQLITE_OK);
	return 0;
}

static int read_system_files(void)
{
	static const char *const paths[] = { "/etc/hosts", "/etc/ssl/certs", "/dev/urandom",
		"/proc/self/maps" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		REQUIRE(fd >= 0);
		(void)close(fd);
	}
	return 0;
}

static int look_up_name(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	REQUIRE(getaddrinfo("localhost", "80", &hints, &found) == 0);
	freeaddrinfo(found);
	return 0;
}

static int load_library(void)
{
	void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);

	REQUIRE(library != NULL && dlsym(library, "cos") != NULL);
	(void)dlclose(library);
	return 0;
}

static int use_memory(void)
{
	const int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *code;

	REQUIRE(fd >= 0 && ftruncate(fd, 4096) == 0);
	REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(code != MAP_FAILED && mprotect(code, 4096, PROT_READ) == 0);
	REQUIRE(munmap(code, 4096) == 0 && close(fd) == 0);
	return 0;
}

static void on_signal(struct sn_signal *sig, int signo)
{
	(void)signo;
	sn_loop_stop(sig->watch.loop, 7);
}

struct work {
	struct sn_job job;
	struct sn_timer timer;
};

static int hash_something(struct sn_job *job)
{
	(void)job;
	return SN_OK;
}

static void on_timer(struct sn_timer *timer)
{
	(void)timer;
	(void)raise(SIGUSR1);
}

static void on_done(struct sn_job *job, int code)
{
	struct work *work = sn_container_of(job, struct work, job);

	(void)code;
	sn_timer_set(work->timer.loop, &work->timer, SN_MS(1), on_timer);
}

/* Loop, timer, signal, pool of threads: made before and after. */
static int run_loop(void)
{
	static const int signos[] = { SIGUSR1, 0 };
	struct work work = { .job = { .work = hash_something, .done = on_done } };
	struct sn_signal sig = { .mask = 0 };
	struct sn_offload *pool;
	struct sn_loop *loop;

	REQUIRE(sn_loop_new(NULL, &loop) == SN_OK);
	work.timer.loop = loop;
	REQUIRE(sn_signal_start(loop, &sig, signos, on_signal) == SN_OK);
	REQUIRE(sn_offload_new(&(struct sn_offload_options){ .threads = 2 }, &pool) == SN_OK);
	REQUIRE(sn_offload_run(pool, loop, &work.job) == SN_OK);
	REQUIRE(sn_loop_run(loop) == 7);
	sn_signal_stop(&sig);
	sn_offload_free(&pool);
	sn_loop_free(&loop);
	return 0;
}

static int listen_and_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int server = socket(AF_UNIX, SOCK_STREAM, 0);
	const int client = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", folder);
	REQUIRE(bind(server, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	REQUIRE(listen(server, 5) == 0);
	REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	REQUIRE(close(server) == 0 && close(client) == 0 && unlink(addr.sun_path) == 0);
	return 0;
}

static int (*const deeds[])(void) = {
	run_sql,
	read_system_files,
	look_up_name,
	load_library,
	use_memory,
	run_loop,
	listen_and_connect,
};

static int do_deed(const void *arg)
{
	int (*const *deed)(void) = arg;

	if (be_worker() != 0)
		return 2;
	return (*deed)();
}

START_TEST(allows)
{
	struct jail_end end;

	jail_run(do_deed, &deeds[_i], &end);
	ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0,
		"deed %d: status %d: %s", _i, end.status, end.said);
}
END_TEST

/* A handler that was there before still has its say. */
static void on_sigsys(int signo)
{
	static const char text[] = "and a backtrace\n";

	(void)signo;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 1 : 3);
}

static int refuse_after_handler(const void *arg)
{
	(void)arg;
	(void)signal(SIGSYS, on_sigsys);
	if (be_worker() != 0)
		return 2;
	(void)mount_something();
	return 0;
}

START_TEST(hands_on_to_the_handler_before)
{
	struct jail_end end;

	jail_run(refuse_after_handler, NULL, &end);
	ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 3, "%d", end.status);
	ck_assert_ptr_nonnull(strstr(end.said, "(mount)"));
	ck_assert_ptr_nonnull(strstr(end.said, "and a backtrace"));
}
END_TEST

/* Threads that run already are filtered too. */
static void *mount_in_thread(void *arg)
{
	int *go = arg;

	while (__atomic_load_n(go, __ATOMIC_ACQUIRE) == 0)
		(void)sched_yield();
	(void)mount_something();
	return NULL;
}

static int sandbox_with_threads(const void *arg)
{
	pthread_t thread;
	int go = 0;

	(void)arg;
	jail_be_root();
	REQUIRE(pthread_create(&thread, NULL, mount_in_thread, &go) == 0);
	REQUIRE(sn_privs_sandbox(&(struct sn_sandbox){ .read_path_count = 0 }, NULL) == SN_OK);
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	(void)pthread_join(thread, NULL);
	return 0;
}

START_TEST(covers_threads_that_run)
{
	struct jail_end end;

	jail_run(sandbox_with_threads, NULL, &end);
	ck_assert_msg(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGSYS, "%d: %s",
		end.status, end.said);
}
END_TEST

Suite *sandbox_suite(void);

Suite *sandbox_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_loop_test(tc, refuses, 0, (int)(sizeof(attempts) / sizeof(attempts[0])));
	tcase_add_loop_test(tc, allows, 0, (int)(sizeof(deeds) / sizeof(deeds[0])));
	tcase_add_test(tc, hands_on_to_the_handler_before);
	tcase_add_test(tc, covers_threads_that_run);
	suite_add_tcase(suite, tc);
	return suite;
}
