#include "daemon/net/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/net/happy_eyeballs.h"
#include "daemon/net/stream_exec.h"

#define DEFAULT_TIMEOUT SN_SEC(30)
/* A unix socket whose backlog is full cannot be waited for (connect(2), EAGAIN). */
#define BACKLOG_RETRY SN_MS(20)
#define ERROR_SIZE 300
/* Of one family: whoever answers for a name must not decide how much we try. */
#define ADDRS_MAX 32

/* How much a failure tells; the one that tells most is reported. */
enum weight {
	NOTHING_FAILED,
	NO_SUCH_NAME, /* of one family, often */
	NO_ANSWER,    /* from the name servers */
	NO_WAY,       /* from this host to that address */
	PEER_REFUSED,
	OUTCOME, /* of the whole: nothing comes after it */
};

struct lookup {
	struct sn_waiter waiter;
	struct connect_op *op;
	enum sn_eyeballs_family family;
};

/* One address being tried. Stays with the operation until that is freed. */
struct attempt {
	struct sn_watch watch;
	struct sn_list link;
	struct connect_op *op;
	struct sn_addr addr;
	int fd; /* -1: it has failed, or its socket became the stream's */
};

struct connect_op {
	struct sn_promise promise;
	struct sn_loop *loop;
	const struct sn_connect_plan *plan;
	struct lookup lookups[SN_EYEBALLS_FAMILIES];
	struct sn_eyeballs eyeballs;
	struct sn_list attempts;
	unsigned under_way; /* attempts with a socket */
	struct sn_timer next, timeout;
	struct sn_stream_user
		user;  /* its stream: NULL before there is one, and once it was taken */
	bool released; /* the promise is over; a stream may still be ending */
	enum weight weight;
	int code;
	char error[ERROR_SIZE];
};

static struct connect_op *op_of(const struct sn_promise *p)
{
	return sn_container_of((struct sn_promise *)p, struct connect_op, promise);
}

/* --- failures -----------------------------------------------------------------------------------
 */

static void describe_target(const struct sn_connect_plan *plan, struct sn_strbuf *out)
{
	if (plan->argv != NULL)
		sn_strbuf_adds(out, plan->argv[0]);
	else if (plan->host.n > 0)
		sn_strbuf_addf(out, "%.*s:%u", SN_STR_ARG(plan->host), plan->port);
	else
		sn_addr_format(&plan->addr, out);
}

/* The text of a failure of at least the weight of those before; NULL: there is a better one. */
static struct sn_strbuf *new_failure(
	struct connect_op *op, enum weight weight, int code, struct sn_strbuf *text)
{
	if (weight < op->weight)
		return NULL;
	op->weight = weight;
	op->code = code;
	sn_strbuf_fixed(text, op->error, sizeof(op->error));
	return text;
}

static void note_addr_failure(struct connect_op *op, enum weight weight, int code, const char *what,
	const struct sn_addr *addr)
{
	struct sn_strbuf mem, *text = new_failure(op, weight, code, &mem);

	if (text == NULL)
		return;
	sn_strbuf_addf(text, "%s ", what);
	sn_addr_format(addr, text);
	sn_strbuf_addf(text, ": %s", sn_strerror(code));
}

static void note_target_failure(
	struct connect_op *op, enum weight weight, int code, const char *what, const char *why)
{
	struct sn_strbuf mem, *text = new_failure(op, weight, code, &mem);

	if (text == NULL)
		return;
	sn_strbuf_addf(text, "%s ", what);
	describe_target(op->plan, text);
	sn_strbuf_addf(text, ": %s", why);
}

static const char *stage(const struct connect_op *op)
{
	if (op->user.stream != NULL)
		return "TLS with";
	return sn_list_empty(&op->attempts) ? "resolve" : "connect";
}

