/*
 * Metrics area: shared memory that holds the slots of many metric sets and describes itself (names,
 * labels, kinds, help, bounds), so that any process that maps it can print it without the modules'
 * code, and so that counters go on when the worker that counted is replaced.
 *
 * One area belongs to one place (worker GROUP/K): one writer at a time, any number of readers.
 * Layout: header, then entries, append-only; an entry is published by its length, last. Readers
 * work on a copy and check every bound of it: the memory belongs to a process that may be broken.
 * What does not read (a name that is none, labels out of form, a length past the end) is not
 * printed, and what stands before it is.
 */
#ifndef SN_DAEMON_BASE_METRICS_AREA_H
#define SN_DAEMON_BASE_METRICS_AREA_H

#include "daemon/base/metrics.h"

#define SN_METRICS_AREA_LEAST 4096

struct sn_metrics_area;

/*
 * Begin a writer's life. memory: shared, aligned to 8, zeroed when new, of at least 4 KiB. All
 * gauges in it become zero, also those of sets that this life will not place again. An area of
 * another version, or one that a broken writer left unreadable, is made anew.
 */
struct sn_metrics_area *sn_metrics_area_open(void *memory, size_t size);
void sn_metrics_area_close(struct sn_metrics_area **area); /* the memory stays */
/*
 * Slots for these rows under these labels: those of an earlier life if there was one with the same
 * rows (counters and histograms go on, gauges begin at zero), else new ones. Placing the same rows
 * under the same labels again gives the same slots. labels: as sn_metrics_add_label writes them;
 * NULL: none. NULL: the area is full: use memory of your own, and say so once.
 */
_Atomic uint64_t *sn_metrics_area_place(struct sn_metrics_area *area,
	const struct sn_metric_def *defs, size_t count, const char *labels);

struct sn_metrics_view {
	const void *memory; /* aligned to 8 */
	size_t size;
	/* NULL: values are summed with those of the other views. Else labels put before the
	 * entry's, which keep this view's values apart: worker="irc/0". */
	const char *labels;
};
/*
 * Prometheus text 0.0.4 of all areas, values of the same name and labels summed, the rows of one
 * name together in the order they were first met. A row whose kind, scale or bounds differ from
 * the first of its name (two versions of the program during an upgrade) is left out.
 */
void sn_metrics_areas_write(
	const struct sn_metrics_view *views, size_t count, struct sn_strbuf *out);

#endif
