#include "daemon/net/connector.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/support/dns_responder.h"
#include "tests/unit/daemon/net/probe.h"
#include "tests/unit/daemon/net/tls_rig.h"

Suite *sn_suite_connector(void);

static const struct sn_test_dns_record records[] = {
	{ "both.test", ns_t_a, "127.0.0.1" },
	{ "both.test", ns_t_aaaa, "::1" },
	{ "four.test", ns_t_a, "127.0.0.1" },
	{ "noway.test", ns_t_a, "255.255.255.255" },
	{ "noway.test", ns_t_aaaa, "::1" },
	{ "two.test", ns_t_a, "127.0.0.2" },
	{ "two.test", ns_t_a, "127.0.0.1" },
	{ "late6.test", ns_t_a, "127.0.0.1" },
	{ "late6.test", ns_t_aaaa, "::1", SN_TEST_DNS_HOLD },
	{ "held.test", ns_t_a, "127.0.0.1", SN_TEST_DNS_HOLD },
	{ "held.test", ns_t_aaaa, "::1", SN_TEST_DNS_HOLD },
	{ "refused.test", ns_t_a, "127.0.0.1", SN_TEST_DNS_REFUSE },
	{ NULL },
};

/* The connection under test, and what became of it. The clock moves only when told to. */
static struct sn_fake_clock fake;
static struct sn_loop *loop;
static struct sn_test_dns dns;
static struct sn_resolver *resolver;
static struct sn_connect_plan plan;
static struct sn_waiter waiter;
static struct probe probe;
static struct sn_stream *stream;
static bool done, leave;
static int result;
static char error[400];
static size_t open_fds;

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void set_up(void)
{
	open_fds = count_fds();
	sn_fake_clock_init(&fake);
	ck_assert_int_eq(
		sn_loop_new(&(struct sn_loop_options){ .clock = &fake.clock }, &loop), SN_OK);
	sn_test_dns_start(&dns, loop, records);
	ck_assert_int_eq(sn_resolver_new(loop,
				 &(struct sn_resolver_options){
					 .servers = dns.servers,
					 .resolv_conf = "/dev/null",
					 .hosts_file = "/dev/null",
				 },
				 &resolver),
		SN_OK);
	plan = (struct sn_connect_plan){ .timeout = SN_SEC(10) };
	waiter = (struct sn_waiter){ 0 };
	stream = NULL;
	done = leave = false;
}

static void tear_down(void)
{
	turn_some(loop, 3);
	sn_resolver_free(&resolver);
	sn_test_dns_stop(&dns);
	sn_loop_free(&loop);
	ck_assert_uint_eq(count_fds(), open_fds);
}

/* The loop reaps what a closed stream has left behind. */
static void tear_down_exec(void)
{
	TURN_UNTIL(loop, no_children());
	tear_down();
}

static void connected(struct sn_waiter *w, struct sn_promise *p, int code)
{
	(void)w;
	done = true;
	result = code;
	if (code != SN_OK) {
		snprintf(error, sizeof(error), "%s", sn_connect_error(p));
		return;
	}
	if (leave)
		return;
	stream = sn_connect_stream(p);
	probe_init(&probe, stream);
}

static void start(void)
{
	struct sn_promise *p = sn_connect(loop, resolver, &plan);

	sn_promise_wait(p, &waiter, connected);
	ck_assert(!done);
}

static void start_to(const char *host, uint16_t port)
{
	plan.host = sn_str(host);
	plan.port = port;
	start();
}

static void close_stream(void)
{
	sn_stream_abort(stream, SN_CLOSE);
	TURN_UNTIL(loop, probe.frees == 1);
	probe_fini(&probe);
}

static void advance(int64_t ns)
{
	sn_fake_clock_advance(&fake, ns);
	turn_some(loop, 2);
}

/* --- peers --------------------------------------------------------------------------------------
 */

