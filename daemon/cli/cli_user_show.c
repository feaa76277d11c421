/* `sennit user list` and `sennit user show NAME`: for people, or as JSON. */
#include <unistd.h>

#include "daemon/cli/accounts_json.h"
#include "daemon/cli/cli_user.h"
#include "daemon/cli/table.h"

/* --- list ------------------------------------------------------------------------------------- */

static const struct sn_table_column list_columns[] = {
	{ "NAME", false },
	{ "PASSWORD", false },
	{ "KEYS", true },
	{ "CERTS", true },
	{ "TOKENS", true },
	{ "LAST LOGIN", false },
	{ "ROLES", false },
};
#define LIST_COLUMNS (sizeof(list_columns) / sizeof(list_columns[0]))

static size_t count_of(const struct sn_account *account, enum sn_account_item_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < account->item_count; i++)
		count += account->items[i].kind == kind;
	return count;
}

static void format_roles(const struct sn_account *account, struct sn_strbuf *out)
{
	for (size_t i = 0; i < account->item_count; i++) {
		if (account->items[i].kind != SN_ACCOUNT_ROLE)
			continue;
		sn_strbuf_adds(out, out->n > 0 ? ", " : "");
		sn_strbuf_add(out, account->items[i].value);
	}
}

static const char *password_form(const struct sn_account *account)
{
	if (account->scram_sha_256.n > 0 || account->scram_sha_1.n > 0)
		return "scram";
	return account->crypt.n > 0 ? "crypt" : "none";
}

static void format_day(int64_t wall, struct sn_strbuf *out)
{
	if (wall == 0) {
		sn_strbuf_adds(out, "never");
		return;
	}
	sn_format_time(out, wall, 0);
	sn_strbuf_truncate(out, sizeof("2026-11-20") - 1);
}

static void list_account(void *context, const struct sn_account *account)
{
	struct sn_table *table = context;
	char day[40];
	struct sn_strbuf roles, b;

	sn_strbuf_fixed(&b, day, sizeof(day));
	format_day(account->last_login, &b);
	sn_strbuf_init(&roles, 1 << 14);
	sn_strbuf_adds(&roles, account->disabled ? "(disabled)" : "");
	format_roles(account, &roles);
	sn_table_add(table, account->name);
	sn_table_addf(table, "%s", password_form(account));
	sn_table_addf(table, "%zu", count_of(account, SN_ACCOUNT_KEY));
	sn_table_addf(table, "%zu", count_of(account, SN_ACCOUNT_CERTIFICATE));
	sn_table_addf(table, "%zu", count_of(account, SN_ACCOUNT_TOKEN));
	sn_table_add(table, sn_strbuf_str(&b));
	sn_table_add(table, sn_str(sn_strbuf_cstr(&roles)));
	sn_strbuf_fini(&roles);
}

static int list_table(struct sn_cli_accounts *accounts)
{
	struct sn_table table;
	int code;

	sn_table_init(&table, list_columns, LIST_COLUMNS);
	code = sn_cli_accounts_each(accounts, "", list_account, &table);
	if (code == SN_OK && table.cell_count == 0)
		puts("there are no accounts yet; `sennit user add NAME` makes one");
	else if (code == SN_OK)
		sn_table_print(&table, stdout, sn_cli_color(STDOUT_FILENO));
	sn_table_fini(&table);
	return code;
}

static void append_json(void *array, const struct sn_account *account)
{
	(void)json_array_append_new(array, sn_account_to_json(account, false));
}

static void print_json(json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}

static int list_json(struct sn_cli_accounts *accounts)
{
	json_t *array = json_array();
	const int code = sn_cli_accounts_each(accounts, "", append_json, array);

	if (code == SN_OK)
		print_json(array);
	json_decref(array);
	return code;
}

int sn_user_list(const struct sn_user_request *request)
{
	struct sn_cli_accounts accounts;
	const int exit_code = sn_cli_accounts_open(request->verb, &request->place, &accounts);
	int code;

	if (exit_code != EX_OK)
		return exit_code;
	code = request->json ? list_json(&accounts) : list_table(&accounts);
	sn_cli_accounts_close(&accounts);
	return sn_cli_accounts_say("list", code);
}

/* --- show ------------------------------------------------------------------------------------- */

#define TITLE "%-14s"

static void print_text(const char *title, struct sn_str text)
{
	struct sn_strbuf shown;

	sn_strbuf_init(&shown, 1 << 16);
	sn_strbuf_add_quoted(&shown, text);
	printf(TITLE "%s\n", title, sn_strbuf_cstr(&shown));
	sn_strbuf_fini(&shown);
}

static void print_time(const char *title, int64_t wall)
{
	char text[40];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, text, sizeof(text));
	if (wall == 0)
		sn_strbuf_adds(&b, "never");
	else
		sn_format_time(&b, wall, 0);
	printf(TITLE "%s\n", title, text);
}

static void print_password(const struct sn_account *account)
{
	const struct sn_str records[] = { account->scram_sha_256, account->scram_sha_1 };
	struct sn_scram_record record;
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1000);
	for (size_t i = 0; i < 2; i++) {
		if (records[i].n == 0 || sn_scram_parse(records[i], &record) != SN_OK)
			continue;
		sn_strbuf_addf(&out, "%sSCRAM-SHA-%s (%u iterations)", out.n > 0 ? ", " : "",
			i == 0 ? "256" : "1", (unsigned)record.iterations);
	}
	if (account->crypt.n > 0)
		sn_strbuf_adds(&out, "a crypt(3) hash, until the next login with the password");
	printf(TITLE "%s\n", "password", out.n > 0 ? sn_strbuf_cstr(&out) : "none");
	sn_strbuf_fini(&out);
}

static void print_item(const struct sn_account_item *item)
{
	static const char *const titles[] = {
		[SN_ACCOUNT_ROLE] = "role",
		[SN_ACCOUNT_KEY] = "key",
		[SN_ACCOUNT_CERTIFICATE] = "certificate",
		[SN_ACCOUNT_TOKEN] = "token",
	};

	print_text(titles[item->kind], item->value);
	if (item->label.n > 0)
		print_text("  label", item->label);
	if (item->kind != SN_ACCOUNT_TOKEN)
		return;
	print_time("  expires", item->expires);
	print_time("  used", item->used);
}

static void show_account(void *context, const struct sn_account *account)
{
	(void)context;
	print_text("name", account->name);
	printf(TITLE "%s\n", "state", account->disabled ? "disabled" : "enabled");
	print_password(account);
	print_time("created", account->created);
	print_time("changed", account->changed);
	print_time("last login", account->last_login);
	for (size_t i = 0; i < account->item_count; i++)
		print_item(&account->items[i]);
}

static void show_json(void *context, const struct sn_account *account)
{
	json_t *object = sn_account_to_json(account, false);

	(void)context;
	print_json(object);
	json_decref(object);
}

int sn_user_show(const struct sn_user_request *request)
{
	const char *name = request->words[0];
	struct sn_cli_accounts accounts;
	const int exit_code = sn_cli_accounts_open(request->verb, &request->place, &accounts);
	int code;

	if (exit_code != EX_OK)
		return exit_code;
	code = name[0] == '\0' ? SN_ENOTFOUND
			       : sn_cli_accounts_each(&accounts, name,
					 request->json ? show_json : show_account, NULL);
	sn_cli_accounts_close(&accounts);
	return sn_cli_accounts_say(name, code);
}
