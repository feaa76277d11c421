#include "daemon/cli/accounts_open.h"

static int copy(struct sn_cli_accounts *accounts, const char *path)
{
	struct sn_diag diag = { 0 };
	const int code = sn_store_backup(accounts->context.store, path, &diag);

	if (code == SN_OK) {
		fprintf(stderr, "sennit: %s made\n", path);
		return EX_OK;
	}
	fprintf(stderr, "sennit: %s\n", diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code == SN_EUNSUPPORTED ? EX_UNAVAILABLE : EX_CANTCREAT;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_cli_place place = { 0 };
	const struct sn_cli_option options[] = { SN_CLI_PLACE_OPTIONS(&place), { .name = NULL } };
	struct sn_cli_accounts accounts;
	const char *words[16];
	size_t count;
	int exit_code;

	if (argc > 16)
		return sn_cli_usage(command->name, "too many words");
	exit_code = sn_cli_options(command->name, options, argc, argv, words, &count);
	if (exit_code == EX_OK && count != 1)
		exit_code = sn_cli_usage(command->name, "backup into which file?");
	if (exit_code == EX_OK)
		exit_code = sn_cli_accounts_open(command->name, &place, &accounts);
	if (exit_code != EX_OK)
		return exit_code;
	exit_code = copy(&accounts, words[0]);
	sn_cli_accounts_close(&accounts);
	return exit_code;
}

const struct sn_command sn_command_backup = {
	.name = "backup",
	.args = "FILE",
	.summary = "copy the database while it is in use",
	.help = "A whole and consistent copy of the SQLite database, made beside a running daemon.\n"
		"FILE must not exist. As root it is made as the owner of the state directory, in a\n"
		"folder where that one may write. To restore: stop the daemon, put the copy in the\n"
		"place of sennit.db (and remove sennit.db-wal and sennit.db-shm), start it again.\n"
		"PostgreSQL has pg_dump for this.\n"
		"\n" SN_CLI_PLACE_HELP "\n"
		"Examples:\n"
		"  sennit backup /var/lib/sennit/monday.db\n",
	.run = run,
};
