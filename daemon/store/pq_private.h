/*
 * PostgreSQL: two lanes, one for transactions and one for reads, each with a connection in pipeline
 * mode that the loop drives. Connecting blocks (names are resolved, TLS is negotiated), so it
 * happens in a thread, or at the start.
 *
 * Glossary
 *   lane      requests waiting, requests sent, and the connection they go over
 *   flight    a request that was sent and whose results are not all there yet
 */
#ifndef SN_DAEMON_STORE_PQ_PRIVATE_H
#define SN_DAEMON_STORE_PQ_PRIVATE_H

#include <libpq-fe.h>

#include "daemon/loop/offload.h"
#include "daemon/store/store_private.h"

/* pq_dialect.c */

/* The statement in PostgreSQL's words, on the heap: INTEGER is BIGINT and BLOB is BYTEA; in CREATE
 * and ALTER a key that is INTEGER PRIMARY KEY numbers rows by itself, and TEXT sorts by its bytes.
 * params_r (may be NULL): the highest $n. */
char *sn_pq_translate(const char *text, unsigned *params_r);

/* pq_open.c */

/* Blocks. A connection with the session's settings made; not in pipeline mode yet. */
int sn_pq_connect(
	const char *url, bool write, PGconn **conn_r, struct sn_diag *diag) SN_WARN_UNUSED;
/* The database as a person knows it, without the password; on the heap. */
char *sn_pq_describe(const char *url);
/* libpq's message without its line feeds; valid until the next call for buf. */
const char *sn_pq_message(const char *message, char *buf, size_t size);

/* pq_migrate.c: blocks. */
int sn_pq_migrate(PGconn *conn, const char *where, const struct sn_store_schema *const *schemas,
	struct sn_diag *diag) SN_WARN_UNUSED;

/* pq_statement.c */

#define SN_PQ_BUCKETS 256

struct sn_pq_statement;

/* What one connection has prepared: by address of the text and types of the arguments. */
struct sn_pq_statements {
	struct sn_pq_statement *buckets[SN_PQ_BUCKETS];
	unsigned count;
};

/* NULL: the text does not have as many parameters as there are arguments (logged). */
struct sn_pq_statement *sn_pq_statement(
	struct sn_pq_statements *all, const struct sn_store_statement *statement);
const char *sn_pq_text(const struct sn_pq_statement *s);
bool sn_pq_is_prepared(const struct sn_pq_statement *s);
void sn_pq_set_prepared(struct sn_pq_statement *s, bool prepared);
/* Into the pipeline; false: the connection is broken. */
bool sn_pq_send_prepare(PGconn *conn, struct sn_pq_statement *s);
bool sn_pq_send(
	PGconn *conn, struct sn_pq_statement *s, const struct sn_store_statement *statement);
/* A new connection knows none of them. */
void sn_pq_statements_forget(struct sn_pq_statements *all);
void sn_pq_statements_fini(struct sn_pq_statements *all);
/* Can nothing but the server's commit decide about it? Then the commit may be sent along. */
bool sn_pq_needs_no_answer(const struct sn_store_statement *statement);
/* The rows of a result become those of statement i; SN_ELIMIT. */
int sn_pq_take_rows(struct sn_store_request *r, size_t i, const PGresult *result) SN_WARN_UNUSED;
/* What a failed result means to a caller; logged where a person should know. */
int sn_pq_failure(const PGresult *result, const char *text, bool write);
/* The same for an SQLSTATE. */
int sn_pq_code(const char *state, bool write);

/* pq_lane.c */

/* Flights at most: bounds what has to be reported as unknown when the connection breaks. */
#define SN_PQ_WINDOW 64

struct sn_pq_lane {
	struct sn_store *store;
	bool write;
	struct sn_list waiting, flights; /* requests; struct flight */
	unsigned unanswered, in_flight;
	bool held;     /* the last flight's end is undecided: nothing may be sent behind it */
	PGconn *conn;  /* NULL: not connected */
	int64_t heard; /* when the server last said something, or had nothing to say */
	struct sn_watch watch;
	struct sn_timer timer; /* armed while anything is unanswered */
	struct sn_task pump;
	struct sn_pq_statements statements;
	void (*on_lost)(struct sn_pq_lane *lane); /* the connection is gone: make another */
};

void sn_pq_lane_init(struct sn_pq_lane *lane, struct sn_store *store, bool write,
	void (*on_lost)(struct sn_pq_lane *lane));
/* Nothing may be unanswered any more. */
void sn_pq_lane_fini(struct sn_pq_lane *lane);
/* Use this connection from now on. A failure has closed it. */
int sn_pq_lane_adopt(struct sn_pq_lane *lane, PGconn *conn) SN_WARN_UNUSED;
int sn_pq_lane_submit(struct sn_pq_lane *lane, struct sn_store_request *r) SN_WARN_UNUSED;
/* Without the loop: until all is answered, or the deadline; what is left then has failed. */
void sn_pq_lane_drain(struct sn_pq_lane *lane, int64_t deadline);

#endif
