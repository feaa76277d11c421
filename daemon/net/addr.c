#include "daemon/net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "daemon/base/assert.h"
#include "daemon/base/text.h"

#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define UNIX_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

/* Bytes of sun_path in use; a NUL first says that they are an abstract name. */
static size_t unix_path_len(const struct sn_addr *addr)
{
	return addr->len - UNIX_PATH_OFFSET;
}

static int parse_scope(struct sn_str name, uint32_t *scope_r)
{
	char text[IF_NAMESIZE];
	uint64_t number;

	if (name.n >= sizeof(text))
		return SN_ESYNTAX;
	if (sn_parse_u64(name, UINT32_MAX, &number) == SN_OK) {
		*scope_r = (uint32_t)number;
		return SN_OK;
	}
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	*scope_r = if_nametoindex(text);
	return *scope_r != 0 ? SN_OK : SN_ENOTFOUND;
}

static int parse_v6(const char *ip, struct sn_str scope, uint16_t port, struct sn_addr *addr_r)
{
	sn_addr_any6(port, addr_r);
	if (inet_pton(AF_INET6, ip, &addr_r->in6.sin6_addr) != 1)
		return SN_ESYNTAX;
	if (scope.n == 0)
		return SN_OK;
	return parse_scope(scope, &addr_r->in6.sin6_scope_id);
}

int sn_addr_parse(struct sn_str ip, uint16_t port, struct sn_addr *addr_r)
{
	const size_t percent = sn_str_find(ip, '%');
	const struct sn_str scope = sn_str_from(ip, percent + 1);
	char text[INET6_ADDRSTRLEN];
	int rc;

	addr_r->len = 0;
	if (percent == 0 || percent >= sizeof(text) || memchr(ip.p, '\0', ip.n) != NULL)
		return SN_ESYNTAX;
	if (percent < ip.n && scope.n == 0)
		return SN_ESYNTAX;
	memcpy(text, ip.p, percent);
	text[percent] = '\0';

	sn_addr_any4(port, addr_r);
	if (scope.n == 0 && inet_pton(AF_INET, text, &addr_r->in.sin_addr) == 1)
		return SN_OK;
	rc = parse_v6(text, scope, port, addr_r);
	if (rc != SN_OK)
		addr_r->len = 0;
	return rc;
}

int sn_addr_unix(struct sn_str path, struct sn_addr *addr_r)
{
	bool abstract;

	memset(addr_r, 0, sizeof(*addr_r));
	if (path.n == 0)
		return SN_EMISSING;
	abstract = path.p[0] == '@' || path.p[0] == '\0';
	if (!abstract && memchr(path.p, '\0', path.n) != NULL)
		return SN_ESYNTAX;
	if (path.n >= UNIX_PATH_SIZE)
		return SN_ELIMIT;
	addr_r->un.sun_family = AF_UNIX;
	memcpy(addr_r->un.sun_path, path.p, path.n);
	if (abstract)
		addr_r->un.sun_path[0] = '\0';
	/* The NUL after a path counts; an abstract name is exactly its bytes. */
	addr_r->len = (socklen_t)(UNIX_PATH_OFFSET + path.n + (abstract ? 0 : 1));
	return SN_OK;
}

static int copy_unix(const struct sockaddr *sa, socklen_t len, struct sn_addr *addr_r)
{
	size_t n;

	if (len < UNIX_PATH_OFFSET || len > sizeof(addr_r->un))
		return SN_ESYNTAX;
	memcpy(&addr_r->un, sa, len);
	n = len - UNIX_PATH_OFFSET;
	if (n > 0 && addr_r->un.sun_path[0] != '\0') {
		/* The kernel may or may not count the NUL, and a full path has none. */
		n = strnlen(addr_r->un.sun_path, n);
		memset(addr_r->un.sun_path + n, 0, UNIX_PATH_SIZE - n);
		n += n < UNIX_PATH_SIZE;
	}
	addr_r->len = (socklen_t)(UNIX_PATH_OFFSET + n);
	return SN_OK;
}

int sn_addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct sn_addr *addr_r)
{
	memset(addr_r, 0, sizeof(*addr_r));
	if (len < sizeof(sa->sa_family))
		return SN_ESYNTAX;
	switch (sa->sa_family) {
	case AF_INET:
		if (len < sizeof(addr_r->in))
			return SN_ESYNTAX;
		memcpy(&addr_r->in, sa, sizeof(addr_r->in));
		addr_r->len = sizeof(addr_r->in);
		return SN_OK;
	case AF_INET6:
		if (len < sizeof(addr_r->in6))
			return SN_ESYNTAX;
		memcpy(&addr_r->in6, sa, sizeof(addr_r->in6));
		addr_r->len = sizeof(addr_r->in6);
		return SN_OK;
	case AF_UNIX:
		return copy_unix(sa, len, addr_r);
	default:
		return -EAFNOSUPPORT;
	}
}

void sn_addr_any4(uint16_t port, struct sn_addr *addr_r)
{
	memset(addr_r, 0, sizeof(*addr_r));
	addr_r->len = sizeof(addr_r->in);
	addr_r->in.sin_family = AF_INET;
	addr_r->in.sin_port = htons(port);
}

