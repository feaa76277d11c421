#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/accounts_json.h"
#include "daemon/cli/accounts_open.h"

struct export
{
	FILE *out;
	size_t count;
	bool failed;
};

static void write_account(void *context, const struct sn_account *account)
{
	struct export *export = context;
	json_t *object = sn_account_to_json(account, true);

	if (json_dumpf(object, export->out, JSON_COMPACT) != 0 || putc('\n', export->out) == EOF)
		export->failed = true;
	export->count++;
	json_decref(object);
}

static void warn_of_readers(const char *name, FILE *out)
{
	struct stat st;

	if (fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode) &&
		(st.st_mode & (S_IRGRP | S_IROTH)))
		fprintf(stderr,
			"sennit: warning: %s holds password hashes, and others may read it (mode "
			"%04o); chmod 0600, or export with --output FILE\n",
			name, (unsigned)(st.st_mode & 07777));
}

/* An export is not to end up in a file that is there already. */
static FILE *open_output(const char *name)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		fprintf(stderr, "sennit: cannot make %s: %s\n", name, sn_strerror(-errno));
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int export_to(FILE *out, const char *name, struct sn_cli_accounts *accounts)
{
	struct export export = { .out = out };
	const int code = sn_cli_accounts_each(accounts, "", write_account, &export);

	if (code != SN_OK)
		return sn_cli_accounts_say("export", code);
	if (fflush(out) != 0 || export.failed || ferror(out)) {
		fprintf(stderr, "sennit: cannot write to %s: %s\n", name, sn_strerror(-errno));
		return EX_IOERR;
	}
	fprintf(stderr, "sennit: %zu account%s exported\n", export.count,
		export.count == 1 ? "" : "s");
	return EX_OK;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_cli_place place = { 0 };
	const char *output = NULL, *words[16];
	const struct sn_cli_option options[] = {
		SN_CLI_PLACE_OPTIONS(&place),
		{ "output", "FILE", NULL, &output },
		{ .name = NULL },
	};
	struct sn_cli_accounts accounts;
	FILE *out = stdout;
	size_t count;
	int exit_code;

	if (argc > 16)
		return sn_cli_usage(command->name, "too many words");
	exit_code = sn_cli_options(command->name, options, argc, argv, words, &count);
	if (exit_code == EX_OK && (count != 1 || strcmp(words[0], "accounts") != 0))
		exit_code = sn_cli_usage(command->name, "export what? sennit export accounts");
	if (exit_code != EX_OK)
		return exit_code;
	if (output != NULL)
		out = open_output(output);
	if (out == NULL)
		return EX_CANTCREAT;
	if (output == NULL)
		warn_of_readers("standard output", out);
	exit_code = sn_cli_accounts_open(command->name, &place, &accounts);
	if (exit_code == EX_OK) {
		exit_code = export_to(out, output != NULL ? output : "standard output", &accounts);
		sn_cli_accounts_close(&accounts);
	}
	if (out != stdout)
		(void)fclose(out);
	if (exit_code != EX_OK && output != NULL)
		(void)unlink(output);
	return exit_code;
}

const struct sn_command sn_command_export = {
	.name = "export",
	.args = "accounts [--output FILE]",
	.summary = "write all accounts as JSON lines, with their secrets",
	.help = "One account in a line, complete: password hashes, keys, tokens' digests, roles,\n"
		"times. `sennit import accounts` reads it, into any database. A daemon may be\n"
		"running meanwhile.\n"
		"\n"
		"  --output FILE    make this file, for its owner's eyes only\n" SN_CLI_PLACE_HELP
		"\n"
		"Examples:\n"
		"  sennit export accounts --output accounts.jsonl\n"
		"  sennit export accounts | sennit import accounts - --store postgresql:///chat\n",
	.run = run,
};
