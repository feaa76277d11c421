/*
 * Happy eyeballs (RFC 8305): in which order, and when, the addresses of a name are tried. Pure: it
 * is told the time and what happened, and says what to do next.
 *
 *   answers      the two families are asked for separately; when the IPv4 answer is there first,
 *                the IPv6 one gets 50 ms more (section 3)
 *   order        families alternate, IPv6 first; within one as the resolver sorted them (section 4)
 *   attempts     the next one begins 250 ms after the last, or at once when one failed (section 5)
 */
#ifndef SN_DAEMON_NET_HAPPY_EYEBALLS_H
#define SN_DAEMON_NET_HAPPY_EYEBALLS_H

#include "daemon/net/addr.h"

#define SN_EYEBALLS_RESOLUTION_DELAY SN_MS(50)
#define SN_EYEBALLS_ATTEMPT_DELAY SN_MS(250)

enum sn_eyeballs_family { SN_EYEBALLS_V6, SN_EYEBALLS_V4, SN_EYEBALLS_FAMILIES };

enum sn_eyeballs_step {
	SN_EYEBALLS_TRY,       /* begin an attempt now */
	SN_EYEBALLS_WAIT,      /* ask again at the time given, or after the next event */
	SN_EYEBALLS_EXHAUSTED, /* no address is left: the attempts under way decide */
};

struct sn_eyeballs_answer {
	bool known;
	struct sn_addr *addrs;
	size_t count, next;
};

struct sn_eyeballs {
	struct sn_eyeballs_answer answers[SN_EYEBALLS_FAMILIES];
	enum sn_eyeballs_family turn; /* whose address comes next, if it has one */
	bool begun;                   /* an attempt was made */
	int64_t not_before;           /* of the next attempt */
};

void sn_eyeballs_init(struct sn_eyeballs *e);
void sn_eyeballs_fini(struct sn_eyeballs *e);
/* The answer for one family is there (copied); none: count 0. Once for each family. */
void sn_eyeballs_answer(struct sn_eyeballs *e, enum sn_eyeballs_family family,
	const struct sn_addr *addrs, size_t count, int64_t now);
/* An attempt has failed. */
void sn_eyeballs_failed(struct sn_eyeballs *e);
/* TRY: *addr_r is set. WAIT: *until_r is set; INT64_MAX: only an event can change anything. */
enum sn_eyeballs_step sn_eyeballs_next(
	struct sn_eyeballs *e, int64_t now, struct sn_addr *addr_r, int64_t *until_r);

#endif
