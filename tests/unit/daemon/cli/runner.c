#include "tests/unit/daemon/cli/runner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 262144
#define PATIENCE_MS 20000

struct sn_test_dir runner_dir;

static char out_text[TEXT_MAX], err_text[TEXT_MAX], line_text[1024];
static int out_fd = -1, err_fd = -1;

void runner_setup(void)
{
	sn_test_dir_make(&runner_dir);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void runner_teardown(void)
{
	shut(&out_fd);
	shut(&err_fd);
	sn_test_dir_remove(&runner_dir);
}

void runner_write(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", runner_dir.path, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void read_back(int fd, char *text)
{
	const ssize_t n = pread(fd, text, TEXT_MAX - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
}

/* The daemon's processes are this program again. */
__attribute__((constructor)) static void play_role(int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '@')
		exit(sn_cli_main(argc, argv));
}

/* The child: never returns. */
static void be_sennit(const char *const *words, int in, int out, int err)
{
	char *argv[RUNNER_WORDS + 2] = { (char *)"sennit" };
	char state[256];
	int argc = 1;

	(void)snprintf(state, sizeof(state), "%s/state", runner_dir.path);

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	if (setenv("STATE_DIRECTORY", state, 1) != 0)
		_exit(99);
	if (in < 0)
		in = open("/dev/null", O_RDONLY);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(err, STDERR_FILENO) < 0 || chdir(runner_dir.path) != 0)
		_exit(99);
	exit(sn_cli_main(argc, argv));
}

static pid_t spawn(const char *const *words, int in, int out, int err)
{
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		be_sennit(words, in, out, err);
	return pid;
}

static int exit_code_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int runner_run(const char *const *words)
{
	int code;

	shut(&out_fd);
	shut(&err_fd);
	out_fd = memfd_create("out", MFD_CLOEXEC);
	err_fd = memfd_create("err", MFD_CLOEXEC);
	code = exit_code_of(spawn(words, -1, out_fd, err_fd));
	read_back(out_fd, out_text);
	read_back(err_fd, err_text);
	return code;
}

const char *runner_out(void)
{
	return out_text;
}

const char *runner_err(void)
{
	return err_text;
}

static void check_text(const char *which, const char *text, const char *part)
{
	if (part[0] == '\0')
		ck_assert_msg(text[0] == '\0', "unexpected on standard %s: %s", which, text);
	else
		ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" on standard %s, but:\n%s",
			part, which, text);
}

void runner_check(const struct runner_case *c)
{
	const int code = runner_run(c->words);

	ck_assert_msg(code == c->exit_code, "exit code %d, not %d; it said: %s", code, c->exit_code,
		err_text);
	check_text("output", out_text, c->out);
	check_text("error", err_text, c->err);
}

/* --- in the background ---------------------------------------------------------------------- */

pid_t runner_start(const char *const *words, int in)
{
	int pipe_fds[2];
	pid_t pid;

	shut(&out_fd);
	shut(&err_fd);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	err_fd = memfd_create("err", MFD_CLOEXEC);
	pid = spawn(words, in, pipe_fds[1], err_fd);
	close(pipe_fds[1]);
	out_fd = pipe_fds[0];
	return pid;
}

const char *runner_line(void)
{
	struct pollfd fd = { .fd = out_fd, .events = POLLIN };
	size_t n = 0;

	while (n < sizeof(line_text) - 1) {
		ck_assert_int_eq(poll(&fd, 1, PATIENCE_MS), 1);
		if (read(out_fd, line_text + n, 1) != 1 || line_text[n] == '\n')
			break;
		n++;
	}
	line_text[n] = '\0';
	return line_text;
}

int runner_wait(pid_t pid)
{
	const int code = exit_code_of(pid);

	read_back(err_fd, err_text);
	return code;
}

int runner_dial(void)
{
	const char *port = strrchr(line_text, ':');
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_ptr_nonnull(port);
	in.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}
