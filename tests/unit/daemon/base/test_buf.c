#include "daemon/base/buf.h"

#include "daemon/base/mem.h"
#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

static char scratch[64];
static struct sn_buf b;

static void setup(void)
{
	sn_buf_init(&b, 100);
}

static void teardown(void)
{
	sn_buf_fini(&b);
}

/* As a reader does: room, bytes into it, commit. How many went in, or the error. */
static int put(const char *text)
{
	size_t n, len = strlen(text);
	char *p;
	int rc = sn_buf_reserve(&b, len, &p, &n);

	if (rc != SN_OK)
		return rc;
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_le(n, len);
	memcpy(p, text, n);
	sn_buf_commit(&b, n);
	return (int)n;
}

static bool in_scratch(void)
{
	return b.p >= scratch && b.p < scratch + sizeof(scratch);
}

START_TEST(empty)
{
	ck_assert_str_view(sn_buf_view(&b), "");
	ck_assert_ptr_nonnull(sn_buf_view(&b).p);
	sn_buf_settle(&b);
	sn_buf_clear(&b);
	sn_buf_consume(&b, 0);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR_NULL), SN_OK);
	ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(all_consumed_leaves_no_memory)
{
	sn_buf_lend(&b, scratch, sizeof(scratch));
	ck_assert_int_eq(put("hello"), 5);
	ck_assert(in_scratch());
	ck_assert_str_view(sn_buf_view(&b), "hello");
	sn_buf_consume(&b, 5);
	sn_buf_settle(&b);
	ck_assert_ptr_null(b.p);
	ck_assert(!b.lent);
	ck_assert_int_eq(put("own"), 3);
	sn_buf_consume(&b, 3);
	sn_buf_settle(&b);
	ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(settle_copies_leftovers)
{
	sn_buf_lend(&b, scratch, sizeof(scratch));
	ck_assert_int_eq(put("line\nrest"), 9);
	sn_buf_consume(&b, 5);
	sn_buf_settle(&b);
	memset(scratch, 'X', sizeof(scratch));
	ck_assert(!b.lent && !in_scratch());
	ck_assert_str_view(sn_buf_view(&b), "rest");
	ck_assert_int_eq(put(" more"), 5);
	ck_assert_str_view(sn_buf_view(&b), "rest more");
}
END_TEST

/* Leftover bytes and the memory kept for them: powers of two up to the limit. */
static const struct {
	size_t max, left, cap;
} caps[] = {
	{ 100000, 1, 64 },
	{ 100000, 64, 64 },
	{ 100000, 65, 128 },
	{ 100000, 4097, 8192 },
	{ 5000, 4097, 5000 },
	{ 10, 3, 10 },
};

START_TEST(leftovers_take_little)
{
	char *lent = sn_alloc_zero(16384);

	sn_buf_set_max(&b, caps[_i].max);
	sn_buf_lend(&b, lent, 16384);
	ck_assert_uint_eq(b.cap, caps[_i].max < 16384 ? caps[_i].max : 16384);
	sn_buf_commit(&b, caps[_i].left);
	sn_buf_settle(&b);
	ck_assert_uint_eq(b.cap, caps[_i].cap);
	ck_assert_uint_eq(sn_buf_view(&b).n, caps[_i].left);
	sn_free(lent);
}
END_TEST

START_TEST(full_lent_memory_is_left_for_own)
{
	sn_buf_lend(&b, scratch, 8);
	ck_assert_int_eq(put("0123456789"), 8);
	ck_assert(b.lent);
	ck_assert_int_eq(put("89abc"), 5);
	ck_assert(!b.lent && !in_scratch());
	ck_assert_str_view(sn_buf_view(&b), "0123456789abc");
}
END_TEST

START_TEST(lent_memory_is_used_to_its_end)
{
	sn_buf_lend(&b, scratch, 8);
	ck_assert_int_eq(put("0123456"), 7);
	ck_assert_int_eq(put("789"), 1);
	ck_assert(in_scratch());
	sn_buf_consume(&b, 8);
	ck_assert_int_eq(put("abcdefgh"), 8);
	ck_assert(in_scratch());
	/* The front is done with and larger than the rest: moved up, not moved out. */
	sn_buf_consume(&b, 6);
	ck_assert_int_eq(put("ijklmnop"), 6);
	ck_assert(in_scratch());
	ck_assert_str_view(sn_buf_view(&b), "ghijklmn");
}
END_TEST

START_TEST(limit)
{
	sn_buf_set_max(&b, 10);
	ck_assert_int_eq(put("012345"), 6);
	ck_assert_int_eq(put("6789ab"), 4);
	ck_assert_int_eq(put("x"), SN_ELIMIT);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR("x")), SN_ELIMIT);
	ck_assert_str_view(sn_buf_view(&b), "0123456789");
	sn_buf_consume(&b, 1);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR("xy")), SN_ELIMIT);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR("x")), SN_OK);
	ck_assert_str_view(sn_buf_view(&b), "123456789x");
	ck_assert_uint_le(b.cap, 10);
}
END_TEST

START_TEST(lent_memory_is_limited_too)
{
	sn_buf_set_max(&b, 10);
	sn_buf_lend(&b, scratch, sizeof(scratch));
	ck_assert_int_eq(put("0123456789abcdef"), 10);
	ck_assert_int_eq(put("x"), SN_ELIMIT);
}
END_TEST

