/* haproxy: the PROXY header before everything else, and whose address counts from then on. */
#include "daemon/net/listener.h"
#include "daemon/net/plan.h"
#include "daemon/net/plan_attach.h"
#include "daemon/net/proxy_protocol.h"

static void adopt_addresses(struct sn_incoming *in, const struct sn_proxy_header *header)
{
	if (header->local)
		return; /* the proxy's own connection, a health check */
	in->peer = header->src;
	in->local = header->dst;
	sn_addr_unmap(&in->peer);
	sn_addr_unmap(&in->local);
}

static int proxy_step(struct sn_accept_stage *stage, struct sn_incoming *in)
{
	struct sn_str input = sn_stream_input(in->top);
	struct sn_proxy_header header;
	size_t used;
	int rc = sn_proxy_parse(input, &header, &used);

	(void)stage; /* has no settings */
	if (rc == SN_AGAIN && input.n >= in->top->limits.in_max)
		return SN_ELIMIT;
	if (rc != SN_OK)
		return rc;
	adopt_addresses(in, &header);
	sn_stream_consume(in->top, used);
	return SN_OK;
}

static void proxy_free(struct sn_accept_stage *stage)
{
	(void)stage; /* in the plan's pool */
}

static const struct sn_accept_stage_ops proxy_stage_ops = {
	.name = "haproxy",
	.step = proxy_step,
	.free = proxy_free,
	.names_peer = true,
};

static int plan_haproxy(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = sn_listen_plan_inner(ep, plan, diag);
	struct sn_accept_stage *stage;

	if (rc != SN_OK)
		return rc;
	stage = sn_pool_alloc_zero(plan->pool, sizeof(*stage));
	stage->ops = &proxy_stage_ops;
	sn_listen_plan_add_stage(plan, stage);
	return SN_OK;
}

static const struct sn_endpoint_ops haproxy_ops = {
	.size = sizeof(struct sn_endpoint_ops),
	.plan_listen = plan_haproxy,
};

void sn_stage_proxy_attach(void)
{
	sn_endpoint_attach(SN_SERVER, "haproxy", &haproxy_ops);
}
