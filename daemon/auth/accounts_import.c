#include "daemon/auth/accounts_import.h"

#include "daemon/auth/accounts_private.h"
#include "daemon/base/hash.h"
#include "daemon/base/mem.h"
#include "daemon/base/pool.h"

#define STATEMENTS_MAX 64
#define PENDING_MAX 512 /* transactions under way: enough for the writer to group */
#define LEFTOVER_AGE SN_SEC(86400)

struct imported {
	struct sn_hash_node node;
	struct sn_account_id id;
};

struct sn_account_import {
	const struct sn_auth_context *context;
	int64_t batch; /* wall time of its start: unique enough, and tells its age */
	struct sn_pool *pool;
	struct sn_hash seen;
	size_t pending;
	int code; /* first failure of the store */
};

/* One transaction under way. */
struct staging {
	struct sn_waiter waiter;
	struct sn_account_import *import;
};

/* --- check ------------------------------------------------------------------------------------ */

static int check_record(struct sn_str text, enum sn_scram_hash hash, struct sn_diag *diag)
{
	struct sn_scram_record record;
	int code = text.n == 0 ? SN_OK : sn_account_hash_check(text, diag);

	if (code != SN_OK || text.n == 0)
		return code;
	code = sn_scram_parse(text, &record);
	if (code == SN_OK && record.hash == hash)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, 0, "this is no SCRAM-SHA-%s record: %.20s...",
		hash == SN_SCRAM_SHA_1 ? "1" : "256", text.p);
}

static int check_secrets(const struct sn_account *account, struct sn_diag *diag)
{
	int code = check_record(account->scram_sha_256, SN_SCRAM_SHA_256, diag);

	if (code == SN_OK)
		code = check_record(account->scram_sha_1, SN_SCRAM_SHA_1, diag);
	if (code == SN_OK && account->crypt.n > 0 && sn_scram_is_record(account->crypt))
		return sn_diag_set(
			diag, SN_ESYNTAX, 0, "a SCRAM record stands where a crypt(3) hash belongs");
	if (code == SN_OK && account->crypt.n > 0)
		code = sn_account_hash_check(account->crypt, diag);
	return code;
}

/* At most a few hundred items: comparing each with each is fine. */
static int check_item(const struct sn_account *account, size_t i, struct sn_diag *diag)
{
	const struct sn_account_item *item = &account->items[i];
	char ident[SN_ACCOUNT_IDENT_SIZE], other[SN_ACCOUNT_IDENT_SIZE];
	size_t same_kind = 1;
	int code = sn_account_item_ident(item, ident, diag);

	for (size_t k = 0; k < i && code == SN_OK; k++) {
		if (account->items[k].kind != item->kind)
			continue;
		same_kind++;
		code = sn_account_item_ident(&account->items[k], other, diag);
		if (code == SN_OK && strcmp(ident, other) == 0)
			code = sn_diag_set(diag, SN_EDUPLICATE, 0, "%s is given twice", ident);
	}
	if (code == SN_OK && same_kind > SN_ACCOUNT_ITEMS_MAX)
		code = sn_diag_set(diag, SN_ELIMIT, 0,
			"an account has at most %d roles, keys, certificates and tokens of each",
			SN_ACCOUNT_ITEMS_MAX);
	return code;
}

int sn_account_check(const struct sn_account *account, struct sn_diag *diag)
{
	int code = sn_account_name_check(account->name, diag);

	if (code == SN_OK)
		code = check_secrets(account, diag);
	for (size_t i = 0; i < account->item_count && code == SN_OK; i++)
		code = check_item(account, i, diag);
	return code;
}

/* --- stage ------------------------------------------------------------------------------------ */

static struct sn_str imported_key(const struct sn_hash_node *node)
{
	const struct imported *imported = sn_container_of(node, struct imported, node);

	return sn_str_n(imported->id.text, imported->id.n);
}