static int listen_at(const char *ip, uint16_t port, uint16_t *port_r)
{
	const int on = 1;
	struct sn_addr addr;
	int fd;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), port, &addr), SN_OK);
	fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	if (addr.sa.sa_family == AF_INET6)
		ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	if (bind(fd, &addr.sa, addr.len) != 0) {
		close(fd);
		return -1;
	}
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, &addr.sa, &addr.len), 0);
	*port_r = sn_addr_port(&addr);
	return fd;
}

/* Listeners of both families on one port. */
static uint16_t listen_both(int *six_r, int *four_r)
{
	uint16_t port, same;

	for (;;) {
		*six_r = listen_at("::1", 0, &port);
		*four_r = listen_at("127.0.0.1", port, &same);
		if (*four_r >= 0)
			return port;
		close(*six_r);
	}
}

/* A port nobody listens on: bound, so that nobody else gets it, and given to both families. */
static uint16_t closed_port(int holders[2])
{
	uint16_t port = listen_both(&holders[0], &holders[1]);

	for (int i = 0; i < 2; i++) {
		struct sn_addr addr;
		const int on = 1;

		addr.len = sizeof(addr.un);
		ck_assert_int_eq(getsockname(holders[i], &addr.sa, &addr.len), 0);
		close(holders[i]);
		holders[i] = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(holders[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		ck_assert_int_eq(bind(holders[i], &addr.sa, addr.len), 0);
	}
	return port;
}

static void close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Fill a listener's queue, so that it drops every further SYN. */
struct hole {
	int fds[4];
};

static struct hole make_hole(int listener)
{
	struct hole hole;
	struct sn_addr addr = { .len = sizeof(addr.un) };

	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, &addr.sa, &addr.len), 0);
	for (size_t i = 0; i < 4; i++) {
		hole.fds[i] =
			socket(addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(hole.fds[i], &addr.sa, addr.len) != 0)
			ck_assert(errno == EINPROGRESS || errno == EAGAIN);
	}
	return hole;
}

static void close_hole(const struct hole *hole)
{
	for (size_t i = 0; i < 4; i++)
		close(hole->fds[i]);
}

static int accept_from(int listener, struct sn_addr *peer_r)
{
	int fd = -1;

	peer_r->len = sizeof(peer_r->un);
	sn_test_turn_until(
		loop, (fd = accept4(listener, &peer_r->sa, &peer_r->len, SOCK_CLOEXEC)) >= 0);
	return fd;
}

/* The stream works: a byte each way. */
static void check_exchange(int peer)
{
	char c = 0;

	sn_stream_write(stream, SN_STR("?"));
	sn_test_turn_until(loop, recv(peer, &c, 1, MSG_DONTWAIT) == 1);
	ck_assert_int_eq(c, '?');
	ck_assert_int_eq(send(peer, "!", 1, MSG_NOSIGNAL), 1);
	TURN_UNTIL(loop, probe.got.n == 1);
	ck_assert_uint_eq(probe.ready, 1);
}

/* --- which address wins -------------------------------------------------------------------------
 */

static const struct {
	const char *host, *bind, *peer; /* peer: where the connection comes from */
} direct[] = {
	{ "127.0.0.1", NULL, "127.0.0.1" },
	{ "::1", NULL, "::1" },
	{ "four.test", NULL, "127.0.0.1" },
	{ "both.test", NULL, "::1" },
	{ "localhost", NULL, "::1" },
	{ "127.0.0.1", "127.0.0.2", "127.0.0.2" },
	{ "both.test", "127.0.0.2", "127.0.0.2" }, /* the other family cannot be bound so */
	{ "both.test", "::1", "::1" },
};

START_TEST(connects_to)
{
	struct sn_addr peer;
	struct sn_strbuf text;
	char mem[64];
	int six, four, fd;
	uint16_t port = listen_both(&six, &four);

	if (direct[_i].bind != NULL)
		ck_assert_int_eq(sn_addr_parse(sn_str(direct[_i].bind), 0, &plan.bind), SN_OK);
	start_to(direct[_i].host, port);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	fd = accept_from(strchr(direct[_i].peer, ':') != NULL ? six : four, &peer);
	sn_strbuf_fixed(&text, mem, sizeof(mem));
	sn_addr_format_host(&peer, &text);
	ck_assert_str_eq(mem, direct[_i].peer);
	check_exchange(fd);
	close_stream();
	close(fd);
	close(six);
	close(four);
}
END_TEST

