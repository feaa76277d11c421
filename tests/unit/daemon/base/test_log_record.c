#include "daemon/base/log_record.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "tests/support/unit.h"

Suite *sn_suite_log_record(void);

#define WALL 1795172746123456789
#define TEXT_TIME "2026-11-20T11:05:46.123Z "
#define JSON_HEAD "{\"time\":\"2026-11-20T11:05:46.123456Z\","

static struct sn_strbuf line;
static char mem[SN_LOG_RECORD_MAX + 64]; /* room to see it overrun */

static void setup(void)
{
	sn_strbuf_init(&line, 1 << 20);
}

static void teardown(void)
{
	sn_strbuf_fini(&line);
}

static const char *format(const struct sn_log_call *call, enum sn_log_format format)
{
	sn_strbuf_reset(&line);
	sn_log_record_format(&line, sn_str_n(mem, sn_log_record_encode(call, mem)), format);
	return sn_strbuf_cstr(&line);
}

static const struct {
	struct sn_log_field field;
	const char *text, *json;
} fields[] = {
	{ { "nick", SN_FIELD_STR, .str = { "bob", 3 } }, "nick=bob", "\"nick\":\"bob\"" },
	{ { "v", SN_FIELD_STR, .str = { "", 0 } }, "v=\"\"", "\"v\":\"\"" },
	{ { "v", SN_FIELD_STR, .str = { NULL, 0 } }, "v=\"\"", "\"v\":\"\"" },
	{ { "v", SN_FIELD_STR, .str = { "a b", 3 } }, "v=\"a b\"", "\"v\":\"a b\"" },
	{ { "v", SN_FIELD_STR, .str = { "a=b", 3 } }, "v=\"a=b\"", "\"v\":\"a=b\"" },
	{ { "v", SN_FIELD_STR, .str = { "a\nb\r\t", 5 } }, "v=\"a\\nb\\r\\t\"",
		"\"v\":\"a\\nb\\r\\t\"" },
	{ { "v", SN_FIELD_STR, .str = { "\"\\", 2 } }, "v=\"\\\"\\\\\"", "\"v\":\"\\\"\\\\\"" },
	{ { "v", SN_FIELD_STR, .str = { "\033[31m", 5 } }, "v=\"\\x1b[31m\"",
		"\"v\":\"\\u001b[31m\"" },
	{ { "v", SN_FIELD_STR, .str = { "\0", 1 } }, "v=\"\\x00\"", "\"v\":\"\\u0000\"" },
	{ { "v", SN_FIELD_STR, .str = { "\xc3\xa9", 2 } }, "v=\"\xc3\xa9\"", "\"v\":\"\xc3\xa9\"" },
	{ { "v", SN_FIELD_STR, .str = { "a\xff", 2 } }, "v=\"a\\xff\"", "\"v\":\"a\xef\xbf\xbd\"" },
	{ { "fd", SN_FIELD_INT, .i = -7 }, "fd=-7", "\"fd\":-7" },
	{ { "v", SN_FIELD_INT, .i = INT64_MIN }, "v=-9223372036854775808",
		"\"v\":-9223372036854775808" },
	{ { "v", SN_FIELD_UINT, .u = UINT64_MAX }, "v=18446744073709551615",
		"\"v\":18446744073709551615" },
	{ { "v", SN_FIELD_BOOL, .u = 1 }, "v=true", "\"v\":true" },
	{ { "v", SN_FIELD_BOOL, .u = 0 }, "v=false", "\"v\":false" },
	{ { "v", SN_FIELD_DURATION, .i = 1500000 }, "v=1.5ms", "\"v\":0.0015" },
	{ { "v", SN_FIELD_DURATION, .i = 0 }, "v=0s", "\"v\":0" },
	{ { "v", SN_FIELD_DURATION, .i = 1 }, "v=0.001us", "\"v\":0.000000001" },
	{ { "v", SN_FIELD_DURATION, .i = 999999 }, "v=999.999us", "\"v\":0.000999999" },
	{ { "v", SN_FIELD_DURATION, .i = 59999999999 }, "v=59.999s", "\"v\":59.999999999" },
	{ { "v", SN_FIELD_DURATION, .i = 90500000000 }, "v=90s", "\"v\":90.5" },
	{ { "v", SN_FIELD_DURATION, .i = -2000000000 }, "v=-2s", "\"v\":-2" },
	{ { "v", SN_FIELD_DURATION, .i = INT64_MIN }, "v=-9223372036s",
		"\"v\":-9223372036.854775808" },
	{ { "time", SN_FIELD_INT, .i = 1 }, "time=1", "\"field_time\":1" },
	{ { "level", SN_FIELD_INT, .i = 1 }, "level=1", "\"field_level\":1" },
	{ { "ns", SN_FIELD_INT, .i = 1 }, "ns=1", "\"field_ns\":1" },
	{ { "event", SN_FIELD_INT, .i = 1 }, "event=1", "\"field_event\":1" },
};

