#include "daemon/base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/mem.h"
#include "tests/support/death.h"
#include "tests/unit/daemon/base/suites.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/*
 * Computed with a straightforward implementation that was checked against the published vectors
 * of SipHash-2-4: key 00..0f, data 00, 01, 02 and so on.
 */
static const struct {
	size_t n;
	uint64_t hash;
} vectors[] = {
	{ 0, UINT64_C(0xabac0158050fc4dc) },
	{ 1, UINT64_C(0xc9f49bf37d57ca93) },
	{ 7, UINT64_C(0xd3927d989bb11140) },
	{ 8, UINT64_C(0x369095118d299a8e) },
	{ 9, UINT64_C(0x25a48eb36c063de4) },
	{ 15, UINT64_C(0xd320d86d2a519956) },
	{ 16, UINT64_C(0xcc4fdd1a7d908b66) },
	{ 63, UINT64_C(0x9d199062b7bbb3a8) },
};

START_TEST(siphash_vectors)
{
	uint8_t key[16], data[64];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	ck_assert_uint_eq(sn_siphash13(key, sn_str_n(data, vectors[_i].n)), vectors[_i].hash);
}
END_TEST

/* What CPython 3.11 answers for hash(b"the quick brown fox") with PYTHONHASHSEED=0. */
START_TEST(siphash_with_the_zero_key)
{
	static const uint8_t key[16];

	ck_assert_uint_eq(
		sn_siphash13(key, SN_STR("the quick brown fox")), UINT64_C(0x5a17575ad3449cba));
}
END_TEST

START_TEST(process_key_is_used)
{
	static const uint8_t zero[16];
	const uint64_t hash = sn_hash_str(SN_STR("abc"));

	ck_assert_uint_eq(sn_hash_str(SN_STR("abc")), hash);
	ck_assert_uint_ne(sn_siphash13(zero, SN_STR("abc")), hash);
	ck_assert_uint_ne(sn_hash_str(SN_STR("ABC")), hash);
}
END_TEST

struct entry {
	struct sn_hash_node node;
	unsigned id, seen;
	char name[16];
};

#define ENTRIES 5000
static struct entry entries[ENTRIES];
static struct sn_hash h;

static struct sn_str entry_key(const struct sn_hash_node *node)
{
	return sn_str(sn_container_of(node, const struct entry, node)->name);
}

static struct entry *entry_of(struct sn_hash_node *node)
{
	return node != NULL ? sn_container_of(node, struct entry, node) : NULL;
}

static void setup(void)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		entries[i] = (struct entry){ .id = i };
		snprintf(entries[i].name, sizeof(entries[i].name), "Name%u", i);
	}
	sn_hash_init(&h, entry_key, false);
}

static void teardown(void)
{
	sn_hash_fini(&h);
}

static struct entry *find(const char *name)
{
	return entry_of(sn_hash_find(&h, sn_str(name)));
}

START_TEST(empty)
{
	struct sn_hash_node *node;
	size_t pos;

	ck_assert_ptr_null(find("Name1"));
	sn_hash_each (node, pos, &h)
		ck_abort_msg("an empty table has a node");
	ck_assert_ptr_null(h.buckets);
}
END_TEST

START_TEST(insert_find_remove)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		ck_assert_hot(find(entries[i].name) == NULL);
		sn_hash_insert(&h, &entries[i].node);
		ck_assert_hot(h.count == i + 1);
		ck_assert_hot(find(entries[i].name) == &entries[i]);
		ck_assert_hot(find(entries[i / 2].name) == &entries[i / 2]);
	}
	for (unsigned i = 0; i < ENTRIES; i++)
		ck_assert_hot(find(entries[i].name) == &entries[i]);
	for (unsigned i = 0; i < ENTRIES; i++) {
		sn_hash_remove(&h, &entries[i].node);
		ck_assert_hot(find(entries[i].name) == NULL);
		if (i + 1 < ENTRIES)
			ck_assert_hot(find(entries[i + 1].name) == &entries[i + 1]);
	}
	ck_assert_uint_eq(h.count, 0);
	ck_assert_ptr_null(h.buckets); /* an emptied large table gives its memory back */
}
END_TEST

