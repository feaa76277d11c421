#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/spawn_private.h"
#include "tests/support/unit.h"

static struct sn_ask_spawn ask;
static struct sn_spawn_plan plan;

static void setup(void)
{
	static char name[] = "al", home[] = "/", shell[] = "/bin/sh";

	ask = (struct sn_ask_spawn){ .pty = false };
	plan = (struct sn_spawn_plan){
		.ask = &ask,
		.pool = sn_pool_new(0),
		.theirs = { -1, -1, -1 },
		.ours = { -1, -1, -1 },
		.pw = {
			.pw_name = name,
			.pw_dir = home,
			.pw_shell = shell,
			.pw_uid = geteuid(),
			.pw_gid = getegid(),
		},
	};
}

static void teardown(void)
{
	sn_spawn_close_fds(plan.theirs);
	sn_spawn_close_fds(plan.ours);
	sn_pool_free(&plan.pool);
}

START_TEST(later_words_replace_earlier_ones)
{
	static const char *const more[] = { "PATH=/x", "NEW=1", "=odd", "NEW=2", "no", "TERM=a",
		NULL };
	static const char *const want[] = { "HOME=/", "USER=al", "LOGNAME=al", "SHELL=/bin/sh",
		"PATH=/x", "NEW=2", "=odd", "TERM=a", NULL };
	const char *const *env;

	ask.env = more;
	ask.term = "dumb"; /* without a terminal there is no type of it */
	env = sn_spawn_env(&plan);
	for (size_t i = 0; want[i] != NULL; i++)
		ck_assert_str_eq(env[i], want[i]);
	ck_assert_ptr_null(env[8]);
}
END_TEST

START_TEST(opens_a_terminal)
{
	struct winsize size;

	ask.pty = true;
	ask.rows = 12;
	ask.columns = 34;
	ck_assert_int_eq(sn_spawn_open_fds(&plan), SN_OK);
	ck_assert_int_eq(strncmp(plan.line, "/dev/pts/", 9), 0);
	ck_assert_int_eq(ioctl(plan.theirs[2], TIOCGWINSZ, &size), 0);
	ck_assert(size.ws_row == 12 && size.ws_col == 34);
	ck_assert(isatty(plan.theirs[0]) && isatty(plan.theirs[1]) && plan.ours[1] == -1);
}
END_TEST

START_TEST(opens_pipes_the_right_way_round)
{
	char c = 0;

	ck_assert_int_eq(sn_spawn_open_fds(&plan), SN_OK);
	ck_assert_int_eq(write(plan.ours[0], "a", 1), 1);
	ck_assert_int_eq(read(plan.theirs[0], &c, 1), 1);
	for (size_t i = 1; i < 3; i++) {
		ck_assert_int_eq(write(plan.theirs[i], "b", 1), 1);
		ck_assert_int_eq(read(plan.ours[i], &c, 1), 1);
	}
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(fcntl(plan.ours[i], F_GETFD), FD_CLOEXEC);
	ck_assert_str_eq(plan.line, "");
}
END_TEST

/* As nobody: who starts programs as root refuses to stay root. */
START_TEST(reports_what_the_child_meets)
{
	static const char *const missing[] = { "/no/such/program", NULL };
	static const char *const there[] = { "true", NULL };
	pid_t pid;
	int status;

	if (geteuid() == 0)
		plan.pw.pw_uid = plan.pw.pw_gid = 65534;
	ask.argv = missing;
	ck_assert_int_eq(sn_spawn_open_fds(&plan), SN_OK);
	ck_assert_int_eq(sn_spawn_start(&plan, &pid), -ENOENT);
	ask.argv = there;
	ask.dir = "/proc/1/fd";
	ck_assert_int_eq(sn_spawn_start(&plan, &pid), -EACCES);
	ask.dir = NULL;
	ck_assert_int_eq(sn_spawn_start(&plan, &pid), SN_OK);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	plan.pw.pw_uid = geteuid() == 0 ? 0 : geteuid() + 1;
	ck_assert_int_eq(sn_spawn_start(&plan, &pid), -EPERM);
}
END_TEST

Suite *spawn_exec_suite(void);

Suite *spawn_exec_suite(void)
{
	Suite *suite = suite_create("spawn_exec");
	TCase *tc = tcase_create("spawn_exec");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, later_words_replace_earlier_ones);
	tcase_add_test(tc, opens_a_terminal);
	tcase_add_test(tc, opens_pipes_the_right_way_round);
	tcase_add_test(tc, reports_what_the_child_meets);
	suite_add_tcase(suite, tc);
	return suite;
}