START_TEST(test_field)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("irc");
	const struct sn_log_call call = {
		.wall_ns = WALL,
		.level = SN_LOG_INFO,
		.ctx = &ctx,
		.event = "client-registered",
		.fields = &fields[_i].field,
		.count = 1,
	};
	char expected[256];
	snprintf(expected, sizeof(expected), TEXT_TIME "info [irc] client-registered %s\n",
		fields[_i].text);
	ck_assert_str_eq(format(&call, SN_LOG_TEXT), expected);
	snprintf(expected, sizeof(expected),
		JSON_HEAD "\"level\":\"info\",\"ns\":\"irc\",\"event\":\"client-registered\",%s}\n",
		fields[_i].json);
	ck_assert_str_eq(format(&call, SN_LOG_JSON), expected);
}
END_TEST

START_TEST(test_bare)
{
	const struct sn_log_call call = {
		.wall_ns = WALL, .level = SN_LOG_WARN, .event = "it happened"
	};
	ck_assert_str_eq(format(&call, SN_LOG_TEXT), TEXT_TIME "warn [-] \"it happened\"\n");
	ck_assert_str_eq(format(&call, SN_LOG_JSON),
		JSON_HEAD "\"level\":\"warn\",\"ns\":\"-\",\"event\":\"it happened\"}\n");
}
END_TEST

static const char *const colors[] = {
	"\033[36mdebug",
	"\033[32minfo",
	"\033[33mwarn",
	"\033[31merror",
	"\033[1;31mcritical",
};

START_TEST(test_color)
{
	const struct sn_log_field field = sn_f_cstr("v", "x");
	const struct sn_log_call call = {
		.wall_ns = WALL,
		.level = (enum sn_log_level)_i,
		.event = "e",
		.fields = &field,
		.count = 1,
	};
	char expected[128];
	snprintf(expected, sizeof(expected),
		"\033[2m2026-11-20T11:05:46.123Z\033[0m %s\033[0m [-] e v=x\n", colors[_i]);
	ck_assert_str_eq(format(&call, SN_LOG_TEXT_COLOR), expected);
}
END_TEST

static const int priorities[] = { 7, 6, 4, 3, 2 };

START_TEST(test_priority)
{
	const struct sn_log_field field = sn_f_cstr("v", "a\nb");
	const struct sn_log_call call = {
		.wall_ns = WALL,
		.level = (enum sn_log_level)_i,
		.event = "e",
		.fields = &field,
		.count = 1,
	};
	char expected[64];
	snprintf(expected, sizeof(expected), "<%d>[-] e v=\"a\\nb\"\n", priorities[_i]);
	ck_assert_str_eq(format(&call, SN_LOG_PRIORITY), expected);
}
END_TEST

START_TEST(test_syslog)
{
	const struct sn_log_call call = { .wall_ns = WALL - SN_SEC(15 * 24 * 3600),
		.level = (enum sn_log_level)_i,
		.event = "e" };
	char expected[64];
	setenv("TZ", "TST-3", 1);
	tzset();
	snprintf(expected, sizeof(expected), "<%d>Nov  5 14:05:46 sennit[%d]: [-] e",
		24 + priorities[_i], getpid());
	ck_assert_str_eq(format(&call, SN_LOG_SYSLOG), expected);
	unsetenv("TZ");
	tzset();
}
END_TEST

