/*
 * The SQLite back end: one writer thread and some readers, each with a connection of its own, fed
 * by two lanes. The writer drains its lane into one commit.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "daemon/base/mem.h"
#include "daemon/store/sqlite_private.h"

#define READERS 2
/* More would gain nothing and make the first of them wait. */
#define GROUP_MAX 1024

struct worker;

/* A queue and the threads that serve it. */
struct lane {
	pthread_mutex_t lock;
	pthread_cond_t work_there;
	struct sn_list queue;
	unsigned queued;
	bool stopping;
	atomic_uint unanswered; /* queued or running */
};

struct sqlite_store {
	struct sn_store base;
	char *path;
	struct lane writes, reads;
	unsigned worker_count;
	struct worker {
		struct sqlite_store *store;
		struct lane *lane;
		struct sn_sqlite connection;
		pthread_t thread;
	} workers[1 + READERS]; /* the writer first */
};

/* Answers */

static void answer(struct sqlite_store *s, struct lane *lane, struct sn_store_request *r, int code)
{
	if (code != SN_OK && code != SN_ECANCELED)
		sn_store_count(&s->base, SN_STORE_FAILED, 1);
	atomic_fetch_sub(&lane->unanswered, 1);
	sn_store_request_post(r, code);
}

static void answer_all(struct worker *w, struct sn_list *group)
{
	struct sn_list *link;

	while ((link = sn_list_pop(group)) != NULL) {
		struct sn_store_request *r = sn_container_of(link, struct sn_store_request, link);

		answer(w->store, w->lane, r, r->code);
	}
}

static void set_all(struct sn_list *group, int code)
{
	struct sn_list *link;

	sn_list_each (link, group)
		sn_container_of(link, struct sn_store_request, link)->code = code;
}

/* Transactions */

enum group_end {
	GROUP_DONE,    /* committed: each request has its own code */
	GROUP_FAILED,  /* the disk, another program: nothing was changed, all have the code */
	GROUP_SPOILED, /* one member undid all: each has to run alone */
};

static bool is_of_environment(int err)
{
	return err == SN_EUNAVAILABLE || err == SN_ECORRUPT;
}

/* The engine ends a transaction by itself when it cannot go on (disk full, RAISE(ROLLBACK)). */
static bool still_open(const struct worker *w)
{
	return sqlite3_get_autocommit(w->connection.db) == 0;
}

static int undo(struct worker *w)
{
	int rc;

	if (!still_open(w))
		return SN_ESQL;
	rc = sn_sqlite_exec(&w->connection, "ROLLBACK TO member");
	if (rc == SQLITE_OK)
		rc = sn_sqlite_exec(&w->connection, "RELEASE member");
	return sn_sqlite_code(rc);
}

static int run_statements(struct worker *w, struct sn_store_request *r)
{
	int err = SN_OK;

	for (size_t i = 0; err == SN_OK && i < r->count; i++) {
		err = sn_sqlite_run(&w->connection, r, i);
		if (err == SN_OK)
			err = sn_store_result_expect(r, i);
	}
	return err;
}

/* One member in its savepoint; the request's code says how it went for it, the result whether the
 * group can go on. */
static int run_member(struct worker *w, struct sn_store_request *r)
{
	int err = sn_sqlite_code(sn_sqlite_exec(&w->connection, "SAVEPOINT member"));

	if (err == SN_OK)
		err = run_statements(w, r);
	r->code = err;
	if (err == SN_OK)
		return sn_sqlite_code(sn_sqlite_exec(&w->connection, "RELEASE member"));
	if (is_of_environment(err))
		return err;
	return undo(w);
}

static int run_members(struct worker *w, struct sn_list *group, uint64_t *count_r)
{
	struct sn_list *link;
	int err = SN_OK;

	sn_list_each (link, group) {
		struct sn_store_request *r = sn_container_of(link, struct sn_store_request, link);

		err = run_member(w, r);
		if (err != SN_OK)
			break;
		*count_r += r->code == SN_OK;
	}
	return err;
}

/* Nothing of the group remains. A lone member knows its own reason. */
static enum group_end give_up(struct worker *w, struct sn_list *group, int err)
{
	struct sn_store_request *first =
		sn_container_of(group->next, struct sn_store_request, link);

	if (still_open(w))
		sn_sqlite_exec(&w->connection, "ROLLBACK");
	if (group->next->next == group) {
		if (first->code == SN_OK)
			first->code = err;
		return GROUP_FAILED;
	}
	if (!is_of_environment(err))
		return GROUP_SPOILED;
	set_all(group, err);
	return GROUP_FAILED;
}