/* Nobody listens on IPv6: IPv4 follows without any time passing. */
START_TEST(a_refusal_starts_the_next_attempt_at_once)
{
	int holders[2], four;
	uint16_t port = closed_port(holders), same;

	close(holders[1]);
	four = listen_at("127.0.0.1", port, &same);
	start_to("both.test", port);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	close_stream();
	close(holders[0]);
	close(four);
}
END_TEST

/* IPv6 swallows the packets: IPv4 gets its turn after 250 ms, and the loser is closed. */
START_TEST(silence_starts_the_next_attempt_after_a_delay)
{
	int six, four;
	uint16_t port = listen_both(&six, &four);
	struct hole hole = make_hole(six);
	size_t fds;

	start_to("both.test", port);
	TURN_UNTIL(loop, dns.questions == 2);
	turn_some(loop, 20);
	ck_assert(!done);
	advance(SN_MS(249));
	turn_some(loop, 20);
	ck_assert(!done);
	fds = count_fds();
	advance(SN_MS(2));
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	/* One more for IPv4, one less for IPv6; c-ares' socket may have gone as well. */
	ck_assert_uint_le(count_fds(), fds);
	close_stream();
	close_hole(&hole);
	close(six);
	close(four);
}
END_TEST

START_TEST(the_first_answer_waits_a_little_for_ipv6)
{
	int six, four;
	uint16_t port = listen_both(&six, &four);

	start_to("late6.test", port);
	TURN_UNTIL(loop, dns.questions == 2);
	turn_some(loop, 20);
	ck_assert(!done);
	advance(SN_MS(51));
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	sn_test_dns_release(&dns);
	turn_some(loop, 5);
	close_stream();
	close(six);
	close(four);
}
END_TEST

/* --- failures -----------------------------------------------------------------------------------
 */

static const struct {
	const char *host;
	int code;
	const char *text; /* PORT stands for the port */
} failures[] = {
	{ "127.0.0.1", -ECONNREFUSED, "connect 127.0.0.1:PORT: Connection refused" },
	{ "::1", -ECONNREFUSED, "connect [::1]:PORT: Connection refused" },
	{ "both.test", -ECONNREFUSED, "connect 127.0.0.1:PORT: Connection refused" },
	{ "nothing.test", SN_ENOTFOUND, "resolve nothing.test:PORT: not found" },
	{ "refused.test", SN_ERESOLVE, "resolve refused.test:PORT: name resolution failed" },
	{ "four.test", -ECONNREFUSED, "connect 127.0.0.1:PORT: Connection refused" },
	/* the first failure tells more than the last */
	{ "noway.test", -ECONNREFUSED, "connect [::1]:PORT: Connection refused" },
	{ "255.255.255.255", -ENETUNREACH, "connect 255.255.255.255:PORT: Network is unreachable" },
};

START_TEST(failures_are_told)
{
	int holders[2];
	uint16_t port = closed_port(holders);
	const char *mark = strstr(failures[_i].text, "PORT");
	char want[200];

	start_to(failures[_i].host, port);
	TURN_UNTIL(loop, done);
	snprintf(want, sizeof(want), "%.*s%u%s", (int)(mark - failures[_i].text), failures[_i].text,
		port, mark + 4);
	ck_assert_str_eq(error, want);
	ck_assert_int_eq(result, failures[_i].code);
	close_pair(holders);
}
END_TEST

START_TEST(a_name_needs_a_resolver)
{
	struct sn_promise *p;

	plan.host = SN_STR("four.test");
	plan.port = 1;
	p = sn_connect(loop, NULL, &plan);
	sn_promise_wait(p, &waiter, connected);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_ERESOLVE);
	ck_assert_str_eq(error, "resolve four.test:1: there is no resolver");
}
END_TEST

