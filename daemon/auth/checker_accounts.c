/*
 * accounts: the daemon's own database. A login is one read (the account's secrets, its roles, and
 * the one item asked about), then, for a password, one job on the pool; what there is to write goes
 * behind it.
 *
 *   password   the SCRAM record made of it, else the crypt(3) hash; or a token's text. What is
 *              weaker than what sn_account_set_password makes today is replaced when it was right
 *   others     a key, certificate or token that is not here may be another checker's: SN_ENOTFOUND
 */
#include "daemon/auth/accounts_touch.h"
#include "daemon/auth/authorized_keys.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/auth/checkers.h"
#include "daemon/auth/login_cache.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"

#define CACHE_ENTRIES 16384
#define CACHE_LIFETIME SN_SEC(600)

struct accounts_checker {
	struct sn_checker checker; /* first member */
	struct sn_account_touches *touches;
	struct sn_login_cache *cache;
};

/* The account's secrets, as stored. */
struct secrets {
	char *scram_sha_256, *scram_sha_1, *crypt; /* "": none */
};

struct login {
	struct sn_check check;             /* first member */
	struct accounts_checker *accounts; /* not on the thread: it may be closed by then */
	const struct sn_auth_context *context;
	struct sn_waiter waiter;
	struct sn_job job;
	bool hashing; /* the job was accepted and is not done */
	bool canceled, freed;
	enum sn_creds_kind kind;
	enum sn_scram_hash hash;
	struct sn_account_id id; /* n 0: told from the item */
	enum sn_account_item_kind item_kind;
	char ident[SN_ACCOUNT_IDENT_SIZE];
	struct sn_addr peer; /* len 0: not known */
	char *password;
	size_t password_n;
	struct secrets stored, upgraded; /* upgraded: all NULL if there is no need */
	bool known, disabled;
	uint8_t cache_key[SN_SHA256_SIZE];
};

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("auth.accounts");

/* --- memory ----------------------------------------------------------------------------------- */

static void free_secret(char **secret)
{
	if (*secret != NULL)
		sn_wipe(*secret, strlen(*secret));
	sn_free(*secret);
	*secret = NULL;
}

static void free_secrets(struct secrets *secrets)
{
	free_secret(&secrets->scram_sha_256);
	free_secret(&secrets->scram_sha_1);
	free_secret(&secrets->crypt);
}

static void destroy_login(struct login *login)
{
	sn_session_unref(&login->check.session);
	sn_wipe(&login->check.scram, sizeof(login->check.scram));
	if (login->password != NULL)
		sn_wipe(login->password, login->password_n);
	sn_free(login->password);
	free_secrets(&login->stored);
	free_secrets(&login->upgraded);
	sn_free(login);
}

static void cancel_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	login->canceled = true;
	sn_waiter_cancel(&login->waiter);
	if (login->hashing)
		sn_offload_cancel(&login->job);
}

/* The thread may still be at it: then on_hashed is the one to free. */
static void free_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	login->freed = true;
	if (!login->hashing)
		destroy_login(login);
}

static const struct sn_promise_ops login_ops = { .cancel = cancel_login, .free = free_login };

/* --- the end of a login ----------------------------------------------------------------------- */

static void deny(struct login *login, int code)
{
	sn_session_unref(&login->check.session);
	sn_promise_resolve(&login->check.promise, code);
}

/* The credential was right. */
static void let_in(struct login *login)
{
	const struct sn_str token =
		login->item_kind == SN_ACCOUNT_TOKEN ? sn_str(login->ident) : SN_STR_NULL;

	if (login->disabled) {
		deny(login, SN_EDISABLED);
		return;
	}
	sn_account_touch(login->accounts->touches, &login->id, token);
	sn_promise_resolve(&login->check.promise, SN_OK);
}

/* --- password --------------------------------------------------------------------------------- */

static bool is_weak(const char *text)
{
	struct sn_scram_record record;

	return sn_scram_parse(sn_str(text), &record) != SN_OK ||
		record.iterations < SN_SCRAM_ITERATIONS;
}

