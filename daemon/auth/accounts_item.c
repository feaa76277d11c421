/* What an account may have several of: roles, keys, certificates, tokens. */
#include <crypt.h>

#include "daemon/auth/accounts_private.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/auth/checkers.h"
#include "daemon/auth/digest.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define LABEL_MAX 200
#define TOKEN_BYTES 32

_Static_assert(sizeof("sn_") + (TOKEN_BYTES * 4 + 2) / 3 <= SN_ACCOUNT_TOKEN_SIZE, "token's text");

void sn_account_new_token(char text[SN_ACCOUNT_TOKEN_SIZE])
{
	uint8_t secret[TOKEN_BYTES];
	struct sn_strbuf b;

	sn_random(secret, sizeof(secret));
	sn_strbuf_fixed(&b, text, SN_ACCOUNT_TOKEN_SIZE);
	sn_strbuf_adds(&b, "sn_");
	sn_base64url_encode(&b, sn_str_n(secret, sizeof(secret)));
	sn_wipe(secret, sizeof(secret));
}

/* --- idents ----------------------------------------------------------------------------------- */

void sn_account_digest_ident(
	const uint8_t digest[SN_SHA256_SIZE], char ident[SN_ACCOUNT_IDENT_SIZE])
{
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, ident, SN_ACCOUNT_IDENT_SIZE);
	sn_hex_encode(&b, sn_str_n(digest, SN_SHA256_SIZE));
}

void sn_account_token_ident(struct sn_str token, char ident[SN_ACCOUNT_IDENT_SIZE])
{
	uint8_t digest[SN_SHA256_SIZE];

	sn_sha256(token, digest);
	sn_account_digest_ident(digest, ident);
}

void sn_account_key_ident(struct sn_str wire, char ident[SN_ACCOUNT_IDENT_SIZE])
{
	uint8_t digest[SN_SHA256_SIZE];
	struct sn_strbuf b;

	sn_sha256(wire, digest);
	sn_strbuf_fixed(&b, ident, SN_ACCOUNT_IDENT_SIZE);
	sn_strbuf_adds(&b, "SHA256:");
	sn_base64_encode(&b, sn_str_n(digest, sizeof(digest)));
	while (b.n > 0 && b.p[b.n - 1] == '=')
		sn_strbuf_truncate(&b, b.n - 1);
}

static int role_ident(struct sn_str role, char ident[SN_ACCOUNT_IDENT_SIZE], struct sn_diag *diag)
{
	struct sn_strbuf b;

	if (role.n == 0 || role.n > SN_ACCOUNT_NAME_MAX)
		return sn_diag_set(diag, role.n == 0 ? SN_EMISSING : SN_ELIMIT, 0,
			"a role's name has 1 to %d characters", SN_ACCOUNT_NAME_MAX);
	for (size_t i = 0; i < role.n; i++) {
		if (!sn_ascii_alpha(role.p[i]) && !sn_ascii_digit(role.p[i]) &&
			strchr("-_.", role.p[i]) == NULL)
			return sn_diag_set(diag, SN_ESYNTAX, i + 1,
				"a role's name has letters (a to z), digits, '-', '_' and '.'");
	}
	sn_strbuf_fixed(&b, ident, SN_ACCOUNT_IDENT_SIZE);
	sn_strbuf_add(&b, role);
	return SN_OK;
}

static int key_ident(struct sn_str line, char ident[SN_ACCOUNT_IDENT_SIZE], struct sn_diag *diag)
{
	struct sn_authorized_key *key = sn_alloc(sizeof(*key));
	struct sn_str name, value, rest;
	int code = sn_authorized_key_parse(line, key, diag);

	rest = code == SN_OK ? key->options : SN_STR_NULL;
	while (code == SN_OK && sn_authorized_key_option(&rest, &name, &value)) {
		if (sn_str_eq_nocase(name, SN_STR("cert-authority")))
			code = sn_diag_set(diag, SN_EUNSUPPORTED, 0,
				"an account holds keys of people, not of certificate authorities");
	}
	if (code == SN_OK)
		sn_account_key_ident(sn_str_n(key->wire, key->wire_n), ident);
	sn_free(key);
	return code;
}

/* Hex with or without colons, any case: as `openssl x509 -fingerprint -sha256` or anything else
 * prints it. */
static int digest_ident(struct sn_str text, const char *what, char ident[SN_ACCOUNT_IDENT_SIZE],
	struct sn_diag *diag)
{
	uint8_t digest[SN_SHA256_SIZE];
	char hex[2 * SN_SHA256_SIZE + 1];
	struct sn_strbuf b;
	size_t n = 0;

