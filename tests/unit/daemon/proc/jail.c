#include "tests/unit/daemon/proc/jail.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"

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

void jail_run(int (*fn)(const void *arg), const void *arg, struct jail_end *end_r)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
		(void)dup2(fds[1], STDERR_FILENO);
		_exit(fn(arg));
	}
	(void)close(fds[1]);
	read_all(fds[0], end_r->said, sizeof(end_r->said));
	(void)close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &end_r->status, 0), pid);
}

static void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const size_t size = strlen(text);

	if (fd < 0 || write(fd, text, size) != (ssize_t)size) {
		perror(path);
		_exit(99);
	}
	(void)close(fd);
}

void jail_be_root(void)
{
	const unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	char text[64];

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) != 0) {
		perror("unshare");
		_exit(99);
	}
	write_file("/proc/self/setgroups", "deny");
	(void)snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	(void)snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
}
