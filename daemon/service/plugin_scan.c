/*
 * A look at plugins from a safe distance: a child process loads them one after another, as the
 * daemon will, and tells what it finds. One that crashes or hangs ends that child, is refused, and
 * a new child begins again with those that are left, so that in the end all good ones have been
 * loaded together.
 */
#include "daemon/service/plugin_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define CHANNEL 3
#define MESSAGE_MAX 16384 /* without its length */
#define TEXT_MAX 3900     /* of one text in it */

/* What the child says of a file: u32 length, u8 what, u32 which, then texts as str16. */
enum report {
	REPORT_OPEN, /* will be loaded now */
	REPORT_INIT, /* its init will be called now */
	REPORT_GOOD, /* id, version, license, kinds */
	REPORT_BAD,  /* why */
};

/* --- the child ------------------------------------------------------------------------------ */

/* The role's own state: which file it is at. */
static uint32_t child_at;

static struct sn_str clipped(const char *text)
{
	return sn_str_sub(sn_str(text), 0, TEXT_MAX);
}

static void tell(enum report report, const char *const *texts, size_t count)
{
	char mem[4 + MESSAGE_MAX];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, 0);
	sn_write_u8(&w, (uint8_t)report);
	sn_write_u32(&w, child_at);
	for (size_t i = 0; i < count; i++)
		sn_write_str16(&w, clipped(texts[i]));
	sn_write_u32_at(&w, 0, (uint32_t)(w.n - 4));
	if (write(CHANNEL, mem, w.n) != (ssize_t)w.n)
		_exit(1); /* nobody listens any more */
}

static void on_init(void)
{
	tell(REPORT_INIT, NULL, 0);
}

static void try_file(const char *path)
{
	struct sn_plugin_info info = { .path = sn_strdup(path) };
	struct sn_diag diag = { 0 };

	tell(REPORT_OPEN, NULL, 0);
	if (sn_plugin_load_file(&info, on_init, &diag) == SN_OK)
		tell(REPORT_GOOD,
			(const char *const[]){ info.id, info.version, info.license, info.kinds },
			4);
	else
		tell(REPORT_BAD, (const char *const[]){ diag.text }, 1);
}

int sn_plugins_scan_main(int argc, char **argv)
{
	const struct rlimit no_core = { 0 };
	struct stat channel;

	if (fstat(CHANNEL, &channel) != 0 || !S_ISFIFO(channel.st_mode)) {
		fputs("sennit: @scan is a role of sennit's own processes, not a command\n", stderr);
		return 64; /* EX_USAGE */
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)fcntl(CHANNEL, F_SETFD, FD_CLOEXEC);
	for (int i = 2; i < argc; i++) {
		child_at = (uint32_t)(i - 2);
		try_file(argv[i]);
	}
	/* Destructors of what was loaded may do anything; nothing of ours needs an end. */
	_exit(0);
}

/* --- the parent ----------------------------------------------------------------------------- */

/* One child, and what it was given. */
struct scan {
	struct sn_plugins *plugins;
	size_t *which; /* its file i is plugins->items[which[i]] */
	size_t count;
	int64_t patience;
	pid_t pid;
	int fd;
	struct sn_plugin_info *at; /* what it is loading, or NULL */
	bool in_init;
};

static int start_child(struct scan *scan, char *const *argv)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	/* The channel first: one of the others may be at its number. */
	posix_spawn_file_actions_adddup2(&actions, ends[1], CHANNEL);
	for (int fd = 0; fd < CHANNEL; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	error = posix_spawn(&scan->pid, "/proc/self/exe", &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	(void)close(ends[1]);
	scan->fd = ends[0];
	if (error != 0)
		(void)close(ends[0]);
	return -error;
}

/* False: this is no message. */
static bool take_report(struct scan *scan, struct sn_str message)
{
	struct sn_reader r = sn_reader(message);
	const unsigned report = sn_read_u8(&r);
	const uint32_t i = sn_read_u32(&r);
	struct sn_plugin_info *info;

	if (r.err != SN_OK || i >= scan->count || report > REPORT_BAD)
		return false;
	info = &scan->plugins->items[scan->which[i]];
	scan->at = report <= REPORT_INIT ? info : NULL;
	scan->in_init = report == REPORT_INIT;
	if (report == REPORT_BAD) {
		const struct sn_str why = sn_read_str16(&r);

		sn_plugin_refuse(info, "%.*s", SN_STR_ARG(why));
	} else if (report == REPORT_GOOD) {
		char **texts[] = { &info->id, &info->version, &info->license, &info->kinds };

		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
			sn_free(*texts[t]);
			*texts[t] = sn_str_dup(sn_read_str16(&r));
		}
	}
	return r.err == SN_OK && sn_reader_left(&r) == 0;
}

