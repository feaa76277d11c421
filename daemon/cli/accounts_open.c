#include "daemon/cli/accounts_open.h"

#include <sys/stat.h>
#include <unistd.h>

#include "daemon/auth/state_dir.h"
#include "daemon/base/mem.h"

#define PAGE 200
#define URL_MAX 4096

/* --- where ------------------------------------------------------------------------------------ */

/* The place as found; empty state: none is needed. */
struct found {
	struct sn_strbuf state, store;
};

static int say(const struct sn_diag *diag)
{
	fprintf(stderr, "sennit: %s\n", diag->text);
	return sn_exit_code(diag->code);
}

static int take_settings(const char *path, const struct sn_server_conf *server, struct found *found)
{
	if (server->ephemeral) {
		fprintf(stderr,
			"sennit: %s: says ephemeral = true: accounts live in the daemon's memory "
			"only; name a database with --state DIR or --store URL\n",
			path);
		return EX_CONFIG;
	}
	sn_strbuf_add(&found->state, server->state);
	sn_strbuf_add(&found->store, server->store);
	return EX_OK;
}

static int read_config(const char *path, struct found *found)
{
	const struct sn_conf_request request = { .schema = sn_registry_schema(), .path = path };
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	int exit_code;

	sn_conf_diags_init(&diags);
	exit_code = sn_exit_code(sn_conf_load(&request, &diags, &conf));
	if (diags.errors > 0)
		sn_cli_print_diags(&diags);
	if (exit_code == EX_OK)
		exit_code = take_settings(path, sn_conf_plain(conf, "server"), found);
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	return exit_code;
}

static int find_settings(const char *verb, const struct sn_cli_place *place, struct found *found)
{
	const char *path = place->config;
	int exit_code = EX_OK;

	if (path == NULL && (place->state != NULL || place->store != NULL))
		return EX_OK;
	if (path == NULL && access("sennit.toml", F_OK) != 0 &&
		access("/etc/sennit/sennit.toml", F_OK) != 0)
		return EX_OK;
	exit_code = sn_cli_find_config(verb, path, &path);
	return exit_code == EX_OK ? read_config(path, found) : exit_code;
}

/* Options go over settings; a server needs no directory. */
static int find(const char *verb, const struct sn_cli_place *place, struct found *found)
{
	struct sn_diag diag = { 0 };
	char *state;
	int code = SN_OK;
	const int exit_code = find_settings(verb, place, found);

	if (exit_code != EX_OK)
		return exit_code;
	if (place->store != NULL || place->state != NULL) {
		sn_strbuf_reset(&found->store);
		sn_strbuf_adds(&found->store, place->store != NULL ? place->store : "");
	}
	state = sn_strdup(place->state != NULL ? place->state : sn_strbuf_cstr(&found->state));
	sn_strbuf_reset(&found->state);
	if (found->store.n == 0)
		code = sn_state_dir_find(sn_str(state), &found->state, &diag);
	if (code == SN_OK && found->store.n == 0)
		code = sn_state_dir_make(sn_strbuf_cstr(&found->state), &diag);
	if (code == SN_OK && found->store.n == 0)
		code = sn_state_dir_become_owner(sn_strbuf_cstr(&found->state), &diag);
	sn_free(state);
	return code == SN_OK ? EX_OK : say(&diag);
}

/* --- open ------------------------------------------------------------------------------------- */

static int open_store(const struct found *found, struct sn_auth_context *context)
{
	static const struct sn_store_schema *const schemas[] = { &sn_accounts_schema, NULL };
	struct sn_store_options options = { .schemas = schemas };
	struct sn_diag diag = { 0 };
	struct sn_strbuf url;
	int code;

	sn_strbuf_init(&url, URL_MAX);
	sn_state_dir_store_url(sn_strbuf_cstr(&found->state), sn_strbuf_str(&found->store), &url);
	options.url = sn_strbuf_str(&url);
	code = sn_store_open(context->loop, &options, &context->store, &diag);
	sn_strbuf_fini(&url);
	return code == SN_OK ? EX_OK : say(&diag);
}

