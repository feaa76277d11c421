#include "daemon/service/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/unit/daemon/service/fixture.h"

/* --- start ---------------------------------------------------------------------------------- */

START_TEST(services_start_in_the_order_of_the_file)
{
	host_up("[service.b]\ntype = \"tap\"\n[service.a]\ntype = \"tap\"\n");
	ck_assert_str_eq(tap_read(), "start b; start a");
	ck_assert_ptr_eq(sn_host_find(host, SN_STR("a"))->service, &tap_service);
	ck_assert_ptr_null(sn_host_find(host, SN_STR("c")));
	host_down();
	ck_assert_str_eq(
		tap_read(), "drain b: closing time; drain a: closing time; stop b; stop a");
}
END_TEST

START_TEST(an_instance_has_what_a_module_needs)
{
	struct sn_instance *instance;

	pass(SN_SEC(3));
	host_up("[service.tap]\nauth = \"memory:alice:secret\"\n");
	instance = sn_host_find(host, SN_STR("tap"));
	ck_assert_ptr_eq(instance->loop, loop);
	ck_assert_ptr_nonnull(instance->pool);
	ck_assert_ptr_nonnull(instance->resolver);
	ck_assert_ptr_nonnull(instance->settings);
	ck_assert_uint_eq(sn_portal_kinds(instance->portal) & SN_CREDS_PASSWORD, SN_CREDS_PASSWORD);
	ck_assert_int_eq(instance->started_wall, fake_clock.wall_ns);
	ck_assert(instance->running && !instance->draining);
}
END_TEST

START_TEST(nothing_configured)
{
	ck_assert_int_eq(host_try("[server]\n"), SN_ECONFIG);
	ck_assert_ptr_nonnull(strstr(reported(), "no service is configured"));
}
END_TEST

START_TEST(one_that_does_not_start_takes_the_others_along)
{
	ck_assert_int_eq(host_try("[service.a]\ntype = \"tap\"\n"
				  "[service.b]\ntype = \"tap\"\nstart_error = \"no ink left\"\n"
				  "[service.c]\ntype = \"tap\"\n"),
		SN_EUNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(reported(), "service b does not start: no ink left"));
	ck_assert_str_eq(tap_read(), "start a; start b; stop a");
}
END_TEST

START_TEST(wrong_auth_is_told_without_the_secret)
{
	ck_assert_int_eq(host_try("[service.tap]\nauth = [\"memory:alice:hunter2\",\n"
				  "\"memroy:bob:hunter3\"]\n"),
		SN_ECONFIG);
	ck_assert_msg(strstr(reported(), ":3: ") != NULL, "%s", reported());
	ck_assert_ptr_nonnull(strstr(reported(), "memory"));
	ck_assert_ptr_null(strstr(reported(), "hunter"));
}
END_TEST

/* --- stop ----------------------------------------------------------------------------------- */

START_TEST(with_nobody_there_it_stops_at_once)
{
	host_up("[service.tap]\n");
	host_begin_stop();
	turn();
	ck_assert(host_stopped());
}
END_TEST

START_TEST(clients_are_told_and_waited_for)
{
	struct client client;

	host_up("[service.tap]\n");
	client_open(&client, "tap", 1024);
	(void)tap_read();
	host_begin_stop();
	turn();
	ck_assert_str_eq(client_got(&client), "closing time");
	ck_assert_int_eq(client.code, SN_CLOSE);
	ck_assert(host_stopped());
	ck_assert_str_eq(tap_read(), "drain tap: closing time; end CLOSE; stop tap");
	client_fini(&client);
}
END_TEST

