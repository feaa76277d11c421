#include "tests/support/death.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/err.h"

SN_NORETURN static void run_child(void (*fn)(void), int stderr_fd)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
	signal(SIGABRT, SIG_DFL);
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	fn();
	_exit(EXIT_SUCCESS);
}

/* What fits of all that comes, NUL-terminated; the rest is read and dropped. */
static void read_all(int fd, char *mem, size_t size)
{
	char rest[512];
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, rest, sizeof(rest))) > 0) {
		const size_t fits = (size_t)n < size - 1 - have ? (size_t)n : size - 1 - have;

		memcpy(mem + have, rest, fits);
		have += fits;
	}
	mem[have] = '\0';
}

bool sn_test_dies(void (*fn)(void), const char *text)
{
	char said[4096];
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		run_child(fn, fds[1]);
	}
	close(fds[1]);
	read_all(fds[0], said, sizeof(said));
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text) != NULL;
}
