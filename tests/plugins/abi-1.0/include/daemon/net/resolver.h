/*
 * Stub resolver on c-ares, driven by the loop: never blocks, honours /etc/hosts and resolv.conf
 * (looked at before a query, at most once a second; re-read when they changed). Every answer is a
 * promise with typed accessors, valid during the waiter's call. Failures: SN_ENOTFOUND (no such
 * name or no such data), SN_ETIMEOUT (no server answered: `timeout` doubles with each of the
 * `tries`), SN_ERESOLVE (the servers refused or answered nonsense).
 *
 * What the hosts file says of a name or an address is all there is: the other family is not asked
 * for. localhost and what ends in .localhost is this machine (RFC 6761 6.3), never asked for.
 * A canceled query counts as under way until its server answers or runs into the time-out.
 */
#ifndef SN_DAEMON_NET_RESOLVER_H
#define SN_DAEMON_NET_RESOLVER_H

#include "daemon/loop/promise.h"
#include "daemon/net/addr.h"

struct sn_resolver;

struct sn_resolver_options {
	const char *servers;     /* "127.0.0.1:5353,[::1]:53"; NULL: resolv.conf's */
	const char *resolv_conf; /* search domains and options, too; NULL: /etc/resolv.conf */
	const char *hosts_file;  /* NULL: /etc/hosts */
	int64_t timeout;         /* per try, ns; 0: 2 s */
	unsigned tries;          /* 0: 3 */
	unsigned max_queries;    /* under way; more: SN_EBUSY; 0: 1000 */
};

/* options (their texts are copied) may be NULL. SN_ECONFIG: malformed `servers`. */
int sn_resolver_new(struct sn_loop *loop, const struct sn_resolver_options *options,
	struct sn_resolver **resolver_r) SN_WARN_UNUSED;
/* Pending queries must have been canceled or delivered. */
void sn_resolver_free(struct sn_resolver **resolver);

enum sn_resolve_family { SN_RESOLVE_ANY, SN_RESOLVE_IPV4, SN_RESOLVE_IPV6 };

/* Addresses of a name (literals answer too), hosts file first; with this port in each. */
struct sn_promise *sn_resolve_host(struct sn_resolver *r, struct sn_str name, uint16_t port,
	enum sn_resolve_family family) SN_WARN_UNUSED;
size_t sn_resolve_addrs(const struct sn_promise *p, const struct sn_addr **addrs_r);

struct sn_srv {
	struct sn_str target; /* "." means: decidedly not available */
	uint16_t priority, weight, port;
};
/* _service._proto.name, ordered as RFC 2782 says (by priority, weighted at random). */
struct sn_promise *sn_resolve_srv(struct sn_resolver *r, struct sn_str name) SN_WARN_UNUSED;
size_t sn_resolve_srvs(const struct sn_promise *p, const struct sn_srv **srvs_r);

/* Names of an address. */
struct sn_promise *sn_resolve_ptr(struct sn_resolver *r, const struct sn_addr *addr) SN_WARN_UNUSED;
size_t sn_resolve_names(const struct sn_promise *p, const struct sn_str **names_r);

#endif