START_TEST(a_module_without_drain_has_its_clients_closed)
{
	struct client client;

	host_up("[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	client_open(&client, "echo", 1024);
	client_say(&client, "x\n");
	host_begin_stop();
	turn();
	ck_assert_str_eq(client_got(&client), "x\n");
	ck_assert_int_eq(client.code, SN_CLOSE);
	ck_assert(host_stopped());
	client_fini(&client);
}
END_TEST

START_TEST(at_the_drain_timeout_they_are_cut)
{
	struct client client;

	tap.stubborn = true;
	host_up("[server]\ndrain_timeout = \"2s\"\n[service.tap]\n");
	client_open(&client, "tap", 1024);
	host_begin_stop();
	pass(SN_MS(1900));
	client_say(&client, "still talking\n");
	ck_assert(!host_stopped());
	(void)tap_read();
	pass(SN_MS(200));
	ck_assert(host_stopped());
	ck_assert_int_eq(client.code, -ECONNRESET);
	ck_assert_str_eq(tap_read(), "end ECANCELED; stop tap");
	client_fini(&client);
}
END_TEST

START_TEST(nobody_comes_in_while_it_stops)
{
	struct client client;
	struct sn_addr local;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap.stubborn = true;
	host_up("[service.tap]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	local = listener_of("tap")->sock.local;
	client_open(&client, "tap", 1024);
	host_begin_stop();
	ck_assert_int_eq(connect(fd, &local.sa, local.len), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(fd);
	client_fini(&client);
	ck_assert(host_stopped());
}
END_TEST

START_TEST(a_second_stop_hurries)
{
	struct client client;

	tap.stubborn = true;
	host_up("[server]\ndrain_timeout = \"1h\"\n[service.tap]\n");
	client_open(&client, "tap", 1024);
	host_begin_stop();
	turn();
	ck_assert(!host_stopped());
	host_begin_stop();
	turn();
	ck_assert(host_stopped());
	client_fini(&client);
}
END_TEST

START_TEST(the_last_one_to_go_ends_the_wait)
{
	struct client clients[2];

	tap.stubborn = true;
	host_up("[server]\ndrain_timeout = \"1h\"\n[service.tap]\n");
	client_open(&clients[0], "tap", 1024);
	client_open(&clients[1], "tap", 1024);
	host_begin_stop();
	client_fini(&clients[0]);
	ck_assert(!host_stopped());
	client_fini(&clients[1]);
	ck_assert(host_stopped());
}
END_TEST

START_TEST(nobody_waits_for_a_handshake)
{
	struct client client;

	host_up("[server]\ndrain_timeout = \"1h\"\n"
		"[service.tap]\nlisten = \"haproxy:tcp:0:interface=127.0.0.1\"\n");
	client_open(&client, "tap", 1024);
	client_say(&client, "PROXY");
	host_begin_stop();
	turn();
	ck_assert(host_stopped());
	client_fini(&client);
}
END_TEST

/* --- standard input and output -------------------------------------------------------------- */

/* Standard input and output become one end of a socket pair; the other end is returned. */
static int saved[2];

static int borrow_stdio(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 2; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		ck_assert_int_eq(dup2(pair[1], i), i);
	}
	close(pair[1]);
	return pair[0];
}

static void restore_stdio(void)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(dup2(saved[i], i), i);
		close(saved[i]);
	}
}

struct end {
	struct sn_host_stop stop;
	unsigned times;
};

static void on_end(struct sn_host_stop *stop)
{
	sn_container_of(stop, struct end, stop)->times++;
}

START_TEST(the_end_of_stdio_is_the_end)
{
	struct end end = { .stop.on_stopped = on_end };
	int fd = borrow_stdio();

	host_up("[service.tap]\nlisten = \"stdio:\"\n");
	ck_assert(sn_host_speaks_on_stdout(host));
	sn_host_stop_at_end(host, &end.stop);
	ck_assert_int_eq(write(fd, "hello\n", 6), 6);
	sn_test_turn_until(loop, tap.diary.n > strlen("start tap; open"));
	ck_assert_uint_eq(end.times, 0);
	close(fd);
	sn_test_turn_until(loop, end.times == 1);
	ck_assert_str_eq(
		tap_read(), "start tap; open; hear hello; eof, unread 0; end CLOSE; stop tap");
	sn_host_free(&host);
	restore_stdio();
}
END_TEST

START_TEST(with_other_listeners_it_goes_on)
{
	struct end end = { .stop.on_stopped = on_end };
	int fd = borrow_stdio();

	host_up("[service.tap]\nlisten = [\"stdio:\", \"tcp:0:interface=127.0.0.1\"]\n");
	ck_assert(sn_host_speaks_on_stdout(host));
	sn_host_stop_at_end(host, &end.stop);
	close(fd);
	sn_test_turn_until(loop, tap.closed == 1);
	turn();
	ck_assert_uint_eq(end.times, 0);
	host_down();
	ck_assert_uint_eq(end.times, 0);
	restore_stdio();
}
END_TEST

/* The same socket twice: the second cannot be waited for, when the client of stdio is there
 * already. */
