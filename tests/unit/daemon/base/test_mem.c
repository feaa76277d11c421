#include "daemon/base/mem.h"

#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

/* volatile: the compiler would refuse such a constant. */
static volatile size_t huge = SIZE_MAX / 2;

static void alloc_huge(void)
{
	sn_free(sn_alloc(huge));
}

static void alloc_zero_huge(void)
{
	sn_free(sn_alloc_zero(huge));
}

static void alloc_array_overflow(void)
{
	sn_free(sn_alloc_array(huge, 16));
}

static void realloc_huge(void)
{
	sn_free(sn_realloc(sn_alloc(8), huge));
}

static void realloc_array_overflow(void)
{
	sn_free(sn_realloc_array(NULL, huge, 16));
}

static void (*const deaths[])(void) = {
	alloc_huge,
	alloc_zero_huge,
	alloc_array_overflow,
	realloc_huge,
	realloc_array_overflow,
};

START_TEST(out_of_memory_dies_with_a_message)
{
	ck_assert(sn_test_dies(deaths[_i], "out of memory"));
}
END_TEST

START_TEST(zeroed)
{
	static const char zeros[1000];
	char *a = sn_alloc_zero(sizeof(zeros)), *b = sn_alloc_array(250, 4);

	ck_assert_mem_eq(a, zeros, sizeof(zeros));
	ck_assert_mem_eq(b, zeros, sizeof(zeros));
	sn_free(a);
	sn_free(b);
}
END_TEST

START_TEST(nothing_is_something)
{
	char *blocks[] = { sn_alloc(0), sn_alloc_zero(0), sn_alloc_array(0, 8),
		sn_alloc_array(8, 0), sn_realloc(sn_alloc(8), 0), sn_realloc_array(NULL, 0, 4) };

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		ck_assert_ptr_nonnull(blocks[i]);
		sn_free(blocks[i]);
	}
	sn_free(NULL);
}
END_TEST

START_TEST(realloc_keeps_the_content)
{
	char *p = sn_alloc(4);

	memcpy(p, "abcd", 4);
	p = sn_realloc(p, 5000);
	ck_assert_mem_eq(p, "abcd", 4);
	p = sn_realloc_array(p, 2, 1);
	ck_assert_mem_eq(p, "ab", 2);
	sn_free(p);
}
END_TEST

START_TEST(copies_of_text)
{
	char *a = sn_strdup("text"), *b = sn_str_dup(sn_str_n("te\0xt", 4));
	char *c = sn_str_dup(SN_STR_NULL), *d = sn_asprintf("%s-%d", "x", 12);

	ck_assert_str_eq(a, "text");
	ck_assert_mem_eq(b, "te\0x", 5);
	ck_assert_str_eq(c, "");
	ck_assert_str_eq(d, "x-12");
	sn_free(a);
	sn_free(b);
	sn_free(c);
	sn_free(d);
}
END_TEST

START_TEST(wipe_overwrites)
{
	char secret[] = "secret";

	sn_wipe(secret, 3);
	ck_assert_mem_eq(secret, "\0\0\0ret", 7);
	sn_wipe(NULL, 0);
}
END_TEST

START_TEST(equality_sees_every_byte)
{
	char a[33] = "0123456789abcdef0123456789abcdef", b[33];

	ck_assert(sn_equal_const_time(NULL, NULL, 0));
	for (size_t i = 0; i < 32; i++) {
		memcpy(b, a, sizeof(a));
		ck_assert(sn_equal_const_time(a, b, 32));
		b[i] ^= (char)0x80;
		ck_assert(!sn_equal_const_time(a, b, 32));
		ck_assert(sn_equal_const_time(a, b, i));
	}
}
END_TEST

START_TEST(random_fills_all_of_it)
{
	unsigned char seen[1024] = { 0 }, draw[1024];

	/* A byte left alone would stay zero in all 16 draws. */
	for (int round = 0; round < 16; round++) {
		memset(draw, 0, sizeof(draw));
		sn_random(draw, sizeof(draw) - 1);
		for (size_t i = 0; i < sizeof(draw); i++)
			seen[i] |= draw[i];
	}
	for (size_t i = 0; i < sizeof(seen) - 1; i++)
		ck_assert_uint_ne(seen[i], 0);
	ck_assert_uint_eq(seen[sizeof(seen) - 1], 0);
}
END_TEST

Suite *sn_suite_mem(void)
{
	Suite *suite = suite_create("base/mem");
	TCase *tc = tcase_create("mem");

	tcase_add_loop_test(
		tc, out_of_memory_dies_with_a_message, 0, sizeof(deaths) / sizeof(deaths[0]));
	tcase_add_test(tc, zeroed);
	tcase_add_test(tc, nothing_is_something);
	tcase_add_test(tc, realloc_keeps_the_content);
	tcase_add_test(tc, copies_of_text);
	tcase_add_test(tc, wipe_overwrites);
	tcase_add_test(tc, equality_sees_every_byte);
	tcase_add_test(tc, random_fills_all_of_it);
	suite_add_tcase(suite, tc);
	return suite;
}
