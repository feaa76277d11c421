#include "daemon/loop/offload.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "tests/unit/daemon/loop/fixture.h"

struct task {
	struct sn_job job;
	int result; /* of the work */
	int code;   /* done got */
	int worked, done;
	pthread_t worker;
	bool gated; /* the work waits at the gate */
};

static struct sn_offload *pool;
static sem_t gate, at_gate;
static int dones;

static int work(struct sn_job *job)
{
	struct task *t = sn_container_of(job, struct task, job);

	t->worked++;
	t->worker = pthread_self();
	if (t->gated) {
		sem_post(&at_gate);
		sem_wait(&gate);
	}
	return t->result;
}

static void on_done(struct sn_job *job, int code)
{
	struct task *t = sn_container_of(job, struct task, job);

	t->code = code;
	t->done++;
	dones++;
}

static int run(struct task *t)
{
	t->job.work = work;
	t->job.done = on_done;
	return sn_offload_run(pool, loop, &t->job);
}

static void make_pool(unsigned threads, unsigned queue_max)
{
	const struct sn_offload_options options = { .threads = threads, .queue_max = queue_max };

	ck_assert_int_eq(sn_offload_new(&options, &pool), SN_OK);
}

static void turn_until_done(int count)
{
	while (dones < count)
		sn_loop_turn(loop, -1);
}

static void setup(void)
{
	loop_setup();
	sem_init(&gate, 0, 0);
	sem_init(&at_gate, 0, 0);
	dones = 0;
}

static void teardown(void)
{
	sn_offload_free(&pool);
	ck_assert_ptr_null(pool);
	sem_destroy(&gate);
	sem_destroy(&at_gate);
	loop_teardown();
}

START_TEST(work_runs_elsewhere_and_its_result_comes_here)
{
	struct task t = { .result = 42 };

	ck_assert_int_eq(sn_offload_new(NULL, &pool), SN_OK);
	ck_assert_int_eq(run(&t), SN_OK);
	ck_assert_int_eq(t.done, 0);
	turn_until_done(1);
	ck_assert_int_eq(t.code, 42);
	ck_assert_int_eq(t.worked, 1);
	ck_assert(!pthread_equal(t.worker, pthread_self()));
	t.result = -5; /* the job may be used again */
	ck_assert_int_eq(run(&t), SN_OK);
	turn_until_done(2);
	ck_assert_int_eq(t.code, -5);
}
END_TEST

START_TEST(a_full_queue_answers_at_once)
{
	struct task t[4];

	memset(t, 0, sizeof(t));
	t[0].gated = true;
	make_pool(1, 2);
	ck_assert_int_eq(run(&t[0]), SN_OK);
	ck_assert_uint_eq(sn_offload_waiting(pool), 0);
	ck_assert_int_eq(run(&t[1]), SN_OK);
	ck_assert_int_eq(run(&t[2]), SN_OK);
	ck_assert_uint_eq(sn_offload_waiting(pool), 2);
	ck_assert_int_eq(run(&t[3]), SN_EBUSY);
	sem_post(&gate);
	turn_until_done(3);
	ck_assert_int_eq(t[3].worked + t[3].done, 0);
	ck_assert_uint_eq(sn_offload_waiting(pool), 0);
	ck_assert_int_eq(run(&t[3]), SN_OK);
	turn_until_done(4);
}
END_TEST

START_TEST(canceling_drops_what_has_not_started)
{
	struct task t[3];

	memset(t, 0, sizeof(t));
	t[0].gated = true;
	t[0].result = 1;
	make_pool(1, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(run(&t[i]), SN_OK);
	sem_wait(&at_gate); /* t[0] runs */
	for (int i = 0; i < 2; i++) {
		sn_offload_cancel(&t[i].job);
		sn_offload_cancel(&t[i].job);
	}
	ck_assert_uint_eq(sn_offload_waiting(pool), 1);
	ck_assert_int_eq(dones, 0);
	turn();
	ck_assert_int_eq(t[1].code, SN_ECANCELED);
	ck_assert_int_eq(t[1].worked, 0);
	sem_post(&gate);
	turn_until_done(3);
	ck_assert_int_eq(t[0].code, 1);
	ck_assert_int_eq(t[2].code, SN_OK);
	sn_offload_cancel(&t[0].job); /* long done */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(t[i].done, 1);
}
END_TEST

START_TEST(freeing_the_pool_answers_every_job)
{
	struct task t[3];

	memset(t, 0, sizeof(t));
	t[0].gated = true;
	t[0].result = 1;
	make_pool(1, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(run(&t[i]), SN_OK);
	sem_wait(&at_gate);
	sem_post(&gate);
	sn_offload_free(&pool);
	sn_offload_cancel(&t[2].job); /* posted: must not look at the pool */
	turn();
	ck_assert_int_eq(dones, 3);
	ck_assert_int_eq(t[0].code, 1);
	for (int i = 1; i < 3; i++)
		ck_assert(t[i].code == SN_ECANCELED || t[i].worked == 1);
}
END_TEST

START_TEST(jobs_run_side_by_side)
{
	struct task t[4];

	memset(t, 0, sizeof(t));
	make_pool(4, 1);
	for (int i = 0; i < 4; i++) {
		t[i].gated = true;
		ck_assert_int_eq(run(&t[i]), SN_OK);
	}
	for (int i = 0; i < 4; i++)
		sem_wait(&at_gate); /* all four at once */
	ck_assert_uint_eq(sn_offload_waiting(pool), 0);
	for (int i = 0; i < 4; i++)
		sem_post(&gate);
	turn_until_done(4);
}
END_TEST

START_TEST(many_jobs_are_each_answered_once)
{
	enum { COUNT = 3000 };
	struct task *t = calloc(COUNT, sizeof(*t));
	int accepted = 0, right = 0;

	make_pool(4, 100);
	while (accepted < COUNT) {
		t[accepted].result = accepted;
		if (run(&t[accepted]) == SN_OK)
			accepted++;
		else
			turn_until_done(accepted - 50);
	}
	turn_until_done(COUNT);
	for (int i = 0; i < COUNT; i++)
		right += t[i].code == i && t[i].worked == 1 && t[i].done == 1;
	ck_assert_int_eq(right, COUNT);
	free(t);
}
END_TEST

START_TEST(a_pool_without_jobs_has_no_threads_to_stop)
{
	make_pool(4, 0);
	sn_offload_free(&pool);
	sn_offload_free(&pool);
}
END_TEST

static void run_twice(void)
{
	struct task t = { .gated = true };

	make_pool(1, 0);
	if (run(&t) == SN_OK && run(&t) == SN_OK)
		sn_loop_stop(loop, 0);
}

START_TEST(running_a_job_twice_is_a_programmer_error)
{
	assert_dies(run_twice);
}
END_TEST

Suite *offload_suite(void);
Suite *offload_suite(void)
{
	Suite *s = suite_create("offload");
	TCase *tc = tcase_create("offload");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, work_runs_elsewhere_and_its_result_comes_here);
	tcase_add_test(tc, a_full_queue_answers_at_once);
	tcase_add_test(tc, canceling_drops_what_has_not_started);
	tcase_add_test(tc, freeing_the_pool_answers_every_job);
	tcase_add_test(tc, jobs_run_side_by_side);
	tcase_add_test(tc, many_jobs_are_each_answered_once);
	tcase_add_test(tc, a_pool_without_jobs_has_no_threads_to_stop);
	tcase_add_test(tc, running_a_job_twice_is_a_programmer_error);
	suite_add_tcase(s, tc);
	return s;
}
