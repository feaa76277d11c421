#include "daemon/proc/watchdog.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define FRAMES 64
#define TICKS_PER_WARNING 4 /* so a report comes at most a quarter of `warn` late */
#define STACK_SIZE 65536

/* glibc 2.36 has no name for the member that says which thread. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* One per process, as its signal is. What handlers share with the loop is atomic. */
static struct {
	const struct sn_loop *loop;
	timer_t timer;
	bool running;
	int fd;
	int64_t tick, warn;
	uint64_t turn; /* the turn that was running at the last tick; the handler's own */
	int64_t used;
	_Atomic uint64_t slow_turns;
	_Atomic int64_t longest;
} watchdog;

static int crash_fd = -1;

/* --- what a handler may do ------------------------------------------------------------------ */

static void put(int fd, struct sn_str text)
{
	const ssize_t n = write(fd, text.p, text.n);

	(void)n; /* nobody is left to tell */
}

static void put_number(int fd, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	put(fd, sn_str_n(&digits[at], sizeof(digits) - at));
}

static void put_backtrace(int fd)
{
	void *frames[FRAMES];

	backtrace_symbols_fd(frames, backtrace(frames, FRAMES), fd);
}

static void put_process(int fd)
{
	put(fd, SN_STR("sennit["));
	put_number(fd, (uint64_t)getpid());
	put(fd, SN_STR("]: "));
}

/* --- slow turns ----------------------------------------------------------------------------- */

static void report_turn(void)
{
	put_process(watchdog.fd);
	put(watchdog.fd, SN_STR("slow turn of the loop: "));
	put_number(watchdog.fd, (uint64_t)(watchdog.used / SN_MS(1)));
	put(watchdog.fd, SN_STR(" ms of CPU so far; it is here:\n"));
	put_backtrace(watchdog.fd);
}

/* The thread has used one more tick of CPU. */
static void on_tick(int signo)
{
	const int saved = errno;
	const uint64_t turn = sn_loop_turns(watchdog.loop);
	const int64_t before = watchdog.used;

	(void)signo;
	watchdog.used = turn == watchdog.turn ? before + watchdog.tick : 0;
	watchdog.turn = turn;
	if (watchdog.used > atomic_load(&watchdog.longest))
		atomic_store(&watchdog.longest, watchdog.used);
	if (watchdog.used >= watchdog.warn && before < watchdog.warn) {
		atomic_fetch_add(&watchdog.slow_turns, 1);
		report_turn();
	}
	errno = saved;
}

static int arm(void)
{
	const struct itimerspec every = {
		.it_interval = { watchdog.tick / SN_SEC(1), watchdog.tick % SN_SEC(1) },
		.it_value = { watchdog.tick / SN_SEC(1), watchdog.tick % SN_SEC(1) },
	};
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watchdog.timer) != 0)
		return -errno;
	if (timer_settime(watchdog.timer, 0, &every, NULL) == 0)
		return SN_OK;
	(void)timer_delete(watchdog.timer);
	return -errno;
}

/* The first call loads a library, which a handler may not. */
static void load_backtrace(void)
{
	void *frame;

	(void)backtrace(&frame, 1);
}

int sn_watchdog_start(struct sn_loop *loop, int64_t warn_ns, int fd)
{
	const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	int code;

	sn_assert(!watchdog.running && warn_ns >= TICKS_PER_WARNING);
	load_backtrace();
	watchdog.loop = loop;
	watchdog.fd = fd;
	watchdog.warn = warn_ns;
	watchdog.tick = warn_ns / TICKS_PER_WARNING;
	watchdog.used = 0;
	watchdog.turn = sn_loop_turns(loop);
	atomic_store(&watchdog.slow_turns, 0);
	atomic_store(&watchdog.longest, 0);
	if (sigaction(SIGPROF, &action, NULL) != 0)
		return -errno;
	code = arm();
	watchdog.running = code == SN_OK;
	return code;
}

/* A signal that is under way still finds its handler, and a loop that is not gone: we are it. */
void sn_watchdog_stop(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!watchdog.running)
		return;
	watchdog.running = false;
	(void)timer_delete(watchdog.timer);
	(void)sigaction(SIGPROF, &ignore, NULL);
}

struct sn_watchdog_stats sn_watchdog_stats(void)
{
	return (struct sn_watchdog_stats){
		.slow_turns = atomic_load(&watchdog.slow_turns),
		.longest = atomic_load(&watchdog.longest),
	};
}

/* --- crashes -------------------------------------------------------------------------------- */

static const struct {
	int signo;
	const char *name;
} crashes[] = {
	{ SIGSEGV, "SIGSEGV" },
	{ SIGBUS, "SIGBUS" },
	{ SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },
	{ SIGABRT, "SIGABRT" },
	{ SIGSYS, "SIGSYS" },
};
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

static const char *name_of(int signo)
{
	for (size_t i = 0; i < CRASHES; i++) {
		if (crashes[i].signo == signo)
			return crashes[i].name;
	}
	return "a signal";
}

/* The handler is reset already: raised again, the signal does what it does by default. */
static void on_crash(int signo, siginfo_t *info, void *context)
{
	(void)context;
	put_process(crash_fd);
	put(crash_fd, SN_STR("ended by "));
	put(crash_fd, sn_str(name_of(signo)));
	if (signo == SIGSYS) {
		put(crash_fd, SN_STR(", system call "));
		put_number(crash_fd, (uint64_t)info->si_syscall);
	}
	put(crash_fd, SN_STR("; it was here:\n"));
	put_backtrace(crash_fd);
	(void)raise(signo);
}

/* A sanitizer that has its own handler reports better than we do. */
static void catch_one(int signo)
{
	struct sigaction action = { .sa_sigaction = on_crash }, before;

	action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK | SA_NODEFER;
	if (sigaction(signo, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		(void)sigaction(signo, &action, NULL);
}

void sn_watchdog_catch_crashes(int fd)
{
	/* So that a stack that has overflowed can still be reported. */
	static char stack_memory[STACK_SIZE];
	const stack_t stack = { .ss_sp = stack_memory, .ss_size = sizeof(stack_memory) };
	stack_t before;

	load_backtrace();
	crash_fd = fd;
	if (sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE))
		(void)sigaltstack(&stack, NULL);
	for (size_t i = 0; i < CRASHES; i++)
		catch_one(crashes[i].signo);
}
