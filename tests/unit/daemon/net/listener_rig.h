/* A listener in a test: its connections are probes, kept by the test in order of opening. */
#ifndef SN_TESTS_UNIT_DAEMON_NET_LISTENER_RIG_H
#define SN_TESTS_UNIT_DAEMON_NET_LISTENER_RIG_H

#include "daemon/net/listener.h"
#include "tests/unit/daemon/net/probe.h"

#define RIG_CONNS 64

/* The owner's struct, freed by sn_incoming_free; what outlives it is in the probe. */
struct rig_conn {
	struct sn_incoming incoming; /* first member */
	struct probe *probe;
};

struct rig {
	struct sn_loop *loop;
	struct sn_fake_clock clock;
	struct sn_listener listener;
	struct sn_listener_options options; /* change before rig_start */
	struct sn_listen_plan plan;
	struct sn_metric_set metrics;
	struct rig_conn *conns[RIG_CONNS]; /* NULL again when freed */
	struct probe probes[RIG_CONNS];
	size_t opened;
	bool started;
};

/* A loop, and a plan for a free port on 127.0.0.1. */
void rig_init(struct rig *rig, bool fake_clock);
/* Plan from an endpoint string instead. */
void rig_plan(struct rig *rig, const char *endpoint);
void rig_start(struct rig *rig);
/* Ends all connections. */
void rig_fini(struct rig *rig);

/* A blocking client socket, connected from 127.0.0.1 or another loopback address. */
int rig_connect(const struct rig *rig, const char *from);
/* Whether the other side has closed; false when 100 turns show nothing. */
bool rig_is_closed(struct rig *rig, int fd);
uint64_t rig_metric(const struct rig *rig, enum sn_listener_metric metric);

#endif
