#include "daemon/net/dgram.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

Suite *sn_suite_dgram(void);

struct server {
	struct sn_dgram d; /* first member */
	struct sn_loop *loop;
	struct sn_addr addr, last_peer, last_local;
	unsigned packets, truncated;
	size_t last_n;
	bool mute, also_send;
};

static size_t echo(struct sn_dgram *d, const struct sn_packet *packet, char *reply, size_t cap)
{
	struct server *s = sn_container_of(d, struct server, d);

	s->packets++;
	s->truncated += packet->truncated;
	s->last_n = packet->data.n;
	s->last_peer = *packet->peer;
	s->last_local = packet->local;
	if (s->also_send)
		ck_assert_int_eq(
			sn_dgram_send(d, packet->peer, &packet->local, SN_STR("extra")), SN_OK);
	if (s->mute || packet->data.n > cap)
		return 0;
	memcpy(reply, packet->data.p, packet->data.n);
	return packet->data.n;
}

static const struct sn_dgram_ops ops = { .on_packet = echo };

static int bound_socket(const char *ip, struct sn_addr *addr_r)
{
	int fd;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), 0, addr_r), SN_OK);
	fd = socket(addr_r->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &addr_r->sa, addr_r->len), 0);
	ck_assert_int_eq(getsockname(fd, &addr_r->sa, &addr_r->len), 0);
	return fd;
}

static void start(struct server *s, int fd, const struct sn_dgram_options *options)
{
	*s = (struct server){ 0 };
	ck_assert_int_eq(sn_loop_new(NULL, &s->loop), SN_OK);
	ck_assert_int_eq(sn_dgram_start(&s->d, s->loop, fd, options, &ops), SN_OK);
}

static void start_on(struct server *s, const char *ip, const struct sn_dgram_options *options)
{
	struct sn_addr addr;

	start(s, bound_socket(ip, &addr), options);
	s->addr = addr;
}

static void stop(struct server *s)
{
	sn_dgram_stop(&s->d);
	sn_loop_free(&s->loop);
}

/* A client socket connected to ip at the server's port: it hears of nobody else. */
static int client_of(const struct server *s, const char *ip)
{
	struct sn_addr addr;
	int fd;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), sn_addr_port(&s->addr), &addr), SN_OK);
	fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &addr.sa, addr.len), 0);
	return fd;
}

static ssize_t receive(struct server *s, int fd, char *text, size_t cap)
{
	ssize_t n = -1;

	sn_test_turn_until(s->loop, (n = recv(fd, text, cap - 1, MSG_DONTWAIT)) >= 0);
	text[n] = '\0';
	return n;
}

START_TEST(test_every_packet_is_answered_in_order)
{
	struct server s;
	char text[16], want[16];
	int fd;

	start_on(&s, "127.0.0.1", NULL);
	fd = client_of(&s, "127.0.0.1");
	for (int i = 0; i < 3 * SN_DGRAM_BATCH + 5; i++) {
		int n = snprintf(text, sizeof(text), "packet %d", i);

		ck_assert_int_eq(send(fd, text, (size_t)n, 0), n);
	}
	for (int i = 0; i < 3 * SN_DGRAM_BATCH + 5; i++) {
		snprintf(want, sizeof(want), "packet %d", i);
		receive(&s, fd, text, sizeof(text));
		ck_assert_str_eq(text, want);
	}
	ck_assert_uint_eq(s.d.received, 3 * SN_DGRAM_BATCH + 5);
	ck_assert_uint_eq(s.d.sent, 3 * SN_DGRAM_BATCH + 5);
	ck_assert_uint_eq(s.d.dropped, 0);
	close(fd);
	stop(&s);
}
END_TEST

static const struct {
	const char *bound, *asked;
} addresses[] = {
	{ "0.0.0.0", "127.0.0.1" },
	{ "0.0.0.0", "127.0.0.2" },
	{ "127.0.0.3", "127.0.0.3" },
	{ "::", "::1" },
	{ "::", "127.0.0.2" }, /* mapped */
	{ "::1", "::1" },
};

/* The client is connected to the address it asks: an answer from another one would not arrive. */
START_TEST(test_answer_leaves_from_the_address_asked)
{
	struct server s;
	char text[16];
	int fd;

	start_on(&s, addresses[_i].bound, NULL);
	fd = client_of(&s, addresses[_i].asked);
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
	receive(&s, fd, text, sizeof(text));
	ck_assert_str_eq(text, "hello");
	ck_assert_uint_ne(s.last_local.len, 0);
	ck_assert_uint_eq(sn_addr_port(&s.last_local), sn_addr_port(&s.addr));
	close(fd);
	stop(&s);
}
END_TEST

START_TEST(test_later_answer_leaves_from_the_address_asked)
{
	struct server s;
	char text[16];
	int fd;

	start_on(&s, "0.0.0.0", NULL);
	s.mute = true;
	fd = client_of(&s, "127.0.0.2");
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
	sn_test_turn_until(s.loop, s.packets == 1);
	ck_assert_int_eq(sn_dgram_send(&s.d, &s.last_peer, &s.last_local, SN_STR("later")), SN_OK);
	receive(&s, fd, text, sizeof(text));
	ck_assert_str_eq(text, "later");
	close(fd);
	stop(&s);
}
END_TEST