START_TEST(test_journal)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("irc.x");
	const struct sn_log_field values[] = {
		sn_f_str("two-lines", SN_STR("a\nb")),
		sn_f_cstr("ns", "own"),
		sn_f_duration("Took9", -SN_MS(1500)),
		sn_f_bool("ok", true),
	};
	const struct sn_log_call call = { .wall_ns = WALL,
		.level = SN_LOG_WARN,
		.ctx = &ctx,
		.event = "it-was",
		.fields = values,
		.count = 4 };
	static const char expected[] =
		"PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=sennit\n"
		"MESSAGE=[irc.x] it-was two-lines=\"a\\nb\" ns=own Took9=-1.5s ok=true\n"
		"SENNIT_NS=irc.x\nSENNIT_EVENT=it-was\n"
		"SENNIT_TWO_LINES\n\3\0\0\0\0\0\0\0a\nb\n"
		"SENNIT_FIELD_NS=own\nSENNIT_TOOK9=-1.5\nSENNIT_OK=true\n";
	(void)format(&call, SN_LOG_JOURNAL);
	ck_assert_uint_eq(line.n, sizeof(expected) - 1);
	ck_assert_int_eq(memcmp(line.p, expected, line.n), 0);
}
END_TEST

START_TEST(test_contexts)
{
	static const struct sn_log_field outer_fields[] = {
		{ "service", SN_FIELD_STR, .str = { "irc", 3 } },
		{ "fd", SN_FIELD_INT, .i = 1 },
	};
	static const struct sn_log_field inner_fields[] = {
		{ "fd", SN_FIELD_INT, .i = 2 },
		{ "peer", SN_FIELD_STR, .str = { "::1", 3 } },
	};
	static const struct sn_log_ctx root = SN_LOG_CTX("irc");
	static const struct sn_log_ctx outer = { &root, NULL, outer_fields, 2 };
	static const struct sn_log_ctx inner = { &outer, NULL, inner_fields, 2 };
	static const struct sn_log_ctx tls = { &inner, "irc.tls", NULL, 0 };
	static const struct sn_log_field own = { "peer", SN_FIELD_STR, .str = { "::2", 3 } };
	struct sn_log_call call = {
		.wall_ns = WALL, .level = SN_LOG_INFO, .ctx = &inner, .event = "e"
	};
	ck_assert_str_eq(sn_log_ctx_ns(&inner), "irc");
	ck_assert_str_eq(sn_log_ctx_ns(&tls), "irc.tls");
	ck_assert_ptr_null(sn_log_ctx_ns(NULL));
	ck_assert_str_eq(
		format(&call, SN_LOG_TEXT), TEXT_TIME "info [irc] e service=irc fd=2 peer=::1\n");
	call.ctx = &tls;
	call.fields = &own;
	call.count = 1;
	ck_assert_str_eq(format(&call, SN_LOG_TEXT),
		TEXT_TIME "info [irc.tls] e service=irc fd=2 peer=::2\n");
}
END_TEST

static const struct {
	const char *tail; /* what stands at byte 510 and on */
	size_t kept;
} cuts[] = {
	{ "ab", 512 },
	{ "abc", 512 },
	{ "a\xc3\xa9z", 511 },
	{ "\xc3\xa9z", 512 },
	{ "\xe2\x82\xacz", 510 },
	{ "\xf0\x9f\x98\x80z", 510 },
	{ "\x80\x80\x80\x80", 509 },
};

START_TEST(test_string_cut)
{
	char value[600];
	struct sn_log_field field;
	struct sn_log_call call = {
		.wall_ns = WALL, .level = SN_LOG_INFO, .event = "e", .count = 1
	};
	memset(value, 'x', sizeof(value));
	memcpy(value + 510, cuts[_i].tail, strlen(cuts[_i].tail));
	field = sn_f_str("v", sn_str_n(value, 510 + strlen(cuts[_i].tail)));
	call.fields = &field;
	const size_t with = sn_log_record_encode(&call, mem);
	field.str.n = 0;
	ck_assert_uint_eq(with - sn_log_record_encode(&call, mem), cuts[_i].kept);
}
END_TEST

