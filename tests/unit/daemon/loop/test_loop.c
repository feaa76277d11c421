#include "daemon/loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/loop/timer.h"
#include "tests/unit/daemon/loop/fixture.h"

/* One member per phase, each noting its letter in `order` and then doing `then`. */
struct stage {
	struct sn_timer timer;
	struct sn_watch watch;
	struct sn_post post;
	struct sn_task deferred, flush, closing;
	int ready; /* an eventfd that is always readable */
};

static struct stage stage;
static char order[64];
static void (*then)(void); /* called once */

static void note(char c)
{
	size_t n = strlen(order);
	void (*once)(void) = then;

	ck_assert_uint_lt(n + 1, sizeof(order));
	order[n] = c;
	then = NULL;
	if (once != NULL)
		once();
}

static void on_timer(struct sn_timer *timer)
{
	ck_assert_ptr_eq(timer, &stage.timer);
	note('t');
}

static void on_watch(struct sn_watch *watch, unsigned events)
{
	ck_assert_ptr_eq(watch, &stage.watch);
	ck_assert_uint_eq(events, SN_READABLE);
	note('w');
}

static void on_post(struct sn_post *post)
{
	ck_assert_ptr_eq(post, &stage.post);
	note('p');
}

static void on_deferred(struct sn_task *task)
{
	ck_assert_ptr_eq(task, &stage.deferred);
	note('d');
}

static void on_flush(struct sn_task *task)
{
	ck_assert_ptr_eq(task, &stage.flush);
	note('f');
}

static void on_closing(struct sn_task *task)
{
	ck_assert_ptr_eq(task, &stage.closing);
	note('c');
}

static void stage_setup(void)
{
	fake_loop_setup();
	memset(order, 0, sizeof(order));
	then = NULL;
	stage = (struct stage){
		.post.fn = on_post,
		.deferred.fn = on_deferred,
		.flush.fn = on_flush,
		.closing.fn = on_closing,
		.ready = eventfd(1, EFD_CLOEXEC),
	};
	ck_assert_int_ge(stage.ready, 0);
}

static void stage_teardown(void)
{
	sn_watch_clear(&stage.watch);
	close(stage.ready);
	loop_teardown();
}

static void add_timer(void)
{
	sn_timer_set(loop, &stage.timer, 0, on_timer);
}

static void add_watch(void)
{
	ck_assert_int_eq(
		sn_watch_set(loop, &stage.watch, stage.ready, SN_READABLE, on_watch), SN_OK);
}

static void add_post(void)
{
	sn_loop_post(loop, &stage.post);
}

static void add_deferred(void)
{
	sn_loop_defer(loop, &stage.deferred);
}

static void add_flush(void)
{
	sn_loop_flush(loop, &stage.flush);
}

static void add_closing(void)
{
	sn_loop_closing(loop, &stage.closing);
}

