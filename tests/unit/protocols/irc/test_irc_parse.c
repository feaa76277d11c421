#include "protocols/irc/irc_parse.h"

#include "daemon/base/framer.h"
#include "daemon/base/list.h"
#include "daemon/base/mem.h"
#include "tests/support/split.h"
#include "tests/unit/protocols/irc/suites.h"

/* --- lines ---------------------------------------------------------------------------------- */

static const struct {
	const char *line, *tags, *source, *command;
	const char *params[5]; /* ended by NULL */
} good[] = {
	{ "PING", "", "", "PING", { NULL } },
	{ "ping x", "", "", "ping", { "x" } },
	{ "005", "", "", "005", { NULL } },
	{ ":irc.test 001 a :hello you", "", "irc.test", "001", { "a", "hello you" } },
	{ ":a!b@c PRIVMSG #c :hi", "", "a!b@c", "PRIVMSG", { "#c", "hi" } },
	{ "@a=b;c PING x", "a=b;c", "", "PING", { "x" } },
	{ "@a=b  :src  CMD  x   y  :z z ", "a=b", "src", "CMD", { "x", "y", "z z " } },
	{ "CMD x ", "", "", "CMD", { "x" } },
	{ "CMD x   ", "", "", "CMD", { "x" } },
	{ " CMD x", "", "", "CMD", { "x" } },
	{ "CMD :", "", "", "CMD", { "" } },
	{ "CMD ::x", "", "", "CMD", { ":x" } },
	{ "CMD a: :b :c", "", "", "CMD", { "a:", "b :c" } },
	{ "CMD a:b c", "", "", "CMD", { "a:b", "c" } },
	{ "CMD :x", "", "", "CMD", { "x" } },
	{ "@ CMD", "", "", "CMD", { NULL } },
	{ ": CMD", "", "", "CMD", { NULL } },
	{ "CMD \x01"
	  "ACTION waves\x01",
		"", "", "CMD",
		{ "\x01"
		  "ACTION",
			"waves\x01" } },
	{ "CMD \xe4\xf6", "", "", "CMD", { "\xe4\xf6" } },
};

static void check_good(size_t i)
{
	struct sn_irc_message m;
	size_t count = 0;

	ck_assert_int_eq(sn_irc_parse(sn_str(good[i].line), &m), SN_OK);
	ck_assert_str_view(m.tags, good[i].tags);
	ck_assert_str_view(m.source, good[i].source);
	ck_assert_str_view(m.command, good[i].command);
	for (; good[i].params[count] != NULL; count++)
		ck_assert_str_view(m.params[count], good[i].params[count]);
	ck_assert_uint_eq(m.param_count, count);
}

START_TEST(test_good)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check_good(i);
}
END_TEST

#define BAD(line, code) \
	{ \
		line, sizeof(line) - 1, code \
	}
static const struct {
	const char *line;
	size_t n;
	int code;
} bad[] = {
	BAD("", SN_EMISSING),
	BAD("   ", SN_EMISSING),
	BAD("@tag", SN_EMISSING),
	BAD("@tag ", SN_EMISSING),
	BAD(":source", SN_EMISSING),
	BAD("@tag :source ", SN_EMISSING),
	BAD("PING\rx", SN_ESYNTAX),
	BAD("PING x\r", SN_ESYNTAX),
	BAD("PING \0x", SN_ESYNTAX),
	BAD("@a=\0 PING", SN_ESYNTAX),
	BAD("PI-NG x", SN_ESYNTAX),
	BAD("12 x", SN_ESYNTAX),
	BAD("1234 x", SN_ESYNTAX),
	BAD("12a x", SN_ESYNTAX),
	BAD("P1NG", SN_ESYNTAX),
	BAD("\x16\x03\x01", SN_ESYNTAX),
	BAD("\xc3\xa4 x", SN_ESYNTAX),
};

START_TEST(test_bad)
{
	struct sn_irc_message m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(sn_irc_parse(sn_str_n(bad[i].line, bad[i].n), &m) == bad[i].code,
			"line %zu", i);
}
END_TEST

START_TEST(test_fifteen_params)
{
	struct sn_irc_message m;

	ck_assert_int_eq(sn_irc_parse(SN_STR("C 1 2 3 4 5 6 7 8 9 10 11 12 13 14"), &m), SN_OK);
	ck_assert_uint_eq(m.param_count, 14);
	ck_assert_int_eq(
		sn_irc_parse(SN_STR("C 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"), &m), SN_OK);
	ck_assert_uint_eq(m.param_count, SN_IRC_PARAMS_MAX);
	ck_assert_str_view(m.params[14], "15 16");
	ck_assert_int_eq(
		sn_irc_parse(SN_STR("C 1 2 3 4 5 6 7 8 9 10 11 12 13 14 :15 16"), &m), SN_OK);
	ck_assert_uint_eq(m.param_count, SN_IRC_PARAMS_MAX);
	ck_assert_str_view(m.params[14], "15 16");
	ck_assert_int_eq(
		sn_irc_parse(SN_STR("C 1 2 3 4 5 6 7 8 9 10 11 12 13 :14 15 16"), &m), SN_OK);
	ck_assert_uint_eq(m.param_count, 14);
}
END_TEST