static void log_refusal(struct worker *w, int rc)
{
	struct sn_diag diag;

	(void)sn_sqlite_explain(w->connection.db, rc, w->store->path, &diag);
	sn_log(&sn_store_log, SN_LOG_ERROR, "commit-failed", sn_f_cstr("error", diag.text));
}

static enum group_end run_group(struct worker *w, struct sn_list *group)
{
	const int64_t began = sn_clock_mono(&sn_clock_system);
	uint64_t count = 0;
	int rc = sn_sqlite_exec(&w->connection, "BEGIN IMMEDIATE");
	int err;

	if (rc != SQLITE_OK) {
		log_refusal(w, rc);
		set_all(group, sn_sqlite_code(rc));
		return GROUP_FAILED;
	}
	err = run_members(w, group, &count);
	if (err == SN_OK) {
		rc = sn_sqlite_exec(&w->connection, "COMMIT");
		err = sn_sqlite_code(rc);
		if (rc != SQLITE_OK)
			log_refusal(w, rc);
	}
	if (err != SN_OK)
		return give_up(w, group, err);
	sn_store_count_commit(&w->store->base, count, sn_clock_mono(&sn_clock_system) - began);
	return GROUP_DONE;
}

static void run_each_alone(struct worker *w, struct sn_list *group)
{
	struct sn_list all, one, *link;

	sn_list_move(&all, group);
	while ((link = sn_list_pop(&all)) != NULL) {
		sn_store_result_reset(sn_container_of(link, struct sn_store_request, link));
		sn_list_init(&one);
		sn_list_append(&one, link);
		(void)run_group(w, &one);
		answer_all(w, &one);
	}
}

static void run_writes(struct worker *w, struct sn_list *group)
{
	if (run_group(w, group) == GROUP_SPOILED)
		run_each_alone(w, group);
	else
		answer_all(w, group);
}

static void run_read(struct worker *w, struct sn_store_request *r)
{
	const bool unwanted = atomic_load_explicit(&r->unwanted, memory_order_relaxed);
	int code = unwanted ? SN_ECANCELED : sn_sqlite_run(&w->connection, r, 0);

	sn_store_count(&w->store->base, SN_STORE_READS, 1);
	answer(w->store, w->lane, r, code);
}

/* Lanes */

static void lane_init(struct lane *lane)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->work_there, &attr);
	pthread_condattr_destroy(&attr);
	sn_list_init(&lane->queue);
}

static void lane_fini(struct lane *lane)
{
	pthread_cond_destroy(&lane->work_there);
	pthread_mutex_destroy(&lane->lock);
}

static void lane_stop(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->stopping = true;
	pthread_cond_broadcast(&lane->work_there);
	pthread_mutex_unlock(&lane->lock);
}

/* With the lock held: the first request is there; company may join it for a while. */
static void wait_for_company(struct lane *lane, int64_t wait_ns)
{
	const int64_t until = sn_clock_mono(&sn_clock_system) + wait_ns;
	const struct timespec deadline = { until / SN_SEC(1), until % SN_SEC(1) };

	while (lane->queued < GROUP_MAX && !lane->stopping)
		if (pthread_cond_timedwait(&lane->work_there, &lane->lock, &deadline) != 0)
			break;
}

static bool first_is_write(const struct lane *lane)
{
	return !sn_list_empty(&lane->queue) &&
		sn_container_of(lane->queue.next, struct sn_store_request, link)->write;
}

/* With the lock held. A group of writes, or one read. */
static void take(struct lane *lane, struct sn_list *group)
{
	const bool write = first_is_write(lane);
	unsigned count = 0;

	do {
		sn_list_append(group, sn_list_pop(&lane->queue));
		lane->queued--;
		count++;
	} while (write && count < GROUP_MAX && first_is_write(lane));
}

/* False: there is nothing left, and there will not be. */
static bool next_group(struct worker *w, struct sn_list *group)
{
	struct lane *lane = w->lane;
	bool found;

	sn_list_init(group);
	pthread_mutex_lock(&lane->lock);
	while (sn_list_empty(&lane->queue) && !lane->stopping)
		pthread_cond_wait(&lane->work_there, &lane->lock);
	if (w->store->base.group_wait > 0 && first_is_write(lane))
		wait_for_company(lane, w->store->base.group_wait);
	found = !sn_list_empty(&lane->queue);
	if (found)
		take(lane, group);
	pthread_mutex_unlock(&lane->lock);
	return found;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct sn_list group;

	while (next_group(w, &group)) {
		struct sn_store_request *first =
			sn_container_of(group.next, struct sn_store_request, link);

		if (first->write)
			run_writes(w, &group);
		else
			run_read(w, first);
	}
	return NULL;
}

