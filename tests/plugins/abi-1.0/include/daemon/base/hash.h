/*
 * Hash table keyed with SipHash-1-3 under a random per-process key, so a peer cannot choose
 * colliding names. Intrusive: a node is a member of its owner and the key is read from the owner,
 * so an insert allocates nothing but (rarely) the bucket array. Growth and shrinking are spread
 * over later operations: no single insert pays for all.
 */
#ifndef SN_DAEMON_BASE_HASH_H
#define SN_DAEMON_BASE_HASH_H

#include "daemon/base/assert.h"
#include "daemon/base/str.h"

struct sn_hash_node {
	struct sn_hash_node *next;
	uint64_t hash;
};

/* The key of the node's owner; must not change while the node is in the table. */
typedef struct sn_str (*sn_hash_key_fn)(const struct sn_hash_node *node);

struct sn_hash {
	struct sn_hash_node **buckets, **old; /* old: being drained into buckets */
	size_t mask, old_mask, drained;
	size_t count;
	sn_hash_key_fn key;
	bool nocase; /* ASCII case ignored in hash and comparison */
};

uint64_t sn_siphash13(const uint8_t key[16], struct sn_str data);
/* Under the process key. */
uint64_t sn_hash_str(struct sn_str s);

void sn_hash_init(struct sn_hash *h, sn_hash_key_fn key, bool nocase);
void sn_hash_fini(struct sn_hash *h); /* frees the buckets, not the nodes */
/* The node with this key, or NULL. */
struct sn_hash_node *sn_hash_find(struct sn_hash *h, struct sn_str key);
/* The key must not be in the table yet (asserted). */
void sn_hash_insert(struct sn_hash *h, struct sn_hash_node *node);
void sn_hash_remove(struct sn_hash *h, struct sn_hash_node *node);
/*
 * Iteration in no particular order: start with *pos = 0, NULL at the end. During it the table may
 * lose the node just returned and nothing else.
 */
struct sn_hash_node *sn_hash_next(struct sn_hash *h, size_t *pos, struct sn_hash_node *prev);
#define sn_hash_each(node, pos, h) \
	for ((pos) = 0, (node) = sn_hash_next((h), &(pos), NULL); (node) != NULL; \
		(node) = sn_hash_next((h), &(pos), (node)))

#endif