/* "@aaa PING xxx" with so many bytes of tags and of the rest. */
static int parse_sized(size_t tags, size_t rest)
{
	struct sn_strbuf line;
	struct sn_irc_message m;
	int code;

	sn_strbuf_init(&line, 1 << 16);
	if (tags > 0)
		sn_strbuf_addc(&line, '@');
	for (size_t i = 0; i < tags; i++)
		sn_strbuf_addc(&line, 'a');
	if (tags > 0)
		sn_strbuf_addc(&line, ' ');
	sn_strbuf_adds(&line, "PING ");
	for (size_t i = 5; i < rest; i++)
		sn_strbuf_addc(&line, 'x');
	code = sn_irc_parse(sn_strbuf_str(&line), &m);
	sn_strbuf_fini(&line);
	return code;
}

START_TEST(test_limits)
{
	ck_assert_int_eq(parse_sized(0, SN_IRC_LINE_MAX), SN_OK);
	ck_assert_int_eq(parse_sized(0, SN_IRC_LINE_MAX + 1), SN_ELIMIT);
	ck_assert_int_eq(parse_sized(SN_IRC_TAGS_MAX, SN_IRC_LINE_MAX), SN_OK);
	ck_assert_int_eq(parse_sized(SN_IRC_TAGS_MAX + 1, SN_IRC_LINE_MAX), SN_ELIMIT);
	ck_assert_int_eq(parse_sized(SN_IRC_TAGS_MAX, SN_IRC_LINE_MAX + 1), SN_ELIMIT);
}
END_TEST

/* Lines as the connection takes them off the wire: framed, then parsed. */
struct wire {
	struct sn_split_feed feed;
	struct sn_line_framer framer;
	struct sn_strbuf pending, seen;
};

static void wire_begin(struct sn_split_feed *feed)
{
	struct wire *wire = sn_container_of(feed, struct wire, feed);

	sn_line_framer_init(&wire->framer, SN_LINE_LF_OR_CRLF, SN_IRC_INPUT_MAX);
	sn_strbuf_reset(&wire->pending);
	sn_strbuf_reset(&wire->seen);
}

static void note(struct wire *wire, struct sn_str line)
{
	struct sn_irc_message m;
	const int code = sn_irc_parse(line, &m);

	if (code != SN_OK) {
		sn_strbuf_addf(&wire->seen, "{%d}", code);
		return;
	}
	sn_strbuf_addf(&wire->seen, "%.*s|%.*s|%.*s", SN_STR_ARG(m.tags), SN_STR_ARG(m.source),
		SN_STR_ARG(m.command));
	for (size_t i = 0; i < m.param_count; i++)
		sn_strbuf_addf(&wire->seen, "|%.*s", SN_STR_ARG(m.params[i]));
	sn_strbuf_addc(&wire->seen, '\n');
}

static void wire_piece(struct sn_split_feed *feed, struct sn_str piece)
{
	struct wire *wire = sn_container_of(feed, struct wire, feed);
	struct sn_str line, rest;
	size_t used;

	sn_strbuf_add(&wire->pending, piece);
	rest = sn_strbuf_str(&wire->pending);
	while (sn_frame_line(&wire->framer, rest, &line, &used) == SN_OK) {
		note(wire, line);
		rest = sn_str_from(rest, used);
	}
	memmove(wire->pending.p, rest.p, rest.n);
	sn_strbuf_truncate(&wire->pending, rest.n);
}

#define DIALOGUE \
	"@a=1;+b=\\s :x CAP LS 302\r\n\r\nNICK alice\nUSER a 0 * :A B\r\n" \
	"P\x01NG\r\nPRIVMSG #c,#d ::) \r\nQUIT"
static void wire_end(struct sn_split_feed *feed, bool whole)
{
	struct wire *wire = sn_container_of(feed, struct wire, feed);
	struct sn_strbuf want;

	sn_strbuf_init(&want, 1 << 12);
	sn_strbuf_addf(&want,
		"a=1;+b=\\s|x|CAP|LS|302\n{%d}||NICK|alice\n||USER|a|0|*|A B\n"
		"{%d}||PRIVMSG|#c,#d|:) \n",
		SN_EMISSING, SN_ESYNTAX);
	if (whole)
		ck_assert_str_view(sn_strbuf_str(&wire->seen), sn_strbuf_cstr(&want));
	else
		ck_assert(sn_str_starts(sn_strbuf_str(&want), sn_strbuf_str(&wire->seen)));
	sn_strbuf_fini(&want);
}

