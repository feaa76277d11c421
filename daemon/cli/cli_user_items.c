/* `sennit user key|cert|token|role NAME [add ... | remove ...]`. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/cli/accounts_json.h"
#include "daemon/cli/cli_user.h"
#include "daemon/cli/table.h"

#define KEY_FILE_MAX 16384

static const struct words {
	const char *one, *many;
} words_of[] = {
	[SN_ACCOUNT_ROLE] = { "role", "roles" },
	[SN_ACCOUNT_KEY] = { "key", "keys" },
	[SN_ACCOUNT_CERTIFICATE] = { "certificate", "certificates" },
	[SN_ACCOUNT_TOKEN] = { "token", "tokens" },
};

/* --- list ------------------------------------------------------------------------------------- */

struct listing {
	enum sn_account_item_kind kind;
	struct sn_table table;
};

static void add_time(struct sn_table *table, int64_t wall, const char *none)
{
	char text[40];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, text, sizeof(text));
	if (wall == 0)
		sn_strbuf_adds(&b, none);
	else
		sn_format_time(&b, wall, 0);
	sn_table_add(table, sn_strbuf_str(&b));
}

static void add_row(struct listing *listing, const struct sn_account_item *item)
{
	char ident[SN_ACCOUNT_IDENT_SIZE] = "";

	(void)!sn_account_item_ident(item, ident, NULL);
	if (item->kind == SN_ACCOUNT_TOKEN) {
		sn_table_add(&listing->table, item->label);
		add_time(&listing->table, item->expires, "never");
		add_time(&listing->table, item->used, "never");
		sn_table_addf(&listing->table, "%.12s", ident);
		return;
	}
	sn_table_add(&listing->table, sn_str(ident));
	sn_table_add(&listing->table, item->label);
}

static void list_items(void *context, const struct sn_account *account)
{
	struct listing *listing = context;

	for (size_t i = 0; i < account->item_count; i++) {
		const struct sn_account_item *item = &account->items[i];

		if (item->kind != listing->kind)
			continue;
		if (item->kind == SN_ACCOUNT_ROLE)
			sn_table_add(&listing->table, item->value);
		else
			add_row(listing, item);
	}
}

static const struct {
	struct sn_table_column columns[4];
	size_t count;
} listings[] = {
	[SN_ACCOUNT_ROLE] = { { { "ROLE", false } }, 1 },
	[SN_ACCOUNT_KEY] = { { { "FINGERPRINT", false }, { "LABEL", false } }, 2 },
	[SN_ACCOUNT_CERTIFICATE] = { { { "SHA-256", false }, { "LABEL", false } }, 2 },
	[SN_ACCOUNT_TOKEN] = { { { "LABEL", false }, { "EXPIRES", false }, { "USED", false },
				       { "SHA-256", false } },
		4 },
};

static int list(struct sn_cli_accounts *accounts, const char *name, enum sn_account_item_kind kind)
{
	struct listing listing = { .kind = kind };
	int code;

	sn_table_init(&listing.table, listings[kind].columns, listings[kind].count);
	code = sn_cli_accounts_each(accounts, name, list_items, &listing);
	if (code == SN_OK && listing.table.cell_count == 0)
		printf("%s has no %s\n", name, words_of[kind].many);
	else if (code == SN_OK)
		sn_table_print(&listing.table, stdout, sn_cli_color(STDOUT_FILENO));
	sn_table_fini(&listing.table);
	return sn_cli_accounts_say(name, code);
}

/* --- change ----------------------------------------------------------------------------------- */

