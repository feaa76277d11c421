/*
 * Accounts as JSON, for export, import and --json. Times are text,
 * "2026-11-20T11:05:46.123456789Z"; what is empty, 0 or false is left out. An item is an object, or
 * (reading) just its value:
 *
 *   {"name": "alice", "scram_sha_256": "SCRAM-SHA-256$...", "scram_sha_1": ..., "crypt": ...,
 *    "disabled": true, "created": TIME, "changed": TIME, "last_login": TIME,
 *    "roles": [{"role": "ops", "created": TIME}],
 *    "keys": [{"key": "ssh-ed25519 AAAA... laptop", "label": "laptop", "created": TIME}],
 *    "certificates": [{"sha256": HEX, ...}],
 *    "tokens": [{"sha256": HEX, "label": "phone", "expires": TIME, "used": TIME, ...}]}
 */
#ifndef SN_DAEMON_CLI_ACCOUNTS_JSON_H
#define SN_DAEMON_CLI_ACCOUNTS_JSON_H

#include <jansson.h>

#include "daemon/auth/accounts.h"
#include "daemon/base/pool.h"

/* A new reference. secrets: all that an import needs; else what people may see: no hashes, but
 * "password": ["SCRAM-SHA-256", "SCRAM-SHA-1", "crypt"], and the fingerprint of each key. */
json_t *sn_account_to_json(const struct sn_account *account, bool secrets);
/* Views into pool and value. SN_ESYNTAX with text in *diag: no object, an unknown field, a value of
 * another type, no name. What the values say is not looked at (sn_account_check). */
int sn_account_from_json(json_t *value, int64_t now, struct sn_pool *pool,
	struct sn_account *account_r, struct sn_diag *diag) SN_WARN_UNUSED;

/* "2026-11-20T11:05:46.5Z", "2026-11-20T11:05:46Z", or a day alone; UTC. SN_ESYNTAX, SN_ERANGE. */
int sn_parse_time(struct sn_str text, int64_t *wall_r) SN_WARN_UNUSED;

#endif
