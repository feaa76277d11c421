#include "daemon/auth/check_job.h"

#include "daemon/base/mem.h"

static void release(struct sn_job_checker *checker)
{
	if (checker->jobs == 0 && checker->closed)
		checker->destroy(checker);
}

void sn_job_checker_close(struct sn_checker *checker)
{
	struct sn_job_checker *of_jobs = sn_container_of(checker, struct sn_job_checker, checker);

	of_jobs->closed = true;
	release(of_jobs);
}

static void destroy(struct sn_check_job *op)
{
	struct sn_job_checker *checker = op->checker;

	sn_session_unref(&op->check.session);
	sn_creds_drop(&op->creds);
	sn_free(op->name);
	sn_free(op->roles);
	sn_wipe(op, sizeof(*op));
	sn_free(op);
	checker->jobs--;
	release(checker);
}

static int work(struct sn_job *job)
{
	struct sn_check_job *op = sn_container_of(job, struct sn_check_job, job);

	return op->work(op);
}

static void make_session(struct sn_check_job *op)
{
	struct sn_str rest = sn_str(op->roles), role;

	op->check.session = sn_session_new(sn_str(op->name), op->checker->checker.type->name);
	while (sn_str_split(&rest, ',', &role))
		sn_session_add_role(op->check.session, sn_str_trim(role));
}

static void done(struct sn_job *job, int code)
{
	struct sn_check_job *op = sn_container_of(job, struct sn_check_job, job);

	op->finished = true;
	if (op->freed) {
		destroy(op);
		return;
	}
	if (op->canceled)
		return;
	if (code == SN_OK)
		make_session(op);
	sn_promise_resolve(&op->check.promise, code);
}

static void cancel_check(struct sn_promise *p)
{
	struct sn_check_job *op = sn_container_of(p, struct sn_check_job, check.promise);

	op->canceled = true;
	sn_offload_cancel(&op->job);
}

/* The thread may still be at it: then `done` is the one to free. */
static void free_check(struct sn_promise *p)
{
	struct sn_check_job *op = sn_container_of(p, struct sn_check_job, check.promise);

	op->freed = true;
	if (op->finished)
		destroy(op);
}

static const struct sn_promise_ops check_ops = { .cancel = cancel_check, .free = free_check };

int sn_check_job_run(struct sn_checker *checker, const struct sn_creds *creds,
	int (*work_fn)(struct sn_check_job *op), struct sn_promise **promise_r)
{
	const struct sn_auth_context *context = checker->context;
	struct sn_check_job *op = sn_alloc_zero(sizeof(*op));
	int code;

	op->checker = sn_container_of(checker, struct sn_job_checker, checker);
	op->checker->jobs++;
	op->creds = sn_creds_copy(creds);
	op->work = work_fn;
	op->job.work = work;
	op->job.done = done;
	sn_promise_init(context->loop, &op->check.promise, &check_ops);
	code = sn_offload_run(context->pool, context->loop, &op->job);
	if (code != SN_OK) {
		destroy(op);
		return code;
	}
	*promise_r = &op->check.promise;
	return SN_PENDING;
}
