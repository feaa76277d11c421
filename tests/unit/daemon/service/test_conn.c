#include "daemon/service/conn.h"

#include <errno.h>

#include "daemon/net/tls.h"
#include "tests/support/certs.h"
#include "tests/support/log_capture.h"
#include "tests/support/turn.h"
#include "tests/unit/daemon/service/fixture.h"

#define CAPACITY 65536

static struct client client;

static void open_tap(const char *more)
{
	char toml[512];

	(void)snprintf(toml, sizeof(toml), "[service.tap]\n%s\n", more);
	host_up(toml);
	ck_assert_str_eq(tap_read(), "start tap");
	client_open(&client, "tap", CAPACITY);
	ck_assert_str_eq(tap_read(), "open");
}

static void setup(void)
{
	service_setup();
	client = (struct client){ .ends = 0 };
}

static void teardown(void)
{
	if (client.user.events != NULL)
		client_fini(&client);
	if (host != NULL)
		host_down();
	ck_assert_uint_eq(tap.opened, tap.closed);
	service_teardown();
}

START_TEST(a_connection_knows_its_place)
{
	struct sn_conn *conn;
	uint64_t id;

	pass(SN_SEC(7));
	open_tap("");
	conn = &tap.last->conn;
	id = conn->id;
	ck_assert_ptr_eq(conn->instance, sn_host_find(host, SN_STR("tap")));
	ck_assert_ptr_eq(conn->conf, conn->instance->conf);
	ck_assert_ptr_null(conn->session);
	ck_assert_ptr_null(sn_conn_tls(conn));
	ck_assert(sn_conn_is_open(conn));
	ck_assert_int_eq(conn->opened, fake_clock.mono_ns);
	ck_assert_uint_eq(sn_conn_peer(conn)->len, 0); /* a memory pair comes from nowhere */
	ck_assert_ptr_eq(sn_conn_pool(conn), sn_conn_pool(conn));
	client_fini(&client);
	client_open(&client, "tap", CAPACITY);
	ck_assert_uint_gt(tap.last->conn.id, id);
}
END_TEST

static void log_in(const char *account, int64_t expires)
{
	struct sn_session *session = sn_session_new(sn_str(account), "accounts");

	session->expires = expires;
	sn_conn_set_session(&tap.last->conn, session);
}

START_TEST(a_session_that_ends_ends_the_connection)
{
	open_tap("");
	log_in("alice", fake_clock.wall_ns + SN_SEC(60));
	pass(SN_SEC(59));
	turn();
	ck_assert(sn_conn_is_open(&tap.last->conn));
	fake_clock.wall_ns -= SN_SEC(30); /* somebody sets the clock */
	pass(SN_SEC(2));
	turn();
	ck_assert(sn_conn_is_open(&tap.last->conn));
	pass(SN_SEC(30));
	turn();
	ck_assert_uint_eq(client.ends, 1);
}
END_TEST

START_TEST(another_session_has_its_own_end)
{
	open_tap("");
	log_in("alice", fake_clock.wall_ns + SN_SEC(1));
	log_in("alice", 0);
	pass(SN_SEC(20));
	turn();
	ck_assert(sn_conn_is_open(&tap.last->conn));
	ck_assert_uint_eq(client.ends, 0);
	log_in("bob", fake_clock.wall_ns - 1);
	turn();
	ck_assert_uint_eq(client.ends, 1);
}
END_TEST

START_TEST(input_comes_and_output_goes)
{
	open_tap("");
	client_say(&client, "one\ntw");
	ck_assert_str_eq(tap_read(), "hear one");
	client_say(&client, "o\nclose\n");
	ck_assert_str_eq(tap_read(), "hear two; hear close; end CLOSE");
	ck_assert_str_eq(client_got(&client), "bye"); /* SN_CLOSE flushes */
	ck_assert_uint_eq(client.ends, 1);
	ck_assert_int_eq(client.code, SN_CLOSE);
}
END_TEST

