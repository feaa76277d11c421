#include "daemon/base/log_queue.h"

#include "tests/support/unit.h"

Suite *sn_suite_log_queue(void);

/* Pop what is there as "a,bb,ccc". */
static void take_names(struct sn_log_queue *q, size_t cap, struct sn_strbuf *b)
{
	char mem[256];
	struct sn_str record, taken = sn_str_n(mem, sn_log_queue_take(q, mem, cap));
	sn_strbuf_reset(b);
	while (sn_log_queue_next(&taken, &record)) {
		sn_strbuf_adds(b, b->n > 0 ? "," : "");
		sn_strbuf_add(b, record);
	}
}

START_TEST(test_ring_order_and_room)
{
	char mem[256];
	struct sn_strbuf b;
	struct sn_log_queue q;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_log_queue_init(&q, 16);
	ck_assert(sn_log_queue_push(&q, SN_STR("a")));   /* 5 */
	ck_assert(sn_log_queue_push(&q, SN_STR("bb")));  /* 11 */
	ck_assert(!sn_log_queue_push(&q, SN_STR("cc"))); /* 17 */
	ck_assert(sn_log_queue_push(&q, SN_STR("c")));   /* 16 */
	ck_assert(!sn_log_queue_push(&q, SN_STR("")));
	take_names(&q, sizeof(mem), &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "a,bb,c");
	take_names(&q, sizeof(mem), &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "");
	ck_assert_uint_eq(q.used, 0);
	sn_log_queue_fini(&q);
}
END_TEST

START_TEST(test_ring_takes_whole_records)
{
	char mem[256];
	struct sn_strbuf b;
	struct sn_log_queue q;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_log_queue_init(&q, 64);
	ck_assert(sn_log_queue_push(&q, SN_STR("abc")));
	ck_assert(sn_log_queue_push(&q, SN_STR("def")));
	take_names(&q, 6, &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "");
	take_names(&q, 13, &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "abc");
	take_names(&q, 7, &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), "def");
	sn_log_queue_fini(&q);
}
END_TEST

/* Every place where a length or a record can wrap around the end of the ring. */
START_TEST(test_ring_wraps)
{
	char mem[256];
	struct sn_strbuf b;
	struct sn_log_queue q;
	sn_strbuf_fixed(&b, mem, sizeof(mem));
	sn_log_queue_init(&q, 23);
	for (int i = 0; i < 500; i++) {
		char first[8], second[8], expected[20];
		snprintf(first, sizeof(first), "%d", i);
		snprintf(second, sizeof(second), "%d", i * 7);
		snprintf(expected, sizeof(expected), "%s,%s", first, second);
		ck_assert(sn_log_queue_push(&q, sn_str(first)));
		ck_assert(sn_log_queue_push(&q, sn_str(second)));
		take_names(&q, sizeof(mem), &b);
		ck_assert_str_eq(sn_strbuf_cstr(&b), expected);
	}
	sn_log_queue_fini(&q);
}
END_TEST

static const struct sn_log_ctx irc = SN_LOG_CTX("irc"), dns = SN_LOG_CTX("dns");
static const char *const event_a = "event-a", *const event_b = "event-b";

static struct sn_log_repeats repeats;
static struct sn_log_repeat ended;

static void setup(void)
{
	memset(&repeats, 0, sizeof(repeats));
}

static bool admit(const struct sn_log_ctx *ctx, const char *event, int64_t now)
{
	const struct sn_log_call call = { .ctx = ctx, .event = event, .level = SN_LOG_ERROR };
	return sn_log_repeats_admit(&repeats, &call, now, &ended);
}