static char *derive(enum sn_scram_hash hash, struct sn_str password)
{
	struct sn_scram_record record;
	struct sn_strbuf text;

	sn_scram_derive(hash, password, SN_SCRAM_ITERATIONS, &record);
	sn_strbuf_init(&text, SN_ACCOUNT_PASSWORD_MAX);
	sn_scram_format(&record, &text);
	sn_wipe(&record, sizeof(record));
	return sn_strbuf_take(&text);
}

static bool matches_record(const char *text, struct sn_str prepared)
{
	struct sn_scram_record record;
	const bool same = sn_scram_parse(sn_str(text), &record) == SN_OK &&
		sn_scram_verify(&record, prepared);

	sn_wipe(&record, sizeof(record));
	return same;
}

/* crypt(3) hashes are of the bytes as typed, records of the prepared text. */
static bool matches(const struct login *login, struct sn_str prepared)
{
	const struct secrets *stored = &login->stored;

	if (stored->scram_sha_256[0] != '\0')
		return matches_record(stored->scram_sha_256, prepared);
	if (stored->scram_sha_1[0] != '\0')
		return matches_record(stored->scram_sha_1, prepared);
	return stored->crypt[0] != '\0' &&
		sn_password_matches(
			sn_str_n(login->password, login->password_n), sn_str(stored->crypt));
}

/* Nobody with a password here: the work of a wrong one, for nothing. */
static void waste(struct login *login, struct sn_str prepared)
{
	struct sn_scram_record record;

	sn_scram_fake(SN_SCRAM_SHA_256, login->context->secret,
		sn_str_n(login->id.text, login->id.n), &record);
	(void)sn_scram_verify(&record, prepared);
}

static bool has_password(const struct login *login)
{
	return login->known &&
		(login->stored.scram_sha_256[0] != '\0' || login->stored.scram_sha_1[0] != '\0' ||
			login->stored.crypt[0] != '\0');
}

static int verify(struct sn_job *job)
{
	struct login *login = sn_container_of(job, struct login, job);
	const struct sn_str password = sn_str_n(login->password, login->password_n);
	struct sn_strbuf prepared;
	int code = SN_EDENIED;
	bool is_text;

	sn_strbuf_init(&prepared, 4 * SN_ACCOUNT_PASSWORD_MAX);
	is_text = sn_saslprep(password, &prepared) == SN_OK;
	if (!has_password(login)) {
		waste(login, is_text ? sn_strbuf_str(&prepared) : SN_STR("x"));
		code = SN_ENOTFOUND;
	} else if (matches(login, is_text ? sn_strbuf_str(&prepared) : password)) {
		code = SN_OK;
	}
	if (code == SN_OK && is_text &&
		(login->stored.crypt[0] != '\0' || is_weak(login->stored.scram_sha_256) ||
			is_weak(login->stored.scram_sha_1))) {
		login->upgraded.scram_sha_256 = derive(SN_SCRAM_SHA_256, sn_strbuf_str(&prepared));
		login->upgraded.scram_sha_1 = derive(SN_SCRAM_SHA_1, sn_strbuf_str(&prepared));
	}
	if (prepared.p != NULL)
		sn_wipe(prepared.p, prepared.cap);
	sn_strbuf_fini(&prepared);
	return code;
}

/* Only what was compared is replaced: a password set meanwhile stays. */
static void write_upgrade(struct login *login)
{
	const struct sn_sql sql = {
		.text = "UPDATE accounts SET scram_sha_256 = $2, scram_sha_1 = $3, crypt = ''"
			" WHERE id = $1 AND scram_sha_256 = $4 AND scram_sha_1 = $5 AND crypt = $6",
		.args = { sn_account_id_sql(&login->id),
			sn_sql_text(sn_str(login->upgraded.scram_sha_256)),
			sn_sql_text(sn_str(login->upgraded.scram_sha_1)),
			sn_sql_text(sn_str(login->stored.scram_sha_256)),
			sn_sql_text(sn_str(login->stored.scram_sha_1)),
			sn_sql_text(sn_str(login->stored.crypt)) },
		.arg_count = 6,
		.expect = -1,
	};

	sn_account_write_behind(login->accounts->touches, &sql, 1);
	sn_log(&log_ctx, SN_LOG_INFO, "password-rehashed",
		sn_f_str("account", login->check.session->account));
}

