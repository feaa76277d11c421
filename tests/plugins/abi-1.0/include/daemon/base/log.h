/*
 * Structured log. A call makes one record (level, namespace, event name, fields) and puts it into
 * a bounded queue; one sink thread formats and writes. The loop never waits for a disk: when the
 * queue is full records are dropped and the next line that fits says "and N more"; the same event
 * repeated from the same place within a second collapses the same way when it exceeds a burst.
 *
 *   static const struct sn_log_ctx log_ctx = SN_LOG_CTX("irc");
 *   sn_log(&conn->log, SN_LOG_INFO, "client-registered", sn_f_str("nick", nick), sn_f_int("fd",
 * fd));
 *
 * Levels are per namespace with dotted inheritance ("net" sets "net.tls" too) and can change at
 * any time. Before sn_log_start, and after sn_log_stop, records are written at once to stderr.
 * Thread-safe. A sink that fails (full disk, closed pipe) is retried, the loss counted and told.
 */
#ifndef SN_DAEMON_BASE_LOG_H
#define SN_DAEMON_BASE_LOG_H

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/err.h"
#include "daemon/base/strbuf.h"

enum sn_log_level {
	SN_LOG_DEBUG,
	SN_LOG_INFO,
	SN_LOG_WARN,
	SN_LOG_ERROR,
	SN_LOG_CRITICAL,
	SN_LOG_OFF, /* as a threshold only */
};

enum sn_field_kind { SN_FIELD_STR, SN_FIELD_INT, SN_FIELD_UINT, SN_FIELD_BOOL, SN_FIELD_DURATION };

struct sn_log_field {
	const char *key; /* static */
	enum sn_field_kind kind;
	union {
		struct sn_str str; /* copied into the record, cut at 512 bytes */
		int64_t i;
		uint64_t u;
	};
};

static inline struct sn_log_field sn_f_str(const char *key, struct sn_str v)
{
	return (struct sn_log_field){ .key = key, .kind = SN_FIELD_STR, .str = v };
}
static inline struct sn_log_field sn_f_cstr(const char *key, const char *v)
{
	return sn_f_str(key, sn_str(v));
}
static inline struct sn_log_field sn_f_int(const char *key, int64_t v)
{
	return (struct sn_log_field){ .key = key, .kind = SN_FIELD_INT, .i = v };
}
static inline struct sn_log_field sn_f_uint(const char *key, uint64_t v)
{
	return (struct sn_log_field){ .key = key, .kind = SN_FIELD_UINT, .u = v };
}
static inline struct sn_log_field sn_f_bool(const char *key, bool v)
{
	return (struct sn_log_field){ .key = key, .kind = SN_FIELD_BOOL, .u = v };
}
/* Nanoseconds; printed as "1.5ms" in text and as seconds in JSON. */
static inline struct sn_log_field sn_f_duration(const char *key, int64_t ns)
{
	return (struct sn_log_field){ .key = key, .kind = SN_FIELD_DURATION, .i = ns };
}
/* error=<sn_strerror(code)> */
static inline struct sn_log_field sn_f_err(int code)
{
	return sn_f_cstr("error", sn_strerror(code));
}

/*
 * Static or embedded, never allocated: where a record comes from and what it always carries. A
 * field hides its namesakes in outer contexts. Namespaces and event names are static strings:
 * levels and repeats are looked up by their address.
 */
struct sn_log_ctx {
	const struct sn_log_ctx
		*parent; /* its fields come first; its name counts if ours is NULL */
	const char *ns;  /* "irc", "net.tls" */
	const struct sn_log_field *fields;
	unsigned field_count;
};
#define SN_LOG_CTX(name) \
	{ \
		.ns = (name) \
	}

/* Cheap; false means the record would be dropped. */
bool sn_log_enabled(const struct sn_log_ctx *ctx, enum sn_log_level level);
void sn_log_emit(const struct sn_log_ctx *ctx, enum sn_log_level level, const char *event,
	const struct sn_log_field *fields, unsigned count);
#define sn_log(ctx, level, event, ...) \
	do { \
		if (sn_log_enabled((ctx), (level))) { \
			const struct sn_log_field sn_fields_[] = { { NULL }, ##__VA_ARGS__ }; \
			sn_log_emit((ctx), (level), (event), sn_fields_ + 1, \
				sizeof(sn_fields_) / sizeof(sn_fields_[0]) - 1); \
		} \
	} while (0)

enum sn_log_format {
	SN_LOG_TEXT,
	SN_LOG_TEXT_COLOR,
	SN_LOG_JSON,
	SN_LOG_PRIORITY, /* "<6>[irc] event key=value": what the journal reads on standard error */
	SN_LOG_SYSLOG,   /* one datagram each: what the targets below use, whatever is chosen */
	SN_LOG_JOURNAL,
};

/*
 * Where lines go. A syslog daemon gets datagrams in the form that syslog(3) has (RFC 3164 without
 * a host, facility daemon); the journal gets its native protocol, with a field SENNIT_KEY for each
 * field of the record. Their sockets are connected again when whoever listened was replaced.
 */
enum sn_log_target { SN_LOG_TO_FD, SN_LOG_TO_SYSLOG, SN_LOG_TO_JOURNALD };

struct sn_log_options {
	enum sn_log_target target;
	/* Copied. Of a socket: NULL for the usual one. Of the file behind fd, or NULL: when its
	 * name is found to mean another file, or none (looked at once a second while something is
	 * written), it is opened anew under the same descriptor, so log files are rotated by
	 * renaming them. */
	const char *path;
	int fd; /* SN_LOG_TO_FD: written to; not closed */
	enum sn_log_format format;
	size_t queue_bytes;           /* 0: 1 MiB; at least 4 KiB */
	const struct sn_clock *clock; /* NULL: system */
};

/* Start the sink thread / write out what is queued (waiting at most timeout_ns) and end it. If no
 * thread can be had, that is logged and records keep going to stderr at once. */
void sn_log_start(const struct sn_log_options *options);
void sn_log_stop(int64_t timeout_ns);
/* "" is the root, at first SN_LOG_INFO. The text is copied. At most 64 rules, of 63 bytes each:
 * SN_ELIMIT. */
int sn_log_set_level(const char *ns, enum sn_log_level level);
/* "net.tls=debug", or "debug" for the root. SN_EUNKNOWN, SN_ELIMIT. */
int sn_log_set_rule(struct sn_str rule);
/* The i-th rule, the root first; false: there are no more. */
bool sn_log_level_at(size_t i, struct sn_strbuf *ns, enum sn_log_level *level_r);
/* Forget all rules, before others are set from a new configuration. */
void sn_log_reset_levels(void);
/* Does the journal read what is written to fd? (JOURNAL_STREAM of sd-daemon(3).) */
bool sn_log_is_journal(int fd);
int sn_log_parse_level(struct sn_str s, enum sn_log_level *level_r) SN_WARN_UNUSED;
const char *sn_log_level_name(enum sn_log_level level);
uint64_t sn_log_dropped(void); /* since start: queue overflow and failed writes */

#endif