START_TEST(test_too_many_bytes)
{
	static char keys[40][8];
	char value[512];
	struct sn_log_field many[40];
	const struct sn_log_call call = {
		.wall_ns = WALL, .level = SN_LOG_INFO, .event = "e", .fields = many, .count = 40
	};
	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 40; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%d", i);
		many[i] = sn_f_str(keys[i], sn_str_n(value, sizeof(value)));
	}
	/* The record ends at every distance from its limit. */
	for (; many[0].str.n > 0; many[0].str.n--)
		ck_assert_uint_le(sn_log_record_encode(&call, mem), SN_LOG_RECORD_MAX);
	many[0].str.n = sizeof(value);
	const char *text = format(&call, SN_LOG_TEXT);
	ck_assert_ptr_nonnull(strstr(text, "x key14=x"));
	ck_assert_ptr_null(strstr(text, "key15="));
	ck_assert_ptr_nonnull(strstr(text, "x truncated=true\n"));
}
END_TEST

START_TEST(test_too_many_fields)
{
	static char keys[100][8];
	struct sn_log_field many[100];
	const struct sn_log_call call = {
		.wall_ns = WALL, .level = SN_LOG_INFO, .event = "e", .fields = many, .count = 100
	};
	for (int i = 0; i < 100; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		many[i] = sn_f_int(keys[i], i);
	}
	const char *text = format(&call, SN_LOG_TEXT);
	ck_assert_ptr_nonnull(strstr(text, " k63=63"));
	ck_assert_ptr_null(strstr(text, " k64="));
}
END_TEST

/* A strict reader of one flat JSON object (RFC 8259): true if all of s is one, and only one. */
static bool skip_char(struct sn_str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = sn_str_from(*s, 1);
	return true;
}

static bool skip_word(struct sn_str *s, struct sn_str word)
{
	if (!sn_str_starts(*s, word))
		return false;
	*s = sn_str_from(*s, word.n);
	return true;
}

static bool skip_escape(struct sn_str *s)
{
	uint64_t code;
	if (s->n == 0)
		return false;
	const char c = s->p[0];
	*s = sn_str_from(*s, 1);
	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
	if (s->n < 4 || sn_parse_base(sn_str_sub(*s, 0, 4), 16, 0xffff, &code) != SN_OK)
		return false;
	*s = sn_str_from(*s, 4);
	return true;
}

static bool skip_string(struct sn_str *s)
{
	if (!skip_char(s, '"'))
		return false;
	while (s->n > 0) {
		const unsigned char c = (unsigned char)s->p[0];
		*s = sn_str_from(*s, 1);
		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !skip_escape(s)))
			return false;
	}
	return false;
}

static bool skip_digits(struct sn_str *s)
{
	const size_t before = s->n;
	while (s->n > 0 && sn_ascii_digit(s->p[0]))
		*s = sn_str_from(*s, 1);
	return s->n < before;
}

static bool skip_number(struct sn_str *s)
{
	(void)skip_char(s, '-');
	const bool zero = s->n > 1 && s->p[0] == '0' && sn_ascii_digit(s->p[1]);
	return !zero && skip_digits(s) && (!skip_char(s, '.') || skip_digits(s));
}

static bool is_json_object(struct sn_str s)
{
	if (!sn_utf8_valid(s) || !skip_char(&s, '{'))
		return false;
	do {
		if (!skip_string(&s) || !skip_char(&s, ':'))
			return false;
		if (!skip_word(&s, SN_STR("true")) && !skip_word(&s, SN_STR("false")) &&
			!skip_string(&s) && !skip_number(&s))
			return false;
	} while (skip_char(&s, ','));
	return skip_char(&s, '}') && skip_char(&s, '\n') && s.n == 0;
}

static uint64_t read_little_endian(struct sn_str s)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 8; i++)
		v |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
	return v;
}