static void note_timeout(struct connect_op *op)
{
	char before[ERROR_SIZE], why[ERROR_SIZE + 32];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, why, sizeof(why));
	sn_strbuf_adds(&b, sn_strerror(SN_ETIMEOUT));
	if (op->weight > NO_SUCH_NAME) {
		memcpy(before, op->error, sizeof(before));
		sn_strbuf_addf(&b, " (%s)", before);
	}
	note_target_failure(op, OUTCOME, SN_ETIMEOUT, stage(op), why);
}

/* --- the end of the operation -------------------------------------------------------------------
 */

static void close_attempt(struct attempt *a)
{
	if (a->fd < 0)
		return;
	sn_watch_clear(&a->watch);
	close(a->fd);
	a->fd = -1;
	a->op->under_way--;
}

/* Everything that leads to a connected socket. */
static void stop_trying(struct connect_op *op)
{
	struct sn_list *it;

	for (int i = 0; i < SN_EYEBALLS_FAMILIES; i++)
		sn_waiter_cancel(&op->lookups[i].waiter);
	sn_timer_clear(&op->next);
	sn_list_each (it, &op->attempts)
		close_attempt(sn_container_of(it, struct attempt, link));
}

static void stop(struct connect_op *op)
{
	stop_trying(op);
	sn_timer_clear(&op->timeout);
	if (op->user.stream != NULL)
		sn_stream_abort(op->user.stream, SN_ECANCELED);
}

static void fail(struct connect_op *op)
{
	stop(op);
	sn_promise_resolve(&op->promise, op->code);
}

static void time_out(struct sn_timer *timer)
{
	struct connect_op *op = sn_container_of(timer, struct connect_op, timeout);

	note_timeout(op);
	fail(op);
}

static void free_op(struct connect_op *op)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&op->attempts)) != NULL)
		sn_free(sn_container_of(link, struct attempt, link));
	sn_eyeballs_fini(&op->eyeballs);
	sn_free(op);
}

static void cancel_promise(struct sn_promise *p)
{
	stop(op_of(p));
}

/* A stream that nobody took ends first: its user is a member of ours. */
static void release_promise(struct sn_promise *p)
{
	struct connect_op *op = op_of(p);

	op->released = true;
	if (op->user.stream != NULL)
		sn_stream_abort(op->user.stream, SN_ECANCELED);
	else
		free_op(op);
}

static const struct sn_promise_ops promise_ops = {
	.cancel = cancel_promise,
	.free = release_promise,
};

/* --- the stream, until it is handed over
 * ---------------------------------------------------------- */

static struct connect_op *op_of_user(struct sn_stream_user *user)
{
	return sn_container_of(user, struct connect_op, user);
}

static void stream_ready(struct sn_stream_user *user)
{
	struct connect_op *op = op_of_user(user);

	if (op->promise.state != SN_PROMISE_PENDING)
		return;
	sn_timer_clear(&op->timeout);
	sn_promise_resolve(&op->promise, SN_OK);
}

/* What comes before the waiter's call waits in the stream: the next user hears of it. */
static void stream_input(struct sn_stream_user *user)
{
	(void)user;
}

static void stream_eof(struct sn_stream_user *user)
{
	(void)user;
}

static void note_stream_end(struct connect_op *op, int code)
{
	const char *why = op->plan->tls != NULL ? sn_stream_tls_error(op->user.stream) : "";

	if (code == SN_CLOSE)
		code = SN_EEOF;
	note_target_failure(op, OUTCOME, code, op->plan->tls != NULL ? "TLS with" : "connect",
		why[0] != '\0' ? why : sn_strerror(code));
}

static void stream_end(struct sn_stream_user *user, int code)
{
	struct connect_op *op = op_of_user(user);

	if (op->promise.state == SN_PROMISE_PENDING) {
		note_stream_end(op, code);
		fail(op);
	} else if (op->promise.state == SN_PROMISE_RESOLVED && op->promise.code == SN_OK) {
		/* It was ready, and ended before anyone waited for it. */
		note_stream_end(op, code);
		op->promise.code = op->code;
	}
}

