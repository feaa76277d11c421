#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/store/store_private.h"

#define FIRST_CELLS 16

static void destroy(struct sn_store_request *r)
{
	for (size_t i = 0; i < r->count; i++)
		sn_free(r->results[i].rows.cells);
	sn_pool_free(&r->pool);
	sn_free(r);
}

static void cancel_request(struct sn_promise *p)
{
	struct sn_store_request *r = sn_container_of(p, struct sn_store_request, promise);

	atomic_store_explicit(&r->unwanted, true, memory_order_relaxed);
}

static void free_request(struct sn_promise *p)
{
	struct sn_store_request *r = sn_container_of(p, struct sn_store_request, promise);

	r->released = true;
	if (r->finished)
		destroy(r);
}

static const struct sn_promise_ops request_ops = { .cancel = cancel_request, .free = free_request };

static size_t bytes_of(const struct sn_sql *sql)
{
	size_t size = 0;

	for (unsigned i = 0; i < sql->arg_count; i++)
		size += sql->args[i].bytes.n;
	return size;
}

/* One allocation for all: request, statements, results, arguments, their bytes. */
static struct sn_store_request *allocate(const struct sn_sql *statements, size_t count)
{
	struct sn_store_request *r;
	size_t args = 0, bytes = 0;

	for (size_t i = 0; i < count; i++) {
		sn_assert(statements[i].arg_count <= SN_SQL_ARGS_MAX);
		args += statements[i].arg_count;
		bytes += bytes_of(&statements[i]);
	}
	r = sn_alloc(sizeof(*r) + count * (sizeof(*r->statements) + sizeof(*r->results)) +
		args * sizeof(struct sn_sql_value) + bytes);
	memset(r, 0, sizeof(*r));
	r->count = count;
	r->statements = (struct sn_store_statement *)(void *)(r + 1);
	r->results = (struct sn_store_result *)(void *)(r->statements + count);
	memset(r->results, 0, count * sizeof(*r->results));
	return r;
}

/* Text that SQLite would store and PostgreSQL refuse is refused by both. */
static bool is_acceptable(const struct sn_sql_value *v)
{
	return v->type != SN_SQL_TEXT ||
		(sn_utf8_valid(v->bytes) && sn_str_find(v->bytes, '\0') == v->bytes.n);
}

static void copy_arg(struct sn_store_request *r, struct sn_sql_value *to,
	const struct sn_sql_value *from, char **bytes)
{
	*to = *from;
	if (!is_acceptable(from))
		r->code = SN_ESQL;
	if (from->type != SN_SQL_TEXT && from->type != SN_SQL_BLOB) {
		to->bytes = SN_STR_NULL;
		return;
	}
	to->bytes.p = *bytes;
	if (from->bytes.n > 0)
		memcpy(*bytes, from->bytes.p, from->bytes.n);
	*bytes += from->bytes.n;
}

static void copy_statements(struct sn_store_request *r, const struct sn_sql *statements)
{
	struct sn_sql_value *arg = (struct sn_sql_value *)(void *)(r->results + r->count);
	char *bytes;
	size_t args = 0;

	for (size_t i = 0; i < r->count; i++)
		args += statements[i].arg_count;
	bytes = (char *)(arg + args);
	for (size_t i = 0; i < r->count; i++) {
		const struct sn_sql *sql = &statements[i];

		r->statements[i] = (struct sn_store_statement){
			.text = sql->text,
			.args = arg,
			.arg_count = sql->arg_count,
			.expect = r->write ? sql->expect : -1,
		};
		for (unsigned j = 0; j < sql->arg_count; j++)
			copy_arg(r, arg++, &sql->args[j], &bytes);
	}
}

struct sn_store_request *sn_store_request_new(
	struct sn_store *store, const struct sn_sql *statements, size_t count, bool write)
{
	struct sn_store_request *r;

	sn_assert(count >= 1 && count <= SN_STORE_STATEMENTS_MAX);
	r = allocate(statements, count);
	r->write = write;
	r->rows_max = store->rows_max;
	copy_statements(r, statements);
	sn_promise_init(store->loop, &r->promise, &request_ops);
	return r;
}

void sn_store_request_finish(struct sn_store_request *r, int code)
{
	sn_assert(!r->finished);
	r->finished = true;
	if (r->released)
		destroy(r);
	else if (r->promise.state == SN_PROMISE_PENDING)
		sn_promise_resolve(&r->promise, code);
}

static void on_post(struct sn_post *post)
{
	struct sn_store_request *r = sn_container_of(post, struct sn_store_request, post);

	sn_store_request_finish(r, r->code);
}

void sn_store_request_post(struct sn_store_request *r, int code)
{
	r->code = code;
	r->post.fn = on_post;
	sn_loop_post(r->promise.loop, &r->post);
}

void sn_store_result_reset(struct sn_store_request *r)
{
	for (size_t i = 0; i < r->count; i++) {
		sn_free(r->results[i].rows.cells);
		r->results[i] = (struct sn_store_result){ .cell_space = 0 };
	}
	sn_pool_free(&r->pool);
	r->result_bytes = 0;
}

int sn_store_result_add(
	struct sn_store_request *r, size_t i, size_t columns, struct sn_sql_value **cells_r)
{
	struct sn_store_result *result = &r->results[i];
	struct sn_sql_rows *rows = &result->rows;
	const size_t used = rows->rows * columns;

	if (rows->rows >= r->rows_max)
		return SN_ELIMIT;
	if (used + columns > result->cell_space) {
		result->cell_space = used + (used > FIRST_CELLS ? used : FIRST_CELLS) + columns;
		rows->cells =
			sn_realloc_array(rows->cells, result->cell_space, sizeof(*rows->cells));
	}
	rows->columns = columns;
	rows->rows++;
	memset(rows->cells + used, 0, columns * sizeof(*rows->cells));
	*cells_r = rows->cells + used;
	return SN_OK;
}

int sn_store_result_bytes(struct sn_store_request *r, size_t size, char **bytes_r)
{
	if (size > SN_STORE_RESULT_BYTES_MAX - r->result_bytes)
		return SN_ELIMIT;
	r->result_bytes += size;
	if (r->pool == NULL)
		r->pool = sn_pool_new(0);
	*bytes_r = sn_pool_alloc(r->pool, size + 1);
	(*bytes_r)[size] = '\0';
	return SN_OK;
}

int sn_store_result_expect(const struct sn_store_request *r, size_t i)
{
	const struct sn_sql_rows *rows = &r->results[i].rows;
	const int64_t done = rows->columns > 0 ? (int64_t)rows->rows : rows->changed;
	const int expect = r->statements[i].expect;

	return expect < 0 || done == expect ? SN_OK : SN_ENOTFOUND;
}
