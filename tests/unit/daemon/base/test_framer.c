#include "daemon/base/framer.h"

#include "daemon/base/assert.h"
#include "daemon/base/buf.h"
#include "daemon/base/strbuf.h"
#include "tests/support/death.h"
#include "tests/support/split.h"
#include "tests/unit/daemon/base/suites.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Everything that comes out, as text: [line] <first bytes of an over-long one>. */
struct line_feed {
	struct sn_split_feed feed;
	enum sn_line_ending ending;
	size_t max;
	const char *want;
	struct sn_line_framer framer;
	struct sn_buf in;
	struct sn_strbuf out;
};

static void begin_lines(struct sn_split_feed *feed)
{
	struct line_feed *f = sn_container_of(feed, struct line_feed, feed);

	sn_line_framer_init(&f->framer, f->ending, f->max);
	sn_buf_init(&f->in, 1000);
	sn_strbuf_init(&f->out, 1000);
}

static void feed_lines(struct sn_split_feed *feed, struct sn_str piece)
{
	struct line_feed *f = sn_container_of(feed, struct line_feed, feed);
	struct sn_str line;
	size_t used;
	int rc;

	ck_assert_int_eq(sn_buf_append(&f->in, piece), SN_OK);
	do {
		rc = sn_frame_line(&f->framer, sn_buf_view(&f->in), &line, &used);
		if (rc == SN_OK)
			sn_strbuf_addf(&f->out, "[%.*s]", SN_STR_ARG(line));
		else if (rc == SN_ELIMIT)
			sn_strbuf_addf(&f->out, "<%.*s>", SN_STR_ARG(line));
		else
			ck_assert_int_eq(rc, SN_AGAIN);
		sn_buf_consume(&f->in, used);
	} while (rc != SN_AGAIN);
	/* All of what is kept back has been looked at. */
	ck_assert_uint_eq(f->framer.scanned, f->in.n);
	/* An over-long line is not collected. */
	ck_assert_uint_le(f->in.n, f->max + 1);
}

static void end_lines(struct sn_split_feed *feed, bool whole)
{
	struct line_feed *f = sn_container_of(feed, struct line_feed, feed);
	const struct sn_str got = sn_strbuf_str(&f->out), want = sn_str(f->want);

	if (whole)
		ck_assert_str_eq(sn_strbuf_cstr(&f->out), f->want);
	else
		ck_assert(sn_str_starts(want, got));
	sn_strbuf_fini(&f->out);
	sn_buf_fini(&f->in);
}

static const struct {
	enum sn_line_ending ending;
	size_t max;
	struct sn_str in;
	const char *out;
} lines[] = {
	{ SN_LINE_LF_OR_CRLF, 9, SN_STR(""), "" },
	{ SN_LINE_LF_OR_CRLF, 9, SN_STR("a\nb\r\n\n\r\nc"), "[a][b][][]" },
	{ SN_LINE_LF_OR_CRLF, 9, SN_STR("a\rb\n\r\r\n"), "[a\rb][\r]" },
	{ SN_LINE_LF_OR_CRLF, 4, SN_STR("abcd\nabcd\r\nabc\r"), "[abcd][abcd]" },
	{ SN_LINE_LF_OR_CRLF, 4, SN_STR("abcde\nab\n"), "<abcd>[ab]" },
	{ SN_LINE_LF_OR_CRLF, 4, SN_STR("abcde\r\nab\n"), "<abcd>[ab]" },
	{ SN_LINE_LF_OR_CRLF, 4, SN_STR("abcd\rx\nab\n"), "<abcd>[ab]" },
	{ SN_LINE_LF_OR_CRLF, 4, SN_STR("abc\r\r\r\nab\n"), "<abc\r>[ab]" },
	{ SN_LINE_LF_OR_CRLF, 3, SN_STR("abcdefghijkl\rmn\nx\nabcdefgh\r\ny\n"),
		"<abc>[x]<abc>[y]" },
	{ SN_LINE_LF_OR_CRLF, 3, SN_STR("abcdefghijkl"), "<abc>" },
	{ SN_LINE_LF_OR_CRLF, 0, SN_STR("\n\r\na\n\n"), "[][]<>[]" },
	{ SN_LINE_CRLF, 9, SN_STR("a\r\nb\nc\r\n\rd\r\n\r\n"), "[a][b\nc][\rd][]" },
	{ SN_LINE_CRLF, 9, SN_STR("\n\r\n\r\r\n\n"), "[\n][\r]" },
	{ SN_LINE_CRLF, 4, SN_STR("abcd\r\nabcde\r\nx\r\n"), "[abcd]<abcd>[x]" },
	{ SN_LINE_CRLF, 3, SN_STR("abcdef\n\r\rgh\n\r\nx\r\n"), "<abc>[x]" },
	{ SN_LINE_CRLF, 3, SN_STR("abc\r\r\nx\r\n"), "<abc>[x]" },
	{ SN_LINE_ANY, 9, SN_STR("a\rb\nc\r\nd\r\r\n\n\re"), "[a][b][c][d][][][]" },
	{ SN_LINE_ANY, 3, SN_STR("abcdef\rx\rabcdef\r\ny\nabcdef\n\nabc\r\n"),
		"<abc>[x]<abc>[y]<abc>[][abc]" },
};

