/*
 * Import of whole accounts, as export wrote them: all of them or none. Rows wait in tables of their
 * own, in as many transactions as it takes, until one transaction takes them all over; what an
 * import that never ended left behind is removed by the next one after a day. Blocks: tools.
 */
#ifndef SN_DAEMON_AUTH_ACCOUNTS_IMPORT_H
#define SN_DAEMON_AUTH_ACCOUNTS_IMPORT_H

#include "daemon/auth/accounts.h"

struct sn_account_import;

/* Can these be an account and its items? SN_EENCODING, SN_ESYNTAX, SN_ELIMIT, SN_EMISSING,
 * SN_EDUPLICATE (an item twice), SN_EUNSUPPORTED; text in *diag. */
int sn_account_check(const struct sn_account *account, struct sn_diag *diag) SN_WARN_UNUSED;

struct sn_account_import *sn_account_import_new(const struct sn_auth_context *context);
/* What was not committed is forgotten. */
void sn_account_import_free(struct sn_account_import **import);
/* The account is checked and copied. SN_EDUPLICATE: this import has one of that name already. A
 * refused account leaves the import as it was; the store's own codes end it. */
int sn_account_import_add(struct sn_account_import *import, const struct sn_account *account,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* SN_EDUPLICATE: an account of that name exists (and not `update`), or a token belongs to another
 * account: nothing was changed. update: accounts that exist become as imported. */
int sn_account_import_commit(struct sn_account_import *import, bool update) SN_WARN_UNUSED;

#endif
