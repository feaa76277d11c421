#include "tests/unit/daemon/net/tls_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/mem.h"

static struct tls_rig rig;

static void set_up(void)
{
	tls_rig_init(&rig, false);
}

static void tear_down(void)
{
	tls_rig_fini(&rig);
}

static void say(struct tls_end *end, const char *text)
{
	sn_stream_write(end->user.stream, sn_str(text));
}

/* --- handshake and talk --------------------------------------------------------------------- */

static const struct {
	enum sn_tls_versions versions;
	const char *name;
} versions[] = { { SN_TLS_1_2_ONLY, "TLSv1.2" }, { SN_TLS_1_3_ONLY, "TLSv1.3" } };
static const size_t capacities[] = { 1, 7, 1 << 20 };

START_TEST(test_talk)
{
	rig.server_options.versions = versions[_i % 2].versions;
	tls_rig_handshake(&rig, capacities[_i / 2], "example.org");
	ck_assert_str_eq(rig.server.version, versions[_i % 2].name);
	ck_assert_str_eq(rig.client.version, versions[_i % 2].name);
	ck_assert_str_eq(rig.server.sni, "example.org");
	ck_assert(rig.client.peer_verified && !rig.server.has_peer_cert);
	say(&rig.client, "ping");
	say(&rig.server, "po");
	say(&rig.server, "ng");
	sn_test_turn_until(rig.loop, rig.server.received == 4 && rig.client.received == 4);
	ck_assert_str_view(sn_strbuf_str(&rig.server.got), "ping");
	ck_assert_str_view(sn_strbuf_str(&rig.client.got), "pong");
	tls_rig_close(&rig);
	ck_assert_int_eq(rig.server.code, SN_CLOSE);
	ck_assert_int_eq(rig.client.code, SN_CLOSE);
	ck_assert_uint_eq(rig.server.eofs, 1);
	ck_assert_uint_eq(rig.server.ends, 1);
	ck_assert_uint_eq(rig.client.ends, 1);
}
END_TEST

/* What is written before the handshake is done goes out after it. */
START_TEST(test_write_early)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	say(&rig.client, "early client");
	say(&rig.server, "early server");
	sn_test_turn_until(rig.loop, rig.server.received == 12 && rig.client.received == 12);
	ck_assert_str_view(sn_strbuf_str(&rig.server.got), "early client");
}
END_TEST

/* Words of one turn share a record and a write: the raw bytes show it. */
START_TEST(test_gathers_small_writes)
{
	struct sn_stream *lower;
	uint64_t before;

	tls_rig_handshake(&rig, 1 << 20, "example.org");
	lower = rig.client.user.stream->lower;
	before = lower->bytes_out;
	for (int i = 0; i < 100; i++)
		sn_chain_add_static(sn_stream_out(rig.client.user.stream), SN_STR("0123456789"));
	sn_stream_flush(rig.client.user.stream);
	sn_test_turn_until(rig.loop, rig.server.received == 1000);
	ck_assert_uint_lt(lower->bytes_out - before, 1000 + 2 * 29);
}
END_TEST

/* --- much data ------------------------------------------------------------------------------ */

#define MUCH ((uint64_t)4 << 20)

static char *pattern(size_t n)
{
	char *mem = sn_alloc(n);

	for (size_t i = 0; i < n; i++)
		mem[i] = (char)(i * 2654435761u >> 13);
	return mem;
}

static void check_pattern(const struct tls_end *end, const char *expected)
{
	ck_assert_uint_eq(end->got.n, MUCH);
	ck_assert(memcmp(end->got.p, expected, MUCH) == 0);
}

