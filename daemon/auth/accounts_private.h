/* What the files of the accounts share: how names become keys of the tables, how values are told
 * apart, and the row as statements write it. Private to daemon/auth. */
#ifndef SN_DAEMON_AUTH_ACCOUNTS_PRIVATE_H
#define SN_DAEMON_AUTH_ACCOUNTS_PRIVATE_H

#include "daemon/auth/accounts.h"

/* An account's key in the tables: its name prepared and case-folded. The column is a BLOB, so that
 * both engines sort it by its bytes, whatever the database's collation. */
struct sn_account_id {
	char text[SN_ACCOUNT_NAME_MAX + 1];
	size_t n;
};
/* False: no account can have this name. */
bool sn_account_id_make(struct sn_str name, struct sn_account_id *id_r) SN_WARN_UNUSED;
static inline struct sn_sql_value sn_account_id_sql(const struct sn_account_id *id)
{
	return sn_sql_blob(sn_str_n(id->text, id->n));
}

/* "SHA256:..." of an SSH key's wire form, as ssh-keygen -l prints it. */
void sn_account_key_ident(struct sn_str wire, char ident[SN_ACCOUNT_IDENT_SIZE]);
/* Hex of a SHA-256. */
void sn_account_digest_ident(const uint8_t digest[32], char ident[SN_ACCOUNT_IDENT_SIZE]);
/* A promise that has failed already. */
struct sn_promise *sn_account_failed(const struct sn_auth_context *context, int code);

/* The columns of both reads below; a row for each item, and one with a NULL kind if there is none.
 */
enum sn_account_column {
	SN_ACCOUNT_COL_ID,
	SN_ACCOUNT_COL_NAME,
	SN_ACCOUNT_COL_SCRAM_SHA_256,
	SN_ACCOUNT_COL_SCRAM_SHA_1,
	SN_ACCOUNT_COL_CRYPT,
	SN_ACCOUNT_COL_DISABLED,
	SN_ACCOUNT_COL_CREATED,
	SN_ACCOUNT_COL_CHANGED,
	SN_ACCOUNT_COL_LAST_LOGIN,
	SN_ACCOUNT_COL_KIND,
	SN_ACCOUNT_COL_VALUE,
	SN_ACCOUNT_COL_LABEL,
	SN_ACCOUNT_COL_EXPIRES,
	SN_ACCOUNT_COL_ITEM_CREATED,
	SN_ACCOUNT_COL_USED,
};

/*
 * What a login needs of one account: its roles, and the item with this ident (kind
 * SN_ACCOUNT_ROLE: none). id NULL: of the accounts, at most two, that have the item. The store's
 * own promise.
 */
struct sn_promise *sn_account_read_login(const struct sn_auth_context *context,
	const struct sn_account_id *id, enum sn_account_item_kind kind,
	struct sn_str ident) SN_WARN_UNUSED;

#endif