/* What ends a connection, and the code that conn_close gets, once. */
static const struct {
	const char *say, *diary;
	int code; /* the client's end */
} ends[] = {
	{ "close\n", "hear close; end CLOSE", SN_CLOSE },
	{ "shut\n", "hear shut; end CLOSE", SN_CLOSE },
	{ "fail\n", "hear fail; end EPROTO", -ECONNRESET },
	{ "cut\n", "hear cut; end EDENIED", -ECONNRESET },
	{ "cut\nclose\n", "hear cut; end EDENIED", -ECONNRESET },
	{ "shut\nfail\n", "hear shut; end CLOSE", SN_CLOSE },
};

START_TEST(each_end_is_told_once)
{
	open_tap("");
	client_say(&client, ends[_i].say);
	turn();
	ck_assert_str_eq(tap_read(), ends[_i].diary);
	ck_assert_uint_eq(client.ends, 1);
	ck_assert_int_eq(client.code, ends[_i].code);
	ck_assert(sn_list_empty(&listener_of("tap")->connections));
	ck_assert(sn_list_empty(&sn_host_find(host, SN_STR("tap"))->conns));
}
END_TEST

START_TEST(the_end_of_the_peers_input)
{
	open_tap("");
	client_say(&client, "half");
	client_close(&client);
	ck_assert_str_eq(tap_read(), "eof, unread 4; end CLOSE");
}
END_TEST

START_TEST(conn_eof_may_go_on)
{
	tap.waits_eof = true;
	open_tap("");
	client_close(&client);
	ck_assert_str_eq(tap_read(), "eof, unread 0");
	ck_assert(sn_conn_is_open(&tap.last->conn));
	sn_conn_printf(&tap.last->conn, "%s", "later");
	sn_conn_close(&tap.last->conn);
	turn();
	ck_assert_str_eq(tap_read(), "end CLOSE");
}
END_TEST

