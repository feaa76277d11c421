/*
 * The table is set-associative: a hash picks a set of WAYS entries, and the key is in one of them
 * or nowhere. An entry is three kinds of words, each changed by one compare-and-swap:
 *
 *   tag     the key's hash; 0: free
 *   score   a piece of the tag, the second of the last change, points then: one word, so that a
 *           process that dies between two steps leaves nothing half-done. A score whose piece does
 *           not belong to the tag (an entry just taken over) counts as none.
 *   rest    the address, for listings (checked against the tag), and keyed hashes of secrets that
 *           failed
 *
 * Three keys are counted for a failure: the address, the account, and the pair of both, which knows
 * what a success takes back from the address.
 */
#include "daemon/auth/limiter.h"

#include <stdatomic.h>

#include "daemon/auth/scram.h"
#include "daemon/base/assert.h"
#include "daemon/base/hash.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define MAGIC 0x736e4c696d697401u /* its last byte: the version of the layout */
#define WAYS 8
#define SECRETS 6

#define POINT 64u /* one point, as stored */
#define PIECE_BITS 16
#define TIME_BITS 28
#define POINTS_BITS 20
#define POINTS_MAX ((1u << POINTS_BITS) - 1)

enum key_kind { KEY_ADDRESS = 1, KEY_ACCOUNT, KEY_PAIR };

struct entry {
	_Atomic uint64_t tag, score;
	_Atomic uint64_t address[2]; /* as sn_addr_limit_key; other kinds: 0 */
	_Atomic uint32_t secrets[SECRETS];
	_Atomic uint32_t next_secret, kind;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "another process cannot hold a lock for us");

struct table {
	_Atomic uint64_t magic, sets;
	_Atomic uint64_t key[2];
	uint64_t reserved[4];
	struct entry entries[];
};

struct sn_limiter {
	struct table *table;
	struct sn_limiter_options options;
	struct sn_limiter_net *exempt; /* options.exempt */
	size_t sets;
	uint8_t key[16];
};

/* --- the table ------------------------------------------------------------------------------ */

size_t sn_limiter_size(size_t entries)
{
	const size_t sets = (entries + WAYS - 1) / WAYS;

	return sizeof(struct table) + (sets > 0 ? sets : 1) * WAYS * sizeof(struct entry);
}

/* What the first process to come has written; the others read it. */
static uint64_t settle(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t expected = 0;

	return atomic_compare_exchange_strong(word, &expected, value) ? value : expected;
}

static uint64_t settle_random(_Atomic uint64_t *word)
{
	uint64_t value;

	sn_random(&value, sizeof(value));
	return settle(word, value | 1);
}

static struct sn_limiter_options defaults(const struct sn_limiter_options *given)
{
	struct sn_limiter_options o = *given;

	o.free_points = o.free_points > 0 ? o.free_points : 5;
	o.refuse_points = o.refuse_points > 0 ? o.refuse_points : 50;
	o.half_life = o.half_life > 0 ? o.half_life : SN_SEC(300);
	o.delay = o.delay > 0 ? o.delay : SN_MS(500);
	o.delay_max = o.delay_max > 0 ? o.delay_max : SN_SEC(15);
	o.clock = o.clock != NULL ? o.clock : &sn_clock_system;
	return o;
}

int sn_limiter_new(void *memory, size_t size, const struct sn_limiter_options *options,
	struct sn_limiter **limiter_r)
{
	struct table *table = memory;
	struct sn_limiter *limiter;
	uint64_t sets, key[2];

	if (size < sn_limiter_size(1))
		return SN_EVERSION;
	sets = (size - sizeof(*table)) / (WAYS * sizeof(struct entry));
	if (settle(&table->magic, MAGIC) != MAGIC || settle(&table->sets, sets) != sets)
		return SN_EVERSION;
	limiter = sn_alloc_zero(sizeof(*limiter));
	limiter->table = table;
	limiter->options = defaults(options);
	limiter->exempt = sn_alloc_array(options->exempt_count, sizeof(*limiter->exempt));
	if (options->exempt_count > 0)
		memcpy(limiter->exempt, options->exempt,
			options->exempt_count * sizeof(*limiter->exempt));
	limiter->options.exempt = limiter->exempt;
	limiter->sets = sets;
	for (size_t i = 0; i < 2; i++)
		key[i] = settle_random(&table->key[i]);
	memcpy(limiter->key, key, sizeof(limiter->key));
	*limiter_r = limiter;
	return SN_OK;
}

