#include "daemon/net/happy_eyeballs.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "tests/support/unit.h"

Suite *sn_suite_happy_eyeballs(void);

/*
 * A scenario is a script of events with their times in ms: '6' and '4' bring an answer of that many
 * addresses, '!' an attempt's failure, ' ' nothing (a timer). After each event the schedule is
 * asked until it has nothing to try; what it tries is written down as "6a", "6b", "4a" ..., then
 * "-" when it is exhausted, or the time it waits for.
 */
struct event {
	int at;
	char what;
	size_t count;
};

static const struct {
	struct event events[8];
	const char *log;
} scenarios[] = {
	/* Both answers at once: alternating, IPv6 first, 250 ms apart. */
	{ { { 0, '6', 2 }, { 0, '4', 2 }, { 250, ' ' }, { 500, ' ' }, { 750, ' ' }, { 1000, ' ' } },
		"6a 250 250 4a 500 6b 750 4b - - " },
	/* A failure starts the next attempt at once. */
	{ { { 0, '6', 1 }, { 5, '4', 2 }, { 10, '!' }, { 20, '!' }, { 30, '!' } },
		"6a ... 250 4a 260 4b - - " },
	/* IPv4 first: 50 ms for the other. */
	{ { { 10, '4', 1 }, { 40, '6', 1 }, { 290, ' ' } }, "60 6a 290 4a - " },
	{ { { 10, '4', 1 }, { 60, ' ' }, { 70, '6', 1 }, { 310, ' ' } }, "60 4a ... 310 6a - " },
	/* IPv6 exists but has no address. */
	{ { { 10, '4', 1 }, { 20, '6', 0 } }, "60 4a - " },
	{ { { 10, '6', 0 }, { 20, '4', 1 } }, "... 4a - " },
	{ { { 10, '6', 0 }, { 20, '4', 0 } }, "... - " },
	/* One family runs out: the other goes on. */
	{ { { 0, '6', 3 }, { 0, '4', 1 }, { 250, ' ' }, { 500, ' ' }, { 750, ' ' } },
		"6a 250 250 4a 500 6b 750 6c - " },
	/* A late answer after all that was known has failed. */
	{ { { 0, '6', 1 }, { 5, '!' }, { 900, '4', 1 } }, "6a ... ... 4a - " },
	/* A timer that comes early changes nothing. */
	{ { { 0, '6', 2 }, { 0, '4', 0 }, { 249, ' ' }, { 250, ' ' } }, "6a 250 250 250 6b - " },
};

static void answer(struct sn_eyeballs *e, const struct event *event)
{
	struct sn_addr addrs[4];

	for (size_t i = 0; i < event->count; i++) {
		if (event->what == '6')
			sn_addr_any6((uint16_t)('a' + i), &addrs[i]);
		else
			sn_addr_any4((uint16_t)('a' + i), &addrs[i]);
	}
	sn_eyeballs_answer(e, event->what == '6' ? SN_EYEBALLS_V6 : SN_EYEBALLS_V4, addrs,
		event->count, SN_MS(event->at));
}

static void write_steps(struct sn_eyeballs *e, int64_t now, struct sn_strbuf *log)
{
	enum sn_eyeballs_step step;
	struct sn_addr addr;
	int64_t until;

	while ((step = sn_eyeballs_next(e, now, &addr, &until)) == SN_EYEBALLS_TRY)
		sn_strbuf_addf(log, "%c%c ", addr.sa.sa_family == AF_INET6 ? '6' : '4',
			sn_addr_port(&addr));
	if (step == SN_EYEBALLS_EXHAUSTED)
		sn_strbuf_adds(log, "- ");
	else if (until == INT64_MAX)
		sn_strbuf_adds(log, "... ");
	else
		sn_strbuf_addf(log, "%d ", (int)(until / SN_MS(1)));
}

START_TEST(test_schedule)
{
	struct sn_eyeballs e;
	struct sn_strbuf log;
	char text[200];

	sn_eyeballs_init(&e);
	sn_strbuf_fixed(&log, text, sizeof(text));
	for (const struct event *event = scenarios[_i].events; event->what != '\0'; event++) {
		if (event->what == '!')
			sn_eyeballs_failed(&e);
		else if (event->what != ' ')
			answer(&e, event);
		write_steps(&e, SN_MS(event->at), &log);
	}
	ck_assert_str_eq(text, scenarios[_i].log);
	sn_eyeballs_fini(&e);
}
END_TEST

START_TEST(test_nothing_known_waits)
{
	struct sn_eyeballs e;
	struct sn_addr addr;
	int64_t until;

	sn_eyeballs_init(&e);
	ck_assert_int_eq(sn_eyeballs_next(&e, 0, &addr, &until), SN_EYEBALLS_WAIT);
	ck_assert_int_eq(until, INT64_MAX);
	sn_eyeballs_fini(&e);
}
END_TEST

Suite *sn_suite_happy_eyeballs(void)
{
	Suite *suite = suite_create("happy_eyeballs");
	TCase *tc = tcase_create("happy_eyeballs");

	tcase_add_loop_test(tc, test_schedule, 0, sizeof(scenarios) / sizeof(scenarios[0]));
	tcase_add_test(tc, test_nothing_known_waits);
	suite_add_tcase(suite, tc);
	return suite;
}
