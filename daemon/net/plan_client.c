/* Plans of the built-in client types: tcp, unix, ssl, tls, exec. */
#include "daemon/base/assert.h"
#include "daemon/base/clock.h"
#include "daemon/net/plan.h"
#include "daemon/net/plan_attach.h"
#include "daemon/net/stage_tls.h"

static int fill(const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_ops *ops = sn_endpoint_type_ops(ep->type);

	sn_assert(ep->type->side == SN_CLIENT);
	if (ops == NULL || ops->plan_connect == NULL)
		return sn_diag_set(diag, SN_EUNAVAILABLE, ep->column,
			"endpoint type %s cannot connect in this program", ep->type->word);
	return ops->plan_connect(ep, plan, diag);
}

int sn_connect_plan_make(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	int rc;

	*plan = (struct sn_connect_plan){ .pool = sn_pool_new(0) };
	rc = fill(ep, plan, diag);
	if (rc != SN_OK)
		sn_connect_plan_fini(plan);
	return rc;
}

void sn_connect_plan_fini(struct sn_connect_plan *plan)
{
	if (plan->tls != NULL)
		sn_tls_context_unref(&plan->tls);
	if (plan->pool != NULL)
		sn_pool_free(&plan->pool);
}

int sn_connect_plan_inner(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	sn_assert(ep->inner != NULL);
	return fill(ep->inner, plan, diag);
}

/* --- tcp ----------------------------------------------------------------------------------------
 */

static int plan_bind(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_value *local = sn_endpoint_get(ep, "bindAddress");

	if (local->text.n == 0 || sn_addr_parse(local->text, 0, &plan->bind) == SN_OK)
		return SN_OK;
	return sn_diag_set(diag, SN_ESYNTAX, local->column,
		"%s: bindAddress must be an IPv4 or IPv6 address, not '%.*s'", ep->type->word,
		SN_STR_ARG(local->text));
}

static void plan_timeout(const struct sn_endpoint *ep, struct sn_connect_plan *plan)
{
	plan->timeout = SN_SEC(sn_endpoint_get(ep, "timeout")->number);
}

static int plan_tcp(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_value *host = sn_endpoint_get(ep, "host");

	if (host->text.n == 0)
		return sn_diag_set(diag, SN_EMISSING, host->column,
			"%s: the host is empty; example: %s", ep->type->word, ep->type->example);
	plan->host = sn_pool_str(plan->pool, host->text);
	plan->port = (uint16_t)sn_endpoint_get(ep, "port")->number;
	plan_timeout(ep, plan);
	return plan_bind(ep, plan, diag);
}

/* --- tls, ssl -----------------------------------------------------------------------------------
 */

/* tls:HOST:PORT:endpoint=INNER connects through INNER; host is only what is verified then. */
static int plan_below_tls(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	int rc;

	if (ep->inner == NULL)
		return plan_tcp(ep, plan, diag);
	rc = sn_connect_plan_inner(ep, plan, diag);
	if (rc != SN_OK)
		return rc;
	if (sn_endpoint_get(ep, "timeout")->given)
		plan_timeout(ep, plan);
	if (plan->tls == NULL)
		return SN_OK;
	return sn_diag_set(diag, SN_EUNAVAILABLE, ep->inner->column,
		"%s: the inner endpoint must not be TLS itself", ep->type->word);
}

static int plan_tls(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	int rc = plan_below_tls(ep, plan, diag);

	return rc == SN_OK ? sn_tls_plan_client(ep, plan, diag) : rc;
}

/* --- unix, exec ---------------------------------------------------------------------------------
 */

static int plan_unix(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_value *path = sn_endpoint_get(ep, "path");

	if (path->text.n == 0)
		return sn_diag_set(diag, SN_EMISSING, path->column,
			"unix: the path is empty; example: %s", ep->type->example);
	if (sn_addr_unix(path->text, &plan->addr) != SN_OK)
		return sn_diag_set(diag, SN_ELIMIT, path->column,
			"unix: the path is longer than a socket address holds (%zu bytes)",
			sizeof(plan->addr.un.sun_path) - 1);
	if (sn_endpoint_get(ep, "lockfile")->number != 0 && path->text.p[0] != '@')
		plan->lock_file = sn_pool_printf(plan->pool, "%.*s.lock", SN_STR_ARG(path->text));
	plan_timeout(ep, plan);
	return SN_OK;
}

static int plan_exec(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	char **argv = sn_pool_alloc_zero(plan->pool, (ep->rest_count + 2) * sizeof(*argv));

	(void)diag;
	argv[0] = sn_pool_strdup(plan->pool, sn_endpoint_get(ep, "command")->text);
	for (size_t i = 0; i < ep->rest_count; i++)
		argv[i + 1] = sn_pool_strdup(plan->pool, ep->rest[i]);
	plan->argv = argv;
	return SN_OK;
}

/* --- attaching ----------------------------------------------------------------------------------
 */

static const struct {
	const char *word;
	struct sn_endpoint_ops ops;
} types[] = {
	{ "exec", { .size = sizeof(struct sn_endpoint_ops), .plan_connect = plan_exec } },
	{ "ssl", { .size = sizeof(struct sn_endpoint_ops), .plan_connect = plan_tls } },
	{ "tcp", { .size = sizeof(struct sn_endpoint_ops), .plan_connect = plan_tcp } },
	{ "tls", { .size = sizeof(struct sn_endpoint_ops), .plan_connect = plan_tls } },
	{ "unix", { .size = sizeof(struct sn_endpoint_ops), .plan_connect = plan_unix } },
};

void sn_plan_client_attach(void)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		sn_endpoint_attach(SN_CLIENT, types[i].word, &types[i].ops);
}