START_TEST(an_address_that_is_not_ours_cannot_be_bound)
{
	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.77"), 0, &plan.bind), SN_OK);
	start_to("127.0.0.1", 9);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, -EADDRNOTAVAIL);
	ck_assert_str_eq(error, "bind to 192.0.2.77:0: Cannot assign requested address");
}
END_TEST

/* --- time-outs ----------------------------------------------------------------------------------
 */

static void check_timeout(const char *begin, const char *end)
{
	size_t n = strlen(error);

	TURN_UNTIL(loop, done);
	n = strlen(error);
	ck_assert_int_eq(result, SN_ETIMEOUT);
	ck_assert_msg(strncmp(error, begin, strlen(begin)) == 0, "%s", error);
	ck_assert_uint_ge(n, strlen(end));
	ck_assert_msg(strcmp(error + n - strlen(end), end) == 0, "%s", error);
}

START_TEST(silent_peer_times_out)
{
	uint16_t port;
	int fd = listen_at("127.0.0.1", 0, &port);
	struct hole hole = make_hole(fd);

	start_to("127.0.0.1", port);
	advance(SN_SEC(9));
	ck_assert(!done);
	advance(SN_SEC(1) + SN_MS(1));
	check_timeout("connect 127.0.0.1:", ": timed out");
	close_hole(&hole);
	close(fd);
}
END_TEST

START_TEST(silent_resolver_times_out)
{
	start_to("held.test", 80);
	TURN_UNTIL(loop, sn_test_dns_held(&dns) == 2);
	advance(SN_SEC(10) + SN_MS(1));
	check_timeout("resolve held.test:80: timed out", "");
}
END_TEST

/* What had failed before is in the text: IPv6 refused, IPv4 never answered. */
START_TEST(a_timeout_tells_of_failures_before_it)
{
	int holders[2], four;
	uint16_t port = closed_port(holders), same;
	struct hole hole;

	close(holders[1]);
	four = listen_at("127.0.0.1", port, &same);
	hole = make_hole(four);
	start_to("both.test", port);
	TURN_UNTIL(loop, dns.questions == 2);
	turn_some(loop, 20);
	advance(SN_SEC(10) + SN_MS(1));
	check_timeout("connect both.test:", ": Connection refused)");
	close_hole(&hole);
	close(holders[0]);
	close(four);
}
END_TEST

/* --- unix ---------------------------------------------------------------------------------------
 */

static int listen_unix(const char *name, int backlog)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(sn_addr_unix(sn_str(name), &plan.addr), SN_OK);
	ck_assert_int_eq(bind(fd, &plan.addr.sa, plan.addr.len), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

static const char *abstract_name(void)
{
	static char name[40];

	snprintf(name, sizeof(name), "@sn-test-connector-%d", (int)getpid());
	return name;
}

START_TEST(unix_socket)
{
	struct sn_addr peer;
	int fd, listener = listen_unix(abstract_name(), 4);

	start();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	fd = accept_from(listener, &peer);
	check_exchange(fd);
	close_stream();
	close(fd);
	close(listener);
}
END_TEST

START_TEST(missing_unix_socket)
{
	ck_assert_int_eq(sn_addr_unix(SN_STR("/nonexistent/socket"), &plan.addr), SN_OK);
	start();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, -ENOENT);
	ck_assert_str_eq(error, "connect unix:/nonexistent/socket: No such file or directory");
}
END_TEST

/* Such a connect cannot be waited for: it is tried again. */
START_TEST(unix_socket_with_a_full_backlog)
{
	struct sn_addr peer;
	int listener = listen_unix(abstract_name(), 0);
	struct hole hole = make_hole(listener);

	start();
	for (int i = 0; i < 5; i++) {
		advance(SN_MS(25));
		ck_assert(!done);
	}
	close(accept_from(listener, &peer));
	advance(SN_MS(25));
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	close_stream();
	close_hole(&hole);
	close(listener);
}
END_TEST

