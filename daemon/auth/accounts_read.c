/* Reading accounts: each query is one statement, so that what it finds is of one moment. */
#include "daemon/auth/accounts_private.h"
#include "daemon/base/mem.h"
#include "daemon/base/pool.h"

#define COLUMNS \
	"a.id, a.name, a.scram_sha_256, a.scram_sha_1, a.crypt, a.disabled, a.created, a.changed," \
	" a.last_login, i.kind, i.value, i.label, i.expires, i.created, i.used"

struct read {
	struct sn_promise promise;
	struct sn_waiter waiter;
	struct sn_pool *pool; /* of all below */
	struct sn_account *accounts;
	size_t count;
};

static void cancel_read(struct sn_promise *p)
{
	sn_waiter_cancel(&sn_container_of(p, struct read, promise)->waiter);
}

static void free_read(struct sn_promise *p)
{
	struct read *read = sn_container_of(p, struct read, promise);

	sn_pool_free(&read->pool);
	sn_free(read);
}

static const struct sn_promise_ops read_ops = { .cancel = cancel_read, .free = free_read };

static struct sn_str text_at(struct read *read, const struct sn_sql_rows *rows, size_t row,
	enum sn_account_column column)
{
	const struct sn_str text = sn_sql_cell(rows, row, column)->bytes;

	return sn_str_n(sn_pool_strdup(read->pool, text), text.n);
}

static int64_t integer_at(const struct sn_sql_rows *rows, size_t row, enum sn_account_column column)
{
	return sn_sql_cell(rows, row, column)->integer;
}

static void take_item(struct read *read, const struct sn_sql_rows *rows, size_t row,
	struct sn_account_item *item_r)
{
	*item_r = (struct sn_account_item){
		.kind = (enum sn_account_item_kind)integer_at(rows, row, SN_ACCOUNT_COL_KIND),
		.value = text_at(read, rows, row, SN_ACCOUNT_COL_VALUE),
		.label = text_at(read, rows, row, SN_ACCOUNT_COL_LABEL),
		.expires = integer_at(rows, row, SN_ACCOUNT_COL_EXPIRES),
		.created = integer_at(rows, row, SN_ACCOUNT_COL_ITEM_CREATED),
		.used = integer_at(rows, row, SN_ACCOUNT_COL_USED),
	};
}

static void take_account(
	struct read *read, const struct sn_sql_rows *rows, size_t row, struct sn_account *account_r)
{
	*account_r = (struct sn_account){
		.name = text_at(read, rows, row, SN_ACCOUNT_COL_NAME),
		.scram_sha_256 = text_at(read, rows, row, SN_ACCOUNT_COL_SCRAM_SHA_256),
		.scram_sha_1 = text_at(read, rows, row, SN_ACCOUNT_COL_SCRAM_SHA_1),
		.crypt = text_at(read, rows, row, SN_ACCOUNT_COL_CRYPT),
		.disabled = integer_at(rows, row, SN_ACCOUNT_COL_DISABLED) != 0,
		.created = integer_at(rows, row, SN_ACCOUNT_COL_CREATED),
		.changed = integer_at(rows, row, SN_ACCOUNT_COL_CHANGED),
		.last_login = integer_at(rows, row, SN_ACCOUNT_COL_LAST_LOGIN),
	};
}

/* Rows of one account stand together. */
static size_t rows_of_account(const struct sn_sql_rows *rows, size_t first)
{
	const struct sn_str id = sn_sql_cell(rows, first, SN_ACCOUNT_COL_ID)->bytes;
	size_t n = 1;

	while (first + n < rows->rows &&
		sn_str_eq(id, sn_sql_cell(rows, first + n, SN_ACCOUNT_COL_ID)->bytes))
		n++;
	return n;
}

