/*
 * What store.c and the back ends share: the request, its way through a back end, and the order of
 * migrations.
 *
 * A request is the promise the caller got, with copies of its statements and room for their rows.
 * It is two parties': the consumer's until the promise's free was called, the back end's until
 * sn_store_request_finish; whoever comes last frees it. Everything here belongs to the loop's
 * thread, but sn_store_result_* (the thread that runs the request) and sn_store_request_post.
 */
#ifndef SN_DAEMON_STORE_STORE_PRIVATE_H
#define SN_DAEMON_STORE_STORE_PRIVATE_H

#include <stdatomic.h>

#include "daemon/base/list.h"
#include "daemon/base/log.h"
#include "daemon/base/pool.h"
#include "daemon/store/store.h"

#define SN_STORE_STATEMENTS_MAX 64
/* All rows of one request; with rows_max the limit of what a request may hold. */
#define SN_STORE_RESULT_BYTES_MAX ((size_t)64 << 20)

struct sn_store_statement {
	const char *text;
	const struct sn_sql_value *args;
	unsigned arg_count;
	int expect;
};

/* Rows while they arrive. */
struct sn_store_result {
	struct sn_sql_rows rows;
	size_t cell_space; /* cells allocated */
};

struct sn_store_request {
	struct sn_promise promise;
	struct sn_list link; /* the back end's */
	struct sn_post post;
	struct sn_pool *pool; /* bytes of rows; NULL: none yet */
	size_t result_bytes;
	int64_t deadline;     /* the back end's, monotonic */
	atomic_bool unwanted; /* nobody waits any more: a read need not run */
	bool write;
	bool finished; /* the back end is through with it */
	bool released; /* so is the consumer */
	int code;
	size_t count;
	unsigned rows_max;
	struct sn_store_statement *statements; /* count */
	struct sn_store_result *results;       /* count */
};

/* Copies the statements; SN_ESQL in code for text that no engine may be given. */
struct sn_store_request *sn_store_request_new(
	struct sn_store *store, const struct sn_sql *statements, size_t count, bool write);
/* The back end's answer, on the loop. */
void sn_store_request_finish(struct sn_store_request *r, int code);
/* The same from a thread: the request is the loop's from here on. */
void sn_store_request_post(struct sn_store_request *r, int code);

/* Forget all rows: the transaction runs once more. */
void sn_store_result_reset(struct sn_store_request *r);
/* A new row's cells for statement i, all NULL; SN_ELIMIT: there are enough. */
int sn_store_result_add(struct sn_store_request *r, size_t i, size_t columns,
	struct sn_sql_value **cells_r) SN_WARN_UNUSED;
/* Room for a cell's bytes with a NUL behind; SN_ELIMIT. */
int sn_store_result_bytes(struct sn_store_request *r, size_t size, char **bytes_r) SN_WARN_UNUSED;
/* Statement i has run: did it do what was expected? SN_OK or SN_ENOTFOUND. */
int sn_store_result_expect(const struct sn_store_request *r, size_t i) SN_WARN_UNUSED;

struct sn_store_backend {
	/* Allocates the back end's struct around a struct sn_store. */
	int (*open)(struct sn_loop *loop, const struct sn_store_options *options,
		struct sn_store **store_r, struct sn_diag *diag);
	/* SN_OK: the request will be finished; SN_EBUSY: it will not. */
	int (*submit)(struct sn_store *store, struct sn_store_request *r);
	int (*backup)(struct sn_store *store, const char *path, struct sn_diag *diag);
	void (*close)(struct sn_store *store); /* frees the struct */
};

struct sn_store {
	const struct sn_store_backend *backend;
	struct sn_loop *loop;
	struct sn_metric_set *metrics; /* may be NULL */
	unsigned queue_max, rows_max;
	int64_t group_wait;
};

extern const struct sn_store_backend sn_store_sqlite, sn_store_pq;
extern const struct sn_log_ctx sn_store_log;

/* Fill in what the options say and defaults where they do not. */
void sn_store_init(struct sn_store *store, const struct sn_store_backend *backend,
	struct sn_loop *loop, const struct sn_store_options *options);
void sn_store_count(const struct sn_store *store, enum sn_store_metric metric, uint64_t n);
/* A group of so many transactions was committed in so many nanoseconds. */
void sn_store_count_commit(const struct sn_store *store, uint64_t transactions, int64_t ns);

/*
 * Migrations in the back end's words. version is 0 for an owner never heard of. begin keeps every
 * other program from migrating until end.
 */
struct sn_store_migrator;
struct sn_store_migrator_ops {
	int (*begin)(struct sn_store_migrator *m, struct sn_diag *diag);
	int (*end)(struct sn_store_migrator *m, bool commit, struct sn_diag *diag);
	int (*exec)(struct sn_store_migrator *m, const char *text, struct sn_diag *diag);
	int (*version)(struct sn_store_migrator *m, const char *owner, int64_t *version_r,
		struct sn_diag *diag);
	int (*set_version)(struct sn_store_migrator *m, const char *owner, int64_t version,
		struct sn_diag *diag);
	/* Keep a copy of what is there; to_version is about to be made. NULL: not this one. */
	int (*backup)(struct sn_store_migrator *m, const char *owner, int64_t to_version,
		struct sn_diag *diag);
};
struct sn_store_migrator {
	const struct sn_store_migrator_ops *ops;
	const char *where; /* the database, as a person knows it */
};
int sn_store_migrate(struct sn_store_migrator *m, const struct sn_store_schema *const *schemas,
	struct sn_diag *diag) SN_WARN_UNUSED;

/* The table of versions; every back end sees that it exists. */
#define SN_STORE_SCHEMA_TABLE \
	"CREATE TABLE IF NOT EXISTS sn_schema (owner TEXT PRIMARY KEY, version BIGINT NOT NULL)"

#endif