START_TEST(unix_socket_whose_lock_nobody_holds)
{
	struct sn_test_dir dir;
	char path[160], lock[170];
	int held, listener;

	sn_test_dir_make(&dir);
	snprintf(path, sizeof(path), "%s/s", dir.path);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	listener = listen_unix(path, 4);
	plan.lock_file = lock;
	for (int round = 0; round < 2; round++) { /* no file; a file that was left over */
		start();
		TURN_UNTIL(loop, done);
		ck_assert_int_eq(result, -ECONNREFUSED);
		ck_assert_ptr_nonnull(strstr(error, "no server holds its lock file"));
		done = false;
		held = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		ck_assert_int_ge(held, 0);
		if (round == 0)
			close(held);
	}
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	start();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	close_stream();
	close(held);
	close(listener);
	sn_test_dir_remove(&dir);
}
END_TEST

/* --- exec ---------------------------------------------------------------------------------------
 */

START_TEST(child)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };

	plan.argv = argv;
	start();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	sn_stream_write(stream, SN_STR("hello"));
	TURN_UNTIL(loop, probe.got.n == 5);
	sn_stream_close(stream);
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	probe_fini(&probe);
}
END_TEST

START_TEST(child_that_cannot_be_started)
{
	char *const argv[] = { (char[]){ "/nonexistent/program" }, NULL };

	plan.argv = argv;
	start();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, -ENOENT);
	ck_assert_str_eq(error, "start /nonexistent/program: No such file or directory");
}
END_TEST

/* --- handing over -------------------------------------------------------------------------------
 */

START_TEST(what_came_early_reaches_the_new_user)
{
	struct sn_addr peer;
	struct sn_promise *p;
	uint16_t port;
	int fd, listener = listen_at("127.0.0.1", 0, &port);

	plan.host = SN_STR("127.0.0.1");
	plan.port = port;
	p = sn_connect(loop, NULL, &plan);
	fd = accept_from(listener, &peer);
	ck_assert_int_eq(send(fd, "greeting", 8, MSG_NOSIGNAL), 8);
	close(fd);
	turn_some(loop, 10);
	sn_promise_wait(p, &waiter, connected);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_str_eq(sn_strbuf_cstr(&probe.got), "greeting");
	ck_assert_uint_eq(probe.eofs, 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	probe_fini(&probe);
	close(listener);
}
END_TEST

START_TEST(a_stream_lost_before_anyone_waits_is_a_failure)
{
	const struct linger reset = { .l_onoff = 1 };
	struct sn_addr peer;
	struct sn_promise *p;
	uint16_t port;
	int fd, listener = listen_at("127.0.0.1", 0, &port);

	plan.host = SN_STR("127.0.0.1");
	plan.port = port;
	p = sn_connect(loop, NULL, &plan);
	fd = accept_from(listener, &peer);
	turn_some(loop, 5);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(fd);
	turn_some(loop, 5);
	sn_promise_wait(p, &waiter, connected);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, -ECONNRESET);
	close(listener);
}
END_TEST

START_TEST(a_stream_nobody_takes_is_closed)
{
	struct sn_addr peer;
	uint16_t port;
	int fd, listener = listen_at("127.0.0.1", 0, &port);
	char c;

	leave = true;
	start_to("127.0.0.1", port);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	fd = accept_from(listener, &peer);
	turn_some(loop, 5);
	ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	close(fd);
	close(listener);
}
END_TEST

/* --- canceling: after each number of turns -------------------------------------------------------
 */

static void must_not_come(struct sn_waiter *w, struct sn_promise *p, int code)
{
	(void)w;
	(void)p;
	ck_abort_msg("canceled, but called with %d", code);
}

static void cancel_after(const char *host, uint16_t port, unsigned turns)
{
	struct sn_promise *p;

	plan.host = sn_str(host);
	plan.port = port;
	p = sn_connect(loop, resolver, &plan);
	sn_promise_wait(p, &waiter, must_not_come);
	for (; turns > 0 && sn_waiter_waiting(&waiter); turns--) {
		sn_loop_turn(loop, SN_MS(1));
		if (p->state == SN_PROMISE_RESOLVED)
			break;
	}
	sn_waiter_cancel(&waiter);
}

