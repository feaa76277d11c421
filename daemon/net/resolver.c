#include "daemon/net/resolver.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/pool.h"
#include "daemon/net/dns_channel.h"
#include "daemon/net/hosts.h"
#include "daemon/net/srv.h"

#define DEFAULT_TIMEOUT SN_SEC(2)
#define DEFAULT_TRIES 3
#define DEFAULT_MAX_QUERIES 1000
#define LOOK_INTERVAL SN_SEC(1)
#define HOSTS_FILE_MAX ((size_t)16 << 20)
#define NAME_MAX_LENGTH 254 /* RFC 1035 2.3.4 as text, with the last dot */

/* What tells one state of a file from another. */
struct file_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct sn_resolver {
	struct sn_loop *loop;
	char *servers, *resolv_conf, *hosts_file;
	struct sn_dns_channel_options channel_options;
	unsigned max_queries, queries;
	struct sn_dns_channel *channel;
	struct sn_list retired; /* channels with queries under an older resolv.conf */
	struct sn_hosts *hosts;
	struct file_stamp hosts_stamp, conf_stamp;
	int64_t looked; /* when the files were looked at last */
};

enum question { ASK_HOST, ASK_SRV, ASK_PTR };

struct resolve_op {
	struct sn_promise promise;
	struct sn_resolver *resolver;
	struct sn_dns_query query;
	enum question question;
	bool released; /* the promise is over; the query is not yet */
	uint16_t port;
	struct sn_addr asked; /* ASK_PTR */
	size_t count;
	union {
		struct sn_addr *addrs;
		struct sn_srv *srvs;
		struct sn_str *names;
	};
	struct sn_pool *pool; /* for texts in the answer */
};

/* --- files ---------------------------------------------------------------- */

static struct file_stamp stamp_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct file_stamp){ 0 };
	return (struct file_stamp){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = st.st_size,
		.mtime = st.st_mtim,
	};
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
		a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void read_all(int fd, struct sn_strbuf *text)
{
	char piece[8192];
	ssize_t n;

	do {
		n = read(fd, piece, sizeof(piece));
		if (n > 0)
			sn_strbuf_add(text, sn_str_n(piece, (size_t)n));
	} while (n > 0 || (n < 0 && errno == EINTR));
}

/* A missing file is an empty one. */
static struct sn_hosts *load_hosts(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct sn_hosts *hosts;
	struct sn_strbuf text;

	sn_strbuf_init(&text, HOSTS_FILE_MAX);
	if (fd >= 0) {
		read_all(fd, &text);
		close(fd);
	}
	hosts = sn_hosts_parse(sn_strbuf_str(&text));
	sn_strbuf_fini(&text);
	return hosts;
}

static void look_at_hosts(struct sn_resolver *r)
{
	struct file_stamp stamp = stamp_file(r->hosts_file);

	if (same_stamp(&stamp, &r->hosts_stamp))
		return;
	r->hosts_stamp = stamp;
	sn_hosts_free(&r->hosts);
	r->hosts = load_hosts(r->hosts_file);
}

/* When no channel can be made from the changed file, the old one goes on. */
static void look_at_conf(struct sn_resolver *r)
{
	struct file_stamp stamp = stamp_file(r->resolv_conf);
	struct sn_dns_channel *channel;

	if (same_stamp(&stamp, &r->conf_stamp))
		return;
	r->conf_stamp = stamp;
	if (sn_dns_channel_new(r->loop, &r->channel_options, &channel) != SN_OK)
		return;
	sn_dns_channel_retire(&r->channel, &r->retired);
	r->channel = channel;
}

static void look_at_files(struct sn_resolver *r)
{
	int64_t now = sn_loop_now(r->loop);

	if (now - r->looked < LOOK_INTERVAL)
		return;
	r->looked = now;
	look_at_hosts(r);
	look_at_conf(r);
}

/* --- life of the resolver ------------------------------------------------- */

static void set_options(struct sn_resolver *r, const struct sn_resolver_options *o)
{
	r->servers = o->servers != NULL ? sn_strdup(o->servers) : NULL;
	r->resolv_conf = sn_strdup(o->resolv_conf != NULL ? o->resolv_conf : "/etc/resolv.conf");
	r->hosts_file = sn_strdup(o->hosts_file != NULL ? o->hosts_file : "/etc/hosts");
	r->max_queries = o->max_queries != 0 ? o->max_queries : DEFAULT_MAX_QUERIES;
	r->channel_options = (struct sn_dns_channel_options){
		.servers = r->servers,
		.resolv_conf = r->resolv_conf,
		.timeout = o->timeout != 0 ? o->timeout : DEFAULT_TIMEOUT,
		.tries = o->tries != 0 ? o->tries : DEFAULT_TRIES,
	};
}

