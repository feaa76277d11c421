#include "daemon/net/stage_tls.h"

#include "daemon/base/mem.h"
#include "daemon/net/listener.h"
#include "daemon/net/tls_private.h"

struct tls_stage {
	struct sn_accept_stage stage; /* first member */
	struct sn_tls_context *context;
	bool attached;
};

static struct tls_stage *tls_stage_of(struct sn_accept_stage *stage)
{
	return sn_container_of(stage, struct tls_stage, stage);
}

/* What a stage before this one (haproxy) has left unread are the first bytes of TLS. */
static int stage_step(struct sn_accept_stage *stage, struct sn_incoming *in)
{
	int code = sn_tls_push(in->top, tls_stage_of(stage)->context, NULL, &in->top);

	return code == SN_OK ? SN_PENDING : code;
}

static int stage_attach(
	struct sn_accept_stage *stage, struct sn_loop *loop, struct sn_offload *pool)
{
	struct tls_stage *tls = tls_stage_of(stage);
	int code = sn_tls_server_attach(tls->context, loop, pool);

	tls->attached = code == SN_OK;
	return code;
}

static void stage_set_alpn(struct sn_accept_stage *stage, const char *const *alpn)
{
	sn_tls_server_set_alpn(tls_stage_of(stage)->context, alpn);
}

static void stage_free(struct sn_accept_stage *stage)
{
	struct tls_stage *tls = tls_stage_of(stage);

	if (tls->attached)
		sn_tls_server_detach(tls->context);
	sn_tls_context_unref(&tls->context);
	sn_free(tls);
}

static const struct sn_accept_stage_ops stage_ops = {
	.name = "tls",
	.step = stage_step,
	.attach = stage_attach,
	.set_alpn = stage_set_alpn,
	.free = stage_free,
};

static void add_stage(struct sn_listen_plan *plan, struct sn_tls_context *context)
{
	struct tls_stage *tls = sn_alloc_zero(sizeof(*tls));

	tls->stage.ops = &stage_ops;
	tls->context = context;
	sn_listen_plan_add_stage(plan, &tls->stage);
}

/* NULL: neither given nor a default. */
static const char *text_of(const struct sn_endpoint *ep, const char *param)
{
	return sn_endpoint_get(ep, param)->text.p;
}

/* --- server --------------------------------------------------------------------------------- */

enum { SSLMETHOD_TLS_1_2 = 2, MIN_VERSION_1_3 = 1 }; /* indices in the parameters' choices */

static void read_tls_server(const struct sn_endpoint *ep, struct sn_tls_server_options *options)
{
	const struct sn_endpoint_value *auth = sn_endpoint_get(ep, "clientAuth");

	options->certs = text_of(ep, "certs");
	options->client_ca = text_of(ep, "clientCA");
	if (auth->given)
		options->client_auth = (enum sn_tls_client_auth)auth->number;
	else if (options->client_ca != NULL)
		options->client_auth = SN_TLS_CLIENT_AUTH_REQUIRE;
	if (sn_endpoint_get(ep, "minVersion")->number == MIN_VERSION_1_3)
		options->versions = SN_TLS_1_3_ONLY;
}

static void read_ssl_server(const struct sn_endpoint *ep, struct sn_tls_server_options *options)
{
	const struct sn_endpoint_value *method = sn_endpoint_get(ep, "sslmethod");

	options->key = text_of(ep, "privateKey");
	options->certs = text_of(ep, "certKey");
	options->extra_chain = text_of(ep, "extraCertChain");
	if (options->certs == NULL || strcmp(options->certs, options->key) == 0) {
		options->certs = options->key;
		options->key = NULL;
	}
	if (method->given && method->number == SSLMETHOD_TLS_1_2)
		options->versions = SN_TLS_1_2_ONLY;
	if (sn_endpoint_get(ep, "dhParameters")->given)
		sn_log(&sn_tls_log, SN_LOG_INFO, "dh-parameters-unused",
			sn_f_cstr("reason", "key exchange is on elliptic curves only"));
}

static bool is_type(const struct sn_endpoint *ep, const char *word)
{
	return strcmp(ep->type->word, word) == 0;
}

/* Where the file that the error is about was named, as far as that can be told. */
static int place(const struct sn_endpoint *ep, const char *param, int code, struct sn_diag *diag)
{
	if (diag != NULL && diag->column == 0)
		diag->column = sn_endpoint_get(ep, param)->given
			? sn_endpoint_get(ep, param)->column
			: ep->column;
	return code;
}

int sn_tls_plan_stage(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	struct sn_tls_server_options options = { .certs = NULL };
	struct sn_tls_context *context;
	const bool tls = is_type(ep, "tls");
	int code;

	if (tls)
		read_tls_server(ep, &options);
	else
		read_ssl_server(ep, &options);
	code = sn_tls_server_new(&options, &context, diag);
	if (code != SN_OK)
		return place(ep, tls ? "certs" : "privateKey", code, diag);
	add_stage(plan, context);
	return SN_OK;
}

/* --- client --------------------------------------------------------------------------------- */

/* The two spellings. */
struct client_params {
	const char *certs, *key, *roots, *name;
};
static const struct client_params tls_client = { "certificate", "privateKey", "trustRoots",
	"host" };
static const struct client_params ssl_client = { "certKey", "privateKey", "caCertsDir",
	"hostname" };

static const char *host_of(const struct sn_endpoint *ep, const struct client_params *params)
{
	const char *name = text_of(ep, params->name);

	return name != NULL ? name : text_of(ep, "host");
}

int sn_tls_plan_client(
	const struct sn_endpoint *ep, struct sn_connect_plan *plan, struct sn_diag *diag)
{
	const struct client_params *params = is_type(ep, "tls") ? &tls_client : &ssl_client;
	const struct sn_tls_client_options options = {
		.trust_roots = text_of(ep, params->roots),
		.certs = text_of(ep, params->certs),
		.key = text_of(ep, params->key),
	};
	int code;

	if (options.key != NULL && options.certs == NULL)
		return sn_diag_set(diag, SN_EMISSING, sn_endpoint_get(ep, params->key)->column,
			"%s: %s= needs %s=", ep->type->word, params->key, params->certs);
	code = sn_tls_client_new(&options, &plan->tls, diag);
	if (code != SN_OK)
		return place(ep, options.certs != NULL ? params->certs : params->roots, code, diag);
	plan->tls_host = sn_pool_strdup(plan->pool, sn_str(host_of(ep, params)));
	return SN_OK;
}
