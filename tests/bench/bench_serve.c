#include "tests/bench/bench_serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/mem.h"
#include "daemon/loop/signal.h"

/* Whatever fails here was given on the command line. */
static void check(int code, const struct sn_diag *diag)
{
	if (code == SN_OK)
		return;
	fprintf(stderr, "%s\n", diag->text[0] ? diag->text : sn_strerror(code));
	exit(EXIT_FAILURE);
}

static void plan_endpoint(struct sn_pool *pool, const char *text, struct sn_listen_plan *plan)
{
	struct sn_diag diag = { .code = SN_OK };
	struct sn_endpoint *ep;

	sn_endpoints_init();
	sn_net_init();
	check(sn_endpoint_parse(pool, SN_SERVER, sn_str(text), &ep, &diag), &diag);
	check(sn_listen_plan_make(ep, plan, &diag), &diag);
}

static void attach_stages(
	struct sn_accept_stage *stage, struct sn_loop *loop, struct sn_offload *pool)
{
	const struct sn_diag none = { .code = SN_OK };

	for (; stage != NULL; stage = stage->next)
		if (stage->ops->attach != NULL)
			check(stage->ops->attach(stage, loop, pool), &none);
}

static void announce(const struct sn_addr *addr)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format(addr, &out);
	printf("listening %s\n", text);
	fflush(stdout);
}

int bench_serve(const char *endpoint, const struct sn_listener_options *options,
	const struct sn_listener_ops *ops)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_diag diag = { .code = SN_OK };
	struct sn_listen_socket sock;
	struct sn_listen_plan plan;
	struct sn_listener listener;
	struct sn_offload *workers;
	struct sn_loop *loop;

	sn_signal_ignore_pipe();
	check(sn_loop_new(NULL, &loop), &diag);
	check(sn_offload_new(NULL, &workers), &diag);
	plan_endpoint(pool, endpoint, &plan);
	attach_stages(plan.stages, loop, workers);
	check(sn_listen_open(&plan, &sock, &diag), &diag);
	check(sn_listener_start(&listener, loop, &sock, plan.stages, options, ops), &diag);
	announce(&listener.sock.local);
	return sn_loop_run(loop);
}
