/* `sennit hash`: a password as it is stored, for files and imports. */
#include <crypt.h>

#include "daemon/auth/accounts.h"
#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"
#include "daemon/cli/password.h"

static const struct method {
	const char *name;
	const char *prefix; /* of crypt_gensalt(3); NULL: SCRAM */
	unsigned long cost; /* of crypt_gensalt(3): tens of milliseconds; 0: its own choice */
	enum sn_scram_hash hash;
} methods[] = {
	{ "scram-sha-256", .hash = SN_SCRAM_SHA_256 },
	{ "scram-sha-1", .hash = SN_SCRAM_SHA_1 },
	{ "yescrypt", "$y$", 0 },
	{ "bcrypt", "$2b$", 10 },
	{ "sha512", "$6$", 65536 },
};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

static int print_scram(const struct method *method, struct sn_str password)
{
	struct sn_scram_record record;
	struct sn_strbuf prepared, text;
	const char *bad = NULL;

	sn_strbuf_init(&prepared, 4 * SN_ACCOUNT_PASSWORD_MAX);
	sn_strbuf_init(&text, SN_ACCOUNT_PASSWORD_MAX);
	if (sn_saslprep(password, &prepared) != SN_OK) {
		bad = "the password holds what passwords cannot have (control characters, bytes "
		      "that are no UTF-8)";
	} else {
		sn_scram_derive(
			method->hash, sn_strbuf_str(&prepared), SN_SCRAM_ITERATIONS, &record);
		sn_scram_format(&record, &text);
		puts(sn_strbuf_cstr(&text));
		sn_wipe(&record, sizeof(record));
	}
	sn_cli_password_fini(&prepared);
	sn_cli_password_fini(&text);
	if (bad == NULL)
		return EX_OK;
	fprintf(stderr, "sennit: %s\n", bad);
	return EX_DATAERR;
}

static int print_crypt(const struct method *method, const char *password)
{
	struct crypt_data *data = sn_alloc_zero(sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;

	if (crypt_gensalt_rn(method->prefix, method->cost, NULL, 0, setting, sizeof(setting)) !=
		NULL)
		hash = crypt_rn(password, setting, data, (int)sizeof(*data));
	if (hash != NULL)
		puts(hash);
	else
		fprintf(stderr,
			"sennit: this machine's crypt(3) has no %s, or not for this "
			"password\n",
			method->name);
	sn_wipe(data, sizeof(*data));
	sn_free(data);
	return hash != NULL ? EX_OK : EX_UNAVAILABLE;
}

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < METHOD_COUNT; i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}

static int unknown_method(const char *verb, const char *name)
{
	const char *names[METHOD_COUNT];
	struct sn_strbuf hint;
	int exit_code;

	for (size_t i = 0; i < METHOD_COUNT; i++)
		names[i] = methods[i].name;
	sn_strbuf_init(&hint, 200);
	sn_cli_nearest(&hint, sn_str(name), names, METHOD_COUNT);
	exit_code = sn_cli_usage(verb, "there is no method \"%s\"%s", name, sn_strbuf_cstr(&hint));
	sn_strbuf_fini(&hint);
	return exit_code;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_cli_password from = { 0 };
	const char *name = methods[0].name, *words[16];
	const struct sn_cli_option options[] = {
		{ "method", "NAME", NULL, &name },
		{ "password-stdin", NULL, &from.from_stdin, NULL },
		{ "password-file", "FILE", NULL, &from.file },
		{ .name = NULL },
	};
	const struct method *method;
	struct sn_strbuf password;
	size_t count;
	int exit_code;

	if (argc > 16)
		return sn_cli_usage(command->name, "too many words");
	exit_code = sn_cli_options(command->name, options, argc, argv, words, &count);
	if (exit_code == EX_OK && count > 0)
		exit_code = sn_cli_usage(command->name,
			"unexpected \"%s\": a password on the command line could be read by all",
			words[0]);
	if (exit_code != EX_OK)
		return exit_code;
	method = find_method(name);
	if (method == NULL)
		return unknown_method(command->name, name);
	sn_strbuf_init(&password, SN_ACCOUNT_PASSWORD_MAX);
	exit_code = sn_cli_password_get(command->name, &from, "Password: ", &password);
	if (exit_code == EX_OK)
		exit_code = method->prefix == NULL ? print_scram(method, sn_strbuf_str(&password))
						   : print_crypt(method, sn_strbuf_cstr(&password));
	sn_cli_password_fini(&password);
	return exit_code;
}

const struct sn_command sn_command_hash = {
	.name = "hash",
	.args = "[--method NAME]",
	.summary = "turn a password into what is stored of it",
	.help = "Asks twice, without showing what is typed, and prints one line: for the files of\n"
		"--auth file:PATH, for `sennit user add --hashed`, and for imports.\n"
		"\n"
		"  --method NAME         scram-sha-256 (the default, for every kind of login),\n"
		"                        scram-sha-1, yescrypt, bcrypt or sha512\n"
		"  --password-stdin      read it from standard input\n"
		"  --password-file FILE  read it from a file\n"
		"\n"
		"Examples:\n"
		"  sennit hash\n"
		"  echo \"alice:$(sennit hash --method yescrypt)\" >> people\n",
	.run = run,
};
