#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sn_addr place_of(const char *name)
{
	return listener_of(name)->sock.local;
}

static bool refused(const struct sn_addr *addr)
{
	const int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool result = connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED;

	close(fd);
	return result;
}

#define TAP "[service.tap]\nlisten = \"tcp:0:interface=127.0.0.1\"\n"

START_TEST(live_rows_reach_the_running_instance)
{
	struct sn_instance *instance;
	struct client client;

	host_up(TAP);
	instance = sn_host_find(host, SN_STR("tap"));
	client_open(&client, "tap", 1024);
	(void)tap_read();
	ck_assert_int_eq(host_reload(TAP "word = \"salut\"\nmax_connections = 1\n"
					 "idle_timeout = \"10s\"\n"),
		SN_OK);
	ck_assert_str_eq(tap_read(), "reload tap: hello to salut");
	ck_assert_ptr_eq(sn_host_find(host, SN_STR("tap")), instance);
	ck_assert_uint_eq(instance->caps.max_total, 1);
	pass(SN_SEC(11)); /* the open connection has the new deadline */
	ck_assert_str_eq(tap_read(), "end ETIMEOUT");
	client_fini(&client);
}
END_TEST

START_TEST(connections_keep_their_snapshot)
{
	struct client client;
	const struct sn_service_conf *common;

	host_up(TAP);
	client_open(&client, "tap", 1024);
	common = sn_conf_named_at(tap.last->conn.conf, "service", 0)->common;
	ck_assert_int_eq(host_reload(TAP "max_connections = 5\n"), SN_OK);
	ck_assert_int_eq(common->max_connections, 10000);
	client_fini(&client);
}
END_TEST

START_TEST(a_new_instance_takes_the_socket_over)
{
	struct sn_instance *instance;
	struct sn_addr addr;
	struct client client;
	int fd;

	host_up(TAP);
	instance = sn_host_find(host, SN_STR("tap"));
	addr = place_of("tap");
	client_open(&client, "tap", 1024);
	fd = dial(&addr, SOCK_STREAM); /* waits in the queue meanwhile */
	(void)tap_read();
	ck_assert_int_eq(host_reload(TAP "model = \"T\"\n"), SN_OK);
	ck_assert_str_eq(client_got(&client), "Service is restarting");
	ck_assert_ptr_ne(sn_host_find(host, SN_STR("tap")), instance);
	ck_assert_int_eq(sn_addr_port(&addr), sn_addr_port(&listener_of("tap")->sock.local));
	ck_assert_ptr_eq(tap.last->conn.instance, sn_host_find(host, SN_STR("tap")));
	close(fd);
	client_fini(&client);
}
END_TEST

START_TEST(datagram_sockets_are_taken_over_too)
{
	const char *toml = "[service.tap_datagrams]\nlisten = \"udp:0:interface=127.0.0.1\"\n";
	char text[256];
	struct sn_addr addr;

	host_up(toml);
	addr = place_of("tap_datagrams");
	(void)snprintf(text, sizeof(text), "%sroles = \"x\"\n", toml);
	ck_assert_int_eq(host_reload(text), SN_OK);
	ck_assert_int_eq(
		sn_addr_port(&addr), sn_addr_port(&listener_of("tap_datagrams")->sock.local));
}
END_TEST

START_TEST(listeners_come_and_go)
{
	struct sn_addr first;
	struct client client;

	host_up(TAP);
	first = place_of("tap");
	client_open(&client, "tap", 1024);
	(void)tap_read();
	ck_assert_int_eq(
		host_reload("[service.tap]\nlisten = \"tcp6:0:interface=\\\\:\\\\:1\"\n"), SN_OK);
	ck_assert(refused(&first));
	ck_assert_int_eq(place_of("tap").sa.sa_family, AF_INET6);
	client_say(&client, "still here\n");
	ck_assert_str_eq(tap_read(), "reload tap: hello to hello; hear still here");
	client_fini(&client);
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->listener_count, 1);
}
END_TEST

START_TEST(one_that_stays_is_not_touched)
{
	struct sn_listener *listener;

	host_up(TAP);
	listener = listener_of("tap");
	ck_assert_int_eq(host_reload("[service.tap]\nlisten = [\"tcp:0:interface=127.0.0.1\", "
				     "\"tcp:0:interface=127.0.0.2\"]\n"),
		SN_OK);
	ck_assert_ptr_eq(listener_of("tap"), listener);
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->listener_count, 2);
}
END_TEST

