#include "daemon/net/conn_caps.h"

#include "daemon/base/mem.h"

struct sn_cap_entry {
	struct sn_hash_node node;
	uint8_t key[16];
	uint32_t count;
};

static struct sn_cap_entry *entry_of(const struct sn_hash_node *node)
{
	return sn_container_of(node, struct sn_cap_entry, node);
}

static struct sn_str entry_key(const struct sn_hash_node *node)
{
	return sn_str_n(entry_of(node)->key, sizeof(entry_of(node)->key));
}

void sn_conn_caps_init(struct sn_conn_caps *caps, uint32_t max_total, uint32_t max_per_address)
{
	*caps = (struct sn_conn_caps){
		.max_total = max_total,
		.max_per_address = max_per_address,
	};
	sn_hash_init(&caps->by_address, entry_key, false);
}

void sn_conn_caps_fini(struct sn_conn_caps *caps)
{
	sn_assert(caps->total == 0 && caps->by_address.count == 0);
	sn_hash_fini(&caps->by_address);
}

static struct sn_cap_entry *find(struct sn_conn_caps *caps, const uint8_t key[16])
{
	struct sn_hash_node *node = sn_hash_find(&caps->by_address, sn_str_n(key, 16));

	return node != NULL ? entry_of(node) : NULL;
}

bool sn_conn_caps_full(const struct sn_conn_caps *caps)
{
	return caps != NULL && caps->max_total > 0 && caps->total >= caps->max_total;
}

/* All peers of a unix socket look alike: counting them as one would only lock people out. */
static bool counts_addresses(const struct sn_conn_caps *caps, const struct sn_addr *addr)
{
	return caps != NULL && caps->max_per_address > 0 && addr->len > 0 &&
		addr->sa.sa_family != AF_UNIX;
}

bool sn_conn_caps_address_full(struct sn_conn_caps *caps, const struct sn_addr *addr)
{
	const struct sn_cap_entry *entry;
	uint8_t key[16];

	if (!counts_addresses(caps, addr))
		return false;
	sn_addr_limit_key(addr, key);
	entry = find(caps, key);
	return entry != NULL && entry->count >= caps->max_per_address;
}

void sn_conn_caps_enter(struct sn_conn_caps *caps)
{
	if (caps != NULL)
		caps->total++;
}

struct sn_cap_entry *sn_conn_caps_enter_address(
	struct sn_conn_caps *caps, const struct sn_addr *addr)
{
	struct sn_cap_entry *entry;
	uint8_t key[16];

	if (!counts_addresses(caps, addr))
		return NULL;
	sn_addr_limit_key(addr, key);
	entry = find(caps, key);
	if (entry == NULL) {
		entry = sn_alloc_zero(sizeof(*entry));
		memcpy(entry->key, key, sizeof(entry->key));
		sn_hash_insert(&caps->by_address, &entry->node);
	}
	entry->count++;
	return entry;
}

void sn_conn_caps_leave(struct sn_conn_caps *caps, struct sn_cap_entry **entry)
{
	if (caps == NULL)
		return;
	sn_assert(caps->total > 0);
	caps->total--;
	if (*entry != NULL && --(*entry)->count == 0) {
		sn_hash_remove(&caps->by_address, &(*entry)->node);
		sn_free(*entry);
	}
	*entry = NULL;
}