START_TEST(test_truncated_packet_is_marked)
{
	static const char big[64] = "0123456789";
	struct server s;
	int fd;

	start_on(&s, "127.0.0.1", &(struct sn_dgram_options){ .recv_size = 16, .reply_size = 16 });
	s.mute = true;
	fd = client_of(&s, "127.0.0.1");
	ck_assert_int_eq(send(fd, big, 16, 0), 16);
	sn_test_turn_until(s.loop, s.packets == 1);
	ck_assert_uint_eq(s.truncated, 0);
	ck_assert_uint_eq(s.last_n, 16);
	ck_assert_int_eq(send(fd, big, 17, 0), 17);
	sn_test_turn_until(s.loop, s.packets == 2);
	ck_assert_uint_eq(s.truncated, 1);
	ck_assert_uint_eq(s.last_n, 16);
	close(fd);
	stop(&s);
}
END_TEST

START_TEST(test_budget_bounds_a_turn)
{
	struct server s;
	int fd;

	start_on(&s, "127.0.0.1", &(struct sn_dgram_options){ .budget = 40 });
	fd = client_of(&s, "127.0.0.1");
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	sn_loop_turn(s.loop, -1);
	ck_assert_uint_eq(s.packets, 40);
	ck_assert_uint_eq(s.d.sent, 40);
	sn_loop_turn(s.loop, -1);
	ck_assert_uint_eq(s.packets, 50);
	close(fd);
	stop(&s);
}
END_TEST

START_TEST(test_own_packets_fill_the_batch_once)
{
	struct server s;
	int fd;

	start_on(&s, "127.0.0.1", &(struct sn_dgram_options){ .reply_size = 8 });
	s.mute = true;
	fd = client_of(&s, "127.0.0.1");
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	sn_test_turn_until(s.loop, s.packets == 1);
	ck_assert_int_eq(sn_dgram_send(&s.d, &s.last_peer, NULL, SN_STR("123456789")), SN_ELIMIT);
	for (int i = 0; i < SN_DGRAM_BATCH; i++)
		ck_assert_int_eq(
			sn_dgram_send(&s.d, &s.last_peer, NULL, SN_STR("12345678")), SN_OK);
	ck_assert_int_eq(sn_dgram_send(&s.d, &s.last_peer, NULL, SN_STR("1")), SN_EBUSY);
	ck_assert_uint_eq(s.d.sent, 0);
	sn_loop_turn(s.loop, 0);
	ck_assert_uint_eq(s.d.sent, SN_DGRAM_BATCH);
	ck_assert_int_eq(sn_dgram_send(&s.d, &s.last_peer, NULL, SN_STR("1")), SN_OK);
	close(fd);
	stop(&s);
}
END_TEST

/* A full batch of answers with a packet of one's own between any two of them. */
START_TEST(test_sending_from_inside_on_packet)
{
	struct server s;
	char text[16];
	int fd, extra = 0, answers = 0;

	start_on(&s, "127.0.0.1", NULL);
	s.also_send = true;
	fd = client_of(&s, "127.0.0.1");
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(send(fd, "question", 8, 0), 8);
	for (int i = 0; i < 16; i++) {
		receive(&s, fd, text, sizeof(text));
		extra += strcmp(text, "extra") == 0;
		answers += strcmp(text, "question") == 0;
	}
	ck_assert_int_eq(extra, 8);
	ck_assert_int_eq(answers, 8);
	close(fd);
	stop(&s);
}
END_TEST

START_TEST(test_refusals_by_peers_do_no_harm)
{
	struct server s;
	struct sn_addr gone, there;
	char text[16];
	int fd = bound_socket("127.0.0.1", &gone);

	close(fd);
	start_on(&s, "127.0.0.1", NULL);
	/* Connected sockets hear of ICMP errors. */
	ck_assert_int_eq(connect(s.d.watch.fd, &gone.sa, gone.len), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(sn_dgram_send(&s.d, &gone, NULL, SN_STR("x")), SN_OK);
		ck_assert_int_eq(sn_dgram_send(&s.d, &gone, NULL, SN_STR("y")), SN_OK);
		sn_loop_turn(s.loop, 0);
	}
	ck_assert_uint_eq(s.d.sent, 8); /* a report of the last packet is none of the next one */
	ck_assert_uint_eq(s.d.dropped, 0);
	fd = bound_socket("127.0.0.1", &there);
	ck_assert_int_eq(connect(s.d.watch.fd, &there.sa, there.len), 0);
	ck_assert_int_eq(sendto(fd, "still here", 10, 0, &s.addr.sa, s.addr.len), 10);
	receive(&s, fd, text, sizeof(text));
	ck_assert_str_eq(text, "still here");
	close(fd);
	stop(&s);
}
END_TEST