START_TEST(test_much_both_ways)
{
	static const size_t capacity[] = { 1000, 70000 };
	char *data = pattern(MUCH);

	tls_rig_handshake(&rig, capacity[_i], "example.org");
	for (uint64_t at = 0; at < MUCH; at += 65536) {
		sn_stream_write(rig.client.user.stream, sn_str_n(data + at, 65536));
		sn_stream_write(rig.server.user.stream, sn_str_n(data + at, 65536));
	}
	ck_assert(sn_stream_congested(rig.client.user.stream));
	sn_test_turn_until(rig.loop, rig.server.received == MUCH && rig.client.received == MUCH);
	check_pattern(&rig.server, data);
	check_pattern(&rig.client, data);
	ck_assert_uint_eq(rig.client.drained, 1);
	sn_free(data);
}
END_TEST

/* A reader that does not read holds back the writer's plain text, not a heap of cipher text. */
START_TEST(test_backpressure)
{
	char *data = pattern(MUCH);
	struct sn_stream *s;

	tls_rig_handshake(&rig, 65536, "example.org");
	s = rig.client.user.stream;
	sn_stream_pause(rig.server.user.stream);
	sn_stream_write(s, sn_str_n(data, MUCH));
	for (int i = 0; i < 50; i++)
		sn_loop_turn(rig.loop, 0);
	ck_assert_uint_lt(s->lower->out.bytes, s->lower->limits.high + 5 * 16500);
	ck_assert_uint_gt(s->out.bytes, MUCH - 1000000);
	ck_assert_uint_eq(rig.server.received, 0);
	sn_stream_resume(rig.server.user.stream);
	sn_test_turn_until(rig.loop, rig.server.received == MUCH);
	check_pattern(&rig.server, data);
	sn_free(data);
}
END_TEST

START_TEST(test_file_range)
{
	char path[256], *data = pattern(100000);
	struct sn_block *block;
	int fd;

	snprintf(path, sizeof(path), "%s/file", rig.dir.path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, data, 100000), 100000);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	block = sn_block_file(fd);
	say(&rig.server, "<");
	sn_chain_add(sn_stream_out(rig.server.user.stream), block, 5, 99990);
	sn_stream_flush(rig.server.user.stream);
	say(&rig.server, ">");
	sn_block_unref(&block);
	sn_test_turn_until(rig.loop, rig.client.received == 99992);
	ck_assert(rig.client.got.p[0] == '<' && rig.client.got.p[99991] == '>');
	ck_assert(memcmp(rig.client.got.p + 1, data + 5, 99990) == 0);
	sn_free(data);
}
END_TEST

/* A file that became shorter must not look like a whole answer. */
START_TEST(test_short_file)
{
	char path[256];
	struct sn_block *block;
	int fd;

	snprintf(path, sizeof(path), "%s/file", rig.dir.path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "1234", 4), 4);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	block = sn_block_file(fd);
	sn_chain_add(sn_stream_out(rig.server.user.stream), block, 0, 10);
	sn_stream_flush(rig.server.user.stream);
	sn_block_unref(&block);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(rig.server.code, -EIO);
	ck_assert_int_lt(rig.client.code, 0);
}
END_TEST

/* --- the end -------------------------------------------------------------------------------- */

/* close_notify ends one direction: the other goes on. */
START_TEST(test_half_close)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	rig.server.stay_at_eof = true;
	tls_rig_settle(&rig);
	say(&rig.client, "question");
	sn_stream_close(rig.client.user.stream);
	sn_test_turn_until(rig.loop, rig.server.eofs == 1);
	ck_assert_str_view(sn_strbuf_str(&rig.server.got), "question");
	ck_assert_uint_eq(rig.server.ends, 0);
	say(&rig.server, "answer nobody reads");
	sn_stream_close(rig.server.user.stream);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(rig.server.code, SN_CLOSE);
	ck_assert_int_eq(rig.client.code, SN_CLOSE);
}
END_TEST

/* The socket's end without close_notify may be an attacker's: it is told apart, after the data. */
START_TEST(test_truncated_by_eof)
{
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	say(&rig.client, "last words");
	sn_test_turn_until(rig.loop, rig.server.received == 10);
	sn_stream_close(rig.client.user.stream->lower);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(rig.server.code, SN_EEOF);
	ck_assert_uint_eq(rig.server.eofs, 0);
	ck_assert_str_eq(rig.server.error, "peer closed without close_notify");
}
END_TEST