static void stream_freed(struct sn_stream_user *user)
{
	struct connect_op *op = op_of_user(user);

	if (op->released)
		free_op(op);
}

static const struct sn_stream_events stream_events = {
	.on_ready = stream_ready,
	.on_input = stream_input,
	.on_eof = stream_eof,
	.on_end = stream_end,
	.on_free = stream_freed,
};

static int adopt_stream(struct connect_op *op, struct sn_stream *s)
{
	struct sn_stream *top;

	op->user.events = &stream_events;
	sn_stream_set_user(s, &op->user);
	sn_stream_ready(s);
	if (op->plan->tls == NULL)
		return SN_OK;
	return sn_stream_push_tls(s, op->plan->tls, op->plan->tls_host, &top);
}

/* A connected socket, or a child: TLS is next if the plan has it. */
static void established(struct connect_op *op, struct sn_stream *s)
{
	int r = adopt_stream(op, s);

	if (r == SN_OK)
		return;
	note_target_failure(op, OUTCOME, r, "TLS with", sn_strerror(r));
	fail(op);
}

/* --- attempts -----------------------------------------------------------------------------------
 */

static void try_next(struct connect_op *op);

static enum weight weigh(int error)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EINVAL:
		return NO_WAY;
	default:
		return PEER_REFUSED;
	}
}

static void attempt_failed(struct attempt *a, int error)
{
	note_addr_failure(a->op, weigh(error), -error, "connect", &a->addr);
	close_attempt(a);
	sn_eyeballs_failed(&a->op->eyeballs);
}

/*
 * A port nobody listens on can be the very one the kernel picked for us: the two SYNs cross and the
 * socket is connected to itself.
 */
static bool is_own_echo(int fd, const struct sn_addr *peer)
{
	struct sn_addr local = { .len = sizeof(local.un) };

	return sn_addr_is_loopback(peer) && peer->sa.sa_family != AF_UNIX &&
		getsockname(fd, &local.sa, &local.len) == 0 && sn_addr_eq(&local, peer);
}

/* The first one wins: its socket becomes the stream's. */
static void attempt_won(struct attempt *a)
{
	struct connect_op *op = a->op;
	struct sn_stream *s;
	int r, fd = a->fd;

	sn_watch_clear(&a->watch);
	r = sn_stream_fd_new(op->loop, fd, fd, &s);
	if (r != SN_OK) {
		note_addr_failure(op, OUTCOME, r, "connect", &a->addr);
		fail(op);
		return;
	}
	a->fd = -1;
	op->under_way--;
	stop_trying(op);
	established(op, s);
}

static void attempt_done(struct sn_watch *watch, unsigned events)
{
	struct attempt *a = sn_container_of(watch, struct attempt, watch);
	struct connect_op *op = a->op;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0 && is_own_echo(a->fd, &a->addr))
		error = ECONNREFUSED;
	if (error == 0) {
		attempt_won(a);
		return;
	}
	attempt_failed(a, error);
	try_next(op);
}

static int bind_local(struct attempt *a)
{
	const struct sn_addr *local = &a->op->plan->bind;
	const int on = 1;

	if (local->len == 0)
		return 0;
	/* The port is chosen at connect, where the peer tells connections apart. */
	setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(a->fd, &local->sa, local->len) == 0 ? 0 : errno;
}

static bool open_socket(struct attempt *a)
{
	const int on = 1, family = a->addr.sa.sa_family;
	int error;

	a->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0) {
		note_addr_failure(a->op, NO_WAY, -errno, "open a socket for", &a->addr);
		return false;
	}
	a->op->under_way++;
	if (family != AF_UNIX)
		setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	error = bind_local(a);
	if (error == 0)
		return true;
	note_addr_failure(a->op, NO_WAY, -error, "bind to", &a->op->plan->bind);
	close_attempt(a);
	return false;
}