/* All of n bytes before the deadline: SN_OK, SN_EEOF, SN_ETIMEOUT. */
static int read_all(int fd, char *mem, size_t n, int64_t deadline)
{
	for (size_t at = 0; at < n;) {
		const int64_t left = deadline - sn_clock_mono(&sn_clock_system);
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (left <= 0)
			return SN_ETIMEOUT;
		if (poll(&wait, 1, (int)(left / SN_MS(1)) + 1) <= 0)
			continue;
		got = read(fd, mem + at, n - at);
		if (got == 0 || (got < 0 && errno != EINTR))
			return SN_EEOF;
		at += got > 0 ? (size_t)got : 0;
	}
	return SN_OK;
}

/* SN_OK with a report taken; SN_EEOF: the end; SN_ETIMEOUT; SN_EPROTO: not what a child says. */
static int read_report(struct scan *scan)
{
	/* Between files the child is at our own work: only a broken system is slow there. */
	const int64_t patience =
		scan->at != NULL ? scan->patience : scan->patience + SN_PLUGINS_PATIENCE;
	const int64_t deadline = sn_clock_mono(&sn_clock_system) + patience;
	char mem[MESSAGE_MAX];
	struct sn_reader length = sn_reader(sn_str_n(mem, 4));
	int code = read_all(scan->fd, mem, 4, deadline);
	size_t n;

	if (code != SN_OK)
		return code;
	n = sn_read_u32(&length);
	if (n > sizeof(mem))
		return SN_EPROTO;
	code = read_all(scan->fd, mem, n, deadline);
	if (code != SN_OK)
		return code;
	return take_report(scan, sn_str_n(mem, n)) ? SN_OK : SN_EPROTO;
}

static void refuse_current(struct scan *scan, int code, int status)
{
	const char *when = scan->in_init ? "in its init" : "while it was being loaded";

	if (code == SN_ETIMEOUT)
		sn_plugin_refuse(scan->at, "hung %s (no end after %lld ms)", when,
			(long long)(scan->patience / SN_MS(1)));
	else if (code == SN_EPROTO)
		sn_plugin_refuse(scan->at, "wrote to a descriptor that is not its own %s", when);
	else if (WIFSIGNALED(status))
		sn_plugin_refuse(scan->at, "crashed %s (%s)", when, strsignal(WTERMSIG(status)));
	else
		sn_plugin_refuse(scan->at, "ended the process %s (exit status %d)", when,
			WEXITSTATUS(status));
}

/* Until the child has ended. False: one file did not survive, and the others must be seen again. */
static bool follow_child(struct scan *scan)
{
	int code, status = 0;

	while ((code = read_report(scan)) == SN_OK)
		;
	(void)close(scan->fd);
	if (code != SN_EEOF)
		(void)kill(scan->pid, SIGKILL);
	while (waitpid(scan->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (scan->at == NULL)
		return true;
	refuse_current(scan, code, status);
	return false;
}

static void refuse_rest(struct scan *scan, int code)
{
	for (size_t i = 0; i < scan->count; i++)
		sn_plugin_refuse(&scan->plugins->items[scan->which[i]],
			"cannot be looked at: no child process: %s", sn_strerror(code));
}

/* Those that are left to look at; true when there is nothing more to do. */
static bool scan_round(struct scan *scan)
{
	char **argv = sn_alloc_array(scan->plugins->count + 3, sizeof(*argv));
	char program[] = "sennit", role[] = "@scan";
	bool done = true;
	int code;

	argv[0] = program;
	argv[1] = role;
	scan->count = 0;
	scan->at = NULL;
	for (size_t i = 0; i < scan->plugins->count; i++) {
		if (scan->plugins->items[i].refused != NULL)
			continue;
		argv[2 + scan->count] = scan->plugins->items[i].path;
		scan->which[scan->count++] = i;
	}
	if (scan->count > 0) {
		code = start_child(scan, argv);
		if (code != SN_OK)
			refuse_rest(scan, code);
		else
			done = follow_child(scan);
	}
	sn_free(argv);
	return done;
}

void sn_plugins_scan(struct sn_plugins *plugins, int64_t patience)
{
	struct scan scan = { .plugins = plugins, .patience = patience };

	if (plugins->count == 0)
		return;
	scan.which = sn_alloc_array(plugins->count, sizeof(*scan.which));
	while (!scan_round(&scan))
		;
	/* A child that ended early without a word on some of them has not seen them. */
	for (size_t i = 0; i < plugins->count; i++) {
		if (plugins->items[i].refused == NULL && plugins->items[i].id == NULL)
			sn_plugin_refuse(&plugins->items[i],
				"could not be looked at: the child process ended");
	}
	sn_free(scan.which);
}
