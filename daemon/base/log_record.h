/*
 * One log record as bytes, and as a line. Encoding copies everything the call named, so that a
 * record outlives its caller and a plugin's text; formatting happens later, in the sink thread.
 * Private to daemon/base/log*.c.
 */
#ifndef SN_DAEMON_BASE_LOG_RECORD_H
#define SN_DAEMON_BASE_LOG_RECORD_H

#include "daemon/base/log.h"
#include "daemon/base/strbuf.h"

enum {
	SN_LOG_STR_MAX = 512,     /* bytes of a string value */
	SN_LOG_FIELDS_MAX = 64,   /* fields of a record; what follows is left out */
	SN_LOG_RECORD_MAX = 8192, /* bytes of an encoded record */
};

struct sn_log_call {
	int64_t wall_ns;
	enum sn_log_level level;
	const struct sn_log_ctx *ctx;
	const char *event;
	const struct sn_log_field *fields;
	unsigned count;
};

/* The namespace of a context (may be NULL), its own or inherited; NULL if none. */
const char *sn_log_ctx_ns(const struct sn_log_ctx *ctx);

/*
 * Bytes written to mem. Of fields with the same key the last counts, which is the innermost. A
 * field that does not fit is left out with all after it, and "truncated" put in their place.
 */
size_t sn_log_record_encode(const struct sn_log_call *call, char mem[SN_LOG_RECORD_MAX]);

/*
 * Append the record: as one line with its '\n', or for SN_LOG_SYSLOG and SN_LOG_JOURNAL as one
 * datagram. syslog(3)'s timestamp is in local time; call tzset() first.
 */
void sn_log_record_format(struct sn_strbuf *out, struct sn_str record, enum sn_log_format format);

#endif