static void take_rows(struct read *read, const struct sn_sql_rows *rows)
{
	struct sn_account_item *items =
		sn_pool_alloc(read->pool, (rows->rows + 1) * sizeof(*items));

	read->accounts = sn_pool_alloc(read->pool, (rows->rows + 1) * sizeof(*read->accounts));
	for (size_t row = 0; row < rows->rows;) {
		struct sn_account *account = &read->accounts[read->count++];
		const size_t end = row + rows_of_account(rows, row);

		take_account(read, rows, row, account);
		account->items = items;
		for (; row < end; row++) {
			if (sn_sql_cell(rows, row, SN_ACCOUNT_COL_KIND)->type == SN_SQL_NULL)
				continue;
			take_item(read, rows, row, items++);
			account->item_count++;
		}
	}
}

static void on_rows(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct read *read = sn_container_of(waiter, struct read, waiter);

	if (code == SN_OK)
		take_rows(read, sn_store_rows(p, 0));
	sn_promise_resolve(&read->promise, code);
}

static void on_one(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	if (code == SN_OK && sn_store_rows(p, 0)->rows == 0)
		code = SN_ENOTFOUND;
	on_rows(waiter, p, code);
}

struct sn_promise *sn_account_read(const struct sn_auth_context *context, struct sn_str name,
	struct sn_str after, size_t count)
{
	const bool one = name.n > 0;
	struct sn_account_id id = { .n = 0 };
	struct sn_sql sql = {
		.text = one ? "SELECT " COLUMNS " FROM accounts a"
			      " LEFT JOIN account_items i ON i.account = a.id"
			      " WHERE a.id = $1 ORDER BY i.kind, i.ident"
			    : "SELECT " COLUMNS
			      " FROM (SELECT * FROM accounts WHERE id > $1 ORDER BY id LIMIT $2) a"
			      " LEFT JOIN account_items i ON i.account = a.id"
			      " ORDER BY a.id, i.kind, i.ident",
		.arg_count = one ? 1 : 2,
	};
	struct read *read;

	if (one ? !sn_account_id_make(name, &id) : after.n > 0 && !sn_account_id_make(after, &id))
		return sn_account_failed(context, SN_ENOTFOUND);
	sql.args[0] = sn_account_id_sql(&id);
	sql.args[1] = sn_sql_integer((int64_t)count);
	read = sn_alloc_zero(sizeof(*read));
	read->pool = sn_pool_new(0);
	sn_promise_init(context->loop, &read->promise, &read_ops);
	sn_promise_wait(sn_store_read(context->store, &sql), &read->waiter, one ? on_one : on_rows);
	return &read->promise;
}

const struct sn_account *sn_account_at(struct sn_promise *p, size_t i)
{
	const struct read *read = sn_container_of(p, struct read, promise);

	return p->ops == &read_ops && i < read->count ? &read->accounts[i] : NULL;
}

struct sn_promise *sn_account_read_login(const struct sn_auth_context *context,
	const struct sn_account_id *id, enum sn_account_item_kind kind, struct sn_str ident)
{
	static const char by_id[] = "SELECT " COLUMNS " FROM accounts a"
				    " LEFT JOIN account_items i ON i.account = a.id AND"
				    " (i.kind = 0 OR (i.kind = $2 AND i.ident = $3))"
				    " WHERE a.id = $1";
	static const char by_item[] = "SELECT " COLUMNS " FROM (SELECT * FROM accounts WHERE id IN"
				      " (SELECT account FROM account_items WHERE kind = $1 AND"
				      " ident = $2) ORDER BY id LIMIT 2) a"
				      " LEFT JOIN account_items i ON i.account = a.id AND"
				      " (i.kind = 0 OR (i.kind = $1 AND i.ident = $2))"
				      " ORDER BY a.id";
	struct sn_sql sql = { .text = id != NULL ? by_id : by_item };

	if (id != NULL)
		sql.args[sql.arg_count++] = sn_account_id_sql(id);
	sql.args[sql.arg_count++] = sn_sql_integer(kind);
	sql.args[sql.arg_count++] = sn_sql_blob(ident.n > 0 ? ident : SN_STR("-"));
	return sn_store_read(context->store, &sql);
}
