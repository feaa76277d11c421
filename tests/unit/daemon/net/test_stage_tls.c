#include "tests/unit/daemon/net/tls_rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/daemon/net/listener_rig.h"
#include "tests/support/log_capture.h"

#include "daemon/net/listener.h"
#include "daemon/net/stage_tls.h"

static struct tls_rig rig;
static struct sn_pool *pool;
static struct sn_listen_plan listen_plan;
static struct sn_connect_plan connect_plan;
static struct sn_diag diag;

static void set_up(void)
{
	tls_rig_init(&rig, false);
	sn_endpoints_init();
	pool = sn_pool_new(0);
	memset(&listen_plan, 0, sizeof(listen_plan));
	memset(&connect_plan, 0, sizeof(connect_plan));
	listen_plan.pool = connect_plan.pool = pool;
}

static void free_stages(void)
{
	while (listen_plan.stages != NULL) {
		struct sn_accept_stage *stage = listen_plan.stages;

		listen_plan.stages = stage->next;
		stage->ops->free(stage);
	}
}

static void tear_down(void)
{
	tls_rig_abort(&rig);
	free_stages();
	sn_tls_context_unref(&connect_plan.tls);
	sn_pool_free(&pool);
	tls_rig_fini(&rig);
}

/* '@' in the text stands for the rig's folder. */
static const char *expand(const char *text)
{
	static char full[400];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, full, sizeof(full));
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '@')
			sn_strbuf_adds(&out, rig.dir.path);
		else
			sn_strbuf_addc(&out, *c);
	}
	return sn_strbuf_cstr(&out);
}

static struct sn_endpoint *parse(enum sn_endpoint_side side, const char *text)
{
	const struct sn_str full = sn_pool_str(pool, sn_str(expand(text)));
	struct sn_endpoint *ep;

	ck_assert_msg(sn_endpoint_parse(pool, side, full, &ep, &diag) == SN_OK, "%s", diag.text);
	return ep;
}

/* The server's stage and the client's context made from texts, talking over a memory pair. */
static struct sn_incoming incoming;

static void talk(const char *server_text, const char *client_text)
{
	struct sn_stream *client, *top;
	int code;

	code = sn_tls_plan_stage(parse(SN_SERVER, server_text), &listen_plan, &diag);
	ck_assert_msg(code == SN_OK, "%s", diag.text);
	code = sn_tls_plan_client(parse(SN_CLIENT, client_text), &connect_plan, &diag);
	ck_assert_msg(code == SN_OK, "%s", diag.text);
	ck_assert_int_eq(
		listen_plan.stages->ops->attach(listen_plan.stages, rig.loop, NULL), SN_OK);
	sn_stream_mem_pair(rig.loop, 1 << 20, &incoming.top, &client);
	rig.server.frees = rig.client.frees = 0;
	sn_stream_set_user(incoming.top, &rig.server.user);
	ck_assert_int_eq(listen_plan.stages->ops->step(listen_plan.stages, &incoming), SN_PENDING);
	ck_assert_int_eq(
		sn_stream_push_tls(client, connect_plan.tls, connect_plan.tls_host, &top), SN_OK);
	sn_stream_set_user(top, &rig.client.user);
	tls_rig_settle(&rig);
}

static const struct {
	const char *server, *client;
	const char *version, *sni;
} talks[] = {
	{ "tls:@/server.pem:tcp:0", "tls:example.org:443:trustRoots=@/roots", "TLSv1.3",
		"example.org" },
	{ "tls:@/certs:tcp:0", "tls:127.0.0.1:443:trustRoots=@/roots", "TLSv1.3", "" },
	{ "ssl:0:privateKey=@/key.pem:certKey=@/root.pem:sslmethod=TLSv1_2_METHOD",
		"ssl:127.0.0.1:443:caCertsDir=@/roots:hostname=example.org", "TLSv1.2",
		"example.org" },
	{ "ssl:0:privateKey=@/server.pem:dhParameters=@/none",
		"ssl:example.org:443:caCertsDir=@/roots", "TLSv1.3", "example.org" },
	{ "tls:@/server.pem:minVersion=1.3:tcp:0",
		"tls:example.org:443:trustRoots=@/roots:timeout=3", "TLSv1.3", "example.org" },
};

static void write_files(void)
{
	const struct sn_test_cert *certs[] = { &rig.cert };
	struct sn_test_dir roots = sn_test_dir_inside(&rig.dir, "roots");
	struct sn_test_dir folder = sn_test_dir_inside(&rig.dir, "certs");

	sn_test_pem_write(&roots, "example.pem", "c", certs);
	sn_test_pem_write(&folder, "example.org.pem", "ck", certs);
	sn_test_pem_write(&rig.dir, "key.pem", "k", certs);
}

