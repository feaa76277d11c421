#include "daemon/proc/spawn.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/proc/spawn_private.h"
#include "daemon/proc/utmp.h"

#define GRACE_MS 5000    /* from SIGHUP to SIGKILL */
#define OPEN_SECONDS 60  /* for name service and PAM session, before the program runs */
#define CLOSE_SECONDS 30 /* for the PAM session's modules at the end */

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.spawn");

/* --- who ---------------------------------------------------------------------------------------
 */

static int find_user(struct sn_spawn_plan *plan, struct sn_str own_user)
{
	const struct sn_str name = plan->ask->user.n > 0 ? plan->ask->user : own_user;
	const struct passwd *pw;

	pw = name.n > 0 ? getpwnam(sn_pool_strdup(plan->pool, name)) : getpwuid(geteuid());
	if (pw == NULL)
		return SN_ENOTFOUND;
	plan->pw = *pw;
	plan->pw.pw_name = sn_pool_strdup(plan->pool, sn_str(pw->pw_name));
	plan->pw.pw_dir = sn_pool_strdup(plan->pool, sn_str(pw->pw_dir));
	plan->pw.pw_shell = sn_pool_strdup(
		plan->pool, pw->pw_shell[0] != '\0' ? sn_str(pw->pw_shell) : SN_STR("/bin/sh"));
	plan->own = sn_str_eq(name, own_user) || name.n == 0;
	return SN_OK;
}

static bool is_login_shell(const char *shell)
{
	const char *line;
	bool found = false;

	setusershell();
	while (!found && (line = getusershell()) != NULL)
		found = strcmp(line, shell) == 0;
	endusershell();
	return found;
}

static int refuse(const struct sn_spawn_plan *plan, int code, const char *why)
{
	sn_log(&log_ctx, SN_LOG_WARN, "spawn-refused", sn_f_cstr("user", plan->pw.pw_name),
		sn_f_cstr("reason", why));
	return code;
}

/* Root's programs, and those of users who are there for a daemon, are not ours to start, whoever
 * asks. */
static int check_user(const struct sn_spawn_plan *plan)
{
	const uid_t self = geteuid();

	if (self != 0)
		return plan->pw.pw_uid == self
			? SN_OK
			: refuse(plan, SN_EDENIED, "the broker was not started as root");
	if (plan->pw.pw_uid == 0)
		return refuse(plan, SN_EDENIED, "programs are never run as root");
	if (plan->own)
		return SN_OK;
	if (!is_login_shell(plan->pw.pw_shell))
		return refuse(plan, SN_EDENIED, "the shell is not in /etc/shells");
	/* Else pam_nologin(8) decides. */
	if (plan->ask->service.n == 0 && access("/etc/nologin", F_OK) == 0)
		return refuse(plan, SN_EDISABLED, "/etc/nologin exists");
	return SN_OK;
}

/* --- start -------------------------------------------------------------------------------------
 */

static int take_groups(const struct sn_spawn_plan *plan)
{
	if (geteuid() != 0)
		return SN_OK;
	return initgroups(plan->pw.pw_name, plan->pw.pw_gid) == 0 ? SN_OK : -errno;
}

static int open_session(struct sn_spawn_plan *plan)
{
	const struct sn_ask_spawn *ask = plan->ask;

	if (ask->service.n == 0)
		return SN_OK;
	return sn_pam_session_open(sn_pool_strdup(plan->pool, ask->service), plan->pw.pw_name,
		plan->line[0] != '\0' ? plan->line : "sennit",
		sn_pool_strdup(plan->pool, ask->peer), &plan->session);
}

static int start(struct sn_spawn_plan *plan, struct sn_str own_user, pid_t *pid_r)
{
	int code;

	(void)alarm(OPEN_SECONDS);
	code = find_user(plan, own_user);
	if (code == SN_OK)
		code = check_user(plan);
	if (code == SN_OK)
		code = sn_spawn_open_fds(plan);
	(void)umask(022);
	if (code == SN_OK)
		code = take_groups(plan);
	if (code == SN_OK)
		code = open_session(plan);
	(void)alarm(0);
	if (code == SN_OK)
		code = sn_spawn_start(plan, pid_r);
	sn_spawn_close_fds(plan->theirs);
	return code;
}