START_TEST(keys_are_bytes)
{
	sn_hash_insert(&h, &entries[1].node);
	ck_assert_ptr_null(find("name1"));
	ck_assert_ptr_null(find("Name"));
	ck_assert_ptr_null(find("Name11"));
	ck_assert_ptr_null(find(""));
	entries[2].name[0] = '\0';
	sn_hash_insert(&h, &entries[2].node);
	ck_assert_ptr_eq(find(""), &entries[2]);
	ck_assert_ptr_eq(entry_of(sn_hash_find(&h, SN_STR_NULL)), &entries[2]);
}
END_TEST

START_TEST(nocase_folds_letters_only)
{
	sn_hash_init(&h, entry_key, true);
	for (unsigned i = 0; i < 100; i++)
		sn_hash_insert(&h, &entries[i].node);
	ck_assert_ptr_eq(find("NAME42"), &entries[42]);
	ck_assert_ptr_eq(find("name42"), &entries[42]);
	snprintf(entries[200].name, sizeof(entries[200].name), "[]\\^AZaz@`{\xc4");
	sn_hash_insert(&h, &entries[200].node);
	ck_assert_ptr_eq(find("[]\\^azAZ@`{\xc4"), &entries[200]);
	ck_assert_ptr_null(find("{}|~azAZ@`{\xc4"));
	ck_assert_ptr_null(find("[]\\^azAZ``{\xc4"));
	ck_assert_ptr_null(find("[]\\^azAZ@`{\xe4"));
}
END_TEST

/* Folding works on eight bytes at once: every byte value at every place in a word. */
START_TEST(nocase_agrees_with_the_comparison)
{
	struct entry e = { .id = 0 };

	for (int c = 1; c < 256; c++) {
		for (size_t at = 0; at < 9; at++) {
			char other[16];

			sn_hash_init(&h, entry_key, true);
			memcpy(e.name, "zzzzzzzzz", 10);
			e.name[at] = (char)c;
			sn_hash_insert(&h, &e.node);
			for (int x = 0x20; x <= 0x80; x += 0x60) {
				memcpy(other, e.name, sizeof(other));
				other[at] ^= (char)x;
				ck_assert_hot((find(other) != NULL) ==
					sn_str_eq_nocase(sn_str(other), sn_str(e.name)));
			}
			sn_hash_fini(&h);
		}
	}
}
END_TEST

/* Growth and shrinking: never all at once, and always done in time for the next. */
START_TEST(resizing_is_spread)
{
	size_t resizes = 0, inserts_while_draining = 0;

	for (unsigned i = 0; i < ENTRIES; i++) {
		const size_t drained = h.drained;
		const bool draining = h.old != NULL;

		sn_hash_insert(&h, &entries[i].node);
		ck_assert_hot(h.count <= h.mask + 1);
		if (draining && h.old != NULL) {
			ck_assert_hot(h.drained > drained);
			ck_assert_hot(h.drained - drained <= 32);
		}
		resizes += !draining && h.old != NULL;
		inserts_while_draining += draining;
	}
	ck_assert_uint_eq(resizes, 10); /* 8 to 8192 */
	ck_assert_uint_gt(inserts_while_draining, 500);
}
END_TEST

START_TEST(shrinks_when_sparse)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		sn_hash_insert(&h, &entries[i].node);
	for (unsigned i = 20; i < ENTRIES; i++)
		sn_hash_remove(&h, &entries[i].node);
	for (int round = 0; round < 1000; round++) {
		sn_hash_insert(&h, &entries[20].node);
		for (unsigned i = 0; i <= 20; i++)
			ck_assert_hot(find(entries[i].name) == &entries[i]);
		sn_hash_remove(&h, &entries[20].node);
	}
	ck_assert_uint_le(h.mask + 1, 20 * 8);
	ck_assert_ptr_null(h.old);
}
END_TEST

/* Every node once, whatever the size and however far a resize has come. */
START_TEST(iteration_sees_each_once)
{
	struct sn_hash_node *node;
	size_t pos;

	for (unsigned n = 0; n < 300; n++) {
		size_t sum = 0;

		sn_hash_each (node, pos, &h) {
			ck_assert_hot(entry_of(node)->seen == n - 1 - entry_of(node)->id);
			entry_of(node)->seen++;
			sum++;
			ck_assert_hot(find(entry_of(node)->name) == entry_of(node));
		}
		ck_assert_hot(sum == n);
		sn_hash_insert(&h, &entries[n].node);
	}
}
END_TEST

