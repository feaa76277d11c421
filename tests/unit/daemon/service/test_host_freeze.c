#include "daemon/service/freeze.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/wire.h"
#include "tests/unit/daemon/service/fixture.h"

#define TAP "[service.tap]\nlisten = \"tcp:0:interface=127.0.0.1\"\n"

static int join(void)
{
	const unsigned opened = tap.opened;
	const int fd = dial(&listener_of("tap")->sock.local, SOCK_STREAM);

	for (int i = 0; i < 1000 && tap.opened == opened; i++)
		sn_loop_turn(loop, SN_MS(1));
	ck_assert_uint_eq(tap.opened, opened + 1);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

static const char *hear(int fd)
{
	static char text[65536];
	ssize_t n;

	turn();
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return n == 0 ? "(end)" : text;
}

static struct sn_frozen *freeze(void)
{
	struct sn_frozen *frozen = NULL;

	ck_assert_int_eq(sn_host_freeze(host, SN_STR("tap"), &frozen), SN_OK);
	return frozen;
}

/* The old host ends; the state goes on in a new one. */
static void move(const char *toml)
{
	struct sn_frozen *frozen = freeze();
	struct sn_diag diag = { 0 };

	turn();
	host_down();
	host_up(toml);
	ck_assert_msg(sn_host_thaw(host, SN_STR("tap"), frozen, &diag) == SN_OK, "%s", diag.text);
	sn_frozen_free(&frozen);
}

START_TEST(a_connection_goes_on_elsewhere)
{
	uint64_t id;
	int fd;

	host_up(TAP);
	fd = join();
	say(fd, "one\ntw");
	id = tap.last->conn.id;
	(void)tap_read();
	move(TAP);
	ck_assert_str_eq(tap_read(),
		"freeze conn; freeze; end ECANCELED; stop tap; start tap; "
		"thaw 1; thaw conn 1");
	ck_assert_uint_eq(tap.last->conn.id, id);
	turn();
	say(fd, "o\nclose\n");
	ck_assert_str_eq(tap_read(), "hear two; hear close");
	ck_assert_str_eq(hear(fd), "bye");
	ck_assert_str_eq(hear(fd), "(end)");
	close(fd);
	turn();
	ck_assert_str_eq(tap_read(), "end CLOSE");
}
END_TEST

/* Lines of the tap's shouting, whole and in order; one check for all, as a check costs a write to
 * Check's pipe. */
static size_t count_lines(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && text[i] == (i % 100 == 99 ? '\n' : i % 100 == 98 ? 'x' : ' '))
		i++;
	return i / 100;
}

START_TEST(what_is_unsent_goes_along)
{
	static char text[1 << 20];
	const int small = 4096;
	size_t got = 0;
	ssize_t n;
	int fd;

	host_up(TAP);
	fd = join();
	ck_assert_int_eq(setsockopt(tap.last->conn.incoming.socket.wfd, SOL_SOCKET, SO_SNDBUF,
				 &small, sizeof(small)),
		0);
	say(fd, "shout 9000\n"); /* 900 kB: the kernel takes a part */
	move(TAP);
	ck_assert_uint_gt(sn_stream_queued(tap.last->conn.user.stream), 0);
	while (got < 900000) {
		sn_loop_turn(loop, SN_MS(1));
		n = recv(fd, text + got, sizeof(text) - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
	}
	ck_assert_uint_eq(got, 900000);
	ck_assert_uint_eq(count_lines(text, got), 9000);
	turn();
	ck_assert_ptr_nonnull(strstr(tap_read(), "drained")); /* it was congested there */
	say(fd, "close\n");
	ck_assert_str_eq(hear(fd), "bye");
	close(fd);
}
END_TEST

START_TEST(a_paused_one_stays_paused)
{
	int fd;

	host_up(TAP);
	fd = join();
	say(fd, "wait\nmore\n");
	move(TAP);
	(void)tap_read();
	say(fd, "and more\n");
	ck_assert_str_eq(tap_read(), "");
	sn_conn_resume(&tap.last->conn);
	turn();
	ck_assert_str_eq(tap_read(), "hear more; hear and more");
	close(fd);
}
END_TEST

START_TEST(an_end_not_heard_yet_is_heard_there)
{
	int fd;

	host_up(TAP);
	fd = join();
	say(fd, "wait\n");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	turn();
	move(TAP);
	(void)tap_read();
	sn_conn_resume(&tap.last->conn);
	turn();
	ck_assert_str_eq(tap_read(), "eof, unread 0; end CLOSE");
	close(fd);
}
END_TEST

START_TEST(deadlines_and_limits_go_on)
{
	int fd;

	host_up(TAP "idle_timeout = \"10s\"\nmax_per_address = 1\n");
	fd = join();
	pass(SN_SEC(6));
	move(TAP "idle_timeout = \"10s\"\nmax_per_address = 1\n");
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->caps.total, 1);
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->caps.by_address.count, 1);
	(void)tap_read();
	pass(SN_SEC(3));
	ck_assert_str_eq(tap_read(), "");
	pass(SN_SEC(2));
	ck_assert_str_eq(tap_read(), "end ETIMEOUT");
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->caps.total, 0);
	close(fd);
}
END_TEST

