/*
 * SQLite: connections with their prepared statements, opening and checking a file, copies of it,
 * migrations. Blocking: these functions run in threads of the back end (sqlite.c), or at the start.
 */
#ifndef SN_DAEMON_STORE_SQLITE_PRIVATE_H
#define SN_DAEMON_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include "daemon/store/store_private.h"

/* How long a commit of another program may hold us up. */
#define SN_SQLITE_BUSY_MS 10000
/* In every file of ours: "SNIT". */
#define SN_SQLITE_APPLICATION_ID 0x534e4954

struct sn_sqlite_statement;

/* One connection; used by one thread at a time. */
struct sn_sqlite {
	sqlite3 *db;
	struct sn_sqlite_statement *statements; /* hash table by address of the text */
	size_t space, count;                    /* its size; entries used */
};

/* sqlite_statement.c */

/* Statement i of r: its rows and changes are in the result. SN_ESQL is logged. */
int sn_sqlite_run(struct sn_sqlite *c, struct sn_store_request *r, size_t i) SN_WARN_UNUSED;
/* A fixed text without arguments and rows: SQLITE_OK or the engine's extended code. */
int sn_sqlite_exec(struct sn_sqlite *c, const char *text);
/* The one integer of a fixed text's first row. */
int sn_sqlite_integer(struct sn_sqlite *c, const char *text, int64_t *value_r) SN_WARN_UNUSED;
/* What an engine's code means to a caller. */
int sn_sqlite_code(int rc);
/* Close; SQLITE_OK always, since no statement is left. */
void sn_sqlite_fini(struct sn_sqlite *c);

/* sqlite_open.c */

/* Connect to the file at path, which is created if there is none (":memory:": in memory). */
int sn_sqlite_open(struct sn_sqlite *c, const char *path, struct sn_diag *diag) SN_WARN_UNUSED;
/* Ours, and sound? */
int sn_sqlite_check(struct sn_sqlite *c, const char *path, struct sn_diag *diag) SN_WARN_UNUSED;
/* Every page: time that grows with the file. */
int sn_sqlite_check_pages(
	struct sn_sqlite *c, const char *path, struct sn_diag *diag) SN_WARN_UNUSED;
/* An engine's failure while doing something to path, in words that say what to do; our code. */
int sn_sqlite_explain(sqlite3 *db, int rc, const char *path, struct sn_diag *diag);

/* sqlite_copy.c */

/* A consistent, durable copy of the database at from, mode 0600. replace: to may exist. */
int sn_sqlite_copy(
	const char *from, const char *to, bool replace, struct sn_diag *diag) SN_WARN_UNUSED;
/* What was linked, renamed or removed beside path lasts. */
void sn_sqlite_sync_folder(const char *path);

/* sqlite_migrate.c */

int sn_sqlite_migrate(struct sn_sqlite *c, const char *path,
	const struct sn_store_schema *const *schemas, struct sn_diag *diag) SN_WARN_UNUSED;

#endif