START_TEST(a_module_without_conn_eof_closes)
{
	host_up("[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	client_open(&client, "echo", CAPACITY);
	client_say(&client, "a\nb");
	client_close(&client);
	ck_assert_str_eq(client_got(&client), "a\n");
	ck_assert(sn_list_empty(&listener_of("echo")->connections));
}
END_TEST

START_TEST(a_reset_is_told_with_its_code)
{
	open_tap("");
	sn_stream_abort(client.user.stream, SN_CLOSE);
	turn();
	ck_assert_str_eq(tap_read(), "end ECONNRESET");
}
END_TEST

START_TEST(refused_by_conn_open)
{
	tap.refuses = true;
	host_up("[service.tap]\n");
	ck_assert_str_eq(tap_read(), "start tap");
	client_open(&client, "tap", CAPACITY);
	ck_assert_str_eq(tap_read(), "open; end EDENIED");
	ck_assert_uint_eq(client.ends, 1);
}
END_TEST

START_TEST(pending_stops_input_until_resumed)
{
	open_tap("");
	client_say(&client, "wait\nmore\n");
	client_say(&client, "and more\n");
	ck_assert_str_eq(tap_read(), "hear wait");
	sn_conn_resume(&tap.last->conn);
	ck_assert_str_eq(tap_read(), ""); /* not from inside */
	turn();
	ck_assert_str_eq(tap_read(), "hear more; hear and more");
}
END_TEST

START_TEST(an_end_while_pending)
{
	open_tap("");
	client_say(&client, "wait\n");
	sn_stream_abort(client.user.stream, SN_CLOSE);
	turn();
	sn_conn_resume(&tap.last->conn);
	sn_conn_abort(&tap.last->conn, SN_EDENIED);
	turn();
	ck_assert_str_eq(tap_read(), "hear wait; end EDENIED");
}
END_TEST

START_TEST(unconsumed_input_comes_again_with_more)
{
	open_tap("");
	client_say(&client, "leave\n");
	ck_assert_str_eq(tap_read(), "hear leave");
	client_say(&client, "x");
	ck_assert_str_eq(tap_read(), "hear leave");
}
END_TEST

START_TEST(idle_deadline)
{
	open_tap("idle_timeout = \"1s\"");
	pass(SN_MS(900));
	client_say(&client, "x\n");
	pass(SN_MS(900));
	ck_assert_str_eq(tap_read(), "hear x");
	pass(SN_MS(200));
	ck_assert_str_eq(tap_read(), "end ETIMEOUT");
}
END_TEST

START_TEST(congestion_and_the_end_of_it)
{
	open_tap("send_queue = \"64KiB\"");
	sn_stream_pause(client.user.stream);
	client_say(&client, "shout 900\n"); /* 90,000: 65,536 go on the way, 24,464 are left */
	ck_assert_str_eq(tap_read(), "hear shout 900; congested 1");
	ck_assert(sn_conn_congested(&tap.last->conn));
	sn_stream_resume(client.user.stream);
	turn();
	ck_assert_str_eq(tap_read(), "drained");
	ck_assert_uint_eq(client.got.n, 90000);
	ck_assert(!sn_conn_congested(&tap.last->conn));
}
END_TEST

START_TEST(a_queue_over_the_limit)
{
	open_tap("send_queue = \"64KiB\"");
	sn_stream_pause(client.user.stream);
	client_say(&client, "shout 2000\n");
	ck_assert_str_eq(tap_read(), "hear shout 2000; congested 1; end ELIMIT");
}
END_TEST

START_TEST(a_client_that_takes_nothing)
{
	open_tap("write_timeout = \"1s\"\nsend_queue = \"1MiB\"");
	sn_stream_pause(client.user.stream);
	client_say(&client, "shout 1500\n");
	ck_assert_str_eq(tap_read(), "hear shout 1500; congested 0");
	pass(SN_MS(950));
	ck_assert_str_eq(tap_read(), "");
	pass(SN_MS(100));
	ck_assert_str_eq(tap_read(), "end ETIMEOUT");
}
END_TEST

START_TEST(printf_of_any_length)
{
	static char text[5000];

	memset(text, 'y', sizeof(text) - 1);
	open_tap("");
	sn_conn_printf(&tap.last->conn, "%.1023s|", text);
	sn_conn_printf(&tap.last->conn, "%.1022s|", text);
	sn_conn_printf(&tap.last->conn, "%s|", text);
	sn_conn_printf(&tap.last->conn, "%s", "");
	turn();
	ck_assert_uint_eq(client.got.n, 1024 + 1023 + 5000);
	ck_assert_int_eq(client_got(&client)[1023], '|');
	ck_assert_int_eq(client_got(&client)[client.got.n - 1], '|');
}
END_TEST

START_TEST(chains_and_blocks)
{
	struct sn_block *block = sn_block_copy(SN_STR("shared "));
	struct sn_conn *conn;

	open_tap("");
	conn = &tap.last->conn;
	sn_conn_write_block(conn, block);
	sn_conn_write_block(conn, block);
	sn_block_unref(&block);
	turn();
	ck_assert_str_eq(client_got(&client), "shared shared ");
	sn_chain_write(sn_conn_out(conn), SN_STR("own"));
	turn();
	ck_assert_str_eq(client_got(&client), "shared shared "); /* nobody said that it is all */
	sn_conn_flush(conn);
	turn();
	ck_assert_str_eq(client_got(&client), "shared shared own");
}
END_TEST

/* One connection from 192.0.2.1:1001 that lasts two seconds and is asked to end this way. */
static uint64_t come_and_go(const char *way)
{
	uint64_t id;

	client_open(&client, "tap", CAPACITY);
	client_say(&client, "PROXY TCP4 192.0.2.1 192.0.2.2 1001 80\r\n");
	id = tap.last->conn.id;
	sn_conn_log(&tap.last->conn, SN_LOG_WARN, "odd", sn_f_int("a", 1), sn_f_int("b", 2),
		sn_f_int("c", 3), sn_f_int("d", 4), sn_f_int("e", 5), sn_f_int("f", 6),
		sn_f_int("g", 7), sn_f_int("h", 8));
	pass(SN_SEC(2));
	client_say(&client, way);
	client_fini(&client);
	client.user.events = NULL;
	return id;
}

static void check_lines(const char *log, uint64_t id, const char *const *lines)
{
	for (; *lines != NULL; lines++) {
		const size_t event = strcspn(*lines, " ");
		char want[256];

		(void)snprintf(want, sizeof(want), " [tap] %.*s conn=%llu peer=192.0.2.1:1001%s",
			(int)event, *lines, (unsigned long long)id, *lines + event);
		ck_assert_msg(strstr(log, want) != NULL, "%s is not in\n%s", want, log);
	}
}

START_TEST(lines_of_the_log_name_the_connection)
{
	static const char *const failed[] = {
		"conn-opened tls=no\n",
		"odd a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8\n",
		"conn-refused error=\"protocol violation\"\n",
		"conn-closed reason=\"protocol violation\" lasted=2",
		NULL,
	};
	static const char *const orderly[] = {
		"conn-opened tls=no\n",
		"conn-closed reason=\"end of stream\" lasted=2",
		NULL,
	};
	uint64_t ids[2];
	const char *log;

	ck_assert_int_eq(sn_log_set_level("", SN_LOG_DEBUG), SN_OK);
	log_capture_start();
	host_up("[service.tap]\nlisten = \"haproxy:tcp:0:interface=127.0.0.1\"\n");
	ids[0] = come_and_go("fail\n");
	ids[1] = come_and_go("close\n");
	log = log_capture_stop();
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_INFO), SN_OK);
	check_lines(log, ids[0], failed);
	check_lines(log, ids[1], orderly);
}
END_TEST

