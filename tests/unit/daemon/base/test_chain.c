#include "daemon/base/chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

static struct sn_chain c, d;

static void setup(void)
{
	sn_chain_init(&c);
	sn_chain_init(&d);
}

static void teardown(void)
{
	sn_chain_fini(&c);
	sn_chain_fini(&d);
}

/* The content, gathered both ways a writer can see it. */
static const char *text(const struct sn_chain *chain)
{
	static char peeked[100001];
	struct iovec iov[64];
	size_t n = sn_chain_peek(chain, peeked, sizeof(peeked) - 1), at = 0;
	size_t count = sn_chain_iovec(chain, iov, 64);

	for (size_t i = 0; i < count; i++) {
		ck_assert_hot(iov[i].iov_len > 0);
		ck_assert_hot(memcmp(peeked + at, iov[i].iov_base, iov[i].iov_len) == 0);
		at += iov[i].iov_len;
	}
	if (count < 64)
		ck_assert_hot(at == n);
	peeked[n] = '\0';
	return peeked;
}

static size_t slices(const struct sn_chain *chain)
{
	return chain->tail - chain->head;
}

/* Nothing from the heap is held. */
static void check_idle(const struct sn_chain *chain)
{
	ck_assert_hot(chain->bytes == 0);
	ck_assert_hot(slices(chain) == 0);
	ck_assert_hot(chain->slices == chain->few);
	ck_assert_hot(sn_chain_front(chain).n == 0);
	ck_assert_hot(sn_chain_file(chain) == NULL);
}

