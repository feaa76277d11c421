#include "daemon/store/store.h"

#include "daemon/store/store_private.h"

#define DEFAULT_QUEUE_MAX 8192
#define DEFAULT_ROWS_MAX 100000

static const uint64_t commit_bounds[] = { SN_MS(1), SN_MS(2), SN_MS(5), SN_MS(10), SN_MS(20),
	SN_MS(50), SN_MS(100), SN_MS(500), SN_SEC(2), 0 };

const struct sn_metric_def sn_store_metrics[SN_STORE_METRICS] = {
	[SN_STORE_COMMITS] = { .name = "sennit_store_commits_total",
		.unit = "",
		.help = "Commits: groups of transactions made durable at once." },
	[SN_STORE_TRANSACTIONS] = { .name = "sennit_store_transactions_total",
		.unit = "",
		.help = "Transactions committed." },
	[SN_STORE_FAILED] = { .name = "sennit_store_failed_total",
		.unit = "",
		.help = "Reads and transactions that ended with an error." },
	[SN_STORE_READS] = { .name = "sennit_store_reads_total", .unit = "", .help = "Reads." },
	[SN_STORE_COMMIT_SECONDS] = { .name = "sennit_store_commit_seconds",
		.kind = SN_METRIC_HISTOGRAM,
		.unit = "seconds",
		.help = "Time one commit takes, its statements included.",
		.bounds = commit_bounds,
		.scale = 1000000000 },
};

const struct sn_log_ctx sn_store_log = SN_LOG_CTX("store");

void sn_store_init(struct sn_store *store, const struct sn_store_backend *backend,
	struct sn_loop *loop, const struct sn_store_options *options)
{
	*store = (struct sn_store){
		.backend = backend,
		.loop = loop,
		.metrics = options->metrics,
		.queue_max = options->queue_max ? options->queue_max : DEFAULT_QUEUE_MAX,
		.rows_max = options->rows_max ? options->rows_max : DEFAULT_ROWS_MAX,
		.group_wait = options->group_wait,
	};
}

void sn_store_count(const struct sn_store *store, enum sn_store_metric metric, uint64_t n)
{
	if (store->metrics != NULL)
		sn_metric_add(store->metrics, metric, n);
}

void sn_store_count_commit(const struct sn_store *store, uint64_t transactions, int64_t ns)
{
	if (store->metrics == NULL)
		return;
	sn_metric_add(store->metrics, SN_STORE_COMMITS, 1);
	sn_metric_add(store->metrics, SN_STORE_TRANSACTIONS, transactions);
	sn_metric_observe(store->metrics, SN_STORE_COMMIT_SECONDS, ns > 0 ? (uint64_t)ns : 0);
}

/* A path may contain anything but "://"; PostgreSQL's library reads the rest of its URL itself. */
static const struct sn_store_backend *backend_of(struct sn_str *url)
{
	const struct sn_str prefix = SN_STR("sqlite:");

	if (sn_str_starts(*url, SN_STR("postgresql://")) ||
		sn_str_starts(*url, SN_STR("postgres://")))
		return &sn_store_pq;
	if (sn_str_starts(*url, prefix))
		*url = sn_str_from(*url, prefix.n);
	else if (sn_str_find_str(*url, SN_STR("://")) < url->n)
		return NULL;
	return url->n > 0 ? &sn_store_sqlite : NULL;
}

int sn_store_open(struct sn_loop *loop, const struct sn_store_options *options,
	struct sn_store **store_r, struct sn_diag *diag)
{
	struct sn_store_options own = *options;
	const struct sn_store_backend *backend = backend_of(&own.url);

	*store_r = NULL;
	if (backend == NULL)
		return sn_diag_set(diag, SN_EUNKNOWN, 0,
			"store \"%.*s\": expected sqlite:PATH or postgresql://USER@HOST/DATABASE",
			SN_STR_ARG(options->url));
	return backend->open(loop, &own, store_r, diag);
}

void sn_store_close(struct sn_store **store_p)
{
	struct sn_store *store = *store_p;

	*store_p = NULL;
	if (store != NULL)
		store->backend->close(store);
}

static struct sn_promise *submit(
	struct sn_store *store, const struct sn_sql *statements, size_t count, bool write)
{
	struct sn_store_request *r = sn_store_request_new(store, statements, count, write);
	int err = r->code;

	if (err != SN_OK)
		sn_log(&sn_store_log, SN_LOG_ERROR, "text-not-utf8",
			sn_f_cstr("sql", statements[0].text));
	else
		err = store->backend->submit(store, r);
	if (err != SN_OK) {
		sn_store_count(store, SN_STORE_FAILED, 1);
		sn_store_request_finish(r, err);
	}
	return &r->promise;
}

struct sn_promise *sn_store_read(struct sn_store *store, const struct sn_sql *sql)
{
	return submit(store, sql, 1, false);
}

struct sn_promise *sn_store_write(
	struct sn_store *store, const struct sn_sql *statements, size_t count)
{
	return submit(store, statements, count, true);
}

const struct sn_sql_rows *sn_store_rows(struct sn_promise *p, size_t i)
{
	const struct sn_store_request *r = sn_container_of(p, struct sn_store_request, promise);

	sn_assert(p->code == SN_OK && i < r->count);
	return &r->results[i].rows;
}

/* Waiting in a tool */

struct tool_wait {
	struct sn_waiter waiter;
	sn_store_rows_fn on_rows;
	void *context;
	bool done;
	int code;
};

static void on_result(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct tool_wait *wait = sn_container_of(w, struct tool_wait, waiter);

	wait->done = true;
	wait->code = code;
	if (code == SN_OK && wait->on_rows != NULL)
		wait->on_rows(wait->context, p);
}

int sn_store_wait(
	struct sn_loop *loop, struct sn_promise *p, sn_store_rows_fn on_rows, void *context)
{
	struct tool_wait wait = { .on_rows = on_rows, .context = context };

	sn_promise_wait(p, &wait.waiter, on_result);
	while (!wait.done)
		sn_loop_turn(loop, -1);
	return wait.code;
}

int sn_store_backup(struct sn_store *store, const char *path, struct sn_diag *diag)
{
	return store->backend->backup(store, path, diag);
}
