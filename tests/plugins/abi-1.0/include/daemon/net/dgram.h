/*
 * Datagram socket with batches: one recvmmsg fills up to SN_DGRAM_BATCH packets, the user answers
 * each into a reply buffer of its own, and the answers leave in one sendmmsg at the end of the
 * turn. Replies go out from the address the query came to (IP_PKTINFO), also on wildcard sockets.
 * The buffers belong to the loop's sockets, not to packets: no allocation per packet.
 */
#ifndef SN_DAEMON_NET_DGRAM_H
#define SN_DAEMON_NET_DGRAM_H

#include "daemon/loop/loop.h"
#include "daemon/net/addr.h"

#define SN_DGRAM_BATCH 32

struct sn_dgram;

struct sn_packet {
	struct sn_str data;
	const struct sn_addr *peer;
	struct sn_addr local; /* where it came to, if known (len 0 otherwise) */
	bool truncated;       /* longer than recv_size */
};

struct sn_dgram_ops {
	/* One packet. Write at most cap bytes to reply and return how many; 0: no answer. */
	size_t (*on_packet)(
		struct sn_dgram *d, const struct sn_packet *packet, char *reply, size_t cap);
};

struct sn_dgram_options {
	size_t recv_size, reply_size; /* per packet; 0: 4096 each */
	unsigned budget;              /* packets per turn; 0: 256 */
	int socket_buffer;            /* SO_RCVBUF and SO_SNDBUF; 0: system's */
};

struct sn_dgram {
	struct sn_watch watch;
	const struct sn_dgram_ops *ops;
	struct sn_dgram_options options;
	struct sn_dgram_batch *batch; /* private */
	struct sn_task flush;
	uint64_t received, sent, dropped; /* dropped: full socket buffer on sending */
};

/* Takes over fd, a bound datagram socket, unless this fails. options may be NULL. */
int sn_dgram_start(struct sn_dgram *d, struct sn_loop *loop, int fd,
	const struct sn_dgram_options *options, const struct sn_dgram_ops *ops) SN_WARN_UNUSED;
/* Not from inside on_packet. */
void sn_dgram_stop(struct sn_dgram *d);
/* A packet of one's own (later answers, notifications): queued for the end of the turn;
 * SN_EBUSY when the batch is full. local: NULL or the address to send from. */
int sn_dgram_send(struct sn_dgram *d, const struct sn_addr *peer, const struct sn_addr *local,
	struct sn_str data) SN_WARN_UNUSED;

#endif