	sn_strbuf_fixed(&b, hex, sizeof(hex));
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != ':')
			sn_strbuf_addc(&b, text.p[i]);
	}
	if (b.err != SN_OK ||
		sn_hex_decode(sn_strbuf_str(&b), digest, sizeof(digest), &n) != SN_OK ||
		n != sizeof(digest))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"%s is 64 hexadecimal digits, with or without colons", what);
	sn_account_digest_ident(digest, ident);
	return SN_OK;
}

static bool is_printable(struct sn_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (((unsigned char)text.p[i] < 0x20 && text.p[i] != '\t') || text.p[i] == 0x7f)
			return false;
	}
	return sn_utf8_valid(text);
}

int sn_account_item_ident(
	const struct sn_account_item *item, char ident[SN_ACCOUNT_IDENT_SIZE], struct sn_diag *diag)
{
	if (item->label.n > LABEL_MAX)
		return sn_diag_set(diag, SN_ELIMIT, 0, "a label has at most %d bytes", LABEL_MAX);
	if (!is_printable(item->label) || !is_printable(item->value))
		return sn_diag_set(
			diag, SN_EENCODING, 0, "only printable text (UTF-8) can be kept");
	switch (item->kind) {
	case SN_ACCOUNT_ROLE:
		return role_ident(item->value, ident, diag);
	case SN_ACCOUNT_KEY:
		return key_ident(item->value, ident, diag);
	case SN_ACCOUNT_CERTIFICATE:
		return digest_ident(
			item->value, "a certificate's SHA-256 fingerprint", ident, diag);
	case SN_ACCOUNT_TOKEN:
		return digest_ident(item->value, "a token's SHA-256", ident, diag);
	}
	sn_unreachable();
}

/* A cut hash would never match, and crypt(3) looks at the salt only. */
static bool is_whole_hash(struct sn_str hash)
{
	static const struct {
		const char *prefix;
		size_t last; /* characters behind the last '$' */
	} methods[] = { { "$y$", 43 }, { "$gy$", 43 }, { "$7$", 43 }, { "$2", 53 }, { "$6$", 86 },
		{ "$5$", 43 }, { "$1$", 22 }, { "$md5", 22 }, { "$sha1$", 28 }, { "$3$", 32 } };
	size_t last = 0;

	while (last < hash.n && hash.p[hash.n - 1 - last] != '$')
		last++;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (sn_str_starts(hash, sn_str(methods[i].prefix)))
			return last == methods[i].last;
	}
	return last > 0;
}

/* Also the crypt(3) methods this machine does not know: such a hash would never match. */
int sn_account_hash_check(struct sn_str hash, struct sn_diag *diag)
{
	struct sn_scram_record record;
	char *setting;
	int known;

	if (sn_scram_is_record(hash)) {
		const int code = sn_scram_parse(hash, &record);

		return code == SN_OK
			? SN_OK
			: sn_diag_set(diag, code, 0, "this SCRAM record is malformed: %s",
				  sn_strerror(code));
	}
	setting = sn_str_dup(hash);
	known = crypt_checksalt(setting);
	sn_wipe(setting, hash.n);
	sn_free(setting);
	if (hash.n < SN_ACCOUNT_PASSWORD_MAX && is_printable(hash) && sn_password_is_hash(hash) &&
		is_whole_hash(hash) && known != CRYPT_SALT_INVALID &&
		known != CRYPT_SALT_METHOD_DISABLED)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, 0,
		"this is neither a crypt(3) hash such as \"$y$j9T$...\" nor a SCRAM record such as "
		"\"SCRAM-SHA-256$10000:...\"");
}

/* --- changes ---------------------------------------------------------------------------------- */

/* A transaction whose count of rows in its last statement decides. */
struct item_change {
	struct sn_promise promise;
	struct sn_waiter waiter;
	size_t last;
	int if_none; /* the code when no row was changed */
};

static void cancel_item_change(struct sn_promise *p)
{
	sn_waiter_cancel(&sn_container_of(p, struct item_change, promise)->waiter);
}

static void free_item_change(struct sn_promise *p)
{
	sn_free(sn_container_of(p, struct item_change, promise));
}

static const struct sn_promise_ops item_change_ops = {
	.cancel = cancel_item_change,
	.free = free_item_change,
};

static void on_written(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct item_change *change = sn_container_of(waiter, struct item_change, waiter);

	if (code == SN_OK && sn_store_rows(p, change->last)->changed == 0)
		code = change->if_none;
	sn_promise_resolve(&change->promise, code);
}

