/* Who may come in: the store of accounts, what checkers work with, and the portal of each service.
 */
#include "daemon/auth/accounts.h"
#include "daemon/auth/state_dir.h"
#include "daemon/service/host_private.h"

#define ACCOUNTS "accounts"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("service");

/* --- is it needed? -------------------------------------------------------------------------- */

static bool names_accounts(const struct sn_conf_strings *specs)
{
	for (size_t i = 0; i < specs->count; i++) {
		const struct sn_str spec = specs->items[i];

		if (sn_str_eq(sn_str_sub(spec, 0, sn_str_find(spec, ':')), SN_STR(ACCOUNTS)))
			return true;
	}
	return false;
}

static bool knows_accounts_unasked(const struct sn_conf_named *named)
{
	const struct sn_service *service = sn_registry_find(named->type);
	const struct sn_service_conf *common = named->common;

	return common->auth.count == 0 && (service->flags & SN_SERVICE_ACCOUNTS);
}

/* host NULL: of all services. */
static enum sn_state_need accounts_need(const struct sn_host *host, const struct sn_conf *conf)
{
	enum sn_state_need need = SN_STATE_UNUSED;
	const struct sn_conf_named *named;

	for (size_t i = 0; (named = sn_conf_named_at(conf, "service", i)) != NULL; i++) {
		const struct sn_service_conf *common = named->common;

		if (host != NULL && !sn_host_runs_here(host, named))
			continue;
		if (names_accounts(&common->auth))
			return SN_STATE_REQUIRED;
		if (knows_accounts_unasked(named))
			need = SN_STATE_WANTED;
	}
	return need;
}

enum sn_state_need sn_host_state_need(const struct sn_conf *conf)
{
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");

	if (server->ephemeral || server->store.n > 0)
		return SN_STATE_UNUSED;
	return accounts_need(NULL, conf);
}

/* --- the store ------------------------------------------------------------------------------ */

/* Stable over restarts when there is a place to keep it. */
static int read_secret(struct sn_host *host, struct sn_conf_diags *diags)
{
	uint8_t key[SN_BOOT_KEY_SIZE];
	struct sn_diag diag = { 0 };
	int code;

	if (host->state == NULL)
		return SN_OK;
	code = sn_state_dir_boot_key(host->state, key, &diag);
	if (code == SN_OK)
		memcpy(host->secret, key, sizeof(key));
	else
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "%s", diag.text);
	sn_wipe(key, sizeof(key));
	return code;
}

static int open_store(
	struct sn_host *host, const struct sn_server_conf *server, struct sn_conf_diags *diags)
{
	static const struct sn_store_schema *const schemas[] = { &sn_accounts_schema, NULL };
	struct sn_store_options options = { .schemas = schemas, .checked_before = host->restarted };
	struct sn_diag diag = { 0 };
	struct sn_strbuf url;
	int code;

	sn_strbuf_init(&url, 8192);
	sn_state_dir_store_url(server->ephemeral ? NULL : host->state, server->store, &url);
	options.url = sn_strbuf_str(&url);
	options.metrics = sn_host_metrics_own(host, sn_store_metrics, SN_STORE_METRICS);
	code = sn_store_open(host->loop, &options, &host->auth.store, &diag);
	if (url.p != NULL)
		sn_wipe(url.p, url.n); /* there may be a password in it */
	sn_strbuf_fini(&url);
	if (code != SN_OK)
		sn_conf_report(diags, SN_CONF_ERROR, (struct sn_conf_pos){ 0 }, "accounts: %s",
			diag.text[0] != '\0' ? diag.text : sn_strerror(code));
	return code;
}

int sn_host_auth_open(struct sn_host *host, const struct sn_conf *conf, struct sn_conf_diags *diags)
{
	const struct sn_server_conf *server = sn_conf_plain(conf, "server");
	const enum sn_state_need need = accounts_need(host, conf);
	int code;

	if (need == SN_STATE_UNUSED || host->auth.store != NULL)
		return SN_OK;
	if (host->state == NULL && !server->ephemeral && server->store.n == 0) {
		/* Those that ask for it by name say so themselves. */
		if (need == SN_STATE_WANTED)
			sn_log(&log_ctx, SN_LOG_WARN, "no-accounts",
				sn_f_cstr("reason", host->store_missing));
		return SN_OK;
	}
	code = read_secret(host, diags);
	return code == SN_OK ? open_store(host, server, diags) : code;
}

void sn_host_auth_close(struct sn_host *host)
{
	if (host->auth.store != NULL)
		sn_store_close(&host->auth.store);
}

/* --- portals -------------------------------------------------------------------------------- */

/* The place without the text: there may be a password in it. */
static void report(const struct sn_conf_strings *specs, size_t i, const struct sn_diag *diag,
	struct sn_conf_diags *diags)
{
	struct sn_conf_pos pos = specs->positions[i];

	pos.column = 0;
	sn_conf_report(diags, SN_CONF_ERROR, pos, "%s", diag->text);
}

static int add_accounts(struct sn_host *host, struct sn_instance *instance)
{
	struct sn_checker *checker;
	int code;

	instance->guests = instance->common->roles.count == 0; /* they have none */
	if (host->auth.store == NULL)
		return SN_OK;
	code = sn_checker_open(&host->auth, SN_STR(ACCOUNTS), &checker, NULL);
	if (code == SN_OK)
		sn_portal_add(instance->portal, checker);
	return code;
}

int sn_host_portal_open(struct sn_host *host, struct sn_instance *instance,
	const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service_conf *common = named->common;
	int result = SN_OK;

	instance->portal = sn_portal_new(&host->auth);
	sn_portal_require_roles(instance->portal, common->roles.items, common->roles.count);
	sn_portal_set_metrics(instance->portal, &instance->slot->auth_set);
	if (knows_accounts_unasked(named))
		return add_accounts(host, instance);
	for (size_t i = 0; i < common->auth.count; i++) {
		struct sn_diag diag = { 0 };
		struct sn_checker *checker;

		if (sn_checker_open(&host->auth, common->auth.items[i], &checker, &diag) == SN_OK) {
			sn_portal_add(instance->portal, checker);
			continue;
		}
		report(&common->auth, i, &diag, diags);
		result = SN_ECONFIG;
	}
	return result;
}

int sn_host_portal_check(
	struct sn_host *host, const struct sn_conf_named *named, struct sn_conf_diags *diags)
{
	const struct sn_service_conf *common = named->common;
	int result = SN_OK;

	for (size_t i = 0; i < common->auth.count; i++) {
		struct sn_diag diag = { 0 };
		struct sn_checker *checker;
		const int code =
			sn_checker_open(&host->auth, common->auth.items[i], &checker, &diag);

		if (code == SN_OK) {
			sn_checker_close(&checker);
		} else if (code != SN_EUNAVAILABLE) { /* what only a running daemon has */
			report(&common->auth, i, &diag, diags);
			result = SN_ECONFIG;
		}
	}
	return result;
}
