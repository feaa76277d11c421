#include <errno.h>
#include <stdlib.h>

#include "daemon/auth/accounts_import.h"
#include "daemon/base/mem.h"
#include "daemon/cli/accounts_json.h"
#include "daemon/cli/accounts_open.h"

#define LINE_MAX_BYTES (1 << 20)

struct import {
	const char *name; /* of the file */
	FILE *in;
	bool update, keep_going;
	struct sn_cli_accounts accounts;
	struct sn_account_import *staged;
	size_t line, good, bad;
};

static void say_bad(struct import *import, int column, const char *text)
{
	import->bad++;
	if (column > 0)
		fprintf(stderr, "%s:%zu:%d: error: %s\n", import->name, import->line, column, text);
	else
		fprintf(stderr, "%s:%zu: error: %s\n", import->name, import->line, text);
}

static void ignore(void *context, const struct sn_account *account)
{
	(void)context;
	(void)account;
}

/* The import as a whole would fail too, but could not say where. */
static int check_new(struct import *import, const struct sn_account *account, struct sn_diag *diag)
{
	char name[SN_ACCOUNT_NAME_MAX + 1];
	struct sn_strbuf b;
	int code;

	if (import->update || account->name.n > SN_ACCOUNT_NAME_MAX)
		return SN_OK;
	sn_strbuf_fixed(&b, name, sizeof(name));
	sn_strbuf_add(&b, account->name);
	code = sn_cli_accounts_each(&import->accounts, name, ignore, NULL);
	if (code == SN_ENOTFOUND || name[0] == '\0')
		return SN_OK;
	if (code != SN_OK)
		return sn_diag_set(
			diag, code, 0, "cannot look for \"%s\": %s", name, sn_strerror(code));
	return sn_diag_set(diag, SN_EDUPLICATE, 0,
		"account \"%s\" exists already; --update replaces it", name);
}

static void take_object(struct import *import, json_t *object)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_account account;
	struct sn_diag diag = { 0 };
	int code = sn_account_from_json(
		object, sn_loop_wall(import->accounts.context.loop), pool, &account, &diag);

	if (code == SN_OK)
		code = check_new(import, &account, &diag);
	if (code == SN_OK)
		code = sn_account_import_add(import->staged, &account, &diag);
	if (code == SN_OK)
		import->good++;
	else
		say_bad(import, 0, diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	sn_pool_free(&pool);
}

static void take_line(struct import *import, struct sn_str line)
{
	json_error_t error;
	json_t *object;

	if (sn_str_trim(line).n == 0)
		return;
	if (line.n > LINE_MAX_BYTES) {
		say_bad(import, 0, "the line is longer than 1 MiB");
		return;
	}
	object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		say_bad(import, error.column, error.text);
	else
		take_object(import, object);
	json_decref(object);
}

static int read_lines(struct import *import)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, import->in)) >= 0) {
		import->line++;
		take_line(import, sn_str_n(line, (size_t)n));
		sn_wipe(line, (size_t)n);
	}
	sn_free(line);
	if (!ferror(import->in))
		return EX_OK;
	fprintf(stderr, "sennit: %s: cannot be read: %s\n", import->name, sn_strerror(-errno));
	return EX_NOINPUT;
}

static int commit(struct import *import)
{
	int code;

	if (import->bad > 0 && !import->keep_going) {
		fprintf(stderr,
			"sennit: %s: %zu bad line%s; nothing was imported (--keep-going imports the "
			"good ones)\n",
			import->name, import->bad, import->bad == 1 ? "" : "s");
		return EX_DATAERR;
	}
	code = sn_account_import_commit(import->staged, import->update);
	if (code == SN_EDUPLICATE) {
		fprintf(stderr,
			"sennit: %s: an account was made meanwhile, or a token in it belongs to "
			"another account; nothing was imported\n",
			import->name);
		return EX_DATAERR;
	}
	if (code != SN_OK)
		return sn_cli_accounts_say(import->name, code);
	printf("%zu account%s imported\n", import->good, import->good == 1 ? "" : "s");
	return import->bad > 0 ? EX_DATAERR : EX_OK;
}

static int import_all(struct import *import)
{
	int exit_code;

	import->staged = sn_account_import_new(&import->accounts.context);
	exit_code = read_lines(import);
	if (exit_code == EX_OK)
		exit_code = commit(import);
	sn_account_import_free(&import->staged);
	return exit_code;
}

static int open_input(struct import *import)
{
	if (strcmp(import->name, "-") == 0) {
		import->name = "standard input";
		import->in = stdin;
		return EX_OK;
	}
	import->in = fopen(import->name, "re");
	if (import->in != NULL)
		return EX_OK;
	fprintf(stderr, "sennit: %s: cannot be read: %s\n", import->name, sn_strerror(-errno));
	return EX_NOINPUT;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_cli_place place = { 0 };
	struct import import = { 0 };
	const char *words[16];
	const struct sn_cli_option options[] = {
		SN_CLI_PLACE_OPTIONS(&place),
		{ "update", NULL, &import.update, NULL },
		{ "keep-going", NULL, &import.keep_going, NULL },
		{ .name = NULL },
	};
	size_t count;
	int exit_code;

	if (argc > 16)
		return sn_cli_usage(command->name, "too many words");
	exit_code = sn_cli_options(command->name, options, argc, argv, words, &count);
	if (exit_code == EX_OK && (count != 2 || strcmp(words[0], "accounts") != 0))
		exit_code = sn_cli_usage(
			command->name, "import what? sennit import accounts FILE (or -)");
	if (exit_code != EX_OK)
		return exit_code;
	import.name = words[1];
	exit_code = open_input(&import);
	if (exit_code == EX_OK)
		exit_code = sn_cli_accounts_open(command->name, &place, &import.accounts);
	if (exit_code == EX_OK) {
		exit_code = import_all(&import);
		sn_cli_accounts_close(&import.accounts);
	}
	if (import.in != NULL && import.in != stdin)
		(void)fclose(import.in);
	return exit_code;
}

const struct sn_command sn_command_import = {
	.name = "import",
	.args = "accounts FILE",
	.summary = "add accounts from JSON lines, all or none",
	.help = "FILE (or - for standard input) has one JSON object in a line, as written by\n"
		"`sennit export accounts`, or by yourself: only \"name\" is needed, \"crypt\" takes a\n"
		"hash of /etc/shadow or of another server, \"roles\" and \"keys\" take plain strings.\n"
		"Every bad line is told with its number; then nothing is imported.\n"
		"\n"
		"  --update         replace accounts that exist already\n"
		"  --keep-going     import the good lines if there are bad ones; exit 65 still\n" SN_CLI_PLACE_HELP
		"\n"
		"Examples:\n"
		"  sennit import accounts accounts.jsonl\n"
		"  echo '{\"name\": \"alice\", \"crypt\": \"$y$j9T$...\"}' | sennit import accounts -\n",
	.run = run,
};