static int open_all(const struct found *found, struct sn_auth_context *context)
{
	int code = sn_loop_new(NULL, &context->loop);

	if (code == SN_OK)
		code = sn_offload_new(NULL, &context->pool);
	if (code == SN_OK)
		return open_store(found, context);
	fprintf(stderr, "sennit: cannot work: %s\n", sn_strerror(code));
	return sn_exit_code(code);
}

int sn_cli_accounts_open(
	const char *verb, const struct sn_cli_place *place, struct sn_cli_accounts *accounts)
{
	struct found found;
	int exit_code;

	*accounts = (struct sn_cli_accounts){ .context.store = NULL };
	(void)sn_log_set_level("", SN_LOG_WARN);
	(void)umask(0077);
	sn_strbuf_init(&found.state, URL_MAX);
	sn_strbuf_init(&found.store, URL_MAX);
	exit_code = find(verb, place, &found);
	if (exit_code == EX_OK)
		exit_code = open_all(&found, &accounts->context);
	sn_strbuf_fini(&found.state);
	sn_strbuf_fini(&found.store);
	if (exit_code != EX_OK)
		sn_cli_accounts_close(accounts);
	return exit_code;
}

void sn_cli_accounts_close(struct sn_cli_accounts *accounts)
{
	struct sn_auth_context *context = &accounts->context;

	if (context->store != NULL)
		sn_store_close(&context->store);
	if (context->pool != NULL)
		sn_offload_free(&context->pool);
	if (context->loop == NULL)
		return;
	sn_loop_turn(context->loop, 0);
	sn_loop_turn(context->loop, 0);
	sn_loop_free(&context->loop);
}

/* --- use -------------------------------------------------------------------------------------- */

int sn_cli_accounts_wait(struct sn_cli_accounts *accounts, struct sn_promise *p)
{
	return sn_store_wait(accounts->context.loop, p, NULL, NULL);
}

struct page {
	sn_cli_account_fn fn;
	void *context;
	size_t count;
	struct sn_strbuf last;
};

static void take_page(void *context, struct sn_promise *p)
{
	struct page *page = context;
	const struct sn_account *account;

	for (page->count = 0; (account = sn_account_at(p, page->count)) != NULL; page->count++) {
		sn_strbuf_reset(&page->last);
		sn_strbuf_add(&page->last, account->name);
		page->fn(page->context, account);
	}
}

int sn_cli_accounts_each(
	struct sn_cli_accounts *accounts, const char *name, sn_cli_account_fn fn, void *context)
{
	struct page page = { .fn = fn, .context = context };
	int code;

	sn_strbuf_init(&page.last, SN_ACCOUNT_NAME_MAX);
	do {
		code = sn_store_wait(accounts->context.loop,
			sn_account_read(
				&accounts->context, sn_str(name), sn_strbuf_str(&page.last), PAGE),
			take_page, &page);
	} while (code == SN_OK && page.count == PAGE && name[0] == '\0');
	sn_strbuf_fini(&page.last);
	return code;
}

int sn_cli_accounts_say(const char *name, int code)
{
	static const struct {
		int code, exit;
		const char *text;
	} rows[] = {
		{ SN_ENOTFOUND, EX_NOUSER,
			"there is no such account; `sennit user list` shows all" },
		{ SN_EDUPLICATE, EX_DATAERR, "there is an account of that name already" },
		{ SN_EENCODING, EX_DATAERR,
			"the password is empty, or holds what passwords cannot have (control "
			"characters, bytes that are no UTF-8)" },
		{ SN_ELIMIT, EX_DATAERR, "the password is too long" },
		{ SN_EBUSY, EX_TEMPFAIL, "the database is busy; try again" },
		{ SN_EUNAVAILABLE, EX_UNAVAILABLE,
			"the database cannot be written now (disk full, server gone); nothing was "
			"changed" },
		{ SN_ESQL, EX_SOFTWARE, "the database refused it" },
	};

	if (code == SN_OK)
		return EX_OK;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != code)
			continue;
		fprintf(stderr, "sennit: %s: %s\n", name, rows[i].text);
		return rows[i].exit;
	}
	fprintf(stderr, "sennit: %s: %s\n", name, sn_strerror(code));
	return sn_exit_code(code);
}