START_TEST(test_talks)
{
	write_files();
	talk(talks[_i].server, talks[_i].client);
	ck_assert_msg(rig.server.ready == 1, "%s", rig.server.error);
	ck_assert_msg(rig.client.ready == 1, "%s", rig.client.error);
	ck_assert_str_eq(rig.server.version, talks[_i].version);
	ck_assert_str_eq(rig.server.sni, talks[_i].sni);
	ck_assert_ptr_eq(incoming.top, rig.server.user.stream);
}
END_TEST

START_TEST(test_client_certificate)
{
	write_files();
	talk("tls:@/server.pem:clientCA=@/root.pem:tcp:0",
		"tls:example.org:443:trustRoots=@/roots:certificate=@/root.pem:privateKey=@/key.pem");
	ck_assert_msg(rig.server.ready == 1, "%s", rig.server.error);
	ck_assert(rig.server.has_peer_cert && rig.server.peer_verified);
}
END_TEST

/* clientCA alone requires one. */
START_TEST(test_client_certificate_missing)
{
	write_files();
	talk("tls:@/server.pem:clientCA=@/root.pem:tcp:0",
		"tls:example.org:443:trustRoots=@/roots");
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
	ck_assert_uint_eq(rig.server.ready, 0);
	ck_assert_int_eq(rig.server.code, SN_ETLS);
}
END_TEST

/* For services that know fingerprints: any certificate is taken, and told to be unverified. */
START_TEST(test_client_certificate_requested)
{
	write_files();
	talk("tls:@/server.pem:clientAuth=request:tcp:0",
		"tls:example.org:443:trustRoots=@/roots:certificate=@/server.pem");
	ck_assert_msg(rig.server.ready == 1, "%s", rig.server.error);
	ck_assert(rig.server.has_peer_cert && !rig.server.peer_verified);
}
END_TEST

START_TEST(test_alpn)
{
	static const char *const offered[] = { "irc", NULL };
	static const char *const spoken[] = { "xmpp-client", "irc", NULL };
	struct sn_accept_stage *stage;
	struct sn_stream *client, *top;

	ck_assert_int_eq(
		sn_tls_plan_stage(parse(SN_SERVER, "tls:@/server.pem:tcp:0"), &listen_plan, &diag),
		SN_OK);
	stage = listen_plan.stages;
	stage->ops->set_alpn(stage, spoken);
	rig.client_options.alpn = offered;
	tls_rig_make_contexts(&rig);
	sn_stream_mem_pair(rig.loop, 1 << 20, &incoming.top, &client);
	rig.server.frees = rig.client.frees = 0;
	sn_stream_set_user(incoming.top, &rig.server.user);
	ck_assert_int_eq(stage->ops->step(stage, &incoming), SN_PENDING);
	ck_assert_int_eq(
		sn_stream_push_tls(client, rig.client_context, "example.org", &top), SN_OK);
	sn_stream_set_user(top, &rig.client.user);
	tls_rig_settle(&rig);
	ck_assert_str_eq(rig.server.alpn, "irc");
}
END_TEST

/* --- errors carry the column of the path ------------------------------------------------------ */

static const struct {
	const char *text;
	int code;
	size_t column; /* with the folder's path counted as one */
	const char *says;
} broken[] = {
	{ "tls:@/nowhere.pem:tcp:0", -2, 5, "cannot be read: No such file" },
	{ "tls:@/root.pem:tcp:0", SN_ECERT, 5, "no private key in this file" },
	{ "tls:@/empty:tcp:0", SN_ECERT, 5, "no certificate (*.pem) in this folder" },
	{ "ssl:0:privateKey=@/nowhere.pem", -2, 18, "cannot be read" },
	{ "ssl:0", -2, 1, "server.pem: cannot be read" },
	{ "tls:@/server.pem:clientCA=@/nowhere:tcp:0", -2, 5, "nowhere: cannot be read" },
};

START_TEST(test_broken_server)
{
	sn_test_dir_inside(&rig.dir, "empty");
	ck_assert_int_eq(sn_tls_plan_stage(parse(SN_SERVER, broken[_i].text), &listen_plan, &diag),
		broken[_i].code);
	ck_assert_ptr_null(listen_plan.stages);
	ck_assert_uint_eq(diag.column, broken[_i].column);
	ck_assert_msg(strstr(diag.text, broken[_i].says) != NULL, "%s", diag.text);
}
END_TEST

