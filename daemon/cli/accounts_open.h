/*
 * What the verbs about accounts share: the database they work on, beside a running daemon or
 * without one. It is the one that `sennit run` would use here: --store URL, else the file in
 * --state DIR, else what the configuration says (--config FILE, ./sennit.toml,
 * /etc/sennit/sennit.toml), else the file in the default state directory. Made at its first use.
 */
#ifndef SN_DAEMON_CLI_ACCOUNTS_OPEN_H
#define SN_DAEMON_CLI_ACCOUNTS_OPEN_H

#include "daemon/auth/accounts.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"

struct sn_cli_place {
	const char *config, *state, *store;
};
/* Rows of struct sn_cli_option for a place. */
#define SN_CLI_PLACE_OPTIONS(place) \
	{ "config", "FILE", NULL, &(place)->config }, { "state", "DIR", NULL, &(place)->state }, \
	{ \
		"store", "URL", NULL, &(place)->store \
	}
#define SN_CLI_PLACE_HELP \
	"  --state DIR      the state directory, with the database sennit.db in it\n" \
	"  --store URL      another database: sqlite:PATH or postgresql://...\n" \
	"  --config FILE    the configuration that says where the database is\n" \
	"                   (./sennit.toml or /etc/sennit/sennit.toml if there is one)\n"

struct sn_cli_accounts {
	struct sn_auth_context context;
};

/* EX_OK, or the exit code after saying what is wrong. As root in a directory of somebody else it
 * continues as that one: read files and passwords before. */
int sn_cli_accounts_open(
	const char *verb, const struct sn_cli_place *place, struct sn_cli_accounts *accounts);
void sn_cli_accounts_close(struct sn_cli_accounts *accounts);

/* The promise's code. */
int sn_cli_accounts_wait(struct sn_cli_accounts *accounts, struct sn_promise *p);
/* Each account with its items; name "": all. A failure is the last call's code. */
typedef void (*sn_cli_account_fn)(void *context, const struct sn_account *account);
int sn_cli_accounts_each(
	struct sn_cli_accounts *accounts, const char *name, sn_cli_account_fn fn, void *context);

/* "sennit: ..." about a failed change of account `name`, and the exit code: 67 if there is no such
 * account. EX_OK for SN_OK. */
int sn_cli_accounts_say(const char *name, int code);

#endif