START_TEST(lines_however_cut)
{
	struct line_feed f = { .feed = { begin_lines, feed_lines, end_lines },
		.ending = lines[_i].ending,
		.max = lines[_i].max,
		.want = lines[_i].out };

	sn_test_every_split(&f.feed, lines[_i].in);
	sn_test_every_truncation(&f.feed, lines[_i].in);
}
END_TEST

/* A bare CR must end its line at once: whoever sent it may wait for the answer. */
START_TEST(bare_cr_ends_a_line_without_more_input)
{
	struct sn_line_framer f;
	struct sn_str line;
	size_t used;

	sn_line_framer_init(&f, SN_LINE_ANY, 10);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("hi\r"), &line, &used), SN_OK);
	ck_assert_str_view(line, "hi");
	ck_assert_uint_eq(used, 3);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR(""), &line, &used), SN_AGAIN);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("\n"), &line, &used), SN_AGAIN);
	ck_assert_uint_eq(used, 1);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("\n"), &line, &used), SN_OK);
	ck_assert_uint_eq(line.n, 0);
}
END_TEST

/* An LF smuggled into what was already looked at goes unnoticed: the proof that nothing looks. */
START_TEST(no_byte_is_scanned_twice)
{
	static const enum sn_line_ending endings[] = { SN_LINE_LF_OR_CRLF, SN_LINE_CRLF,
		SN_LINE_ANY };
	struct sn_line_framer f;
	struct sn_str line;
	size_t used;

	sn_line_framer_init(&f, endings[_i], 100);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("abcdef"), &line, &used), SN_AGAIN);
	ck_assert_uint_eq(used, 0);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("a\r\ndefg"), &line, &used), SN_AGAIN);
	ck_assert_int_eq(sn_frame_line(&f, SN_STR("a\r\ndefgh\r\n"), &line, &used), SN_OK);
	ck_assert_str_view(line, "a\r\ndefgh");
	ck_assert_uint_eq(used, 10);
}
END_TEST

struct length_feed {
	struct sn_split_feed feed;
	unsigned width;
	const char *want;
	struct sn_buf in;
	struct sn_strbuf out;
};

static void begin_frames(struct sn_split_feed *feed)
{
	struct length_feed *f = sn_container_of(feed, struct length_feed, feed);

	sn_buf_init(&f->in, 1000);
	sn_strbuf_init(&f->out, 1000);
}

static void feed_frames(struct sn_split_feed *feed, struct sn_str piece)
{
	struct length_feed *f = sn_container_of(feed, struct length_feed, feed);
	struct sn_str body;
	size_t used;
	int rc;

	ck_assert_int_eq(sn_buf_append(&f->in, piece), SN_OK);
	while ((rc = sn_frame_length(f->width, 5, sn_buf_view(&f->in), &body, &used)) == SN_OK) {
		sn_strbuf_addf(&f->out, "[%.*s]", SN_STR_ARG(body));
		sn_buf_consume(&f->in, used);
	}
	ck_assert_uint_eq(used, 0);
	if (rc == SN_ELIMIT && sn_str_find(sn_strbuf_str(&f->out), '!') == f->out.n)
		sn_strbuf_addc(&f->out, '!');
}

static void end_frames(struct sn_split_feed *feed, bool whole)
{
	struct length_feed *f = sn_container_of(feed, struct length_feed, feed);

	if (whole)
		ck_assert_str_eq(sn_strbuf_cstr(&f->out), f->want);
	else
		ck_assert(sn_str_starts(sn_str(f->want), sn_strbuf_str(&f->out)));
	sn_strbuf_fini(&f->out);
	sn_buf_fini(&f->in);
}

static const struct {
	unsigned width;
	struct sn_str in;
	const char *out;
} frames[] = {
	{ 1, SN_STR(""), "" },
	{ 1, SN_STR("\3abc\0\1x\4abc"), "[abc][][x]" },
	{ 1, SN_STR("\5abcde\6abcdef"), "[abcde]!" },
	{ 2, SN_STR("\0\3abc\0\0\0\1x"), "[abc][][x]" },
	{ 2, SN_STR("\1\0"), "!" },
	{ 4, SN_STR("\0\0\0\3abc\0\0\0\0\0\0\0\1x"), "[abc][][x]" },
	{ 4, SN_STR("\0\0\0\1x\xff\xff\xff\xff"), "[x]!" },
};

START_TEST(frames_however_cut)
{
	struct length_feed f = { .feed = { begin_frames, feed_frames, end_frames },
		.width = frames[_i].width,
		.want = frames[_i].out };

	sn_test_every_split(&f.feed, frames[_i].in);
	sn_test_every_truncation(&f.feed, frames[_i].in);
}
END_TEST

static void odd_width(void)
{
	struct sn_str body;
	size_t used;

	ck_assert_int_eq(sn_frame_length(3, 10, SN_STR("abcdef"), &body, &used), SN_OK);
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(odd_width, "width == 1"));
}
END_TEST

Suite *sn_suite_framer(void)
{
	Suite *suite = suite_create("base/framer");
	TCase *tc = tcase_create("framer");

	tcase_add_loop_test(tc, lines_however_cut, 0, COUNT(lines));
	tcase_add_test(tc, bare_cr_ends_a_line_without_more_input);
	tcase_add_loop_test(tc, no_byte_is_scanned_twice, 0, 3);
	tcase_add_loop_test(tc, frames_however_cut, 0, COUNT(frames));
	tcase_add_test(tc, misuse_dies);
	suite_add_tcase(suite, tc);
	return suite;
}
