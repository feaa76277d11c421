#include "daemon/auth/limiter.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/support/unit.h"

static struct sn_fake_clock fake;
static void *memory;
static size_t size;
static struct sn_limiter *limiter;

static void open_table(size_t entries, const struct sn_limiter_options *options)
{
	struct sn_limiter_options with_clock = *options;

	with_clock.clock = &fake.clock;
	size = sn_limiter_size(entries);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	ck_assert_int_eq(sn_limiter_new(memory, size, &with_clock, &limiter), SN_OK);
}

static void set_up(void)
{
	sn_fake_clock_init(&fake);
	open_table(1024, &(struct sn_limiter_options){ 0 });
}

static void close_table(void)
{
	sn_limiter_free(&limiter);
	ck_assert_ptr_null(limiter);
	ck_assert_int_eq(munmap(memory, size), 0);
}

static struct sn_addr address(const char *text)
{
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_parse(sn_str(text), 1234, &addr), SN_OK);
	return addr;
}

/* Wrong secrets, all different. */
static void blame(const char *peer, const char *account, unsigned times)
{
	const struct sn_addr addr = address(peer);
	static unsigned serial;

	for (unsigned i = 0; i < times; i++) {
		char secret[32];

		snprintf(secret, sizeof(secret), "wrong %u", serial++);
		sn_limiter_failed(limiter, &addr, sn_str(account), sn_str(secret));
	}
}

static void absolve(const char *peer, const char *account)
{
	const struct sn_addr addr = address(peer);

	sn_limiter_succeeded(limiter, &addr, sn_str(account));
}

/* -1: refused. */
static int64_t ask(const char *peer, const char *account)
{
	const struct sn_addr addr = address(peer);
	int64_t delay = -2;
	const int code = sn_limiter_ask(limiter, &addr, sn_str(account), &delay);

	ck_assert(code == SN_OK || code == SN_EBUSY);
	return code == SN_OK ? delay : -1;
}

START_TEST(delays_then_refuses)
{
	static const struct {
		unsigned failures;
		int64_t delay;
	} rows[] = {
		{ 0, 0 },
		{ 5, 0 },
		{ 6, SN_MS(500) },
		{ 7, SN_SEC(1) },
		{ 8, SN_SEC(2) },
		{ 10, SN_SEC(8) },
		{ 11, SN_SEC(15) },
		{ 50, SN_SEC(15) },
		{ 51, -1 },
		{ 5000, -1 },
	};

	blame("192.0.2.1", "", rows[_i].failures);
	ck_assert_int_eq(ask("192.0.2.1", ""), rows[_i].delay);
	ck_assert_int_eq(ask("192.0.2.1", "alice"), rows[_i].delay);
	ck_assert_int_eq(ask("192.0.2.2", "alice"), 0);
}
END_TEST

START_TEST(an_account_is_never_refused)
{
	char peer[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(peer, sizeof(peer), "192.0.2.%u", i);
		blame(peer, "Alice", 1);
	}
	ck_assert_int_eq(ask("198.51.100.1", "alice"), SN_SEC(15));
	ck_assert_int_eq(ask("198.51.100.1", "bob"), 0);
	absolve("198.51.100.1", "ALICE");
	ck_assert_int_eq(ask("198.51.100.1", "alice"), 0);
}
END_TEST

START_TEST(points_decay)
{
	blame("192.0.2.1", "", 64);
	ck_assert_int_eq(ask("192.0.2.1", ""), -1);
	sn_fake_clock_advance(&fake, SN_SEC(300));
	ck_assert_int_eq(ask("192.0.2.1", ""), SN_SEC(15)); /* 32 */
	sn_fake_clock_advance(&fake, SN_SEC(600));
	ck_assert_int_eq(ask("192.0.2.1", ""), SN_SEC(2)); /* 8 */
	sn_fake_clock_advance(&fake, SN_SEC(300));
	ck_assert_int_eq(ask("192.0.2.1", ""), 0); /* 4 */
	blame("192.0.2.1", "", 2);
	ck_assert_int_eq(ask("192.0.2.1", ""), SN_MS(500));
	sn_fake_clock_advance(&fake, SN_SEC(1000000));
	ck_assert_int_eq(ask("192.0.2.1", ""), 0);
}
END_TEST