START_TEST(test_close_before_ready)
{
	tls_rig_connect(&rig, 1 << 20, "example.org");
	sn_stream_close(rig.client.user.stream);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_uint_eq(rig.client.ready, 0);
	ck_assert_uint_eq(rig.client.ends, 1);
	ck_assert_int_lt(rig.server.code, 0);
}
END_TEST

START_TEST(test_abort)
{
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	sn_stream_abort(rig.server.user.stream, SN_ECANCELED);
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(rig.server.code, SN_ECANCELED);
	ck_assert_int_lt(rig.client.code, 0);
}
END_TEST

/* --- STARTTLS ------------------------------------------------------------------------------- */

static struct sn_stream *top_after_push;
static int push_code;

static void on_starttls(struct sn_stream_user *user)
{
	sn_stream_consume(user->stream, sizeof("STARTTLS\r\n") - 1);
	push_code = sn_stream_push_tls(user->stream, rig.server_context, NULL, &top_after_push);
	if (push_code != SN_OK)
		sn_stream_abort(user->stream, push_code);
}

static void count_end(struct sn_stream_user *user, int code)
{
	struct tls_end *end = sn_container_of(user, struct tls_end, user);

	end->ends++;
	end->code = code;
}

static void count_free(struct sn_stream_user *user)
{
	sn_container_of(user, struct tls_end, user)->frees++;
}

static const struct sn_stream_events plain_server = {
	.on_input = on_starttls,
	.on_end = count_end,
	.on_free = count_free,
};
static const struct sn_stream_events plain_client = {
	.on_input = on_starttls,
	.on_end = count_end,
	.on_free = count_free,
};

static void start_plain(const char *text)
{
	struct sn_stream *server, *client;

	tls_rig_make_contexts(&rig);
	sn_stream_mem_pair(rig.loop, 1 << 20, &server, &client);
	rig.server.frees = rig.client.frees = 0;
	rig.server.user.events = &plain_server;
	rig.client.user.events = &plain_client;
	sn_stream_set_user(server, &rig.server.user);
	sn_stream_set_user(client, &rig.client.user);
	sn_stream_write(client, sn_str(text));
	push_code = -1;
}

START_TEST(test_starttls_refuses_leftover)
{
	start_plain("STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n");
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(push_code, SN_EPLAINTEXT);
	ck_assert_int_eq(rig.server.code, SN_EPLAINTEXT);
}
END_TEST

START_TEST(test_starttls_takes_over)
{
	start_plain("STARTTLS\r\n");
	sn_test_turn_until(rig.loop, push_code == SN_OK);
	ck_assert_ptr_eq(rig.server.user.stream, top_after_push);
	ck_assert_ptr_nonnull(top_after_push->lower);
}
END_TEST

/* --- not TLS -------------------------------------------------------------------------------- */

static const struct {
	const char *bytes;
	size_t n;
	const char *error;
} strangers[] = {
	{ "NICK alice\r\nUSER a 0 * :aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaa\r\n",
		100, "peer sent plain text, not TLS (first bytes: \"NICK alice\\r\\n\")" },
	{ "GET / HTTP/1.1\r\n\r\n", 18,
		"peer sent plain text, not TLS (first bytes: \"GET / HTTP/1\")" },
	{ "x", 1, "peer sent plain text, not TLS (first bytes: \"x\")" },
	{ "\x80\x2e\x01\x03\x01", 5,
		"peer sent something else than TLS (first bytes: \"\\x80.\\x01\\x03\\x01\")" },
};

START_TEST(test_stranger)
{
	struct sn_stream *server, *client, *top;

	tls_rig_make_contexts(&rig);
	sn_stream_mem_pair(rig.loop, 1 << 20, &server, &client);
	rig.server.frees = rig.client.frees = 0;
	ck_assert_int_eq(sn_stream_push_tls(server, rig.server_context, NULL, &top), SN_OK);
	sn_stream_set_user(top, &rig.server.user);
	rig.client.user.events = &plain_client;
	sn_stream_set_user(client, &rig.client.user);
	sn_stream_write(client, sn_str_n(strangers[_i].bytes, strangers[_i].n));
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server) && tls_end_over(&rig.client));
	ck_assert_int_eq(rig.server.code, SN_EPLAINTEXT);
	ck_assert_str_eq(rig.server.error, strangers[_i].error);
	ck_assert_uint_eq(rig.server.ready, 0);
}
END_TEST

