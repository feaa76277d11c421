#include "daemon/net/plan.h"

#include "daemon/base/assert.h"
#include "daemon/net/plan_attach.h"

static int fill(const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	const struct sn_endpoint_ops *ops = sn_endpoint_type_ops(ep->type);

	sn_assert(ep->type->side == SN_SERVER);
	if (ops == NULL || ops->plan_listen == NULL)
		return sn_diag_set(diag, SN_EUNAVAILABLE, ep->column,
			"endpoint type %s cannot listen in this program", ep->type->word);
	return ops->plan_listen(ep, plan, diag);
}

int sn_listen_plan_make(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc;

	*plan = (struct sn_listen_plan){
		.socktype = SOCK_STREAM,
		.fd = -1,
		.wfd = -1,
		.pool = sn_pool_new(0),
	};
	rc = fill(ep, plan, diag);
	if (rc != SN_OK)
		sn_listen_plan_fini(plan);
	return rc;
}

void sn_listen_plan_fini(struct sn_listen_plan *plan)
{
	struct sn_accept_stage *next;

	for (struct sn_accept_stage *stage = plan->stages; stage != NULL; stage = next) {
		next = stage->next;
		stage->ops->free(stage);
	}
	plan->stages = NULL;
	if (plan->pool != NULL)
		sn_pool_free(&plan->pool);
}

int sn_listen_plan_inner(
	const struct sn_endpoint *ep, struct sn_listen_plan *plan, struct sn_diag *diag)
{
	sn_assert(ep->inner != NULL);
	return fill(ep->inner, plan, diag);
}

void sn_listen_plan_add_stage(struct sn_listen_plan *plan, struct sn_accept_stage *stage)
{
	struct sn_accept_stage **end = &plan->stages;

	while (*end != NULL)
		end = &(*end)->next;
	stage->next = NULL;
	*end = stage;
}

void sn_net_init(void)
{
	sn_plan_client_attach();
	sn_plan_server_attach();
	sn_stage_proxy_attach();
}