START_TEST(test_broken_client)
{
	ck_assert_int_eq(sn_tls_plan_client(parse(SN_CLIENT, "tls:h:1:trustRoots=@/nowhere"),
				 &connect_plan, &diag),
		-2);
	ck_assert_ptr_null(connect_plan.tls);
	ck_assert_uint_eq(diag.column, 20);
	ck_assert_int_eq(sn_tls_plan_client(parse(SN_CLIENT, "tls:h:1:privateKey=@/server.pem"),
				 &connect_plan, &diag),
		SN_EMISSING);
	ck_assert_str_eq(diag.text, "tls: privateKey= needs certificate=");
}
END_TEST

/* --- behind a listener ------------------------------------------------------------------------ */

static struct rig net;
static const struct sn_log_ctx net_log = SN_LOG_CTX("net");

static void start_listener(const char *endpoint)
{
	rig_init(&net, false);
	rig_plan(&net, expand(endpoint));
	net.options.log = &net_log;
	for (struct sn_accept_stage *stage = net.plan.stages; stage != NULL; stage = stage->next)
		if (stage->ops->attach != NULL)
			ck_assert_int_eq(stage->ops->attach(stage, net.loop, NULL), SN_OK);
	rig_start(&net);
}

/* 100 bytes of somebody who takes the port for a plain one: told in the log, counted, closed. */
START_TEST(test_plain_text)
{
	char line[100];
	const char *log;
	int fd;

	memset(line, 'x', sizeof(line));
	memcpy(line, "NICK alice\r\n", 12);
	start_listener("tls:@/server.pem:tcp:0:interface=127.0.0.1");
	log_capture_start();
	fd = rig_connect(&net, "127.0.0.1");
	ck_assert_int_eq(send(fd, line, sizeof(line), 0), sizeof(line));
	TURN_UNTIL(net.loop, rig_metric(&net, SN_LISTENER_STAGE_FAILED) == 1);
	ck_assert(rig_is_closed(&net, fd));
	log = log_capture_stop();
	ck_assert_msg(strstr(log, "connection-not-established") != NULL, "%s", log);
	ck_assert_msg(strstr(log, "peer sent plain text, not TLS") != NULL, "%s", log);
	ck_assert_ptr_nonnull(strstr(log, "NICK alice"));
	close(fd);
	rig_fini(&net);
}
END_TEST

/* The PROXY header and the hello come in one segment: what is left of it is TLS's. */
START_TEST(test_behind_proxy)
{
	struct sn_stream *client, *top;
	char host[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;
	int fd;

	ck_assert_int_eq(sn_tls_client_new(&rig.client_options, &rig.client_context, &diag), SN_OK);
	start_listener("tls:@/server.pem:haproxy:tcp:0:interface=127.0.0.1");
	fd = rig_connect(&net, "127.0.0.1");
	ck_assert_int_eq(sn_stream_fd_new(net.loop, fd, fd, &client), SN_OK);
	sn_stream_ready(client);
	sn_stream_write(client, SN_STR("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"));
	ck_assert_int_eq(
		sn_stream_push_tls(client, rig.client_context, "example.org", &top), SN_OK);
	rig.client.frees = 0;
	sn_stream_set_user(top, &rig.client.user);
	TURN_UNTIL(net.loop, net.opened == 1 && rig.client.ready == 1);
	ck_assert_str_view(sn_stream_tls_info(net.conns[0]->incoming.top)->sni, "example.org");
	sn_strbuf_fixed(&out, host, sizeof(host));
	sn_addr_format_host(&net.conns[0]->incoming.peer, &out);
	ck_assert_str_eq(host, "192.0.2.7");
	sn_stream_close(top);
	TURN_UNTIL(net.loop, tls_end_over(&rig.client));
	rig_fini(&net);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *sn_suite_stage_tls(void);

Suite *sn_suite_stage_tls(void)
{
	Suite *suite = suite_create("stage_tls");
	TCase *tc = tcase_create("stage_tls");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_talks, 0, COUNT(talks));
	tcase_add_test(tc, test_client_certificate);
	tcase_add_test(tc, test_client_certificate_missing);
	tcase_add_test(tc, test_client_certificate_requested);
	tcase_add_test(tc, test_alpn);
	tcase_add_loop_test(tc, test_broken_server, 0, COUNT(broken));
	tcase_add_test(tc, test_broken_client);
	tcase_add_test(tc, test_plain_text);
	tcase_add_test(tc, test_behind_proxy);
	suite_add_tcase(suite, tc);
	return suite;
}