START_TEST(cancel_while_the_name_is_looked_up_or_tried)
{
	int six, four;
	uint16_t port = listen_both(&six, &four);
	struct hole hole = make_hole(six);

	cancel_after("both.test", port, (unsigned)_i);
	close_hole(&hole);
	close(six);
	close(four);
}
END_TEST

START_TEST(cancel_on_the_way_to_a_listener)
{
	uint16_t port;
	int listener = listen_at("127.0.0.1", 0, &port);

	cancel_after("127.0.0.1", port, (unsigned)_i);
	close(listener);
}
END_TEST

START_TEST(cancel_a_child)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };

	plan.argv = argv;
	cancel_after("", 0, (unsigned)_i);
	turn_some(loop, 5);
}
END_TEST

START_TEST(cancel_with_an_answer_to_come)
{
	cancel_after("held.test", 80, 0);
	TURN_UNTIL(loop, sn_test_dns_held(&dns) == 2);
	sn_test_dns_release(&dns);
	turn_some(loop, 5);
}
END_TEST

/* --- TLS ----------------------------------------------------------------------------------------
 */

static struct tls_rig rig;
static int tls_listener;
static struct sn_stream *server_stream;

static void set_up_tls(void)
{
	uint16_t port;

	open_fds = count_fds();
	tls_rig_init(&rig, false);
	tls_rig_make_contexts(&rig);
	loop = rig.loop;
	tls_listener = listen_at("127.0.0.1", 0, &port);
	plan = (struct sn_connect_plan){
		.host = SN_STR("127.0.0.1"),
		.port = port,
		.timeout = SN_SEC(10),
		.tls = rig.client_context,
		.tls_host = "example.org",
	};
	resolver = NULL;
	waiter = (struct sn_waiter){ 0 };
	server_stream = stream = NULL;
	done = leave = false;
}

static void tear_down_tls(void)
{
	turn_some(loop, 3);
	close(tls_listener);
	tls_rig_fini(&rig);
}

/* The server's half of the handshake. */
static void serve_tls(void)
{
	struct sn_addr peer;
	struct sn_stream *lower;
	int fd = accept_from(tls_listener, &peer);

	tls_end_init(&rig.server);
	rig.server.frees = 0;
	ck_assert_int_eq(sn_stream_fd_new(loop, fd, fd, &lower), SN_OK);
	sn_stream_set_user(lower, &rig.server.user);
	sn_stream_ready(lower);
	ck_assert_int_eq(
		sn_stream_push_tls(lower, rig.server_context, NULL, &server_stream), SN_OK);
}

START_TEST(tls_handshake)
{
	start();
	serve_tls();
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_OK);
	ck_assert_ptr_nonnull(sn_stream_tls_info(stream));
	TURN_UNTIL(loop, probe.ready == 1 && rig.server.ready == 1);
	sn_stream_write(stream, SN_STR("secret"));
	TURN_UNTIL(loop, rig.server.got.n == 6);
	sn_stream_close(stream);
	TURN_UNTIL(loop, probe.frees == 1 && rig.server.frees == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	probe_fini(&probe);
}
END_TEST

START_TEST(tls_certificate_for_another_name)
{
	plan.tls_host = "example.com";
	start();
	serve_tls();
	TURN_UNTIL(loop, done && rig.server.frees == 1);
	ck_assert_int_lt(result, 0);
	ck_assert_int_eq(strncmp(error, "TLS with 127.0.0.1:", 19), 0);
	ck_assert_ptr_nonnull(strstr(error, "ertificate"));
}
END_TEST

START_TEST(tls_peer_that_says_nothing_times_out)
{
	struct sn_addr peer;
	int fd;

	plan.timeout = SN_MS(500);
	start();
	fd = accept_from(tls_listener, &peer);
	TURN_UNTIL(loop, done);
	ck_assert_int_eq(result, SN_ETIMEOUT);
	ck_assert_int_eq(strncmp(error, "TLS with 127.0.0.1:", 19), 0);
	close(fd);
}
END_TEST

