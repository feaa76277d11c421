/*
 * Socket addresses: IPv4, IPv6 (with scope) and unix paths (abstract ones begin with '@' in text).
 * A plain value. Text forms: "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock", "unix:@name", "unix:"
 * (unnamed).
 */
#ifndef SN_DAEMON_NET_ADDR_H
#define SN_DAEMON_NET_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/base/strbuf.h"

struct sn_addr {
	socklen_t len; /* 0: no address; prints as "-" */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

#define SN_ADDR_TEXT_SIZE 140 /* enough for any text form with its NUL */

/* A literal IPv4 or IPv6 address (no name, no brackets; "fe80::1%eth0" allowed) and a port.
 * SN_ESYNTAX: none; SN_ENOTFOUND: no such interface. */
int sn_addr_parse(struct sn_str ip, uint16_t port, struct sn_addr *addr_r) SN_WARN_UNUSED;
/* '@' or NUL first: abstract. SN_ELIMIT: the path does not fit; SN_EMISSING: it is empty;
 * SN_ESYNTAX: a NUL inside it. */
int sn_addr_unix(struct sn_str path, struct sn_addr *addr_r) SN_WARN_UNUSED;
/* -EAFNOSUPPORT for other families, SN_ESYNTAX for a wrong length. */
int sn_addr_from_sockaddr(
	const struct sockaddr *sa, socklen_t len, struct sn_addr *addr_r) SN_WARN_UNUSED;
void sn_addr_any4(uint16_t port, struct sn_addr *addr_r);
void sn_addr_any6(uint16_t port, struct sn_addr *addr_r);
uint16_t sn_addr_port(const struct sn_addr *addr); /* 0 for unix */
void sn_addr_set_port(struct sn_addr *addr, uint16_t port);
bool sn_addr_eq(const struct sn_addr *a, const struct sn_addr *b);
/* An IPv4 address mapped into IPv6 (a peer of a socket that serves both) becomes plain IPv4. */
void sn_addr_unmap(struct sn_addr *addr);
bool sn_addr_is_loopback(const struct sn_addr *addr); /* unix counts */
void sn_addr_format(const struct sn_addr *addr, struct sn_strbuf *out);
/* Without port and brackets; "localhost"-like names are not made up; unix: the path. */
void sn_addr_format_host(const struct sn_addr *addr, struct sn_strbuf *out);
/*
 * The key under which limits count one peer: IPv4 as is (mapped ones too), IPv6 by /64, unix: one
 * key for all. Exactly 16 bytes.
 */
void sn_addr_limit_key(const struct sn_addr *addr, uint8_t key_r[16]);

#endif
