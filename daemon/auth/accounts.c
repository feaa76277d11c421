/* The tables, and the changes that concern an account as a whole. */
#include "daemon/auth/accounts_private.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

static const char *const first_step[] = {
	"CREATE TABLE accounts ("
	" id BLOB PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" scram_sha_256 TEXT NOT NULL,"
	" scram_sha_1 TEXT NOT NULL,"
	" crypt TEXT NOT NULL,"
	" disabled INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" changed INTEGER NOT NULL,"
	" last_login INTEGER NOT NULL)",
	"CREATE TABLE account_items ("
	" account BLOB NOT NULL,"
	" kind INTEGER NOT NULL,"
	" ident BLOB NOT NULL,"
	" value TEXT NOT NULL,"
	" label TEXT NOT NULL,"
	" expires INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" used INTEGER NOT NULL,"
	" PRIMARY KEY (account, kind, ident))",
	"CREATE INDEX account_items_ident ON account_items (kind, ident)",
	"CREATE UNIQUE INDEX account_items_token ON account_items (ident) WHERE kind = 3",
	/* An import's rows, until the one transaction that takes them all over. */
	"CREATE TABLE account_imports ("
	" batch INTEGER NOT NULL,"
	" id BLOB NOT NULL,"
	" name TEXT NOT NULL,"
	" scram_sha_256 TEXT NOT NULL,"
	" scram_sha_1 TEXT NOT NULL,"
	" crypt TEXT NOT NULL,"
	" disabled INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" changed INTEGER NOT NULL,"
	" last_login INTEGER NOT NULL,"
	" PRIMARY KEY (batch, id))",
	"CREATE TABLE account_import_items ("
	" batch INTEGER NOT NULL,"
	" account BLOB NOT NULL,"
	" kind INTEGER NOT NULL,"
	" ident BLOB NOT NULL,"
	" value TEXT NOT NULL,"
	" label TEXT NOT NULL,"
	" expires INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" used INTEGER NOT NULL,"
	" PRIMARY KEY (batch, account, kind, ident))",
	NULL,
};
static const char *const *const steps[] = { first_step, NULL };

const struct sn_store_schema sn_accounts_schema = { .owner = "accounts", .steps = steps };

/* --- a promise that has failed ---------------------------------------------------------------- */

static void free_failed(struct sn_promise *p)
{
	sn_free(p);
}

static const struct sn_promise_ops failed_ops = { .free = free_failed };

struct sn_promise *sn_account_failed(const struct sn_auth_context *context, int code)
{
	struct sn_promise *p = sn_alloc(sizeof(*p));

	sn_promise_init(context->loop, p, &failed_ops);
	sn_promise_resolve(p, code);
	return p;
}

/* --- add, set_password: hash on the pool, then one transaction -------------------------------- */

struct change {
	struct sn_promise promise;
	const struct sn_auth_context *context;
	struct sn_job job;
	struct sn_waiter waiter;
	bool adding;
	bool hashing; /* the job was accepted and is not done */
	bool canceled, freed;
	struct sn_account_id id;
	char *name;
	struct sn_strbuf password; /* prepared; wiped once hashed */
	struct sn_strbuf scram_sha_256, scram_sha_1, crypt;
};

static void destroy_change(struct change *change)
{
	struct sn_strbuf *const secrets[] = { &change->password, &change->scram_sha_256,
		&change->scram_sha_1, &change->crypt };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		if (secrets[i]->p != NULL)
			sn_wipe(secrets[i]->p, secrets[i]->cap);
		sn_strbuf_fini(secrets[i]);
	}
	sn_free(change->name);
	sn_free(change);
}

static void cancel_change(struct sn_promise *p)
{
	struct change *change = sn_container_of(p, struct change, promise);

	change->canceled = true;
	sn_waiter_cancel(&change->waiter);
	if (change->hashing)
		sn_offload_cancel(&change->job);
}

/* The thread may still be at it: then on_hashed is the one to free. */
static void free_change(struct sn_promise *p)
{
	struct change *change = sn_container_of(p, struct change, promise);

	change->freed = true;
	if (!change->hashing)
		destroy_change(change);
}

static const struct sn_promise_ops change_ops = { .cancel = cancel_change, .free = free_change };

static void on_written(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct change *change = sn_container_of(waiter, struct change, waiter);

	(void)p;
	sn_promise_resolve(&change->promise, code);
}

static struct sn_sql_value text_of(const struct sn_strbuf *b)
{
	return sn_sql_text(sn_str(sn_strbuf_cstr(b)));
}

static void write_change(struct change *change)
{
	const struct sn_sql_value now = sn_sql_integer(sn_loop_wall(change->context->loop));
	const struct sn_sql add = {
		.text = "INSERT INTO accounts (id, name, scram_sha_256, scram_sha_1, crypt,"
			" disabled, created, changed, last_login)"
			" VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 0)",
		.args = { sn_account_id_sql(&change->id), sn_sql_text(sn_str(change->name)),
			text_of(&change->scram_sha_256), text_of(&change->scram_sha_1),
			text_of(&change->crypt), now, now },
		.arg_count = 7,
		.expect = 1,
	};
	const struct sn_sql set = {
		.text = "UPDATE accounts SET scram_sha_256 = $2, scram_sha_1 = $3, crypt = $4,"
			" changed = $5 WHERE id = $1",
		.args = { sn_account_id_sql(&change->id), text_of(&change->scram_sha_256),
			text_of(&change->scram_sha_1), text_of(&change->crypt), now },
		.arg_count = 5,
		.expect = 1,
	};
	struct sn_promise *p =
		sn_store_write(change->context->store, change->adding ? &add : &set, 1);

	sn_promise_wait(p, &change->waiter, on_written);
}