START_TEST(tls_peer_that_hangs_up)
{
	struct sn_addr peer;

	start();
	close(accept_from(tls_listener, &peer));
	TURN_UNTIL(loop, done);
	ck_assert_int_lt(result, 0);
	ck_assert_int_eq(strncmp(error, "TLS with 127.0.0.1:", 19), 0);
}
END_TEST

/* The turns reach from before the first byte to after the waiter's call. */
START_TEST(cancel_during_the_handshake)
{
	leave = true;
	start();
	serve_tls();
	for (int turns = _i; turns > 0 && !done; turns--)
		sn_loop_turn(loop, SN_MS(1));
	sn_waiter_cancel(&waiter);
	TURN_UNTIL(loop, rig.server.frees == 1);
	ck_assert(!done || result == SN_OK);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static TCase *plain_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	return tc;
}

Suite *sn_suite_connector(void)
{
	Suite *suite = suite_create("connector");
	TCase *tc = plain_case("tcp"), *unix_sockets = plain_case("unix");
	TCase *cancel = plain_case("cancel");
	TCase *exec = tcase_create("exec"), *tls = tcase_create("tls");

	tcase_add_loop_test(tc, connects_to, 0, COUNT(direct));
	tcase_add_test(tc, a_refusal_starts_the_next_attempt_at_once);
	tcase_add_test(tc, silence_starts_the_next_attempt_after_a_delay);
	tcase_add_test(tc, the_first_answer_waits_a_little_for_ipv6);
	tcase_add_loop_test(tc, failures_are_told, 0, COUNT(failures));
	tcase_add_test(tc, a_name_needs_a_resolver);
	tcase_add_test(tc, an_address_that_is_not_ours_cannot_be_bound);
	tcase_add_test(tc, silent_peer_times_out);
	tcase_add_test(tc, silent_resolver_times_out);
	tcase_add_test(tc, a_timeout_tells_of_failures_before_it);
	tcase_add_test(tc, what_came_early_reaches_the_new_user);
	tcase_add_test(tc, a_stream_lost_before_anyone_waits_is_a_failure);
	tcase_add_test(tc, a_stream_nobody_takes_is_closed);
	suite_add_tcase(suite, tc);
	tcase_add_test(unix_sockets, unix_socket);
	tcase_add_test(unix_sockets, missing_unix_socket);
	tcase_add_test(unix_sockets, unix_socket_with_a_full_backlog);
	tcase_add_test(unix_sockets, unix_socket_whose_lock_nobody_holds);
	suite_add_tcase(suite, unix_sockets);
	tcase_add_checked_fixture(exec, set_up, tear_down_exec);
	tcase_set_timeout(exec, 30);
	tcase_set_tags(exec, "no-valgrind");
	tcase_add_test(exec, child);
	tcase_add_test(exec, child_that_cannot_be_started);
	tcase_add_loop_test(exec, cancel_a_child, 0, 4);
	suite_add_tcase(suite, exec);
	tcase_add_loop_test(cancel, cancel_while_the_name_is_looked_up_or_tried, 0, 8);
	tcase_add_loop_test(cancel, cancel_on_the_way_to_a_listener, 0, 5);
	tcase_add_test(cancel, cancel_with_an_answer_to_come);
	suite_add_tcase(suite, cancel);
	tcase_add_checked_fixture(tls, set_up_tls, tear_down_tls);
	tcase_set_timeout(tls, 30);
	tcase_add_test(tls, tls_handshake);
	tcase_add_test(tls, tls_certificate_for_another_name);
	tcase_add_test(tls, tls_peer_that_says_nothing_times_out);
	tcase_add_test(tls, tls_peer_that_hangs_up);
	tcase_add_loop_test(tls, cancel_during_the_handshake, 0, 8);
	suite_add_tcase(suite, tls);
	return suite;
}
