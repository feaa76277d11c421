#include "daemon/loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/loop/loop_private.h"

#define DEFAULT_MAX_EVENTS 256
#define MIN_FD_SLOTS 64

static void refresh_now(struct sn_loop *loop)
{
	loop->now = sn_clock_mono(loop->clock);
}

int64_t sn_loop_now(const struct sn_loop *loop)
{
	return loop->now;
}

int64_t sn_loop_wall(const struct sn_loop *loop)
{
	return sn_clock_wall(loop->clock);
}

const struct sn_clock *sn_loop_clock(const struct sn_loop *loop)
{
	return loop->clock;
}

uint64_t sn_loop_turns(const struct sn_loop *loop)
{
	return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

int sn_loop_fd(const struct sn_loop *loop)
{
	return loop->epoll_fd;
}

void *sn_loop_scratch(struct sn_loop *loop, enum sn_scratch which)
{
	if (loop->scratch[which] == NULL)
		loop->scratch[which] = sn_alloc(SN_SCRATCH_SIZE);
	return loop->scratch[which];
}

/* Watches */

static uint32_t to_epoll(unsigned events)
{
	return (events & SN_READABLE ? EPOLLIN : 0u) | (events & SN_WRITABLE ? EPOLLOUT : 0u) |
		(events & SN_EXCLUSIVE ? (uint32_t)EPOLLEXCLUSIVE : 0u);
}

static unsigned from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? SN_READABLE : 0u) | (events & EPOLLOUT ? SN_WRITABLE : 0u) |
		(events & (EPOLLERR | EPOLLHUP) ? SN_HANGUP : 0u);
}

static int control(struct sn_loop *loop, int op, int fd, unsigned events)
{
	struct epoll_event event = {
		.events = to_epoll(events),
		.data.u64 = (uint64_t)loop->fds[fd].generation << 32 | (uint32_t)fd,
	};

	return epoll_ctl(loop->epoll_fd, op, fd, &event) == 0 ? SN_OK : -errno;
}

static void grow_fds(struct sn_loop *loop, size_t need)
{
	size_t count = loop->fd_count == 0 ? MIN_FD_SLOTS : loop->fd_count;

	while (count < need)
		count *= 2;
	if (count == loop->fd_count)
		return;
	loop->fds = sn_realloc_array(loop->fds, count, sizeof(*loop->fds));
	for (size_t i = loop->fd_count; i < count; i++)
		loop->fds[i] = (struct sn_fd_slot){ .watch = NULL };
	loop->fd_count = count;
}

static bool watch_is_set(const struct sn_watch *watch)
{
	return watch->loop != NULL;
}

int sn_watch_set(
	struct sn_loop *loop, struct sn_watch *watch, int fd, unsigned events, sn_watch_fn fn)
{
	int err;

	sn_assert(fd >= 0 && fn != NULL);
	sn_assert(!watch_is_set(watch));
	grow_fds(loop, (size_t)fd + 1);
	if (loop->fds[fd].watch != NULL)
		return -EEXIST;
	err = control(loop, EPOLL_CTL_ADD, fd, events);
	if (err != SN_OK)
		return err;
	*watch = (struct sn_watch){ .fd = fd, .events = events, .fn = fn, .loop = loop };
	loop->fds[fd].watch = watch;
	loop->watch_count++;
	return SN_OK;
}

void sn_watch_want(struct sn_watch *watch, unsigned events)
{
	int err;

	sn_assert(watch_is_set(watch));
	if (watch->events == events)
		return;
	/* The kernel changes no exclusive registration: it ends, and begins anew. */
	if ((watch->events | events) & SN_EXCLUSIVE) {
		err = control(watch->loop, EPOLL_CTL_DEL, watch->fd, 0);
		if (err == SN_OK)
			err = control(watch->loop, EPOLL_CTL_ADD, watch->fd, events);
	} else {
		err = control(watch->loop, EPOLL_CTL_MOD, watch->fd, events);
	}
	watch->events = events;
	sn_assert(err == SN_OK); /* the owner closed it before sn_watch_clear */
}

void sn_watch_clear(struct sn_watch *watch)
{
	int err;

	if (!watch_is_set(watch))
		return;
	err = control(watch->loop, EPOLL_CTL_DEL, watch->fd, 0);
	sn_assert(err == SN_OK); /* the owner closed it before sn_watch_clear */
	sn_watch_forget(watch);
}

void sn_watch_forget(struct sn_watch *watch)
{
	struct sn_loop *loop = watch->loop;

	if (!watch_is_set(watch))
		return;
	loop->fds[watch->fd].watch = NULL;
	loop->fds[watch->fd].generation++;
	loop->watch_count--;
	watch->fd = -1;
	watch->loop = NULL;
}

void sn_watch_move(struct sn_watch *from, struct sn_watch *to)
{
	struct sn_loop *loop = from->loop;

	sn_assert(watch_is_set(from) && !watch_is_set(to));
	to->fd = from->fd;
	to->events = from->events;
	to->loop = loop;
	loop->fds[to->fd].watch = to;
	from->fd = -1;
	from->loop = NULL;
}