static int hash(struct sn_job *job)
{
	struct change *change = sn_container_of(job, struct change, job);
	const struct sn_str password = sn_strbuf_str(&change->password);
	struct sn_scram_record record;

	sn_scram_derive(SN_SCRAM_SHA_256, password, SN_SCRAM_ITERATIONS, &record);
	sn_scram_format(&record, &change->scram_sha_256);
	sn_scram_derive(SN_SCRAM_SHA_1, password, SN_SCRAM_ITERATIONS, &record);
	sn_scram_format(&record, &change->scram_sha_1);
	sn_wipe(&record, sizeof(record));
	sn_wipe(change->password.p, change->password.cap);
	return SN_OK;
}

static void on_hashed(struct sn_job *job, int code)
{
	struct change *change = sn_container_of(job, struct change, job);

	change->hashing = false;
	if (change->freed)
		destroy_change(change);
	else if (!change->canceled && code != SN_OK)
		sn_promise_resolve(&change->promise, code);
	else if (!change->canceled)
		write_change(change);
}

/* A hash from elsewhere is kept as it is; clear text becomes records on the pool. */
static int take_secret(struct change *change, struct sn_str password, bool already_hashed)
{
	struct sn_scram_record record;
	int code;

	if (password.n > SN_ACCOUNT_PASSWORD_MAX)
		return SN_ELIMIT;
	if (!already_hashed)
		return sn_saslprep(password, &change->password);
	code = sn_account_hash_check(password, NULL);
	if (code == SN_OK && sn_scram_is_record(password)) {
		code = sn_scram_parse(password, &record);
		sn_strbuf_add(record.hash == SN_SCRAM_SHA_256 ? &change->scram_sha_256
							      : &change->scram_sha_1,
			password);
	} else if (code == SN_OK) {
		sn_strbuf_add(&change->crypt, password);
	}
	return code;
}

static struct change *new_change(const struct sn_auth_context *context, struct sn_str name)
{
	struct change *change = sn_alloc_zero(sizeof(*change));

	change->context = context;
	change->name = sn_str_dup(name);
	sn_strbuf_init(&change->password, 4 * SN_ACCOUNT_PASSWORD_MAX);
	sn_strbuf_init(&change->scram_sha_256, SN_ACCOUNT_PASSWORD_MAX);
	sn_strbuf_init(&change->scram_sha_1, SN_ACCOUNT_PASSWORD_MAX);
	sn_strbuf_init(&change->crypt, SN_ACCOUNT_PASSWORD_MAX);
	change->job.work = hash;
	change->job.done = on_hashed;
	sn_promise_init(context->loop, &change->promise, &change_ops);
	return change;
}

static struct sn_promise *start_change(
	struct change *change, struct sn_str password, bool already_hashed)
{
	int code = SN_OK;

	if (password.p != NULL)
		code = take_secret(change, password, already_hashed);
	if (code == SN_OK && change->password.n > 0) {
		code = sn_offload_run(change->context->pool, change->context->loop, &change->job);
		change->hashing = code == SN_OK;
	} else if (code == SN_OK) {
		write_change(change);
	}
	if (code != SN_OK)
		sn_promise_resolve(&change->promise, code);
	return &change->promise;
}

struct sn_promise *sn_account_add(const struct sn_auth_context *context, struct sn_str name,
	struct sn_str password, bool already_hashed)
{
	struct change *change;
	const int code = sn_account_name_check(name, NULL);

	if (code != SN_OK)
		return sn_account_failed(context, code);
	change = new_change(context, name);
	change->adding = sn_account_id_make(name, &change->id);
	return start_change(change, password, already_hashed);
}

struct sn_promise *sn_account_set_password(const struct sn_auth_context *context,
	struct sn_str name, struct sn_str password, bool already_hashed)
{
	struct sn_account_id id;
	struct change *change;

	if (!sn_account_id_make(name, &id))
		return sn_account_failed(context, SN_ENOTFOUND);
	change = new_change(context, name);
	change->id = id;
	return start_change(change, password, already_hashed);
}

/* --- one transaction -------------------------------------------------------------------------- */

struct sn_promise *sn_account_remove(const struct sn_auth_context *context, struct sn_str name)
{
	struct sn_account_id id;
	struct sn_sql statements[] = {
		{ .text = "DELETE FROM accounts WHERE id = $1", .arg_count = 1, .expect = 1 },
		{ .text = "DELETE FROM account_items WHERE account = $1",
			.arg_count = 1,
			.expect = -1 },
	};

	if (!sn_account_id_make(name, &id))
		return sn_account_failed(context, SN_ENOTFOUND);
	statements[0].args[0] = statements[1].args[0] = sn_account_id_sql(&id);
	return sn_store_write(context->store, statements, 2);
}

struct sn_promise *sn_account_set_disabled(
	const struct sn_auth_context *context, struct sn_str name, bool disabled)
{
	struct sn_account_id id;
	struct sn_sql sql = {
		.text = "UPDATE accounts SET disabled = $2, changed = $3 WHERE id = $1",
		.arg_count = 3,
		.expect = 1,
	};

	if (!sn_account_id_make(name, &id))
		return sn_account_failed(context, SN_ENOTFOUND);
	sql.args[0] = sn_account_id_sql(&id);
	sql.args[1] = sn_sql_integer(disabled);
	sql.args[2] = sn_sql_integer(sn_loop_wall(context->loop));
	return sn_store_write(context->store, &sql, 1);
}