static void on_hashed(struct sn_job *job, int code)
{
	struct login *login = sn_container_of(job, struct login, job);

	login->hashing = false;
	if (login->freed) {
		destroy_login(login);
		return;
	}
	if (login->canceled)
		return;
	if (code != SN_OK) {
		deny(login, code);
		return;
	}
	sn_login_cache_add(login->accounts->cache, login->cache_key);
	if (login->upgraded.scram_sha_256 != NULL)
		write_upgrade(login);
	let_in(login);
}

static void hash(struct login *login)
{
	int code;

	login->job.work = verify;
	login->job.done = on_hashed;
	code = sn_offload_run(login->context->pool, login->context->loop, &login->job);
	login->hashing = code == SN_OK;
	if (code != SN_OK)
		deny(login, code);
}

/* All of what is stored: a change of any of it makes another key. */
static void make_cache_key(struct login *login)
{
	char *stored = sn_asprintf("%s\n%s\n%s", login->stored.scram_sha_256,
		login->stored.scram_sha_1, login->stored.crypt);

	sn_login_cache_key(login->accounts->cache, sn_str_n(login->id.text, login->id.n),
		sn_str_n(login->password, login->password_n), sn_str(stored), login->cache_key);
	free_secret(&stored);
}

static void check_password(struct login *login)
{
	if (has_password(login)) {
		make_cache_key(login);
		if (sn_login_cache_has(login->accounts->cache, login->cache_key)) {
			let_in(login);
			return;
		}
	}
	hash(login);
}

/* --- what was read ---------------------------------------------------------------------------- */

static char *cell_dup(const struct sn_sql_rows *rows, size_t row, enum sn_account_column column)
{
	return sn_str_dup(sn_sql_cell(rows, row, column)->bytes);
}

/* The row of the item asked about, or rows->rows. Roles go to the session. */
static size_t take_items(struct login *login, const struct sn_sql_rows *rows)
{
	size_t found = rows->rows;

	for (size_t row = 0; row < rows->rows; row++) {
		const struct sn_sql_value *kind = sn_sql_cell(rows, row, SN_ACCOUNT_COL_KIND);

		if (kind->type == SN_SQL_NULL)
			continue;
		if (kind->integer == SN_ACCOUNT_ROLE)
			sn_session_add_role(login->check.session,
				sn_sql_cell(rows, row, SN_ACCOUNT_COL_VALUE)->bytes);
		else
			found = row;
	}
	return found;
}

static void take_account(struct login *login, const struct sn_sql_rows *rows)
{
	const struct sn_str id = sn_sql_cell(rows, 0, SN_ACCOUNT_COL_ID)->bytes;

	login->known = true;
	login->id.n = sn_str_sub(id, 0, SN_ACCOUNT_NAME_MAX).n;
	memcpy(login->id.text, id.p, login->id.n);
	login->stored.scram_sha_256 = cell_dup(rows, 0, SN_ACCOUNT_COL_SCRAM_SHA_256);
	login->stored.scram_sha_1 = cell_dup(rows, 0, SN_ACCOUNT_COL_SCRAM_SHA_1);
	login->stored.crypt = cell_dup(rows, 0, SN_ACCOUNT_COL_CRYPT);
	login->disabled = sn_sql_cell(rows, 0, SN_ACCOUNT_COL_DISABLED)->integer != 0;
	login->check.session = sn_session_new(
		sn_sql_cell(rows, 0, SN_ACCOUNT_COL_NAME)->bytes, sn_checker_accounts.name);
}

static void answer_scram(struct login *login)
{
	const char *text = login->hash == SN_SCRAM_SHA_256 ? login->stored.scram_sha_256
							   : login->stored.scram_sha_1;

	if (login->disabled)
		deny(login, SN_EDISABLED);
	else if (sn_scram_parse(sn_str(text), &login->check.scram) != SN_OK)
		deny(login, SN_ENOTFOUND);
	else
		sn_promise_resolve(&login->check.promise, SN_OK);
}