/* Tasks and posts */

void sn_loop_defer(struct sn_loop *loop, struct sn_task *task)
{
	sn_assert(task->fn != NULL);
	if (!sn_list_linked(&task->link))
		sn_list_append(&loop->deferred, &task->link);
}

void sn_loop_flush(struct sn_loop *loop, struct sn_task *task)
{
	sn_assert(task->fn != NULL);
	if (!sn_list_linked(&task->link))
		sn_list_append(&loop->flush, &task->link);
}

/* Whatever else was planned for the task: closing is the last thing that happens to it. */
void sn_loop_closing(struct sn_loop *loop, struct sn_task *task)
{
	sn_assert(task->fn != NULL);
	sn_list_remove(&task->link);
	sn_list_append(&loop->closing, &task->link);
}

void sn_task_cancel(struct sn_task *task)
{
	sn_list_remove(&task->link);
}

void sn_loop_post(struct sn_loop *loop, struct sn_post *post)
{
	struct sn_post *head = atomic_load_explicit(&loop->posts, memory_order_relaxed);
	const uint64_t one = 1;

	sn_assert(post->fn != NULL);
	do
		post->next = head;
	while (!atomic_compare_exchange_weak(&loop->posts, &head, post));
	/*
	 * Either the loop sees the post after it has said that it sleeps, or we see that it does:
	 * both sides write first and read second, in one total order. Only the first poster
	 * after that pays the system call.
	 */
	if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false)) {
		ssize_t n = write(loop->wake.fd, &one, sizeof(one));

		sn_assert(n == sizeof(one));
	}
}

static void on_wake(struct sn_watch *watch, unsigned events)
{
	uint64_t count;
	ssize_t n = read(watch->fd, &count, sizeof(count));

	(void)events;
	sn_assert(n == sizeof(count));
}

/* Oldest first; what they post meanwhile waits for the next turn. */
static struct sn_post *take_posts(struct sn_loop *loop)
{
	struct sn_post *newest = atomic_exchange(&loop->posts, NULL), *oldest = NULL, *next;

