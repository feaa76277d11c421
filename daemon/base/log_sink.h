/*
 * The one thread that writes the log. Producers hold its lock for a memcpy into the ring and, when
 * the thread sleeps, for one eventfd write; whatever the file behind the descriptor does, only the
 * thread waits for it. A batch that cannot be written is kept and tried again, first after 10 ms,
 * then at most a second apart, from the byte (or datagram) where it stopped; the ring absorbs what
 * comes meanwhile, and what it cannot hold is counted. Private to daemon/base/log*.c.
 */
#ifndef SN_DAEMON_BASE_LOG_SINK_H
#define SN_DAEMON_BASE_LOG_SINK_H

#include "daemon/base/log_record.h"

/* -errno if the system has no thread or descriptor left. */
int sn_log_sink_start(const struct sn_log_options *options) SN_WARN_UNUSED;
/* Nothing happens if there is no sink. */
void sn_log_sink_stop(int64_t timeout_ns);
/* Queue, hold back or drop a record; false if there is no sink. */
bool sn_log_sink_put(const struct sn_log_call *call, struct sn_str record);
uint64_t sn_log_sink_dropped(void);

#endif