/* As for a line of authorized_keys(5): what it says of this login is decided here. */
static int apply_key_options(struct login *login, struct sn_str written, struct sn_diag *diag)
{
	struct sn_strbuf left;
	int code;

	sn_strbuf_init(&left, written.n + 1);
	code = sn_authorized_options(written, login->peer.len > 0 ? &login->peer : NULL,
		sn_loop_wall(login->check.promise.loop), &left, diag);
	if (code == SN_OK)
		sn_session_set_options(login->check.session, sn_strbuf_str(&left));
	sn_strbuf_fini(&left);
	return code;
}

static int take_key_options(struct login *login, struct sn_str line)
{
	struct sn_authorized_key *key = sn_alloc(sizeof(*key));
	struct sn_diag diag = { 0 };
	int code = sn_authorized_key_parse(line, key, &diag);

	if (code == SN_OK)
		code = apply_key_options(login, key->options, &diag);
	sn_free(key);
	if (code == SN_OK)
		return SN_OK;
	sn_log(&log_ctx, SN_LOG_INFO, "key-refused",
		sn_f_str("account", login->check.session->account), sn_f_cstr("reason", diag.text));
	return SN_EDENIED;
}

/* SN_OK: the item is good for a login. */
static int take_item(struct login *login, const struct sn_sql_rows *rows, size_t row)
{
	const int64_t expires = sn_sql_cell(rows, row, SN_ACCOUNT_COL_EXPIRES)->integer;

	if (login->item_kind == SN_ACCOUNT_KEY)
		return take_key_options(login, sn_sql_cell(rows, row, SN_ACCOUNT_COL_VALUE)->bytes);
	login->check.session->expires = expires;
	return expires != 0 && expires <= sn_loop_wall(login->check.promise.loop) ? SN_EDENIED
										  : SN_OK;
}

/* Two accounts have the same certificate, and the client did not say which it wants to be. */
static bool is_ambiguous(const struct sn_sql_rows *rows)
{
	return !sn_str_eq(sn_sql_cell(rows, 0, SN_ACCOUNT_COL_ID)->bytes,
		sn_sql_cell(rows, rows->rows - 1, SN_ACCOUNT_COL_ID)->bytes);
}

static void decide(struct login *login, const struct sn_sql_rows *rows)
{
	size_t item;
	int code;

	take_account(login, rows);
	item = take_items(login, rows);
	if (login->kind == SN_CREDS_SCRAM) {
		answer_scram(login);
		return;
	}
	code = item < rows->rows ? take_item(login, rows, item) : SN_ENOTFOUND;
	if (code == SN_OK) {
		let_in(login);
	} else if (login->kind == SN_CREDS_PASSWORD && code == SN_ENOTFOUND) {
		login->item_kind = SN_ACCOUNT_ROLE; /* it is no token */
		check_password(login);
	} else {
		deny(login, code);
	}
}

static void on_read(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct login *login = sn_container_of(waiter, struct login, waiter);
	const struct sn_sql_rows *rows = code == SN_OK ? sn_store_rows(p, 0) : NULL;

	if (code != SN_OK)
		deny(login, code == SN_EBUSY ? SN_EBUSY : SN_EUNAVAILABLE);
	else if (rows->rows > 0 && is_ambiguous(rows))
		deny(login, SN_EDENIED);
	else if (rows->rows > 0)
		decide(login, rows);
	else if (login->kind == SN_CREDS_PASSWORD)
		hash(login); /* to take its time */
	else
		deny(login, SN_ENOTFOUND);
}

/* --- the question ----------------------------------------------------------------------------- */

static void name_item(struct login *login, const struct sn_creds *creds)
{
	switch (creds->kind) {
	case SN_CREDS_PASSWORD:
		login->item_kind = SN_ACCOUNT_TOKEN;
		sn_account_token_ident(creds->password, login->ident);
		break;
	case SN_CREDS_TOKEN:
		login->item_kind = SN_ACCOUNT_TOKEN;
		sn_account_token_ident(creds->token, login->ident);
		break;
	case SN_CREDS_PUBLICKEY:
		login->item_kind = SN_ACCOUNT_KEY;
		sn_account_key_ident(creds->key, login->ident);
		break;
	case SN_CREDS_CERTIFICATE:
		login->item_kind = SN_ACCOUNT_CERTIFICATE;
		sn_account_digest_ident(creds->fingerprint, login->ident);
		break;
	default:
		login->item_kind = SN_ACCOUNT_ROLE;
		break;
	}
}