/* The node just returned may go, its memory too: the rest is still seen, once each. */
START_TEST(iteration_survives_removal)
{
	struct sn_hash_node *node;
	size_t pos, sum = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct entry *e = sn_alloc_zero(sizeof(*e));

		e->id = i;
		snprintf(e->name, sizeof(e->name), "%u", i);
		sn_hash_insert(&h, &e->node);
	}
	sn_hash_each (node, pos, &h) {
		struct entry *e = entry_of(node);

		ck_assert_hot(entries[e->id].seen++ == 0);
		sum++;
		if (e->id % 3 == 0)
			continue;
		sn_hash_remove(&h, node);
		sn_free(e);
	}
	ck_assert_uint_eq(sum, 1000);
	ck_assert_uint_eq(h.count, 334);
	sn_hash_each (node, pos, &h) {
		struct entry *e = entry_of(node);

		ck_assert_hot(e->id % 3 == 0);
		sn_hash_remove(&h, node);
		sn_free(e);
	}
	ck_assert_uint_eq(h.count, 0);
}
END_TEST

/* Random inserts, finds and removals beside a plain array of flags. */
START_TEST(any_sequence_equals_a_set)
{
	static bool in[ENTRIES];
	unsigned seed = 99, window = 1;
	size_t count = 0;

	for (int step = 0; step < 200000; step++) {
		unsigned i;

		if (step % 20000 == 0)
			window = window > 1000 ? 10 : ENTRIES;
		seed = seed * 1664525 + 1013904223;
		i = (seed >> 8) % window;
		ck_assert_hot(find(entries[i].name) == (in[i] ? &entries[i] : NULL));
		if (in[i]) {
			sn_hash_remove(&h, &entries[i].node);
			count--;
		} else {
			sn_hash_insert(&h, &entries[i].node);
			count++;
		}
		in[i] = !in[i];
		ck_assert_hot(h.count == count);
	}
	for (unsigned i = 0; i < ENTRIES; i++)
		ck_assert_hot(find(entries[i].name) == (in[i] ? &entries[i] : NULL));
}
END_TEST

static void *hash_in_thread(void *arg)
{
	*(uint64_t *)arg = sn_hash_str(SN_STR("abc"));
	return NULL;
}

START_TEST(process_key_is_one_for_all_threads)
{
	uint64_t hashes[8];
	pthread_t threads[8];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_in_thread, &hashes[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_eq(hashes[i], sn_hash_str(SN_STR("abc")));
	}
}
END_TEST

static void insert_twice(void)
{
	struct entry twin = entries[1];

	sn_hash_insert(&h, &entries[1].node);
	sn_hash_insert(&h, &twin.node);
}

static void remove_stranger(void)
{
	sn_hash_insert(&h, &entries[1].node);
	sn_hash_remove(&h, &entries[2].node);
}

START_TEST(misuse_dies)
{
	ck_assert(sn_test_dies(insert_twice, "check failed"));
	ck_assert(sn_test_dies(remove_stranger, "found"));
}
END_TEST

Suite *sn_suite_hash(void)
{
	Suite *suite = suite_create("base/hash");
	TCase *tc = tcase_create("hash");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, siphash_vectors, 0, COUNT(vectors));
	tcase_add_test(tc, siphash_with_the_zero_key);
	tcase_add_test(tc, process_key_is_used);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, insert_find_remove);
	tcase_add_test(tc, keys_are_bytes);
	tcase_add_test(tc, nocase_folds_letters_only);
	tcase_add_test(tc, nocase_agrees_with_the_comparison);
	tcase_add_test(tc, resizing_is_spread);
	tcase_add_test(tc, shrinks_when_sparse);
	tcase_add_test(tc, iteration_sees_each_once);
	tcase_add_test(tc, iteration_survives_removal);
	tcase_add_test(tc, any_sequence_equals_a_set);
	tcase_add_test(tc, process_key_is_one_for_all_threads);
	tcase_add_test(tc, misuse_dies);
	suite_add_tcase(suite, tc);
	return suite;
}