void sn_limiter_free(struct sn_limiter **limiter)
{
	if (*limiter == NULL)
		return;
	sn_wipe((*limiter)->key, sizeof((*limiter)->key));
	sn_free((*limiter)->exempt);
	sn_free(*limiter);
	*limiter = NULL;
}

/* --- scores --------------------------------------------------------------------------------- */

static uint64_t pack(uint64_t tag, uint64_t second, uint64_t points)
{
	return (tag & ((1u << PIECE_BITS) - 1)) << (TIME_BITS + POINTS_BITS) |
		(second & ((1u << TIME_BITS) - 1)) << POINTS_BITS | points;
}

static uint64_t second_now(const struct sn_limiter *limiter)
{
	return (uint64_t)(sn_clock_mono(limiter->options.clock) / SN_SEC(1)) + 1;
}

/* points * 2^(-age / half_life), straight lines between the halvings. */
static uint32_t decay(const struct sn_limiter *limiter, uint32_t points, uint64_t age)
{
	const uint64_t half_life = (uint64_t)(limiter->options.half_life / SN_SEC(1));
	const uint64_t halvings = half_life > 0 ? age / half_life : POINTS_BITS;
	const uint64_t rest = half_life > 0 ? age % half_life : 0;

	if (halvings >= POINTS_BITS)
		return 0;
	points >>= halvings;
	return half_life > 0 ? points - (uint32_t)(points * rest / (2 * half_life)) : points;
}

/* The points of this tag now. Clocks of several processes may be a second apart. */
static uint32_t points_at(
	const struct sn_limiter *limiter, uint64_t tag, uint64_t score, uint64_t now)
{
	const uint64_t then = (score >> POINTS_BITS) & ((1u << TIME_BITS) - 1);
	const uint64_t today = now & ((1u << TIME_BITS) - 1);
	const uint32_t points = (uint32_t)(score & POINTS_MAX);

	if (score == 0 || pack(tag, then, points) != score)
		return 0;
	return decay(limiter, points, today > then ? today - then : 0);
}

/* Adds change (which may be negative) and returns what is there then. */
static uint32_t add_points(
	const struct sn_limiter *limiter, struct entry *entry, uint64_t tag, int64_t change)
{
	const uint64_t now = second_now(limiter);
	uint64_t score = atomic_load(&entry->score);
	int64_t points;

	do {
		points = (int64_t)points_at(limiter, tag, score, now) + change;
		if (points < 0)
			points = 0;
		if (points > POINTS_MAX)
			points = POINTS_MAX;
	} while (!atomic_compare_exchange_weak(
		&entry->score, &score, pack(tag, now, (uint64_t)points)));
	return (uint32_t)points;
}

/* --- keys ----------------------------------------------------------------------------------- */

struct key {
	enum key_kind kind;
	uint64_t tag;
	uint64_t address[2];
};

static uint64_t hash_parts(
	const struct sn_limiter *limiter, char kind, struct sn_str a, struct sn_str b)
{
	char mem[16 + 8 + 1];
	struct sn_strbuf data;
	uint64_t inner[2];

	inner[0] = sn_siphash13(limiter->key, a);
	inner[1] = sn_siphash13(limiter->key, b);
	sn_strbuf_fixed(&data, mem, sizeof(mem));
	sn_strbuf_addc(&data, kind);
	sn_strbuf_add(&data, sn_str_n(inner, sizeof(inner)));
	return sn_siphash13(limiter->key, sn_strbuf_str(&data)) | 1;
}

static struct key address_key(const struct sn_limiter *limiter, const uint8_t bytes[16])
{
	struct key key = { .kind = KEY_ADDRESS };

	memcpy(key.address, bytes, sizeof(key.address));
	key.tag = hash_parts(limiter, KEY_ADDRESS, sn_str_n(bytes, 16), SN_STR_NULL);
	return key;
}

