#include "protocols/irc/irc_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/net/endpoint.h"
#include "tests/unit/protocols/irc/irc_fixture.h"

START_TEST(test_module)
{
	struct sn_diag diag;

	ck_assert_int_eq(sn_service_verify(&sn_irc_service, &diag), SN_OK);
	ck_assert_str_eq(sn_irc_service.name, "irc");
}
END_TEST

/* What a configuration says, and how many errors it has. */
static size_t errors_of(const char *keys)
{
	struct sn_strbuf text;
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	size_t errors;

	sn_strbuf_init(&text, 4000);
	sn_strbuf_addf(&text, "[service.irc]\n%s", keys);
	sn_conf_diags_init(&diags);
	ck_assert_int_eq(sn_conf_load(&(struct sn_conf_request){ .schema = sn_registry_schema(),
					      .text = sn_strbuf_str(&text) },
				 &diags, &conf) == SN_OK,
		diags.errors == 0);
	errors = diags.errors;
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	sn_strbuf_fini(&text);
	return errors;
}

START_TEST(test_configuration)
{
	static const struct {
		const char *keys;
		size_t errors;
	} rows[] = {
		{ "", 0 },
		{ "network = \"Knots and Bends\"\n", 1 },
		{ "server_name = \"a b\"\nnetwork = \"x y\"\n", 2 },
		{ "server_name = \"irc.example.org\"\n", 0 },
		{ "network = \"\"\n", 1 },
		{ "nick_max = 0\n", 1 },
		{ "nick_max = 64\nchannel_max = 100\ntopic_max = 390\n", 0 },
		{ "nick_max = 65\nchannel_max = 101\ntopic_max = 391\n", 3 },
		{ "ping_interval = \"99ms\"\n", 1 },
		{ "ping_interval = \"100ms\"\nping_timeout = \"1d\"\n", 0 },
		{ "flood_rate = 0\nflood_burst = 0\nflood_backlog = 1023\n", 3 },
		{ "flood_backlog = \"65KiB\"\n", 1 },
		{ "opne = true\n", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(errors_of(rows[i].keys) == rows[i].errors, "%s", rows[i].keys);
}
END_TEST

static const struct sn_irc_conf *settings(void)
{
	return irc_instance->settings;
}

START_TEST(test_defaults)
{
	irc_restart("");
	ck_assert(!settings()->open);
	ck_assert(!settings()->insecure_auth);
	ck_assert_int_eq(settings()->ping_interval, SN_SEC(90));
	ck_assert_int_eq(settings()->ping_timeout, SN_SEC(60));
	ck_assert_int_eq(settings()->register_timeout, SN_SEC(60));
	ck_assert_int_eq(settings()->nick_max, 32);
	ck_assert_int_eq(settings()->channel_max, 64);
	ck_assert_int_eq(settings()->topic_max, 390);
	ck_assert_int_eq(settings()->channels_per_user, 100);
	ck_assert_int_eq(settings()->ban_max, 100);
	ck_assert_int_eq(settings()->away_max, 390);
	ck_assert_uint_eq(settings()->flood_backlog, 16 << 10);
}
END_TEST

/* Starting this module fails with a text that says why. */
static void expect_no_start(const char *motd, const char *why)
{
	struct sn_irc_conf conf = { .network = SN_STR("N"), .motd = sn_str(motd) };
	struct sn_irc_server server = {
		.instance = { .service = &sn_irc_service, .loop = irc_loop, .settings = &conf }
	};
	struct sn_diag diag = { 0 };

	ck_assert_int_lt(sn_irc_service.start(&server.instance, &diag), 0);
	ck_assert_msg(strstr(diag.text, why) != NULL, "%s", diag.text);
}

START_TEST(test_unreadable_motd)
{
	char path[40];
	struct sn_strbuf b;
	const int fd = memfd_create("motd", 0);

	expect_no_start("/nonexistent/motd",
		"cannot read the message of the day "
		"/nonexistent/motd: No such file");
	expect_no_start("/", "Is a directory");
	ck_assert_int_eq(ftruncate(fd, (64 << 10) + 1), 0);
	sn_strbuf_fixed(&b, path, sizeof(path));
	sn_strbuf_addf(&b, "/proc/self/fd/%d", fd);
	expect_no_start(path, "larger than 64 KiB");
	(void)close(fd);
}
END_TEST

START_TEST(test_server_is_named_after_the_machine)
{
	struct sn_irc_conf conf = { .network = SN_STR("N") };
	struct sn_irc_server server = {
		.instance = { .service = &sn_irc_service, .loop = irc_loop, .settings = &conf }
	};
	struct sn_diag diag = { 0 };
	char host[64] = "";

	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	ck_assert_int_eq(sn_irc_service.start(&server.instance, &diag), SN_OK);
	ck_assert_str_view(server.name, host);
	sn_irc_service.stop(&server.instance);
}
END_TEST

/* --- the end -------------------------------------------------------------------------------- */

START_TEST(test_drain)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct irc_peer *half = irc_connect();

	irc_stop();
	irc_expect(alice, "ERROR :Closing Link: localhost (Server is shutting down)");
	irc_expect_end(alice);
	/* Nobody needs to hear that all the others go too. */
	irc_expect(bob, "ERROR :Closing Link: localhost (Server is shutting down)");
	irc_expect_end(bob);
	irc_expect(half, "ERROR :Closing Link: localhost (Server is shutting down)");
	irc_expect_end(half);
}
END_TEST

START_TEST(test_drain_with_one_that_does_not_read)
{
	struct irc_peer *alice = irc_user("alice"), *deaf = irc_user("deaf");

	sn_stream_pause(deaf->stream);
	for (int i = 0; i < 300; i++)
		irc_say(alice, "PRIVMSG deaf :%0400d", 0);
	irc_stop();
	irc_expect(alice, "ERROR *");
	irc_expect_end(alice);
	/* The rest is the teardown's: it ends when the drain timeout has cut the deaf one. */
}
END_TEST

/* --- greeting ------------------------------------------------------------------------------- */

START_TEST(test_greet)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 4000);
	sn_host_greet(irc_host, &out);
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&out), "irc: listening on 127.0.0.1:"));
	ck_assert_ptr_nonnull(
		strstr(sn_strbuf_cstr(&out), "connect with:  irssi -c 127.0.0.1 -p "));
	ck_assert_ptr_null(strstr(sn_strbuf_cstr(&out), "--tls"));
	sn_strbuf_fini(&out);
}
END_TEST

