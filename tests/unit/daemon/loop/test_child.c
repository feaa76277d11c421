#include "daemon/loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/daemon/loop/fixture.h"

#define NOTHING (-1)

static struct sn_child child;
static int exit_status, exits;
static bool exited;

static void on_exit_noted(struct sn_child *c, int status)
{
	ck_assert_ptr_eq(c, &child);
	exit_status = status;
	exits++;
	exited = true;
}

static void setup(void)
{
	loop_setup();
	child = (struct sn_child){ .pid = 0 };
	exit_status = exits = 0;
	exited = false;
}

static int start(const struct sn_child_spec *spec)
{
	return sn_child_start(loop, &child, spec, on_exit_noted);
}

static const int no_fds[] = { -1, -1, -1 };

/* Runs a shell script to its end with the rest of the spec as given; its wait status. */
static int run_script_as(const char *script, struct sn_child_spec spec)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)script,
		NULL };

	spec.path = "/bin/sh";
	spec.argv = argv;
	if (spec.fds == NULL) {
		spec.fds = no_fds;
		spec.fd_count = 3;
	}
	exited = false;
	ck_assert_int_eq(start(&spec), SN_OK);
	turn_until(&exited);
	return exit_status;
}

static int run_script(const char *script)
{
	return run_script_as(script, (struct sn_child_spec){ .path = NULL });
}

/* `cat` that ends when the returned descriptor is closed. */
static int start_cat(struct sn_child_spec spec)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };
	int ends[2], fds[3];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = ends[0];
	fds[1] = fds[2] = NOTHING;
	spec.path = "cat";
	spec.argv = argv;
	spec.fds = fds;
	spec.fd_count = 3;
	ck_assert_int_eq(start(&spec), SN_OK);
	close(ends[0]);
	return ends[1];
}

static void assert_no_children(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(the_end_is_reported_with_its_status)
{
	int status = run_script("exit 7");

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	status = run_script("kill -KILL $$");
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert_int_eq(exits, 2);
	assert_no_children();
}
END_TEST

static const struct {
	const char *path, *dir;
	int err;
} failures[] = {
	{ "/nonexistent/program", NULL, -ENOENT },
	{ "no-program-of-this-name", NULL, -ENOENT },
	{ "/etc/passwd", NULL, -EACCES },
	{ "/bin/true", "/nonexistent", -ENOENT },
};

START_TEST(what_cannot_be_started_is_reported_at_once)
{
	char *const argv[] = { (char[]){ "x" }, NULL };
	const struct sn_child_spec spec = {
		.path = failures[_i].path,
		.argv = argv,
		.dir = failures[_i].dir,
		.fds = no_fds,
		.fd_count = 3,
	};

	/* Were there a folder on it that this user may not search, that would be the answer. */
	ck_assert_int_eq(setenv("PATH", "/usr/bin:/bin", 1), 0);
	ck_assert_int_eq(start(&spec), failures[_i].err);
	turn();
	ck_assert_int_eq(exits, 0);
	ck_assert_int_eq(sn_child_kill(&child, SIGTERM), -ESRCH);
	assert_no_children();
}
END_TEST

START_TEST(only_the_descriptors_named_are_open)
{
	int stray = fcntl(STDERR_FILENO, F_DUPFD, 50); /* not close-on-exec */
	char script[200];

	ck_assert_int_ge(stray, 50);
	snprintf(script, sizeof(script),
		"test -e /proc/$$/fd/0 && test -e /proc/$$/fd/1 && test -e /proc/$$/fd/2 && "
		"test ! -e /proc/$$/fd/%d",
		stray);
	ck_assert_int_eq(run_script(script), 0);
	close(stray);
}
END_TEST

static void assert_reads(int fd, const char *want)
{
	char text[16] = "";
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&polled, 1, -1), 1);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, want);
}

/* The child's 3 and 4 are the parent's 4 and 3, whatever those are. */
START_TEST(descriptors_may_change_places)
{
	int a[2], b[2], fds[64];
	int high;
	char script[100];

	open_pipe(a);
	open_pipe(b);
	high = a[1] > b[1] ? a[1] : b[1];
	ck_assert_int_lt(high, 64);
	for (int i = 0; i <= high; i++)
		fds[i] = NOTHING;
	fds[a[1]] = b[1];
	fds[b[1]] = a[1];
	snprintf(script, sizeof(script), "echo one >/proc/$$/fd/%d; echo two >/proc/$$/fd/%d", a[1],
		b[1]);
	ck_assert_int_eq(
		run_script_as(
			script, (struct sn_child_spec){ .fds = fds, .fd_count = (size_t)high + 1 }),
		0);
	assert_reads(b[0], "one\n");
	assert_reads(a[0], "two\n");
	ck_assert_int_eq(write(a[1], "x", 1), 1); /* they stay the parent's */
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}
END_TEST