/* A descriptor that reads as nothing; enough for a slice. */
static struct sn_block *file_block(void)
{
	return sn_block_file(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

START_TEST(empty)
{
	struct iovec iov;

	check_idle(&c);
	sn_chain_write(&c, SN_STR(""));
	sn_chain_add_static(&c, SN_STR(""));
	sn_chain_consume(&c, 0);
	sn_chain_move(&d, &c, SIZE_MAX);
	sn_chain_printf(&c, "%s", "");
	ck_assert_uint_eq(sn_chain_iovec(&c, &iov, 1), 0);
	check_idle(&c);
	check_idle(&d);
}
END_TEST

START_TEST(writes_gather_in_one_block)
{
	sn_chain_write(&c, SN_STR("hello, "));
	sn_chain_printf(&c, "%s %d", "world", 1);
	sn_chain_write(&c, SN_STR("!"));
	ck_assert_uint_eq(slices(&c), 1);
	ck_assert_str_eq(text(&c), "hello, world 1!");
	ck_assert_uint_eq(c.bytes, 15);
	ck_assert_str_view(sn_chain_front(&c), "hello, world 1!");
	sn_chain_consume(&c, 7);
	ck_assert_str_eq(text(&c), "world 1!");
	sn_chain_write(&c, SN_STR("?"));
	ck_assert_str_eq(text(&c), "world 1!?");
	ck_assert_uint_eq(slices(&c), 1);
	sn_chain_consume(&c, 9);
	check_idle(&c);
}
END_TEST

START_TEST(long_output_takes_few_blocks)
{
	const char *content;
	size_t total = 0;
	bool ok = true;

	for (int i = 0; i < 10000; i++)
		sn_chain_write(&c, SN_STR("0123456789"));
	ck_assert_uint_eq(c.bytes, 100000);
	ck_assert_uint_le(slices(&c), 9);
	for (uint32_t i = c.head; i < c.tail; i++)
		total += c.slices[i].block->cap;
	ck_assert_uint_le(total, 100000 + 16384);
	ck_assert_uint_le(c.slices[c.head].block->cap, 1000);
	content = text(&c);
	for (int i = 0; i < 10000; i++)
		ok = ok && memcmp(content + i * 10, "0123456789", 10) == 0;
	ck_assert(ok);
	sn_chain_consume(&c, 99999);
	ck_assert_str_eq(text(&c), "9");
}
END_TEST

START_TEST(one_large_write)
{
	char *big = sn_alloc(50000);

	memset(big, 'x', 50000);
	sn_chain_write(&c, sn_str_n(big, 3000));
	ck_assert_uint_eq(slices(&c), 1);
	sn_chain_write(&c, sn_str_n(big, 50000));
	ck_assert_uint_le(slices(&c), 5);
	ck_assert_uint_eq(c.bytes, 53000);
	ck_assert_uint_eq(strspn(text(&c), "x"), 53000);
	sn_free(big);
}
END_TEST

START_TEST(long_printf)
{
	sn_chain_write(&c, SN_STR("<"));
	sn_chain_printf(&c, "%020000d", 7);
	sn_chain_printf(&c, "%0199d", 8);
	sn_chain_printf(&c, "%0200d", 9);
	ck_assert_uint_eq(c.bytes, 1 + 20000 + 199 + 200);
	ck_assert_uint_eq(strlen(text(&c)), c.bytes);
	ck_assert_int_eq(text(&c)[20000], '7');
	ck_assert_int_eq(text(&c)[20199], '8');
	ck_assert_int_eq(text(&c)[20399], '9');
}
END_TEST

START_TEST(reserve_and_commit)
{
	memcpy(sn_chain_reserve(&c, 5), "abcde", 5);
	sn_chain_commit(&c, 3);
	ck_assert_str_eq(text(&c), "abc");
	memcpy(sn_chain_reserve(&c, 5000), "def", 3);
	sn_chain_commit(&c, 3);
	ck_assert_uint_eq(slices(&c), 2);
	ck_assert_str_eq(text(&c), "abcdef");
	(void)sn_chain_reserve(&c, 40000);
	sn_chain_commit(&c, 0);
	ck_assert_uint_eq(slices(&c), 2);
	sn_chain_consume(&c, 6);
	(void)sn_chain_reserve(&c, 10);
	sn_chain_commit(&c, 0);
	check_idle(&c);
}
END_TEST

/* Room reserved and given up must not show up as an empty slice anywhere. */
START_TEST(reserve_without_commit)
{
	struct sn_block *block = sn_block_copy(SN_STR("shared"));

	(void)sn_chain_reserve(&c, 10);
	ck_assert_str_eq(text(&c), "");
	ck_assert_ptr_null(sn_chain_file(&c));
	sn_chain_add(&c, block, 0, 6);
	(void)sn_chain_reserve(&c, 10);
	sn_chain_add(&c, block, 0, 2);
	ck_assert_str_eq(text(&c), "sharedsh");
	(void)sn_chain_reserve(&c, 10);
	sn_chain_move(&d, &c, 8);
	check_idle(&c);
	(void)sn_chain_reserve(&d, 10);
	sn_chain_consume(&d, 8);
	check_idle(&d);
	(void)sn_chain_reserve(&d, 10);
	sn_block_unref(&block);
}
END_TEST

START_TEST(shared_block_costs_a_slice)
{
	struct sn_block *block = sn_block_copy(SN_STR("one line for all"));

	sn_chain_add(&c, block, 0, block->used);
	sn_chain_add(&d, block, 4, 4);
	ck_assert_uint_eq(block->refs, 3);
	ck_assert_str_eq(text(&c), "one line for all");
	ck_assert_str_eq(text(&d), "line");
	ck_assert_ptr_eq(sn_chain_front(&d).p, block->data + 4);
	sn_chain_clear(&c);
	ck_assert_uint_eq(block->refs, 2);
	sn_block_unref(&block);
	ck_assert_ptr_null(block);
	ck_assert_str_eq(text(&d), "line");
}
END_TEST

START_TEST(adjacent_ranges_merge)
{
	struct sn_block *block = sn_block_copy(SN_STR("abcdef"));

	sn_chain_add(&c, block, 0, 2);
	sn_chain_add(&c, block, 2, 3);
	ck_assert_uint_eq(slices(&c), 1);
	ck_assert_uint_eq(block->refs, 2);
	sn_chain_add(&c, block, 2, 1);
	ck_assert_uint_eq(slices(&c), 2);
	ck_assert_str_eq(text(&c), "abcdec");
	sn_block_unref(&block);
}
END_TEST

/* Bytes after a shared block must not land in the block. */
START_TEST(shared_blocks_are_immutable)
{
	struct sn_block *block = sn_block_new(100);

	ck_assert_int_eq(sn_block_write(block, SN_STR("abc")), SN_OK);
	sn_chain_add(&c, block, 0, 3);
	sn_chain_write(&c, SN_STR("XYZ"));
	ck_assert_str_view(sn_block_str(block), "abc");
	ck_assert_str_eq(text(&c), "abcXYZ");
	sn_block_unref(&block);
	sn_chain_move(&d, &c, 4); /* cuts the second block in two: both ends share it now */
	sn_chain_write(&c, SN_STR("+"));
	sn_chain_write(&d, SN_STR("-"));
	ck_assert_str_eq(text(&d), "abcX-");
	ck_assert_str_eq(text(&c), "YZ+");
}
END_TEST

START_TEST(part_of_a_block_is_not_written_behind)
{
	struct sn_block *block = sn_block_new(100);

	ck_assert_int_eq(sn_block_write(block, SN_STR("abcdef")), SN_OK);
	sn_chain_add(&c, block, 0, 3);
	sn_block_unref(&block);
	sn_chain_write(&c, SN_STR("XYZ"));
	ck_assert_str_eq(text(&c), "abcXYZ");
}
END_TEST

START_TEST(block_of_fixed_size)
{
	struct sn_block *block = sn_block_new(4);

	ck_assert_int_eq(sn_block_write(block, SN_STR("abc")), SN_OK);
	ck_assert_int_eq(sn_block_write(block, SN_STR("de")), SN_ELIMIT);
	ck_assert_int_eq(sn_block_write(block, SN_STR("d")), SN_OK);
	ck_assert_int_eq(sn_block_write(block, SN_STR("")), SN_OK);
	ck_assert_str_view(sn_block_str(block), "abcd");
	sn_block_unref(&block);
	sn_block_unref(&block);
}
END_TEST

START_TEST(static_memory_is_not_copied)
{
	static const char literal[] = "static";

	sn_chain_add_static(&c, sn_str(literal));
	ck_assert_ptr_eq(sn_chain_front(&c).p, literal);
	sn_chain_write(&c, SN_STR("!"));
	ck_assert_str_eq(text(&c), "static!");
}
END_TEST

struct external {
	struct sn_block block;
	int released;
};

static void release_external(struct sn_block *block)
{
	sn_container_of(block, struct external, block)->released++;
}

START_TEST(external_memory_is_released_by_its_owner)
{
	struct external x = { .block = { .refs = 1,
				      .fd = -1,
				      .data = "mapped",
				      .cap = 6,
				      .used = 6,
				      .release = release_external } };
	struct sn_block *block = &x.block;

	sn_chain_add(&c, block, 0, 6);
	sn_block_unref(&block);
	ck_assert_int_eq(x.released, 0);
	sn_chain_consume(&c, 5);
	ck_assert_int_eq(x.released, 0);
	sn_chain_consume(&c, 1);
	ck_assert_int_eq(x.released, 1);
}
END_TEST

START_TEST(file_ranges)
{
	struct sn_block *file = file_block();
	const int fd = file->fd;
	struct iovec iov[4];

	sn_chain_write(&c, SN_STR("head"));
	sn_chain_add(&c, file, 1000, 500);
	sn_chain_add(&c, file, 1500, 500);
	sn_chain_write(&c, SN_STR("tail"));
	sn_block_unref(&file);
	ck_assert_uint_eq(c.bytes, 1008);
	ck_assert_uint_eq(slices(&c), 3);
	ck_assert_ptr_null(sn_chain_file(&c));
	ck_assert_uint_eq(sn_chain_iovec(&c, iov, 4), 1);
	ck_assert_str_eq(text(&c), "head");
	sn_chain_consume(&c, 4);
	ck_assert_uint_eq(sn_chain_iovec(&c, iov, 4), 0);
	ck_assert_uint_eq(sn_chain_front(&c).n, 0);
	sn_chain_consume(&c, 300);
	ck_assert_int_eq(sn_chain_file(&c)->off, 1300);
	ck_assert_uint_eq(sn_chain_file(&c)->n, 700);
	ck_assert_int_eq(sn_chain_file(&c)->block->fd, fd);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	sn_chain_consume(&c, 700);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_str_eq(text(&c), "tail");
}
END_TEST

START_TEST(iovec_takes_no_more_than_asked)
{
	struct iovec iov[2];

	for (int i = 0; i < 5; i++)
		sn_chain_add_static(&c, SN_STR("x"));
	ck_assert_uint_eq(sn_chain_iovec(&c, iov, 0), 0);
	ck_assert_uint_eq(sn_chain_iovec(&c, iov, 2), 2);
	ck_assert_uint_eq(sn_chain_peek(&c, iov, 3), 3);
}
END_TEST

START_TEST(move_keeps_the_memory)
{
	const char *p;

	sn_chain_write(&c, SN_STR("abc"));
	p = sn_chain_front(&c).p;
	sn_chain_add_static(&c, SN_STR("def"));
	sn_chain_write(&d, SN_STR("<"));
	sn_chain_move(&d, &c, SIZE_MAX);
	check_idle(&c);
	ck_assert_str_eq(text(&d), "<abcdef");
	sn_chain_consume(&d, 1);
	ck_assert_ptr_eq(sn_chain_front(&d).p, p);
}
END_TEST

START_TEST(move_byte_by_byte_merges_again)
{
	sn_chain_write(&c, SN_STR("abcdefgh"));
	for (int i = 0; i < 8; i++)
		sn_chain_move(&d, &c, 1);
	check_idle(&c);
	ck_assert_uint_eq(slices(&d), 1);
	ck_assert_str_eq(text(&d), "abcdefgh");
	sn_chain_write(&d, SN_STR("i"));
	ck_assert_uint_eq(slices(&d), 1);
}
END_TEST

START_TEST(emptied_queue_frees_its_slices)
{
	for (int i = 0; i < 1000; i++)
		sn_chain_add_static(&c, SN_STR("ab"));
	ck_assert_ptr_ne(c.slices, c.few);
	sn_chain_consume(&c, 2000);
	check_idle(&c);
}
END_TEST

/* A queue that never runs empty must not grow with what passed through it. */
START_TEST(standing_queue_stays_small)
{
	sn_chain_add_static(&c, SN_STR("ab"));
	for (int i = 0; i < 10000; i++) {
		sn_chain_add_static(&c, SN_STR("ab"));
		sn_chain_consume(&c, 2);
	}
	ck_assert_uint_le(c.cap, 8);
	ck_assert_str_eq(text(&c), "ab");
}
END_TEST

/* Random operations on two chains beside two flat arrays that say what must be in them. */
struct model {
	struct sn_chain *chain;
	char bytes[60000];
	size_t n;
};

static void model_append(struct model *m, const char *p, size_t n)
{
	ck_assert_hot(m->n + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, p, n);
	m->n += n;
}

static void model_consume(struct model *m, size_t n)
{
	m->n -= n;
	memmove(m->bytes, m->bytes + n, m->n);
}

static void model_check(const struct model *m)
{
	ck_assert_hot(m->chain->bytes == m->n);
	ck_assert_hot(memcmp(text(m->chain), m->bytes, m->n) == 0);
	if (m->n == 0)
		check_idle(m->chain);
}

static void random_step(
	struct model *m, struct model *other, struct sn_block *block, unsigned r, char *pattern)
{
	const size_t n = (r >> 8) % ((r & 0x80) ? 3000 : 40);

	switch (r % 7) {
	case 0:
	case 1:
		sn_chain_write(m->chain, sn_str_n(pattern, n));
		model_append(m, pattern, n);
		break;
	case 2:
		sn_chain_add(m->chain, block, n % 45, n % 40);
		model_append(m, block->data + n % 45, n % 40);
		break;
	case 3:
		memcpy(sn_chain_reserve(m->chain, n + 10), pattern, n);
		sn_chain_commit(m->chain, n);
		model_append(m, pattern, n);
		break;
	case 4:
		sn_chain_add_static(m->chain, sn_str_n(block->data, n % 84));
		model_append(m, block->data, n % 84);
		break;
	case 5:
		sn_chain_move(other->chain, m->chain, n);
		model_append(other, m->bytes, n < m->n ? n : m->n);
		model_consume(m, n < m->n ? n : m->n);
		break;
	default:
		sn_chain_consume(m->chain, 2 * n < m->n ? 2 * n : m->n);
		model_consume(m, 2 * n < m->n ? 2 * n : m->n);
	}
}

START_TEST(any_sequence_equals_flat_bytes)
{
	static struct model a, b;
	struct sn_block *block =
		sn_block_copy(SN_STR("The quick brown fox jumps over the lazy dog. "
				     "Pack my box with five dozen liquor jugs."));
	unsigned seed = (unsigned)_i + 1;
	char pattern[3000];

	ck_assert_uint_ge(block->used, 85);
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (char)('a' + i % 23);
	a = (struct model){ .chain = &c };
	b = (struct model){ .chain = &d };
	for (int step = 0; step < 2000; step++) {
		seed = seed * 1664525 + 1013904223;
		if (a.n > 40000 || b.n > 40000) {
			sn_chain_clear(&c);
			sn_chain_clear(&d);
			a.n = b.n = 0;
		}
		random_step(step % 2 ? &a : &b, step % 2 ? &b : &a, block, seed >> 4, pattern);
		model_check(&a);
		model_check(&b);
	}
	sn_chain_clear(&c);
	sn_chain_clear(&d);
	ck_assert_uint_eq(block->refs, 1);
	sn_block_unref(&block);
}
END_TEST

static void write_to_shared(void)
{
	struct sn_block *block = sn_block_new(10);

	(void)sn_block_ref(block);
	ck_assert_int_eq(sn_block_write(block, SN_STR("x")), SN_OK);
}

static void add_beyond(void)
{
	sn_chain_add(&c, sn_block_copy(SN_STR("abc")), 1, 3);
}

static void consume_beyond(void)
{
	sn_chain_write(&c, SN_STR("abc"));
	sn_chain_consume(&c, 4);
}

static void commit_beyond(void)
{
	(void)sn_chain_reserve(&c, 10);
	sn_chain_commit(&c, 100000);
}

static void move_to_itself(void)
{
	sn_chain_move(&c, &c, 1);
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(write_to_shared, "refs == 1"));
	ck_assert(sn_test_dies(add_beyond, "block->used"));
	ck_assert(sn_test_dies(consume_beyond, "n <= c->bytes"));
	ck_assert(sn_test_dies(commit_beyond, "block_room"));
	ck_assert(sn_test_dies(move_to_itself, "dst != src"));
}
END_TEST

Suite *sn_suite_chain(void)
{
	Suite *suite = suite_create("base/chain");
	TCase *tc = tcase_create("chain");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, writes_gather_in_one_block);
	tcase_add_test(tc, long_output_takes_few_blocks);
	tcase_add_test(tc, one_large_write);
	tcase_add_test(tc, long_printf);
	tcase_add_test(tc, reserve_and_commit);
	tcase_add_test(tc, reserve_without_commit);
	tcase_add_test(tc, shared_block_costs_a_slice);
	tcase_add_test(tc, adjacent_ranges_merge);
	tcase_add_test(tc, shared_blocks_are_immutable);
	tcase_add_test(tc, part_of_a_block_is_not_written_behind);
	tcase_add_test(tc, block_of_fixed_size);
	tcase_add_test(tc, static_memory_is_not_copied);
	tcase_add_test(tc, external_memory_is_released_by_its_owner);
	tcase_add_test(tc, file_ranges);
	tcase_add_test(tc, iovec_takes_no_more_than_asked);
	tcase_add_test(tc, move_keeps_the_memory);
	tcase_add_test(tc, move_byte_by_byte_merges_again);
	tcase_add_test(tc, emptied_queue_frees_its_slices);
	tcase_add_test(tc, standing_queue_stays_small);
	tcase_add_loop_test(tc, any_sequence_equals_flat_bytes, 0, 4);
	tcase_add_test(tc, misuse_dies);
	suite_add_tcase(suite, tc);
	return suite;
}