struct sn_account_import *sn_account_import_new(const struct sn_auth_context *context)
{
	struct sn_account_import *import = sn_alloc_zero(sizeof(*import));

	import->context = context;
	import->batch = sn_clock_wall(sn_loop_clock(context->loop));
	import->pool = sn_pool_new(0);
	sn_hash_init(&import->seen, imported_key, false);
	return import;
}

static void on_staged(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct staging *staging = sn_container_of(waiter, struct staging, waiter);
	struct sn_account_import *import = staging->import;

	(void)p;
	import->pending--;
	if (import->code == SN_OK)
		import->code = code;
	sn_free(staging);
}

static void wait_below(struct sn_account_import *import, size_t pending)
{
	while (import->pending > pending)
		sn_loop_turn(import->context->loop, -1);
}

static void stage(struct sn_account_import *import, const struct sn_sql *statements, size_t count)
{
	struct staging *staging = sn_alloc_zero(sizeof(*staging));

	staging->import = import;
	import->pending++;
	sn_promise_wait(sn_store_write(import->context->store, statements, count), &staging->waiter,
		on_staged);
	wait_below(import, PENDING_MAX);
}

static struct sn_sql_value text_or_empty(struct sn_str text)
{
	return sn_sql_text(text.n > 0 ? text : SN_STR(""));
}

static struct sn_sql account_row(const struct sn_account_import *import,
	const struct sn_account *account, const struct sn_account_id *id)
{
	return (struct sn_sql){
		.text = "INSERT INTO account_imports (batch, id, name, scram_sha_256, scram_sha_1,"
			" crypt, disabled, created, changed, last_login)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		.args = { sn_sql_integer(import->batch), sn_account_id_sql(id),
			sn_sql_text(account->name), text_or_empty(account->scram_sha_256),
			text_or_empty(account->scram_sha_1), text_or_empty(account->crypt),
			sn_sql_integer(account->disabled), sn_sql_integer(account->created),
			sn_sql_integer(account->changed), sn_sql_integer(account->last_login) },
		.arg_count = 10,
		.expect = 1,
	};
}

static struct sn_sql item_row(const struct sn_account_import *import,
	const struct sn_account_item *item, const struct sn_account_id *id, const char *ident)
{
	const bool is_digest =
		item->kind == SN_ACCOUNT_CERTIFICATE || item->kind == SN_ACCOUNT_TOKEN;

	return (struct sn_sql){
		.text = "INSERT INTO account_import_items (batch, account, kind, ident, value,"
			" label, expires, created, used)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		.args = { sn_sql_integer(import->batch), sn_account_id_sql(id),
			sn_sql_integer(item->kind), sn_sql_blob(sn_str(ident)),
			sn_sql_text(is_digest ? sn_str(ident) : sn_str_trim(item->value)),
			text_or_empty(item->label), sn_sql_integer(item->expires),
			sn_sql_integer(item->created), sn_sql_integer(item->used) },
		.arg_count = 9,
		.expect = 1,
	};
}

/* The items of one account, in transactions of at most STATEMENTS_MAX rows. */
static void stage_items(struct sn_account_import *import, const struct sn_account *account,
	const struct sn_account_id *id, struct sn_sql *first_row)
{
	char(*idents)[SN_ACCOUNT_IDENT_SIZE] =
		sn_alloc_array(account->item_count + 1, sizeof(*idents));
	struct sn_sql *statements = sn_alloc_array(STATEMENTS_MAX, sizeof(*statements));
	size_t count = 1;

	statements[0] = *first_row;
	for (size_t i = 0; i < account->item_count; i++) {
		const int code = sn_account_item_ident(&account->items[i], idents[i], NULL);

		sn_assert(code == SN_OK); /* checked before */
		statements[count++] = item_row(import, &account->items[i], id, idents[i]);
		if (count == STATEMENTS_MAX) {
			stage(import, statements, count);
			count = 0;
		}
	}
	if (count > 0)
		stage(import, statements, count);
	sn_free(statements);
	sn_free(idents);
}

