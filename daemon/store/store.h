/*
 * SQL store: one API over SQLite (the default, a file in the state directory) and PostgreSQL
 * (libpq). Nothing here blocks the loop: every call is a promise.
 *
 *   sqlite:PATH               WAL, synchronous=FULL. One writer thread commits whole groups of
 *                             transactions at once; reads run on threads with connections of
 *                             their own.
 *   postgresql://...          non-blocking in the loop; transactions pipelined over one
 *                             connection, reads over another; reconnects with back-off.
 *
 * Promise of the store: sn_store_write resolves with SN_OK only after the commit is durable. A
 * transaction is all or nothing, even when others share its commit group. What was accepted runs in
 * the order in which it was given; a read sees every write that had resolved when it was asked for.
 *
 * SQL dialect: what both engines understand (INSERT ... ON CONFLICT, RETURNING). Parameters are $1,
 * $2 ... without gaps, as many as there are arguments. Column types are INTEGER (64 bits), TEXT
 * (UTF-8 without NUL, sorted by its bytes) and BLOB; the PostgreSQL back end reads INTEGER as
 * BIGINT and BLOB as BYTEA. A column "id INTEGER PRIMARY KEY" numbers the rows that give no id; a
 * table whose rows sometimes bring their own must not rely on it. Numbers with a fraction come back
 * as TEXT. Statement texts are static strings: they are prepared once, by address.
 *
 * Errors a promise resolves with: SN_EDUPLICATE (unique constraint), SN_ENOTFOUND (not as many rows
 * as expected), SN_EBUSY (queue full: try later), SN_EUNAVAILABLE (server not reachable, no disk
 * space: nothing was changed), SN_ESQL (the statement or the data is wrong: a bug, logged with the
 * engine's text), SN_ELIMIT (result larger than the limit: rows_max, or 64 MiB), SN_ECORRUPT (the
 * file was damaged while in use; logged).
 *
 * PostgreSQL only: when the connection breaks between sending COMMIT and hearing of it, nobody can
 * know whether it happened. Such a transaction resolves with SN_EUNAVAILABLE too, so it may have
 * been made; a caller that tries again should do it with a key of its own (SN_EDUPLICATE: it was).
 * What had not come that far waits for the next connection, ten seconds at most.
 *
 * Ownership: arguments are copied before the call returns. Rows belong to the promise and are valid
 * during the waiter's call. Canceling a waiter never cancels a write that was accepted. A store
 * belongs to one loop; a database may be used by many processes.
 */
#ifndef SN_DAEMON_STORE_STORE_H
#define SN_DAEMON_STORE_STORE_H

#include "daemon/base/metrics.h"
#include "daemon/loop/promise.h"

struct sn_store;

enum sn_sql_type { SN_SQL_NULL, SN_SQL_INTEGER, SN_SQL_TEXT, SN_SQL_BLOB };

struct sn_sql_value {
	enum sn_sql_type type;
	int64_t integer;
	struct sn_str bytes; /* TEXT, BLOB */
};
static inline struct sn_sql_value sn_sql_null(void)
{
	return (struct sn_sql_value){ .type = SN_SQL_NULL };
}
static inline struct sn_sql_value sn_sql_integer(int64_t integer)
{
	return (struct sn_sql_value){ .type = SN_SQL_INTEGER, .integer = integer };
}
static inline struct sn_sql_value sn_sql_text(struct sn_str text)
{
	return (struct sn_sql_value){ .type = SN_SQL_TEXT, .bytes = text };
}
static inline struct sn_sql_value sn_sql_blob(struct sn_str blob)
{
	return (struct sn_sql_value){ .type = SN_SQL_BLOB, .bytes = blob };
}

#define SN_SQL_ARGS_MAX 16

/* One statement and its arguments. */
struct sn_sql {
	const char *text; /* static */
	struct sn_sql_value args[SN_SQL_ARGS_MAX];
	unsigned arg_count;
	/* WRITE: this many rows must be changed (or returned), else the whole transaction is rolled
	 * back and resolves with SN_ENOTFOUND; -1: any number. */
	int expect;
};