START_TEST(test_pieces)
{
	struct wire wire = { .feed = { wire_begin, wire_piece, wire_end } };

	sn_strbuf_init(&wire.pending, 1 << 16);
	sn_strbuf_init(&wire.seen, 1 << 16);
	sn_test_every_split(&wire.feed, SN_STR(DIALOGUE));
	sn_test_every_truncation(&wire.feed, SN_STR(DIALOGUE));
	sn_strbuf_fini(&wire.pending);
	sn_strbuf_fini(&wire.seen);
}
END_TEST

/* A view that ends where its memory ends: a sanitizer sees a step too far. */
START_TEST(test_every_prefix_stays_inside)
{
	struct sn_irc_message m;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t n = 0; n <= strlen(good[i].line); n++) {
			char *exact = sn_alloc(n > 0 ? n : 1);
			int code;

			memcpy(exact, good[i].line, n);
			code = sn_irc_parse(sn_str_n(exact, n), &m);
			ck_assert_hot(code == SN_OK || code == SN_EMISSING || code == SN_ESYNTAX);
			sn_free(exact);
		}
	}
}
END_TEST

/* --- fitting -------------------------------------------------------------------------------- */

/* A line of n bytes 'x' and then the tail. */
static size_t fit(size_t n, const char *tail)
{
	char line[SN_IRC_LINE_MAX + 64];

	memset(line, 'x', n);
	memcpy(line + n, tail, strlen(tail));
	return sn_irc_fit(sn_str_n(line, n + strlen(tail)));
}

START_TEST(test_fit)
{
	ck_assert_uint_eq(fit(0, ""), 0);
	ck_assert_uint_eq(fit(SN_IRC_LINE_MAX, ""), SN_IRC_LINE_MAX);
	ck_assert_uint_eq(fit(SN_IRC_LINE_MAX, "x"), SN_IRC_LINE_MAX);
	for (size_t before = 1; before <= 4; before++) {
		const size_t n = SN_IRC_LINE_MAX - before;

		/* Two, three and four bytes that begin `before` bytes before the limit. */
		ck_assert_uint_eq(fit(n, "\xc3\xa9xxxx"), before < 2 ? n : SN_IRC_LINE_MAX);
		ck_assert_uint_eq(fit(n, "\xe2\x82\xacxxxx"), before < 3 ? n : SN_IRC_LINE_MAX);
		ck_assert_uint_eq(fit(n, "\xf0\x9f\x98\x80xxxx"), before < 4 ? n : SN_IRC_LINE_MAX);
	}
	/* Not UTF-8 at all: cut where the limit is. */
	ck_assert_uint_eq(
		fit(SN_IRC_LINE_MAX - 6, "\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0"), SN_IRC_LINE_MAX);
	ck_assert_uint_eq(fit(SN_IRC_LINE_MAX - 1, "\xe4\xf6\xfc"), SN_IRC_LINE_MAX);
}
END_TEST

/* --- tags ----------------------------------------------------------------------------------- */

START_TEST(test_next_tag)
{
	struct sn_str rest = SN_STR(";a=1;;b;c=;+d=x=y;"), key, value;

	ck_assert(sn_irc_next_tag(&rest, &key, &value));
	ck_assert_str_view(key, "a");
	ck_assert_str_view(value, "1");
	ck_assert(sn_irc_next_tag(&rest, &key, &value));
	ck_assert_str_view(key, "b");
	ck_assert_ptr_null(value.p);
	ck_assert(sn_irc_next_tag(&rest, &key, &value));
	ck_assert_str_view(key, "c");
	ck_assert(value.p != NULL && value.n == 0);
	ck_assert(sn_irc_next_tag(&rest, &key, &value));
	ck_assert_str_view(key, "+d");
	ck_assert_str_view(value, "x=y");
	ck_assert(!sn_irc_next_tag(&rest, &key, &value));
	ck_assert(!sn_irc_next_tag(&rest, &key, &value));
}
END_TEST

