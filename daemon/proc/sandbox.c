/*
 * The sandbox of a worker: landlock for files, seccomp for system calls. Both are one-way and are
 * inherited. What the kernel lacks is logged once and left out; what it has must work.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/proc/privs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.sandbox");

/* --- landlock ----------------------------------------------------------------------------------
 */

/* The kernel's struct as of ABI 6; the headers that we compile with may know less of it. */
struct ruleset {
	uint64_t fs, net, scoped;
};

#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)
#define SCOPE_SIGNAL (1ULL << 1)

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
		LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | \
		LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
/* What may be granted on something that is not a folder. */
#define ACCESS_OF_FILES \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* What the C library, OpenSSL and the resolver read, whatever is configured. */
static const char *const system_paths[] = {
	"/etc/gai.conf",
	"/etc/host.conf",
	"/etc/hosts",
	"/etc/ld.so.cache",
	"/etc/localtime",
	"/etc/nsswitch.conf",
	"/etc/resolv.conf",
	"/etc/services",
	"/etc/ssl",
	"/etc/timezone",
	"/dev/random",
	"/dev/urandom",
	"/lib",
	"/lib64",
	"/proc/self",
	"/proc/sys/net/core",
	"/proc/sys/vm/overcommit_memory",
	"/run/resolvconf",
	"/run/systemd/resolve",
	"/sys/devices/system/cpu",
	"/usr/lib",
	"/usr/lib64",
	"/usr/local/lib",
	"/usr/local/share/ca-certificates",
	"/usr/share/ca-certificates",
	"/usr/share/zoneinfo",
};

struct landlock {
	int fd;
	uint64_t handled; /* rights that this kernel knows */
};

static long landlock_abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Each version of the interface brought rights; unknown ones are refused, so they are masked. */
static uint64_t rights_of(long abi)
{
	uint64_t rights = LANDLOCK_ACCESS_FS_REFER - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= ACCESS_TRUNCATE;
	if (abi >= 5)
		rights |= ACCESS_IOCTL_DEV;
	return rights;
}

static int create_ruleset(long abi, struct landlock *landlock)
{
	const struct ruleset rules = {
		.fs = rights_of(abi),
		.scoped = abi >= 6 ? SCOPE_SIGNAL : 0,
	};
	const size_t size = abi >= 6 ? sizeof(rules) : sizeof(rules.fs);

	landlock->handled = rules.fs;
	landlock->fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	return landlock->fd >= 0 ? SN_OK : -errno;
}

/* A path that does not exist grants nothing, and is no mistake. */
static int allow_path(const struct landlock *landlock, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access & landlock->handled };
	struct stat st;
	int code = SN_OK;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? SN_OK : -errno;
	if (fstat(rule.parent_fd, &st) != 0)
		code = -errno;
	else {
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= ACCESS_OF_FILES;
		if (syscall(SYS_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PATH_BENEATH, &rule,
			    0) != 0)
			code = -errno;
	}
	(void)close(rule.parent_fd);
	return code;
}

static int allow_view(
	const struct landlock *landlock, struct sn_str path, uint64_t access, struct sn_diag *diag)
{
	char text[4096];
	struct sn_strbuf name;
	int code;

	sn_strbuf_fixed(&name, text, sizeof(text));
	sn_strbuf_add(&name, path);
	code = name.err == SN_OK ? allow_path(landlock, text, access) : name.err;
	if (code != SN_OK)
		return sn_diag_set(
			diag, code, 0, "landlock: cannot allow %s: %s", text, sn_strerror(code));
	return SN_OK;
}

static int allow_paths(
	const struct landlock *landlock, const struct sn_sandbox *sandbox, struct sn_diag *diag)
{
	int code = allow_view(
		landlock, SN_STR("/dev/null"), ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, diag);

	for (size_t i = 0; code == SN_OK && i < COUNT(system_paths); i++)
		code = allow_view(landlock, sn_str(system_paths[i]), ACCESS_READ, diag);
	for (size_t i = 0; code == SN_OK && i < sandbox->read_path_count; i++)
		code = allow_view(landlock, sandbox->read_paths[i], ACCESS_READ, diag);
	for (size_t i = 0; code == SN_OK && i < sandbox->write_path_count; i++)
		code = allow_view(landlock, sandbox->write_paths[i], ACCESS_WRITE, diag);
	return code;
}

