#include "daemon/net/dns_channel.h"

#include <errno.h>

#include "tests/support/dns_responder.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

Suite *sn_suite_dns_channel(void);

static const struct sn_test_dns_record records[] = {
	{ "held.test", ns_t_a, "192.0.2.5", SN_TEST_DNS_HOLD },
	{ "plain.test", ns_t_a, "192.0.2.6" },
	{ NULL },
};

struct ask {
	struct sn_dns_query query;
	unsigned ended;
	int code;
	size_t packet_size;
};

static void on_end(struct sn_dns_query *query, int code, const struct ares_addrinfo *addrs,
	struct sn_str packet)
{
	struct ask *ask = sn_container_of(query, struct ask, query);

	(void)addrs;
	ck_assert_ptr_null(query->channel);
	ask->ended++;
	ask->code = code;
	ask->packet_size = packet.n;
}

static struct sn_loop *loop;
static struct sn_test_dns dns;
static struct sn_dns_channel *channel;

static void set_up(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	sn_test_dns_start(&dns, loop, records);
	ck_assert_int_eq(sn_dns_channel_new(loop,
				 &(struct sn_dns_channel_options){
					 .servers = dns.servers,
					 .resolv_conf = "/dev/null",
					 .timeout = SN_SEC(5),
					 .tries = 1,
				 },
				 &channel),
		SN_OK);
}

static void tear_down(void)
{
	sn_dns_channel_free(&channel);
	sn_test_dns_stop(&dns);
	sn_loop_free(&loop);
}

START_TEST(test_answer_packet)
{
	struct ask ask = { 0 };

	sn_dns_ask(channel, &ask.query, "plain.test", ns_t_a, on_end);
	sn_test_turn_until(loop, ask.ended == 1);
	ck_assert_int_eq(ask.code, SN_OK);
	ck_assert_uint_gt(ask.packet_size, 12);
}
END_TEST

START_TEST(test_bad_name_ends_inside_the_call)
{
	struct ask ask = { 0 };

	sn_dns_ask(channel, &ask.query, "a..b", ns_t_a, on_end);
	ck_assert_uint_eq(ask.ended, 1);
	ck_assert_int_eq(ask.code, SN_ENOTFOUND);
}
END_TEST

/* c-ares closes its sockets when nothing is asked and opens others later. */
START_TEST(test_sockets_come_and_go)
{
	for (int i = 0; i < 5; i++) {
		struct ask a = { 0 }, b = { 0 };

		sn_dns_ask(channel, &a.query, "plain.test", ns_t_a, on_end);
		sn_dns_addresses(channel, &b.query, "plain.test", AF_INET, on_end);
		sn_test_turn_until(loop, a.ended == 1 && b.ended == 1);
		ck_assert_int_eq(b.code, SN_OK);
		ck_assert_uint_eq(b.packet_size, 0);
	}
}
END_TEST

START_TEST(test_free_ends_what_is_under_way)
{
	struct ask ask = { 0 };

	sn_dns_ask(channel, &ask.query, "held.test", ns_t_a, on_end);
	sn_test_turn_until(loop, sn_test_dns_held(&dns) == 1);
	sn_dns_channel_free(&channel);
	ck_assert_uint_eq(ask.ended, 1);
	ck_assert_int_eq(ask.code, SN_ECANCELED);
	ck_assert_int_eq(sn_loop_timeout(loop), -1); /* no timer is left */
}
END_TEST

START_TEST(test_retired_channel_ends_its_queries_and_goes)
{
	struct ask ask = { 0 };
	struct sn_list retired;

	sn_list_init(&retired);
	sn_dns_ask(channel, &ask.query, "held.test", ns_t_a, on_end);
	sn_dns_channel_retire(&channel, &retired);
	ck_assert_ptr_null(channel);
	sn_test_turn_until(loop, sn_test_dns_held(&dns) == 1);
	ck_assert(!sn_list_empty(&retired));
	sn_test_dns_release(&dns);
	sn_test_turn_until(loop, sn_list_empty(&retired));
	ck_assert_uint_eq(ask.ended, 1);
	ck_assert_int_eq(ask.code, SN_OK);
}
END_TEST

START_TEST(test_idle_channel_goes_when_retired)
{
	struct sn_list retired;

	sn_list_init(&retired);
	sn_dns_channel_retire(&channel, &retired);
	sn_test_turn_until(loop, sn_list_empty(&retired));
}
END_TEST

static const struct {
	int status, code;
} codes[] = {
	{ ARES_SUCCESS, SN_OK },
	{ ARES_ENODATA, SN_ENOTFOUND },
	{ ARES_ENOTFOUND, SN_ENOTFOUND },
	{ ARES_EBADNAME, SN_ENOTFOUND },
	{ ARES_ETIMEOUT, SN_ETIMEOUT },
	{ ARES_ECANCELLED, SN_ECANCELED },
	{ ARES_EDESTRUCTION, SN_ECANCELED },
	{ ARES_ENOMEM, -ENOMEM },
	{ ARES_ESERVFAIL, SN_ERESOLVE },
	{ ARES_EREFUSED, SN_ERESOLVE },
	{ ARES_ECONNREFUSED, SN_ERESOLVE },
	{ ARES_EBADRESP, SN_ERESOLVE },
};

START_TEST(test_codes)
{
	ck_assert_int_eq(sn_dns_code(codes[_i].status), codes[_i].code);
}
END_TEST

Suite *sn_suite_dns_channel(void)
{
	Suite *suite = suite_create("dns_channel");
	TCase *tc = tcase_create("dns_channel"), *pure = tcase_create("codes");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_answer_packet);
	tcase_add_test(tc, test_bad_name_ends_inside_the_call);
	tcase_add_test(tc, test_sockets_come_and_go);
	tcase_add_test(tc, test_free_ends_what_is_under_way);
	tcase_add_test(tc, test_retired_channel_ends_its_queries_and_goes);
	tcase_add_test(tc, test_idle_channel_goes_when_retired);
	suite_add_tcase(suite, tc);
	tcase_add_loop_test(pure, test_codes, 0, sizeof(codes) / sizeof(codes[0]));
	suite_add_tcase(suite, pure);
	return suite;
}