/* The journal's own reading: fields in a datagram, or -1 if it has not the form. */
static int count_journal_fields(struct sn_str s)
{
	int found = 0;
	for (; s.n > 0; found++) {
		size_t name = 0;
		while (name < s.n &&
			(sn_ascii_digit(s.p[name]) || s.p[name] == '_' ||
				(s.p[name] >= 'A' && s.p[name] <= 'Z')))
			name++;
		if (name == 0 || name > 64 || name == s.n || s.p[0] == '_')
			return -1;
		size_t end = sn_str_find(s, '\n');
		if (name == end) {
			if (s.n < name + 9)
				return -1;
			end = name + 9 + read_little_endian(sn_str_from(s, name + 1));
		} else if (s.p[name] != '=') {
			return -1;
		}
		if (end >= s.n || s.p[end] != '\n')
			return -1;
		s = sn_str_from(s, end + 1);
	}
	return found;
}

START_TEST(test_json_checker_refuses)
{
	static const char *const bad[] = { "", "{}\n", "{\"a\":1}", "{\"a\":01}\n", "{\"a\":1,}\n",
		"{\"a\":\"\n\"}\n", "{\"a\":\"\\x\"}\n", "{\"a\":\"\xff\"}\n", "{\"a\":1.}\n",
		"{\"a\":-}\n", "{\"a\":\"\\u12g4\"}\n", "{\"a\":1}\n\n", "{\"a\":tru}\n",
		"{\"a\"}\n" };
	ck_assert(is_json_object(SN_STR("{\"a\":-1.5,\"b\":\"\\u00ff\\\"\",\"c\":true}\n")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!is_json_object(sn_str(bad[i])), "%s", bad[i]);
}
END_TEST

/* Whatever bytes a value, key or event has: JSON stays JSON, text stays one printable line. */
START_TEST(test_any_bytes)
{
	char junk[512], name[41];
	uint64_t state = (uint64_t)_i + 1;
	for (size_t i = 0; i < sizeof(junk); i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		junk[i] = (char)(state >> 56);
	}
	for (size_t i = 0; i < 40; i++)
		name[i] = junk[i] != '\0' ? junk[i] : 'x';
	name[40] = '\0';
	const struct sn_log_field values[] = {
		sn_f_str("v", sn_str_n(junk, sizeof(junk))),
		sn_f_str(name, sn_str_n(junk, 100)),
		sn_f_duration("d", (int64_t)state),
	};
	const struct sn_log_call call = { .wall_ns = (int64_t)state,
		.level = SN_LOG_ERROR,
		.event = name,
		.fields = values,
		.count = 3 };
	(void)format(&call, SN_LOG_JSON);
	ck_assert(is_json_object(sn_strbuf_str(&line)));
	(void)format(&call, SN_LOG_JOURNAL);
	ck_assert_int_eq(count_journal_fields(sn_strbuf_str(&line)), 9);
	(void)format(&call, SN_LOG_SYSLOG);
	ck_assert_uint_eq(sn_str_find(sn_strbuf_str(&line), '\n'), line.n);
	(void)format(&call, SN_LOG_TEXT);
	ck_assert_uint_eq(sn_str_find(sn_strbuf_str(&line), '\n'), line.n - 1);
	for (size_t i = 0; i + 1 < line.n; i++)
		ck_assert_int_ge((unsigned char)line.p[i], 0x20);
	ck_assert(sn_utf8_valid(sn_strbuf_str(&line)));
}
END_TEST

Suite *sn_suite_log_record(void)
{
	Suite *suite = suite_create("base/log_record");
	TCase *tc = tcase_create("log_record");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_field, 0, (int)(sizeof(fields) / sizeof(fields[0])));
	tcase_add_test(tc, test_bare);
	tcase_add_loop_test(tc, test_color, 0, SN_LOG_OFF);
	tcase_add_loop_test(tc, test_priority, 0, SN_LOG_OFF);
	tcase_add_loop_test(tc, test_syslog, 0, SN_LOG_OFF);
	tcase_add_test(tc, test_journal);
	tcase_add_test(tc, test_contexts);
	tcase_add_loop_test(tc, test_string_cut, 0, (int)(sizeof(cuts) / sizeof(cuts[0])));
	tcase_add_test(tc, test_too_many_bytes);
	tcase_add_test(tc, test_too_many_fields);
	tcase_add_test(tc, test_json_checker_refuses);
	tcase_add_loop_test(tc, test_any_bytes, 0, 64);
	suite_add_tcase(suite, tc);
	return suite;
}