START_TEST(test_repeats_burst)
{
	int admitted = 0;
	for (int i = 0; i < 100; i++) {
		admitted += admit(&irc, event_a, SN_SEC(50) + i);
		ck_assert_uint_eq(ended.held, 0);
	}
	ck_assert_int_eq(admitted, SN_LOG_BURST);
	/* Another event and another namespace are their own series. */
	ck_assert(admit(&irc, event_b, SN_SEC(50)));
	ck_assert(admit(&dns, event_a, SN_SEC(50)));
	ck_assert(!sn_log_repeats_expire(&repeats, SN_SEC(51) - 1, &ended));
	ck_assert_int_eq(sn_log_repeats_due(&repeats), SN_SEC(51));
	ck_assert(sn_log_repeats_expire(&repeats, SN_SEC(51), &ended));
	ck_assert_uint_eq(ended.held, 80);
	ck_assert_str_eq(ended.event_text, "event-a");
	ck_assert_str_eq(ended.ns_text, "irc");
	ck_assert_int_eq(ended.level, SN_LOG_ERROR);
	ck_assert(!sn_log_repeats_expire(&repeats, INT64_MAX, &ended));
	ck_assert(sn_log_repeats_due(&repeats) == INT64_MAX);
}
END_TEST

START_TEST(test_repeats_next_second)
{
	for (int i = 0; i < SN_LOG_BURST + 5; i++)
		(void)admit(&irc, event_a, SN_SEC(50));
	ck_assert(!admit(&irc, event_a, SN_SEC(51) - 1));
	ck_assert(admit(&irc, event_a, SN_SEC(51)));
	ck_assert_uint_eq(ended.held, 6);
	ck_assert(admit(&irc, event_a, SN_SEC(51)));
	ck_assert_uint_eq(ended.held, 0);
}
END_TEST

START_TEST(test_repeats_without_namespace)
{
	for (int i = 0; i < SN_LOG_BURST; i++)
		ck_assert(admit(NULL, event_a, SN_SEC(50)));
	ck_assert(!admit(NULL, event_a, SN_SEC(50)));
	ck_assert(sn_log_repeats_expire(&repeats, SN_SEC(60), &ended));
	ck_assert_str_eq(ended.ns_text, "");
}
END_TEST

/* More series than slots: none is lost without being told. */
START_TEST(test_repeats_eviction)
{
	enum { EVENTS = 3000 };
	static char names[EVENTS][8];
	uint64_t admitted = 0, held = 0;
	for (int i = 0; i < EVENTS; i++) {
		for (int j = 0; j < SN_LOG_BURST + 2; j++) {
			admitted += admit(&irc, names[i], SN_SEC(50));
			held += ended.held;
		}
	}
	while (sn_log_repeats_expire(&repeats, INT64_MAX, &ended))
		held += ended.held;
	ck_assert_uint_eq(admitted, EVENTS * SN_LOG_BURST);
	ck_assert_uint_eq(held, EVENTS * 2);
	ck_assert_uint_eq(repeats.holding, 0);
}
END_TEST

START_TEST(test_repeats_long_names)
{
	static const char name[] =
		"0123456789012345678901234567890123456789012345678901234567890123456789";
	for (int i = 0; i <= SN_LOG_BURST; i++)
		(void)admit(&irc, name, SN_SEC(50));
	ck_assert(sn_log_repeats_expire(&repeats, INT64_MAX, &ended));
	ck_assert_uint_eq(strlen(ended.event_text), sizeof(ended.event_text) - 1);
}
END_TEST

Suite *sn_suite_log_queue(void)
{
	Suite *suite = suite_create("base/log_queue");
	TCase *ring = tcase_create("ring"), *tc = tcase_create("repeats");
	tcase_add_test(ring, test_ring_order_and_room);
	tcase_add_test(ring, test_ring_takes_whole_records);
	tcase_add_test(ring, test_ring_wraps);
	suite_add_tcase(suite, ring);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_repeats_burst);
	tcase_add_test(tc, test_repeats_next_second);
	tcase_add_test(tc, test_repeats_without_namespace);
	tcase_add_test(tc, test_repeats_eviction);
	tcase_add_test(tc, test_repeats_long_names);
	suite_add_tcase(suite, tc);
	return suite;
}
