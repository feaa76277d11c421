#include "daemon/net/dns_channel.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "daemon/base/mem.h"

/* What passes every path unfragmented (DNS flag day 2020). */
#define EDNS_UDP_SIZE 1232

/* A socket of c-ares'. Kept for reuse until the channel goes: c-ares closes sockets while one of
 * them is being dispatched. */
struct dns_socket {
	struct sn_watch watch;
	struct sn_list link; /* in sockets or idle */
	struct sn_dns_channel *channel;
};

struct sn_dns_channel {
	struct sn_loop *loop;
	ares_channel ares;
	struct sn_list sockets, idle;
	struct sn_timer timer;
	struct sn_task rearm, closing;
	struct sn_list link; /* among the retired ones */
	unsigned pending;
	bool retired;
};

int sn_dns_code(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return SN_OK;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return SN_ENOTFOUND;
	case ARES_ETIMEOUT:
		return SN_ETIMEOUT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return SN_ECANCELED;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return SN_ERESOLVE;
	}
}

/* --- time and sockets ----------------------------------------------------- */

static void time_out(struct sn_timer *timer)
{
	struct sn_dns_channel *ch = sn_container_of(timer, struct sn_dns_channel, timer);

	ares_process_fd(ch->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	sn_loop_defer(ch->loop, &ch->rearm);
}

/* Asking c-ares for the next deadline walks all its queries: once a turn is enough. */
static void rearm_timer(struct sn_task *task)
{
	struct sn_dns_channel *ch = sn_container_of(task, struct sn_dns_channel, rearm);
	struct timeval tv;

	if (ares_timeout(ch->ares, NULL, &tv) == NULL)
		sn_timer_clear(&ch->timer);
	else
		sn_timer_set(ch->loop, &ch->timer, SN_SEC(tv.tv_sec) + SN_US(tv.tv_usec), time_out);
}

static void socket_event(struct sn_watch *watch, unsigned events)
{
	struct sn_dns_channel *ch = sn_container_of(watch, struct dns_socket, watch)->channel;
	ares_socket_t rd = ARES_SOCKET_BAD, wr = ARES_SOCKET_BAD;

	if (events & (SN_READABLE | SN_HANGUP))
		rd = watch->fd;
	if (events & SN_WRITABLE)
		wr = watch->fd;
	ares_process_fd(ch->ares, rd, wr);
	sn_loop_defer(ch->loop, &ch->rearm);
}

static struct dns_socket *find_socket(struct sn_dns_channel *ch, int fd)
{
	struct sn_list *it;

	sn_list_each (it, &ch->sockets) {
		struct dns_socket *s = sn_container_of(it, struct dns_socket, link);

		if (s->watch.fd == fd)
			return s;
	}
	return NULL;
}

static struct dns_socket *new_socket(struct sn_dns_channel *ch)
{
	struct sn_list *link = sn_list_pop(&ch->idle);
	struct dns_socket *s;

	if (link != NULL)
		return sn_container_of(link, struct dns_socket, link);
	s = sn_alloc_zero(sizeof(*s));
	s->channel = ch;
	return s;
}

static void forget_socket(struct sn_dns_channel *ch, struct dns_socket *s)
{
	sn_watch_clear(&s->watch);
	sn_list_remove(&s->link);
	sn_list_append(&ch->idle, &s->link);
}

/* c-ares says what it wants to know of a socket; nothing: it is about to close it. */
static void socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct sn_dns_channel *ch = data;
	unsigned events = (readable ? SN_READABLE : 0) | (writable ? SN_WRITABLE : 0);
	struct dns_socket *s = find_socket(ch, fd);

	if (events == 0) {
		if (s != NULL)
			forget_socket(ch, s);
		return;
	}
	if (s != NULL) {
		sn_watch_want(&s->watch, events);
		return;
	}
	s = new_socket(ch);
	/* Unwatched, the query runs into its time-out: a failure c-ares reports by itself. */
	if (sn_watch_set(ch->loop, &s->watch, fd, events, socket_event) == SN_OK)
		sn_list_append(&ch->sockets, &s->link);
	else
		sn_list_append(&ch->idle, &s->link);
}

/* --- life ----------------------------------------------------------------- */