struct sn_sql_rows {
	size_t rows, columns;
	int64_t changed;            /* rows inserted, updated or deleted */
	struct sn_sql_value *cells; /* rows * columns */
};
static inline const struct sn_sql_value *sn_sql_cell(
	const struct sn_sql_rows *rows, size_t row, size_t column)
{
	return &rows->cells[row * rows->columns + column];
}

/*
 * Migrations of one owner ("accounts", "chat"): step i (0, 1, ...) brings the owner's tables from
 * version i to i + 1 in one transaction. Each step is a list of statements ended by NULL. Applied
 * on open; before each but an owner's first an SQLite file is backed up beside itself
 * (sennit.db.before-OWNER-VERSION: how it was before VERSION was made).
 */
struct sn_store_schema {
	const char *owner;
	const char *const *const *steps; /* ended by NULL */
};

struct sn_store_options {
	struct sn_str url; /* "sqlite:PATH", a bare path, "sqlite::memory:", "postgresql://..." */
	const struct sn_store_schema *const *schemas; /* ended by NULL */
	unsigned queue_max;                           /* transactions waiting; 0: 8192 */
	unsigned rows_max;                            /* rows of one read; 0: 100,000 */
	int64_t group_wait; /* ns the writer waits for company; 0: none (it takes what is there) */
	struct sn_metric_set *metrics; /* sn_store_metrics rows, or NULL */
	/* SQLite: this daemon looked through the file when it began; a worker that is started again
	 * is ready sooner without. What is damaged meanwhile shows as SN_ECORRUPT. */
	bool checked_before;
};

enum sn_store_metric {
	SN_STORE_COMMITS,      /* groups committed */
	SN_STORE_TRANSACTIONS, /* transactions in them */
	SN_STORE_FAILED,
	SN_STORE_READS,
	SN_STORE_COMMIT_SECONDS, /* histogram */
	SN_STORE_METRICS
};
extern const struct sn_metric_def sn_store_metrics[SN_STORE_METRICS];

/*
 * Open, check and migrate. Blocks: start-up and tools only. Refused with a text that says what to
 * do: not a database, damaged (quick integrity check), written by a newer version, folder missing
 * or read-only, disk full, server not reachable, login refused.
 */
int sn_store_open(struct sn_loop *loop, const struct sn_store_options *options,
	struct sn_store **store_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* Refuses what comes from now on, lets what was accepted finish (waiters canceled with it do not
 * matter), closes. Blocks at most some seconds: at the end of a worker. Results are delivered by
 * the loop's next turn. */
void sn_store_close(struct sn_store **store);

/* One statement that changes nothing. Never NULL: a full queue is a promise with SN_EBUSY. */
struct sn_promise *sn_store_read(struct sn_store *store, const struct sn_sql *sql) SN_WARN_UNUSED;
/* One transaction of 1 to 64 statements. */
struct sn_promise *sn_store_write(
	struct sn_store *store, const struct sn_sql *statements, size_t count) SN_WARN_UNUSED;
/* What the i-th statement yielded; during the waiter's call, after SN_OK. */
const struct sn_sql_rows *sn_store_rows(struct sn_promise *p, size_t i);

/* Turn the loop until p has resolved; its code. For tools, which have nothing else to do. on_rows
 * (may be NULL) is called in between, as a waiter. */
typedef void (*sn_store_rows_fn)(void *context, struct sn_promise *p);
int sn_store_wait(
	struct sn_loop *loop, struct sn_promise *p, sn_store_rows_fn on_rows, void *context);

/* A copy of the whole database while it is in use (SQLite; PostgreSQL: SN_EUNSUPPORTED, use
 * pg_dump). Blocks: tools. */
int sn_store_backup(struct sn_store *store, const char *path, struct sn_diag *diag) SN_WARN_UNUSED;

#endif
