#include "daemon/net/dgram.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/base/mem.h"

#define DEFAULT_SIZE 4096
#define DEFAULT_BUDGET 256

/* Room for the larger of the two kinds of packet information. */
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo))

struct slot {
	struct sn_addr addr; /* peer */
	struct sn_addr local;
	struct iovec iov;
	_Alignas(struct cmsghdr) char control[CONTROL_SIZE];
	bool used; /* outgoing: to be sent */
};

struct sn_dgram_batch {
	struct sn_addr bound;
	struct slot in[SN_DGRAM_BATCH], out[SN_DGRAM_BATCH];
	struct mmsghdr in_msgs[SN_DGRAM_BATCH], out_msgs[SN_DGRAM_BATCH];
	size_t out_count; /* slots claimed, used or not */
	bool reading;     /* on_packet may be on the stack */
	char data[];      /* the packets, then the replies */
};

static struct sn_dgram_batch *new_batch(const struct sn_dgram_options *options)
{
	size_t each = options->recv_size + options->reply_size;
	struct sn_dgram_batch *b = sn_alloc(sizeof(*b) + SN_DGRAM_BATCH * each);
	char *data = b->data;

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < SN_DGRAM_BATCH; i++, data += options->recv_size) {
		b->in[i].iov = (struct iovec){ .iov_base = data, .iov_len = options->recv_size };
		b->in_msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &b->in[i].addr.sa,
			.msg_iov = &b->in[i].iov,
			.msg_iovlen = 1,
			.msg_control = b->in[i].control,
		};
	}
	for (size_t i = 0; i < SN_DGRAM_BATCH; i++, data += options->reply_size)
		b->out[i].iov.iov_base = data;
	return b;
}

/* --- the address a packet came to, and the one its answer leaves from (RFC 3542 section 6)  */

/* A wildcard socket hears of the destination address only when it asks. */
static int ask_for_local(int fd, int family)
{
	int on = 1;

	if (family == AF_INET && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0)
		return -errno;
	if (family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) != 0)
		return -errno;
	return SN_OK;
}

static void local_from_v4(const struct cmsghdr *cmsg, uint16_t port, struct sn_addr *local)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	sn_addr_any4(port, local);
	/* Not ipi_addr: for a broadcast packet only spec_dst is an address to answer from. */
	local->in.sin_addr = info.ipi_spec_dst;
}

static void local_from_v6(const struct cmsghdr *cmsg, uint16_t port, struct sn_addr *local)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
		return;
	sn_addr_any6(port, local);
	local->in6.sin6_addr = info.ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		local->in6.sin6_scope_id = info.ipi6_ifindex;
}

static void read_local(struct msghdr *msg, const struct sn_addr *bound, struct sn_addr *local)
{
	local->len = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			local_from_v4(c, sn_addr_port(bound), local);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			local_from_v6(c, sn_addr_port(bound), local);
	}
}

static void put_control(
	struct msghdr *msg, char *control, int level, int type, const void *info, size_t size)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(size);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), info, size);
}

