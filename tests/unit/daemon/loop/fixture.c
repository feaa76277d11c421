#include "tests/unit/daemon/loop/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct sn_loop *loop;
struct sn_fake_clock fake;

void loop_setup(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
}

void fake_loop_setup(void)
{
	const struct sn_loop_options options = { .clock = &fake.clock };

	sn_fake_clock_init(&fake);
	ck_assert_int_eq(sn_loop_new(&options, &loop), SN_OK);
}

void loop_teardown(void)
{
	sn_loop_free(&loop);
	ck_assert_ptr_null(loop);
}

void turn(void)
{
	sn_loop_turn(loop, 0);
}

void turn_until(const bool *flag)
{
	while (!*flag)
		sn_loop_turn(loop, -1);
}

void advance_and_turn(int64_t ns)
{
	sn_fake_clock_advance(&fake, ns);
	turn();
}

static void die_quietly(void (*fn)(void))
{
	const struct rlimit no_core = { 0, 0 };
	int null = open("/dev/null", O_WRONLY);

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	dup2(null, STDERR_FILENO);
	fn();
	_exit(0);
}

void assert_dies(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		die_quietly(fn);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		"expected an abort, got status %#x", (unsigned)status);
}

void open_pipe(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
}
