#include "daemon/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/log_record.h"
#include "daemon/base/log_sink.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

enum {
	RULES_MAX = 64,
	RULE_NS_MAX = 63,
	CACHE_SLOTS = 64,
	LINE_MAX_BYTES = 16 * SN_LOG_RECORD_MAX,
};

static const char *const level_names[] = {
	[SN_LOG_DEBUG] = "debug",
	[SN_LOG_INFO] = "info",
	[SN_LOG_WARN] = "warn",
	[SN_LOG_ERROR] = "error",
	[SN_LOG_CRITICAL] = "critical",
	[SN_LOG_OFF] = "off",
};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

const char *sn_log_level_name(enum sn_log_level level)
{
	sn_assert((unsigned)level < LEVEL_COUNT);
	return level_names[level];
}

int sn_log_parse_level(struct sn_str s, enum sn_log_level *level_r)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (!sn_str_eq(s, sn_str(level_names[i])))
			continue;
		*level_r = (enum sn_log_level)i;
		return SN_OK;
	}
	return SN_EUNKNOWN;
}

struct rule {
	char ns[RULE_NS_MAX + 1];
	enum sn_log_level level;
};

static pthread_mutex_t rules_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[1 + RULES_MAX] = { { .ns = "", .level = SN_LOG_INFO } };
static size_t rule_count = 1; /* rules[0] is the root */

/*
 * The hot path looks at three words: below the lowest threshold of all rules nothing is enabled,
 * from the highest on everything is. Only between the two does the namespace matter; then each
 * thread keeps what it looked up until the rules change.
 */
static _Atomic unsigned lowest_threshold = SN_LOG_INFO;
static _Atomic unsigned highest_threshold = SN_LOG_INFO;
static _Atomic uint32_t rules_generation = 1;

struct cached_threshold {
	const char *ns;
	uint32_t generation; /* 0: empty */
	enum sn_log_level threshold;
};

static bool rule_covers(const struct rule *rule, struct sn_str ns)
{
	const struct sn_str prefix = sn_str(rule->ns);
	if (prefix.n == 0 || sn_str_eq(ns, prefix))
		return true;
	return sn_str_starts(ns, prefix) && sn_str_starts(sn_str_from(ns, prefix.n), SN_STR("."));
}

static enum sn_log_level find_threshold(const char *ns)
{
	pthread_mutex_lock(&rules_lock);
	const struct rule *best = &rules[0];
	for (size_t i = 1; i < rule_count; i++)
		if (rule_covers(&rules[i], sn_str(ns)) && strlen(rules[i].ns) > strlen(best->ns))
			best = &rules[i];
	const enum sn_log_level level = best->level;
	pthread_mutex_unlock(&rules_lock);
	return level;
}

static enum sn_log_level cached_threshold(const char *ns)
{
	static _Thread_local struct cached_threshold cache[CACHE_SLOTS];
	/* Read before the rules: if they change meanwhile, the entry is stale at once. */
	const uint32_t now = atomic_load_explicit(&rules_generation, memory_order_acquire);
	struct cached_threshold *entry = &cache[((uintptr_t)ns >> 3) % CACHE_SLOTS];
	if (entry->generation != now || entry->ns != ns)
		*entry = (struct cached_threshold){ ns, now, find_threshold(ns) };
	return entry->threshold;
}

bool sn_log_enabled(const struct sn_log_ctx *ctx, enum sn_log_level level)
{
	if (level < atomic_load_explicit(&lowest_threshold, memory_order_relaxed))
		return false;
	if (level >= atomic_load_explicit(&highest_threshold, memory_order_relaxed))
		return level < SN_LOG_OFF;
	return level >= cached_threshold(sn_log_ctx_ns(ctx));
}

/* The rule of exactly this namespace, a new one, or NULL if there is no room. */
static struct rule *get_rule(const char *ns)
{
	for (size_t i = 0; i < rule_count; i++)
		if (strcmp(rules[i].ns, ns) == 0)
			return &rules[i];
	if (rule_count == 1 + RULES_MAX)
		return NULL;
	struct rule *rule = &rules[rule_count++];
	memcpy(rule->ns, ns, strlen(ns) + 1);
	return rule;
}

static void publish_rules(void)
{
	unsigned lowest = rules[0].level, highest = rules[0].level;
	for (size_t i = 1; i < rule_count; i++) {
		lowest = rules[i].level < lowest ? rules[i].level : lowest;
		highest = rules[i].level > highest ? rules[i].level : highest;
	}
	atomic_store_explicit(&lowest_threshold, lowest, memory_order_relaxed);
	atomic_store_explicit(&highest_threshold, highest, memory_order_relaxed);
	atomic_fetch_add_explicit(&rules_generation, 1, memory_order_release);
}

