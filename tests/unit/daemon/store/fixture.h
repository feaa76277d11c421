/* What the suites of this folder share: a loop, a folder of its own, and one store per test. */
#ifndef SN_TESTS_UNIT_DAEMON_STORE_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_STORE_FIXTURE_H

#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

/* The engines, as loop indices of tests that run on each. */
enum engine { ENGINE_SQLITE, ENGINE_PQ, LASTING_ENGINES, ENGINE_MEMORY = LASTING_ENGINES, ENGINES };

extern struct sn_loop *loop;
extern struct sn_store *store;
extern struct sn_diag diag;
extern struct sn_store_options options; /* for the next open_* */
extern char folder[64];

/* An unchecked fixture: the PostgreSQL server that all tests share is up. */
void server_setup(void);
void store_setup(void);    /* loop, folder, default options */
void store_teardown(void); /* closes what is open */
/* A child begins anew with a loop of its own, in the same folder. */
void store_setup_child(void);

/* A path inside the folder; valid until the test ends. */
const char *in_folder(const char *name);
/* The URL of this test's database. */
const char *url_of(int engine);
/* With the table things(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB). */
void open_things(int engine);
int try_open(const char *url, const struct sn_store_schema *const *schemas);
void close_store(void);

#define SQL(string, ...) \
	((struct sn_sql){ .text = (string), \
		.args = { __VA_ARGS__ }, \
		.arg_count = sizeof((struct sn_sql_value[]){ __VA_ARGS__ }) / \
			sizeof(struct sn_sql_value), \
		.expect = -1 })
#define INT(n) sn_sql_integer(n)
#define TEXT(literal) sn_sql_text(sn_str(literal))

/* Wait for a promise; its code. Rows are kept as text: "1|name|x00ff|-" and a line feed. */
int answer(struct sn_promise *p);
const char *rows(void);
int64_t changed(void);

int run1(struct sn_sql sql);                       /* a transaction of one */
int run2(struct sn_sql first, struct sn_sql then); /* of two; rows are the second's */
int ask(struct sn_sql sql);                        /* a read */
int add_thing(int64_t id, const char *name);
#define assert_rows(sql, expected) \
	do { \
		ck_assert_int_eq(ask(sql), SN_OK); \
		ck_assert_str_eq(rows(), expected); \
	} while (0)

/* Promises that nobody has waited for yet. */
struct pending {
	struct sn_waiter waiter;
	int code, calls;
	unsigned order; /* the n-th answer of the test */
};
void follow(struct pending *pending, struct sn_promise *p);

#endif
