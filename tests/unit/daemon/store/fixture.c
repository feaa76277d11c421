#include "tests/unit/daemon/store/fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/text.h"
#include "tests/unit/daemon/store/pq_server.h"

struct sn_loop *loop;
struct sn_store *store;
struct sn_diag diag;
struct sn_store_options options;
char folder[64];

static char paths[8][128];
static unsigned path_count, answer_count;
static char row_text[65536];
static int64_t row_changes;

static const char *const things_1[] = {
	"CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB)", NULL
};
static const char *const *const things_steps[] = { things_1, NULL };
static const struct sn_store_schema things = { .owner = "things", .steps = things_steps };
static const struct sn_store_schema *const things_schemas[] = { &things, NULL };

void server_setup(void)
{
	pq_server_start();
}

void store_setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/sn-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	options = (struct sn_store_options){ .queue_max = 0 };
	path_count = answer_count = 0;
	pq_server_new_database();
	ck_assert_int_eq(sn_log_set_level("store", SN_LOG_OFF), SN_OK); /* refusals are meant */
}

void store_setup_child(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	options = (struct sn_store_options){ .queue_max = 0 };
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

void close_store(void)
{
	sn_store_close(&store);
	ck_assert_ptr_null(store);
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
}

void store_teardown(void)
{
	close_store();
	sn_loop_free(&loop);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *name)
{
	char *path = paths[path_count++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

const char *url_of(int engine)
{
	static char url[256];

	switch (engine) {
	case ENGINE_SQLITE:
		snprintf(url, sizeof(url), "sqlite:%s/test.db", folder);
		break;
	case ENGINE_PQ:
		return pq_server_url();
	default:
		snprintf(url, sizeof(url), "sqlite::memory:");
	}
	return url;
}

int try_open(const char *url, const struct sn_store_schema *const *schemas)
{
	options.url = sn_str(url);
	options.schemas = schemas;
	diag = (struct sn_diag){ .code = SN_OK };
	return sn_store_open(loop, &options, &store, &diag);
}

void open_things(int engine)
{
	int err = try_open(url_of(engine), things_schemas);

	ck_assert_msg(err == SN_OK, "%s: %s", sn_errname(err), diag.text);
}

static void add_cell(struct sn_strbuf *b, const struct sn_sql_value *cell)
{
	switch (cell->type) {
	case SN_SQL_NULL:
		sn_strbuf_addc(b, '-');
		break;
	case SN_SQL_INTEGER:
		sn_strbuf_addf(b, "%lld", (long long)cell->integer);
		break;
	case SN_SQL_TEXT:
		sn_strbuf_add(b, cell->bytes);
		break;
	case SN_SQL_BLOB:
		sn_strbuf_addc(b, 'x');
		sn_hex_encode(b, cell->bytes);
	}
}

static void keep_rows(void *context, struct sn_promise *p)
{
	const struct sn_sql_rows *result = sn_store_rows(p, *(size_t *)context);
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, row_text, sizeof(row_text));
	for (size_t row = 0; row < result->rows; row++)
		for (size_t column = 0; column < result->columns; column++) {
			add_cell(&b, sn_sql_cell(result, row, column));
			sn_strbuf_addc(&b, column + 1 < result->columns ? '|' : '\n');
		}
	ck_assert_int_eq(b.err, SN_OK);
	row_changes = result->changed;
}

static int answer_of(struct sn_promise *p, size_t i)
{
	row_text[0] = '\0';
	row_changes = -1;
	return sn_store_wait(loop, p, keep_rows, &i);
}

int answer(struct sn_promise *p)
{
	return answer_of(p, 0);
}

const char *rows(void)
{
	return row_text;
}

int64_t changed(void)
{
	return row_changes;
}

int run1(struct sn_sql sql)
{
	return answer(sn_store_write(store, &sql, 1));
}

int run2(struct sn_sql first, struct sn_sql then)
{
	const struct sn_sql both[] = { first, then };

	return answer_of(sn_store_write(store, both, 2), 1);
}

int ask(struct sn_sql sql)
{
	return answer(sn_store_read(store, &sql));
}

int add_thing(int64_t id, const char *name)
{
	return run1(SQL("INSERT INTO things (id, name) VALUES ($1, $2)", INT(id),
		name != NULL ? TEXT(name) : sn_sql_null()));
}

static void on_followed(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct pending *pending = sn_container_of(w, struct pending, waiter);

	(void)p;
	pending->code = code;
	pending->calls++;
	pending->order = ++answer_count;
}

void follow(struct pending *pending, struct sn_promise *p)
{
	*pending = (struct pending){ .code = 1 };
	sn_promise_wait(p, &pending->waiter, on_followed);
}