int sn_account_import_add(
	struct sn_account_import *import, const struct sn_account *account, struct sn_diag *diag)
{
	struct imported *imported;
	struct sn_account_id id;
	struct sn_sql row;
	const int code = import->code == SN_OK ? sn_account_check(account, diag) : import->code;

	if (code != SN_OK)
		return code;
	if (!sn_account_id_make(account->name, &id) ||
		sn_hash_find(&import->seen, sn_str_n(id.text, id.n)) != NULL)
		return sn_diag_set(diag, SN_EDUPLICATE, 0,
			"account \"%.*s\" stands in an earlier line too",
			SN_STR_ARG(account->name));
	imported = sn_pool_alloc_zero(import->pool, sizeof(*imported));
	imported->id = id;
	sn_hash_insert(&import->seen, &imported->node);
	row = account_row(import, account, &id);
	stage_items(import, account, &id, &row);
	return SN_OK;
}

/* --- take over -------------------------------------------------------------------------------- */

#define BATCH_IDS "(SELECT id FROM account_imports WHERE batch = $1)"

static const char *const replace_statements[] = {
	"DELETE FROM account_items WHERE account IN " BATCH_IDS,
	"DELETE FROM accounts WHERE id IN " BATCH_IDS,
};
static const char *const take_statements[] = {
	"INSERT INTO accounts (id, name, scram_sha_256, scram_sha_1, crypt, disabled, created,"
	" changed, last_login)"
	" SELECT id, name, scram_sha_256, scram_sha_1, crypt, disabled, created, changed,"
	" last_login FROM account_imports WHERE batch = $1",
	"INSERT INTO account_items (account, kind, ident, value, label, expires, created, used)"
	" SELECT account, kind, ident, value, label, expires, created, used"
	" FROM account_import_items WHERE batch = $1",
};
static const char *const forget_statements[] = {
	"DELETE FROM account_imports WHERE batch = $1",
	"DELETE FROM account_import_items WHERE batch = $1",
};
static const char *const leftover_statements[] = {
	"DELETE FROM account_imports WHERE batch < $1",
	"DELETE FROM account_import_items WHERE batch < $1",
};

static size_t add_pair(
	struct sn_sql *statements, size_t count, const char *const texts[2], int64_t batch)
{
	for (size_t i = 0; i < 2; i++)
		statements[count++] = (struct sn_sql){
			.text = texts[i],
			.args = { sn_sql_integer(batch) },
			.arg_count = 1,
			.expect = -1,
		};
	return count;
}

int sn_account_import_commit(struct sn_account_import *import, bool update)
{
	const struct sn_auth_context *context = import->context;
	struct sn_sql statements[8];
	size_t count = 0;
	int code;

	wait_below(import, 0);
	if (import->code != SN_OK)
		return import->code;
	if (update)
		count = add_pair(statements, count, replace_statements, import->batch);
	count = add_pair(statements, count, take_statements, import->batch);
	count = add_pair(statements, count, forget_statements, import->batch);
	count = add_pair(statements, count, leftover_statements, import->batch - LEFTOVER_AGE);
	code = sn_store_wait(
		context->loop, sn_store_write(context->store, statements, count), NULL, NULL);
	if (code == SN_OK)
		import->batch = 0;
	return code;
}

/* A store that fails here failed before, and the next import cleans up. */
void sn_account_import_free(struct sn_account_import **import_p)
{
	struct sn_account_import *import = *import_p;
	struct sn_sql statements[2];

	*import_p = NULL;
	if (import == NULL)
		return;
	wait_below(import, 0);
	if (import->batch != 0 && import->seen.count > 0) {
		(void)add_pair(statements, 0, forget_statements, import->batch);
		(void)sn_store_wait(import->context->loop,
			sn_store_write(import->context->store, statements, 2), NULL, NULL);
	}
	sn_hash_fini(&import->seen);
	sn_pool_free(&import->pool);
	sn_free(import);
}