static struct sn_promise *write_items(const struct sn_auth_context *context,
	const struct sn_sql *statements, size_t count, int if_none)
{
	struct item_change *change = sn_alloc_zero(sizeof(*change));

	change->last = count - 1;
	change->if_none = if_none;
	sn_promise_init(context->loop, &change->promise, &item_change_ops);
	sn_promise_wait(
		sn_store_write(context->store, statements, count), &change->waiter, on_written);
	return &change->promise;
}

static struct sn_sql touch(const struct sn_auth_context *context, const struct sn_account_id *id)
{
	return (struct sn_sql){
		.text = "UPDATE accounts SET changed = $2 WHERE id = $1",
		.args = { sn_account_id_sql(id), sn_sql_integer(sn_loop_wall(context->loop)) },
		.arg_count = 2,
		.expect = 1,
	};
}

/* A key's own comment is its label, unless one is given. */
static struct sn_str label_of(const struct sn_account_item *item)
{
	struct sn_authorized_key *key;
	struct sn_str label = item->label.n > 0 ? item->label : SN_STR("");

	if (item->kind != SN_ACCOUNT_KEY || item->label.n > 0)
		return label;
	key = sn_alloc(sizeof(*key));
	if (sn_authorized_key_parse(item->value, key, NULL) == SN_OK && key->comment.n > 0)
		label = sn_str_sub(key->comment, 0, sn_utf8_prefix(key->comment, LABEL_MAX));
	sn_free(key);
	return label;
}

struct sn_promise *sn_account_add_item(const struct sn_auth_context *context, struct sn_str name,
	const struct sn_account_item *item)
{
	char ident[SN_ACCOUNT_IDENT_SIZE];
	struct sn_account_id id;
	struct sn_sql statements[2];
	const int64_t now = sn_loop_wall(context->loop);
	const bool is_digest =
		item->kind == SN_ACCOUNT_CERTIFICATE || item->kind == SN_ACCOUNT_TOKEN;
	const int code = sn_account_item_ident(item, ident, NULL);

	if (code != SN_OK)
		return sn_account_failed(context, code);
	if (!sn_account_id_make(name, &id))
		return sn_account_failed(context, SN_ENOTFOUND);
	statements[0] = touch(context, &id);
	statements[1] = (struct sn_sql){
		.text = "INSERT INTO account_items (account, kind, ident, value, label, expires,"
			" created, used)"
			" SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM accounts WHERE id = $1 AND"
			" (SELECT count(*) FROM account_items WHERE account = $1 AND kind = $2)"
			" < $9",
		.args = { sn_account_id_sql(&id), sn_sql_integer(item->kind),
			sn_sql_blob(sn_str(ident)),
			sn_sql_text(is_digest ? sn_str(ident) : sn_str_trim(item->value)),
			sn_sql_text(label_of(item)), sn_sql_integer(item->expires),
			sn_sql_integer(item->created != 0 ? item->created : now),
			sn_sql_integer(item->used), sn_sql_integer(SN_ACCOUNT_ITEMS_MAX) },
		.arg_count = 9,
		.expect = -1,
	};
	return write_items(context, statements, 2, SN_ELIMIT);
}

struct sn_promise *sn_account_remove_item(const struct sn_auth_context *context, struct sn_str name,
	enum sn_account_item_kind kind, struct sn_str which)
{
	const struct sn_account_item item = { .kind = kind, .value = which };
	char ident[SN_ACCOUNT_IDENT_SIZE] = "";
	struct sn_account_id id;
	struct sn_sql statements[2];

	if (!sn_account_id_make(name, &id) || which.n == 0 || !is_printable(which))
		return sn_account_failed(context, SN_ENOTFOUND);
	/* Not every label can be a value, and a key's fingerprint is no key. */
	if (sn_account_item_ident(&item, ident, NULL) != SN_OK && which.n < sizeof(ident))
		memcpy(ident, which.p, which.n);
	statements[0] = touch(context, &id);
	statements[1] = (struct sn_sql){
		.text = "DELETE FROM account_items WHERE account = $1 AND kind = $2 AND"
			" (ident = $3 OR label = $4)",
		.args = { sn_account_id_sql(&id), sn_sql_integer(kind), sn_sql_blob(sn_str(ident)),
			sn_sql_text(which) },
		.arg_count = 4,
		.expect = -1,
	};
	return write_items(context, statements, 2, SN_ENOTFOUND);
}
