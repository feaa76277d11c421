#include "daemon/auth/check_job.h"

#include <semaphore.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/fixture.h"

static struct sn_job_checker *checker;
static unsigned destroyed;
static sem_t running, go_on;

static int work_at_once(struct sn_check_job *op)
{
	if (sn_str_eq(op->creds->account, SN_STR("nobody")))
		return SN_ENOTFOUND;
	op->name = sn_str_dup(op->creds->account);
	op->roles = sn_strdup("operator, admin,,operator");
	return SN_OK;
}

static int work_when_told(struct sn_check_job *op)
{
	sem_post(&running);
	while (sem_wait(&go_on) != 0)
		;
	return work_at_once(op);
}

static int (*work_fn)(struct sn_check_job *op);

static int check(struct sn_checker *base, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)session_r;
	return sn_check_job_run(base, creds, work_fn, promise_r);
}

static const struct sn_checker_type type = {
	.size = sizeof(type),
	.name = "jobs",
	.kinds = SN_CREDS_PASSWORD,
	.check = check,
	.close = sn_job_checker_close,
};

static void destroy(struct sn_job_checker *jobs)
{
	destroyed++;
	sn_free(jobs);
}

static void set_up(void)
{
	auth_setup();
	checker = sn_alloc_zero(sizeof(*checker));
	checker->checker.type = &type;
	checker->checker.context = &context;
	checker->destroy = destroy;
	destroyed = 0;
	work_fn = work_at_once;
	ck_assert_int_eq(sem_init(&running, 0, 0), 0);
	ck_assert_int_eq(sem_init(&go_on, 0, 0), 0);
}

static void tear_down(void)
{
	auth_teardown();
	ck_assert_uint_eq(destroyed, 1);
}

START_TEST(answers)
{
	struct sn_checker *base = &checker->checker;
	struct sn_session *session = NULL;

	ck_assert_int_eq(check_now(base, "alice", "x", &session), SN_OK);
	ck_assert_str_view(session->account, "alice");
	ck_assert_str_eq(session->checker, "jobs");
	ck_assert_uint_eq(session->role_count, 2);
	ck_assert(sn_session_has_role(session, SN_STR("admin")));
	sn_session_unref(&session);
	ck_assert_int_eq(check_now(base, "nobody", "x", NULL), SN_ENOTFOUND);
	sn_checker_close(&base);
}
END_TEST

static void ignore(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)waiter;
	(void)p;
	(void)code;
	ck_abort_msg("nobody waits for this");
}

/* The service is gone, and its checkers with it, while a thread is still at work for it. */
START_TEST(a_thread_keeps_its_checker)
{
	const struct sn_creds creds = password_creds("alice", "x");
	struct sn_checker *base = &checker->checker;
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	struct sn_waiter waiter = { 0 };

	work_fn = work_when_told;
	ck_assert_int_eq(check(base, &creds, &session, &promise), SN_PENDING);
	sn_promise_wait(promise, &waiter, ignore);
	while (sem_wait(&running) != 0)
		;
	sn_waiter_cancel(&waiter);
	sn_checker_close(&base);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	ck_assert_uint_eq(destroyed, 0);
	sem_post(&go_on);
	while (destroyed == 0)
		sn_loop_turn(loop, -1);
}
END_TEST

Suite *suite_check_job(void);
Suite *suite_check_job(void)
{
	Suite *suite = suite_create("check_job");
	TCase *tc = tcase_create("check_job");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, a_thread_keeps_its_checker);
	suite_add_tcase(suite, tc);
	return suite;
}