/* 0: connected; EINPROGRESS: watched; else what failed. */
static int start_connecting(struct attempt *a)
{
	int r, error = connect(a->fd, &a->addr.sa, a->addr.len) == 0 ? 0 : errno;

	if (error != EINPROGRESS && error != EINTR)
		return error;
	r = sn_watch_set(a->op->loop, &a->watch, a->fd, SN_WRITABLE, attempt_done);
	return r == SN_OK ? EINPROGRESS : -r;
}

static struct attempt *new_attempt(struct connect_op *op, const struct sn_addr *addr)
{
	struct attempt *a = sn_alloc_zero(sizeof(*a));

	a->op = op;
	a->addr = *addr;
	a->fd = -1;
	sn_list_append(&op->attempts, &a->link);
	return a;
}

/* True: it has won at once. */
static bool attempt(struct connect_op *op, const struct sn_addr *addr)
{
	struct attempt *a = new_attempt(op, addr);
	int error;

	if (!open_socket(a)) {
		sn_eyeballs_failed(&op->eyeballs);
		return false;
	}
	error = start_connecting(a);
	if (error == 0)
		attempt_won(a);
	else if (error != EINPROGRESS)
		attempt_failed(a, error);
	return error == 0;
}

static void next_due(struct sn_timer *timer)
{
	try_next(sn_container_of(timer, struct connect_op, next));
}

static void try_next(struct connect_op *op)
{
	enum sn_eyeballs_step step;
	struct sn_addr addr;
	int64_t until;

	do
		step = sn_eyeballs_next(&op->eyeballs, sn_loop_now(op->loop), &addr, &until);
	while (step == SN_EYEBALLS_TRY && !attempt(op, &addr));
	if (step == SN_EYEBALLS_WAIT && until != INT64_MAX)
		sn_timer_set_at(op->loop, &op->next, until, next_due);
	else if (step == SN_EYEBALLS_EXHAUSTED && op->under_way == 0)
		fail(op);
}

/* --- TCP ----------------------------------------------------------------------------------------
 */

static bool family_allowed(const struct sn_connect_plan *plan, enum sn_eyeballs_family family)
{
	if (plan->bind.len == 0)
		return true;
	return plan->bind.sa.sa_family == (family == SN_EYEBALLS_V6 ? AF_INET6 : AF_INET);
}

static void take_answer(struct lookup *lookup, const struct sn_addr *addrs, size_t count)
{
	struct connect_op *op = lookup->op;

	sn_eyeballs_answer(&op->eyeballs, lookup->family, addrs,
		count < ADDRS_MAX ? count : ADDRS_MAX, sn_loop_now(op->loop));
}

static void looked_up(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct lookup *lookup = sn_container_of(w, struct lookup, waiter);
	struct connect_op *op = lookup->op;
	const struct sn_addr *addrs = NULL;
	size_t count = code == SN_OK ? sn_resolve_addrs(p, &addrs) : 0;

	if (code != SN_OK)
		note_target_failure(op, code == SN_ENOTFOUND ? NO_SUCH_NAME : NO_ANSWER, code,
			"resolve", sn_strerror(code));
	take_answer(lookup, addrs, count);
	try_next(op);
}

static void look_up(struct connect_op *op, struct sn_resolver *resolver)
{
	static const enum sn_resolve_family families[] = {
		[SN_EYEBALLS_V6] = SN_RESOLVE_IPV6,
		[SN_EYEBALLS_V4] = SN_RESOLVE_IPV4,
	};
	const struct sn_connect_plan *plan = op->plan;

	for (enum sn_eyeballs_family f = 0; f < SN_EYEBALLS_FAMILIES; f++) {
		struct lookup *lookup = &op->lookups[f];

		if (!family_allowed(plan, f))
			take_answer(lookup, NULL, 0);
		else
			sn_promise_wait(
				sn_resolve_host(resolver, plan->host, plan->port, families[f]),
				&lookup->waiter, looked_up);
	}
}