static struct key account_key(const struct sn_limiter *limiter, struct sn_str folded)
{
	return (struct key){
		.kind = KEY_ACCOUNT,
		.tag = hash_parts(limiter, KEY_ACCOUNT, folded, SN_STR_NULL),
	};
}

static struct key pair_key(
	const struct sn_limiter *limiter, const uint8_t bytes[16], struct sn_str folded)
{
	return (struct key){
		.kind = KEY_PAIR,
		.tag = hash_parts(limiter, KEY_PAIR, sn_str_n(bytes, 16), folded),
	};
}

/* The set a tag belongs to. */
static struct entry *set_of(const struct sn_limiter *limiter, uint64_t tag)
{
	return &limiter->table->entries[(tag >> PIECE_BITS) % limiter->sets * WAYS];
}

static struct entry *find(const struct sn_limiter *limiter, const struct key *key)
{
	struct entry *set = set_of(limiter, key->tag);

	for (size_t i = 0; i < WAYS; i++) {
		if (atomic_load(&set[i].tag) == key->tag)
			return &set[i];
	}
	return NULL;
}

static uint32_t points_of(const struct sn_limiter *limiter, const struct key *key)
{
	const struct entry *entry = find(limiter, key);

	return entry != NULL
		? points_at(limiter, key->tag, atomic_load(&entry->score), second_now(limiter))
		: 0;
}

/* The entry of the set that is worth least. */
static struct entry *weakest(const struct sn_limiter *limiter, struct entry *set)
{
	const uint64_t now = second_now(limiter);
	struct entry *found = set;
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < WAYS; i++) {
		const uint64_t tag = atomic_load(&set[i].tag);
		const uint32_t points =
			tag == 0 ? 0 : points_at(limiter, tag, atomic_load(&set[i].score), now);

		if (tag == 0)
			return &set[i];
		if (points < least) {
			least = points;
			found = &set[i];
		}
	}
	return found;
}

/* Finds the key's entry or makes one. Another process may take it away again at any time; then a
 * failure is lost, nothing else. */
static struct entry *claim(const struct sn_limiter *limiter, const struct key *key)
{
	struct entry *entry = find(limiter, key);
	uint64_t tag;

	if (entry != NULL)
		return entry;
	entry = weakest(limiter, set_of(limiter, key->tag));
	tag = atomic_load(&entry->tag);
	if (tag == key->tag)
		return entry;
	if (!atomic_compare_exchange_strong(&entry->tag, &tag, key->tag))
		return find(limiter, key);
	atomic_store(&entry->kind, (uint32_t)key->kind);
	atomic_store(&entry->address[0], key->address[0]);
	atomic_store(&entry->address[1], key->address[1]);
	for (size_t i = 0; i < SECRETS; i++)
		atomic_store(&entry->secrets[i], 0);
	return entry;
}

static uint32_t charge(const struct sn_limiter *limiter, const struct key *key, int64_t change)
{
	struct entry *entry = claim(limiter, key);

	return entry != NULL ? add_points(limiter, entry, key->tag, change) : 0;
}

/* --- who is counted ------------------------------------------------------------------------- */

struct subject {
	bool has_address, has_account;
	uint8_t address[16];
	char text[SN_LIMITER_ACCOUNT_MAX + 1];
	struct sn_str account; /* in `text` */
};

int sn_limiter_net_parse(struct sn_str text, struct sn_limiter_net *net_r)
{
	const size_t slash = sn_str_find(text, '/');
	uint64_t bits, most;

	if (sn_addr_parse(sn_str_sub(text, 0, slash), 0, &net_r->address) != SN_OK)
		return SN_ESYNTAX;
	most = net_r->address.sa.sa_family == AF_INET ? 32 : 128;
	bits = most;
	if (slash < text.n && sn_parse_u64(sn_str_from(text, slash + 1), most, &bits) != SN_OK)
		return SN_ESYNTAX;
	net_r->bits = (unsigned)(128 - most + bits);
	return SN_OK;
}

