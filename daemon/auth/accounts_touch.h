/*
 * When an account logged in last, and a token was used last: remembered here and written some
 * seconds later in one transaction, so that a login waits for no disk and a storm of them writes
 * each account once. Times are exact to a minute. Private to daemon/auth.
 */
#ifndef SN_DAEMON_AUTH_ACCOUNTS_TOUCH_H
#define SN_DAEMON_AUTH_ACCOUNTS_TOUCH_H

#include "daemon/auth/accounts_private.h"

struct sn_account_touches;

struct sn_account_touches *sn_account_touches_new(const struct sn_auth_context *context);
/* Hands what is remembered to the store. */
void sn_account_touches_free(struct sn_account_touches **touches);
/* A login now; token: the ident of the token that was used, or empty. */
void sn_account_touch(
	struct sn_account_touches *touches, const struct sn_account_id *id, struct sn_str token);
/* Write without waiting for the answer; failures are logged. */
void sn_account_write_behind(
	struct sn_account_touches *touches, const struct sn_sql *statements, size_t count);

#endif