/* --- STARTTLS ------------------------------------------------------------------------------- */

struct tls_rig {
	struct sn_test_dir dir;
	struct sn_test_cert cert;
	struct sn_tls_context *client;
};
static struct tls_rig rig;

static void tls_setup(void)
{
	const struct sn_test_cert *certs[] = { &rig.cert };
	struct sn_diag diag = { 0 };
	struct sn_test_pem pem;

	setup();
	sn_test_dir_make(&rig.dir);
	sn_test_cert_simple("tap.test", &rig.cert);
	pem = sn_test_pem_write(&rig.dir, "tap.pem", "kc", certs);
	ck_assert_msg(sn_tls_server_new(&(struct sn_tls_server_options){ .certs = pem.path },
			      &tap.tls, &diag) == SN_OK,
		"%s", diag.text);
	ck_assert_msg(sn_tls_client_new(&(struct sn_tls_client_options){ .trust_roots = pem.path },
			      &rig.client, &diag) == SN_OK,
		"%s", diag.text);
}

static void tls_teardown(void)
{
	sn_tls_context_unref(&rig.client);
	sn_test_cert_fini(&rig.cert);
	sn_test_dir_remove(&rig.dir);
	teardown();
}

START_TEST(starttls_goes_on_encrypted)
{
	struct sn_stream *top;

	open_tap("");
	client_say(&client, "plain\ntls\n");
	ck_assert_str_eq(tap_read(), "hear plain; hear tls");
	ck_assert_int_eq(
		sn_stream_push_tls(client.user.stream, rig.client, "tap.test", &top), SN_OK);
	client.ready = 0;
	sn_test_turn_until(loop, client.ready == 1);
	sn_stream_write(client.user.stream, SN_STR("secret\nclose\n"));
	sn_test_turn_until(loop, client.ends == 1);
	turn();
	ck_assert_str_eq(client_got(&client), "bye");
	ck_assert_str_eq(tap_read(), "hear secret; hear close; end CLOSE"); /* no second open */
}
END_TEST