static int confine_files(const struct sn_sandbox *sandbox, struct sn_diag *diag)
{
	struct landlock landlock;
	const long abi = landlock_abi();
	int code;

	if (abi < 1) {
		sn_log(&log_ctx, SN_LOG_WARN, "no-landlock",
			sn_f_cstr("consequence", "workers can read what their user can read"));
		return SN_OK;
	}
	code = create_ruleset(abi, &landlock);
	if (code != SN_OK)
		return sn_diag_set(diag, code, 0, "landlock: %s", sn_strerror(code));
	code = allow_paths(&landlock, sandbox, diag);
	if (code == SN_OK && syscall(SYS_landlock_restrict_self, landlock.fd, 0) != 0)
		code = sn_diag_set(diag, -errno, 0, "landlock: %s", sn_strerror(-errno));
	(void)close(landlock.fd);
	return code;
}

/* --- seccomp: which calls ----------------------------------------------------------------------
 */

/*
 * What a network daemon in C makes, with threads, SQLite, OpenSSL, c-ares, libpq, timers and
 * plugins that are loaded at run time. By name: those of other architectures are skipped.
 */
static const char *const allowed_calls[] = {
	/* descriptors and files */
	"_llseek",
	"access",
	"chdir",
	"chmod",
	"close",
	"close_range",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchown",
	"fchown32",
	"fcntl",
	"fcntl64",
	"fdatasync",
	"flock",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"getcwd",
	"getdents",
	"getdents64",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"link",
	"linkat",
	"lseek",
	"lstat",
	"lstat64",
	"memfd_create",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pipe",
	"pipe2",
	"pread64",
	"preadv",
	"preadv2",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"sendfile",
	"sendfile64",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sync_file_range",
	"tee",
	"truncate",
	"truncate64",
	"umask",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"write",
	"writev",
	/* sockets; "socket" itself has rules of its own */
	"accept",
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"send",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	/* waiting */
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd",
	"eventfd2",
	"pidfd_open",
	"poll",
	"ppoll",
	"ppoll_time64",
	"pselect6",
	"pselect6_time64",
	"select",
	"signalfd",
	"signalfd4",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"wait4",
	"waitid",
	"waitpid",
	/* memory */
	"brk",
	"madvise",
	"membarrier",
	"mincore",
	"mlock",
	"mlock2",
	"mmap",
	"mmap2",
	"mprotect",
	"mremap",
	"msync",
	"munlock",
	"munmap",
	/* threads; "clone" has a rule of its own */
	"arch_prctl",
	"exit",
	"exit_group",
	"futex",
	"futex_time64",
	"futex_waitv",
	"get_robust_list",
	"gettid",
	"restart_syscall",
	"rseq",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setaffinity",
	"sched_yield",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	/* signals; "kill" and "tgkill" have rules of their own */
	"pause",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"sigaltstack",
	"sigreturn",
	/* time */
	"alarm",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"getitimer",
	"gettimeofday",
	"nanosleep",
	"setitimer",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"times",
	/* what the process is, and randomness */
	"capget",
	"getcpu",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"getrusage",
	"getsid",
	"getuid",
	"getuid32",
	"sysinfo",
	"ugetrlimit",
	"uname",
#ifdef __SANITIZE_ADDRESS__
	/* The leak check at exit stops the other threads from a process that shares our memory. */
	"process_vm_readv",
	"ptrace",
#endif
};

static const int allowed_prctl[] = {
	PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NAME,
	PR_GET_NAME, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_SET_TIMERSLACK, PR_GET_NO_NEW_PRIVS,
	PR_SET_NO_NEW_PRIVS, PR_SET_PTRACER,
#ifdef PR_SET_VMA
	PR_SET_VMA, /* names of anonymous memory, from newer C libraries */
#endif
};

static const int allowed_families[] = { AF_UNIX, AF_INET, AF_INET6 };

static int allow_calls(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < COUNT(allowed_calls); i++) {
		const int call = seccomp_syscall_resolve_name(allowed_calls[i]);
		const int code = call == __NR_SCMP_ERROR
			? 0
			: seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);

		/* A pseudo call of another architecture has no number here. */
		if (code != 0 && code != -EDOM)
			return code;
	}
	return 0;
}

/*
 * Families that are not ours fail as on a kernel without them, for libraries that only try. A rule
 * compares one argument with one value, so the gaps are counted out.
 */
