#include "tests/unit/daemon/cli/cli_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define WORDS_MAX 32

static char folder[] = "/tmp/sennit-cli-XXXXXX";
static struct cli_result result;

void cli_setup(void)
{
	(void)memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

void cli_teardown(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	ck_assert_int_eq(chdir("/"), 0);
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(folder);
}

void cli_write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void redirect(int fd, int target)
{
	if (fd != target && dup2(fd, target) < 0)
		_exit(120);
}

static pid_t start(const char *words, int out, int err)
{
	char *argv[WORDS_MAX] = { (char *)(uintptr_t) "sennit" };
	char *text = sn_strdup(words), *rest = text, *word;
	int argc = 1;
	pid_t pid;

	while ((word = strsep(&rest, " ")) != NULL && argc < WORDS_MAX - 1) {
		if (*word != '\0')
			argv[argc++] = word;
	}
	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		redirect(out, STDOUT_FILENO);
		redirect(err, STDERR_FILENO);
		(void)setenv("NO_COLOR", "1", 1);
		exit(sn_cli_main(argc, argv));
	}
	sn_free(text);
	return pid;
}

int cli_wait(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_file(const char *name)
{
	const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void read_back(int fd, char *text)
{
	const ssize_t n = pread(fd, text, CLI_TEXT_MAX - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	(void)close(fd);
}

const struct cli_result *cli_run(const char *words)
{
	const int out = open_file(".out"), err = open_file(".err");

	result.exit_code = cli_wait(start(words, out, err));
	read_back(out, result.out);
	read_back(err, result.err);
	return &result;
}

static void check_text(const char *words, const char *what, const char *text, const char *want)
{
	if (want == NULL)
		ck_assert_msg(text[0] == '\0', "sennit %s: %s is \"%s\"", words, what, text);
	else
		ck_assert_msg(strstr(text, want) != NULL, "sennit %s: %s has no \"%s\":\n%s", words,
			what, want, text);
}

void cli_check_row(const struct cli_row *row)
{
	const struct cli_result *r = cli_run(row->words);

	ck_assert_msg(r->exit_code == row->exit_code, "sennit %s: exit %d, expected %d\n%s",
		row->words, r->exit_code, row->exit_code, r->err);
	check_text(row->words, "output", r->out, row->out);
	check_text(row->words, "error text", r->err, row->err);
}

pid_t cli_start(const char *words, char *line, size_t size)
{
	int ends[2];
	size_t n = 0;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = start(words, ends[1], open_file(".err"));
	(void)close(ends[1]);
	while (n + 1 < size && read(ends[0], line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	(void)close(ends[0]);
	return pid;
}