/* The kernel reports the refusal of one packet where the next is sent. */
START_TEST(test_refusal_is_not_taken_for_the_next_packet)
{
	struct server s;
	struct sn_addr gone;

	close(bound_socket("127.0.0.1", &gone));
	start_on(&s, "127.0.0.1", NULL);
	ck_assert_int_eq(connect(s.d.watch.fd, &gone.sa, gone.len), 0);
	ck_assert_int_eq(sn_dgram_send(&s.d, &gone, NULL, SN_STR("x")), SN_OK);
	sn_loop_turn(s.loop, 0);
	ck_assert_int_eq(sn_dgram_send(&s.d, &gone, NULL, SN_STR("y")), SN_OK);
	sn_dgram_stop(&s.d);
	ck_assert_uint_eq(s.d.sent, 2);
	ck_assert_uint_eq(s.d.dropped, 0);
	sn_loop_free(&s.loop);
}
END_TEST

/* One unreachable peer costs only its own packet. */
START_TEST(test_unsendable_packet_is_skipped)
{
	struct server s;
	struct sn_addr peer, wrong;
	char text[16];
	int fd = bound_socket("127.0.0.1", &peer);

	start_on(&s, "127.0.0.1", NULL);
	sn_addr_any6(9, &wrong);
	ck_assert_int_eq(sn_dgram_send(&s.d, &peer, NULL, SN_STR("a")), SN_OK);
	ck_assert_int_eq(sn_dgram_send(&s.d, &wrong, NULL, SN_STR("b")), SN_OK);
	ck_assert_int_eq(sn_dgram_send(&s.d, &peer, NULL, SN_STR("c")), SN_OK);
	receive(&s, fd, text, sizeof(text));
	ck_assert_str_eq(text, "a");
	receive(&s, fd, text, sizeof(text));
	ck_assert_str_eq(text, "c");
	ck_assert_uint_eq(s.d.dropped, 1);
	close(fd);
	stop(&s);
}
END_TEST

/* A unix peer that does not read: its queue is full at once, and nothing blocks or spins. */
START_TEST(test_full_buffer_drops_and_counts)
{
	const struct sn_addr connected = { .len = 0 };
	struct server s;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	start(&s, pair[0],
		&(struct sn_dgram_options){ .reply_size = 65536, .socket_buffer = 4096 });
	for (int round = 0; round < 100 && s.d.dropped == 0; round++) {
		static const char data[2048];

		for (int i = 0; i < SN_DGRAM_BATCH; i++)
			ck_assert_int_eq(
				sn_dgram_send(&s.d, &connected, NULL, sn_str_n(data, sizeof(data))),
				SN_OK);
		sn_loop_turn(s.loop, 0);
		ck_assert_uint_eq(s.d.sent + s.d.dropped, (uint64_t)(round + 1) * SN_DGRAM_BATCH);
	}
	ck_assert_uint_gt(s.d.dropped, 0);
	close(pair[1]);
	stop(&s);
}
END_TEST

START_TEST(test_stop_sends_what_is_queued)
{
	struct server s;
	struct sn_addr peer;
	char text[4];
	int fd = bound_socket("127.0.0.1", &peer);

	start_on(&s, "127.0.0.1", NULL);
	ck_assert_int_eq(sn_dgram_send(&s.d, &peer, NULL, SN_STR("bye")), SN_OK);
	sn_dgram_stop(&s.d);
	sn_dgram_stop(&s.d);
	ck_assert_int_eq(recv(fd, text, sizeof(text), MSG_DONTWAIT), 3);
	close(fd);
	sn_loop_free(&s.loop);
}
END_TEST

START_TEST(test_start_refuses_what_is_no_socket)
{
	struct sn_loop *loop;
	struct sn_dgram d;
	int pipes[2];

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(sn_dgram_start(&d, loop, pipes[0], NULL, &ops), -ENOTSOCK);
	ck_assert_int_eq(close(pipes[0]), 0); /* still ours */
	close(pipes[1]);
	sn_dgram_stop(&d);
	sn_loop_free(&loop);
}
END_TEST

Suite *sn_suite_dgram(void)
{
	Suite *suite = suite_create("dgram");
	TCase *tc = tcase_create("dgram");

	tcase_add_test(tc, test_every_packet_is_answered_in_order);
	tcase_add_loop_test(tc, test_answer_leaves_from_the_address_asked, 0,
		sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_test(tc, test_later_answer_leaves_from_the_address_asked);
	tcase_add_test(tc, test_truncated_packet_is_marked);
	tcase_add_test(tc, test_budget_bounds_a_turn);
	tcase_add_test(tc, test_own_packets_fill_the_batch_once);
	tcase_add_test(tc, test_sending_from_inside_on_packet);
	tcase_add_test(tc, test_refusals_by_peers_do_no_harm);
	tcase_add_test(tc, test_refusal_is_not_taken_for_the_next_packet);
	tcase_add_test(tc, test_unsendable_packet_is_skipped);
	tcase_add_test(tc, test_full_buffer_drops_and_counts);
	tcase_add_test(tc, test_stop_sends_what_is_queued);
	tcase_add_test(tc, test_start_refuses_what_is_no_socket);
	suite_add_tcase(suite, tc);
	return suite;
}
