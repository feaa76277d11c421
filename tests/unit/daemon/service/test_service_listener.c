#include "daemon/service/service_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/unit/daemon/service/fixture.h"

static struct sn_instance *instance_of(const char *name)
{
	return sn_host_find(host, sn_str(name));
}

/* --- opening -------------------------------------------------------------------------------- */

START_TEST(default_listen_is_used)
{
	struct sn_instance *instance;

	host_up("[service.tap]\n");
	instance = instance_of("tap");
	ck_assert_uint_eq(instance->listener_count, 2);
	ck_assert_int_eq(instance->listeners[0]->listener.sock.local.sa.sa_family, AF_INET);
	ck_assert_int_eq(instance->listeners[1]->listener.sock.local.sa.sa_family, AF_INET6);
	ck_assert_uint_gt(sn_addr_port(&listener_of("tap")->sock.local), 0);
}
END_TEST

START_TEST(a_given_listen_replaces_the_default)
{
	host_up("[service.tap]\nlisten = \"tcp:0:interface=127.0.0.2\"\n");
	ck_assert_uint_eq(instance_of("tap")->listener_count, 1);
	ck_assert_uint_eq(
		listener_of("tap")->sock.local.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK + 1));
}
END_TEST

/* What cannot be opened, and a part of what is said about it; %u is the taken port. */
static const struct {
	const char *toml;
	int code;
	const char *place, *text;
} failures[] = {
	{ "[service.echo]\n", SN_ECONFIG, ":1:", "service echo listens nowhere: give `listen`" },
	{ "[service.echo]\nlisten = []\n", SN_ECONFIG, ":1:", "listens nowhere" },
	{ "[service.tap]\nlisten = \"udp:0\"\n", SN_ESYNTAX,
		":2:11:", "tap does not speak datagrams" },
	{ "[service.tap_datagrams]\nlisten = [\"udp:0:interface=127.0.0.1\",\n \"tcp:0\"]\n",
		SN_ESYNTAX, ":3:3:", "tap_datagrams does not speak streams" },
	{ "[service.tap]\nlisten = \"tcp:0:interface=here\"\n", SN_ESYNTAX,
		":2:27:", "interface must be an IPv4 or IPv6 address, not \"here\"" },
	{ "[service.tap]\nlisten = [\"tcp:0:interface=127.0.0.1\",\n"
	  " \"tcp:%u:interface=127.0.0.1\"]\n",
		-EADDRINUSE, ":3:2:", "127.0.0.1:%u" },
	{ "[service.tap]\nlisten = \"tls:/nonexistent/x.pem:tcp:0\"\n", -ENOENT,
		":2:", "/nonexistent/x.pem" },
	{ "[service.tap]\nlisten = \"tcp:0:interface=192.0.2.1\"\n", -EADDRNOTAVAIL,
		":2:", "192.0.2.1" },
};

static int take_port(unsigned *port_r)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port_r = ntohs(in.sin_port);
	return fd;
}

/* A template of failures[] with the port in it. */
static const char *with_port(char *out, size_t size, const char *template, unsigned port)
{
	const char *at = strstr(template, "%u");

	if (at == NULL)
		(void)snprintf(out, size, "%s", template);
	else
		(void)snprintf(out, size, "%.*s%u%s", (int)(at - template), template, port, at + 2);
	return out;
}

START_TEST(failures_are_told_where_they_were_asked_for)
{
	char toml[256], text[256];
	unsigned port;
	int taken = take_port(&port);

	ck_assert_int_eq(host_try(with_port(toml, sizeof(toml), failures[_i].toml, port)),
		failures[_i].code);
	ck_assert_msg(strstr(reported(), failures[_i].place) != NULL, "%s", reported());
	ck_assert_msg(
		strstr(reported(), with_port(text, sizeof(text), failures[_i].text, port)) != NULL,
		"%s", reported());
	ck_assert_str_eq(tap_read(), ""); /* nothing was started */
	close(taken);
}
END_TEST

START_TEST(all_failures_at_once)
{
	char toml[256];
	unsigned port;
	int taken = take_port(&port);
	const char *first, *second;

	(void)snprintf(toml, sizeof(toml),
		"[service.tap]\nlisten = [\"tcp:%u:interface=127.0.0.1\", \"udp:0\"]\n"
		"[service.echo]\n",
		port);
	ck_assert_int_eq(host_try(toml), SN_ECONFIG); /* the configuration's fault comes first */
	first = strstr(reported(), "does not speak datagrams");
	second = strstr(reported(), "echo listens nowhere");
	ck_assert_ptr_nonnull(strstr(reported(), "127.0.0.1:"));
	ck_assert(first != NULL && second != NULL);
	close(taken);
}
END_TEST