/* Indexed by phase order; the watch is no work the loop must do, so it stands apart. */
static const struct {
	void (*add)(void);
	char letter;
} kinds[] = {
	{ add_timer, 't' },
	{ add_post, 'p' },
	{ add_deferred, 'd' },
	{ add_flush, 'f' },
	{ add_closing, 'c' },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

START_TEST(phases_follow_in_order)
{
	add_closing();
	add_flush();
	add_deferred();
	add_post();
	add_watch();
	add_timer();
	ck_assert_str_eq(order, "");
	turn();
	ck_assert_str_eq(order, "twpdfc");
}
END_TEST

START_TEST(work_added_to_its_own_phase_waits_for_the_next_turn)
{
	const char once[] = { kinds[_i].letter, '\0' };
	const char twice[] = { kinds[_i].letter, kinds[_i].letter, '\0' };

	then = kinds[_i].add;
	kinds[_i].add();
	turn();
	ck_assert_str_eq(order, once);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	sn_loop_turn(loop, -1); /* must not sleep: nothing else would wake it */
	ck_assert_str_eq(order, twice);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

START_TEST(work_added_to_a_later_phase_runs_in_the_same_turn)
{
	const char pair[] = { 't', kinds[_i].letter, '\0' };

	then = kinds[_i].add;
	add_timer();
	sn_loop_turn(loop, -1);
	ck_assert_str_eq(order, pair);
}
END_TEST

START_TEST(pending_work_forbids_sleep)
{
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
	kinds[_i].add();
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	turn();
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

/* So that a caller who turns until a timer has done something gets to look. */
START_TEST(a_turn_that_called_a_timer_does_not_sleep)
{
	add_timer();
	sn_loop_turn(loop, -1);
	ck_assert_str_eq(order, "t");
}
END_TEST

START_TEST(a_task_added_twice_runs_once)
{
	add_deferred();
	add_deferred();
	add_flush();
	add_flush();
	add_closing();
	add_closing();
	turn();
	turn();
	ck_assert_str_eq(order, "dfc");
}
END_TEST

START_TEST(a_canceled_task_does_not_run)
{
	add_deferred();
	add_flush();
	sn_task_cancel(&stage.deferred);
	sn_task_cancel(&stage.flush);
	sn_task_cancel(&stage.closing); /* on no list */
	turn();
	ck_assert_str_eq(order, "");
}
END_TEST

static void cancel_flush(void)
{
	sn_task_cancel(&stage.flush);
}

START_TEST(a_task_may_cancel_one_of_the_same_turn)
{
	then = cancel_flush;
	add_deferred();
	add_flush();
	turn();
	ck_assert_str_eq(order, "d");
}
END_TEST

START_TEST(closing_takes_a_task_off_other_lists)
{
	add_deferred();
	sn_loop_closing(loop, &stage.deferred);
	stage.deferred.fn = on_deferred;
	add_flush();
	turn();
	ck_assert_str_eq(order, "fd");
}
END_TEST

static void advance_5_ms(void)
{
	sn_fake_clock_advance(&fake, SN_MS(5));
}

static int64_t deferred_saw;

static void on_deferred_look(struct sn_task *task)
{
	(void)task;
	deferred_saw = sn_loop_now(loop);
}

START_TEST(now_is_the_turns_and_fresh_after_dispatch)
{
	struct sn_task look = { .fn = on_deferred_look };
	int64_t start = fake.mono_ns;

	ck_assert_int_eq(sn_loop_now(loop), start);
	sn_fake_clock_advance(&fake, 7);
	ck_assert_int_eq(sn_loop_now(loop), start);
	add_watch();
	then = advance_5_ms;
	sn_loop_defer(loop, &look);
	turn();
	ck_assert_int_eq(deferred_saw, start + 7 + SN_MS(5));
	ck_assert_ptr_eq(sn_loop_clock(loop), &fake.clock);
	ck_assert_int_eq(sn_loop_wall(loop), fake.wall_ns);
}
END_TEST

START_TEST(turns_are_counted)
{
	uint64_t before = sn_loop_turns(loop);

	turn();
	turn();
	ck_assert_uint_eq(sn_loop_turns(loop), before + 2);
}
END_TEST

START_TEST(scratch_areas_are_two_and_stay)
{
	char *raw = sn_loop_scratch(loop, SN_SCRATCH_RAW);
	char *plain = sn_loop_scratch(loop, SN_SCRATCH_PLAIN);

	memset(raw, 1, SN_SCRATCH_SIZE);
	memset(plain, 2, SN_SCRATCH_SIZE);
	ck_assert_int_eq(raw[SN_SCRATCH_SIZE - 1], 1);
	ck_assert_ptr_eq(sn_loop_scratch(loop, SN_SCRATCH_RAW), raw);
	ck_assert_ptr_eq(sn_loop_scratch(loop, SN_SCRATCH_PLAIN), plain);
}
END_TEST

static void stop_with_7(void)
{
	sn_loop_stop(loop, 7);
}

START_TEST(stop_ends_run_after_the_turn)
{
	then = stop_with_7;
	kinds[_i].add();
	add_closing();
	ck_assert_int_eq(sn_loop_run(loop), 7);
	ck_assert_int_eq(order[strlen(order) - 1], 'c');
	/* Stopped before it runs: one turn without sleep; and the stop is used up. */
	sn_loop_stop(loop, 8);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	ck_assert_int_eq(sn_loop_run(loop), 8);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

static void turn_again(void)
{
	then = turn;
	add_deferred();
	turn();
}

START_TEST(a_turn_inside_a_turn_is_a_programmer_error)
{
	assert_dies(turn_again);
}
END_TEST

/* With a loop of their own: after fork the kernel's side of a loop is shared. */
static void free_with_timer(void)
{
	fake_loop_setup();
	sn_timer_set(loop, &stage.timer, SN_SEC(1), on_timer);
	sn_loop_free(&loop);
}

static void free_with_watch(void)
{
	fake_loop_setup();
	add_watch();
	sn_loop_free(&loop);
}

static void free_with_task(void)
{
	fake_loop_setup();
	add_closing();
	sn_loop_free(&loop);
}

START_TEST(freeing_a_loop_in_use_is_a_programmer_error)
{
	assert_dies(free_with_timer);
	assert_dies(free_with_watch);
	assert_dies(free_with_task);
}
END_TEST

START_TEST(posts_nobody_waits_for_do_not_hold_the_loop)
{
	add_post();
}
END_TEST

/* Watches */

struct seen {
	struct sn_watch watch;
	unsigned events; /* of the last call */
	int calls;
	void (*then)(struct seen *seen);
};

static void on_seen(struct sn_watch *watch, unsigned events)
{
	struct seen *seen = sn_container_of(watch, struct seen, watch);

	seen->events = events;
	seen->calls++;
	if (seen->then != NULL)
		seen->then(seen);
}

static void see(struct seen *seen, int fd, unsigned events)
{
	ck_assert_int_eq(sn_watch_set(loop, &seen->watch, fd, events, on_seen), SN_OK);
}

static unsigned events_of_turn(struct seen *seen)
{
	seen->events = 0;
	turn();
	return seen->events;
}

static void open_sockets(int ends[2])
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

START_TEST(watches_hear_what_they_want)
{
	struct seen seen = { .calls = 0 };
	int ends[2];

	open_sockets(ends);
	see(&seen, ends[0], SN_READABLE);
	ck_assert_uint_eq(events_of_turn(&seen), 0);
	sn_watch_want(&seen.watch, SN_READABLE | SN_WRITABLE);
	ck_assert_uint_eq(events_of_turn(&seen), SN_WRITABLE);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_uint_eq(events_of_turn(&seen), SN_READABLE | SN_WRITABLE);
	ck_assert_uint_eq(events_of_turn(&seen), SN_READABLE | SN_WRITABLE); /* level-triggered */
	sn_watch_want(&seen.watch, SN_READABLE);
	ck_assert_uint_eq(events_of_turn(&seen), SN_READABLE);
	sn_watch_want(&seen.watch, 0);
	ck_assert_uint_eq(events_of_turn(&seen), 0);
	close(ends[1]);
	ck_assert_uint_eq(events_of_turn(&seen), SN_HANGUP);
	sn_watch_clear(&seen.watch);
	ck_assert_int_eq(seen.watch.fd, -1);
	ck_assert_uint_eq(events_of_turn(&seen), 0);
	sn_watch_clear(&seen.watch);
	close(ends[0]);
}
END_TEST

/* Two loops wait for one listening socket: a connection wakes at least one, and only readers that
 * want it. */
START_TEST(one_of_several_wakes_up)
{
	struct seen seen = { .calls = 0 }, other = { .calls = 0 };
	struct sn_loop *second;
	int ends[2];

	open_sockets(ends);
	ck_assert_int_eq(sn_loop_new(NULL, &second), SN_OK);
	see(&seen, ends[0], SN_READABLE | SN_EXCLUSIVE);
	ck_assert_int_eq(
		sn_watch_set(second, &other.watch, ends[0], SN_READABLE | SN_EXCLUSIVE, on_seen),
		SN_OK);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	sn_loop_turn(second, 0);
	(void)events_of_turn(&seen);
	ck_assert_uint_ge(seen.calls + other.calls, 1);
	/* Off and on again, as a listener out of descriptors does. */
	sn_watch_want(&seen.watch, 0);
	ck_assert_uint_eq(events_of_turn(&seen), 0);
	sn_watch_want(&seen.watch, SN_READABLE | SN_EXCLUSIVE);
	ck_assert_uint_eq(events_of_turn(&seen), SN_READABLE);
	sn_watch_want(&seen.watch, 0);
	sn_watch_clear(&seen.watch);
	sn_watch_clear(&other.watch);
	sn_loop_free(&second);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_pipe_without_writers_hangs_up)
{
	struct seen seen = { .calls = 0 };
	int ends[2];

	open_pipe(ends);
	see(&seen, ends[0], SN_READABLE);
	close(ends[1]);
	ck_assert_uint_eq(events_of_turn(&seen), SN_HANGUP);
	sn_watch_clear(&seen.watch);
	close(ends[0]);
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_reported)
{
	struct seen seen = { .calls = 0 }, other = { .calls = 0 };
	FILE *file = tmpfile();
	int ends[2];

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(
		sn_watch_set(loop, &seen.watch, fileno(file), SN_READABLE, on_seen), -EPERM);
	fclose(file);
	open_pipe(ends);
	see(&seen, ends[0], SN_READABLE);
	ck_assert_int_eq(sn_watch_set(loop, &other.watch, ends[0], SN_READABLE, on_seen), -EEXIST);
	sn_watch_clear(&seen.watch);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(sn_watch_set(loop, &seen.watch, ends[0], SN_READABLE, on_seen), -EBADF);
}
END_TEST

#define PAIR 2
static struct seen pair[PAIR];
static int pair_ends[PAIR][2];

static void pair_setup(void)
{
	fake_loop_setup();
	for (int i = 0; i < PAIR; i++) {
		pair[i] = (struct seen){ .calls = 0 };
		open_sockets(pair_ends[i]);
		ck_assert_int_eq(write(pair_ends[i][1], "x", 1), 1);
		see(&pair[i], pair_ends[i][0], SN_READABLE);
	}
}

static void pair_teardown(void)
{
	for (int i = 0; i < PAIR; i++) {
		sn_watch_clear(&pair[i].watch);
		close(pair_ends[i][0]);
		close(pair_ends[i][1]);
	}
	loop_teardown();
}

static int other_index(const struct seen *seen)
{
	return seen == &pair[0] ? 1 : 0;
}

static void clear_other(struct seen *seen)
{
	sn_watch_clear(&pair[other_index(seen)].watch);
}

START_TEST(a_watch_cleared_in_dispatch_is_not_called)
{
	pair[0].then = pair[1].then = clear_other;
	turn();
	turn();
	ck_assert_int_eq(pair[0].calls + pair[1].calls, 2);
	ck_assert(pair[0].calls == 0 || pair[1].calls == 0);
}
END_TEST

static void unwant_other(struct seen *seen)
{
	sn_watch_want(&pair[other_index(seen)].watch, SN_WRITABLE);
}

START_TEST(an_event_no_longer_wanted_is_not_delivered)
{
	pair[0].then = pair[1].then = unwant_other;
	turn();
	ck_assert_int_eq(pair[0].calls + pair[1].calls, 1);
}
END_TEST

static struct seen newcomer;
static int newcomer_ends[2];

/* A new owner gets the number of the other, already reported, descriptor. */
static void replace_other(struct seen *seen)
{
	int *ends = pair_ends[other_index(seen)];

	seen->then = NULL;
	sn_watch_clear(&pair[other_index(seen)].watch);
	ck_assert_int_eq(dup3(newcomer_ends[0], ends[0], O_CLOEXEC), ends[0]);
	see(&newcomer, ends[0], SN_READABLE);
}

START_TEST(a_stale_event_does_not_reach_the_next_owner_of_the_number)
{
	open_sockets(newcomer_ends);
	newcomer = (struct seen){ .calls = 0 };
	pair[0].then = pair[1].then = replace_other;
	turn();
	ck_assert_int_eq(pair[0].calls + pair[1].calls, 1);
	ck_assert_int_eq(newcomer.calls, 0);
	ck_assert_int_eq(write(newcomer_ends[1], "x", 1), 1);
	turn();
	ck_assert_int_eq(newcomer.calls, 1);
	sn_watch_clear(&newcomer.watch);
	close(newcomer_ends[0]);
	close(newcomer_ends[1]);
}
END_TEST

/* The duplicate keeps the first socket in the kernel's list, and it is readable. */
START_TEST(a_forgotten_watch_is_not_called_and_its_number_is_free)
{
	struct seen first = { .calls = 0 }, second = { .calls = 0 };
	int ends[2], other[2], duplicate;

	open_sockets(ends);
	open_sockets(other);
	see(&first, ends[0], SN_READABLE);
	duplicate = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	sn_watch_forget(&first.watch);
	ck_assert_int_eq(first.watch.fd, -1);
	sn_watch_forget(&first.watch); /* unset: fine */
	ck_assert_int_eq(dup3(other[0], ends[0], O_CLOEXEC), ends[0]);
	see(&second, ends[0], SN_READABLE);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	turn();
	ck_assert_int_eq(first.calls + second.calls, 0);
	ck_assert_int_eq(write(other[1], "x", 1), 1);
	turn();
	ck_assert_int_eq(first.calls, 0);
	ck_assert_int_eq(second.calls, 1);
	sn_watch_clear(&second.watch);
	close(duplicate);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(other[i]);
	}
}
END_TEST

START_TEST(many_watches_all_are_served)
{
	enum { COUNT = 300 };
	struct seen *seen = calloc(COUNT, sizeof(*seen));
	int served = 0, ends[2];

	open_sockets(ends);
	for (int i = 0; i < COUNT; i++)
		see(&seen[i], fcntl(ends[0], F_DUPFD_CLOEXEC, 0), SN_WRITABLE);
	for (int turns = 0; turns < 2; turns++) /* 256 events a turn by default */
		turn();
	for (int i = 0; i < COUNT; i++) {
		int fd = seen[i].watch.fd;

		served += seen[i].calls > 0;
		sn_watch_clear(&seen[i].watch);
		close(fd);
	}
	ck_assert_int_eq(served, COUNT);
	close(ends[0]);
	close(ends[1]);
	free(seen);
}
END_TEST

START_TEST(max_events_limits_a_turn)
{
	const struct sn_loop_options options = { .max_events = 1 };
	struct sn_loop *one;
	struct seen seen[2] = { { .calls = 0 }, { .calls = 0 } };

	ck_assert_int_eq(sn_loop_new(&options, &one), SN_OK);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			sn_watch_set(one, &seen[i].watch, pair_ends[i][0], SN_READABLE, on_seen),
			SN_OK);
	sn_loop_turn(one, 0);
	ck_assert_int_eq(seen[0].calls + seen[1].calls, 1);
	sn_loop_turn(one, 0);
	ck_assert_int_eq(seen[0].calls, 1); /* the kernel goes round */
	ck_assert_int_eq(seen[1].calls, 1);
	for (int i = 0; i < 2; i++)
		sn_watch_clear(&seen[i].watch);
	sn_loop_free(&one);
}
END_TEST

static void want_closed(void)
{
	struct seen seen = { .calls = 0 };
	int ends[2];

	fake_loop_setup();
	open_pipe(ends);
	see(&seen, ends[0], SN_READABLE);
	close(ends[0]);
	sn_watch_clear(&seen.watch);
}

START_TEST(closing_a_watched_descriptor_is_a_programmer_error)
{
	assert_dies(want_closed);
}
END_TEST

static int lowest_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

/* With room for no descriptor, then for one only. */
START_TEST(new_reports_a_lack_of_descriptors)
{
	struct rlimit before, few;
	struct sn_loop *none = NULL;
	int free_fd = lowest_free_fd();

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ .rlim_cur = (rlim_t)(free_fd + _i), .rlim_max = before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(sn_loop_new(NULL, &none), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(lowest_free_fd(), free_fd);
}
END_TEST

/* Posts from other threads */

#define POSTERS 4
#define POSTS_EACH 2000

struct numbered_post {
	struct sn_post post;
	int poster, number;
};

static struct numbered_post posts[POSTERS][POSTS_EACH];
static int next_number[POSTERS], posts_seen, posts_misplaced;

static void on_numbered_post(struct sn_post *post)
{
	struct numbered_post *p = sn_container_of(post, struct numbered_post, post);

	posts_misplaced += p->number != next_number[p->poster];
	next_number[p->poster]++;
	posts_seen++;
}

static void *run_poster(void *arg)
{
	struct numbered_post *mine = arg;

	for (int i = 0; i < POSTS_EACH; i++)
		sn_loop_post(loop, &mine[i].post);
	return NULL;
}

START_TEST(posts_of_many_threads_arrive_once_and_in_each_ones_order)
{
	pthread_t threads[POSTERS];

	posts_seen = posts_misplaced = 0;
	for (int t = 0; t < POSTERS; t++) {
		next_number[t] = 0;
		for (int i = 0; i < POSTS_EACH; i++)
			posts[t][i] = (struct numbered_post){
				.post.fn = on_numbered_post,
				.poster = t,
				.number = i,
			};
		ck_assert_int_eq(pthread_create(&threads[t], NULL, run_poster, posts[t]), 0);
	}
	while (posts_seen < POSTERS * POSTS_EACH)
		sn_loop_turn(loop, -1);
	for (int t = 0; t < POSTERS; t++)
		pthread_join(threads[t], NULL);
	ck_assert_int_eq(posts_misplaced, 0);
}
END_TEST

static void *post_when_polled(void *arg)
{
	sn_loop_post(loop, arg);
	return NULL;
}

START_TEST(a_post_wakes_a_foreign_loop)
{
	struct pollfd polled = { .fd = sn_loop_fd(loop), .events = POLLIN };
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		memset(order, 0, sizeof(order));
		ck_assert_int_eq(poll(&polled, 1, 0), 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, post_when_polled, &stage.post), 0);
		ck_assert_int_eq(poll(&polled, 1, -1), 1);
		turn();
		ck_assert_str_eq(order, "p");
		pthread_join(thread, NULL);
	}
}
END_TEST

static void on_post_stop(struct sn_post *post)
{
	(void)post;
	sn_loop_stop(loop, 3);
}

START_TEST(a_post_wakes_a_sleeping_loop)
{
	struct sn_post post = { .fn = on_post_stop };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, post_when_polled, &post), 0);
	ck_assert_int_eq(sn_loop_run(loop), 3);
	pthread_join(thread, NULL);
}
END_TEST

