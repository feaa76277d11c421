#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <paths.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/proc/spawn_private.h"

#define USER_PATH "/usr/local/bin:/usr/bin:/bin:/usr/games"

/* --- terminal, pipes ---------------------------------------------------------------------------
 */

void sn_spawn_close_fds(int fds[3])
{
	for (size_t i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
}

/* write(1) and mesg(1) work through the group "tty"; without one nobody else may write. */
static int give_terminal(int fd, const struct sn_spawn_plan *plan)
{
	const struct group *tty = getgrnam("tty");
	const gid_t gid = tty != NULL ? tty->gr_gid : plan->pw.pw_gid;

	if (geteuid() != 0)
		return SN_OK;
	if (fchown(fd, plan->pw.pw_uid, gid) != 0 || fchmod(fd, tty != NULL ? 0620 : 0600) != 0)
		return -errno;
	return SN_OK;
}

static int open_slave(struct sn_spawn_plan *plan, int master)
{
	const struct winsize size = {
		.ws_row = plan->ask->rows,
		.ws_col = plan->ask->columns,
	};

	if (grantpt(master) != 0 || unlockpt(master) != 0 ||
		ptsname_r(master, plan->line, sizeof(plan->line)) != 0)
		return -errno;
	plan->theirs[0] = open(plan->line, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (plan->theirs[0] < 0 || ioctl(master, TIOCSWINSZ, &size) != 0)
		return -errno;
	for (size_t i = 1; i < 3; i++) {
		plan->theirs[i] = fcntl(plan->theirs[0], F_DUPFD_CLOEXEC, 0);
		if (plan->theirs[i] < 0)
			return -errno;
	}
	return give_terminal(plan->theirs[0], plan);
}

static int open_terminal(struct sn_spawn_plan *plan)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0)
		return -errno;
	plan->ours[0] = master;
	return open_slave(plan, master);
}

static int open_pipes(struct sn_spawn_plan *plan)
{
	for (size_t i = 0; i < 3; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) != 0)
			return -errno;
		plan->theirs[i] = ends[i == 0 ? 0 : 1];
		plan->ours[i] = ends[i == 0 ? 1 : 0];
	}
	return SN_OK;
}

int sn_spawn_open_fds(struct sn_spawn_plan *plan)
{
	return plan->ask->pty ? open_terminal(plan) : open_pipes(plan);
}

/* --- environment -------------------------------------------------------------------------------
 */

struct words {
	const char **at;
	size_t count, room;
};

/* The name decides: what comes later replaces what came before. */
static void add_word(struct words *words, const char *word)
{
	const size_t name_n = sn_str_find(sn_str(word), '=') + 1;

	for (size_t i = 0; i < words->count; i++) {
		if (strncmp(words->at[i], word, name_n) == 0) {
			words->at[i] = word;
			return;
		}
	}
	sn_assert(words->count < words->room);
	words->at[words->count++] = word;
}

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (words != NULL && words[count] != NULL)
		count++;
	return count;
}

static void add_words(struct words *words, const char *const *more)
{
	for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
		if (strchr(more[i], '=') != NULL)
			add_word(words, more[i]);
	}
}

const char *const *sn_spawn_env(const struct sn_spawn_plan *plan)
{
	const struct passwd *pw = &plan->pw;
	const char *const *pam = plan->session != NULL ? sn_pam_session_env(plan->session) : NULL;
	struct words words = { .room = 6 + count_words(pam) + count_words(plan->ask->env) };

	words.at = sn_pool_alloc_zero(plan->pool, (words.room + 1) * sizeof(*words.at));
	add_word(&words, sn_pool_printf(plan->pool, "HOME=%s", pw->pw_dir));
	add_word(&words, sn_pool_printf(plan->pool, "USER=%s", pw->pw_name));
	add_word(&words, sn_pool_printf(plan->pool, "LOGNAME=%s", pw->pw_name));
	add_word(&words, sn_pool_printf(plan->pool, "SHELL=%s", pw->pw_shell));
	add_word(&words, "PATH=" USER_PATH);
	if (plan->ask->pty && plan->ask->term != NULL)
		add_word(&words, sn_pool_printf(plan->pool, "TERM=%s", plan->ask->term));
	add_words(&words, pam);
	add_words(&words, plan->ask->env);
	return words.at;
}