/* --- through a relay that tampers ------------------------------------------------------------- */

/* Carries bytes between two pairs, and at most `left` of them. */
struct relay_end {
	struct sn_stream_user user;
	struct relay_end *other;
	size_t *left;
	bool flip; /* change the byte at which nothing would be left, and go on */
	unsigned ended;
	bool freed;
};

static void relay_input(struct sn_stream_user *user)
{
	struct relay_end *end = sn_container_of(user, struct relay_end, user);
	struct sn_str in = sn_stream_input(user->stream);
	char copy[65536];

	memcpy(copy, in.p, in.n);
	sn_stream_consume(user->stream, in.n);
	if (in.n > *end->left && end->flip) {
		copy[*end->left] ^= 0x20;
		end->flip = false;
		*end->left = SIZE_MAX;
	}
	if (in.n > *end->left)
		in.n = *end->left;
	if (*end->left != SIZE_MAX)
		*end->left -= in.n;
	if (end->other->user.stream != NULL)
		sn_stream_write(end->other->user.stream, sn_str_n(copy, in.n));
	if (*end->left > 0)
		return;
	sn_stream_close(user->stream);
	if (end->other->user.stream != NULL)
		sn_stream_close(end->other->user.stream);
}

static void relay_end(struct sn_stream_user *user, int code)
{
	struct relay_end *end = sn_container_of(user, struct relay_end, user);

	(void)code;
	if (end->ended++ == 0 && end->other->user.stream != NULL)
		sn_stream_close(end->other->user.stream);
}

static void relay_free(struct sn_stream_user *user)
{
	sn_container_of(user, struct relay_end, user)->freed = true;
}

static const struct sn_stream_events relay_events = {
	.on_input = relay_input,
	.on_end = relay_end,
	.on_free = relay_free,
};

/* Talk through a relay until all is over; how many bytes went through. */
static size_t talk_through_relay(size_t limit, bool flip)
{
	size_t left = limit;
	struct relay_end near = {
		.user = { .events = &relay_events }, .left = &left, .flip = flip
	};
	struct relay_end far = near;
	struct sn_stream *server, *client, *to_server, *to_client;

	tls_rig_make_contexts(&rig);
	tls_end_init(&rig.server);
	tls_end_init(&rig.client);
	near.other = &far;
	far.other = &near;
	sn_stream_mem_pair(rig.loop, 1 << 20, &server, &to_server);
	sn_stream_mem_pair(rig.loop, 1 << 20, &client, &to_client);
	sn_stream_set_user(to_server, &far.user);
	sn_stream_set_user(to_client, &near.user);
	tls_rig_join(&rig, server, client, "example.org");
	say(&rig.client, "hello");
	/* A length that grew on the way makes the server wait for more: memory pairs are quiet
	 * then. */
	for (int i = 0; i < 100 && rig.server.received < 5 && !tls_end_over(&rig.server); i++)
		sn_loop_turn(rig.loop, 0);
	if (!tls_end_over(&rig.client))
		sn_stream_close(rig.client.user.stream);
	sn_test_turn_until(rig.loop,
		tls_end_over(&rig.server) && tls_end_over(&rig.client) && near.freed && far.freed);
	return limit - left;
}

/* Every flight, cut at many places: an error for the server, never a hang and never a ready one
 * with data. */