static int answer(int channel, int code, pid_t pid, const struct sn_spawn_plan *plan)
{
	char mem[8];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)code);
	if (code != SN_OK)
		return sn_packet_send(channel, sn_writer_str(&w), NULL, 0);
	sn_write_u32(&w, (uint32_t)pid);
	return sn_packet_send(channel, sn_writer_str(&w), plan->ours, plan->ask->pty ? 1 : 3);
}

/* --- keep --------------------------------------------------------------------------------------
 */

/* The group's number is not reused before its leader was waited for. */
static void signal_group(pid_t pid, int signo)
{
	if (kill(-pid, signo) != 0)
		(void)kill(pid, signo);
}

/* False: nobody is there any more. */
static bool obey(int channel, pid_t pid, char *mem)
{
	struct sn_packet packet;
	struct sn_reader r;
	uint32_t signo;

	if (sn_packet_receive(channel, mem, &packet) != SN_OK)
		return false;
	sn_packet_close_fds(&packet);
	r = sn_reader(sn_str_n(mem, packet.size));
	signo = sn_read_u32(&r);
	if (r.err == SN_OK && signo > 0 && signo < NSIG)
		signal_group(pid, (int)signo);
	return true;
}

static void hang_up(pid_t pid, int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	int n;

	signal_group(pid, SIGHUP);
	signal_group(pid, SIGCONT);
	do
		n = poll(&poll_fd, 1, GRACE_MS);
	while (n < 0 && errno == EINTR);
	signal_group(pid, SIGKILL); /* what is left of the group, the leader included */
}

static void keep(int channel, pid_t pid, int pidfd, char *mem)
{
	struct pollfd fds[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = channel, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents != 0)
			return;
		if (fds[1].revents != 0 && !obey(channel, pid, mem)) {
			hang_up(pid, pidfd);
			return;
		}
	}
}

static int keep_until_end(int channel, pid_t pid, struct sn_pool *pool)
{
	const int pidfd = pidfd_open(pid, 0);
	int status = 0;

	if (pidfd >= 0)
		keep(channel, pid, pidfd, sn_pool_alloc(pool, SN_PACKET_MAX));
	else
		signal_group(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pidfd >= 0)
		(void)close(pidfd);
	return status;
}

static void report(int channel, int status)
{
	char mem[4];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)status);
	(void)!sn_packet_send(channel, sn_writer_str(&w), NULL, 0);
}

static void keep_recorded(int channel, pid_t pid, struct sn_spawn_plan *plan)
{
	const struct sn_utmp_login login = {
		.pid = pid,
		.uid = plan->pw.pw_uid,
		.line = sn_str_starts(sn_str(plan->line), SN_STR("/dev/")) ? &plan->line[5] : "",
		.user = plan->pw.pw_name,
		.host = sn_pool_strdup(plan->pool, plan->ask->peer),
	};
	const bool recorded = plan->ask->pty && plan->ask->peer.n > 0;
	int status;

	if (recorded)
		sn_utmp_login(&login, sn_clock_wall(&sn_clock_system));
	status = keep_until_end(channel, pid, plan->pool);
	if (recorded)
		sn_utmp_logout(&login, sn_clock_wall(&sn_clock_system));
	report(channel, status);
}

int sn_spawn_run(int channel, const struct sn_ask_spawn *ask, struct sn_str own_user)
{
	struct sn_spawn_plan plan = {
		.ask = ask,
		.pool = sn_pool_new(0),
		.theirs = { -1, -1, -1 },
		.ours = { -1, -1, -1 },
	};
	pid_t pid = -1;
	const int code = start(&plan, own_user, &pid);

	/* When nobody hears it, the channel is closed, and the keeper's first look at it tells. */
	(void)!answer(channel, code, pid, &plan);
	sn_spawn_close_fds(plan.ours);
	if (code == SN_OK)
		keep_recorded(channel, pid, &plan);
	(void)alarm(CLOSE_SECONDS);
	sn_pam_session_close(&plan.session);
	sn_pool_free(&plan.pool);
	return code == SN_OK ? 0 : 1;
}
