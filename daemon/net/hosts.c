#include "daemon/net/hosts.h"

#include "daemon/base/hash.h"
#include "daemon/base/mem.h"
#include "daemon/base/pool.h"

#define IP_KEY_SIZE 20 /* 16 bytes of address, 4 of scope */

/* A name stands on an address's line. */
struct edge {
	struct edge *next_of_name, *next_of_ip;
	struct host_name *name;
	struct host_ip *ip;
};

struct host_name {
	struct sn_hash_node node;
	struct sn_str text;
	struct edge *first, *last;
};

struct host_ip {
	struct sn_hash_node node;
	int family;
	char key[IP_KEY_SIZE];
	struct edge *first, *last;
};

struct sn_hosts {
	struct sn_hash names, ips;
	struct sn_pool *pool;
};

static struct sn_str name_key(const struct sn_hash_node *node)
{
	return sn_container_of(node, const struct host_name, node)->text;
}

static struct sn_str ip_key(const struct sn_hash_node *node)
{
	return sn_str_n(sn_container_of(node, const struct host_ip, node)->key, IP_KEY_SIZE);
}

/* IPv4 as mapped IPv6, so that one table holds both. */
static bool make_ip_key(const struct sn_addr *addr, char key[IP_KEY_SIZE])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(key, 0, IP_KEY_SIZE);
	if (addr->len != 0 && addr->sa.sa_family == AF_INET) {
		memcpy(key, mapped, sizeof(mapped));
		memcpy(key + sizeof(mapped), &addr->in.sin_addr, sizeof(addr->in.sin_addr));
		return true;
	}
	if (addr->len != 0 && addr->sa.sa_family == AF_INET6) {
		memcpy(key, &addr->in6.sin6_addr, sizeof(addr->in6.sin6_addr));
		memcpy(key + 16, &addr->in6.sin6_scope_id, sizeof(addr->in6.sin6_scope_id));
		return true;
	}
	return false;
}

static void ip_to_addr(const struct host_ip *ip, uint16_t port, struct sn_addr *addr)
{
	if (ip->family == AF_INET) {
		sn_addr_any4(port, addr);
		memcpy(&addr->in.sin_addr, ip->key + 12, sizeof(addr->in.sin_addr));
		return;
	}
	sn_addr_any6(port, addr);
	memcpy(&addr->in6.sin6_addr, ip->key, sizeof(addr->in6.sin6_addr));
	memcpy(&addr->in6.sin6_scope_id, ip->key + 16, sizeof(addr->in6.sin6_scope_id));
}

/* --- reading -------------------------------------------------------------- */

static struct host_ip *intern_ip(struct sn_hosts *h, const struct sn_addr *addr)
{
	char key[IP_KEY_SIZE];
	struct sn_hash_node *node;
	struct host_ip *ip;

	if (!make_ip_key(addr, key))
		return NULL;
	node = sn_hash_find(&h->ips, sn_str_n(key, sizeof(key)));
	if (node != NULL)
		return sn_container_of(node, struct host_ip, node);
	ip = sn_pool_alloc_zero(h->pool, sizeof(*ip));
	ip->family = addr->sa.sa_family;
	memcpy(ip->key, key, sizeof(key));
	sn_hash_insert(&h->ips, &ip->node);
	return ip;
}

static struct host_name *intern_name(struct sn_hosts *h, struct sn_str text)
{
	struct sn_hash_node *node = sn_hash_find(&h->names, text);
	struct host_name *name;

	if (node != NULL)
		return sn_container_of(node, struct host_name, node);
	name = sn_pool_alloc_zero(h->pool, sizeof(*name));
	name->text = sn_pool_str(h->pool, text);
	sn_hash_insert(&h->names, &name->node);
	return name;
}

static void join(struct sn_hosts *h, struct host_ip *ip, struct host_name *name)
{
	struct edge *edge;

	for (edge = name->first; edge != NULL; edge = edge->next_of_name)
		if (edge->ip == ip)
			return;
	edge = sn_pool_alloc_zero(h->pool, sizeof(*edge));
	edge->ip = ip;
	edge->name = name;
	*(name->last != NULL ? &name->last->next_of_name : &name->first) = edge;
	name->last = edge;
	*(ip->last != NULL ? &ip->last->next_of_ip : &ip->first) = edge;
	ip->last = edge;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut the next word off *rest; empty at the end. */
static struct sn_str next_word(struct sn_str *rest)
{
	size_t begin = 0, end;
	struct sn_str word;

	while (begin < rest->n && is_blank(rest->p[begin]))
		begin++;
	for (end = begin; end < rest->n && !is_blank(rest->p[end]);)
		end++;
	word = sn_str_n(rest->p + begin, end - begin);
	*rest = sn_str_n(rest->p + end, rest->n - end);
	return word;
}

static void parse_line(struct sn_hosts *h, struct sn_str line)
{
	struct sn_str word;
	struct sn_addr addr;
	struct host_ip *ip;

	line.n = sn_str_find(line, '#');
	word = next_word(&line);
	if (word.n == 0 || sn_addr_parse(word, 0, &addr) != SN_OK)
		return;
	ip = intern_ip(h, &addr);
	while ((word = next_word(&line)).n > 0)
		join(h, ip, intern_name(h, word));
}

struct sn_hosts *sn_hosts_parse(struct sn_str text)
{
	struct sn_hosts *h = sn_alloc_zero(sizeof(*h));

	h->pool = sn_pool_new(0);
	sn_hash_init(&h->names, name_key, true);
	sn_hash_init(&h->ips, ip_key, false);
	while (text.n > 0) {
		size_t end = sn_str_find(text, '\n');
		size_t skip = end < text.n ? end + 1 : end;

		parse_line(h, sn_str_n(text.p, end));
		text = sn_str_n(text.p + skip, text.n - skip);
	}
	return h;
}

void sn_hosts_free(struct sn_hosts **hosts)
{
	struct sn_hosts *h = *hosts;

	if (h == NULL)
		return;
	*hosts = NULL;
	sn_hash_fini(&h->names);
	sn_hash_fini(&h->ips);
	sn_pool_free(&h->pool);
	sn_free(h);
}

/* --- asking --------------------------------------------------------------- */

size_t sn_hosts_addrs(struct sn_hosts *hosts, struct sn_str name, uint16_t port,
	struct sn_addr *addrs, size_t cap)
{
	struct sn_hash_node *node;
	size_t n = 0;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	node = sn_hash_find(&hosts->names, name);
	if (node == NULL)
		return 0;
	for (const struct edge *edge = sn_container_of(node, struct host_name, node)->first;
		edge != NULL; edge = edge->next_of_name, n++)
		if (n < cap)
			ip_to_addr(edge->ip, port, &addrs[n]);
	return n;
}

size_t sn_hosts_names(
	struct sn_hosts *hosts, const struct sn_addr *addr, struct sn_str *names, size_t cap)
{
	char key[IP_KEY_SIZE];
	struct sn_hash_node *node;
	size_t n = 0;

	if (!make_ip_key(addr, key))
		return 0;
	node = sn_hash_find(&hosts->ips, sn_str_n(key, sizeof(key)));
	if (node == NULL)
		return 0;
	for (const struct edge *edge = sn_container_of(node, struct host_ip, node)->first;
		edge != NULL; edge = edge->next_of_ip, n++)
		if (n < cap)
			names[n] = edge->name->text;
	return n;
}