static void connect_literal(struct connect_op *op, const struct sn_addr *addr)
{
	enum sn_eyeballs_family own =
		addr->sa.sa_family == AF_INET6 ? SN_EYEBALLS_V6 : SN_EYEBALLS_V4;

	for (enum sn_eyeballs_family f = 0; f < SN_EYEBALLS_FAMILIES; f++)
		take_answer(&op->lookups[f], addr, f == own ? 1 : 0);
	try_next(op);
}

static void connect_host(struct connect_op *op, struct sn_resolver *resolver)
{
	struct sn_addr addr;

	for (enum sn_eyeballs_family f = 0; f < SN_EYEBALLS_FAMILIES; f++) {
		op->lookups[f].op = op;
		op->lookups[f].family = f;
	}
	if (sn_addr_parse(op->plan->host, op->plan->port, &addr) == SN_OK) {
		connect_literal(op, &addr);
	} else if (resolver != NULL) {
		look_up(op, resolver);
	} else {
		note_target_failure(op, NO_ANSWER, SN_ERESOLVE, "resolve", "there is no resolver");
		fail(op);
	}
}

/* --- unix, exec ---------------------------------------------------------------------------------
 */

static void connect_unix(struct connect_op *op);

static void backlog_retry(struct sn_timer *timer)
{
	connect_unix(sn_container_of(timer, struct connect_op, next));
}

static void connect_unix(struct connect_op *op)
{
	struct attempt *a = sn_container_of(op->attempts.next, struct attempt, link);
	int error = start_connecting(a);

	if (error == 0) {
		attempt_won(a);
	} else if (error == EAGAIN) {
		note_addr_failure(op, PEER_REFUSED, -error, "connect", &a->addr);
		sn_timer_set(op->loop, &op->next, BACKLOG_RETRY, backlog_retry);
	} else if (error != EINPROGRESS) {
		attempt_failed(a, error);
		fail(op);
	}
}

/* The lock of a server that runs (listen_unix.h); one that was left over is nobody's. */
static bool lock_is_held(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool held;

	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

static void begin_unix(struct connect_op *op)
{
	const char *lock_file = op->plan->lock_file;

	if (lock_file != NULL && !lock_is_held(lock_file)) {
		note_target_failure(
			op, OUTCOME, -ECONNREFUSED, "connect", "no server holds its lock file");
		fail(op);
		return;
	}
	if (open_socket(new_attempt(op, &op->plan->addr)))
		connect_unix(op);
	else
		fail(op);
}

static void connect_exec(struct connect_op *op)
{
	struct sn_stream *s;
	int r = sn_stream_exec_new(op->loop, op->plan->argv, &s);

	if (r == SN_OK) {
		established(op, s);
		return;
	}
	note_target_failure(op, OUTCOME, r, "start", sn_strerror(r));
	fail(op);
}

/* --- for users ----------------------------------------------------------------------------------
 */

struct sn_promise *sn_connect(
	struct sn_loop *loop, struct sn_resolver *resolver, const struct sn_connect_plan *plan)
{
	struct connect_op *op = sn_alloc_zero(sizeof(*op));
	int64_t timeout = plan->timeout > 0 ? plan->timeout : DEFAULT_TIMEOUT;

	op->loop = loop;
	op->plan = plan;
	sn_promise_init(loop, &op->promise, &promise_ops);
	sn_eyeballs_init(&op->eyeballs);
	sn_list_init(&op->attempts);
	sn_timer_set(loop, &op->timeout, timeout, time_out);
	if (plan->argv != NULL)
		connect_exec(op);
	else if (plan->host.n > 0)
		connect_host(op, resolver);
	else
		begin_unix(op);
	return &op->promise;
}

struct sn_stream *sn_connect_stream(struct sn_promise *p)
{
	struct connect_op *op = op_of(p);
	struct sn_stream *s = op->user.stream;

	sn_assert(p->ops == &promise_ops && s != NULL);
	sn_stream_set_user(s, NULL);
	return s;
}

const char *sn_connect_error(const struct sn_promise *p)
{
	sn_assert(p->ops == &promise_ops);
	return op_of(p)->error;
}