START_TEST(environment_and_folder_are_set)
{
	char *const env[] = { (char[]){ "SN_TEST_WORD=violet" }, NULL };

	ck_assert_int_eq(run_script_as("test \"$SN_TEST_WORD\" = violet && test -z \"$HOME\" && "
				       "test \"$(pwd -P)\" = /usr",
				 (struct sn_child_spec){ .env = env, .dir = "/usr" }),
		0);
	ck_assert_int_eq(setenv("SN_TEST_WORD", "parent", 1), 0);
	ck_assert_int_eq(run_script("test \"$SN_TEST_WORD\" = parent"), 0);
}
END_TEST

START_TEST(signals_start_from_their_defaults)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	sigset_t usr1, mask;
	int status;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert_int_eq(sigaction(SIGPIPE, &ignore, &before), 0);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &usr1, &mask), 0);
	status = run_script("kill -PIPE $$; exit 0");
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	status = run_script("kill -USR1 $$; exit 0");
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGPIPE, &before, NULL);
}
END_TEST

START_TEST(an_inherited_ignored_sigchld_does_not_lose_the_status)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	ck_assert_int_eq(sigaction(SIGCHLD, &ignore, NULL), 0);
	ck_assert_int_eq(WEXITSTATUS(run_script("exit 9")), 9);
}
END_TEST

START_TEST(a_new_session_is_its_own)
{
	int hold = start_cat((struct sn_child_spec){ .new_session = true });

	ck_assert_int_eq(getsid(child.pid), child.pid);
	close(hold);
	turn_until(&exited);
	ck_assert_int_eq(exit_status, 0);

	hold = start_cat((struct sn_child_spec){ .new_session = false });
	ck_assert_int_eq(getsid(child.pid), getsid(0));
	exited = false;
	close(hold);
	turn_until(&exited);
}
END_TEST

START_TEST(kill_reaches_the_child_and_never_a_stranger)
{
	int hold = start_cat((struct sn_child_spec){ .path = NULL });

	ck_assert_int_eq(sn_child_kill(&child, 0), SN_OK);
	ck_assert_int_eq(sn_child_kill(&child, SIGTERM), SN_OK);
	turn_until(&exited);
	ck_assert(WIFSIGNALED(exit_status));
	ck_assert_int_eq(WTERMSIG(exit_status), SIGTERM);
	ck_assert_int_eq(sn_child_kill(&child, SIGTERM), -ESRCH);
	close(hold);
}
END_TEST

START_TEST(a_detached_child_is_reaped_silently)
{
	int hold = start_cat((struct sn_child_spec){ .path = NULL });
	pid_t pid = child.pid;

	sn_child_detach(&child);
	sn_child_detach(&child);
	ck_assert_int_eq(sn_child_kill(&child, SIGTERM), -ESRCH);
	memset(&child, 0, sizeof(child)); /* the owner's again */
	ck_assert_int_eq(kill(pid, 0), 0);
	close(hold);
	sn_loop_turn(loop, -1);
	assert_no_children();
	ck_assert_int_eq(exits, 0);
}
END_TEST

static void on_detach(struct sn_watch *watch, unsigned events)
{
	(void)events;
	sn_child_detach(&child);
	sn_watch_clear(watch);
}