int sn_resolver_new(struct sn_loop *loop, const struct sn_resolver_options *options,
	struct sn_resolver **resolver_r)
{
	static const struct sn_resolver_options defaults = { 0 };
	struct sn_resolver *r = sn_alloc_zero(sizeof(*r));
	int code;

	r->loop = loop;
	sn_list_init(&r->retired);
	set_options(r, options != NULL ? options : &defaults);
	r->looked = sn_loop_now(loop);
	r->conf_stamp = stamp_file(r->resolv_conf);
	r->hosts_stamp = stamp_file(r->hosts_file);
	r->hosts = load_hosts(r->hosts_file);
	code = sn_dns_channel_new(loop, &r->channel_options, &r->channel);
	if (code != SN_OK)
		sn_resolver_free(&r);
	*resolver_r = r;
	return code;
}

void sn_resolver_free(struct sn_resolver **resolver)
{
	struct sn_resolver *r = *resolver;
	struct sn_list *it, *tmp;

	if (r == NULL)
		return;
	*resolver = NULL;
	sn_dns_channel_free(&r->channel);
	sn_list_each_safe (it, tmp, &r->retired) {
		struct sn_dns_channel *channel = sn_dns_channel_at(it);

		sn_dns_channel_free(&channel);
	}
	sn_assert(r->queries == 0);
	sn_hosts_free(&r->hosts);
	sn_free(r->servers);
	sn_free(r->resolv_conf);
	sn_free(r->hosts_file);
	sn_free(r);
}

/* --- operations ----------------------------------------------------------- */

static struct resolve_op *op_of(const struct sn_promise *p)
{
	return sn_container_of((struct sn_promise *)p, struct resolve_op, promise);
}

static void free_op(struct resolve_op *op)
{
	if (op->question == ASK_HOST)
		sn_free(op->addrs);
	sn_pool_free(&op->pool);
	sn_free(op);
}

static void release_promise(struct sn_promise *p)
{
	struct resolve_op *op = op_of(p);

	if (op->query.channel == NULL)
		free_op(op);
	else
		op->released = true;
}

/* c-ares cannot drop one query: a canceled one ends into nothing, see end_query. */
static const struct sn_promise_ops promise_ops = { .free = release_promise };

static struct resolve_op *new_op(struct sn_resolver *r, enum question question)
{
	struct resolve_op *op = sn_alloc_zero(sizeof(*op));

	sn_promise_init(r->loop, &op->promise, &promise_ops);
	op->resolver = r;
	op->question = question;
	look_at_files(r);
	return op;
}

static struct sn_promise *answer(struct resolve_op *op, int code)
{
	sn_promise_resolve(&op->promise, code);
	return &op->promise;
}

static struct sn_pool *op_pool(struct resolve_op *op)
{
	if (op->pool == NULL)
		op->pool = sn_pool_new(512);
	return op->pool;
}

static int take_addrs(struct resolve_op *op, const struct ares_addrinfo *answer)
{
	const struct ares_addrinfo_node *node;
	size_t count = 0;

	for (node = answer->nodes; node != NULL; node = node->ai_next)
		count++;
	op->addrs = sn_alloc_array(count, sizeof(*op->addrs));
	for (node = answer->nodes; node != NULL; node = node->ai_next) {
		struct sn_addr *addr = &op->addrs[op->count];

		if (sn_addr_from_sockaddr(node->ai_addr, node->ai_addrlen, addr) != SN_OK)
			continue;
		sn_addr_set_port(addr, op->port);
		op->count++;
	}
	return op->count > 0 ? SN_OK : SN_ENOTFOUND;
}

static int take_srvs(struct resolve_op *op, struct sn_str packet)
{
	struct ares_srv_reply *list, *item;
	size_t count = 0;
	int code = sn_dns_code(
		ares_parse_srv_reply((const unsigned char *)packet.p, (int)packet.n, &list));

	if (code != SN_OK)
		return code;
	for (item = list; item != NULL; item = item->next)
		count++;
	op->srvs = sn_pool_alloc(op_pool(op), count * sizeof(*op->srvs));
	for (item = list; item != NULL; item = item->next)
		op->srvs[op->count++] = (struct sn_srv){
			.target = sn_pool_str(op->pool, sn_str(item->host[0] ? item->host : ".")),
			.priority = item->priority,
			.weight = item->weight,
			.port = item->port,
		};
	ares_free_data(list);
	sn_srv_order(op->srvs, op->count);
	return op->count > 0 ? SN_OK : SN_ENOTFOUND;
}

