#include "tests/unit/daemon/net/listener_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

static struct rig *rig_of(struct sn_listener *listener)
{
	return sn_container_of(listener, struct rig, listener);
}

static void free_conn(struct probe *p)
{
	struct rig *rig = p->context;
	size_t i = (size_t)(p - rig->probes);

	sn_incoming_free(&rig->conns[i]->incoming);
	rig->conns[i] = NULL;
}

static void on_open(struct sn_listener *listener, struct sn_incoming *in)
{
	struct rig *rig = rig_of(listener);
	size_t i = rig->opened++;
	struct probe *p = &rig->probes[i];

	ck_assert_uint_lt(i, RIG_CONNS);
	rig->conns[i] = sn_container_of(in, struct rig_conn, incoming);
	ck_assert_ptr_null(rig->conns[i]->probe); /* the allocation is zeroed */
	rig->conns[i]->probe = p;
	probe_init(p, in->top);
	p->context = rig;
	p->on_free = free_conn;
}

static const struct sn_listener_ops rig_ops = { .on_open = on_open };

void rig_init(struct rig *rig, bool fake_clock)
{
	struct sn_loop_options options = { .clock = fake_clock ? &rig->clock.clock : NULL };

	*rig = (struct rig){
		.plan = { .socktype = SOCK_STREAM, .fd = -1, .wfd = -1 },
		.options = { .conn_size = sizeof(struct rig_conn), .metrics = &rig->metrics },
	};
	sn_fake_clock_init(&rig->clock);
	ck_assert_int_eq(sn_loop_new(&options, &rig->loop), SN_OK);
	sn_metrics_init(&rig->metrics, sn_listener_metrics, SN_LISTENER_METRICS, NULL);
	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 0, &rig->plan.addr), SN_OK);
}

void rig_plan(struct rig *rig, const char *endpoint)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_endpoint *ep;
	struct sn_diag diag;

	sn_endpoints_init();
	sn_net_init();
	ck_assert_int_eq(sn_endpoint_parse(pool, SN_SERVER, sn_str(endpoint), &ep, &diag), SN_OK);
	ck_assert_msg(sn_listen_plan_make(ep, &rig->plan, &diag) == SN_OK, "%s", diag.text);
	sn_pool_free(&pool);
}

void rig_start(struct rig *rig)
{
	struct sn_listen_socket sock;
	struct sn_diag diag;

	ck_assert_msg(sn_listen_open(&rig->plan, &sock, &diag) == SN_OK, "%s", diag.text);
	ck_assert_int_eq(sn_listener_start(&rig->listener, rig->loop, &sock, rig->plan.stages,
				 &rig->options, &rig_ops),
		SN_OK);
	ck_assert_int_eq(sock.fd, -1);
	rig->started = true;
}

void rig_fini(struct rig *rig)
{
	struct sn_list *link;

	if (rig->started) {
		sn_list_each (link, &rig->listener.connections)
			sn_stream_abort(
				sn_container_of(link, struct sn_incoming, link)->top, SN_CLOSE);
		TURN_UNTIL(rig->loop, sn_list_empty(&rig->listener.connections));
		sn_listener_fini(&rig->listener);
		ck_assert_uint_eq(rig_metric(rig, SN_LISTENER_OPEN), 0);
	}
	for (size_t i = 0; i < rig->opened; i++)
		probe_fini(&rig->probes[i]);
	sn_listen_plan_fini(&rig->plan);
	sn_metrics_fini(&rig->metrics);
	sn_loop_free(&rig->loop);
}

int rig_connect(const struct rig *rig, const char *from)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(sn_addr_port(&rig->listener.sock.local)) };
	struct sockaddr_in source = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, from, &source.sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

bool rig_is_closed(struct rig *rig, int fd)
{
	for (int i = 0; i < 100; i++) {
		char c;
		ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		ck_assert(n < 0 && errno == EAGAIN);
		sn_loop_turn(rig->loop, SN_MS(1));
	}
	return false;
}

uint64_t rig_metric(const struct rig *rig, enum sn_listener_metric metric)
{
	return sn_metric_get(&rig->metrics, metric);
}