/* Points never rise with time, whatever the step. */
START_TEST(decay_is_smooth)
{
	struct sn_limiter_entry entry;
	uint32_t before = UINT32_MAX;

	blame("192.0.2.1", "", 1000);
	for (int i = 0; i < 200; i++) {
		if (sn_limiter_worst(limiter, &entry, 1) == 0)
			break;
		ck_assert_uint_le(entry.points, before);
		before = entry.points;
		sn_fake_clock_advance(&fake, SN_SEC(37));
	}
	ck_assert_uint_lt(before, 3);
}
END_TEST

START_TEST(repetition_counts_once)
{
	const struct sn_addr peer = address("192.0.2.1");

	for (int i = 0; i < 100; i++)
		sn_limiter_failed(limiter, &peer, SN_STR("alice"), SN_STR("old password"));
	ck_assert_int_eq(ask("192.0.2.1", "alice"), 0);
	/* A few in turn, as two devices with two old passwords try them. */
	for (int i = 0; i < 100; i++)
		sn_limiter_failed(limiter, &peer, SN_STR("alice"),
			i % 2 ? SN_STR("older") : SN_STR("oldest"));
	ck_assert_int_eq(ask("192.0.2.1", "alice"), 0);
	/* One password against many names is not repetition, and no secret is not either. */
	blame("192.0.2.2", "", 0);
	for (int i = 0; i < 60; i++) {
		char name[16];
		const struct sn_addr sprayer = address("192.0.2.2");

		snprintf(name, sizeof(name), "user%d", i);
		sn_limiter_failed(limiter, &sprayer, sn_str(name), SN_STR("123456"));
	}
	ck_assert_int_eq(ask("192.0.2.2", ""), -1);
	for (int i = 0; i < 6; i++) {
		const struct sn_addr scram = address("192.0.2.3");

		sn_limiter_failed(limiter, &scram, SN_STR("carol"), SN_STR(""));
	}
	ck_assert_int_eq(ask("192.0.2.3", ""), SN_MS(500));
}
END_TEST

START_TEST(a_success_takes_its_own_cost_back)
{
	blame("192.0.2.1", "alice", 8);
	blame("192.0.2.1", "bob", 6);
	blame("192.0.2.9", "alice", 7);
	ck_assert_int_eq(ask("192.0.2.1", ""), SN_SEC(15));
	absolve("192.0.2.1", "alice");
	ck_assert_int_eq(ask("192.0.2.1", ""), SN_MS(500)); /* bob's 6 are left */
	ck_assert_int_eq(ask("192.0.2.1", "alice"), SN_MS(500));
	ck_assert_int_eq(ask("192.0.2.4", "alice"), 0);
	ck_assert_int_eq(ask("192.0.2.9", ""), SN_SEC(1)); /* somebody else's mistakes */
	/* A guesser with an account of its own gains nothing by logging in. */
	blame("192.0.2.1", "root", 50);
	absolve("192.0.2.1", "alice");
	ck_assert_int_eq(ask("192.0.2.1", ""), -1);
}
END_TEST

START_TEST(tells_peers_apart)
{
	struct sn_addr peer;
	int64_t delay = -1;

	blame("2001:db8::1", "", 60);
	ck_assert_int_eq(ask("2001:db8::ffff:1", ""), -1);
	ck_assert_int_eq(ask("2001:db8:0:1::1", ""), 0);
	blame("192.0.2.1", "", 60);
	ck_assert_int_eq(ask("::ffff:192.0.2.1", ""), -1);
	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/x"), &peer), SN_OK);
	for (int i = 0; i < 100; i++)
		sn_limiter_failed(limiter, &peer, SN_STR("carol"), SN_STR_NULL);
	ck_assert_int_eq(sn_limiter_ask(limiter, &peer, SN_STR("carol"), &delay), SN_OK);
	ck_assert_int_eq(delay, 0);
	ck_assert_int_eq(ask("192.0.2.7", "carol"), 0);
	/* No peer at all: the account alone. */
	for (int i = 0; i < 100; i++)
		sn_limiter_failed(limiter, NULL, SN_STR("dave"), SN_STR_NULL);
	ck_assert_int_eq(sn_limiter_ask(limiter, NULL, SN_STR("dave"), &delay), SN_OK);
	ck_assert_int_eq(delay, SN_SEC(15));
	ck_assert_int_eq(sn_limiter_ask(limiter, NULL, SN_STR_NULL, &delay), SN_OK);
	ck_assert_int_eq(delay, 0);
}
END_TEST