static int take_names(struct resolve_op *op, struct sn_str packet)
{
	bool v4 = op->asked.sa.sa_family == AF_INET;
	const void *ip =
		v4 ? (const void *)&op->asked.in.sin_addr : (const void *)&op->asked.in6.sin6_addr;
	struct hostent *host;
	size_t count = 0;
	int code = sn_dns_code(ares_parse_ptr_reply((const unsigned char *)packet.p, (int)packet.n,
		ip, v4 ? 4 : 16, op->asked.sa.sa_family, &host));

	if (code != SN_OK)
		return code;
	while (host->h_aliases[count] != NULL)
		count++;
	op->names = sn_pool_alloc(op_pool(op), (count + 1) * sizeof(*op->names));
	for (; op->count < count; op->count++)
		op->names[op->count] = sn_pool_str(op->pool, sn_str(host->h_aliases[op->count]));
	ares_free_hostent(host);
	return op->count > 0 ? SN_OK : SN_ENOTFOUND;
}

static void end_query(struct sn_dns_query *query, int code, const struct ares_addrinfo *addrs,
	struct sn_str packet)
{
	struct resolve_op *op = sn_container_of(query, struct resolve_op, query);

	op->resolver->queries--;
	if (op->released) {
		free_op(op);
		return;
	}
	if (op->promise.state != SN_PROMISE_PENDING)
		return; /* canceled in this very turn */
	if (code == SN_OK && op->question == ASK_HOST)
		code = take_addrs(op, addrs);
	else if (code == SN_OK && op->question == ASK_SRV)
		code = take_srvs(op, packet);
	else if (code == SN_OK)
		code = take_names(op, packet);
	sn_promise_resolve(&op->promise, code);
}

static bool may_ask(struct sn_resolver *r)
{
	if (r->queries >= r->max_queries)
		return false;
	r->queries++;
	return true;
}

/* --- host ----------------------------------------------------------------- */

static bool family_fits(const struct sn_addr *addr, enum sn_resolve_family family)
{
	return family == SN_RESOLVE_ANY ||
		addr->sa.sa_family == (family == SN_RESOLVE_IPV4 ? AF_INET : AF_INET6);
}

static void keep_family(struct resolve_op *op, enum sn_resolve_family family)
{
	size_t kept = 0;

	for (size_t i = 0; i < op->count; i++)
		if (family_fits(&op->addrs[i], family))
			op->addrs[kept++] = op->addrs[i];
	op->count = kept;
}