START_TEST(test_metrics)
{
	struct sn_strbuf out;

	(void)irc_user("alice");
	sn_strbuf_init(&out, 64 << 10);
	sn_host_metrics(irc_host, &out);
	ck_assert_ptr_nonnull(
		strstr(sn_strbuf_cstr(&out), "\nsennit_irc_users{service=\"irc\"} 1\n"));
	ck_assert_ptr_nonnull(
		strstr(sn_strbuf_cstr(&out), "\nsennit_irc_commands_total{service=\"irc\"} 2\n"));
	sn_strbuf_fini(&out);
}
END_TEST

/* --- reload --------------------------------------------------------------------------------- */

static void write_motd(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(test_reload)
{
	char path[] = "/tmp/sennit-motd-XXXXXX", keys[200];
	const int fd = mkstemp(path);
	struct irc_peer *alice;

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	write_motd(path, "first\n");
	(void)snprintf(keys, sizeof(keys), "motd = \"%s\"\n", path);
	irc_restart(keys);
	alice = irc_connect();
	irc_say(alice, "NICK alice");
	irc_say(alice, "USER alice 0 * :x");
	irc_skip_to(alice, "* :End of /MOTD*");
	/* The same name, another text: a reload reads it again. */
	write_motd(path, "second\n");
	(void)snprintf(keys, sizeof(keys), "motd = \"%s\"\nchannels_per_user = 1\n", path);
	ck_assert_int_eq(irc_reload(keys), SN_OK);
	irc_say(alice, "MOTD");
	irc_skip_to(alice, "* :- second");
	irc_skip_to(alice, "* :End of /MOTD*");
	irc_say(alice, "JOIN #a,#b");
	irc_skip_to(alice, ":* 405 *");
	irc_expect_nothing(alice);
	/* Gone: the reload is refused, and all is as it was. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(irc_reload(keys), SN_ECONFIG);
	irc_say(alice, "MOTD");
	irc_skip_to(alice, "* :- second");
	irc_forget_all();
	ck_assert_int_eq(irc_reload("motd = \"\"\n"), SN_OK);
	irc_ask(alice, "MOTD", ":* 422 *");
}
END_TEST

START_TEST(test_titles_and_kicks)
{
	struct irc_peer *alice = irc_member("alice", "#x"), *bob = irc_member("bob", "#x");
	struct sn_conn *conn = sn_container_of(irc_instance->conns.next, struct sn_conn, link);

	ck_assert(sn_str_eq(sn_irc_service.conn_title(conn), SN_STR("alice")));
	ck_assert(sn_host_kick(irc_host, conn->id, SN_STR("Go to bed")));
	irc_settle();
	irc_expect(alice, "ERROR :Closing Link: * (Go to bed)");
	irc_expect_end(alice);
	irc_expect(bob, ":alice!* QUIT :Go to bed");
}
END_TEST

Suite *sn_suite_irc_service(void)
{
	const TTest *const tests[] = {
		test_module,
		test_configuration,
		test_defaults,
		test_unreadable_motd,
		test_server_is_named_after_the_machine,
		test_drain,
		test_drain_with_one_that_does_not_read,
		test_greet,
		test_metrics,
		test_reload,
		test_titles_and_kicks,
	};

	return IRC_SUITE("irc_service", tests);
}
