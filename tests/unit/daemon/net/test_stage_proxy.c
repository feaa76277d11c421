#include "daemon/net/proxy_protocol.h"

#include <errno.h>
#include <unistd.h>

#include "tests/unit/daemon/net/listener_rig.h"

static struct rig rig;
static struct sn_conn_caps caps;

static void setup(void)
{
	rig_init(&rig, false);
	sn_conn_caps_init(&caps, 0, 1);
	rig.options.caps = &caps;
	rig_plan(&rig, "haproxy:tcp:0:127.0.0.1");
	rig_start(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
	sn_conn_caps_fini(&caps);
}

static void send_text(int fd, const char *p, size_t n)
{
	ck_assert_int_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void check_address(const struct sn_addr *addr, const char *want)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format(addr, &out);
	ck_assert_str_eq(text, want);
}

static const char v1[] = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n";
static const char v1_mapped[] = "PROXY TCP6 ::ffff:203.0.113.9 ::ffff:198.51.100.1 4711 443\r\n";
static const char v2[] =
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01\x12\x67\x01\xbb";

static const struct {
	const char *text;
	size_t n;
} headers[] = {
	{ v1, sizeof(v1) - 1 },
	{ v1_mapped, sizeof(v1_mapped) - 1 },
	{ v2, sizeof(v2) - 1 },
};

static int send_header(size_t row, bool by_byte)
{
	int fd = rig_connect(&rig, "127.0.0.1");

	for (size_t i = 0; i < headers[row].n; i += by_byte ? 1 : headers[row].n) {
		send_text(fd, headers[row].text + i, by_byte ? 1 : headers[row].n);
		turn_some(rig.loop, by_byte ? 2 : 0);
	}
	return fd;
}

START_TEST(header_names_the_peer)
{
	int fd = send_header((size_t)_i / 2, _i % 2);

	send_text(fd, "hello", 5);
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].got.n == 5);
	check_address(&rig.conns[0]->incoming.peer, "203.0.113.9:4711");
	check_address(&rig.conns[0]->incoming.local, "198.51.100.1:443");
	ck_assert_str_view(sn_strbuf_str(&rig.probes[0].got), "hello");
	close(fd);
}
END_TEST

START_TEST(bytes_behind_the_header_in_one_segment)
{
	int fd = rig_connect(&rig, "127.0.0.1");

	send_text(fd, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nhello", 37);
	TURN_UNTIL(rig.loop, rig.opened == 1 && rig.probes[0].got.n == 5);
	ck_assert_str_view(sn_strbuf_str(&rig.probes[0].got), "hello");
	close(fd);
}
END_TEST

START_TEST(health_check_keeps_the_sockets_addresses)
{
	int fd = rig_connect(&rig, "127.0.0.7");

	send_text(fd, "PROXY UNKNOWN\r\n", 15);
	TURN_UNTIL(rig.loop, rig.opened == 1);
	ck_assert(sn_addr_is_loopback(&rig.conns[0]->incoming.peer));
	close(fd);
}
END_TEST

/* All connections come from the proxy; the cap of 1 is for those behind it. */
START_TEST(the_cap_counts_who_is_behind_the_proxy)
{
	int first = rig_connect(&rig, "127.0.0.1"), other = rig_connect(&rig, "127.0.0.1");
	int again = rig_connect(&rig, "127.0.0.1");

	send_text(first, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", 32);
	TURN_UNTIL(rig.loop, rig.opened == 1);
	send_text(other, "PROXY TCP4 4.3.2.1 5.6.7.8 1 2\r\n", 32);
	TURN_UNTIL(rig.loop, rig.opened == 2);
	send_text(again, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", 32);
	ck_assert(rig_is_closed(&rig, again));
	ck_assert_uint_eq(rig.opened, 2);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_REFUSED_ADDRESS), 1);
	close(first);
	close(other);
	close(again);
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const wrong[] = { "GET / HTTP/1.0\r\n", "\x16\x03\x01",
		"PROXY TCP4 1.2.3.4\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n" };
	int fd = rig_connect(&rig, "127.0.0.1");

	send_text(fd, wrong[_i], strlen(wrong[_i]));
	ck_assert(rig_is_closed(&rig, fd));
	ck_assert_uint_eq(rig.opened, 0);
	ck_assert_uint_eq(rig_metric(&rig, SN_LISTENER_STAGE_FAILED), 1);
	close(fd);
}
END_TEST

Suite *sn_suite_stage_proxy(void);
Suite *sn_suite_stage_proxy(void)
{
	Suite *suite = suite_create("net/stage_proxy");
	TCase *tc = tcase_create("proxy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, header_names_the_peer, 0, 6);
	tcase_add_test(tc, bytes_behind_the_header_in_one_segment);
	tcase_add_test(tc, health_check_keeps_the_sockets_addresses);
	tcase_add_test(tc, the_cap_counts_who_is_behind_the_proxy);
	tcase_add_loop_test(tc, anything_else_is_refused, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