START_TEST(test_truncated_anywhere)
{
	size_t whole;

	rig.server_options.versions = versions[_i].versions;
	whole = talk_through_relay(SIZE_MAX / 2, false);
	ck_assert_str_view(sn_strbuf_str(&rig.server.got), "hello");
	ck_assert_uint_gt(whole, 700);
	for (size_t n = 1; n + 60 < whole; n += n % 3 == 0 ? 1 : 13) {
		talk_through_relay(n, false);
		ck_assert_uint_eq(rig.server.ends, 1);
		ck_assert_uint_eq(rig.client.ends, 1);
		if (rig.server.received == 0)
			ck_assert_msg(rig.server.code < 0, "cut at %zu: %d", n, rig.server.code);
	}
}
END_TEST

/* One changed bit anywhere ends the connection or changes nothing that was said. */
START_TEST(test_flipped_anywhere)
{
	rig.server_options.versions = versions[_i].versions;
	for (size_t n = 0; n < 1200; n += 17) {
		talk_through_relay(n, true);
		ck_assert_uint_eq(rig.server.ends, 1);
		ck_assert_uint_eq(rig.client.ends, 1);
		if (rig.server.received != 0)
			ck_assert_str_view(sn_strbuf_str(&rig.server.got), "hello");
	}
}
END_TEST

/* --- who is there --------------------------------------------------------------------------- */

static const struct {
	const char *host;
	int code;
} hosts[] = {
	{ "example.org", SN_OK },
	{ "EXAMPLE.ORG", SN_OK },
	{ "example.org.", SN_OK },
	{ "127.0.0.1", SN_OK },
	{ "::1", SN_OK },
	{ "example.net", SN_ECERT },
	{ "www.example.org", SN_ECERT },
	{ "127.0.0.2", SN_ECERT },
};

START_TEST(test_host)
{
	tls_rig_connect(&rig, 1 << 20, hosts[_i].host);
	tls_rig_settle(&rig);
	if (hosts[_i].code == SN_OK) {
		ck_assert_uint_eq(rig.client.ready, 1);
		return;
	}
	ck_assert_int_eq(rig.client.code, hosts[_i].code);
	ck_assert_ptr_nonnull(strstr(rig.client.error, "mismatch"));
	sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
	ck_assert_int_eq(rig.server.code, SN_ETLS);
	ck_assert_ptr_nonnull(strstr(rig.server.error, "peer refused: "));
}
END_TEST

START_TEST(test_host_empty)
{
	struct sn_stream *server, *client, *top;

	tls_rig_make_contexts(&rig);
	sn_stream_mem_pair(rig.loop, 10, &server, &client);
	ck_assert_int_eq(sn_stream_push_tls(client, rig.client_context, ".", &top), SN_ESYNTAX);
	sn_stream_abort(server, SN_ECANCELED);
	sn_stream_abort(client, SN_ECANCELED);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(rig.loop, 0);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *sn_suite_stream_tls(void);

Suite *sn_suite_stream_tls(void)
{
	Suite *suite = suite_create("stream_tls");
	TCase *tc = tcase_create("stream_tls");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_talk, 0, 2 * COUNT(capacities));
	tcase_add_test(tc, test_write_early);
	tcase_add_test(tc, test_gathers_small_writes);
	tcase_add_loop_test(tc, test_much_both_ways, 0, 2);
	tcase_add_test(tc, test_backpressure);
	tcase_add_test(tc, test_file_range);
	tcase_add_test(tc, test_short_file);
	tcase_add_test(tc, test_half_close);
	tcase_add_test(tc, test_truncated_by_eof);
	tcase_add_test(tc, test_close_before_ready);
	tcase_add_test(tc, test_abort);
	tcase_add_test(tc, test_starttls_refuses_leftover);
	tcase_add_test(tc, test_starttls_takes_over);
	tcase_add_loop_test(tc, test_stranger, 0, COUNT(strangers));
	tcase_add_loop_test(tc, test_truncated_anywhere, 0, COUNT(versions));
	tcase_add_loop_test(tc, test_flipped_anywhere, 0, COUNT(versions));
	tcase_add_loop_test(tc, test_host, 0, COUNT(hosts));
	tcase_add_test(tc, test_host_empty);
	suite_add_tcase(suite, tc);
	return suite;
}