/* --- in the child ------------------------------------------------------------------------------
 */

static int take_fds(const struct sn_spawn_plan *plan, int *error_fd)
{
	int moved[3];

	/* Out of the way first: one's number may be another's target. */
	*error_fd = fcntl(*error_fd, F_DUPFD_CLOEXEC, 3);
	for (size_t i = 0; i < 3; i++) {
		moved[i] = fcntl(plan->theirs[i], F_DUPFD_CLOEXEC, 3);
		if (moved[i] < 0 || *error_fd < 0)
			return -errno;
	}
	if (plan->ask->pty && ioctl(moved[0], TIOCSCTTY, 0) != 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (dup2(moved[i], i) < 0)
			return -errno;
	}
	return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 ? SN_OK : -errno;
}

/* Groups were taken by the parent, before PAM's modules added theirs. */
static int become(const struct passwd *pw)
{
	if (geteuid() != 0)
		return geteuid() == pw->pw_uid ? SN_OK : -EPERM;
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return -errno;
	return setuid(0) == 0 ? -EPERM : SN_OK;
}

/* A home that is missing is no reason to be locked out; a folder that was asked for is. */
static int enter_folder(const struct sn_spawn_plan *plan)
{
	if (plan->ask->dir != NULL)
		return chdir(plan->ask->dir) == 0 ? SN_OK : -errno;
	return chdir(plan->pw.pw_dir) == 0 || chdir("/") == 0 ? SN_OK : -errno;
}

/* exec keeps what is ignored and blocked. */
static void reset_signals(void)
{
	const struct sigaction reset = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &reset, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void exec_login_shell(const struct sn_spawn_plan *plan, char **env)
{
	const char *shell = plan->pw.pw_shell, *slash = strrchr(shell, '/');
	char *argv[] = {
		sn_pool_printf(plan->pool, "-%s", slash != NULL ? slash + 1 : shell),
		NULL,
	};

	(void)execve(shell, argv, env);
}

static int exec_program(const struct sn_spawn_plan *plan, const char *const *env)
{
	char **words = (char **)(uintptr_t)env;

	if (plan->ask->argv == NULL) {
		exec_login_shell(plan, words);
		return -errno;
	}
	environ = words; /* where PATH is looked for */
	(void)execvp(plan->ask->argv[0], (char *const *)(uintptr_t)plan->ask->argv);
	return -errno;
}

SN_NORETURN static void run_child(
	const struct sn_spawn_plan *plan, const char *const *env, int error_fd)
{
	int code = setsid() < 0 ? -errno : take_fds(plan, &error_fd);
	ssize_t n;

	if (code == SN_OK)
		code = become(&plan->pw);
	if (code == SN_OK)
		code = enter_folder(plan);
	if (code == SN_OK) {
		reset_signals();
		code = exec_program(plan, env);
	}
	n = write(error_fd, &code, sizeof(code));
	_exit(n == sizeof(code) ? 127 : 126);
}

/* --- in the parent -----------------------------------------------------------------------------
 */

/* SN_OK when exec has closed the pipe. */
static int read_error(int fd)
{
	int code;
	ssize_t n;

	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	return n == sizeof(code) ? code : SN_OK;
}

int sn_spawn_start(const struct sn_spawn_plan *plan, pid_t *pid_r)
{
	const char *const *env = sn_spawn_env(plan);
	int ends[2], code;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	*pid_r = fork();
	if (*pid_r == 0)
		run_child(plan, env, ends[1]);
	code = *pid_r < 0 ? -errno : SN_OK;
	(void)close(ends[1]);
	if (code == SN_OK)
		code = read_error(ends[0]);
	(void)close(ends[0]);
	if (code != SN_OK && *pid_r > 0)
		(void)waitpid(*pid_r, NULL, 0);
	return code;
}