START_TEST(test_tag_keys)
{
	static const struct {
		const char *key;
		bool valid;
	} rows[] = {
		{ "a", true },
		{ "+a", true },
		{ "time", true },
		{ "a-b", true },
		{ "0", true },
		{ "example.com/a", true },
		{ "+example.com/a-1", true },
		{ "+draft/react", true },
		{ "", false },
		{ "+", false },
		{ "/a", false },
		{ "+/a", false },
		{ "v/", false },
		{ "+v/", false },
		{ "a.b", false },
		{ "v/a.b", false },
		{ "v/a/b", false },
		{ "++a", false },
		{ "a_b", false },
		{ "a b", false },
		{ "\xc3\xa9", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(sn_irc_tag_key_valid(sn_str(rows[i].key)) == rows[i].valid, "\"%s\"",
			rows[i].key);
}
END_TEST

START_TEST(test_unescape)
{
	static const struct {
		const char *escaped, *plain;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\\:", ";" },
		{ "\\s", " " },
		{ "\\\\", "\\" },
		{ "\\r", "\r" },
		{ "\\n", "\n" },
		{ "\\b", "b" },
		{ "\\", "" },
		{ "a\\", "a" },
		{ "\\\\s", "\\s" },
		{ "\\:\\s\\\\\\r\\nx\\y\\", "; \\\r\nxy" },
	};
	char text[64];
	struct sn_strbuf out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sn_strbuf_fixed(&out, text, sizeof(text));
		sn_irc_tag_unescape(sn_str(rows[i].escaped), &out);
		ck_assert_str_view(sn_strbuf_str(&out), rows[i].plain);
	}
}
END_TEST

START_TEST(test_escape_and_back)
{
	char all[256], escaped[2 * sizeof(all) + 1], back[sizeof(all) + 1];
	struct sn_strbuf out, again;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	sn_strbuf_fixed(&out, escaped, sizeof(escaped));
	sn_irc_tag_escape(sn_str_n(all, sizeof(all)), &out);
	ck_assert_uint_eq(out.n, sizeof(all) + 5);
	ck_assert_uint_eq(sn_str_find(sn_strbuf_str(&out), ';'), out.n);
	ck_assert_uint_eq(sn_str_find(sn_strbuf_str(&out), ' '), out.n);
	sn_strbuf_fixed(&again, back, sizeof(back));
	sn_irc_tag_unescape(sn_strbuf_str(&out), &again);
	ck_assert(sn_str_eq(sn_strbuf_str(&again), sn_str_n(all, sizeof(all))));
}
END_TEST

START_TEST(test_client_tags)
{
	static const struct {
		const char *tags, *passed;
	} rows[] = {
		{ "", "" },
		{ "msgid=1;time=2", "" },
		{ "+a", "+a" },
		{ "+a=", "+a" },
		{ "+a=1;+b=2", "+a=1;+b=2" },
		{ "x;+a=1;y=2;+b", "+a=1;+b" },
		{ "+a=1;+a=2", "+a=2" },
		{ "+a=1;+b;+a", "+b;+a" },
		{ "+x/y=a\\sb", "+x/y=a\\sb" },
		{ "+_=1;+/x;+;+v/=1;+ok", "+ok" },
		{ "+bad=\xff;+ok=\xc3\xa9", "+ok=\xc3\xa9" },
		{ "=1;+ok", "+ok" },
	};
	char text[128];
	struct sn_strbuf out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sn_strbuf_fixed(&out, text, sizeof(text));
		sn_irc_client_tags(sn_str(rows[i].tags), &out);
		ck_assert_str_view(sn_strbuf_str(&out), rows[i].passed);
	}
}
END_TEST

START_TEST(test_at_most_64_client_tags)
{
	struct sn_strbuf in, out;
	struct sn_str rest, key, value;
	size_t count = 0;

	sn_strbuf_init(&in, SN_IRC_TAGS_MAX);
	sn_strbuf_init(&out, SN_IRC_TAGS_MAX);
	for (int i = 0; i < 100; i++)
		sn_strbuf_addf(&in, "+t%d;", i);
	sn_irc_client_tags(sn_strbuf_str(&in), &out);
	rest = sn_strbuf_str(&out);
	while (sn_irc_next_tag(&rest, &key, &value))
		count++;
	ck_assert_uint_eq(count, 64);
	sn_strbuf_fini(&in);
	sn_strbuf_fini(&out);
}
END_TEST

Suite *sn_suite_irc_parse(void)
{
	Suite *suite = suite_create("irc_parse");
	TCase *lines = tcase_create("lines"), *tags = tcase_create("tags");

	tcase_add_test(lines, test_good);
	tcase_add_test(lines, test_bad);
	tcase_add_test(lines, test_fifteen_params);
	tcase_add_test(lines, test_limits);
	tcase_add_test(lines, test_pieces);
	tcase_add_test(lines, test_every_prefix_stays_inside);
	tcase_add_test(lines, test_fit);
	tcase_add_test(tags, test_next_tag);
	tcase_add_test(tags, test_tag_keys);
	tcase_add_test(tags, test_unescape);
	tcase_add_test(tags, test_escape_and_back);
	tcase_add_test(tags, test_client_tags);
	tcase_add_test(tags, test_at_most_64_client_tags);
	suite_add_tcase(suite, lines);
	suite_add_tcase(suite, tags);
	return suite;
}
