/* The sub-commands of `sennit user`, for its table. Private to daemon/cli. */
#ifndef SN_DAEMON_CLI_CLI_USER_H
#define SN_DAEMON_CLI_CLI_USER_H

#include "daemon/cli/accounts_open.h"
#include "daemon/cli/password.h"

/* Everything the command line said. */
struct sn_user_request {
	const char *verb;         /* "user add": for usage messages */
	const char *const *words; /* behind the sub-command */
	size_t count;
	struct sn_cli_place place;
	struct sn_cli_password password;
	bool no_password, json;
	const char *roles;           /* "ops,admin" */
	const char *label, *expires; /* of a new item */
};

/* One sub-command; all return an exit code. */
struct sn_user_verb {
	const char *name;
	size_t words_min, words_max;
	const char *usage; /* when the count of words is another */
	int (*run)(const struct sn_user_request *request);
};

int sn_user_list(const struct sn_user_request *request);
int sn_user_show(const struct sn_user_request *request);
/* NAME [add VALUE | remove WHICH] */
int sn_user_key(const struct sn_user_request *request);
int sn_user_cert(const struct sn_user_request *request);
int sn_user_token(const struct sn_user_request *request);
int sn_user_role(const struct sn_user_request *request);

#endif