int sn_log_set_level(const char *ns, enum sn_log_level level)
{
	sn_assert((unsigned)level < LEVEL_COUNT);
	if (strlen(ns) > RULE_NS_MAX)
		return SN_ELIMIT;
	pthread_mutex_lock(&rules_lock);
	struct rule *rule = get_rule(ns);
	if (rule != NULL) {
		rule->level = level;
		publish_rules();
	}
	pthread_mutex_unlock(&rules_lock);
	return rule != NULL ? SN_OK : SN_ELIMIT;
}

int sn_log_set_rule(struct sn_str rule)
{
	const size_t equals = sn_str_find(rule, '=');
	const bool named = equals < rule.n;
	char *ns = named ? sn_str_dup(sn_str_sub(rule, 0, equals)) : sn_strdup("");
	enum sn_log_level level;
	int code = sn_log_parse_level(named ? sn_str_from(rule, equals + 1) : rule, &level);

	if (code == SN_OK)
		code = sn_log_set_level(ns, level);
	sn_free(ns);
	return code;
}

bool sn_log_level_at(size_t i, struct sn_strbuf *ns, enum sn_log_level *level_r)
{
	bool found;

	pthread_mutex_lock(&rules_lock);
	found = i < rule_count;
	if (found) {
		sn_strbuf_adds(ns, rules[i].ns);
		*level_r = rules[i].level;
	}
	pthread_mutex_unlock(&rules_lock);
	return found;
}

void sn_log_reset_levels(void)
{
	pthread_mutex_lock(&rules_lock);
	rules[0].level = SN_LOG_INFO;
	rule_count = 1;
	publish_rules();
	pthread_mutex_unlock(&rules_lock);
}

static const struct sn_clock *_Atomic record_clock = &sn_clock_system;

bool sn_log_is_journal(int fd)
{
	struct sn_str inode = sn_str(getenv("JOURNAL_STREAM")), device;
	uint64_t dev, ino;
	struct stat st;
	if (inode.n == 0 || !sn_str_split(&inode, ':', &device))
		return false;
	return sn_parse_u64(device, UINT64_MAX, &dev) == SN_OK &&
		sn_parse_u64(inode, UINT64_MAX, &ino) == SN_OK && fstat(fd, &st) == 0 &&
		st.st_dev == dev && st.st_ino == ino;
}

/* Without a sink: one line to stderr, at once; what it does not take is lost. */
static void write_now(struct sn_str record)
{
	const bool journal = sn_log_is_journal(STDERR_FILENO);
	struct sn_strbuf line;
	sn_strbuf_init(&line, LINE_MAX_BYTES);
	sn_log_record_format(&line, record, journal ? SN_LOG_PRIORITY : SN_LOG_TEXT);
	for (struct sn_str rest = sn_strbuf_str(&line); rest.n > 0;) {
		const ssize_t n = write(STDERR_FILENO, rest.p, rest.n);
		if (n > 0)
			rest = sn_str_from(rest, (size_t)n);
		else if (n == 0 || errno != EINTR)
			break;
	}
	sn_strbuf_fini(&line);
}

void sn_log_emit(const struct sn_log_ctx *ctx, enum sn_log_level level, const char *event,
	const struct sn_log_field *fields, unsigned count)
{
	const struct sn_clock *clock = atomic_load_explicit(&record_clock, memory_order_acquire);
	const struct sn_log_call call = {
		.wall_ns = sn_clock_wall(clock),
		.level = level,
		.ctx = ctx,
		.event = event,
		.fields = fields,
		.count = count,
	};
	char mem[SN_LOG_RECORD_MAX];
	const int saved = errno;
	const struct sn_str record = sn_str_n(mem, sn_log_record_encode(&call, mem));
	if (!sn_log_sink_put(&call, record))
		write_now(record);
	errno = saved;
}

static void use_clock(const struct sn_clock *clock)
{
	atomic_store_explicit(&record_clock, clock, memory_order_release);
}

void sn_log_start(const struct sn_log_options *options)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("log");
	const int r = sn_log_sink_start(options);
	if (r < 0) {
		sn_log(&ctx, SN_LOG_ERROR, "log-thread-failed", sn_f_err(r));
		return;
	}
	if (options->clock != NULL)
		use_clock(options->clock);
}

void sn_log_stop(int64_t timeout_ns)
{
	sn_log_sink_stop(timeout_ns);
	use_clock(&sn_clock_system);
}

uint64_t sn_log_dropped(void)
{
	return sn_log_sink_dropped();
}
