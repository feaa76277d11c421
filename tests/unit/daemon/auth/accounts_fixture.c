#include "tests/unit/daemon/auth/accounts_fixture.h"

#include "daemon/base/log.h"

void accounts_open_store(void)
{
	static const struct sn_store_schema *const schemas[] = { &sn_accounts_schema, NULL };
	const struct sn_store_options options = {
		.url = SN_STR("sqlite::memory:"),
		.schemas = schemas,
	};
	struct sn_diag diag = { 0 };
	int code;

	ck_assert_int_eq(sn_log_set_level("store", SN_LOG_WARN), SN_OK);
	code = sn_store_open(loop, &options, &context.store, &diag);
	ck_assert_msg(code == SN_OK, "%s", diag.text);
}

void accounts_setup(void)
{
	auth_setup();
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_ERROR), SN_OK);
	accounts_open_store();
}

void accounts_teardown(void)
{
	sn_log_reset_levels();
	auth_teardown();
}

int answer(struct sn_promise *p)
{
	return sn_store_wait(loop, p, NULL, NULL);
}

void add_account(const char *name, const char *password)
{
	ck_assert_int_eq(
		answer(sn_account_add(&context, sn_str(name), sn_str(password), false)), SN_OK);
}

void add_item(const char *name, enum sn_account_item_kind kind, const char *value)
{
	const struct sn_account_item item = { .kind = kind, .value = sn_str(value) };

	ck_assert_int_eq(answer(sn_account_add_item(&context, sn_str(name), &item)), SN_OK);
}

static void format_account(void *where, struct sn_promise *p)
{
	static const char *const kinds[] = { "role", "key", "certificate", "token" };
	const struct sn_account *account = sn_account_at(p, 0);
	struct sn_strbuf *out = where;

	if (account == NULL)
		return;
	sn_strbuf_add(out, account->name);
	sn_strbuf_adds(out, account->scram_sha_256.n > 0 ? " 256" : "");
	sn_strbuf_adds(out, account->scram_sha_1.n > 0 ? " 1" : "");
	sn_strbuf_adds(out, account->crypt.n > 0 ? " crypt" : "");
	sn_strbuf_adds(out, account->disabled ? " disabled" : "");
	for (size_t i = 0; i < account->item_count; i++)
		sn_strbuf_addf(out, " %s:%.*s:%.*s", kinds[account->items[i].kind],
			SN_STR_ARG(account->items[i].label), SN_STR_ARG(account->items[i].value));
}

const char *account_text(const char *name)
{
	static char text[4096];
	struct sn_strbuf out;
	int code;

	sn_strbuf_fixed(&out, text, sizeof(text));
	code = sn_store_wait(loop, sn_account_read(&context, sn_str(name), SN_STR_NULL, 1),
		format_account, &out);
	return code == SN_OK ? text : sn_errname(code);
}

void run_sql(const char *text)
{
	const struct sn_sql sql = { .text = text, .expect = -1 };

	ck_assert_int_eq(answer(sn_store_write(context.store, &sql, 1)), SN_OK);
}