START_TEST(facts_about_tls)
{
	struct sn_stream *top;

	open_tap("");
	client_say(&client, "tls\n");
	ck_assert_int_eq(
		sn_stream_push_tls(client.user.stream, rig.client, "tap.test", &top), SN_OK);
	client.ready = 0;
	sn_test_turn_until(loop, client.ready == 1);
	turn();
	ck_assert_ptr_nonnull(sn_conn_tls(&tap.last->conn));
	ck_assert_str_eq(sn_conn_tls(&tap.last->conn)->version, "TLSv1.3");
	ck_assert_str_view(sn_conn_tls(&tap.last->conn)->sni, "tap.test");
}
END_TEST

START_TEST(plaintext_after_starttls_is_refused)
{
	open_tap("");
	client_say(&client, "tls\nINJECTED\n");
	ck_assert_str_eq(tap_read(), "hear tls; end EPLAINTEXT");
	ck_assert_str_eq(client_got(&client), "");
	ck_assert_int_eq(client.code, -ECONNRESET);
}
END_TEST

START_TEST(plaintext_instead_of_a_handshake)
{
	open_tap("");
	client_say(&client, "tls\n");
	client_say(&client, "NOT A HANDSHAKE\n");
	ck_assert_str_eq(tap_read(), "hear tls; end EPLAINTEXT");
}
END_TEST

START_TEST(a_handshake_that_never_comes)
{
	open_tap("handshake_timeout = \"1s\"");
	client_say(&client, "tls\n");
	pass(SN_MS(1100));
	ck_assert_str_eq(tap_read(), "hear tls; end ETIMEOUT");
}
END_TEST

static void add_input(TCase *tc)
{
	tcase_add_test(tc, a_connection_knows_its_place);
	tcase_add_test(tc, a_session_that_ends_ends_the_connection);
	tcase_add_test(tc, another_session_has_its_own_end);
	tcase_add_test(tc, input_comes_and_output_goes);
	tcase_add_loop_test(tc, each_end_is_told_once, 0, (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(tc, the_end_of_the_peers_input);
	tcase_add_test(tc, conn_eof_may_go_on);
	tcase_add_test(tc, a_module_without_conn_eof_closes);
	tcase_add_test(tc, a_reset_is_told_with_its_code);
	tcase_add_test(tc, refused_by_conn_open);
	tcase_add_test(tc, pending_stops_input_until_resumed);
	tcase_add_test(tc, an_end_while_pending);
	tcase_add_test(tc, unconsumed_input_comes_again_with_more);
}

static void add_output(TCase *tc)
{
	tcase_add_test(tc, idle_deadline);
	tcase_add_test(tc, congestion_and_the_end_of_it);
	tcase_add_test(tc, a_queue_over_the_limit);
	tcase_add_test(tc, a_client_that_takes_nothing);
	tcase_add_test(tc, printf_of_any_length);
	tcase_add_test(tc, chains_and_blocks);
	tcase_add_test(tc, lines_of_the_log_name_the_connection);
}

static void add_starttls(TCase *tc)
{
	tcase_add_test(tc, starttls_goes_on_encrypted);
	tcase_add_test(tc, facts_about_tls);
	tcase_add_test(tc, plaintext_after_starttls_is_refused);
	tcase_add_test(tc, plaintext_instead_of_a_handshake);
	tcase_add_test(tc, a_handshake_that_never_comes);
}

Suite *sn_suite_conn(void);
Suite *sn_suite_conn(void)
{
	Suite *suite = suite_create("service/conn");
	TCase *plain = tcase_create("conn"), *tls = tcase_create("starttls");

	tcase_add_checked_fixture(plain, setup, teardown);
	tcase_add_checked_fixture(tls, tls_setup, tls_teardown);
	add_input(plain);
	add_output(plain);
	add_starttls(tls);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, tls);
	return suite;
}