/* --- limits --------------------------------------------------------------------------------- */

static uint64_t metric(const char *name, enum sn_listener_metric which)
{
	return sn_metric_get(&instance_of(name)->listener_metrics, which);
}

START_TEST(the_cap_in_total)
{
	struct client clients[3];

	host_up("[service.tap]\nmax_connections = 2\n");
	for (int i = 0; i < 3; i++)
		client_open(&clients[i], "tap", 1024);
	ck_assert_uint_eq(tap.opened, 2);
	ck_assert_uint_eq(clients[2].ends, 1);
	ck_assert_uint_eq(metric("tap", SN_LISTENER_REFUSED_TOTAL), 1);
	client_fini(&clients[0]);
	client_fini(&clients[2]);
	client_open(&clients[0], "tap", 1024); /* a place was free again */
	ck_assert_uint_eq(tap.opened, 3);
	client_fini(&clients[0]);
	client_fini(&clients[1]);
}
END_TEST

START_TEST(the_total_is_of_all_listeners_together)
{
	struct sn_instance *instance;
	int fds[2];
	char c;

	host_up("[service.tap]\nmax_connections = 1\n");
	instance = instance_of("tap");
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(&instance->listeners[i]->listener.sock.local, SOCK_STREAM);
		sn_test_turn_until(loop,
			metric("tap", SN_LISTENER_ACCEPTED) == 1 &&
				metric("tap", SN_LISTENER_REFUSED_TOTAL) == (uint64_t)i);
	}
	ck_assert_int_le(recv(fds[1], &c, 1, 0), 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(the_cap_per_address_counts_the_one_in_the_header)
{
	struct client clients[4];
	static const char *const headers[] = {
		"PROXY TCP4 192.0.2.1 192.0.2.9 1001 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 1002 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 1003 80\r\n",
		"PROXY TCP4 192.0.2.2 192.0.2.9 1004 80\r\n",
	};

	host_up("[service.tap]\nlisten = \"haproxy:tcp:0:interface=127.0.0.1\"\n"
		"max_per_address = 2\n");
	for (int i = 0; i < 4; i++) {
		client_open(&clients[i], "tap", 1024);
		client_say(&clients[i], headers[i]);
	}
	ck_assert_uint_eq(tap.opened, 3);
	ck_assert_uint_eq(clients[2].ends, 1);
	ck_assert_uint_eq(clients[3].ends, 0);
	ck_assert_uint_eq(metric("tap", SN_LISTENER_REFUSED_ADDRESS), 1);
	ck_assert_uint_eq(sn_addr_port(sn_conn_peer(&tap.last->conn)), 1004);
	for (int i = 0; i < 4; i++)
		client_fini(&clients[i]);
}
END_TEST

START_TEST(deadlines_reach_the_stages)
{
	struct client client;

	host_up("[service.tap]\nlisten = \"haproxy:tcp:0:interface=127.0.0.1\"\n"
		"handshake_timeout = \"500ms\"\n");
	client_open(&client, "tap", 1024);
	client_say(&client, "PROXY");
	pass(SN_MS(450));
	ck_assert_uint_eq(client.ends, 0);
	pass(SN_MS(100));
	ck_assert_uint_eq(client.ends, 1);
	ck_assert_uint_eq(metric("tap", SN_LISTENER_STAGE_FAILED), 1);
	ck_assert_uint_eq(tap.opened, 0);
	client_fini(&client);
}
END_TEST

/* --- datagrams ------------------------------------------------------------------------------ */

static void ask(int fd, const char *text, const char *answer)
{
	char got[256];
	ssize_t n = -1;

	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	sn_test_turn_until(loop, (n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT)) >= 0);
	got[n] = '\0';
	ck_assert_str_eq(got, answer);
}

START_TEST(packets_are_answered)
{
	struct sn_service_listener **sl;
	int fd;

	host_up("[service.tap_datagrams]\nlisten = [\"udp:0:interface=127.0.0.1\","
		" \"udp:0:interface=127.0.0.1\"]\n");
	ck_assert_str_eq(tap_read(), "start tap_datagrams");
	sl = instance_of("tap_datagrams")->listeners;
	fd = dial(&sl[0]->sock.local, SOCK_DGRAM);
	ask(fd, "one", "you said one");
	ask(fd, "two", "you said two");
	ck_assert_str_eq(
		tap_read(), "packet for tap_datagrams: one; packet for tap_datagrams: two");
	close(fd);
	fd = dial(&sl[1]->sock.local, SOCK_DGRAM);
	ask(fd, "three", "you said three");
	close(fd);
	(void)tap_read();
	host_down();
	ck_assert_str_eq(tap_read(), "stop tap_datagrams");
}
END_TEST