static int limit_socket(scmp_filter_ctx filter)
{
	const int call = SCMP_SYS(socket);
	int code = seccomp_rule_add(
		filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

	for (int family = 0; code == 0 && family <= AF_NETLINK; family++) {
		bool ours = false;

		for (size_t i = 0; i < COUNT(allowed_families); i++)
			ours = ours || allowed_families[i] == family;
		if (family == AF_NETLINK)
			continue;
		code = seccomp_rule_add(filter,
			ours ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
	}
	/* getaddrinfo(3) asks which addresses there are. */
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2,
			SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 2,
			SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	return code;
}

/* Threads, but no processes. clone3's flags cannot be seen by a filter: the C library then takes
 * clone. */
static int limit_clone(scmp_filter_ctx filter)
{
	static const char *const forks[] = { "fork", "vfork" };
	int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

#ifdef __SANITIZE_ADDRESS__
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_THREAD, CLONE_VM));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_THREAD, 0));
#else
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
#endif
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; code == 0 && i < COUNT(forks); i++) {
		const int call = seccomp_syscall_resolve_name(forks[i]);

		if (call >= 0)
			code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
	}
	return code;
}

/* Only to ourselves: the supervisor has our user. */
static int limit_signals(scmp_filter_ctx filter)
{
	const int calls[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int code = 0;

	for (size_t i = 0; code == 0 && i < COUNT(calls); i++) {
		code = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A0(SCMP_CMP_EQ, self));
		if (code == 0)
			code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 1,
				SCMP_A0(SCMP_CMP_NE, self));
	}
	return code;
}

static int limit_arguments(scmp_filter_ctx filter)
{
	int code = seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0));

	if (code == 0) /* typing into somebody's terminal */
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
	if (code == 0)
		code = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_NE, TIOCSTI));
	for (size_t i = 0; code == 0 && i < COUNT(allowed_prctl); i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)allowed_prctl[i]));
	return code;
}

/* --- seccomp: what happens to another one ------------------------------------------------------
 */

#define CALLS_MAX 512
#define CALL_NAME_SIZE 32

/* Filled before the filter is loaded: a handler may not allocate. */
static char call_names[CALLS_MAX][CALL_NAME_SIZE];
static struct sigaction previous;

static void learn_names(void)
{
	for (int call = 0; call < CALLS_MAX; call++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
		struct sn_strbuf out;

		sn_strbuf_fixed(&out, call_names[call], CALL_NAME_SIZE);
		sn_strbuf_adds(&out, name != NULL ? name : "unknown");
		sn_free(name);
	}
}

/* Says which call it was, then lets the handler before us (a backtrace), or the default, act. */
static void on_refused(int signo, siginfo_t *info, void *context)
{
	const int call = info->si_syscall;
	char text[160];
	struct sn_strbuf line;
	ssize_t n;

	(void)context;
	sn_strbuf_fixed(&line, text, sizeof(text));
	sn_strbuf_adds(&line, "sennit: the sandbox refuses system call ");
	sn_strbuf_addu(&line, (uint64_t)(unsigned)call);
	sn_strbuf_adds(&line, " (");
	sn_strbuf_adds(&line, call >= 0 && call < CALLS_MAX ? call_names[call] : "unknown");
	sn_strbuf_adds(&line, "); this worker ends\n");
	n = write(STDERR_FILENO, line.p, line.n);
	(void)n;
	sigaction(signo, &previous, NULL);
	(void)raise(signo);
}

static int catch_refusals(void)
{
	struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
	struct sigaction now;

	learn_names();
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, &now) != 0)
		return -errno;
	if (now.sa_sigaction != on_refused)
		previous = now;
	return SN_OK;
}

static int confine_calls(struct sn_diag *diag)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int code;

	if (filter == NULL)
		return sn_diag_set(diag, SN_EUNSUPPORTED, 0,
			"seccomp: this architecture is not known to libseccomp");
	code = catch_refusals();
	if (code == 0)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (code == 0)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (code == 0)
		code = allow_calls(filter);
	if (code == 0)
		code = limit_socket(filter);
	if (code == 0)
		code = limit_clone(filter);
	if (code == 0)
		code = limit_signals(filter);
	if (code == 0)
		code = limit_arguments(filter);
	if (code == 0)
		code = seccomp_load(filter);
	seccomp_release(filter);
	if (code != 0)
		return sn_diag_set(diag, code, 0,
			"seccomp: %s; a kernel without filters needs [server] sandbox = false",
			sn_strerror(code));
	return SN_OK;
}

int sn_privs_sandbox(const struct sn_sandbox *sandbox, struct sn_diag *diag)
{
	int code;

	/* What both need from an unprivileged process. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return sn_diag_set(
			diag, -errno, 0, "cannot set no_new_privs: %s", sn_strerror(-errno));
	code = confine_files(sandbox, diag);
	return code == SN_OK ? confine_calls(diag) : code;
}