START_TEST(the_same_port_under_another_text)
{
	char text[256];
	struct sn_addr addr;

	host_up(TAP);
	addr = place_of("tap");
	(void)snprintf(text, sizeof(text),
		"[service.tap]\nlisten = \"tcp:%u:interface=127.0.0.1\"\n", sn_addr_port(&addr));
	host_down();
	host_up(text);
	(void)snprintf(text, sizeof(text),
		"[service.tap]\nlisten = \"haproxy:tcp:%u:interface=127.0.0.1\"\n",
		sn_addr_port(&addr));
	ck_assert_int_eq(host_reload(text), SN_OK);
	ck_assert_int_eq(sn_addr_port(&addr), sn_addr_port(&listener_of("tap")->sock.local));
	ck_assert_ptr_nonnull(listener_of("tap")->stages);
}
END_TEST

START_TEST(services_come_and_go)
{
	host_up("[service.a]\ntype = \"tap\"\n[service.b]\ntype = \"tap\"\n");
	(void)tap_read();
	ck_assert_int_eq(
		host_reload("[service.b]\ntype = \"tap\"\n[service.c]\ntype = \"tap\"\n"), SN_OK);
	ck_assert_str_eq(tap_read(),
		"start c; reload b: hello to hello; "
		"drain a: Service has ended; stop a");
	ck_assert_ptr_null(sn_host_find(host, SN_STR("a")));
	ck_assert_ptr_nonnull(sn_host_find(host, SN_STR("c")));
}
END_TEST

START_TEST(another_module_under_the_same_name)
{
	host_up("[service.x]\ntype = \"tap\"\n");
	(void)tap_read();
	ck_assert_int_eq(host_reload("[service.x]\ntype = \"echo\"\n"
				     "listen = \"tcp:0:interface=127.0.0.1\"\n"),
		SN_OK);
	ck_assert_str_eq(tap_read(), "drain x: Service is restarting; stop x");
	ck_assert_str_eq(sn_host_find(host, SN_STR("x"))->service->name, "echo");
}
END_TEST

/* Nothing of it happens. */
static const struct {
	const char *toml, *said;
	int code;
} bad[] = {
	{ TAP "model = \"T\"\n[service.b]\ntype = \"tap\"\nstart_error = \"no ink\"\n", "no ink",
		SN_EUNAVAILABLE },
	{ TAP "word = \"x\"\nbad_file = \"motd\"\n", ":4:12: error: cannot read motd", SN_ECONFIG },
	{ TAP "auth = \"file:/nowhere/users\"\n", "/nowhere/users", SN_ECONFIG },
	{ "[service.tap]\nlisten = [\"tcp6:0:interface=\\\\:\\\\:1\",\n\"tls:/nowhere:tcp:0\"]\n",
		":3:", -ENOENT },
};

START_TEST(what_is_wrong_changes_nothing)
{
	struct sn_instance *instance;
	struct sn_addr addr;
	struct client client;

	host_up(TAP);
	instance = sn_host_find(host, SN_STR("tap"));
	addr = place_of("tap");
	client_open(&client, "tap", 1024);
	(void)tap_read();
	ck_assert_int_eq(host_reload(bad[_i].toml), bad[_i].code);
	ck_assert_msg(strstr(reported(), bad[_i].said) != NULL, "%s", reported());
	ck_assert_ptr_eq(sn_host_find(host, SN_STR("tap")), instance);
	ck_assert_int_eq(sn_addr_port(&addr), sn_addr_port(&listener_of("tap")->sock.local));
	(void)tap_read();
	client_say(&client, "close\n");
	ck_assert_str_eq(client_got(&client), "bye");
	ck_assert_str_eq(tap_read(), "hear close; end CLOSE");
	client_fini(&client);
}
END_TEST

START_TEST(prepared_and_given_up)
{
	struct sn_host_change *change;

	host_up(TAP);
	(void)tap_read();
	ck_assert_int_eq(
		host_prepare(TAP "model = \"T\"\n[service.b]\ntype = \"tap\"\n", NULL, &change),
		SN_OK);
	ck_assert_ptr_null(sn_host_find(host, SN_STR("b")));
	sn_host_abort(&change);
	turn();
	ck_assert_str_eq(tap_read(), "start tap; start b; stop tap; stop b");
}
END_TEST

START_TEST(what_takes_a_restart_is_named)
{
	host_up(TAP);
	ck_assert_int_eq(host_reload("[server]\nwatchdog = \"20s\"\ndrain_timeout = \"1s\"\n"
				     "[log]\nformat = \"json\"\n" TAP),
		SN_OK);
	ck_assert_ptr_nonnull(strstr(reported(), "watchdog in [server] has changed"));
	ck_assert_ptr_nonnull(strstr(reported(), "format in [log] has changed"));
	ck_assert_ptr_null(strstr(reported(), "drain_timeout"));
}
END_TEST

START_TEST(log_levels_follow)
{
	static const struct sn_log_ctx ctx = SN_LOG_CTX("net.tls");

	host_up(TAP);
	ck_assert(!sn_log_enabled(&ctx, SN_LOG_DEBUG));
	ck_assert_int_eq(host_reload("[log]\nlevels = \"net=debug\"\n" TAP), SN_OK);
	ck_assert(sn_log_enabled(&ctx, SN_LOG_DEBUG));
	ck_assert_int_eq(host_reload(TAP), SN_OK);
	ck_assert(!sn_log_enabled(&ctx, SN_LOG_DEBUG));
}
END_TEST

