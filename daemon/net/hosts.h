/*
 * The hosts file (hosts(5)) in memory: names to addresses and back, both in O(1). Lines that do not
 * begin with an address are skipped, as every other reader of this file does. Names ignore case; a
 * name on several lines has all their addresses, in the file's order.
 */
#ifndef SN_DAEMON_NET_HOSTS_H
#define SN_DAEMON_NET_HOSTS_H

#include "daemon/net/addr.h"

struct sn_hosts;

/* Copies what it needs from text. */
struct sn_hosts *sn_hosts_parse(struct sn_str text);
void sn_hosts_free(struct sn_hosts **hosts);

/*
 * The addresses of name (a trailing dot is ignored), with this port: how many there are; the first
 * `cap` of them in addrs.
 */
size_t sn_hosts_addrs(struct sn_hosts *hosts, struct sn_str name, uint16_t port,
	struct sn_addr *addrs, size_t cap);
/* The names of an address, likewise; views into *hosts. The port does not matter. */
size_t sn_hosts_names(
	struct sn_hosts *hosts, const struct sn_addr *addr, struct sn_str *names, size_t cap);

#endif
