#include "tests/unit/protocols/irc/irc_fixture.h"

#include <fnmatch.h>

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/service/freeze.h"
#include "daemon/service/service_listener.h"
#include "protocols/irc/irc_service.h"

#define PEERS_MAX 128
#define CAPACITY (64 << 10)

struct sn_loop *irc_loop;
static struct sn_loop *server_loop; /* the same until the server moves */
bool irc_over_sockets;
struct sn_fake_clock irc_clock;
struct sn_host *irc_host;
struct sn_instance *irc_instance;

static struct irc_peer peers[PEERS_MAX];
static size_t peer_count;
static struct sn_host_stop stop;
static bool stopped;

/* --- the server ----------------------------------------------------------------------------- */

static const char *const defaults[] = {
	"server_name = \"" IRC_SERVER "\"\n",
	"network = \"Knots\"\n",
	"flood_burst = 1000000\n",
	"flood_rate = 1000000\n",
	"listen = [\"tcp:0:interface=127.0.0.1\"]\n",
};

/* A path of this process's own. */
static void add_unix_listener(struct sn_strbuf *out)
{
	sn_strbuf_addf(out, "listen = [\"unix:/tmp/sennit-irc-%d\"]\n", (int)getpid());
}

/* What the test says about the same key goes before. */
static void add_defaults(struct sn_strbuf *out, const char *keys)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		const struct sn_str line = sn_str(defaults[i]);
		const struct sn_str key = sn_str_sub(line, 0, sn_str_find(line, ' '));

		if (sn_str_find_str(sn_str(keys), key) < strlen(keys))
			continue;
		if (irc_over_sockets && sn_str_eq(key, SN_STR("listen")))
			add_unix_listener(out);
		else
			sn_strbuf_add(out, line);
	}
}

static struct sn_conf *load(const char *keys)
{
	struct sn_strbuf text;
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;

	sn_strbuf_init(&text, 1 << 16);
	sn_strbuf_adds(&text, "[server]\noffload_threads = 1\n[service.irc]\n");
	add_defaults(&text, keys);
	sn_strbuf_adds(&text, keys);
	sn_conf_diags_init(&diags);
	ck_assert_int_eq(sn_conf_load(&(struct sn_conf_request){ .schema = sn_registry_schema(),
					      .text = sn_strbuf_str(&text) },
				 &diags, &conf),
		SN_OK);
	sn_conf_diags_fini(&diags);
	sn_strbuf_fini(&text);
	return conf;
}

static void start(const char *keys)
{
	struct sn_conf *conf = load(keys);
	struct sn_conf_diags diags;

	sn_conf_diags_init(&diags);
	ck_assert_int_eq(sn_host_new(&(struct sn_host_options){ .loop = server_loop, .conf = conf },
				 &irc_host),
		SN_OK);
	ck_assert_int_eq(sn_host_start(irc_host, &diags), SN_OK);
	irc_instance = sn_host_find(irc_host, SN_STR("irc"));
	sn_conf_diags_fini(&diags);
	sn_conf_unref(&conf);
}

void irc_setup(void)
{
	const struct sn_loop_options options = { .clock = &irc_clock.clock };
	struct sn_diag diag;

	sn_endpoints_init();
	sn_net_init();
	sn_checkers_init();
	if (sn_registry_find(SN_STR("irc")) == NULL)
		ck_assert_int_eq(sn_registry_add(&sn_irc_service, &diag), SN_OK);
	sn_fake_clock_init(&irc_clock);
	irc_clock.wall_ns = SN_SEC(1790000000); /* 2026-09-21 */
	ck_assert_int_eq(sn_log_set_level("", SN_LOG_CRITICAL), SN_OK);
	ck_assert_int_eq(sn_loop_new(&options, &irc_loop), SN_OK);
	server_loop = irc_loop;
	irc_over_sockets = false;
	irc_move_version = 0;
	start("");
}

static void on_stopped(struct sn_host_stop *unused)
{
	(void)unused;
	stopped = true;
}

void irc_stop(void)
{
	stop.on_stopped = on_stopped;
	sn_host_stop(irc_host, SN_STR("Server is shutting down"), &stop);
	irc_settle();
}

static void finish_host(void)
{
	if (stop.on_stopped == NULL)
		irc_stop();
	while (!stopped)
		irc_advance(SN_MS(100));
	sn_host_free(&irc_host);
	stopped = false;
	stop.on_stopped = NULL;
}

static void leave_loop(void)
{
	if (server_loop != irc_loop) {
		sn_loop_turn(server_loop, 0);
		sn_loop_free(&server_loop);
	}
	server_loop = irc_loop;
}