START_TEST(lowered_limit_keeps_what_is_there)
{
	sn_buf_lend(&b, scratch, sizeof(scratch));
	ck_assert_int_eq(put("0123456789"), 10);
	sn_buf_set_max(&b, 4);
	ck_assert_int_eq(put("x"), SN_ELIMIT);
	sn_buf_settle(&b);
	ck_assert_str_view(sn_buf_view(&b), "0123456789");
	sn_buf_consume(&b, 7);
	ck_assert_int_eq(put("abc"), 1);
	ck_assert_str_view(sn_buf_view(&b), "789a");
	sn_buf_set_max(&b, 6);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR("bc")), SN_OK);
	ck_assert_str_view(sn_buf_view(&b), "789abc");
}
END_TEST

START_TEST(append_spans_lent_and_own)
{
	sn_buf_lend(&b, scratch, 4);
	ck_assert_int_eq(sn_buf_append(&b, SN_STR("0123456789")), SN_OK);
	ck_assert_str_view(sn_buf_view(&b), "0123456789");
	ck_assert(!b.lent);
}
END_TEST

/* Room reserved and not used must not stay with a connection that waits for the rest of a line. */
START_TEST(settle_gives_unused_room_back)
{
	size_t n;
	char *p;

	sn_buf_set_max(&b, 100000);
	ck_assert_int_eq(put("part"), 4);
	ck_assert_int_eq(sn_buf_reserve(&b, 16384, &p, &n), SN_OK);
	ck_assert_uint_eq(n, 16384);
	sn_buf_settle(&b);
	ck_assert_uint_eq(b.cap, 64);
	ck_assert_str_view(sn_buf_view(&b), "part");
}
END_TEST

START_TEST(clear_drops_content)
{
	ck_assert_int_eq(put("secret"), 6);
	sn_buf_clear(&b);
	ck_assert_str_view(sn_buf_view(&b), "");
	ck_assert_int_eq(put("new"), 3);
	ck_assert_str_view(sn_buf_view(&b), "new");
	sn_buf_clear(&b);
	sn_buf_lend(&b, scratch, sizeof(scratch)); /* empty with own memory: that goes */
	ck_assert_int_eq(put("lent"), 4);
	sn_buf_clear(&b);
	sn_buf_settle(&b);
	ck_assert_ptr_null(b.p);
}
END_TEST

/*
 * A stream of numbered bytes in turns of lend, reads, partial consumption and settle, with every
 * shape of turn: what comes out must be what went in.
 */
START_TEST(any_sequence_keeps_the_stream)
{
	unsigned seed = 12345;
	uint8_t in = 0, out = 0;

	sn_buf_set_max(&b, 200);
	for (int step = 0; step < 20000; step++) {
		struct sn_str view;
		size_t n;
		char *p;

		seed = seed * 1103515245 + 12345;
		if (b.n == 0 && !b.lent && seed % 2 == 0)
			sn_buf_lend(&b, scratch, 1 + (seed >> 8) % sizeof(scratch));
		if (sn_buf_reserve(&b, 1 + (seed >> 16) % 90, &p, &n) == SN_OK) {
			n = (seed >> 12) % 3 == 0 ? n / 2 : n;
			for (size_t i = 0; i < n; i++)
				p[i] = (char)in++;
			sn_buf_commit(&b, n);
		}
		view = sn_buf_view(&b);
		n = (seed >> 20) % (view.n + 1);
		for (size_t i = 0; i < n; i++)
			ck_assert_hot((uint8_t)view.p[i] == out++);
		sn_buf_consume(&b, n);
		if (seed % 3 == 0)
			sn_buf_settle(&b);
		ck_assert_hot(b.n <= 200);
	}
}
END_TEST

static void lend_twice(void)
{
	sn_buf_lend(&b, scratch, sizeof(scratch));
	sn_buf_lend(&b, scratch, sizeof(scratch));
}

static void lend_filled(void)
{
	(void)put("x");
	sn_buf_lend(&b, scratch, sizeof(scratch));
}

static void consume_too_much(void)
{
	(void)put("x");
	sn_buf_consume(&b, 2);
}

static void commit_too_much(void)
{
	(void)put("x");
	sn_buf_commit(&b, 4096);
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(lend_twice, "!b->lent"));
	ck_assert(sn_test_dies(lend_filled, "b->n == 0"));
	ck_assert(sn_test_dies(consume_too_much, "n <= b->n"));
	ck_assert(sn_test_dies(commit_too_much, "n <= tail_room(b)"));
}
END_TEST

Suite *sn_suite_buf(void)
{
	Suite *suite = suite_create("base/buf");
	TCase *tc = tcase_create("buf");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, all_consumed_leaves_no_memory);
	tcase_add_test(tc, settle_copies_leftovers);
	tcase_add_loop_test(tc, leftovers_take_little, 0, sizeof(caps) / sizeof(caps[0]));
	tcase_add_test(tc, full_lent_memory_is_left_for_own);
	tcase_add_test(tc, lent_memory_is_used_to_its_end);
	tcase_add_test(tc, limit);
	tcase_add_test(tc, lent_memory_is_limited_too);
	tcase_add_test(tc, lowered_limit_keeps_what_is_there);
	tcase_add_test(tc, append_spans_lent_and_own);
	tcase_add_test(tc, settle_gives_unused_room_back);
	tcase_add_test(tc, clear_drops_content);
	tcase_add_test(tc, any_sequence_keeps_the_stream);
	tcase_add_test(tc, misuse_dies);
	suite_add_tcase(suite, tc);
	return suite;
}