/* IPv4 as IPv6 maps it. All of it: what is counted together is not exempted together. */
static void whole_address(const struct sn_addr *addr, uint8_t bytes_r[16])
{
	if (addr->sa.sa_family == AF_INET6)
		memcpy(bytes_r, &addr->in6.sin6_addr, 16);
	else
		sn_addr_limit_key(addr, bytes_r);
}

static bool net_has(const struct sn_limiter_net *net, const uint8_t bytes[16])
{
	uint8_t wanted[16];
	const unsigned whole = net->bits / 8, rest = net->bits % 8;
	const uint8_t mask = (uint8_t)(0xff00u >> rest);

	whole_address(&net->address, wanted);
	return memcmp(wanted, bytes, whole) == 0 &&
		(rest == 0 || ((wanted[whole] ^ bytes[whole]) & mask) == 0);
}

static bool is_exempt(const struct sn_limiter *limiter, const struct sn_addr *peer)
{
	uint8_t bytes[16];

	if (peer == NULL || (peer->sa.sa_family != AF_INET && peer->sa.sa_family != AF_INET6))
		return true;
	whole_address(peer, bytes);
	for (size_t i = 0; i < limiter->options.exempt_count; i++) {
		if (net_has(&limiter->options.exempt[i], bytes))
			return true;
	}
	return false;
}

/* A name that is too long is counted by its beginning, one that is none as it is. */
static void fold(struct subject *subject, struct sn_str account)
{
	struct sn_strbuf folded;

	sn_strbuf_fixed(&folded, subject->text, sizeof(subject->text));
	if (sn_saslprep_fold(account, &folded) == SN_EENCODING)
		sn_strbuf_add(&folded, account);
	subject->account = sn_strbuf_str(&folded);
	subject->has_account = account.n > 0;
}

static void identify(const struct sn_limiter *limiter, const struct sn_addr *peer,
	struct sn_str account, struct subject *subject)
{
	*subject = (struct subject){ .has_address = peer != NULL && !is_exempt(limiter, peer) };
	if (subject->has_address)
		sn_addr_limit_key(peer, subject->address);
	/* An exempt peer's mistakes are nobody's: not the account's either. */
	if (subject->has_address || peer == NULL)
		fold(subject, account);
}

/* --- the three calls ------------------------------------------------------------------------ */

static int64_t delay_for(const struct sn_limiter *limiter, uint32_t points)
{
	const struct sn_limiter_options *o = &limiter->options;
	int64_t delay = o->delay;
	uint32_t over = points / POINT;

	if (over <= o->free_points)
		return 0;
	for (over -= o->free_points; over > 1 && delay < o->delay_max; over--)
		delay *= 2;
	return delay < o->delay_max ? delay : o->delay_max;
}

int sn_limiter_ask(struct sn_limiter *limiter, const struct sn_addr *peer, struct sn_str account,
	int64_t *delay_r)
{
	uint32_t of_address = 0, of_account = 0;
	struct subject subject;

	identify(limiter, peer, account, &subject);
	if (subject.has_address) {
		const struct key key = address_key(limiter, subject.address);

		of_address = points_of(limiter, &key);
	}
	if (subject.has_account) {
		const struct key key = account_key(limiter, subject.account);

		of_account = points_of(limiter, &key);
	}
	if (of_address > limiter->options.refuse_points * POINT)
		return SN_EBUSY;
	*delay_r = delay_for(limiter, of_address > of_account ? of_address : of_account);
	return SN_OK;
}

/* True: it failed before. The ring of what the entry remembers is overwritten without order, which
 * at worst counts one repetition. */
static bool seen_before(struct entry *entry, uint32_t mark)
{
	for (size_t i = 0; i < SECRETS; i++) {
		if (atomic_load(&entry->secrets[i]) == mark)
			return true;
	}
	atomic_store(&entry->secrets[atomic_fetch_add(&entry->next_secret, 1) % SECRETS], mark);
	return false;
}

static bool is_repetition(
	const struct sn_limiter *limiter, const struct subject *subject, struct sn_str secret)
{
	const struct key key = subject->has_account ? account_key(limiter, subject->account)
						    : address_key(limiter, subject->address);
	struct entry *entry;

	if (secret.n == 0)
		return false;
	entry = claim(limiter, &key);
	return entry != NULL &&
		seen_before(entry,
			(uint32_t)(hash_parts(limiter, 's', subject->account, secret) >> 32) | 1);
}