static void finish(void)
{
	finish_host();
	leave_loop();
	for (size_t i = 0; i < peer_count; i++) {
		if (peers[i].stream != NULL)
			sn_stream_abort(peers[i].stream, SN_CLOSE);
	}
	irc_settle();
	for (size_t i = 0; i < peer_count; i++)
		sn_strbuf_fini(&peers[i].text);
	peer_count = 0;
}

int irc_reload(const char *keys)
{
	struct sn_conf *conf = load(keys);
	struct sn_host_change *change;
	struct sn_conf_diags diags;
	int code;

	sn_conf_diags_init(&diags);
	code = sn_host_prepare(irc_host, conf, NULL, &diags, &change);
	if (code == SN_OK)
		sn_host_commit(&change);
	irc_settle();
	irc_instance = sn_host_find(irc_host, SN_STR("irc"));
	sn_conf_diags_fini(&diags);
	sn_conf_unref(&conf);
	return code;
}

uint32_t irc_move_version;

/* Behind format and the module's name. */
static void forge_version(struct sn_frozen *frozen)
{
	char *at = frozen->state.p + 4 + 1 + strlen("irc");

	if (irc_move_version != 0)
		memcpy(at, (char[4]){ 0, 0, 0, (char)irc_move_version }, 4);
}

void irc_move(const char *keys)
{
	const struct sn_loop_options options = { .clock = &irc_clock.clock };
	struct sn_frozen *frozen;
	struct sn_diag diag = { 0 };
	int code;

	ck_assert_int_eq(sn_host_freeze(irc_host, SN_STR("irc"), &frozen), SN_OK);
	irc_settle();
	finish_host();
	leave_loop();
	ck_assert_int_eq(sn_loop_new(&options, &server_loop), SN_OK);
	start(keys);
	forge_version(frozen);
	code = sn_host_thaw(irc_host, SN_STR("irc"), frozen, &diag);
	ck_assert_msg(code == (irc_move_version != 0 ? SN_EVERSION : SN_OK), "%s", diag.text);
	sn_frozen_free(&frozen);
	irc_settle();
}

void irc_teardown(void)
{
	finish();
	sn_loop_free(&irc_loop);
}

void irc_restart(const char *keys)
{
	finish();
	start(keys);
}

Suite *irc_suite(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, irc_setup, irc_teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

struct sn_irc_server *irc_server(void)
{
	return sn_container_of(irc_instance, struct sn_irc_server, instance);
}

uint64_t irc_metric(enum sn_irc_metric metric)
{
	return sn_metric_get(&irc_instance->metrics, metric);
}

/* What is in a socket is not due, but comes in the next turn: there, and back, and its end. */
#define QUIET_TURNS 6

void irc_settle(void)
{
	const int enough = irc_over_sockets ? QUIET_TURNS : 1;

	for (int quiet = 0; quiet < enough;) {
		sn_loop_turn(irc_loop, 0);
		if (server_loop != irc_loop)
			sn_loop_turn(server_loop, 0);
		quiet = sn_loop_timeout(irc_loop) == 0 || sn_loop_timeout(server_loop) == 0
			? 0
			: quiet + 1;
	}
}

void irc_advance(int64_t ns)
{
	sn_fake_clock_advance(&irc_clock, ns);
	irc_settle();
}

/* --- clients -------------------------------------------------------------------------------- */

static void on_input(struct sn_stream_user *user)
{
	struct irc_peer *peer = sn_container_of(user, struct irc_peer, user);
	const struct sn_str in = sn_stream_input(user->stream);

	sn_strbuf_add(&peer->text, in);
	sn_stream_consume(user->stream, in.n);
}

static void on_end(struct sn_stream_user *user, int code)
{
	(void)code;
	sn_container_of(user, struct irc_peer, user)->stream = NULL;
}

static const struct sn_stream_events events = { .on_input = on_input, .on_end = on_end };

static void dial(struct irc_peer *peer)
{
	const struct sn_addr *local = &irc_instance->listeners[0]->listener.sock.local;
	const int fd = socket(local->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, &local->sa, local->len), 0);
	ck_assert_int_eq(sn_stream_fd_new(irc_loop, fd, fd, &peer->stream), SN_OK);
	sn_stream_set_user(peer->stream, &peer->user);
	sn_stream_ready(peer->stream);
	irc_settle();
}

struct irc_peer *irc_connect(void)
{
	struct irc_peer *peer = &peers[peer_count++];
	struct sn_stream *theirs;

