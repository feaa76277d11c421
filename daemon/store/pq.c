/* The PostgreSQL back end: two lanes, and a thread that connects them again. */
#include "daemon/base/mem.h"
#include "daemon/store/pq_private.h"

#define BACKOFF_FIRST SN_MS(100)
#define BACKOFF_MAX SN_SEC(5)
#define CLOSE_MAX SN_SEC(5)

struct link {
	struct sn_pq_lane lane;
	struct pq_store *store;
	struct sn_job job;
	struct sn_timer timer; /* until the next try */
	int64_t backoff;
	bool connecting; /* the job is accepted and its result not there yet */
	PGconn *fresh;   /* the job's result */
	struct sn_diag diag;
};

struct pq_store {
	struct sn_store base;
	char *url, *where;
	struct sn_offload *pool;
	struct link writes, reads;
	bool closing;
};

static void on_retry(struct sn_timer *timer);

static void free_store(struct pq_store *s)
{
	if (s->writes.connecting || s->reads.connecting)
		return; /* the last result does it */
	sn_free(s->url);
	sn_free(s->where);
	sn_free(s);
}

/* Connecting again */

static int connect_in_thread(struct sn_job *job)
{
	struct link *l = sn_container_of(job, struct link, job);

	return sn_pq_connect(l->store->url, l->lane.write, &l->fresh, &l->diag);
}

/* Half as much more or less, so that many workers do not come back at once. */
static int64_t jittered(int64_t delay)
{
	uint32_t random;

	sn_random(&random, sizeof(random));
	return delay / 2 + (int64_t)(random % 1000) * (delay / 1000);
}

static void retry_later(struct link *l)
{
	sn_timer_set(l->store->base.loop, &l->timer, jittered(l->backoff), on_retry);
	l->backoff = l->backoff * 2 < BACKOFF_MAX ? l->backoff * 2 : BACKOFF_MAX;
}

static void use_fresh(struct link *l, int code)
{
	PGconn *conn = l->fresh;

	l->fresh = NULL;
	if (code == SN_OK)
		code = sn_pq_lane_adopt(&l->lane, conn);
	else
		sn_log(&sn_store_log, SN_LOG_WARN, "connect-failed",
			sn_f_cstr("error", l->diag.text));
	if (code != SN_OK) {
		retry_later(l);
		return;
	}
	l->backoff = BACKOFF_FIRST;
	sn_log(&sn_store_log, SN_LOG_INFO, "connected", sn_f_cstr("to", l->store->where));
}

static void on_connected(struct sn_job *job, int code)
{
	struct link *l = sn_container_of(job, struct link, job);

	l->connecting = false;
	if (!l->store->closing) {
		use_fresh(l, code);
		return;
	}
	PQfinish(l->fresh);
	free_store(l->store);
}

static void on_retry(struct sn_timer *timer)
{
	struct link *l = sn_container_of(timer, struct link, timer);

	l->connecting = sn_offload_run(l->store->pool, l->store->base.loop, &l->job) == SN_OK;
	if (!l->connecting)
		retry_later(l);
}

static void on_lost(struct sn_pq_lane *lane)
{
	struct link *l = sn_container_of(lane, struct link, lane);

	if (!l->store->closing)
		retry_later(l);
}

/* The interface */

static int submit(struct sn_store *base, struct sn_store_request *r)
{
	struct pq_store *s = sn_container_of(base, struct pq_store, base);

	return sn_pq_lane_submit(r->write ? &s->writes.lane : &s->reads.lane, r);
}

static int backup(struct sn_store *base, const char *path, struct sn_diag *diag)
{
	struct pq_store *s = sn_container_of(base, struct pq_store, base);

	return sn_diag_set(diag, SN_EUNSUPPORTED, 0,
		"%s: not copied from here: use pg_dump --file=%s", s->where, path);
}

static void close_link(struct link *l, int64_t deadline)
{
	sn_timer_clear(&l->timer);
	sn_pq_lane_drain(&l->lane, deadline);
	sn_pq_lane_fini(&l->lane);
}

static void close_store(struct sn_store *base)
{
	struct pq_store *s = sn_container_of(base, struct pq_store, base);
	const int64_t deadline = sn_clock_mono(&sn_clock_system) + CLOSE_MAX;

	s->closing = true;
	close_link(&s->writes, deadline);
	close_link(&s->reads, deadline);
	sn_offload_free(&s->pool);
	free_store(s);
}

static void init_link(struct pq_store *s, struct link *l, bool write)
{
	*l = (struct link){
		.store = s,
		.job = { .work = connect_in_thread, .done = on_connected },
		.backoff = BACKOFF_FIRST,
	};
	sn_pq_lane_init(&l->lane, &s->base, write, on_lost);
}

static int open_link(
	struct link *l, const struct sn_store_schema *const *schemas, struct sn_diag *diag)
{
	PGconn *conn;
	int err = sn_pq_connect(l->store->url, l->lane.write, &conn, diag);

	if (err != SN_OK)
		return err;
	if (l->lane.write)
		err = sn_pq_migrate(conn, l->store->where, schemas, diag);
	if (err != SN_OK) {
		PQfinish(conn);
		return err;
	}
	err = sn_pq_lane_adopt(&l->lane, conn);
	if (err != SN_OK)
		sn_diag_set(diag, err, 0, "%s: %s", l->store->where, sn_strerror(err));
	return err;
}

static int check_url(const char *url, struct sn_diag *diag)
{
	char *error = NULL, message[200];
	PQconninfoOption *options = PQconninfoParse(url, &error);
	int err = SN_OK;

	if (options == NULL)
		err = sn_diag_set(diag, SN_ESYNTAX, 0, "store: not a URL of PostgreSQL's: %s",
			sn_pq_message(error != NULL ? error : "", message, sizeof(message)));
	PQconninfoFree(options);
	PQfreemem(error);
	return err;
}

static int open_store(struct sn_loop *loop, const struct sn_store_options *options,
	struct sn_store **store_r, struct sn_diag *diag)
{
	static const struct sn_offload_options pool_options = { .threads = 2, .queue_max = 2 };
	struct pq_store *s = sn_alloc_zero(sizeof(*s));
	int err;

	sn_store_init(&s->base, &sn_store_pq, loop, options);
	s->url = sn_str_dup(options->url);
	s->where = sn_pq_describe(s->url);
	init_link(s, &s->writes, true);
	init_link(s, &s->reads, false);
	err = check_url(s->url, diag);
	if (err == SN_OK)
		err = sn_offload_new(&pool_options, &s->pool);
	if (err == SN_OK)
		err = open_link(&s->writes, options->schemas, diag);
	if (err == SN_OK)
		err = open_link(&s->reads, NULL, diag);
	if (err != SN_OK)
		close_store(&s->base);
	else
		*store_r = &s->base;
	return err;
}

const struct sn_store_backend sn_store_pq = {
	.open = open_store,
	.submit = submit,
	.backup = backup,
	.close = close_store,
};