static struct login *new_login(struct accounts_checker *accounts, const struct sn_creds *creds)
{
	struct login *login = sn_alloc_zero(sizeof(*login));

	login->accounts = accounts;
	login->context = accounts->checker.context;
	login->kind = creds->kind;
	login->hash = creds->hash;
	if (creds->peer != NULL)
		login->peer = *creds->peer;
	if (creds->kind == SN_CREDS_PASSWORD) {
		login->password = sn_str_dup(creds->password);
		login->password_n = creds->password.n;
	}
	name_item(login, creds);
	sn_promise_init(login->context->loop, &login->check.promise, &login_ops);
	return login;
}

static int check_accounts(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct accounts_checker *accounts =
		sn_container_of(checker, struct accounts_checker, checker);
	const bool by_item = creds->account.n == 0 &&
		(creds->kind == SN_CREDS_TOKEN || creds->kind == SN_CREDS_CERTIFICATE);
	struct sn_account_id id = { .n = 0 };
	struct login *login;

	(void)session_r;
	if (creds->password.n > SN_ACCOUNT_PASSWORD_MAX)
		return SN_EDENIED;
	login = new_login(accounts, creds);
	*promise_r = &login->check.promise;
	if (by_item || sn_account_id_make(creds->account, &id)) {
		login->id = id;
		sn_promise_wait(sn_account_read_login(checker->context, by_item ? NULL : &id,
					login->item_kind, sn_str(login->ident)),
			&login->waiter, on_read);
	} else if (creds->kind == SN_CREDS_PASSWORD) {
		hash(login);
	} else {
		deny(login, SN_ENOTFOUND);
	}
	return SN_PENDING;
}

static void on_proved(struct sn_checker *checker, const struct sn_session *session)
{
	struct accounts_checker *accounts =
		sn_container_of(checker, struct accounts_checker, checker);
	struct sn_account_id id;

	if (sn_account_id_make(session->account, &id))
		sn_account_touch(accounts->touches, &id, SN_STR_NULL);
}

static void close_accounts(struct sn_checker *checker)
{
	struct accounts_checker *accounts =
		sn_container_of(checker, struct accounts_checker, checker);

	sn_account_touches_free(&accounts->touches);
	sn_login_cache_free(&accounts->cache);
	sn_free(accounts);
}

static int open_accounts(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct accounts_checker *accounts;

	if (arg.n > 0)
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"accounts takes nothing behind its name: the accounts are in the daemon's "
			"database (`sennit user`)");
	if (context->store == NULL)
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0, "there is no database of accounts: %s",
			context->store_missing != NULL ? context->store_missing
						       : "none was opened");
	accounts = sn_alloc_zero(sizeof(*accounts));
	accounts->checker.type = &sn_checker_accounts;
	accounts->touches = sn_account_touches_new(context);
	accounts->cache =
		sn_login_cache_new(sn_loop_clock(context->loop), CACHE_ENTRIES, CACHE_LIFETIME);
	*checker_r = &accounts->checker;
	return SN_OK;
}

const struct sn_checker_type sn_checker_accounts = {
	.size = sizeof(struct sn_checker_type),
	.name = "accounts",
	.arg_help = "",
	.doc = "The daemon's own database: passwords, SSH keys, certificates and app tokens of one "
	       "account per person, kept with `sennit user`. A token works as a password too.",
	.kinds = SN_CREDS_PASSWORD | SN_CREDS_SCRAM | SN_CREDS_PUBLICKEY | SN_CREDS_CERTIFICATE |
		SN_CREDS_TOKEN,
	.open = open_accounts,
	.check = check_accounts,
	.close = close_accounts,
	.proved = on_proved,
};
