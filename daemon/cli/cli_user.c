/* `sennit user`: its table, and what concerns an account as a whole. */
#include "daemon/cli/cli_user.h"

#include "daemon/base/mem.h"

#define WORDS_MAX 64
#define ROLES_MAX SN_ACCOUNT_ITEMS_MAX

/* --- what is common --------------------------------------------------------------------------- */

static int open_accounts(const struct sn_user_request *request, struct sn_cli_accounts *accounts)
{
	return sn_cli_accounts_open(request->verb, &request->place, accounts);
}

/* The same change to each of the names; the first exit code that is not fine, after all. */
static int each_name(const struct sn_user_request *request,
	struct sn_promise *(*change)(const struct sn_auth_context *context, struct sn_str name))
{
	struct sn_cli_accounts accounts;
	int exit_code = open_accounts(request, &accounts);

	if (exit_code != EX_OK)
		return exit_code;
	for (size_t i = 0; i < request->count; i++) {
		const char *name = request->words[i];
		const int said = sn_cli_accounts_say(name,
			sn_cli_accounts_wait(&accounts, change(&accounts.context, sn_str(name))));

		if (exit_code == EX_OK)
			exit_code = said;
	}
	sn_cli_accounts_close(&accounts);
	return exit_code;
}

static struct sn_promise *disable(const struct sn_auth_context *context, struct sn_str name)
{
	return sn_account_set_disabled(context, name, true);
}

static struct sn_promise *enable(const struct sn_auth_context *context, struct sn_str name)
{
	return sn_account_set_disabled(context, name, false);
}

static int user_disable(const struct sn_user_request *request)
{
	return each_name(request, disable);
}

static int user_enable(const struct sn_user_request *request)
{
	return each_name(request, enable);
}

static int user_remove(const struct sn_user_request *request)
{
	return each_name(request, sn_account_remove);
}

/* --- add, passwd ------------------------------------------------------------------------------ */

static int say_diag(const struct sn_diag *diag, int exit_code)
{
	fprintf(stderr, "sennit: %s\n", diag->text);
	return exit_code;
}

static int get_password(
	const struct sn_user_request *request, const char *name, struct sn_strbuf *password)
{
	char *prompt;
	struct sn_diag diag;
	int exit_code;

	if (request->no_password) {
		if (request->password.from_stdin || request->password.file != NULL)
			return sn_cli_usage(
				request->verb, "--no-password goes with no other password option");
		return EX_OK;
	}
	if (request->password.hashed && !request->password.from_stdin &&
		request->password.file == NULL)
		return sn_cli_usage(
			request->verb, "--hashed needs --password-stdin or --password-file FILE");
	prompt = sn_asprintf("Password of %s: ", name);
	exit_code = sn_cli_password_get(request->verb, &request->password, prompt, password);
	sn_free(prompt);
	if (exit_code == EX_OK && request->password.hashed &&
		sn_account_hash_check(sn_strbuf_str(password), &diag) != SN_OK)
		exit_code = say_diag(&diag, EX_DATAERR);
	return exit_code;
}

/* p NULL: no password. */
static struct sn_str password_of(
	const struct sn_user_request *request, const struct sn_strbuf *password)
{
	return request->no_password ? SN_STR_NULL : sn_strbuf_str(password);
}

/* The roles of --roles, checked. */
static int split_roles(
	const struct sn_user_request *request, struct sn_account_item *roles, size_t *count_r)
{
	struct sn_str rest = sn_str(request->roles != NULL ? request->roles : ""), role;
	struct sn_diag diag;

	*count_r = 0;
	while (request->roles != NULL && sn_str_split(&rest, ',', &role)) {
		char ident[SN_ACCOUNT_IDENT_SIZE];

		if (*count_r == ROLES_MAX)
			return sn_cli_usage(request->verb, "more than %d roles", ROLES_MAX);
		roles[*count_r] = (struct sn_account_item){
			.kind = SN_ACCOUNT_ROLE,
			.value = role,
		};
		if (sn_account_item_ident(&roles[(*count_r)++], ident, &diag) != SN_OK)
			return say_diag(&diag, EX_DATAERR);
	}
	return EX_OK;
}

