/*
 * Accounts: the daemon's own database of people, used by the checker `accounts`, by `sennit user`,
 * by export and import, and later by protocols that let people register. Everything is a promise of
 * the store (store.h): results SN_OK, SN_EDUPLICATE (name, item or token taken), SN_ENOTFOUND,
 * SN_ELIMIT, SN_EENCODING, SN_EMISSING (empty), SN_ESYNTAX (no such hash, key, digest), and the
 * store's own.
 *
 * An account has a name (prepared with SASLprep and case-folded for comparison, shown as given), at
 * most one SCRAM-SHA-256 record and one SCRAM-SHA-1 record made from the same password, or an
 * imported crypt(3) hash that is upgraded at the first PLAIN login; SSH public keys; certificate
 * fingerprints; app tokens (only their SHA-256 is kept); roles; a disabled mark.
 *
 * Hashing costs milliseconds and runs on the context's pool; a full queue is SN_EBUSY.
 */
#ifndef SN_DAEMON_AUTH_ACCOUNTS_H
#define SN_DAEMON_AUTH_ACCOUNTS_H

#include "daemon/auth/checker.h"
#include "daemon/store/store.h"

#define SN_ACCOUNT_NAME_MAX 64 /* bytes, as given and prepared */
#define SN_ACCOUNT_PASSWORD_MAX 1024
#define SN_ACCOUNT_ITEMS_MAX 64  /* keys, certificates, tokens, roles: of each */
#define SN_ACCOUNT_TOKEN_SIZE 48 /* of a new token's text, with its end */

extern const struct sn_store_schema sn_accounts_schema;

/* Is the name possible? Letters, digits and marks of any script, '.', '_', '-'; neither '.' nor '-'
 * at its beginning; nothing that Nodeprep (RFC 3920 A) forbids. Text in *diag. */
int sn_account_name_check(struct sn_str name, struct sn_diag *diag) SN_WARN_UNUSED;

/* password: clear text, or (already_hashed) a SCRAM record or crypt(3) hash. NULL p: none, only
 * keys, certificates and tokens let in. */
struct sn_promise *sn_account_add(const struct sn_auth_context *context, struct sn_str name,
	struct sn_str password, bool already_hashed) SN_WARN_UNUSED;
struct sn_promise *sn_account_set_password(const struct sn_auth_context *context,
	struct sn_str name, struct sn_str password, bool already_hashed) SN_WARN_UNUSED;
struct sn_promise *sn_account_remove(
	const struct sn_auth_context *context, struct sn_str name) SN_WARN_UNUSED;
struct sn_promise *sn_account_set_disabled(
	const struct sn_auth_context *context, struct sn_str name, bool disabled) SN_WARN_UNUSED;

/* What an account may have several of. */
enum sn_account_item_kind {
	SN_ACCOUNT_ROLE,        /* value: the role's name */
	SN_ACCOUNT_KEY,         /* value: one authorized_keys(5) line, options included */
	SN_ACCOUNT_CERTIFICATE, /* value: SHA-256 fingerprint, hex with or without colons */
	SN_ACCOUNT_TOKEN,       /* value: SHA-256 of the token; label says what for */
};
struct sn_account_item {
	enum sn_account_item_kind kind;
	struct sn_str value, label;
	int64_t expires;       /* wall ns; 0: never. Tokens */
	int64_t created, used; /* wall ns; used 0: never */
};
struct sn_promise *sn_account_add_item(const struct sn_auth_context *context, struct sn_str name,
	const struct sn_account_item *item) SN_WARN_UNUSED;
/* By value, label, or an SSH key's fingerprint ("SHA256:..."): all that match. */
struct sn_promise *sn_account_remove_item(const struct sn_auth_context *context, struct sn_str name,
	enum sn_account_item_kind kind, struct sn_str which) SN_WARN_UNUSED;
/*
 * What tells two items of one kind apart: a role's name, a key's fingerprint ("SHA256:...", as
 * ssh-keygen prints it), a certificate's or token's SHA-256 (lower case hex). Checks the item on
 * the way: SN_ESYNTAX, SN_ELIMIT, SN_EENCODING, SN_EMISSING, SN_EUNSUPPORTED, with text in *diag.
 */
#define SN_ACCOUNT_IDENT_SIZE 72
int sn_account_item_ident(const struct sn_account_item *item, char ident[SN_ACCOUNT_IDENT_SIZE],
	struct sn_diag *diag) SN_WARN_UNUSED;
/* Of a token's text. */
void sn_account_token_ident(struct sn_str token, char ident[SN_ACCOUNT_IDENT_SIZE]);

/* Can it be a stored secret? SN_ESYNTAX with text in *diag: neither a SCRAM record nor a crypt(3)
 * hash that this machine can compute. */
int sn_account_hash_check(struct sn_str hash, struct sn_diag *diag) SN_WARN_UNUSED;

/* A random token's text ("sn_" and 43 characters of base64url); give its owner the text once. */
void sn_account_new_token(char text[SN_ACCOUNT_TOKEN_SIZE]);

struct sn_account {
	struct sn_str name;
	struct sn_str scram_sha_256, scram_sha_1, crypt; /* empty: none */
	bool disabled;
	int64_t created, changed, last_login; /* wall ns */
	struct sn_account_item *items;
	size_t item_count;
};
/* One account, or (empty name) the first `count` behind `after`, in order of their folded names. */
struct sn_promise *sn_account_read(const struct sn_auth_context *context, struct sn_str name,
	struct sn_str after, size_t count) SN_WARN_UNUSED;
/* The i-th of what sn_account_read found, during the waiter's call; NULL at the end. */
const struct sn_account *sn_account_at(struct sn_promise *p, size_t i);

#endif