	for (; newest != NULL; newest = next) {
		next = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	return oldest;
}

static void run_posts(struct sn_post *post)
{
	struct sn_post *next;

	for (; post != NULL; post = next) {
		next = post->next; /* fn may free the post or send it again */
		post->fn(post);
	}
}

/* What the tasks add to their own list meanwhile waits for the next turn. */
static void run_tasks(struct sn_list *tasks)
{
	struct sn_list *link;

	while ((link = sn_list_pop(tasks)) != NULL) {
		struct sn_task *task = sn_container_of(link, struct sn_task, link);

		task->fn(task);
	}
}

/* The turn */

static void enter(struct sn_loop *loop, enum sn_phase phase)
{
	sn_assert(phase == loop->phase + 1u || (phase == 0 && loop->phase == SN_PHASE_CLOSING));
	loop->phase = phase;
}

static bool has_work(const struct sn_loop *loop)
{
	return loop->stopping || !sn_list_empty(&loop->deferred) || !sn_list_empty(&loop->flush) ||
		!sn_list_empty(&loop->closing) || atomic_load(&loop->posts) != NULL;
}

int64_t sn_loop_timeout(const struct sn_loop *loop)
{
	int64_t next, now;

	if (has_work(loop))
		return 0;
	next = sn_wheel_next(&loop->wheel);
	if (next < 0)
		return -1;
	/* Not loop->now: the callbacks since then have taken their time. */
	now = sn_clock_mono(loop->clock);
	return next > now ? next - now : 0;
}

static int64_t shorter_wait(int64_t a, int64_t b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static int to_wait_ms(int64_t ns)
{
	int64_t ms = ns / SN_MS(1) + (ns % SN_MS(1) != 0);

	return ns < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_ns_exactly(struct sn_loop *loop, int64_t wait_ns)
{
	const struct timespec wait = {
		.tv_sec = wait_ns / SN_SEC(1),
		.tv_nsec = wait_ns % SN_SEC(1),
	};

	return epoll_pwait2(loop->epoll_fd, loop->events, (int)loop->max_events,
		wait_ns < 0 ? NULL : &wait, NULL);
}

/* Kernels before 5.11, sandboxes and instruments do not know the exact call. */
static int wait_events(struct sn_loop *loop, int64_t wait_ns)
{
	int n = -1;

	if (!loop->coarse_wait) {
		n = wait_ns_exactly(loop, wait_ns);
		loop->coarse_wait = n < 0 && errno == ENOSYS;
	}
	if (loop->coarse_wait)
		n = epoll_wait(
			loop->epoll_fd, loop->events, (int)loop->max_events, to_wait_ms(wait_ns));
	sn_assert(n >= 0 || errno == EINTR);
	return n < 0 ? 0 : n;
}

static void dispatch_one(struct sn_loop *loop, const struct epoll_event *event)
{
	const struct sn_fd_slot *slot = &loop->fds[(uint32_t)event->data.u64];
	unsigned events;

	if (slot->watch == NULL || slot->generation != event->data.u64 >> 32)
		return; /* cleared since the kernel queued this */
	events = from_epoll(event->events) & (slot->watch->events | SN_HANGUP);
	if (events != 0)
		slot->watch->fn(slot->watch, events);
}

static void dispatch(struct sn_loop *loop, int64_t max_wait_ns)
{
	int n = wait_events(loop, shorter_wait(max_wait_ns, sn_loop_timeout(loop)));

	atomic_store(&loop->asleep, false);
	refresh_now(loop);
	for (int i = 0; i < n; i++)
		dispatch_one(loop, &loop->events[i]);
	if (n > 0)
		refresh_now(loop);
}

static void run_list(struct sn_list *list)
{
	struct sn_list batch;

	sn_list_move(&batch, list);
	run_tasks(&batch);
}

static void run_deferred(struct sn_loop *loop)
{
	struct sn_post *posts = take_posts(loop);
	struct sn_list batch;

	sn_list_move(&batch, &loop->deferred);
	run_posts(posts);
	run_tasks(&batch);
}

void sn_loop_turn(struct sn_loop *loop, int64_t max_wait_ns)
{
	enter(loop, SN_PHASE_TIMERS);
	atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
	refresh_now(loop);
	if (sn_wheel_run(loop))
		max_wait_ns = 0;
	enter(loop, SN_PHASE_DISPATCH);
	dispatch(loop, max_wait_ns);
	enter(loop, SN_PHASE_DEFERRED);
	run_deferred(loop);
	enter(loop, SN_PHASE_FLUSH);
	run_list(&loop->flush);
	enter(loop, SN_PHASE_CLOSING);
	run_list(&loop->closing);
	enter(loop, SN_PHASE_IDLE);
	/* From here on posters wake us: a foreign loop polls between turns. */
	atomic_store(&loop->asleep, true);
}

int sn_loop_run(struct sn_loop *loop)
{
	do
		sn_loop_turn(loop, -1);
	while (!loop->stopping);
	loop->stopping = false;
	return loop->stop_code;
}

void sn_loop_stop(struct sn_loop *loop, int code)
{
	loop->stopping = true;
	loop->stop_code = code;
}

/* Birth and death */

static int open_wake(struct sn_loop *loop)
{
	int err, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	err = sn_watch_set(loop, &loop->wake, fd, SN_READABLE, on_wake);
	if (err != SN_OK)
		close(fd);
	return err;
}

static int open_loop(struct sn_loop *loop)
{
	int err;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	err = open_wake(loop);
	if (err != SN_OK)
		close(loop->epoll_fd);
	return err;
}

static void free_memory(struct sn_loop *loop)
{
	sn_free(loop->scratch[SN_SCRATCH_RAW]);
	sn_free(loop->scratch[SN_SCRATCH_PLAIN]);
	sn_free(loop->events);
	sn_free(loop->fds);
	sn_free(loop);
}

int sn_loop_new(const struct sn_loop_options *options, struct sn_loop **loop_r)
{
	static const struct sn_loop_options defaults = { .clock = NULL };
	struct sn_loop *loop = sn_alloc_zero(sizeof(*loop));
	int err;

	if (options == NULL)
		options = &defaults;
	loop->clock = options->clock ? options->clock : &sn_clock_system;
	loop->max_events = options->max_events ? options->max_events : DEFAULT_MAX_EVENTS;
	loop->events = sn_alloc_array(loop->max_events, sizeof(*loop->events));
	sn_list_init(&loop->deferred);
	sn_list_init(&loop->flush);
	sn_list_init(&loop->closing);
	sn_list_init(&loop->orphans);
	atomic_init(&loop->asleep, true);
	refresh_now(loop);
	sn_wheel_init(&loop->wheel, loop->now);
	err = open_loop(loop);
	if (err != SN_OK)
		free_memory(loop);
	else
		*loop_r = loop;
	return err;
}

void sn_loop_free(struct sn_loop **loop_p)
{
	struct sn_loop *loop = *loop_p;
	int wake_fd;

	if (loop == NULL)
		return;
	*loop_p = NULL;
	sn_loop_free_orphans(loop);
	wake_fd = loop->wake.fd;
	sn_watch_clear(&loop->wake);
	close(wake_fd);
	sn_assert(loop->phase == SN_PHASE_IDLE);
	sn_assert(loop->watch_count == 0);
	sn_assert(sn_wheel_empty(&loop->wheel));
	sn_assert(sn_list_empty(&loop->deferred) && sn_list_empty(&loop->flush));
	sn_assert(sn_list_empty(&loop->closing));
	close(loop->epoll_fd);
	free_memory(loop);
}
