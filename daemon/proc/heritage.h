/*
 * Heritage: all that a worker gets from its supervisor, in one struct. It arrives as the message
 * HERITAGE, with LISTENER messages behind it, then START; the worker answers READY or FAILED.
 */
#ifndef SN_DAEMON_PROC_HERITAGE_H
#define SN_DAEMON_PROC_HERITAGE_H

#include "daemon/base/str.h"
#include "daemon/net/plan.h"

struct sn_heritage {
	struct sn_str group;  /* "main" */
	uint32_t index;       /* of this worker in its group */
	uint32_t generation;  /* how many lived in this place before */
	int64_t started_wall; /* ns: when the daemon began */
	/* Descriptors. */
	int snapshot; /* the configuration, TOML in a sealed memfd */
	int metrics;  /* this place's area (metrics_area.h); outlives the worker */
	int limiter;  /* limiter.h's table, shared by all */
	int broker;   /* a channel to the broker */
	bool sandbox; /* apply landlock and seccomp */
	bool thaw;    /* a frozen service follows before START */
};

#endif
