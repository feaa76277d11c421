/*
 * The bounded byte ring between those who log and the sink thread, and the table that notices
 * repeats. Neither locks: whoever shares them does. Private to daemon/base/log*.c.
 */
#ifndef SN_DAEMON_BASE_LOG_QUEUE_H
#define SN_DAEMON_BASE_LOG_QUEUE_H

#include "daemon/base/log_record.h"

struct sn_log_queue {
	char *mem;
	size_t size, head, used; /* head: where the oldest byte is */
};

void sn_log_queue_init(struct sn_log_queue *q, size_t size);
void sn_log_queue_fini(struct sn_log_queue *q);
/* False, and nothing changed, if the record does not fit. */
bool sn_log_queue_push(struct sn_log_queue *q, struct sn_str record);
/* Move whole records, each behind its length, to mem; bytes moved. */
size_t sn_log_queue_take(struct sn_log_queue *q, char *mem, size_t cap);
/* The next record of what was taken; false at its end. */
bool sn_log_queue_next(struct sn_str *taken, struct sn_str *record_r);

enum {
	SN_LOG_BURST = 20,         /* records of one event and namespace in one second */
	SN_LOG_REPEAT_SLOTS = 256, /* events watched at a time; the oldest makes room */
};

struct sn_log_repeat {
	const char *event, *ns; /* identity only: their text may be gone */
	int64_t start_ns;       /* of the second being counted */
	unsigned count;
	enum sn_log_level level;
	uint64_t held; /* how many were not written */
	char event_text[64], ns_text[64];
};

struct sn_log_repeats {
	struct sn_log_repeat slots[SN_LOG_REPEAT_SLOTS];
	unsigned holding; /* slots with held > 0 */
};

/*
 * Shall this record be written? If the answer ends an older series whose rest was held back,
 * *ended_r tells of it (held > 0), and that is to be written first.
 */
bool sn_log_repeats_admit(struct sn_log_repeats *r, const struct sn_log_call *call, int64_t now,
	struct sn_log_repeat *ended_r);
/* Take out one series that was over at that time; false if there is none. */
bool sn_log_repeats_expire(struct sn_log_repeats *r, int64_t now, struct sn_log_repeat *ended_r);
/* When the next series ends, or INT64_MAX. */
int64_t sn_log_repeats_due(const struct sn_log_repeats *r);

#endif