static void set_loopback(struct resolve_op *op, uint16_t port)
{
	op->addrs = sn_alloc_array(2, sizeof(*op->addrs));
	op->count = 2;
	sn_addr_any6(port, &op->addrs[0]);
	op->addrs[0].in6.sin6_addr = in6addr_loopback;
	sn_addr_any4(port, &op->addrs[1]);
	op->addrs[1].in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static bool is_localhost(struct sn_str name)
{
	static const struct sn_str tail = { ".localhost", 10 };

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (sn_str_eq_nocase(name, SN_STR("localhost")))
		return true;
	return name.n > tail.n &&
		sn_str_eq_nocase(sn_str_n(name.p + name.n - tail.n, tail.n), tail);
}

/* What needs no question: literals, the hosts file, localhost. */
static bool answer_from_here(struct resolve_op *op, struct sn_str name)
{
	struct sn_resolver *r = op->resolver;
	struct sn_addr literal;

	if (sn_addr_parse(name, op->port, &literal) == SN_OK) {
		op->addrs = sn_alloc_array(1, sizeof(*op->addrs));
		op->addrs[0] = literal;
		op->count = 1;
		return true;
	}
	op->count = sn_hosts_addrs(r->hosts, name, op->port, NULL, 0);
	if (op->count > 0) {
		op->addrs = sn_alloc_array(op->count, sizeof(*op->addrs));
		sn_hosts_addrs(r->hosts, name, op->port, op->addrs, op->count);
		return true;
	}
	if (!is_localhost(name))
		return false;
	set_loopback(op, op->port);
	return true;
}

/* A name that can be asked for: NUL-terminated into text, which holds NAME_MAX_LENGTH + 1. */
static bool copy_name(struct sn_str name, char *text)
{
	if (name.n == 0 || name.n > NAME_MAX_LENGTH || sn_str_find(name, '\0') != name.n)
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return true;
}

struct sn_promise *sn_resolve_host(
	struct sn_resolver *r, struct sn_str name, uint16_t port, enum sn_resolve_family family)
{
	static const int families[] = {
		[SN_RESOLVE_ANY] = AF_UNSPEC,
		[SN_RESOLVE_IPV4] = AF_INET,
		[SN_RESOLVE_IPV6] = AF_INET6,
	};
	struct resolve_op *op = new_op(r, ASK_HOST);
	char text[NAME_MAX_LENGTH + 1];

	op->port = port;
	if (answer_from_here(op, name)) {
		keep_family(op, family);
		return answer(op, op->count > 0 ? SN_OK : SN_ENOTFOUND);
	}
	if (!copy_name(name, text))
		return answer(op, SN_ENOTFOUND);
	if (!may_ask(r))
		return answer(op, SN_EBUSY);
	sn_dns_addresses(r->channel, &op->query, text, families[family], end_query);
	return &op->promise;
}

size_t sn_resolve_addrs(const struct sn_promise *p, const struct sn_addr **addrs_r)
{
	const struct resolve_op *op = op_of(p);

	sn_assert(p->ops == &promise_ops && op->question == ASK_HOST);
	*addrs_r = op->addrs;
	return op->count;
}

/* --- services ------------------------------------------------------------- */

struct sn_promise *sn_resolve_srv(struct sn_resolver *r, struct sn_str name)
{
	struct resolve_op *op = new_op(r, ASK_SRV);
	char text[NAME_MAX_LENGTH + 1];

	if (!copy_name(name, text))
		return answer(op, SN_ENOTFOUND);
	if (!may_ask(r))
		return answer(op, SN_EBUSY);
	sn_dns_ask(r->channel, &op->query, text, ns_t_srv, end_query);
	return &op->promise;
}

size_t sn_resolve_srvs(const struct sn_promise *p, const struct sn_srv **srvs_r)
{
	const struct resolve_op *op = op_of(p);

	sn_assert(p->ops == &promise_ops && op->question == ASK_SRV);
	*srvs_r = op->srvs;
	return op->count;
}

/* --- names ---------------------------------------------------------------- */

/* 192.0.2.1 -> 1.2.0.192.in-addr.arpa (RFC 1035 3.5); IPv6 by nibbles (RFC 3596 2.5). */
static void format_reverse(const struct sn_addr *addr, struct sn_strbuf *out)
{
	if (addr->sa.sa_family == AF_INET) {
		const uint32_t ip = ntohl(addr->in.sin_addr.s_addr);

		sn_strbuf_addf(out, "%u.%u.%u.%u.in-addr.arpa", ip & 255, ip >> 8 & 255,
			ip >> 16 & 255, ip >> 24);
		return;
	}
	for (size_t i = 16; i-- > 0;) {
		const unsigned byte = addr->in6.sin6_addr.s6_addr[i];

		sn_strbuf_addf(out, "%x.%x.", byte & 15, byte >> 4);
	}
	sn_strbuf_adds(out, "ip6.arpa");
}

static void unmap(struct sn_addr *addr)
{
	struct in_addr ip;

	if (addr->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
		return;
	memcpy(&ip, addr->in6.sin6_addr.s6_addr + 12, sizeof(ip));
	sn_addr_any4(sn_addr_port(addr), addr);
	addr->in.sin_addr = ip;
}

static bool names_from_hosts(struct resolve_op *op)
{
	struct sn_hosts *hosts = op->resolver->hosts;

	op->count = sn_hosts_names(hosts, &op->asked, NULL, 0);
	if (op->count == 0)
		return false;
	op->names = sn_pool_alloc(op_pool(op), op->count * sizeof(*op->names));
	sn_hosts_names(hosts, &op->asked, op->names, op->count);
	/* Copies: the file may be read again before the waiter is called. */
	for (size_t i = 0; i < op->count; i++)
		op->names[i] = sn_pool_str(op->pool, op->names[i]);
	return true;
}

struct sn_promise *sn_resolve_ptr(struct sn_resolver *r, const struct sn_addr *addr)
{
	struct resolve_op *op = new_op(r, ASK_PTR);
	char text[NAME_MAX_LENGTH + 1];
	struct sn_strbuf name;

	if (addr->len == 0 || addr->sa.sa_family == AF_UNIX)
		return answer(op, SN_ENOTFOUND);
	op->asked = *addr;
	unmap(&op->asked);
	if (names_from_hosts(op))
		return answer(op, SN_OK);
	if (!may_ask(r))
		return answer(op, SN_EBUSY);
	sn_strbuf_fixed(&name, text, sizeof(text));
	format_reverse(&op->asked, &name);
	sn_dns_ask(r->channel, &op->query, text, ns_t_ptr, end_query);
	return &op->promise;
}

size_t sn_resolve_names(const struct sn_promise *p, const struct sn_str **names_r)
{
	const struct resolve_op *op = op_of(p);

	sn_assert(p->ops == &promise_ops && op->question == ASK_PTR);
	*names_r = op->names;
	return op->count;
}