static int add_account(const struct sn_user_request *request, struct sn_str password,
	const struct sn_account_item *roles, size_t role_count)
{
	const char *name = request->words[0];
	struct sn_cli_accounts accounts;
	const int exit_code = open_accounts(request, &accounts);
	int code;

	if (exit_code != EX_OK)
		return exit_code;
	code = sn_cli_accounts_wait(&accounts,
		sn_account_add(
			&accounts.context, sn_str(name), password, request->password.hashed));
	for (size_t i = 0; i < role_count && code == SN_OK; i++) {
		code = sn_cli_accounts_wait(
			&accounts, sn_account_add_item(&accounts.context, sn_str(name), &roles[i]));
		if (code == SN_EDUPLICATE)
			code = SN_OK; /* a role given twice */
	}
	sn_cli_accounts_close(&accounts);
	return sn_cli_accounts_say(name, code);
}

static int user_add(const struct sn_user_request *request)
{
	struct sn_account_item roles[ROLES_MAX];
	struct sn_strbuf password;
	struct sn_diag diag;
	size_t role_count;
	int exit_code;

	if (sn_account_name_check(sn_str(request->words[0]), &diag) != SN_OK)
		return say_diag(&diag, EX_DATAERR);
	exit_code = split_roles(request, roles, &role_count);
	if (exit_code != EX_OK)
		return exit_code;
	sn_strbuf_init(&password, SN_ACCOUNT_PASSWORD_MAX);
	exit_code = get_password(request, request->words[0], &password);
	if (exit_code == EX_OK)
		exit_code =
			add_account(request, password_of(request, &password), roles, role_count);
	sn_cli_password_fini(&password);
	return exit_code;
}

static void ignore(void *context, const struct sn_account *account)
{
	(void)context;
	(void)account;
}

/* Nobody should type a password twice to hear that the name is wrong; but what reads passwords
 * comes before what opens the database (accounts_open.h), so only when a person is asked. */
static int check_exists(const struct sn_user_request *request)
{
	struct sn_cli_accounts accounts;
	int exit_code = open_accounts(request, &accounts);

	if (exit_code != EX_OK)
		return exit_code;
	exit_code = sn_cli_accounts_say(request->words[0],
		sn_cli_accounts_each(&accounts, request->words[0], ignore, NULL));
	sn_cli_accounts_close(&accounts);
	return exit_code;
}

static int set_password(const struct sn_user_request *request, struct sn_str password)
{
	const char *name = request->words[0];
	struct sn_cli_accounts accounts;
	int exit_code = open_accounts(request, &accounts);

	if (exit_code != EX_OK)
		return exit_code;
	exit_code = sn_cli_accounts_say(name,
		sn_cli_accounts_wait(&accounts,
			sn_account_set_password(&accounts.context, sn_str(name), password,
				request->password.hashed)));
	sn_cli_accounts_close(&accounts);
	return exit_code;
}