static int say_item(const char *name, enum sn_account_item_kind kind, bool adding, int code)
{
	const char *one = words_of[kind].one;

	if (code == SN_EDUPLICATE && kind == SN_ACCOUNT_ROLE)
		return EX_OK; /* it has it: fine */
	if (code == SN_EDUPLICATE) {
		fprintf(stderr, "sennit: %s: this %s is there already\n", name, one);
		return EX_DATAERR;
	}
	if (code == SN_ELIMIT) {
		fprintf(stderr, "sennit: %s: an account has at most %d %s\n", name,
			SN_ACCOUNT_ITEMS_MAX, words_of[kind].many);
		return EX_DATAERR;
	}
	if (code == SN_ENOTFOUND && !adding) {
		fprintf(stderr,
			"sennit: %s: there is no such account, or no such %s; `sennit user show %s` "
			"tells\n",
			name, one, name);
		return EX_NOUSER;
	}
	return sn_cli_accounts_say(name, code);
}

static int add(
	struct sn_cli_accounts *accounts, const char *name, const struct sn_account_item *item)
{
	return say_item(name, item->kind, true,
		sn_cli_accounts_wait(
			accounts, sn_account_add_item(&accounts->context, sn_str(name), item)));
}

static int check_item(const struct sn_account_item *item)
{
	char ident[SN_ACCOUNT_IDENT_SIZE];
	struct sn_diag diag;

	if (sn_account_item_ident(item, ident, &diag) == SN_OK)
		return EX_OK;
	fprintf(stderr, "sennit: %s\n", diag.text);
	return EX_DATAERR;
}

/* Look at the words and the item, then open the database: the item's text may be in a file that
 * only the caller can read. item NULL: not adding. */
static int act(const struct sn_user_request *request, enum sn_account_item_kind kind,
	const struct sn_account_item *item)
{
	const char *name = request->words[0];
	struct sn_cli_accounts accounts;
	int exit_code = item != NULL ? check_item(item) : EX_OK;

	if (exit_code == EX_OK)
		exit_code = sn_cli_accounts_open(request->verb, &request->place, &accounts);
	if (exit_code != EX_OK)
		return exit_code;
	if (item != NULL)
		exit_code = add(&accounts, name, item);
	else if (request->count == 1)
		exit_code = list(&accounts, name, kind);
	else
		exit_code = say_item(name, kind, false,
			sn_cli_accounts_wait(&accounts,
				sn_account_remove_item(&accounts.context, sn_str(name), kind,
					sn_str(request->words[2]))));
	sn_cli_accounts_close(&accounts);
	return exit_code;
}

/* NAME | NAME add ... | NAME remove WHICH: what is it? -1 after usage. */
static int adding(const struct sn_user_request *request, enum sn_account_item_kind kind)
{
	const char *what = request->count > 1 ? request->words[1] : "";
	const size_t add_words = kind == SN_ACCOUNT_TOKEN ? 2 : 3;

	if (request->count == 1 || (strcmp(what, "remove") == 0 && request->count == 3))
		return 0;
	if (strcmp(what, "add") == 0 && request->count == add_words)
		return 1;
	(void)sn_cli_usage(request->verb, "sennit user %s NAME [add%s | remove WHICH]",
		kind == SN_ACCOUNT_CERTIFICATE ? "cert" : words_of[kind].one,
		kind == SN_ACCOUNT_TOKEN ? "" : " VALUE");
	return -1;
}

static int simple(const struct sn_user_request *request, enum sn_account_item_kind kind)
{
	const int is_adding = adding(request, kind);
	const struct sn_account_item item = {
		.kind = kind,
		.value = is_adding == 1 ? sn_str(request->words[2]) : SN_STR_NULL,
		.label = sn_str(request->label),
	};

	if (is_adding < 0)
		return EX_USAGE;
	return act(request, kind, is_adding ? &item : NULL);
}

int sn_user_cert(const struct sn_user_request *request)
{
	return simple(request, SN_ACCOUNT_CERTIFICATE);
}

