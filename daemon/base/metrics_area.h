/*
 * Metrics area: shared memory that holds the slots of many metric sets and describes itself (names,
 * labels, kinds, help, bounds), so that any process that maps it can print it without the modules'
 * code, and so that counters go on when the worker that counted is replaced.
 *
 * One area belongs to one place (worker GROUP/K): one writer at a time, any number of readers.
 * Layout: header, then entries, append-only; an entry is published by its length, last. Readers
 * check every bound: the memory belongs to a process that may be broken.
 */
#ifndef SN_DAEMON_BASE_METRICS_AREA_H
#define SN_DAEMON_BASE_METRICS_AREA_H

#include "daemon/base/metrics.h"

struct sn_metrics_area;

/* memory: shared, zeroed when new, of at least 4 KiB. An area with another version is made anew. */
struct sn_metrics_area *sn_metrics_area_open(void *memory, size_t size);
void sn_metrics_area_close(struct sn_metrics_area **area); /* the memory stays */
/* Slots for these rows under these labels: those of an earlier life if there was one with the same
 * rows (counters and histograms go on, gauges begin at zero), else new ones. NULL: the area is
 * full: use memory of your own, and say so once. */
_Atomic uint64_t *sn_metrics_area_place(struct sn_metrics_area *area,
	const struct sn_metric_def *defs, size_t count, const char *labels);

struct sn_metrics_view {
	const void *memory;
	size_t size;
	const char
		*labels; /* NULL, or added to what is not summed: gauges per worker stay summed */
};
/* Prometheus text 0.0.4 of all areas, values of the same name and labels summed. */
void sn_metrics_areas_write(
	const struct sn_metrics_view *views, size_t count, struct sn_strbuf *out);

#endif
