/*
 * One c-ares channel inside the loop: its sockets are watches, its time-outs one timer. Only this
 * file's implementation and resolver.c know c-ares.
 *
 * A channel is made from a configuration (resolv.conf) and does not notice changes: the resolver
 * makes a new one and retires the old, which goes when its last query has been answered.
 *
 * c-ares cannot cancel a single query: who loses interest keeps the query's memory until it ends.
 */
#ifndef SN_DAEMON_NET_DNS_CHANNEL_H
#define SN_DAEMON_NET_DNS_CHANNEL_H

#include <ares.h>

#include "daemon/loop/timer.h"

struct sn_dns_channel;
struct sn_dns_query;

struct sn_dns_channel_options {
	const char *servers;     /* as in struct sn_resolver_options */
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	int64_t timeout;         /* per try, ns */
	unsigned tries;
};

/*
 * The end of a query, exactly once, with SN_OK or a failure. May come from inside the function that
 * started it: it must do no more than resolve a promise. Addresses and packet are valid during the
 * call; the one that was not asked for is empty.
 */
typedef void (*sn_dns_done_fn)(struct sn_dns_query *query, int code,
	const struct ares_addrinfo *addrs, struct sn_str packet);

struct sn_dns_query {
	struct sn_dns_channel *channel; /* NULL: not under way */
	sn_dns_done_fn done;
};

/* -errno, or SN_ECONFIG when the servers' text is malformed. */
int sn_dns_channel_new(struct sn_loop *loop, const struct sn_dns_channel_options *options,
	struct sn_dns_channel **channel_r) SN_WARN_UNUSED;
/* Queries under way end with SN_ECANCELED before this returns. */
void sn_dns_channel_free(struct sn_dns_channel **channel);
/* No more queries; *channel is kept in `retired` until the last one has ended, and frees itself
 * from the closing phase (or earlier by sn_dns_channel_free on the list's members). */
void sn_dns_channel_retire(struct sn_dns_channel **channel, struct sn_list *retired);
/* The channel of a member of a list of retired ones. */
struct sn_dns_channel *sn_dns_channel_at(struct sn_list *link);

/* A and AAAA (family AF_UNSPEC) or one of them, sorted as RFC 6724 says; search domains apply. */
void sn_dns_addresses(struct sn_dns_channel *channel, struct sn_dns_query *query, const char *name,
	int family, sn_dns_done_fn done);
/* One question of class IN and this type (RFC 1035 3.2.2), the name as it is; answered by a packet
 * for ares_parse_*. */
void sn_dns_ask(struct sn_dns_channel *channel, struct sn_dns_query *query, const char *name,
	int type, sn_dns_done_fn done);
/* c-ares' result as ours. */
int sn_dns_code(int status);

#endif