void sn_limiter_failed(struct sn_limiter *limiter, const struct sn_addr *peer,
	struct sn_str account, struct sn_str secret)
{
	struct subject subject;

	identify(limiter, peer, account, &subject);
	if ((!subject.has_address && !subject.has_account) ||
		is_repetition(limiter, &subject, secret))
		return;
	if (subject.has_address) {
		const struct key key = address_key(limiter, subject.address);

		(void)charge(limiter, &key, POINT);
	}
	if (subject.has_account) {
		const struct key key = account_key(limiter, subject.account);

		(void)charge(limiter, &key, POINT);
	}
	if (subject.has_address && subject.has_account) {
		const struct key key = pair_key(limiter, subject.address, subject.account);

		(void)charge(limiter, &key, POINT);
	}
}

/* Empties an entry; what it held. */
static uint32_t clear(const struct sn_limiter *limiter, const struct key *key)
{
	struct entry *entry = find(limiter, key);

	return entry == NULL ? 0
			     : points_at(limiter, key->tag, atomic_exchange(&entry->score, 0),
				       second_now(limiter));
}

void sn_limiter_succeeded(
	struct sn_limiter *limiter, const struct sn_addr *peer, struct sn_str account)
{
	struct subject subject;

	identify(limiter, peer, account, &subject);
	if (subject.has_account) {
		const struct key key = account_key(limiter, subject.account);

		(void)clear(limiter, &key);
	}
	if (subject.has_address && subject.has_account) {
		const struct key pair = pair_key(limiter, subject.address, subject.account);
		const struct key address = address_key(limiter, subject.address);
		struct entry *entry = find(limiter, &address);
		const uint32_t cost = clear(limiter, &pair);

		if (entry != NULL && cost > 0)
			(void)add_points(limiter, entry, address.tag, -(int64_t)cost);
	}
}

/* --- for people ----------------------------------------------------------------------------- */

/* The key sn_addr_limit_key made, as an address again: IPv4 stands there mapped. */
static void address_of(const uint8_t bytes[16], struct sn_addr *addr_r)
{
	sn_addr_any6(0, addr_r);
	memcpy(&addr_r->in6.sin6_addr, bytes, 16);
	sn_addr_unmap(addr_r);
}

static bool read_entry(const struct sn_limiter *limiter, const struct entry *from,
	struct sn_limiter_entry *entry_r)
{
	const uint64_t tag = atomic_load(&from->tag);
	const uint32_t kind = atomic_load(&from->kind);
	uint64_t words[2];
	uint8_t bytes[16];

	if (tag == 0 || (kind != KEY_ADDRESS && kind != KEY_ACCOUNT))
		return false;
	*entry_r = (struct sn_limiter_entry){
		.points = points_at(limiter, tag, atomic_load(&from->score), second_now(limiter)) /
			POINT,
		.is_account = kind == KEY_ACCOUNT,
		.hash = tag,
	};
	if (kind == KEY_ADDRESS) {
		words[0] = atomic_load(&from->address[0]);
		words[1] = atomic_load(&from->address[1]);
		memcpy(bytes, words, sizeof(bytes));
		if (address_key(limiter, bytes).tag != tag)
			return false;
		address_of(bytes, &entry_r->address);
	}
	return entry_r->points > 0;
}

size_t sn_limiter_worst(struct sn_limiter *limiter, struct sn_limiter_entry *entries, size_t count)
{
	struct sn_limiter_entry entry;
	size_t n = 0;

	for (size_t i = 0; i < limiter->sets * WAYS; i++) {
		size_t at = n;

		if (!read_entry(limiter, &limiter->table->entries[i], &entry))
			continue;
		while (at > 0 && entries[at - 1].points < entry.points)
			at--;
		if (at == count)
			continue;
		n = n < count ? n + 1 : n;
		memmove(&entries[at + 1], &entries[at], (n - 1 - at) * sizeof(*entries));
		entries[at] = entry;
	}
	return n;
}
