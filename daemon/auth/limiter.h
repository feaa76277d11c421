/*
 * Limiter: counts failed logins per address (IPv4, IPv6 by /64) and per account, across protocols
 * and workers: its table is shared memory that the supervisor makes and every worker maps. Updates
 * are lock-free: a worker killed in the middle holds up nobody.
 *
 * Each failure is worth points that decay (half in 5 minutes). Below `free` points nothing happens;
 * above, a login from there is delayed (0.5 s doubling to 15 s); above `refuse`, refused until
 * enough has decayed. An account's points only ever delay: nobody can lock somebody else out. A
 * secret that failed before at the same account and comes again is not counted again (a client with
 * an old password retries it). A success clears the account's points, and takes from the address
 * what that account had cost it.
 * A full table evicts the entry with the fewest points: an attacker with many addresses cannot make
 * it forget the worst ones. Peers of unix sockets and addresses of the exempt list are not counted.
 */
#ifndef SN_DAEMON_AUTH_LIMITER_H
#define SN_DAEMON_AUTH_LIMITER_H

#include "daemon/base/clock.h"
#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/net/addr.h"

struct sn_limiter;

#define SN_LIMITER_ACCOUNT_MAX 255 /* bytes of a name that tell it from others */

/* Whose failures are not counted. IPv6 by /64 at the finest. */
struct sn_limiter_net {
	struct sn_addr address;
	unsigned bits; /* of 128; those of an IPv4 address are the last 32 */
};
/* "192.0.2.0/24", "2001:db8::/32" or an address alone. SN_ESYNTAX. */
int sn_limiter_net_parse(struct sn_str text, struct sn_limiter_net *net_r) SN_WARN_UNUSED;

struct sn_limiter_options {
	uint32_t free_points;                /* 0: 5 */
	uint32_t refuse_points;              /* 0: 50 */
	int64_t half_life;                   /* 0: 300 s */
	int64_t delay, delay_max;            /* 0: 0.5 s, 15 s */
	const struct sn_limiter_net *exempt; /* copied */
	size_t exempt_count;
	const struct sn_clock *clock; /* NULL: system; monotonic time is the same in all workers */
};

/* Bytes of shared memory for a table of this many entries; a new one is all zeros. */
size_t sn_limiter_size(size_t entries);
/* memory: of sn_limiter_size, shared, at least as long-lived. SN_EVERSION: it is no such table. */
int sn_limiter_new(void *memory, size_t size, const struct sn_limiter_options *options,
	struct sn_limiter **limiter_r) SN_WARN_UNUSED;
void sn_limiter_free(struct sn_limiter **limiter); /* the memory stays */

/* Before a login: SN_OK with *delay_r (ns to wait first, often 0), or SN_EBUSY: refuse. peer and
 * account may be missing (NULL, empty). */
int sn_limiter_ask(struct sn_limiter *limiter, const struct sn_addr *peer, struct sn_str account,
	int64_t *delay_r) SN_WARN_UNUSED;
/* secret: what was tried, to recognise repetition (only a keyed hash is kept); empty: count. */
void sn_limiter_failed(struct sn_limiter *limiter, const struct sn_addr *peer,
	struct sn_str account, struct sn_str secret);
void sn_limiter_succeeded(
	struct sn_limiter *limiter, const struct sn_addr *peer, struct sn_str account);

/* For `sennit ctl`: the worst entries, worst first. Names of accounts are not kept in clear: they
 * show as a hash. */
struct sn_limiter_entry {
	uint32_t points;
	bool is_account;
	uint64_t hash;
	struct sn_addr address; /* addresses only */
};
size_t sn_limiter_worst(struct sn_limiter *limiter, struct sn_limiter_entry *entries, size_t count);

#endif
