#include "daemon/proc/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

static const char *inode_of(int fd, char mem[24])
{
	struct stat st;

	(void)snprintf(mem, 24, "%lu", fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0);
	return mem;
}

/* What the child sees: it is this program again. */
static bool is_file_of(int fd, const char *variable)
{
	const char *inode = getenv(variable);
	char mem[24];

	return inode != NULL && strcmp(inode, inode_of(fd, mem)) == 0;
}

/* 10 + which check failed, or 0. */
static int look_around(void)
{
	const char *pid = getenv("LISTEN_PID");
	int channel;

	if (sn_role_channel("@test-role", &channel) != SN_OK || channel != SN_IPC_FD)
		return 10;
	if (sn_role_take_inherited(&channel) != SN_OK || channel == SN_IPC_FD)
		return 11;
	if (!is_file_of(3, "SN_TEST_INODE_3") || !is_file_of(5, "SN_TEST_INODE_5"))
		return 12;
	if (pid == NULL || atol(getenv("LISTEN_PID")) != getpid())
		return 13;
	if (send(channel, "fine", 4, 0) != 4)
		return 14;
	return 0;
}

__attribute__((constructor)) static void play_test_role(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "@test-role") == 0)
		_exit(look_around());
}

static struct sn_loop *loop;
static struct sn_child child;
static int status, channel[2];
static bool ended;

static void on_exit_noted(struct sn_child *c, int s)
{
	(void)c;
	status = s;
	ended = true;
}

static void setup(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_ipc_pair(channel), SN_OK);
	ended = false;
}

static void teardown(void)
{
	close(channel[0]);
	close(channel[1]);
	sn_loop_free(&loop);
}

static int run(const struct sn_role_spec *spec)
{
	ck_assert_int_eq(sn_role_start(loop, &child, spec, on_exit_noted), SN_OK);
	sn_test_turn_until(loop, ended);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run_script(const char *script)
{
	const char *const args[] = { "-c", script, NULL };

	return run(&(struct sn_role_spec){ .program = "/bin/sh",
		.args = args,
		.channel = channel[1],
		.in = -1,
		.out = -1,
		.err = STDERR_FILENO });
}

START_TEST(the_manager_speaks_to_us_only)
{
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", "/run/x", 1), 0);
	ck_assert_int_eq(setenv("LISTEN_FDS", "1", 1), 0);
	ck_assert_int_eq(setenv("SN_TEST_KEPT", "1", 1), 0);
	ck_assert_int_eq(run_script("test -z \"$NOTIFY_SOCKET\" && test -z \"$LISTEN_FDS\" && "
				    "test \"$SN_TEST_KEPT\" = 1 && test -S /proc/self/fd/3"),
		0);
}
END_TEST

static void put_file(int fd, const char *variable)
{
	const int made = memfd_create("x", 0);
	char mem[24];

	if (made != fd) {
		(void)dup2(made, fd);
		close(made);
	}
	(void)setenv(variable, inode_of(fd, mem), 1);
}

/* In a process of its own, whose low numbers it may use as it likes. */
static int start_with_inherited(void)
{
	static const int inherited[] = { 3, 5 };
	static const char *const args[] = { "@test-role", NULL };
	char pid[24], text[8];
	struct sn_loop *own;

	for (int fd = 3; fd < 100; fd++)
		close(fd);
	put_file(3, "SN_TEST_INODE_3");
	put_file(5, "SN_TEST_INODE_5");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
		return 1;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	if (sn_loop_new(NULL, &own) != SN_OK ||
		sn_role_start(own, &child,
			&(struct sn_role_spec){ .args = args,
				.channel = channel[1],
				.in = -1,
				.out = -1,
				.err = STDERR_FILENO,
				.inherited = inherited,
				.inherited_count = 2 },
			on_exit_noted) != SN_OK)
		return 2;
	while (!ended)
		sn_loop_turn(own, -1);
	if (recv(channel[0], text, sizeof(text), MSG_DONTWAIT) != 4)
		return 3;
	sn_loop_free(&own);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

START_TEST(what_was_inherited_keeps_its_numbers)
{
	const pid_t pid = fork();
	int result;

	if (pid == 0)
		_exit(start_with_inherited());
	ck_assert_int_eq(waitpid(pid, &result, 0), pid);
	ck_assert(WIFEXITED(result));
	ck_assert_int_eq(WEXITSTATUS(result), 0);
}
END_TEST

START_TEST(a_person_is_told)
{
	const pid_t pid = fork();
	int result, fd;

	if (pid == 0) {
		close(SN_IPC_FD);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(99);
		_exit(sn_role_channel("@worker", &fd) == SN_EUNSUPPORTED ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &result, 0), pid);
	ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there)
{
	static const char *const args[] = { "@worker", NULL };
	const struct sn_role_spec spec = { .program = "/nonexistent/sennit",
		.args = args,
		.channel = channel[1],
		.in = -1,
		.out = -1,
		.err = -1 };

	ck_assert_int_eq(sn_role_start(loop, &child, &spec, on_exit_noted), -ENOENT);
}
END_TEST

Suite *role_suite(void);
Suite *role_suite(void)
{
	Suite *s = suite_create("proc/role");
	TCase *tc = tcase_create("role");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_set_tags(tc, "no-valgrind"); /* pidfd_open */
	tcase_add_test(tc, the_manager_speaks_to_us_only);
	tcase_add_test(tc, what_was_inherited_keeps_its_numbers);
	tcase_add_test(tc, a_person_is_told);
	tcase_add_test(tc, a_program_that_is_not_there);
	suite_add_tcase(s, tc);
	return s;
}