START_TEST(exempt_peers_are_not_counted)
{
	static const struct {
		const char *net, *peer;
		bool exempt;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.0/24", "192.0.2.200", true },
		{ "192.0.2.0/24", "192.0.3.1", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "::ffff:192.0.2.129", true },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8::/32", "2001:db8:1::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "2001:db8::/96", "2001:db8::1:0:0", false },
		{ "::ffff:192.0.2.0/120", "192.0.2.1", true },
		{ "::/0", "192.0.2.1", true },
	};
	struct sn_limiter_net net;

	close_table();
	ck_assert_int_eq(sn_limiter_net_parse(sn_str(rows[_i].net), &net), SN_OK);
	open_table(64, &(struct sn_limiter_options){ .exempt = &net, .exempt_count = 1 });
	blame(rows[_i].peer, "alice", 100);
	ck_assert_int_eq(ask(rows[_i].peer, "alice"), rows[_i].exempt ? 0 : -1);
	ck_assert((ask("198.51.100.77", "alice") == 0) == rows[_i].exempt ||
		strcmp(rows[_i].net, "0.0.0.0/0") == 0);
}
END_TEST

START_TEST(refuses_bad_nets)
{
	static const char *const texts[] = { "", "x", "192.0.2.1/33", "::/129", "192.0.2.0/", "/8",
		"192.0.2.0/-1", "192.0.2/24" };
	struct sn_limiter_net net;

	ck_assert_int_eq(sn_limiter_net_parse(sn_str(texts[_i]), &net), SN_ESYNTAX);
}
END_TEST

/* An attacker with many addresses cannot make it forget the worst ones. */
START_TEST(the_weakest_is_evicted)
{
	char peer[32];

	close_table();
	open_table(64, &(struct sn_limiter_options){ 0 });
	blame("192.0.2.1", "", 60);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(peer, sizeof(peer), "10.%u.%u.1", i / 200, i % 200);
		blame(peer, "", 2);
	}
	ck_assert_int_eq(ask("192.0.2.1", ""), -1);
	/* The last comers have places, too. */
	blame(peer, "", 6);
	ck_assert_int_ne(ask(peer, ""), 0);
}
END_TEST

START_TEST(lists_the_worst)
{
	struct sn_limiter_entry entries[3];
	const struct sn_addr expected = address("192.0.2.7");

	blame("192.0.2.7", "", 30);
	blame("2001:db8::1", "alice", 20);
	blame("192.0.2.8", "", 10);
	blame("192.0.2.9", "", 5);
	ck_assert_uint_eq(sn_limiter_worst(limiter, entries, 3), 3);
	ck_assert_uint_eq(entries[0].points, 30);
	ck_assert(!entries[0].is_account);
	ck_assert_int_eq(entries[0].address.sa.sa_family, AF_INET);
	ck_assert_uint_eq(entries[0].address.in.sin_addr.s_addr, expected.in.sin_addr.s_addr);
	ck_assert_uint_eq(entries[1].points, 20);
	ck_assert_uint_eq(entries[2].points, 20);
	ck_assert(entries[1].is_account != entries[2].is_account);
	ck_assert_uint_eq(sn_limiter_worst(limiter, entries, 1), 1);
	ck_assert_uint_eq(entries[0].points, 30);
	ck_assert_uint_eq(sn_limiter_worst(limiter, entries, 0), 0);
}
END_TEST