/* --- what people are told ------------------------------------------------------------------- */

static const char *greeting(void)
{
	static char text[2048];
	struct sn_strbuf out;

	sn_strbuf_init(&out, sizeof(text) - 1);
	sn_host_greet(host, &out);
	(void)snprintf(text, sizeof(text), "%s", sn_strbuf_cstr(&out));
	sn_strbuf_fini(&out);
	return text;
}

START_TEST(each_listener_is_announced)
{
	struct sn_service_listener **sl;
	unsigned ports[3];
	char want[512];

	host_up("[service.tap]\nlisten = [\"tcp:0:interface=127.0.0.1\","
		" \"haproxy:tcp6:0:interface=\\\\:\\\\:1\"]\n"
		"[service.packets]\ntype = \"tap_datagrams\"\nlisten = \"udp:0:interface=127.0.0.1\"\n");
	sl = instance_of("tap")->listeners;
	ports[0] = sn_addr_port(&sl[0]->listener.sock.local);
	ports[1] = sn_addr_port(&sl[1]->listener.sock.local);
	ports[2] = sn_addr_port(&instance_of("packets")->listeners[0]->sock.local);
	(void)snprintf(want, sizeof(want),
		"tap: listening on 127.0.0.1:%u\n  say to tap at port %u: close\n"
		"tap: listening on [::1]:%u with haproxy\n  say to tap at port %u: close\n"
		"packets: listening on 127.0.0.1:%u\n  say to packets at port %u: close\n",
		ports[0], ports[0], ports[1], ports[1], ports[2], ports[2]);
	ck_assert_str_eq(greeting(), want);
}
END_TEST

START_TEST(a_listener_goes_on_without_its_clients_and_they_without_it)
{
	struct client client;
	struct sn_addr local;
	int fd;

	host_up("[service.tap]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	local = listener_of("tap")->sock.local;
	client_open(&client, "tap", 1024);
	ck_assert(!sn_service_listeners_idle(instance_of("tap")));
	sn_service_listeners_stop(instance_of("tap"));
	sn_service_listeners_stop(instance_of("tap")); /* twice: nothing happens */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, &local.sa, local.len), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(fd);
	client_say(&client, "still here\n");
	ck_assert_str_eq(tap_read(), "start tap; open; hear still here");
	client_fini(&client);
	ck_assert(sn_service_listeners_idle(instance_of("tap")));
}
END_TEST

START_TEST(only_those_on_their_way_are_cut)
{
	struct client open, waiting;

	host_up("[service.tap]\nlisten = \"haproxy:tcp:0:interface=127.0.0.1\"\n");
	client_open(&open, "tap", 1024);
	client_say(&open, "PROXY UNKNOWN\r\n");
	client_open(&waiting, "tap", 1024);
	ck_assert_uint_eq(tap.opened, 1);
	sn_service_listeners_cut(instance_of("tap"), SN_CUT_UNOPENED);
	turn();
	ck_assert_uint_eq(waiting.ends, 1);
	ck_assert_uint_eq(open.ends, 0);
	sn_service_listeners_cut(instance_of("tap"), SN_CUT_ALL);
	turn();
	ck_assert_uint_eq(open.ends, 1);
	ck_assert_str_eq(tap_read(), "start tap; open; end ECANCELED");
	client_fini(&open);
	client_fini(&waiting);
}
END_TEST

Suite *sn_suite_service_listener(void);
Suite *sn_suite_service_listener(void)
{
	Suite *suite = suite_create("service/service_listener");
	TCase *tc = tcase_create("service_listener");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, default_listen_is_used);
	tcase_add_test(tc, a_given_listen_replaces_the_default);
	tcase_add_loop_test(tc, failures_are_told_where_they_were_asked_for, 0,
		(int)(sizeof(failures) / sizeof(failures[0])));
	tcase_add_test(tc, all_failures_at_once);
	tcase_add_test(tc, the_cap_in_total);
	tcase_add_test(tc, the_total_is_of_all_listeners_together);
	tcase_add_test(tc, the_cap_per_address_counts_the_one_in_the_header);
	tcase_add_test(tc, deadlines_reach_the_stages);
	tcase_add_test(tc, packets_are_answered);
	tcase_add_test(tc, each_listener_is_announced);
	tcase_add_test(tc, a_listener_goes_on_without_its_clients_and_they_without_it);
	tcase_add_test(tc, only_those_on_their_way_are_cut);
	suite_add_tcase(suite, tc);
	return suite;
}
