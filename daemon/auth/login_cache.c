#include "daemon/auth/login_cache.h"

#include "daemon/base/hash.h"
#include "daemon/base/list.h"
#include "daemon/base/mem.h"

struct entry {
	struct sn_hash_node node;
	struct sn_list link; /* oldest first */
	int64_t made;        /* monotonic */
	uint8_t key[SN_SHA256_SIZE];
};

struct sn_login_cache {
	const struct sn_clock *clock;
	size_t entries_max;
	int64_t lifetime;
	struct sn_hash table;
	struct sn_list entries;
	uint8_t secret[SN_SHA256_SIZE];
};

static struct sn_str entry_key(const struct sn_hash_node *node)
{
	const struct entry *entry = sn_container_of(node, struct entry, node);

	return sn_str_n(entry->key, sizeof(entry->key));
}

struct sn_login_cache *sn_login_cache_new(
	const struct sn_clock *clock, size_t entries_max, int64_t lifetime)
{
	struct sn_login_cache *cache = sn_alloc_zero(sizeof(*cache));

	sn_assert(entries_max > 0);
	cache->clock = clock;
	cache->entries_max = entries_max;
	cache->lifetime = lifetime;
	sn_hash_init(&cache->table, entry_key, false);
	sn_list_init(&cache->entries);
	sn_random(cache->secret, sizeof(cache->secret));
	return cache;
}

static void drop(struct sn_login_cache *cache, struct entry *entry)
{
	sn_hash_remove(&cache->table, &entry->node);
	sn_list_remove(&entry->link);
	sn_free(entry);
}

static struct entry *oldest(struct sn_login_cache *cache)
{
	return sn_list_empty(&cache->entries)
		? NULL
		: sn_container_of(cache->entries.next, struct entry, link);
}

static void drop_expired(struct sn_login_cache *cache)
{
	const int64_t now = sn_clock_mono(cache->clock);
	struct entry *entry;

	while ((entry = oldest(cache)) != NULL && now - entry->made >= cache->lifetime)
		drop(cache, entry);
}

void sn_login_cache_free(struct sn_login_cache **cache_p)
{
	struct sn_login_cache *cache = *cache_p;
	struct entry *entry;

	*cache_p = NULL;
	if (cache == NULL)
		return;
	while ((entry = oldest(cache)) != NULL)
		drop(cache, entry);
	sn_hash_fini(&cache->table);
	sn_wipe(cache->secret, sizeof(cache->secret));
	sn_free(cache);
}

/* Each part is hashed by itself first: where one ends and the next begins is part of the key. */
void sn_login_cache_key(const struct sn_login_cache *cache, struct sn_str account,
	struct sn_str password, struct sn_str stored, uint8_t key_r[SN_SHA256_SIZE])
{
	const struct sn_str secret = sn_str_n(cache->secret, sizeof(cache->secret));
	const struct sn_str parts[] = { account, password, stored };
	uint8_t macs[3][SN_SHA256_SIZE];

	for (size_t i = 0; i < 3; i++)
		sn_hmac_sha256(secret, parts[i], macs[i]);
	sn_hmac_sha256(secret, sn_str_n(macs, sizeof(macs)), key_r);
	sn_wipe(macs, sizeof(macs));
}

bool sn_login_cache_has(struct sn_login_cache *cache, const uint8_t key[SN_SHA256_SIZE])
{
	drop_expired(cache);
	return sn_hash_find(&cache->table, sn_str_n(key, SN_SHA256_SIZE)) != NULL;
}

void sn_login_cache_add(struct sn_login_cache *cache, const uint8_t key[SN_SHA256_SIZE])
{
	struct entry *entry;

	if (sn_login_cache_has(cache, key))
		return;
	if (cache->table.count == cache->entries_max)
		drop(cache, oldest(cache));
	entry = sn_alloc_zero(sizeof(*entry));
	memcpy(entry->key, key, SN_SHA256_SIZE);
	entry->made = sn_clock_mono(cache->clock);
	sn_hash_insert(&cache->table, &entry->node);
	sn_list_append(&cache->entries, &entry->link);
}
