#include "daemon/base/hash.h"

#include <endian.h>
#include <pthread.h>

#include "daemon/base/mem.h"

#define LEAST_BUCKETS 8
/* Each insert moves on over this many buckets of the old array, or until this many nodes moved. */
#define DRAIN_BUCKETS 32
#define DRAIN_NODES 8

/* ---- SipHash, Aumasson and Bernstein 2012, with 1 and 3 rounds ---- */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

/* Up to eight bytes, least significant first. */
static uint64_t load(const char *p, size_t n)
{
	uint64_t word = 0;

	if (n > 0)
		memcpy(&word, p, n);
	return le64toh(word);
}

/* A-Z to a-z in all eight bytes at once: the top bit of each byte says whether it is in range. */
static uint64_t fold(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t low7 = word & (0x7f * ones);
	const uint64_t from_a = low7 + (0x80 - 'A') * ones;
	const uint64_t beyond_z = low7 + (0x80 - 'Z' - 1) * ones;
	const uint64_t upper = from_a & ~beyond_z & ~word & (0x80 * ones);

	return word | upper >> 2;
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static uint64_t siphash(const uint8_t key[16], struct sn_str data, bool nocase)
{
	const uint64_t k0 = load((const char *)key, 8), k1 = load((const char *)key + 8, 8);
	struct sip s = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t at;

	for (at = 0; data.n - at >= 8; at += 8) {
		word = load(data.p + at, 8);
		sip_word(&s, nocase ? fold(word) : word);
	}
	word = load(data.p + at, data.n - at);
	sip_word(&s, (nocase ? fold(word) : word) | (uint64_t)data.n << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t sn_siphash13(const uint8_t key[16], struct sn_str data)
{
	return siphash(key, data, false);
}

static uint8_t process_key[16];

static void draw_process_key(void)
{
	sn_random(process_key, sizeof(process_key));
}

static uint64_t hash_key(struct sn_str key, bool nocase)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_process_key);
	return siphash(process_key, key, nocase);
}

uint64_t sn_hash_str(struct sn_str s)
{
	return hash_key(s, false);
}

/* ---- the table ---- */

void sn_hash_init(struct sn_hash *h, sn_hash_key_fn key, bool nocase)
{
	*h = (struct sn_hash){ .key = key, .nocase = nocase };
}

void sn_hash_fini(struct sn_hash *h)
{
	sn_free(h->buckets);
	sn_free(h->old);
	sn_hash_init(h, h->key, h->nocase);
}

static bool key_equal(const struct sn_hash *h, const struct sn_hash_node *node, struct sn_str key)
{
	return h->nocase ? sn_str_eq_nocase(h->key(node), key) : sn_str_eq(h->key(node), key);
}

static struct sn_hash_node *find_in(
	const struct sn_hash *h, struct sn_hash_node *node, uint64_t hash, struct sn_str key)
{
	while (node != NULL && (node->hash != hash || !key_equal(h, node, key)))
		node = node->next;
	return node;
}

static struct sn_hash_node *find_hashed(const struct sn_hash *h, uint64_t hash, struct sn_str key)
{
	struct sn_hash_node *node;

	if (h->buckets == NULL)
		return NULL;
	node = find_in(h, h->buckets[hash & h->mask], hash, key);
	if (node == NULL && h->old != NULL)
		node = find_in(h, h->old[hash & h->old_mask], hash, key);
	return node;
}

struct sn_hash_node *sn_hash_find(struct sn_hash *h, struct sn_str key)
{
	return h->count > 0 ? find_hashed(h, hash_key(key, h->nocase), key) : NULL;
}

/* Chains are sorted by address: that is how an iteration finds its place when a node is gone. */
static void link_node(struct sn_hash *h, struct sn_hash_node *node)
{
	struct sn_hash_node **link = &h->buckets[node->hash & h->mask];

	while (*link != NULL && (uintptr_t)*link < (uintptr_t)node)
		link = &(*link)->next;
	node->next = *link;
	*link = node;
}

/* Carry the next bucket of the old array over; how many nodes that were. */
static size_t drain_bucket(struct sn_hash *h)
{
	struct sn_hash_node *node = h->old[h->drained], *next;
	size_t moved = 0;

	h->old[h->drained] = NULL;
	for (; node != NULL; node = next, moved++) {
		next = node->next;
		link_node(h, node);
	}
	if (h->drained++ == h->old_mask) {
		sn_free(h->old);
		h->old = NULL;
	}
	return moved;
}

static void drain_some(struct sn_hash *h)
{
	size_t moved = 0;

	for (int i = 0; i < DRAIN_BUCKETS && moved < DRAIN_NODES && h->old != NULL; i++)
		moved += drain_bucket(h);
}

static void drain_all(struct sn_hash *h)
{
	while (h->old != NULL)
		(void)drain_bucket(h);
}

static void resize(struct sn_hash *h, size_t buckets)
{
	h->old = h->buckets;
	h->old_mask = h->mask;
	h->drained = 0;
	h->buckets = sn_alloc_array(buckets, sizeof(struct sn_hash_node *));
	h->mask = buckets - 1;
}

/*
 * Called by inserts only: looking up and removing are allowed during an iteration, so they move
 * nothing. The old array is always drained before the next growth is due, since inserts empty it
 * faster than they fill the new one; a shrink that is due earlier waits.
 */
static void adapt_size(struct sn_hash *h)
{
	const size_t size = h->mask + 1;

	if (h->buckets == NULL)
		resize(h, LEAST_BUCKETS);
	else if (h->old != NULL)
		drain_some(h);
	else if (h->count >= size)
		resize(h, size * 2);
	else if (h->count < size / 8 && size > LEAST_BUCKETS)
		resize(h, size / 4 > LEAST_BUCKETS ? size / 4 : LEAST_BUCKETS);
}

void sn_hash_insert(struct sn_hash *h, struct sn_hash_node *node)
{
	const struct sn_str key = h->key(node);

	node->hash = hash_key(key, h->nocase);
	sn_assert(find_hashed(h, node->hash, key) == NULL);
	adapt_size(h);
	link_node(h, node);
	h->count++;
}

static bool unlink_from(struct sn_hash_node **link, struct sn_hash_node *node)
{
	while (*link != NULL && *link != node)
		link = &(*link)->next;
	if (*link == NULL)
		return false;
	*link = node->next;
	node->next = NULL;
	return true;
}

void sn_hash_remove(struct sn_hash *h, struct sn_hash_node *node)
{
	bool found;

	sn_assert(h->count > 0);
	found = unlink_from(&h->buckets[node->hash & h->mask], node) ||
		(h->old != NULL && unlink_from(&h->old[node->hash & h->old_mask], node));
	sn_assert(found);
	h->count--;
	if (h->count == 0 && h->mask + 1 > LEAST_BUCKETS)
		sn_hash_fini(h);
}

struct sn_hash_node *sn_hash_next(struct sn_hash *h, size_t *pos, struct sn_hash_node *prev)
{
	if (prev == NULL) {
		drain_all(h);
		*pos = 0;
	}
	if (h->buckets == NULL)
		return NULL;
	for (; *pos <= h->mask; (*pos)++, prev = NULL) {
		struct sn_hash_node *node = h->buckets[*pos];

		/* prev may be freed memory by now: its address is all that counts. */
		while (node != NULL && prev != NULL && (uintptr_t)node <= (uintptr_t)prev)
			node = node->next;
		if (node != NULL)
			return node;
	}
	return NULL;
}