	ck_assert_uint_le(peer_count, PEERS_MAX);
	*peer = (struct irc_peer){ .user.events = &events };
	sn_strbuf_init(&peer->text, 64 << 20);
	if (irc_over_sockets) {
		dial(peer);
		return peer;
	}
	sn_stream_mem_pair(irc_loop, CAPACITY, &peer->stream, &theirs);
	sn_stream_set_user(peer->stream, &peer->user);
	sn_listener_adopt(&irc_instance->listeners[0]->listener, theirs);
	irc_settle();
	return peer;
}

struct irc_peer *irc_user_with(const char *nick, const char *caps)
{
	struct irc_peer *peer = irc_connect();

	if (caps != NULL)
		irc_say(peer, "CAP REQ :%s", caps);
	irc_say(peer, "NICK %s", nick);
	irc_say(peer, "USER %s 0 * :The real %s", nick, nick);
	if (caps != NULL)
		irc_say(peer, "CAP END");
	irc_skip_to(peer, ":" IRC_SERVER " 422 *");
	irc_expect_nothing(peer);
	return peer;
}

struct irc_peer *irc_user(const char *nick)
{
	return irc_user_with(nick, NULL);
}

struct irc_peer *irc_member(const char *nick, const char *channel)
{
	struct irc_peer *peer = irc_user(nick);

	irc_say(peer, "JOIN %s", channel);
	irc_forget_all();
	return peer;
}

void irc_send(struct irc_peer *peer, struct sn_str bytes)
{
	ck_assert_msg(peer->stream != NULL, "the connection is over");
	sn_stream_write(peer->stream, bytes);
	irc_settle();
}

void irc_say(struct irc_peer *peer, const char *fmt, ...)
{
	struct sn_strbuf line;
	va_list args;

	sn_strbuf_init(&line, 1 << 20);
	va_start(args, fmt);
	sn_strbuf_addv(&line, fmt, args);
	va_end(args);
	sn_strbuf_adds(&line, "\r\n");
	irc_send(peer, sn_strbuf_str(&line));
	sn_strbuf_fini(&line);
}

struct sn_str irc_next(struct irc_peer *peer)
{
	const struct sn_str unread = sn_str_from(sn_strbuf_str(&peer->text), peer->read);
	const size_t n = sn_str_find_str(unread, SN_STR("\r\n"));

	if (unread.n == 0)
		return SN_STR_NULL;
	ck_assert_msg(n < unread.n, "half a line: %.*s", SN_STR_ARG(unread));
	peer->read += n + 2;
	return sn_str_sub(unread, 0, n);
}

static bool matches(struct sn_str line, const char *pattern)
{
	char *text = sn_str_dup(line);
	const bool result = fnmatch(pattern, text, FNM_NOESCAPE) == 0;

	sn_free(text);
	return result;
}

void irc_expect(struct irc_peer *peer, const char *pattern)
{
	const struct sn_str line = irc_next(peer);

	ck_assert_msg(line.p != NULL, "nothing came, expected \"%s\"", pattern);
	ck_assert_msg(matches(line, pattern), "\"%.*s\" came, expected \"%s\"", SN_STR_ARG(line),
		pattern);
}

struct sn_str irc_skip_to(struct irc_peer *peer, const char *pattern)
{
	struct sn_str line;

	do {
		line = irc_next(peer);
		ck_assert_msg(line.p != NULL, "\"%s\" never came in:\n%s", pattern,
			sn_strbuf_cstr(&peer->text));
	} while (!matches(line, pattern));
	return line;
}

void irc_expect_nothing(struct irc_peer *peer)
{
	const struct sn_str line = irc_next(peer);

	ck_assert_msg(line.p == NULL, "\"%.*s\" came, expected nothing", SN_STR_ARG(line));
}

void irc_expect_end(struct irc_peer *peer)
{
	irc_expect_nothing(peer);
	ck_assert_msg(peer->stream == NULL, "the connection is still open");
}

void irc_forget(struct irc_peer *peer)
{
	peer->read = peer->text.n;
}

void irc_forget_all(void)
{
	for (size_t i = 0; i < peer_count; i++)
		irc_forget(&peers[i]);
}

void irc_ask_all(struct irc_peer *peer, const char *line, const char *const *patterns)
{
	irc_say(peer, "%s", line);
	for (; *patterns != NULL; patterns++)
		irc_expect(peer, *patterns);
	irc_expect_nothing(peer);
}

void irc_hang_up(struct irc_peer *peer)
{
	sn_stream_close(peer->stream);
	irc_settle();
}

void irc_reset(struct irc_peer *peer)
{
	sn_stream_abort(peer->stream, SN_ECANCELED);
	irc_settle();
}