/* The interface */

static int submit(struct sn_store *base, struct sn_store_request *r)
{
	struct sqlite_store *s = sn_container_of(base, struct sqlite_store, base);
	/* A database in memory has one connection. */
	struct lane *lane = r->write || s->worker_count == 1 ? &s->writes : &s->reads;

	if (atomic_load(&lane->unanswered) >= base->queue_max)
		return SN_EBUSY;
	atomic_fetch_add(&lane->unanswered, 1);
	pthread_mutex_lock(&lane->lock);
	sn_list_append(&lane->queue, &r->link);
	lane->queued++;
	pthread_cond_signal(&lane->work_there);
	pthread_mutex_unlock(&lane->lock);
	return SN_OK;
}

static int backup(struct sn_store *base, const char *path, struct sn_diag *diag)
{
	struct sqlite_store *s = sn_container_of(base, struct sqlite_store, base);

	if (s->worker_count == 1)
		return sn_diag_set(diag, SN_EUNSUPPORTED, 0,
			"a database in memory has no backup: export it instead");
	return sn_sqlite_copy(s->path, path, false, diag);
}

/* The writer's connection goes last: it empties the log into the database. */
static void close_store(struct sn_store *base)
{
	struct sqlite_store *s = sn_container_of(base, struct sqlite_store, base);

	lane_stop(&s->writes);
	lane_stop(&s->reads);
	for (unsigned i = 0; i < s->worker_count; i++)
		pthread_join(s->workers[i].thread, NULL);
	for (unsigned i = s->worker_count; i > 0; i--)
		sn_sqlite_fini(&s->workers[i - 1].connection);
	lane_fini(&s->writes);
	lane_fini(&s->reads);
	sn_free(s->path);
	sn_free(s);
}

/* Signals are the loop's business: threads inherit a full mask. */
static int start_worker(struct sqlite_store *s, struct lane *lane, const struct sn_sqlite *c)
{
	struct worker *w = &s->workers[s->worker_count];
	sigset_t all, before;
	int err;

	*w = (struct worker){ .store = s, .lane = lane, .connection = *c };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&w->thread, NULL, run_worker, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		s->worker_count++;
	return -err;
}

static int add_worker(
	struct sqlite_store *s, struct lane *lane, struct sn_sqlite *c, struct sn_diag *diag)
{
	int err = start_worker(s, lane, c);

	if (err == SN_OK)
		return SN_OK;
	sn_sqlite_fini(c);
	return sn_diag_set(diag, err, 0, "%s: no thread: %s", s->path, sn_strerror(err));
}

static int open_writer(
	struct sqlite_store *s, const struct sn_store_options *options, struct sn_diag *diag)
{
	struct sn_sqlite c;
	int err = sn_sqlite_open(&c, s->path, diag);

	if (err != SN_OK)
		return err;
	err = sn_sqlite_check(&c, s->path, diag);
	if (err == SN_OK && !options->checked_before)
		err = sn_sqlite_check_pages(&c, s->path, diag);
	if (err == SN_OK)
		err = sn_sqlite_migrate(&c, s->path, options->schemas, diag);
	if (err != SN_OK) {
		sn_sqlite_fini(&c);
		return err;
	}
	return add_worker(s, &s->writes, &c, diag);
}

static int open_reader(struct sqlite_store *s, struct sn_diag *diag)
{
	struct sn_sqlite c;
	int err = sn_sqlite_open(&c, s->path, diag);

	return err == SN_OK ? add_worker(s, &s->reads, &c, diag) : err;
}

static int open_store(struct sn_loop *loop, const struct sn_store_options *options,
	struct sn_store **store_r, struct sn_diag *diag)
{
	struct sqlite_store *s = sn_alloc_zero(sizeof(*s));
	int err;

	sn_store_init(&s->base, &sn_store_sqlite, loop, options);
	sn_alloc_share_heap();
	s->path = sn_str_dup(options->url);
	lane_init(&s->writes);
	lane_init(&s->reads);
	err = open_writer(s, options, diag);
	for (int i = 0; err == SN_OK && strcmp(s->path, ":memory:") != 0 && i < READERS; i++)
		err = open_reader(s, diag);
	if (err != SN_OK)
		close_store(&s->base);
	else
		*store_r = &s->base;
	return err;
}

const struct sn_store_backend sn_store_sqlite = {
	.open = open_store,
	.submit = submit,
	.backup = backup,
	.close = close_store,
};