static void init_library(void)
{
	sn_assert(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
}

static int open_ares(struct sn_dns_channel *ch, const struct sn_dns_channel_options *options)
{
	char lookups[] = "b"; /* never the hosts file: c-ares would read it for every query */
	char *path = options->resolv_conf != NULL ? sn_strdup(options->resolv_conf) : NULL;
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS,
		.ednspsz = EDNS_UDP_SIZE,
		.timeout = (int)(options->timeout / SN_MS(1)),
		.tries = (int)options->tries,
		.lookups = lookups,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = ch,
		.resolvconf_path = path,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
		(path != NULL ? ARES_OPT_RESOLVCONF : 0);
	int status = ares_init_options(&ch->ares, &o, mask);

	sn_free(path);
	if (status != ARES_SUCCESS)
		return sn_dns_code(status);
	if (options->servers == NULL)
		return SN_OK;
	status = ares_set_servers_ports_csv(ch->ares, options->servers);
	if (status == ARES_SUCCESS)
		return SN_OK;
	ares_destroy(ch->ares);
	return SN_ECONFIG;
}

static void close_retired(struct sn_task *task)
{
	struct sn_dns_channel *ch = sn_container_of(task, struct sn_dns_channel, closing);

	sn_dns_channel_free(&ch);
}

int sn_dns_channel_new(struct sn_loop *loop, const struct sn_dns_channel_options *options,
	struct sn_dns_channel **channel_r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sn_dns_channel *ch = sn_alloc_zero(sizeof(*ch));
	int r;

	pthread_once(&once, init_library);
	ch->loop = loop;
	ch->rearm.fn = rearm_timer;
	ch->closing.fn = close_retired;
	sn_list_init(&ch->sockets);
	sn_list_init(&ch->idle);
	r = open_ares(ch, options);
	if (r == SN_OK)
		*channel_r = ch;
	else
		sn_free(ch);
	return r;
}

void sn_dns_channel_free(struct sn_dns_channel **channel)
{
	struct sn_dns_channel *ch = *channel;
	struct sn_list *link;

	if (ch == NULL)
		return;
	*channel = NULL;
	ares_destroy(ch->ares);
	sn_assert(ch->pending == 0 && sn_list_empty(&ch->sockets));
	while ((link = sn_list_pop(&ch->idle)) != NULL)
		sn_free(sn_container_of(link, struct dns_socket, link));
	sn_timer_clear(&ch->timer);
	sn_task_cancel(&ch->rearm);
	sn_task_cancel(&ch->closing);
	sn_list_remove(&ch->link);
	sn_free(ch);
}

static void close_when_idle(struct sn_dns_channel *ch)
{
	if (ch->retired && ch->pending == 0)
		sn_loop_closing(ch->loop, &ch->closing);
}

void sn_dns_channel_retire(struct sn_dns_channel **channel, struct sn_list *retired)
{
	struct sn_dns_channel *ch = *channel;

	*channel = NULL;
	ch->retired = true;
	sn_list_append(retired, &ch->link);
	close_when_idle(ch);
}

struct sn_dns_channel *sn_dns_channel_at(struct sn_list *link)
{
	return sn_container_of(link, struct sn_dns_channel, link);
}

/* --- queries -------------------------------------------------------------- */

static void begin(struct sn_dns_channel *ch, struct sn_dns_query *q, sn_dns_done_fn done)
{
	sn_assert(q->channel == NULL && !ch->retired);
	q->channel = ch;
	q->done = done;
	ch->pending++;
	sn_loop_defer(ch->loop, &ch->rearm);
}

static void end(
	struct sn_dns_query *q, int status, const struct ares_addrinfo *addrs, struct sn_str packet)
{
	struct sn_dns_channel *ch = q->channel;

	q->channel = NULL;
	ch->pending--;
	close_when_idle(ch);
	q->done(q, sn_dns_code(status), addrs, packet);
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
	(void)timeouts;
	end(arg, status, res, SN_STR_NULL);
	ares_freeaddrinfo(res);
}

void sn_dns_addresses(struct sn_dns_channel *channel, struct sn_dns_query *query, const char *name,
	int family, sn_dns_done_fn done)
{
	const struct ares_addrinfo_hints hints = { .ai_family = family };

	begin(channel, query, done);
	ares_getaddrinfo(channel->ares, name, NULL, &hints, got_addresses, query);
}

static void got_packet(void *arg, int status, int timeouts, unsigned char *packet, int size)
{
	(void)timeouts;
	end(arg, status, NULL,
		status == ARES_SUCCESS ? sn_str_n(packet, (size_t)size) : SN_STR_NULL);
}

void sn_dns_ask(struct sn_dns_channel *channel, struct sn_dns_query *query, const char *name,
	int type, sn_dns_done_fn done)
{
	begin(channel, query, done);
	ares_query(channel->ares, name, ns_c_in, type, got_packet, query);
}