START_TEST(a_start_that_fails_late_leaves_nobody_behind)
{
	int fd = borrow_stdio(), listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char toml[128], c;

	ck_assert_int_eq(listen(listening, 1), 0);
	(void)snprintf(toml, sizeof(toml),
		"[service.tap]\nlisten = [\"stdio:\", \"fd:%d\", \"fd:%d\"]\n", listening,
		listening);
	ck_assert_int_eq(host_try(toml), -EEXIST);
	ck_assert_ptr_nonnull(
		strstr(reported(), "service tap cannot accept connections: File exists"));
	ck_assert_str_eq(tap_read(), "start tap; stop tap");
	ck_assert_int_eq(read(fd, &c, 1), 0);
	close(fd);
	restore_stdio();
}
END_TEST

START_TEST(stdout_is_free_otherwise)
{
	host_up("[service.tap]\n");
	ck_assert(!sn_host_speaks_on_stdout(host));
}
END_TEST

/* --- metrics -------------------------------------------------------------------------------- */

static const char *metrics(void)
{
	static char text[16384];
	struct sn_strbuf out;

	sn_strbuf_init(&out, sizeof(text) - 1);
	sn_host_metrics(host, &out);
	(void)snprintf(text, sizeof(text), "%s", sn_strbuf_cstr(&out));
	sn_strbuf_fini(&out);
	return text;
}

static unsigned occurrences(const char *text, const char *what)
{
	unsigned count = 0;

	for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what))
		count++;
	return count;
}

START_TEST(metrics_of_all_instances)
{
	static const char *const lines[] = {
		"\nsennit_connections_accepted_total{service=\"tap\"} 1\n",
		"\nsennit_connections_open{service=\"tap\"} 1\n",
		"\nsennit_connections_open{service=\"say \\\"hi\\\"\"} 0\n",
		"\nsennit_connections_refused_total{service=\"tap\",reason=\"total\"} 0\n",
		"\nsennit_tap_total{service=\"tap\"} 5\n",
		"\nsennit_tap_total{service=\"say \\\"hi\\\"\"} 0\n",
	};
	struct client client;

	host_up("[service.tap]\n[service.'say \"hi\"']\ntype = \"tap\"\n[service.tap_datagrams]\n"
		"listen = \"udp:0:interface=127.0.0.1\"\n");
	client_open(&client, "tap", 1024);
	sn_metric_add(&sn_host_find(host, SN_STR("tap"))->metrics, 0, 5);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(metrics(), lines[i]) != NULL, "%s is not in\n%s", lines[i],
			metrics());
	ck_assert_uint_eq(occurrences(metrics(), "# TYPE sennit_tap_total "), 1);
	ck_assert_uint_eq(occurrences(metrics(), "# TYPE sennit_connections_open "), 1);
	client_fini(&client);
}
END_TEST

static void add_stop(TCase *tc)
{
	tcase_add_test(tc, with_nobody_there_it_stops_at_once);
	tcase_add_test(tc, clients_are_told_and_waited_for);
	tcase_add_test(tc, a_module_without_drain_has_its_clients_closed);
	tcase_add_test(tc, at_the_drain_timeout_they_are_cut);
	tcase_add_test(tc, nobody_comes_in_while_it_stops);
	tcase_add_test(tc, a_second_stop_hurries);
	tcase_add_test(tc, the_last_one_to_go_ends_the_wait);
	tcase_add_test(tc, nobody_waits_for_a_handshake);
	tcase_add_test(tc, the_end_of_stdio_is_the_end);
	tcase_add_test(tc, with_other_listeners_it_goes_on);
	tcase_add_test(tc, a_start_that_fails_late_leaves_nobody_behind);
	tcase_add_test(tc, stdout_is_free_otherwise);
}

Suite *sn_suite_host(void);
Suite *sn_suite_host(void)
{
	Suite *suite = suite_create("service/host");
	TCase *tc = tcase_create("host");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, services_start_in_the_order_of_the_file);
	tcase_add_test(tc, an_instance_has_what_a_module_needs);
	tcase_add_test(tc, nothing_configured);
	tcase_add_test(tc, one_that_does_not_start_takes_the_others_along);
	tcase_add_test(tc, wrong_auth_is_told_without_the_secret);
	add_stop(tc);
	tcase_add_test(tc, metrics_of_all_instances);
	suite_add_tcase(suite, tc);
	return suite;
}
