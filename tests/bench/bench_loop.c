/*
 * What the loop's own pieces cost: timers with 100,000 armed, an empty turn with and without them,
 * posts from another thread, offloads. Prints one line per figure, in CPU time of all threads;
 * takes a few seconds.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "daemon/base/mem.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/offload.h"
#include "daemon/loop/timer.h"

#define TIMERS 100000
#define ROUNDS 20
#define TURNS 500000
#define POSTS 2000000
#define JOBS 200000
#define JOBS_AT_ONCE 64

static struct sn_loop *loop;
static struct sn_timer *timers;
static int64_t fired;

static int64_t now(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return SN_SEC(spent.tv_sec) + spent.tv_nsec;
}

static void report(const char *what, int64_t count, int64_t start)
{
	int64_t spent = now() - start;

	printf("%-44s %8.1f ns each %12.0f per CPU second\n", what, (double)spent / (double)count,
		(double)count * 1e9 / (double)spent);
}

/* Timers */

static void on_timer(struct sn_timer *timer)
{
	(void)timer;
	fired++;
}

/* Deadlines like those of idle connections: spread over a minute, a minute ahead. */
static int64_t spread(uint32_t i)
{
	return SN_SEC(60) + SN_US((int64_t)(i * 2654435761u % 60000000));
}

static void arm_all(uint32_t salt)
{
	for (uint32_t i = 0; i < TIMERS; i++)
		sn_timer_set(loop, &timers[i], spread(i + salt), on_timer);
}

static void clear_all(void)
{
	for (uint32_t i = 0; i < TIMERS; i++)
		sn_timer_clear(&timers[i]);
}

static void bench_timers(void)
{
	int64_t arm = 0, clear = 0, start;

	for (int round = 0; round < ROUNDS; round++) {
		start = now();
		arm_all(0);
		arm += now() - start;
		start = now();
		clear_all();
		clear += now() - start;
	}
	report("timer set, 0 to 100,000 armed", (int64_t)TIMERS * ROUNDS, now() - arm);
	report("timer cleared, 100,000 to 0 armed", (int64_t)TIMERS * ROUNDS, now() - clear);
	arm_all(0);
	start = now();
	for (uint32_t round = 1; round <= ROUNDS; round++)
		arm_all(round);
	report("timer set again, 100,000 armed", (int64_t)TIMERS * ROUNDS, start);
	clear_all();
}

static void bench_turns(const char *what)
{
	int64_t start = now();

	for (int i = 0; i < TURNS; i++)
		sn_loop_turn(loop, 0);
	report(what, TURNS, start);
}

/* All within ten seconds of a fake clock that goes in steps of a millisecond. */
static void bench_firing(void)
{
	struct sn_fake_clock fake;
	const struct sn_loop_options options = { .clock = &fake.clock };
	struct sn_loop *real = loop;
	int64_t start;

	sn_fake_clock_init(&fake);
	if (sn_loop_new(&options, &loop) != SN_OK)
		sn_unreachable();
	start = now();
	for (uint32_t i = 0; i < TIMERS; i++)
		sn_timer_set(loop, &timers[i], spread(i) / 12, on_timer);
	for (fired = 0; fired < TIMERS;) {
		sn_fake_clock_advance(&fake, SN_MS(1));
		sn_loop_turn(loop, 0);
	}
	report("timer set and fired, 100,000 armed at first", TIMERS, start);
	sn_loop_free(&loop);
	loop = real;
}

/* Posts */

static struct sn_post *posts;
static int64_t posts_seen;

static void on_post(struct sn_post *post)
{
	(void)post;
	posts_seen++;
}

static void *send_posts(void *arg)
{
	(void)arg;
	for (int i = 0; i < POSTS; i++)
		sn_loop_post(loop, &posts[i]);
	return NULL;
}

static void bench_posts(void)
{
	uint64_t turns = sn_loop_turns(loop);
	pthread_t thread;
	int64_t start;

	posts = sn_alloc_array(POSTS, sizeof(*posts));
	for (int i = 0; i < POSTS; i++)
		posts[i].fn = on_post;
	start = now();
	if (pthread_create(&thread, NULL, send_posts, NULL) != 0)
		sn_unreachable();
	while (posts_seen < POSTS)
		sn_loop_turn(loop, -1);
	report("post from another thread", POSTS, start);
	printf("%-44s %8.1f\n", "  posts per turn",
		(double)POSTS / (double)(sn_loop_turns(loop) - turns));
	pthread_join(thread, NULL);
	sn_free(posts);
}

/* Offloads: a fixed number under way, each sent again when done. */

static struct sn_offload *pool;
static int64_t jobs_sent, jobs_done;

static int do_nothing(struct sn_job *job)
{
	(void)job;
	return SN_OK;
}

static void send_job(struct sn_job *job)
{
	if (jobs_sent++ < JOBS && sn_offload_run(pool, loop, job) != SN_OK)
		sn_unreachable();
}

static void on_job_done(struct sn_job *job, int code)
{
	(void)code;
	jobs_done++;
	send_job(job);
}

static void bench_offloads(void)
{
	static struct sn_job jobs[JOBS_AT_ONCE];
	int64_t start = now();

	if (sn_offload_new(NULL, &pool) != SN_OK)
		sn_unreachable();
	for (int i = 0; i < JOBS_AT_ONCE; i++) {
		jobs[i].work = do_nothing;
		jobs[i].done = on_job_done;
		send_job(&jobs[i]);
	}
	while (jobs_done < JOBS)
		sn_loop_turn(loop, -1);
	report("offload and its result, 64 under way", JOBS, start);
	sn_offload_free(&pool);
}

int main(void)
{
	if (sn_loop_new(NULL, &loop) != SN_OK)
		return 1;
	timers = sn_alloc_array(TIMERS, sizeof(*timers));
	bench_timers();
	bench_firing();
	bench_turns("turn without timers");
	sn_timer_set(loop, &timers[0], spread(0), on_timer);
	bench_turns("turn with one timer armed");
	arm_all(0);
	bench_turns("turn with 100,000 timers armed");
	clear_all();
	bench_posts();
	bench_offloads();
	sn_free(timers);
	sn_loop_free(&loop);
	return 0;
}
