/*
 * Acknowledged small inserts on SQLite: through the store, whose writer commits what has come
 * together at once, beside the plain library with one commit per insert. Same settings (WAL,
 * synchronous=FULL), same table, same disk, one after the other. Time on the wall: what costs is
 * waiting for the disk.
 *
 *   bench_store [seconds of each]      TMPDIR (/var/tmp) says which disk
 */
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

#define UNDER_WAY_MAX 1024
#define INSERT "INSERT INTO rows (id, name) VALUES ($1, $2)"

static const char *const tables[] = {
	"CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", NULL
};
static const char *const *const steps[] = { tables, NULL };
static const struct sn_store_schema schema = { .owner = "bench", .steps = steps };
static const struct sn_store_schema *const schemas[] = { &schema, NULL };

struct slot {
	struct sn_waiter waiter;
};

static char folder[128];
static struct sn_loop *loop;
static struct sn_store *store;
static struct slot slots[UNDER_WAY_MAX];
static unsigned under_way;
static int64_t next_id, acknowledged, deadline;

static void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

static int64_t now(void)
{
	return sn_clock_mono(&sn_clock_system);
}

static void on_inserted(struct sn_waiter *w, struct sn_promise *p, int code);

static void insert(struct slot *slot)
{
	char name[32];
	struct sn_sql sql = { .text = INSERT, .arg_count = 2, .expect = -1 };

	snprintf(name, sizeof(name), "name of %lld", (long long)next_id);
	sql.args[0] = sn_sql_integer(next_id++);
	sql.args[1] = sn_sql_text(sn_str(name));
	under_way++;
	sn_promise_wait(sn_store_write(store, &sql, 1), &slot->waiter, on_inserted);
}

static void on_inserted(struct sn_waiter *w, struct sn_promise *p, int code)
{
	(void)p;
	if (code != SN_OK)
		die(sn_errname(code));
	under_way--;
	acknowledged++;
	if (now() < deadline)
		insert(sn_container_of(w, struct slot, waiter));
	else if (under_way == 0)
		sn_loop_stop(loop, 0);
}

/* Acknowledged inserts a second with so many under way. */
static double through_the_store(unsigned count, int64_t seconds)
{
	const int64_t began = now();

	acknowledged = 0;
	deadline = began + SN_SEC(seconds);
	for (unsigned i = 0; i < count; i++)
		insert(&slots[i]);
	sn_loop_run(loop);
	return (double)acknowledged * 1e9 / (double)(now() - began);
}

static void open_store(void)
{
	char url[160];
	struct sn_diag diag = { .code = SN_OK };
	struct sn_store_options options = { .schemas = schemas };

	snprintf(url, sizeof(url), "sqlite:%s/store.db", folder);
	options.url = sn_str(url);
	if (sn_loop_new(NULL, &loop) != SN_OK ||
		sn_store_open(loop, &options, &store, &diag) != SN_OK)
		die(diag.text);
}

static void close_store(void)
{
	sn_store_close(&store);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
}

/* The peer */

static void check(sqlite3 *db, int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		die(sqlite3_errmsg(db));
}

static void insert_plainly(sqlite3 *db, sqlite3_stmt *stmt, int64_t id)
{
	char name[32];

	snprintf(name, sizeof(name), "name of %lld", (long long)id);
	check(db, sqlite3_bind_int64(stmt, 1, id));
	check(db, sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC));
	check(db, sqlite3_step(stmt));
	check(db, sqlite3_reset(stmt));
}

static double plainly(int64_t seconds)
{
	char path[160];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t count = 0, began;

	snprintf(path, sizeof(path), "%s/plain.db", folder);
	check(NULL, sqlite3_open(path, &db));
	check(db,
		sqlite3_exec(
			db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL));
	check(db, sqlite3_exec(db, tables[0], NULL, NULL, NULL));
	check(db, sqlite3_prepare_v2(db, INSERT, -1, &stmt, NULL));
	for (began = now(); now() < began + SN_SEC(seconds); count++)
		insert_plainly(db, stmt, count);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return (double)count * 1e9 / (double)(now() - began);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int main(int argc, char **argv)
{
	static const unsigned counts[] = { 1, 16, 128, 1024 };
	const int64_t seconds = argc > 1 ? atoll(argv[1]) : 3;
	const char *tmp = getenv("TMPDIR");
	double plain;

	snprintf(folder, sizeof(folder), "%s/sn-bench-XXXXXX", tmp != NULL ? tmp : "/var/tmp");
	if (mkdtemp(folder) == NULL)
		die("no folder for the database");
	plain = plainly(seconds);
	printf("plain %.0f per second\n", plain);
	open_store();
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const double rate = through_the_store(counts[i], seconds);

		printf("store %u under way %.0f per second, %.2f of plain\n", counts[i], rate,
			rate / plain);
	}
	close_store();
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
