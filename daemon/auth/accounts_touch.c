#include "daemon/auth/accounts_touch.h"

#include "daemon/base/hash.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"

#define DELAY SN_SEC(3)
#define GRAIN SN_SEC(60)
#define STATEMENTS_MAX 64
/* Not more than one transaction's: a storm writes now and then, and never much at once. */
#define TOUCHES_MAX STATEMENTS_MAX

struct touch {
	struct sn_hash_node node;
	struct sn_account_id id;
	int64_t at;
	char token[SN_ACCOUNT_IDENT_SIZE]; /* "": the account itself */
	char key[SN_ACCOUNT_NAME_MAX + 1 + SN_ACCOUNT_IDENT_SIZE];
	size_t key_n;
};

struct sn_account_touches {
	const struct sn_auth_context *context;
	struct sn_timer timer;
	struct sn_hash table;
	struct touch touches[TOUCHES_MAX];
	size_t count;
	struct sn_list writes; /* under way */
};

struct write {
	struct sn_waiter waiter;
	struct sn_list link;
};

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("auth.accounts");

static struct sn_str touch_key(const struct sn_hash_node *node)
{
	const struct touch *touch = sn_container_of(node, struct touch, node);

	return sn_str_n(touch->key, touch->key_n);
}

struct sn_account_touches *sn_account_touches_new(const struct sn_auth_context *context)
{
	struct sn_account_touches *touches = sn_alloc_zero(sizeof(*touches));

	touches->context = context;
	sn_hash_init(&touches->table, touch_key, false);
	sn_list_init(&touches->writes);
	return touches;
}

static void on_written(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct write *write = sn_container_of(waiter, struct write, waiter);

	(void)p;
	if (code != SN_OK && code != SN_ENOTFOUND)
		sn_log(&log_ctx, SN_LOG_WARN, "login-not-recorded", sn_f_err(code));
	sn_list_remove(&write->link);
	sn_free(write);
}

void sn_account_write_behind(
	struct sn_account_touches *touches, const struct sn_sql *statements, size_t count)
{
	struct write *write = sn_alloc_zero(sizeof(*write));

	sn_list_append(&touches->writes, &write->link);
	sn_promise_wait(sn_store_write(touches->context->store, statements, count), &write->waiter,
		on_written);
}

/* Another worker may have written a newer time; within the grain nothing is written at all. */
static struct sn_sql statement_of(const struct touch *touch)
{
	struct sn_sql sql = {
		.text = "UPDATE accounts SET last_login = $2"
			" WHERE id = $1 AND last_login <= $3",
		.args = { sn_account_id_sql(&touch->id), sn_sql_integer(touch->at),
			sn_sql_integer(touch->at - GRAIN) },
		.arg_count = 3,
		.expect = -1,
	};

	if (touch->token[0] == '\0')
		return sql;
	sql.text = "UPDATE account_items SET used = $2"
		   " WHERE account = $1 AND kind = 3 AND used <= $3 AND ident = $4";
	sql.args[sql.arg_count++] = sn_sql_blob(sn_str(touch->token));
	return sql;
}

static void flush(struct sn_account_touches *touches)
{
	struct sn_sql *statements;

	sn_timer_clear(&touches->timer);
	if (touches->count == 0)
		return;
	statements = sn_alloc_array(touches->count, sizeof(*statements));
	for (size_t i = 0; i < touches->count; i++) {
		statements[i] = statement_of(&touches->touches[i]);
		sn_hash_remove(&touches->table, &touches->touches[i].node);
	}
	sn_account_write_behind(touches, statements, touches->count);
	touches->count = 0;
	sn_free(statements);
}

static void on_due(struct sn_timer *timer)
{
	flush(sn_container_of(timer, struct sn_account_touches, timer));
}

static void remember(struct sn_account_touches *touches, const struct sn_account_id *id,
	struct sn_str token, int64_t at)
{
	struct touch touch = { .id = *id, .at = at };

	memcpy(touch.key, id->text, id->n);
	memcpy(touch.key + id->n + 1, token.n > 0 ? token.p : "", token.n);
	touch.key_n = id->n + 1 + token.n;
	memcpy(touch.token, token.n > 0 ? token.p : "", token.n);
	if (sn_hash_find(&touches->table, sn_str_n(touch.key, touch.key_n)) != NULL)
		return;
	if (touches->count == TOUCHES_MAX)
		flush(touches);
	touches->touches[touches->count] = touch;
	sn_hash_insert(&touches->table, &touches->touches[touches->count++].node);
	if (touches->count == 1)
		sn_timer_set(touches->context->loop, &touches->timer, DELAY, on_due);
}

void sn_account_touch(
	struct sn_account_touches *touches, const struct sn_account_id *id, struct sn_str token)
{
	const int64_t now = sn_loop_wall(touches->context->loop);

	sn_assert(token.n < SN_ACCOUNT_IDENT_SIZE);
	remember(touches, id, SN_STR_NULL, now);
	if (token.n > 0)
		remember(touches, id, token, now);
}

/* The store finishes what it accepted; nobody hears of it any more. */
void sn_account_touches_free(struct sn_account_touches **touches_p)
{
	struct sn_account_touches *touches = *touches_p;

	*touches_p = NULL;
	if (touches == NULL)
		return;
	flush(touches);
	while (!sn_list_empty(&touches->writes)) {
		struct write *write = sn_container_of(touches->writes.next, struct write, link);

		sn_waiter_cancel(&write->waiter);
		sn_list_remove(&write->link);
		sn_free(write);
	}
	sn_hash_fini(&touches->table);
	sn_free(touches);
}