START_TEST(knows_its_own_tables)
{
	struct sn_limiter *other = NULL;
	const struct sn_limiter_options options = { .clock = &fake.clock };
	char *noise = sn_alloc(size);

	/* A second process maps the same table: one count. */
	ck_assert_int_eq(sn_limiter_new(memory, size, &options, &other), SN_OK);
	blame("192.0.2.1", "", 60);
	sn_limiter_free(&limiter);
	limiter = other;
	ck_assert_int_eq(ask("192.0.2.1", ""), -1);
	other = NULL;
	ck_assert_int_eq(sn_limiter_new(memory, size / 2, &options, &other), SN_EVERSION);
	memset(noise, 0x5a, size);
	ck_assert_int_eq(sn_limiter_new(noise, size, &options, &other), SN_EVERSION);
	ck_assert_int_eq(sn_limiter_new(noise, 10, &options, &other), SN_EVERSION);
	ck_assert_ptr_null(other);
	sn_free(noise);
}
END_TEST

#define THREADS 4
#define EACH 2000

static void *hammer(void *none)
{
	(void)none;
	for (int i = 0; i < EACH; i++) {
		const struct sn_addr peer = address("192.0.2.1");

		sn_limiter_failed(limiter, &peer, SN_STR("alice"), SN_STR_NULL);
	}
	return NULL;
}

START_TEST(threads_lose_nothing)
{
	struct sn_limiter_entry entries[2];
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(sn_limiter_worst(limiter, entries, 2), 2);
	ck_assert_uint_eq(entries[0].points, THREADS * EACH);
	ck_assert_uint_eq(entries[1].points, THREADS * EACH);
}
END_TEST

/* Without assertions: each writes to a file that is the parent's, too, and a kill would cut it. */
static void run_child(unsigned seed)
{
	for (unsigned i = seed;; i = i * 1103515245 + 12345) {
		struct sn_addr peer = { .len = sizeof(peer.in) };
		char name[16], secret[16];

		peer.in.sin_family = AF_INET;
		peer.in.sin_addr.s_addr = htonl(0x0a000000 | (i >> 20));
		snprintf(name, sizeof(name), "user%u", (i >> 16) & 0xf);
		snprintf(secret, sizeof(secret), "wrong %u", i);
		sn_limiter_failed(limiter, &peer, sn_str(name), sn_str(secret));
		if (i % 7 == 0)
			sn_limiter_succeeded(limiter, &peer, sn_str(name));
	}
}

/* Killed in the middle of whatever it did, a process leaves a table that works. */
START_TEST(survives_killed_processes)
{
	struct sn_limiter_entry entries[64];
	size_t n;

	close_table();
	open_table(64, &(struct sn_limiter_options){ 0 });
	for (unsigned round = 0; round < 50; round++) {
		const pid_t pid = fork();

		if (pid == 0)
			run_child(round);
		ck_assert_int_gt(pid, 0);
		/* Any moment will do: the child is in the middle of it from its first step on. */
		blame("198.51.100.1", "", 2000 + 37 * round);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	n = sn_limiter_worst(limiter, entries, 64);
	ck_assert_uint_gt(n, 0);
	blame("198.51.100.1", "", 51);
	ck_assert_int_eq(ask("198.51.100.1", ""), -1);
	sn_fake_clock_advance(&fake, SN_SEC(100000));
	ck_assert_int_eq(ask("198.51.100.1", ""), 0);
	ck_assert_uint_eq(sn_limiter_worst(limiter, entries, 64), 0);
}
END_TEST

Suite *suite_limiter(void);
Suite *suite_limiter(void)
{
	Suite *suite = suite_create("limiter");
	TCase *tc = tcase_create("limiter");

	tcase_add_checked_fixture(tc, set_up, close_table);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, delays_then_refuses, 0, 10);
	tcase_add_test(tc, an_account_is_never_refused);
	tcase_add_test(tc, points_decay);
	tcase_add_test(tc, decay_is_smooth);
	tcase_add_test(tc, repetition_counts_once);
	tcase_add_test(tc, a_success_takes_its_own_cost_back);
	tcase_add_test(tc, tells_peers_apart);
	tcase_add_loop_test(tc, exempt_peers_are_not_counted, 0, 15);
	tcase_add_loop_test(tc, refuses_bad_nets, 0, 8);
	tcase_add_test(tc, the_weakest_is_evicted);
	tcase_add_test(tc, lists_the_worst);
	tcase_add_test(tc, knows_its_own_tables);
	tcase_add_test(tc, threads_lose_nothing);
	tcase_add_test(tc, survives_killed_processes);
	suite_add_tcase(suite, tc);
	return suite;
}