/* --- sockets of a supervisor ---------------------------------------------------------------- */

struct keeper {
	struct sn_host_sockets sockets; /* first member */
	int fd;
	unsigned asked;
};

static int take(struct sn_host_sockets *sockets, struct sn_str service, size_t index,
	struct sn_listen_socket *sock_r)
{
	struct keeper *keeper = (struct keeper *)(void *)sockets;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	keeper->asked++;
	if (!sn_str_eq(service, SN_STR("echo")) || index > 0)
		return SN_ENOTFOUND;
	*sock_r = (struct sn_listen_socket){ .fd = dup(keeper->fd), .wfd = -1, .lock_fd = -1 };
	ck_assert_int_eq(getsockname(sock_r->fd, (struct sockaddr *)&ss, &len), 0);
	return sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &sock_r->local);
}

static void keep(struct keeper *keeper)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*keeper = (struct keeper){ .sockets.take = take,
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) };
	ck_assert_int_eq(bind(keeper->fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(keeper->fd, 10), 0);
}

#define ECHO "[service.echo]\nlisten = \"tcp:1:interface=127.0.0.1\"\n"

START_TEST(a_supervisor_keeps_the_sockets)
{
	struct sn_host_options options = { 0 };
	struct keeper keeper;
	struct sn_addr addr;
	char text[3] = "";
	int fd;

	keep(&keeper);
	options.sockets = &keeper.sockets;
	ck_assert_msg(host_try_with(options, ECHO) == SN_OK, "%s", reported());
	ck_assert(listener_of("echo")->options.shared);
	addr = place_of("echo");
	fd = dial(&addr, SOCK_STREAM);
	ck_assert_int_eq(send(fd, "x\n", 2, 0), 2);
	turn();
	ck_assert_int_eq(recv(fd, text, 2, 0), 2);
	ck_assert_str_eq(text, "x\n");
	close(fd);
	turn();
	host_down();
	ck_assert(!refused(&addr)); /* it is still there */
	close(keeper.fd);
}
END_TEST

START_TEST(and_does_not_have_this_one)
{
	struct sn_host_options options = { 0 };
	struct keeper keeper;

	keep(&keeper);
	options.sockets = &keeper.sockets;
	ck_assert_int_eq(host_try_with(options, "[service.tap]\n"), SN_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(reported(), "keeps no socket"));
	close(keeper.fd);
}
END_TEST

START_TEST(a_reload_asks_for_new_ones_only)
{
	struct sn_host_options options = { 0 };
	struct sn_host_change *change;
	struct keeper keeper;

	keep(&keeper);
	options.sockets = &keeper.sockets;
	ck_assert_int_eq(host_try_with(options, ECHO), SN_OK);
	ck_assert_uint_eq(keeper.asked, 1);
	ck_assert_int_eq(host_prepare(ECHO "roles = \"x\"\n", &keeper.sockets, &change), SN_OK);
	sn_host_commit(&change);
	ck_assert_uint_eq(keeper.asked, 1);
	ck_assert_int_eq(host_prepare("[service.echo]\nlisten = \"tcp:2:interface=127.0.0.1\"\n",
				 &keeper.sockets, &change),
		SN_OK);
	ck_assert_uint_eq(keeper.asked, 2);
	sn_host_commit(&change);
	close(keeper.fd);
}
END_TEST

Suite *sn_suite_host_reload(void);
Suite *sn_suite_host_reload(void)
{
	Suite *suite = suite_create("service/host_reload");
	TCase *tc = tcase_create("host_reload");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, live_rows_reach_the_running_instance);
	tcase_add_test(tc, connections_keep_their_snapshot);
	tcase_add_test(tc, a_new_instance_takes_the_socket_over);
	tcase_add_test(tc, datagram_sockets_are_taken_over_too);
	tcase_add_test(tc, listeners_come_and_go);
	tcase_add_test(tc, one_that_stays_is_not_touched);
	tcase_add_test(tc, the_same_port_under_another_text);
	tcase_add_test(tc, services_come_and_go);
	tcase_add_test(tc, another_module_under_the_same_name);
	tcase_add_loop_test(
		tc, what_is_wrong_changes_nothing, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, prepared_and_given_up);
	tcase_add_test(tc, what_takes_a_restart_is_named);
	tcase_add_test(tc, log_levels_follow);
	tcase_add_test(tc, a_supervisor_keeps_the_sockets);
	tcase_add_test(tc, and_does_not_have_this_one);
	tcase_add_test(tc, a_reload_asks_for_new_ones_only);
	suite_add_tcase(suite, tc);
	return suite;
}