void sn_addr_any6(uint16_t port, struct sn_addr *addr_r)
{
	memset(addr_r, 0, sizeof(*addr_r));
	addr_r->len = sizeof(addr_r->in6);
	addr_r->in6.sin6_family = AF_INET6;
	addr_r->in6.sin6_port = htons(port);
}

static int family(const struct sn_addr *addr)
{
	return addr->len == 0 ? AF_UNSPEC : addr->sa.sa_family;
}

uint16_t sn_addr_port(const struct sn_addr *addr)
{
	switch (family(addr)) {
	case AF_INET:
		return ntohs(addr->in.sin_port);
	case AF_INET6:
		return ntohs(addr->in6.sin6_port);
	default:
		return 0;
	}
}

void sn_addr_set_port(struct sn_addr *addr, uint16_t port)
{
	switch (family(addr)) {
	case AF_INET:
		addr->in.sin_port = htons(port);
		break;
	case AF_INET6:
		addr->in6.sin6_port = htons(port);
		break;
	default:
		break;
	}
}

bool sn_addr_eq(const struct sn_addr *a, const struct sn_addr *b)
{
	if (family(a) != family(b))
		return false;
	switch (family(a)) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
			a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
			a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
			IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	case AF_UNIX:
		return a->len == b->len &&
			memcmp(a->un.sun_path, b->un.sun_path, unix_path_len(a)) == 0;
	default:
		return true;
	}
}

/* The IPv4 address that addr is or maps; false for all others. */
static bool as_v4(const struct sn_addr *addr, uint8_t v4_r[4])
{
	if (family(addr) == AF_INET) {
		memcpy(v4_r, &addr->in.sin_addr, 4);
		return true;
	}
	if (family(addr) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
		return false;
	memcpy(v4_r, &addr->in6.sin6_addr.s6_addr[12], 4);
	return true;
}

void sn_addr_unmap(struct sn_addr *addr)
{
	const uint16_t port = sn_addr_port(addr);
	uint8_t v4[4];

	if (family(addr) != AF_INET6 || !as_v4(addr, v4))
		return;
	sn_addr_any4(port, addr);
	memcpy(&addr->in.sin_addr, v4, sizeof(v4));
}

bool sn_addr_is_loopback(const struct sn_addr *addr)
{
	uint8_t v4[4];

	if (as_v4(addr, v4))
		return v4[0] == 127;
	if (family(addr) == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	return family(addr) == AF_UNIX;
}

static void format_v6(const struct sn_addr *addr, struct sn_strbuf *out)
{
	char text[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	const uint32_t scope = addr->in6.sin6_scope_id;

	sn_strbuf_adds(out, inet_ntop(AF_INET6, &addr->in6.sin6_addr, text, sizeof(text)));
	if (scope == 0)
		return;
	sn_strbuf_addc(out, '%');
	if (if_indextoname(scope, name) != NULL)
		sn_strbuf_adds(out, name);
	else
		sn_strbuf_addu(out, scope);
}

/* NUL bytes, of which an abstract name has at least one, are shown as '@'. */
static void format_unix(const struct sn_addr *addr, struct sn_strbuf *out)
{
	size_t n = unix_path_len(addr);

	if (n > 0 && addr->un.sun_path[0] != '\0')
		n = strnlen(addr->un.sun_path, n);
	for (size_t i = 0; i < n; i++)
		sn_strbuf_addc(out, addr->un.sun_path[i] != '\0' ? addr->un.sun_path[i] : '@');
}

void sn_addr_format_host(const struct sn_addr *addr, struct sn_strbuf *out)
{
	char text[INET_ADDRSTRLEN];

	switch (family(addr)) {
	case AF_INET:
		sn_strbuf_adds(out, inet_ntop(AF_INET, &addr->in.sin_addr, text, sizeof(text)));
		break;
	case AF_INET6:
		format_v6(addr, out);
		break;
	case AF_UNIX:
		format_unix(addr, out);
		break;
	default:
		sn_strbuf_addc(out, '-');
		break;
	}
}

void sn_addr_format(const struct sn_addr *addr, struct sn_strbuf *out)
{
	const int fam = family(addr);

	if (fam == AF_UNIX)
		sn_strbuf_adds(out, "unix:");
	if (fam == AF_INET6)
		sn_strbuf_addc(out, '[');
	sn_addr_format_host(addr, out);
	if (fam == AF_INET6)
		sn_strbuf_addc(out, ']');
	if (fam == AF_INET || fam == AF_INET6)
		sn_strbuf_addf(out, ":%u", (unsigned)sn_addr_port(addr));
}

void sn_addr_limit_key(const struct sn_addr *addr, uint8_t key_r[16])
{
	uint8_t v4[4];

	memset(key_r, 0, 16);
	if (as_v4(addr, v4)) {
		memset(key_r + 10, 0xff, 2);
		memcpy(key_r + 12, v4, 4);
	} else if (family(addr) == AF_INET6) {
		memcpy(key_r, &addr->in6.sin6_addr, 8);
	} else {
		/* No IPv6 key ends so, and no IPv4 key begins so. */
		memset(key_r, 0xff, 16);
	}
}