/* Both the end of the child and a byte for on_detach are there before the turn. */
START_TEST(detaching_wins_over_an_end_already_reported)
{
	struct sn_watch first = { .fd = -1 };
	struct pollfd polled = { .events = POLLIN };
	int hold, ends[2];

	open_pipe(ends);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(sn_watch_set(loop, &first, ends[0], SN_READABLE, on_detach), SN_OK);
	hold = start_cat((struct sn_child_spec){ .path = NULL });
	close(hold);
	polled.fd = child.watch.fd;
	ck_assert_int_eq(poll(&polled, 1, -1), 1);
	turn();
	turn();
	assert_no_children();
	ck_assert_int_eq(exits, 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_loop_may_go_before_its_detached_children)
{
	int hold = start_cat((struct sn_child_spec){ .path = NULL });
	pid_t pid = child.pid;

	sn_child_detach(&child);
	loop_teardown();
	close(hold);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	loop_setup();
}
END_TEST

static void turn_until_gone(pid_t pid)
{
	while (kill(pid, 0) == 0)
		sn_loop_turn(loop, SN_MS(100));
	ck_assert_int_eq(errno, ESRCH);
	assert_no_children();
	ck_assert_int_eq(exits, 0);
}

START_TEST(an_ended_child_gets_sigterm)
{
	int hold = start_cat((struct sn_child_spec){ .path = NULL });
	pid_t pid = child.pid;

	sn_child_end(&child, SN_SEC(3600));
	sn_child_end(&child, SN_SEC(3600));
	memset(&child, 0, sizeof(child)); /* the owner's again */
	turn_until_gone(pid);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
	close(hold);
}
END_TEST

/* A child that ignores SIGTERM, for certain: it has said so. */
static pid_t start_stubborn(int *hold_r)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
		(char[]){ "trap '' TERM; echo; exec cat" }, NULL };
	int input[2], output[2];
	char c;

	ck_assert_int_eq(pipe2(input, O_CLOEXEC) + pipe2(output, O_CLOEXEC), 0);
	ck_assert_int_eq(start(&(struct sn_child_spec){
				 .path = "/bin/sh",
				 .argv = argv,
				 .fds = (int[]){ input[0], output[1] },
				 .fd_count = 2,
			 }),
		SN_OK);
	close(input[0]);
	close(output[1]);
	ck_assert_int_eq(read(output[0], &c, 1), 1);
	close(output[0]);
	*hold_r = input[1];
	return child.pid;
}

START_TEST(a_child_that_ignores_sigterm_is_killed)
{
	int hold;
	pid_t pid = start_stubborn(&hold);

	sn_child_end(&child, SN_MS(20));
	turn_until_gone(pid);
	close(hold);
}
END_TEST

START_TEST(a_loop_that_goes_kills_what_was_told_to_end)
{
	int hold, status;
	pid_t pid = start_stubborn(&hold);

	sn_child_end(&child, SN_SEC(3600));
	loop_teardown();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(hold);
	loop_setup();
}
END_TEST

/* In a process between the test and the child: start the child, say so, and end. */
static void start_and_end(int input, int output)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };
	const int fds[] = { input, output, output };
	const struct sn_child_spec spec = {
		.path = "cat",
		.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.die_with_parent = true,
	};

	loop_setup();
	_exit(start(&spec) == SN_OK ? 0 : 1);
}

START_TEST(a_child_may_die_with_its_parent)
{
	int input[2], output[2], status;
	pid_t middle;
	char c;

	ck_assert_int_eq(pipe2(input, O_CLOEXEC) + pipe2(output, O_CLOEXEC), 0);
	middle = fork();
	if (middle == 0)
		start_and_end(input[0], output[1]);
	ck_assert_int_eq(waitpid(middle, &status, 0), middle);
	ck_assert_int_eq(status, 0);
	close(output[1]);
	/* Its input stays open, so this ends only if the child was killed. */
	ck_assert_int_eq(read(output[0], &c, 1), 0);
	close(output[0]);
	close(input[0]);
	close(input[1]);
}
END_TEST

Suite *child_suite(void);
Suite *child_suite(void)
{
	Suite *s = suite_create("child");
	TCase *tc = tcase_create("child");

	tcase_add_checked_fixture(tc, setup, loop_teardown);
	tcase_set_timeout(tc, 30);
	/* Debian 12's valgrind has no pidfd_open: run it with CK_EXCLUDE_TAGS=no-valgrind. */
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, the_end_is_reported_with_its_status);
	tcase_add_loop_test(tc, what_cannot_be_started_is_reported_at_once, 0, 4);
	tcase_add_test(tc, only_the_descriptors_named_are_open);
	tcase_add_test(tc, descriptors_may_change_places);
	tcase_add_test(tc, environment_and_folder_are_set);
	tcase_add_test(tc, signals_start_from_their_defaults);
	tcase_add_test(tc, an_inherited_ignored_sigchld_does_not_lose_the_status);
	tcase_add_test(tc, a_new_session_is_its_own);
	tcase_add_test(tc, kill_reaches_the_child_and_never_a_stranger);
	tcase_add_test(tc, a_detached_child_is_reaped_silently);
	tcase_add_test(tc, detaching_wins_over_an_end_already_reported);
	tcase_add_test(tc, a_loop_may_go_before_its_detached_children);
	tcase_add_test(tc, an_ended_child_gets_sigterm);
	tcase_add_test(tc, a_child_that_ignores_sigterm_is_killed);
	tcase_add_test(tc, a_loop_that_goes_kills_what_was_told_to_end);
	tcase_add_test(tc, a_child_may_die_with_its_parent);
	suite_add_tcase(s, tc);
	return s;
}
