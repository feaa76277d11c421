#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

static struct sn_host_session seen[4];
static size_t seen_count;

static void see(void *context, const struct sn_host_session *session)
{
	ck_assert_ptr_eq(context, seen);
	ck_assert_uint_lt(seen_count, 4);
	seen[seen_count++] = *session;
}

static void look(void)
{
	seen_count = 0;
	sn_host_sessions(host, see, seen);
}

START_TEST(connections_are_listed)
{
	struct client client, other;

	fake_clock.wall_ns = SN_SEC(1000);
	host_up("[service.tap]\n[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	client_open(&client, "tap", 1024);
	client_say(&client, "hello\n");
	pass(SN_SEC(5));
	client_open(&other, "echo", 1024);
	look();
	ck_assert_uint_eq(seen_count, 2);
	ck_assert(sn_str_eq(seen[0].service, SN_STR("tap")));
	ck_assert(sn_str_eq(seen[0].title, SN_STR("listener")));
	ck_assert_uint_eq(seen[0].account.n, 0);
	ck_assert_uint_eq(seen[0].bytes_in, 6);
	ck_assert_int_eq(seen[0].idle, SN_SEC(5));
	ck_assert_int_eq(seen[0].opened_wall, SN_SEC(1000));
	ck_assert(!seen[0].tls);
	ck_assert(sn_str_eq(seen[1].service, SN_STR("echo")));
	ck_assert_uint_eq(seen[1].title.n, 0);
	ck_assert_uint_ne(seen[0].id, seen[1].id);
	client_fini(&other);
	client_fini(&client);
}
END_TEST

START_TEST(one_is_kicked_with_a_reason)
{
	struct client client, other;

	host_up("[service.tap]\n[service.echo]\nlisten = \"tcp:0:interface=127.0.0.1\"\n");
	client_open(&client, "tap", 1024);
	client_open(&other, "echo", 1024);
	look();
	(void)tap_read();
	ck_assert(sn_host_kick(host, seen[0].id, SN_STR("you snore")));
	ck_assert(!sn_host_kick(host, seen[0].id, SN_STR("you snore"))); /* is going */
	turn();
	ck_assert_str_eq(client_got(&client), "you snore");
	ck_assert_str_eq(tap_read(), "kick: you snore; end CLOSE");
	/* A module that cannot tell. */
	ck_assert(sn_host_kick(host, seen[1].id, SN_STR("and you")));
	turn();
	ck_assert_int_eq(other.code, SN_CLOSE);
	look();
	ck_assert_uint_eq(seen_count, 0);
	ck_assert(!sn_host_kick(host, 987654321, SN_STR("nobody")));
	client_fini(&other);
	client_fini(&client);
}
END_TEST

Suite *sn_suite_host_sessions(void);
Suite *sn_suite_host_sessions(void)
{
	Suite *suite = suite_create("service/host_sessions");
	TCase *tc = tcase_create("host_sessions");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, connections_are_listed);
	tcase_add_test(tc, one_is_kicked_with_a_reason);
	suite_add_tcase(suite, tc);
	return suite;
}
