#include "daemon/base/log_record.h"

#include <time.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/text.h"
#include "daemon/base/wire.h"

/*
 * Encoding: u64 time, u8 level, str8 namespace, str8 event, then fields until the end:
 * u8 kind, str8 key, and str16 (strings) or u64 (everything else).
 */
enum {
	NAME_MAX_BYTES = 255,
	TRUNCATED_FIELD_BYTES = 1 + 1 + sizeof("truncated") - 1 + 8,
};

const char *sn_log_ctx_ns(const struct sn_log_ctx *ctx)
{
	while (ctx != NULL && ctx->ns == NULL)
		ctx = ctx->parent;
	return ctx != NULL ? ctx->ns : NULL;
}

/* At most max bytes of s, not ending inside a character if it is UTF-8. */
static struct sn_str cut_text(struct sn_str s, size_t max)
{
	if (s.n <= max)
		return s;
	size_t n = max;
	while (n > max - 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return sn_str_n(s.p, n);
}

static void write_name(struct sn_writer *w, const char *name)
{
	sn_write_str8(w, cut_text(sn_str(name), NAME_MAX_BYTES));
}

static void write_field(struct sn_writer *w, const struct sn_log_field *field)
{
	sn_write_u8(w, (uint8_t)field->kind);
	write_name(w, field->key);
	if (field->kind == SN_FIELD_STR)
		sn_write_str16(w, cut_text(field->str, SN_LOG_STR_MAX));
	else
		sn_write_u64(w, field->u);
}

struct field_list {
	const struct sn_log_field *at[SN_LOG_FIELDS_MAX];
	unsigned count;
};

static void add_fields(struct field_list *list, const struct sn_log_field *fields, unsigned count)
{
	for (unsigned i = 0; i < count && list->count < SN_LOG_FIELDS_MAX; i++)
		if (fields[i].key != NULL)
			list->at[list->count++] = &fields[i];
}

static void add_ctx_fields(struct field_list *list, const struct sn_log_ctx *ctx)
{
	if (ctx == NULL)
		return;
	add_ctx_fields(list, ctx->parent);
	add_fields(list, ctx->fields, ctx->field_count);
}

static bool is_overridden(const struct field_list *list, unsigned i)
{
	const char *key = list->at[i]->key;
	for (unsigned j = i + 1; j < list->count; j++)
		if (list->at[j]->key == key || strcmp(list->at[j]->key, key) == 0)
			return true;
	return false;
}

static void write_fields(struct sn_writer *w, const struct field_list *list)
{
	const struct sn_log_field truncated = sn_f_bool("truncated", true);
	w->cap -= TRUNCATED_FIELD_BYTES;
	for (unsigned i = 0; i < list->count; i++) {
		const size_t before = w->n;
		if (is_overridden(list, i))
			continue;
		write_field(w, list->at[i]);
		if (w->err == SN_OK)
			continue;
		w->n = before;
		w->err = SN_OK;
		w->cap += TRUNCATED_FIELD_BYTES;
		write_field(w, &truncated);
		return;
	}
}

size_t sn_log_record_encode(const struct sn_log_call *call, char mem[SN_LOG_RECORD_MAX])
{
	struct sn_writer w = sn_writer(mem, SN_LOG_RECORD_MAX);
	struct field_list list = { .count = 0 };
	sn_write_u64(&w, (uint64_t)call->wall_ns);
	sn_write_u8(&w, (uint8_t)call->level);
	write_name(&w, sn_log_ctx_ns(call->ctx));
	write_name(&w, call->event);
	add_ctx_fields(&list, call->ctx);
	add_fields(&list, call->fields, call->count);
	write_fields(&w, &list);
	sn_assert(w.err == SN_OK);
	return w.n;
}

/* A record, or one of its fields, read back. */
struct head {
	int64_t wall_ns;
	enum sn_log_level level;
	struct sn_str ns, event;
};

struct field {
	enum sn_field_kind kind;
	struct sn_str key, str;
	uint64_t u;
};

static struct head read_head(struct sn_reader *r)
{
	struct head head;
	head.wall_ns = (int64_t)sn_read_u64(r);
	head.level = (enum sn_log_level)sn_read_u8(r);
	head.ns = sn_read_str8(r);
	head.event = sn_read_str8(r);
	if (head.ns.n == 0)
		head.ns = SN_STR("-");
	return head;
}

static bool read_field(struct sn_reader *r, struct field *field_r)
{
	if (r->err != SN_OK || sn_reader_left(r) == 0)
		return false;
	field_r->kind = (enum sn_field_kind)sn_read_u8(r);
	field_r->key = sn_read_str8(r);
	field_r->str = SN_STR_NULL;
	field_r->u = 0;
	if (field_r->kind == SN_FIELD_STR)
		field_r->str = sn_read_str16(r);
	else
		field_r->u = sn_read_u64(r);
	return r->err == SN_OK;
}

static void add_i64(struct sn_strbuf *out, int64_t v)
{
	if (v < 0)
		sn_strbuf_addc(out, '-');
	sn_strbuf_addu(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void add_bool(struct sn_strbuf *out, bool v)
{
	sn_strbuf_adds(out, v ? "true" : "false");
}

/* For reading, not for parsing: "1.5ms", three decimals at most, whole seconds above a minute. */
static void add_text_duration(struct sn_strbuf *out, int64_t ns)
{
	const uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	if (v >= (uint64_t)SN_SEC(60)) {
		sn_format_duration(out, ns - ns % SN_SEC(1));
		return;
	}
	if (ns < 0)
		sn_strbuf_addc(out, '-');
	if (v >= (uint64_t)SN_SEC(1) || v == 0) {
		sn_format_decimal(out, v, (uint64_t)SN_SEC(1), 3);
		sn_strbuf_adds(out, "s");
	} else if (v >= (uint64_t)SN_MS(1)) {
		sn_format_decimal(out, v, (uint64_t)SN_MS(1), 3);
		sn_strbuf_adds(out, "ms");
	} else {
		sn_format_decimal(out, v, (uint64_t)SN_US(1), 3);
		sn_strbuf_adds(out, "us");
	}
}

/* Only what cannot be mistaken stands bare: a value from a peer must not look like a field. */
static bool is_bare_word(struct sn_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];
		if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return s.n > 0;
}

static void add_text_string(struct sn_strbuf *out, struct sn_str s)
{
	if (is_bare_word(s)) {
		sn_strbuf_add(out, s);
		return;
	}
	sn_strbuf_addc(out, '"');
	sn_strbuf_add_quoted(out, s);
	sn_strbuf_addc(out, '"');
}

static void add_text_field(struct sn_strbuf *out, const struct field *field)
{
	sn_strbuf_addc(out, ' ');
	sn_strbuf_add_quoted(out, field->key);
	sn_strbuf_addc(out, '=');
	switch (field->kind) {
	case SN_FIELD_STR:
		add_text_string(out, field->str);
		break;
	case SN_FIELD_INT:
		add_i64(out, (int64_t)field->u);
		break;
	case SN_FIELD_UINT:
		sn_strbuf_addu(out, field->u);
		break;
	case SN_FIELD_BOOL:
		add_bool(out, field->u != 0);
		break;
	case SN_FIELD_DURATION:
		add_text_duration(out, (int64_t)field->u);
		break;
	}
}

#define DIM "\033[2m"
#define PLAIN "\033[0m"

static void add_colored(struct sn_strbuf *out, enum sn_log_level level)
{
	static const char *const colors[] = {
		[SN_LOG_DEBUG] = "\033[36m",
		[SN_LOG_INFO] = "\033[32m",
		[SN_LOG_WARN] = "\033[33m",
		[SN_LOG_ERROR] = "\033[31m",
		[SN_LOG_CRITICAL] = "\033[1;31m",
		[SN_LOG_OFF] = "",
	};
	sn_strbuf_adds(out, colors[level]);
	sn_strbuf_adds(out, sn_log_level_name(level));
	sn_strbuf_adds(out, PLAIN);
}

/* "[irc] event key=value ..." */
static void add_message(struct sn_strbuf *out, const struct head *head, struct sn_reader *r)
{
	struct field field;
	sn_strbuf_addc(out, '[');
	sn_strbuf_add_quoted(out, head->ns);
	sn_strbuf_adds(out, "] ");
	add_text_string(out, head->event);
	while (read_field(r, &field))
		add_text_field(out, &field);
}

static void format_text(struct sn_strbuf *out, struct sn_reader *r, bool color)
{
	const struct head head = read_head(r);
	sn_strbuf_adds(out, color ? DIM : "");
	sn_format_time(out, head.wall_ns, 3);
	sn_strbuf_adds(out, color ? PLAIN " " : " ");
	if (color)
		add_colored(out, head.level);
	else
		sn_strbuf_adds(out, sn_log_level_name(head.level));
	sn_strbuf_addc(out, ' ');
	add_message(out, &head, r);
	sn_strbuf_addc(out, '\n');
}

/* As syslog(3) numbers them. */
static const unsigned priorities[] = {
	[SN_LOG_DEBUG] = 7,
	[SN_LOG_INFO] = 6,
	[SN_LOG_WARN] = 4,
	[SN_LOG_ERROR] = 3,
	[SN_LOG_CRITICAL] = 2,
	[SN_LOG_OFF] = 7,
};
enum { FACILITY_DAEMON = 3 };

static void format_priority(struct sn_strbuf *out, struct sn_reader *r)
{
	const struct head head = read_head(r);
	sn_strbuf_addf(out, "<%u>", priorities[head.level]);
	add_message(out, &head, r);
	sn_strbuf_addc(out, '\n');
}

/* "<30>Nov  5 09:05:46 sennit[4711]: [irc] event key=value"; the months are English everywhere. */
static void format_syslog(struct sn_strbuf *out, struct sn_reader *r)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const struct head head = read_head(r);
	const time_t seconds = (time_t)(head.wall_ns / SN_SEC(1));
	struct tm tm;
	(void)localtime_r(&seconds, &tm);
	sn_strbuf_addf(out, "<%u>%.3s %2d %02d:%02d:%02d sennit[%d]: ",
		FACILITY_DAEMON * 8 + priorities[head.level], &months[3 * tm.tm_mon], tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
	add_message(out, &head, r);
}

static void add_json_string(struct sn_strbuf *out, struct sn_str s)
{
	sn_strbuf_addc(out, '"');
	sn_strbuf_add_json(out, s);
	sn_strbuf_addc(out, '"');
}

/* Keys that a record has of itself: a field of that name gets another one. */
static bool is_fixed_key(struct sn_str key)
{
	static const char *const fixed[] = { "time", "level", "ns", "event" };
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (sn_str_eq(key, sn_str(fixed[i])))
			return true;
	return false;
}

static void add_json_key(struct sn_strbuf *out, struct sn_str key)
{
	sn_strbuf_adds(out, is_fixed_key(key) ? ",\"field_" : ",\"");
	sn_strbuf_add_json(out, key);
	sn_strbuf_adds(out, "\":");
}

/* Everything but strings, for programs: durations in seconds. */
static void add_plain_value(struct sn_strbuf *out, const struct field *field)
{
	const int64_t i = (int64_t)field->u;
	switch (field->kind) {
	case SN_FIELD_STR:
		sn_unreachable();
	case SN_FIELD_INT:
		add_i64(out, i);
		break;
	case SN_FIELD_UINT:
		sn_strbuf_addu(out, field->u);
		break;
	case SN_FIELD_BOOL:
		add_bool(out, field->u != 0);
		break;
	case SN_FIELD_DURATION:
		sn_strbuf_adds(out, i < 0 ? "-" : "");
		sn_format_decimal(out, i < 0 ? 0 - field->u : field->u, (uint64_t)SN_SEC(1), 9);
		break;
	}
}

static void add_json_field(struct sn_strbuf *out, const struct field *field)
{
	add_json_key(out, field->key);
	if (field->kind == SN_FIELD_STR)
		add_json_string(out, field->str);
	else
		add_plain_value(out, field);
}

static void format_json(struct sn_strbuf *out, struct sn_reader *r)
{
	const struct head head = read_head(r);
	struct field field;
	sn_strbuf_adds(out, "{\"time\":\"");
	sn_format_time(out, head.wall_ns, 6);
	sn_strbuf_adds(out, "\",\"level\":");
	add_json_string(out, sn_str(sn_log_level_name(head.level)));
	sn_strbuf_adds(out, ",\"ns\":");
	add_json_string(out, head.ns);
	sn_strbuf_adds(out, ",\"event\":");
	add_json_string(out, head.event);
	while (read_field(r, &field))
		add_json_field(out, &field);
	sn_strbuf_adds(out, "}\n");
}

/*
 * The journal's native protocol (systemd's JOURNAL_NATIVE_PROTOCOL): NAME=value and a line feed;
 * or, if the value has a line feed itself, NAME, line feed, its length as 64 bits little-endian,
 * value, line feed. Names are of A-Z, 0-9 and '_'.
 */
enum { JOURNAL_NAME_MAX = 64 };

static void add_journal_name(struct sn_strbuf *out, struct sn_str key)
{
	const size_t from = out->n;
	sn_strbuf_adds(out, is_fixed_key(key) ? "SENNIT_FIELD_" : "SENNIT_");
	for (size_t i = 0; i < key.n && out->n - from < JOURNAL_NAME_MAX; i++) {
		const char c = key.p[i];
		const char upper = sn_ascii_alpha(c) ? (char)(c & ~0x20) : '_';
		sn_strbuf_addc(out, sn_ascii_digit(c) ? c : upper);
	}
}

static void add_journal_string(struct sn_strbuf *out, struct sn_str s)
{
	if (sn_str_find(s, '\n') == s.n) {
		sn_strbuf_addc(out, '=');
	} else {
		sn_strbuf_addc(out, '\n');
		for (unsigned shift = 0; shift < 64; shift += 8)
			sn_strbuf_addc(out, (char)((uint64_t)s.n >> shift & 0xff));
	}
	sn_strbuf_add(out, s);
	sn_strbuf_addc(out, '\n');
}

static void add_journal_field(struct sn_strbuf *out, const struct field *field)
{
	add_journal_name(out, field->key);
	if (field->kind == SN_FIELD_STR) {
		add_journal_string(out, field->str);
	} else {
		sn_strbuf_addc(out, '=');
		add_plain_value(out, field);
		sn_strbuf_addc(out, '\n');
	}
}

static void format_journal(struct sn_strbuf *out, struct sn_reader *r)
{
	const struct head head = read_head(r);
	struct sn_reader again = *r;
	struct field field;
	sn_strbuf_addf(out, "PRIORITY=%u\nSYSLOG_FACILITY=%u\nSYSLOG_IDENTIFIER=sennit\nMESSAGE=",
		priorities[head.level], FACILITY_DAEMON);
	add_message(out, &head, r);
	sn_strbuf_adds(out, "\nSENNIT_NS");
	add_journal_string(out, head.ns);
	sn_strbuf_adds(out, "SENNIT_EVENT");
	add_journal_string(out, head.event);
	while (read_field(&again, &field))
		add_journal_field(out, &field);
}

static void format_plain_text(struct sn_strbuf *out, struct sn_reader *r)
{
	format_text(out, r, false);
}

static void format_color_text(struct sn_strbuf *out, struct sn_reader *r)
{
	format_text(out, r, true);
}

void sn_log_record_format(struct sn_strbuf *out, struct sn_str record, enum sn_log_format format)
{
	static void (*const formats[])(struct sn_strbuf * out, struct sn_reader * r) = {
		[SN_LOG_TEXT] = format_plain_text,
		[SN_LOG_TEXT_COLOR] = format_color_text,
		[SN_LOG_JSON] = format_json,
		[SN_LOG_PRIORITY] = format_priority,
		[SN_LOG_SYSLOG] = format_syslog,
		[SN_LOG_JOURNAL] = format_journal,
	};
	struct sn_reader r = sn_reader(record);
	formats[format](out, &r);
	sn_assert(r.err == SN_OK);
}
