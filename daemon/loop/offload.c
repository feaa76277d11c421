#include "daemon/loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define DEFAULT_QUEUE_MAX 1024

enum job_state { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_POSTED };

struct sn_offload {
	pthread_mutex_t lock;
	pthread_cond_t work_there;
	struct sn_list queue;
	bool stopping;
	unsigned queued, idle; /* jobs in the queue, threads waiting for one */
	atomic_uint accepted;  /* jobs queued or running */
	unsigned started, threads_max, queue_max;
	pthread_t *threads;
};

static void on_post(struct sn_post *post)
{
	struct sn_job *job = sn_container_of(post, struct sn_job, post);

	job->state = JOB_IDLE;
	job->done(job, job->code);
}

static void post_result(struct sn_job *job, int code)
{
	job->code = code;
	job->state = JOB_POSTED;
	sn_loop_post(job->loop, &job->post); /* the job is the loop's from here on */
}

/* With the lock held. */
static struct sn_job *take_job(struct sn_offload *pool)
{
	struct sn_job *job;

	while (sn_list_empty(&pool->queue) && !pool->stopping) {
		pool->idle++;
		pthread_cond_wait(&pool->work_there, &pool->lock);
		pool->idle--;
	}
	if (sn_list_empty(&pool->queue))
		return NULL;
	job = sn_container_of(sn_list_pop(&pool->queue), struct sn_job, link);
	job->state = JOB_RUNNING;
	pool->queued--;
	return job;
}

static void *run_thread(void *arg)
{
	struct sn_offload *pool = arg;
	struct sn_job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = take_job(pool)) != NULL) {
		int code;

		pthread_mutex_unlock(&pool->lock);
		code = job->work(job);
		atomic_fetch_sub(&pool->accepted, 1);
		post_result(job, code);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* With the lock held. Signals are the loops' business: threads inherit a full mask. */
static void start_thread(struct sn_offload *pool)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&pool->threads[pool->started], NULL, run_thread, pool) == 0)
		pool->started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static unsigned core_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

int sn_offload_new(const struct sn_offload_options *options, struct sn_offload **pool_r)
{
	static const struct sn_offload_options defaults = { .threads = 0 };
	struct sn_offload *pool = sn_alloc_zero(sizeof(*pool));

	if (options == NULL)
		options = &defaults;
	sn_alloc_share_heap();
	pool->threads_max = options->threads ? options->threads : core_count();
	pool->queue_max = options->queue_max ? options->queue_max : DEFAULT_QUEUE_MAX;
	pool->threads = sn_alloc_array(pool->threads_max, sizeof(*pool->threads));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work_there, NULL);
	sn_list_init(&pool->queue);
	*pool_r = pool;
	return SN_OK;
}

/* With the lock held: the job is in the queue, or there is no thread to ever take it. */
static int enqueue(struct sn_offload *pool, struct sn_job *job)
{
	if (pool->queued >= pool->idle && pool->started < pool->threads_max)
		start_thread(pool);
	if (pool->started == 0)
		return SN_EBUSY;
	job->state = JOB_QUEUED;
	sn_list_append(&pool->queue, &job->link);
	pool->queued++;
	atomic_fetch_add(&pool->accepted, 1);
	pthread_cond_signal(&pool->work_there);
	return SN_OK;
}

int sn_offload_run(struct sn_offload *pool, struct sn_loop *loop, struct sn_job *job)
{
	int err = SN_EBUSY;

	sn_assert(job->work != NULL && job->done != NULL);
	sn_assert(job->state == JOB_IDLE);
	job->pool = pool;
	job->loop = loop;
	job->post.fn = on_post;
	pthread_mutex_lock(&pool->lock);
	/* A job that a thread is free for does not count as waiting. */
	if (sn_offload_waiting(pool) < pool->queue_max)
		err = enqueue(pool, job);
	pthread_mutex_unlock(&pool->lock);
	return err;
}

void sn_offload_cancel(struct sn_job *job)
{
	struct sn_offload *pool = job->pool;
	bool dropped;

	/* The pool may be gone when no job of it is queued any more. */
	if (job->state != JOB_QUEUED)
		return;
	pthread_mutex_lock(&pool->lock);
	dropped = job->state == JOB_QUEUED;
	if (dropped) {
		sn_list_remove(&job->link);
		pool->queued--;
		atomic_fetch_sub(&pool->accepted, 1);
	}
	pthread_mutex_unlock(&pool->lock);
	if (dropped)
		post_result(job, SN_ECANCELED);
}

unsigned sn_offload_waiting(const struct sn_offload *pool)
{
	unsigned accepted = atomic_load(&pool->accepted);

	return accepted > pool->threads_max ? accepted - pool->threads_max : 0;
}

/* Take away what waits and tell the threads; returns how many there are to join. */
static unsigned begin_stop(struct sn_offload *pool, struct sn_list *waiting)
{
	unsigned started;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	sn_list_move(waiting, &pool->queue);
	started = pool->started;
	pthread_cond_broadcast(&pool->work_there);
	pthread_mutex_unlock(&pool->lock);
	return started;
}

void sn_offload_free(struct sn_offload **pool_p)
{
	struct sn_offload *pool = *pool_p;
	struct sn_list waiting, *link;
	unsigned started;

	if (pool == NULL)
		return;
	*pool_p = NULL;
	started = begin_stop(pool, &waiting);
	while ((link = sn_list_pop(&waiting)) != NULL)
		post_result(sn_container_of(link, struct sn_job, link), SN_ECANCELED);
	for (unsigned i = 0; i < started; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work_there);
	pthread_mutex_destroy(&pool->lock);
	sn_free(pool->threads);
	sn_free(pool);
}
