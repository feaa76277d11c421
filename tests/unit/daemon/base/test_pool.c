#include "daemon/base/pool.h"

#include "daemon/base/assert.h"
#include "tests/unit/daemon/base/suites.h"

START_TEST(free_of_nothing)
{
	struct sn_pool *pool = NULL;

	sn_pool_free(&pool);
	pool = sn_pool_new(0);
	ck_assert_ptr_nonnull(pool);
	sn_pool_free(&pool);
	ck_assert_ptr_null(pool);
}
END_TEST

/* Every size, aligned, none overlapping another: each keeps the pattern written into it. */
START_TEST(allocations_are_aligned_and_apart)
{
	static const size_t block_sizes[] = { 1, 64, 1000, 100000 };
	struct sn_pool *pool = sn_pool_new(block_sizes[_i]);
	unsigned char *ptrs[600];

	for (size_t n = 0; n < 600; n++) {
		ptrs[n] = sn_pool_alloc(pool, n);
		ck_assert_uint_eq((uintptr_t)ptrs[n] % _Alignof(max_align_t), 0);
		memset(ptrs[n], (int)(n & 0xff), n);
	}
	for (size_t n = 0; n < 600; n++) {
		unsigned char want[600];

		memset(want, (int)(n & 0xff), n);
		ck_assert_mem_eq(ptrs[n], want, n);
	}
	sn_pool_free(&pool);
}
END_TEST

START_TEST(zeroed)
{
	static const char zeros[700];
	struct sn_pool *pool = sn_pool_new(0);

	ck_assert_mem_eq(sn_pool_alloc_zero(pool, 700), zeros, 700);
	ck_assert_mem_eq(sn_pool_alloc_zero(pool, 7), zeros, 7);
	sn_pool_free(&pool);
}
END_TEST

START_TEST(text)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_str copy = sn_pool_str(pool, sn_str_n("abcdef", 3));

	ck_assert_str_view(copy, "abc");
	ck_assert_int_eq(copy.p[3], '\0');
	ck_assert_str_eq(sn_pool_strdup(pool, SN_STR_NULL), "");
	ck_assert_str_eq(sn_pool_printf(pool, "%s/%d", "x", 5), "x/5");
	ck_assert_uint_eq(strlen(sn_pool_printf(pool, "%05000d", 1)), 5000);
	sn_pool_free(&pool);
}
END_TEST

START_TEST(size_counts_what_the_heap_gave)
{
	struct sn_pool *pool = sn_pool_new(1000);
	size_t before = sn_pool_size(pool);

	ck_assert_uint_le(before, 1000);
	(void)sn_pool_alloc(pool, 100);
	ck_assert_uint_eq(sn_pool_size(pool), before);
	(void)sn_pool_alloc(pool, 5000);
	ck_assert_uint_ge(sn_pool_size(pool), before + 5000);
	sn_pool_free(&pool);
}
END_TEST

/* A large piece must not throw away the room left for small ones. */
START_TEST(large_pieces_leave_the_current_block)
{
	struct sn_pool *pool = sn_pool_new(1000);
	size_t after;

	(void)sn_pool_alloc(pool, 600);

	after = sn_pool_size(pool);
	(void)sn_pool_alloc(pool, 600);
	ck_assert_uint_le(sn_pool_size(pool), after + 700);
	(void)sn_pool_alloc(pool, 5000);
	after = sn_pool_size(pool);
	for (int i = 0; i < 4; i++)
		(void)sn_pool_alloc(pool, 64);
	ck_assert_uint_eq(sn_pool_size(pool), after);
	sn_pool_free(&pool);
}
END_TEST

struct tracked {
	struct sn_pool_cleanup cleanup;
	char name;
	struct sn_pool *pool; /* NULL, or where to register `more` when run */
	struct tracked *more;
};

static char trace[8];

static void record(struct sn_pool_cleanup *self)
{
	struct tracked *t = sn_container_of(self, struct tracked, cleanup);

	trace[strlen(trace)] = t->name;
	if (t->more != NULL)
		sn_pool_on_free(t->pool, &t->more->cleanup);
}

START_TEST(cleanups_run_newest_first_before_memory_goes)
{
	struct sn_pool *pool = sn_pool_new(0);
	static struct tracked late = { .cleanup = { .fn = record }, .name = 'z' };

	memset(trace, 0, sizeof(trace));
	for (char name = 'a'; name <= 'c'; name++) {
		struct tracked *t = sn_pool_alloc_zero(pool, sizeof(*t));

		t->cleanup.fn = record;
		t->name = name;
		t->pool = pool;
		t->more = name == 'b' ? &late : NULL;
		sn_pool_on_free(pool, &t->cleanup);
	}
	sn_pool_free(&pool);
	ck_assert_str_eq(trace, "cbza");
}
END_TEST

Suite *sn_suite_pool(void)
{
	Suite *suite = suite_create("base/pool");
	TCase *tc = tcase_create("pool");

	tcase_add_test(tc, free_of_nothing);
	tcase_add_loop_test(tc, allocations_are_aligned_and_apart, 0, 4);
	tcase_add_test(tc, zeroed);
	tcase_add_test(tc, text);
	tcase_add_test(tc, size_counts_what_the_heap_gave);
	tcase_add_test(tc, large_pieces_leave_the_current_block);
	tcase_add_test(tc, cleanups_run_newest_first_before_memory_goes);
	suite_add_tcase(suite, tc);
	return suite;
}