int sn_user_role(const struct sn_user_request *request)
{
	return simple(request, SN_ACCOUNT_ROLE);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* The one line of a public key's file; comments and blank lines around it are fine. */
static int read_key_file(const char *path, struct sn_strbuf *line)
{
	FILE *file = fopen(path, "re");
	char text[KEY_FILE_MAX];
	struct sn_str rest, one;
	size_t n, lines = 0;

	if (file == NULL) {
		fprintf(stderr, "sennit: %s: cannot be read: %s\n", path, sn_strerror(-errno));
		return EX_NOINPUT;
	}
	n = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	rest = sn_str_n(text, n);
	while (sn_str_split(&rest, '\n', &one)) {
		one = sn_str_trim(one);
		if (one.n == 0 || one.p[0] == '#')
			continue;
		sn_strbuf_reset(line);
		sn_strbuf_add(line, one);
		lines++;
	}
	if (lines == 1 && n < sizeof(text))
		return EX_OK;
	fprintf(stderr, "sennit: %s: is no file with one public key in it\n", path);
	return EX_DATAERR;
}

/* A path holds no blank, and a key does. */
static bool is_key_line(const char *word)
{
	return strchr(word, ' ') != NULL || strchr(word, '\t') != NULL;
}

int sn_user_key(const struct sn_user_request *request)
{
	struct sn_account_item item = { .kind = SN_ACCOUNT_KEY, .label = sn_str(request->label) };
	const int is_adding = adding(request, SN_ACCOUNT_KEY);
	struct sn_strbuf line;
	int exit_code = EX_OK;

	if (is_adding < 0)
		return EX_USAGE;
	if (is_adding == 0)
		return act(request, SN_ACCOUNT_KEY, NULL);
	sn_strbuf_init(&line, KEY_FILE_MAX);
	if (is_key_line(request->words[2]))
		sn_strbuf_adds(&line, request->words[2]);
	else
		exit_code = read_key_file(request->words[2], &line);
	item.value = sn_str(sn_strbuf_cstr(&line));
	if (exit_code == EX_OK)
		exit_code = act(request, SN_ACCOUNT_KEY, &item);
	sn_strbuf_fini(&line);
	return exit_code;
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* "90d" from now, or a day or time as it stands. */
static int parse_expiry(const struct sn_user_request *request, int64_t *wall_r)
{
	const struct sn_str text = sn_str(request->expires);
	const int64_t now = sn_clock_wall(&sn_clock_system);
	int64_t ns;

	*wall_r = 0;
	if (request->expires == NULL)
		return EX_OK;
	if (sn_parse_duration(text, &ns) == SN_OK && ns > 0 && ns < INT64_MAX - now)
		*wall_r = now + ns;
	else if (sn_parse_time(text, wall_r) != SN_OK)
		return sn_cli_usage(request->verb,
			"--expires needs a duration such as 90d, or a day such as 2027-01-31, not "
			"\"%s\"",
			request->expires);
	if (*wall_r <= now)
		return sn_cli_usage(request->verb, "--expires %s is past", request->expires);
	return EX_OK;
}

static int add_token(const struct sn_user_request *request, int64_t expires)
{
	char text[SN_ACCOUNT_TOKEN_SIZE], ident[SN_ACCOUNT_IDENT_SIZE], label[32];
	struct sn_account_item item = { .kind = SN_ACCOUNT_TOKEN, .expires = expires };
	int exit_code;

	sn_account_new_token(text);
	sn_account_token_ident(sn_str(text), ident);
	(void)snprintf(label, sizeof(label), "token-%.6s", ident);
	item.value = sn_str(ident);
	item.label = sn_str(request->label != NULL ? request->label : label);
	exit_code = act(request, SN_ACCOUNT_TOKEN, &item);
	if (exit_code == EX_OK) {
		puts(text);
		fprintf(stderr,
			"This is the only time the token is shown. Its label is \"%.*s\".\n",
			SN_STR_ARG(item.label));
	}
	sn_wipe(text, sizeof(text));
	return exit_code;
}

int sn_user_token(const struct sn_user_request *request)
{
	const int is_adding = adding(request, SN_ACCOUNT_TOKEN);
	int64_t expires;
	int exit_code;

	if (is_adding < 0)
		return EX_USAGE;
	if (is_adding == 0)
		return act(request, SN_ACCOUNT_TOKEN, NULL);
	exit_code = parse_expiry(request, &expires);
	return exit_code == EX_OK ? add_token(request, expires) : exit_code;
}
