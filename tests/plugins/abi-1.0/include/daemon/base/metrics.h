/*
 * Metrics: counters, gauges and histograms declared as const rows with help text. Values live in
 * one block of 64-bit slots per set, so that it can be placed in shared memory and summed over
 * workers; names and help stay in the const rows. Updating is one relaxed atomic add: any thread.
 *
 * Names follow Prometheus: base units, _total for counters; label sets are fixed in the row
 * (no user, no address).
 */
#ifndef SN_DAEMON_BASE_METRICS_H
#define SN_DAEMON_BASE_METRICS_H

#include <stdatomic.h>

#include "daemon/base/err.h"
#include "daemon/base/strbuf.h"

enum sn_metric_kind { SN_METRIC_COUNTER, SN_METRIC_GAUGE, SN_METRIC_HISTOGRAM };

struct sn_metric_def {
	const char *name;   /* sennit_connections_total */
	const char *labels; /* NULL or fixed text: service="irc",result="ok" */
	enum sn_metric_kind kind;
	const char *unit; /* "", "seconds", "bytes" */
	const char *help; /* one sentence; required */
	/* histograms: rising upper bounds in the raw unit observed, ended by 0; scale: raw units
	 * per printed unit (1e9: observed in ns, printed in seconds) */
	const uint64_t *bounds;
	uint64_t scale;
};

struct sn_metric_set {
	const struct sn_metric_def *defs;
	size_t count;
	_Atomic uint64_t *slots;
	uint32_t *first; /* first slot of each metric */
	size_t slot_count;
	bool own_slots;
};

/* Slots needed by these rows. */
size_t sn_metrics_slots(const struct sn_metric_def *defs, size_t count);
/* mem: slots() zeroed 64-bit words, or NULL to allocate. */
void sn_metrics_init(struct sn_metric_set *set, const struct sn_metric_def *defs, size_t count,
	_Atomic uint64_t *mem);
void sn_metrics_fini(struct sn_metric_set *set);

static inline void sn_metric_add(struct sn_metric_set *set, size_t i, uint64_t n)
{
	atomic_fetch_add_explicit(&set->slots[set->first[i]], n, memory_order_relaxed);
}
static inline void sn_metric_sub(struct sn_metric_set *set, size_t i, uint64_t n)
{
	atomic_fetch_sub_explicit(&set->slots[set->first[i]], n, memory_order_relaxed);
}
static inline uint64_t sn_metric_get(const struct sn_metric_set *set, size_t i)
{
	return atomic_load_explicit(&set->slots[set->first[i]], memory_order_relaxed);
}
void sn_metric_observe(struct sn_metric_set *set, size_t i, uint64_t raw); /* histograms */
/* Append name="value", behind a comma if out is not empty; what the format reserves in a value
 * (backslash, quote, line feed) is escaped. */
void sn_metrics_add_label(struct sn_strbuf *out, const char *name, struct sn_str value);
/* Prometheus text format 0.0.4; rows of one name must stand together. */
void sn_metrics_write(const struct sn_metric_set *set, struct sn_strbuf *out);
/* Sets of the same rows, written as one: labels (service="irc") tell their values apart. */
struct sn_metric_part {
	const struct sn_metric_set *set;
	const char *labels; /* before the row's own; NULL: none */
};
void sn_metrics_write_parts(
	const struct sn_metric_part *parts, size_t count, struct sn_strbuf *out);

#endif