static void write_local(struct msghdr *msg, struct slot *slot)
{
	const struct sn_addr *local = &slot->local;

	if (local->len == 0)
		return;
	if (local->sa.sa_family == AF_INET) {
		struct in_pktinfo info = { .ipi_spec_dst = local->in.sin_addr };

		put_control(msg, slot->control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (local->sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = {
			.ipi6_addr = local->in6.sin6_addr,
			.ipi6_ifindex = local->in6.sin6_scope_id,
		};

		put_control(msg, slot->control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

/* --- sending -------------------------------------------------------------- */

static unsigned gather(struct sn_dgram_batch *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->out_count; i++) {
		struct slot *slot = &b->out[i];

		if (!slot->used)
			continue;
		b->out_msgs[n].msg_hdr = (struct msghdr){
			.msg_name = &slot->addr.sa,
			.msg_namelen = slot->addr.len,
			.msg_iov = &slot->iov,
			.msg_iovlen = 1,
		};
		write_local(&b->out_msgs[n++].msg_hdr, slot);
	}
	b->out_count = 0;
	return n;
}

/* How many of the next messages to give up after a failed sendmmsg. */
static unsigned unsendable(int error, unsigned left)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return left; /* no room: trying the others would only burn time */
	case EINTR:
	case ECONNREFUSED:
		return 0; /* an ICMP answer to an earlier packet; reporting it cleared it */
	default:
		return 1; /* this peer cannot be reached; the next one may */
	}
}

static void send_out(struct sn_dgram *d)
{
	struct sn_dgram_batch *b = d->batch;
	unsigned count = gather(b), at = 0, spurious = 0;

	while (at < count) {
		int n = sendmmsg(d->watch.fd, b->out_msgs + at, count - at, MSG_DONTWAIT);
		unsigned lost;

		if (n > 0) {
			d->sent += (unsigned)n;
			at += (unsigned)n;
			continue;
		}
		lost = unsendable(errno, count - at);
		if (lost == 0 && ++spurious > SN_DGRAM_BATCH)
			lost = 1;
		d->dropped += lost;
		at += lost;
	}
}

static void flush_batch(struct sn_task *task)
{
	send_out(sn_container_of(task, struct sn_dgram, flush));
}

/* A slot of the outgoing batch, or NULL when all are taken. */
static struct slot *claim_slot(struct sn_dgram *d)
{
	struct sn_dgram_batch *b = d->batch;
	struct slot *slot;

	if (b->out_count == SN_DGRAM_BATCH)
		return NULL;
	slot = &b->out[b->out_count++];
	slot->used = false;
	return slot;
}

static void commit_slot(struct sn_dgram *d, struct slot *slot, size_t n)
{
	slot->iov.iov_len = n;
	slot->used = true;
	sn_loop_flush(d->watch.loop, &d->flush);
}

int sn_dgram_send(struct sn_dgram *d, const struct sn_addr *peer, const struct sn_addr *local,
	struct sn_str data)
{
	struct slot *slot;

	if (data.n > d->options.reply_size)
		return SN_ELIMIT;
	slot = claim_slot(d);
	if (slot == NULL)
		return SN_EBUSY;
	slot->addr = *peer;
	slot->local.len = 0;
	if (local != NULL)
		slot->local = *local;
	if (data.n > 0)
		memcpy(slot->iov.iov_base, data.p, data.n);
	commit_slot(d, slot, data.n);
	return SN_OK;
}

/* --- receiving ------------------------------------------------------------ */

static void answer(struct sn_dgram *d, const struct sn_packet *packet)
{
	struct sn_dgram_batch *b = d->batch;
	struct slot *slot;
	size_t n;

	if (b->out_count == SN_DGRAM_BATCH)
		send_out(d);
	slot = claim_slot(d);
	n = d->ops->on_packet(d, packet, slot->iov.iov_base, d->options.reply_size);
	sn_assert(n <= d->options.reply_size);
	if (n > 0) {
		slot->addr = *packet->peer;
		slot->local = packet->local;
		commit_slot(d, slot, n);
	} else if (slot == &b->out[b->out_count - 1]) {
		b->out_count--;
	}
}

static void take_packet(struct sn_dgram *d, size_t i)
{
	struct sn_dgram_batch *b = d->batch;
	struct mmsghdr *msg = &b->in_msgs[i];
	struct slot *slot = &b->in[i];
	struct sn_packet packet = {
		.data = sn_str_n(slot->iov.iov_base, msg->msg_len),
		.peer = &slot->addr,
		.truncated = (msg->msg_hdr.msg_flags & MSG_TRUNC) != 0,
	};

	slot->addr.len = msg->msg_hdr.msg_namelen;
	read_local(&msg->msg_hdr, &b->bound, &packet.local);
	d->received++;
	answer(d, &packet);
}

/* One recvmmsg of at most `max` packets: how many came; 0: nothing more now. */
static unsigned receive(struct sn_dgram *d, unsigned max)
{
	struct sn_dgram_batch *b = d->batch;
	int n;

	for (unsigned i = 0; i < max; i++) {
		b->in_msgs[i].msg_hdr.msg_namelen = sizeof(b->in[i].addr.un);
		b->in_msgs[i].msg_hdr.msg_controllen = sizeof(b->in[i].control);
	}
	n = recvmmsg(d->watch.fd, b->in_msgs, max, MSG_DONTWAIT, NULL);
	/* Failures are about earlier packets of ours (ICMP); reporting clears them, and what is
	 * there to read makes the watch call again. */
	if (n <= 0)
		return 0;
	for (unsigned i = 0; i < (unsigned)n; i++)
		take_packet(d, i);
	return (unsigned)n;
}

static void on_readable(struct sn_watch *watch, unsigned events)
{
	struct sn_dgram *d = sn_container_of(watch, struct sn_dgram, watch);
	unsigned left = d->options.budget;

	(void)events;
	d->batch->reading = true;
	while (left > 0) {
		unsigned max = left < SN_DGRAM_BATCH ? left : SN_DGRAM_BATCH;
		unsigned n = receive(d, max);

		left -= n;
		if (n < max)
			break;
	}
	d->batch->reading = false;
}

/* --- life ----------------------------------------------------------------- */

static int set_up_socket(int fd, const struct sn_dgram_options *options, struct sn_addr *bound_r)
{
	bound_r->len = sizeof(bound_r->un);
	if (getsockname(fd, &bound_r->sa, &bound_r->len) != 0)
		return -errno;
	if (options->socket_buffer > 0) {
		const int size = options->socket_buffer;

		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0 ||
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0)
			return -errno;
	}
	return ask_for_local(fd, bound_r->sa.sa_family);
}

static void set_defaults(struct sn_dgram_options *options)
{
	if (options->recv_size == 0)
		options->recv_size = DEFAULT_SIZE;
	if (options->reply_size == 0)
		options->reply_size = DEFAULT_SIZE;
	if (options->budget == 0)
		options->budget = DEFAULT_BUDGET;
}

int sn_dgram_start(struct sn_dgram *d, struct sn_loop *loop, int fd,
	const struct sn_dgram_options *options, const struct sn_dgram_ops *ops)
{
	struct sn_addr bound;
	int r;

	*d = (struct sn_dgram){ .watch.fd = -1, .ops = ops, .flush.fn = flush_batch };
	if (options != NULL)
		d->options = *options;
	set_defaults(&d->options);
	r = set_up_socket(fd, &d->options, &bound);
	if (r == SN_OK)
		r = sn_watch_set(loop, &d->watch, fd, SN_READABLE, on_readable);
	if (r != SN_OK)
		return r;
	d->batch = new_batch(&d->options);
	d->batch->bound = bound;
	return SN_OK;
}

void sn_dgram_stop(struct sn_dgram *d)
{
	int fd = d->watch.fd;

	if (d->batch == NULL)
		return;
	sn_assert(!d->batch->reading);
	send_out(d);
	sn_task_cancel(&d->flush);
	sn_watch_clear(&d->watch);
	close(fd);
	sn_free(d->batch);
	d->batch = NULL;
}