static int user_passwd(const struct sn_user_request *request)
{
	const bool asks = !request->no_password && !request->password.from_stdin &&
		request->password.file == NULL;
	struct sn_strbuf password;
	int exit_code = asks ? check_exists(request) : EX_OK;

	if (exit_code != EX_OK)
		return exit_code;
	sn_strbuf_init(&password, SN_ACCOUNT_PASSWORD_MAX);
	exit_code = get_password(request, request->words[0], &password);
	if (exit_code == EX_OK)
		exit_code = set_password(request, password_of(request, &password));
	sn_cli_password_fini(&password);
	return exit_code;
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct sn_user_verb verbs[] = {
	{ "add", 1, 1, "which name? sennit user add NAME", user_add },
	{ "passwd", 1, 1, "whose password? sennit user passwd NAME", user_passwd },
	{ "list", 0, 0, "list takes no name; `sennit user show NAME` shows one", sn_user_list },
	{ "show", 1, 1, "which account? sennit user show NAME", sn_user_show },
	{ "disable", 1, WORDS_MAX, "which account? sennit user disable NAME ...", user_disable },
	{ "enable", 1, WORDS_MAX, "which account? sennit user enable NAME ...", user_enable },
	{ "remove", 1, WORDS_MAX, "which account? sennit user remove NAME ...", user_remove },
	{ "key", 1, 3, "sennit user key NAME [add KEY|FILE | remove WHICH]", sn_user_key },
	{ "cert", 1, 3, "sennit user cert NAME [add FINGERPRINT | remove WHICH]", sn_user_cert },
	{ "token", 1, 3, "sennit user token NAME [add | remove WHICH]", sn_user_token },
	{ "role", 1, 3, "sennit user role NAME [add ROLE | remove ROLE]", sn_user_role },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static int unknown_verb(const char *command, const char *word)
{
	const char *names[VERB_COUNT];
	struct sn_strbuf hint;
	int exit_code;

	for (size_t i = 0; i < VERB_COUNT; i++)
		names[i] = verbs[i].name;
	sn_strbuf_init(&hint, 200);
	sn_cli_nearest(&hint, sn_str(word), names, VERB_COUNT);
	exit_code = sn_cli_usage(command, "there is no \"user %s\"%s", word, sn_strbuf_cstr(&hint));
	sn_strbuf_fini(&hint);
	return exit_code;
}

static const struct sn_user_verb *find_verb(const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int run_verb(
	const char *command, struct sn_user_request *request, const char **words, size_t count)
{
	const struct sn_user_verb *verb;

	if (count == 0)
		return sn_cli_usage(command,
			"user what? add, passwd, list, show, disable, enable, "
			"remove, key, cert, token or role");
	verb = find_verb(words[0]);
	if (verb == NULL)
		return unknown_verb(command, words[0]);
	request->words = words + 1;
	request->count = count - 1;
	if (request->count < verb->words_min || request->count > verb->words_max)
		return sn_cli_usage(command, "%s", verb->usage);
	return verb->run(request);
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_user_request request = { .verb = command->name };
	const struct sn_cli_option options[] = {
		SN_CLI_PLACE_OPTIONS(&request.place),
		{ "password-stdin", NULL, &request.password.from_stdin, NULL },
		{ "password-file", "FILE", NULL, &request.password.file },
		{ "hashed", NULL, &request.password.hashed, NULL },
		{ "no-password", NULL, &request.no_password, NULL },
		{ "json", NULL, &request.json, NULL },
		{ "roles", "ROLE,ROLE...", NULL, &request.roles },
		{ "label", "TEXT", NULL, &request.label },
		{ "expires", "TIME", NULL, &request.expires },
		{ .name = NULL },
	};
	const char **words = sn_alloc_array((size_t)argc, sizeof(*words));
	size_t count;
	int exit_code = sn_cli_options(command->name, options, argc, argv, words, &count);

	if (exit_code == EX_OK && count > WORDS_MAX)
		exit_code = sn_cli_usage(command->name, "more than %d words", WORDS_MAX);
	if (exit_code == EX_OK)
		exit_code = run_verb(command->name, &request, words, count);
	sn_free(words);
	return exit_code;
}

const struct sn_command sn_command_user = {
	.name = "user",
	.args = "VERB [NAME] [options]",
	.summary = "people: accounts with passwords, keys, certificates, tokens and roles",
	.help = "One account works in every service that lets `accounts` in. The database is made\n"
		"at its first use; a daemon may be running, and sees changes at the next login.\n"
		"\n"
		"  add NAME                 a new account; asks for the password\n"
		"  passwd NAME              another password\n"
		"  list                     all accounts\n"
		"  show NAME                all of one, but its secrets\n"
		"  disable|enable NAME...   nobody logs in with it, until it is enabled again\n"
		"  remove NAME...           for good\n"
		"  key NAME                 its SSH keys\n"
		"  key NAME add KEY|FILE    a line of authorized_keys, options included, or the\n"
		"                           file of a public key\n"
		"  cert NAME add SHA256     the fingerprint of a TLS client certificate, as\n"
		"                           `openssl x509 -fingerprint -sha256` prints it\n"
		"  token NAME add           an app token: printed once, good as a password\n"
		"  role NAME add ROLE       what services ask for, such as operator\n"
		"  key|cert|token|role NAME remove WHICH\n"
		"                           by value, fingerprint or label\n"
		"\n"
		"  --password-stdin         read the password from standard input\n"
		"  --password-file FILE     read it from a file\n"
		"  --hashed                 it is a hash: of crypt(3), or of `sennit hash`\n"
		"  --no-password            none: only keys, certificates and tokens let in\n"
		"  --roles ROLE,ROLE        of a new account\n"
		"  --label TEXT             what a new key, certificate or token is for\n"
		"  --expires TIME           of a new token: 90d, 12h, or a day such as 2027-01-31\n"
		"  --json                   of list and show, for programs\n" SN_CLI_PLACE_HELP "\n"
		"Examples:\n"
		"  sennit user add alice --roles operator\n"
		"  sennit user key alice add ~/.ssh/id_ed25519.pub\n"
		"  sennit user token alice add --label phone --expires 365d\n"
		"  sennit user role bob remove operator\n",
	.run = run,
};