static TCase *make_case(const char *name, SFun setup, SFun teardown)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	return tc;
}

Suite *loop_suite(void);
Suite *loop_suite(void)
{
	Suite *s = suite_create("loop");
	TCase *turns = make_case("turn", stage_setup, stage_teardown);
	TCase *watches = make_case("watch", pair_setup, pair_teardown);
	TCase *alone = tcase_create("without a loop");

	tcase_add_test(turns, phases_follow_in_order);
	tcase_add_loop_test(turns, work_added_to_its_own_phase_waits_for_the_next_turn, 0, KINDS);
	tcase_add_loop_test(turns, work_added_to_a_later_phase_runs_in_the_same_turn, 1, KINDS);
	tcase_add_loop_test(turns, pending_work_forbids_sleep, 0, KINDS);
	tcase_add_test(turns, a_turn_that_called_a_timer_does_not_sleep);
	tcase_add_test(turns, a_task_added_twice_runs_once);
	tcase_add_test(turns, a_canceled_task_does_not_run);
	tcase_add_test(turns, a_task_may_cancel_one_of_the_same_turn);
	tcase_add_test(turns, closing_takes_a_task_off_other_lists);
	tcase_add_test(turns, now_is_the_turns_and_fresh_after_dispatch);
	tcase_add_test(turns, turns_are_counted);
	tcase_add_test(turns, scratch_areas_are_two_and_stay);
	tcase_add_loop_test(turns, stop_ends_run_after_the_turn, 0, KINDS);
	tcase_add_test(turns, a_turn_inside_a_turn_is_a_programmer_error);
	tcase_add_test(turns, freeing_a_loop_in_use_is_a_programmer_error);
	tcase_add_test(turns, posts_nobody_waits_for_do_not_hold_the_loop);
	tcase_add_test(turns, posts_of_many_threads_arrive_once_and_in_each_ones_order);
	tcase_add_test(turns, a_post_wakes_a_foreign_loop);
	tcase_add_test(turns, a_post_wakes_a_sleeping_loop);
	tcase_add_test(watches, watches_hear_what_they_want);
	tcase_add_test(watches, one_of_several_wakes_up);
	tcase_add_test(watches, a_pipe_without_writers_hangs_up);
	tcase_add_test(watches, what_cannot_be_waited_for_is_reported);
	tcase_add_test(watches, a_watch_cleared_in_dispatch_is_not_called);
	tcase_add_test(watches, an_event_no_longer_wanted_is_not_delivered);
	tcase_add_test(watches, a_stale_event_does_not_reach_the_next_owner_of_the_number);
	tcase_add_test(watches, a_forgotten_watch_is_not_called_and_its_number_is_free);
	tcase_add_test(watches, many_watches_all_are_served);
	tcase_add_test(watches, max_events_limits_a_turn);
	tcase_add_test(watches, closing_a_watched_descriptor_is_a_programmer_error);
	tcase_add_loop_test(alone, new_reports_a_lack_of_descriptors, 0, 2);
	suite_add_tcase(s, turns);
	suite_add_tcase(s, watches);
	suite_add_tcase(s, alone);
	return s;
}