START_TEST(those_that_cannot_move_are_told)
{
	struct sn_frozen *frozen;
	struct client client; /* a memory stream */
	int fd;

	host_up(TAP);
	client_open(&client, "tap", 1024);
	fd = join();
	say(fd, "stay"); /* the module says no */
	(void)tap_read();
	frozen = freeze();
	ck_assert_uint_eq(frozen->socket_count, 0);
	ck_assert_uint_eq(frozen->closed, 2);
	turn();
	ck_assert_str_eq(client_got(&client), "Server is being updated: please reconnect");
	ck_assert_str_eq(hear(fd), "Server is being updated: please reconnect");
	close(fd);
	turn();
	ck_assert_ptr_null(sn_host_find(host, SN_STR("tap")));
	sn_frozen_free(&frozen);
	client_fini(&client);
}
END_TEST

START_TEST(nobody_comes_in_meanwhile)
{
	struct sn_frozen *frozen;
	struct sn_addr addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	host_up(TAP);
	addr = listener_of("tap")->sock.local;
	frozen = freeze();
	ck_assert_int_eq(connect(fd, &addr.sa, addr.len), -1);
	sn_frozen_free(&frozen);
	close(fd);
}
END_TEST

START_TEST(services_that_cannot)
{
	struct sn_frozen *frozen = NULL;

	host_up("[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	ck_assert_int_eq(sn_host_freeze(host, SN_STR("echo"), &frozen), SN_EUNSUPPORTED);
	ck_assert_int_eq(sn_host_freeze(host, SN_STR("x"), &frozen), SN_ENOTFOUND);
	ck_assert_ptr_null(frozen);
	ck_assert_ptr_nonnull(sn_host_find(host, SN_STR("echo")));
}
END_TEST

/* --- states that are not to be trusted ------------------------------------------------------ */

static void head(struct sn_strbuf *out, uint32_t format, const char *module, uint32_t version)
{
	sn_pack_u32(out, format);
	sn_pack_str8(out, sn_str(module));
	sn_pack_u32(out, version);
}

static const struct {
	uint32_t format;
	const char *module;
	uint32_t version;
	int code;
	const char *said;
} heads[] = {
	{ SN_FREEZE_FORMAT + 1, "tap", TAP_FREEZE_VERSION, SN_EVERSION, "has format" },
	{ SN_FREEZE_FORMAT, "irc", TAP_FREEZE_VERSION, SN_EVERSION, "of a module irc" },
	{ SN_FREEZE_FORMAT, "tap", TAP_FREEZE_VERSION + 1, SN_EVERSION, "version 4" },
};

START_TEST(other_versions_are_refused)
{
	struct sn_frozen *frozen = sn_frozen_new();
	struct sn_diag diag = { 0 };

	host_up(TAP);
	head(&frozen->state, heads[_i].format, heads[_i].module, heads[_i].version);
	sn_pack_str32(&frozen->state, SN_STR("\0\0\0\0"));
	ck_assert_int_eq(sn_host_thaw(host, SN_STR("tap"), frozen, &diag), heads[_i].code);
	ck_assert_msg(strstr(diag.text, heads[_i].said) != NULL, "%s", diag.text);
	sn_frozen_free(&frozen);
	ck_assert_ptr_nonnull(sn_host_find(host, SN_STR("tap"))); /* it starts empty */
}
END_TEST

/* At whatever byte the state ends: refused, or without that connection; nothing leaks. */
START_TEST(cut_short_anywhere)
{
	struct sn_frozen *whole;
	size_t n;
	int fd;

	host_up(TAP);
	fd = join();
	say(fd, "one\ntw");
	whole = freeze();
	turn();
	n = whole->state.n;
	host_down();
	host_up(TAP);
	for (size_t cut = 0; cut < n; cut++) {
		struct sn_frozen *frozen = sn_frozen_new();
		struct sn_diag diag = { 0 };

		sn_strbuf_add(&frozen->state, sn_str_n(whole->state.p, cut));
		sn_frozen_add_socket(frozen, fcntl(whole->sockets[0], F_DUPFD_CLOEXEC, 0));
		if (sn_host_thaw(host, SN_STR("tap"), frozen, &diag) != SN_OK)
			ck_assert_str_ne(diag.text, "");
		sn_frozen_free(&frozen);
		turn();
		ck_assert(sn_list_empty(&sn_host_find(host, SN_STR("tap"))->conns));
	}
	sn_frozen_free(&whole);
	close(fd);
}
END_TEST

START_TEST(one_the_module_does_not_want)
{
	int fd, other;

	host_up(TAP);
	fd = join();
	other = join();
	tap.refuses = true;
	move(TAP);
	turn();
	ck_assert_str_eq(hear(fd), "(end)");
	ck_assert_str_eq(hear(other), "(end)");
	ck_assert(sn_list_empty(&sn_host_find(host, SN_STR("tap"))->conns));
	close(fd);
	close(other);
}
END_TEST

START_TEST(many_move_at_once)
{
	enum { MANY = 300 };
	int fds[MANY];

	host_up(TAP "max_per_address = 0\n");
	for (int i = 0; i < MANY; i++)
		fds[i] = join();
	move(TAP "max_per_address = 0\n");
	ck_assert_uint_eq(sn_host_find(host, SN_STR("tap"))->caps.total, MANY);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(send(fds[i], "close\n", 6, 0), 6);
	for (int i = 0; i < MANY; i++) {
		ck_assert_str_eq(hear(fds[i]), "bye");
		close(fds[i]);
	}
}
END_TEST

Suite *sn_suite_host_freeze(void);
Suite *sn_suite_host_freeze(void)
{
	Suite *suite = suite_create("service/host_freeze");
	TCase *tc = tcase_create("host_freeze");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, a_connection_goes_on_elsewhere);
	tcase_add_test(tc, what_is_unsent_goes_along);
	tcase_add_test(tc, a_paused_one_stays_paused);
	tcase_add_test(tc, an_end_not_heard_yet_is_heard_there);
	tcase_add_test(tc, deadlines_and_limits_go_on);
	tcase_add_test(tc, those_that_cannot_move_are_told);
	tcase_add_test(tc, nobody_comes_in_meanwhile);
	tcase_add_test(tc, services_that_cannot);
	tcase_add_loop_test(
		tc, other_versions_are_refused, 0, (int)(sizeof(heads) / sizeof(heads[0])));
	tcase_add_test(tc, cut_short_anywhere);
	tcase_add_test(tc, one_the_module_does_not_want);
	tcase_add_test(tc, many_move_at_once);
	suite_add_tcase(suite, tc);
	return suite;
}
