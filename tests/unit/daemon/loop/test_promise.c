#include "daemon/loop/promise.h"

#include <stdio.h>

#include "tests/unit/daemon/loop/fixture.h"

/* An operation: the promise is embedded, the value stands beside it. */
struct op {
	int value;
	struct sn_promise promise;
	int canceled, freed;
};

/* A consumer that notes what it hears. */
struct heard {
	struct sn_waiter waiter;
	int calls, code, value;
	bool freed_before; /* the operation was freed before the waiter was called */
	void (*then)(struct heard *heard);
};

static struct op ops[4];
static struct heard heard;

static struct op *to_op(struct sn_promise *p)
{
	return sn_container_of(p, struct op, promise);
}

static void cancel_op(struct sn_promise *p)
{
	to_op(p)->canceled++;
}

static void free_op(struct sn_promise *p)
{
	to_op(p)->freed++;
}

static const struct sn_promise_ops op_ops = { .cancel = cancel_op, .free = free_op };
static const struct sn_promise_ops no_cancel_ops = { .free = free_op };

static void on_heard(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct heard *h = sn_container_of(w, struct heard, waiter);

	ck_assert(!sn_waiter_waiting(w));
	ck_assert_int_eq(p->code, code);
	h->calls++;
	h->code = code;
	if (p->ops == &op_ops) {
		h->value = to_op(p)->value;
		h->freed_before = to_op(p)->freed > 0;
	}
	if (h->then != NULL)
		h->then(h);
}

static void setup(void)
{
	fake_loop_setup();
	memset(ops, 0, sizeof(ops));
	memset(&heard, 0, sizeof(heard));
	for (int i = 0; i < 4; i++) {
		ops[i].value = 100 + i;
		sn_promise_init(loop, &ops[i].promise, &op_ops);
	}
}

static void wait_for(struct sn_promise *p)
{
	sn_promise_wait(p, &heard.waiter, on_heard);
}

START_TEST(the_answer_comes_in_the_deferred_phase_then_the_memory_goes)
{
	wait_for(&ops[0].promise);
	ck_assert(sn_waiter_waiting(&heard.waiter));
	sn_promise_resolve(&ops[0].promise, SN_OK);
	ck_assert_int_eq(heard.calls, 0);
	ck_assert_int_eq(sn_loop_timeout(loop), 0);
	turn();
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(heard.code, SN_OK);
	ck_assert_int_eq(heard.value, 100);
	ck_assert(!heard.freed_before);
	ck_assert_int_eq(ops[0].freed, 1);
	ck_assert_int_eq(ops[0].canceled, 0);
	turn();
	ck_assert_int_eq(heard.calls + ops[0].freed, 2);
}
END_TEST

START_TEST(a_failure_is_an_answer_too)
{
	wait_for(&ops[0].promise);
	sn_promise_resolve(&ops[0].promise, SN_ERESOLVE);
	turn();
	ck_assert_int_eq(heard.code, SN_ERESOLVE);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

START_TEST(an_answer_waits_for_its_waiter)
{
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn();
	turn();
	ck_assert_int_eq(ops[0].freed, 0);
	wait_for(&ops[0].promise);
	ck_assert_int_eq(heard.calls, 0);
	turn();
	ck_assert_int_eq(heard.value, 100);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

static void resolve_twice(void)
{
	sn_promise_resolve(&ops[0].promise, SN_OK);
	sn_promise_resolve(&ops[0].promise, SN_OK);
}

static void wait_twice(void)
{
	struct heard other = { .calls = 0 };

	wait_for(&ops[0].promise);
	sn_promise_wait(&ops[0].promise, &other.waiter, on_heard);
}

static void wait_for_two(void)
{
	wait_for(&ops[0].promise);
	wait_for(&ops[1].promise);
}

static void resolve_canceled(void)
{
	wait_for(&ops[0].promise);
	sn_waiter_cancel(&heard.waiter);
	sn_promise_resolve(&ops[0].promise, SN_OK);
}

static void wait_for_delivered(void)
{
	sn_promise_resolve(&ops[0].promise, SN_OK);
	wait_for(&ops[0].promise);
	turn();
	wait_for(&ops[0].promise);
}

static void resolve_with_no_result(void)
{
	sn_promise_resolve(&ops[0].promise, SN_PENDING);
}

START_TEST(breaking_a_rule_is_a_programmer_error)
{
	static void (*const breaches[])(void) = {
		resolve_twice,
		wait_twice,
		wait_for_two,
		resolve_canceled,
		wait_for_delivered,
		resolve_with_no_result,
	};

	assert_dies(breaches[_i]);
}
END_TEST

START_TEST(canceling_a_pending_promise_stops_the_work_and_frees)
{
	wait_for(&ops[0].promise);
	sn_waiter_cancel(&heard.waiter);
	ck_assert(!sn_waiter_waiting(&heard.waiter));
	ck_assert_int_eq(ops[0].canceled, 1);
	ck_assert_int_eq(ops[0].freed, 0);   /* not before the closing phase */
	memset(&heard, 0xff, sizeof(heard)); /* the waiter is the consumer's again at once */
	turn();
	ck_assert_int_eq(ops[0].freed, 1);
	turn();
	ck_assert_int_eq(ops[0].canceled + ops[0].freed, 2);
}
END_TEST

START_TEST(canceling_what_is_resolved_drops_the_answer)
{
	wait_for(&ops[0].promise);
	sn_promise_resolve(&ops[0].promise, SN_OK);
	sn_waiter_cancel(&heard.waiter);
	sn_waiter_cancel(&heard.waiter);
	turn();
	ck_assert_int_eq(heard.calls, 0);
	ck_assert_int_eq(ops[0].canceled, 0);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

START_TEST(cancel_may_have_nothing_to_stop)
{
	sn_promise_init(loop, &ops[0].promise, &no_cancel_ops);
	wait_for(&ops[0].promise);
	sn_waiter_cancel(&heard.waiter);
	turn();
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

static void cancel_in_call(struct heard *h)
{
	sn_waiter_cancel(&h->waiter);
}

static void wait_in_call(struct heard *h)
{
	h->then = NULL;
	sn_promise_resolve(&ops[1].promise, SN_OK);
	wait_for(&ops[1].promise);
}

START_TEST(in_its_call_a_waiter_may_cancel_or_wait_again)
{
	heard.then = cancel_in_call;
	wait_for(&ops[0].promise);
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn();
	ck_assert_int_eq(ops[0].freed, 1);
	ck_assert_int_eq(ops[0].canceled, 0);

	sn_promise_init(loop, &ops[0].promise, &op_ops);
	heard.then = wait_in_call;
	wait_for(&ops[0].promise);
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn();
	ck_assert_int_eq(heard.value, 100);
	turn();
	ck_assert_int_eq(heard.value, 101);
	ck_assert_int_eq(ops[1].freed, 1);
}
END_TEST

/* All of */

static char each[32];
static void (*on_each_then)(void);

static void on_each(struct sn_promise *all, size_t index, struct sn_promise *p, int code)
{
	size_t n = strlen(each);

	ck_assert_int_eq(all->state, SN_PROMISE_PENDING);
	ck_assert_ptr_eq(p, &ops[index].promise);
	ck_assert_int_eq(ops[index].freed, 0);
	snprintf(each + n, sizeof(each) - n, "%zu%c", index, code == SN_OK ? '+' : '-');
	if (on_each_then != NULL)
		on_each_then();
}

static struct sn_promise *all_of(size_t count, sn_all_fn fn)
{
	struct sn_promise *promises[4];

	memset(each, 0, sizeof(each));
	on_each_then = NULL;
	for (size_t i = 0; i < count; i++)
		promises[i] = &ops[i].promise;
	return sn_promise_all(loop, promises, count, fn);
}

static void turn_times(int count)
{
	for (int i = 0; i < count; i++)
		turn();
}

START_TEST(all_resolves_when_all_have)
{
	wait_for(all_of(3, on_each));
	sn_promise_resolve(&ops[2].promise, SN_OK);
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn_times(3);
	ck_assert_str_eq(each, "2+0+");
	ck_assert_int_eq(heard.calls, 0);
	sn_promise_resolve(&ops[1].promise, SN_OK);
	turn_times(2);
	ck_assert_str_eq(each, "2+0+1+");
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(heard.code, SN_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ops[i].freed, 1);
}
END_TEST

START_TEST(all_takes_what_had_resolved_before)
{
	sn_promise_resolve(&ops[0].promise, SN_OK);
	wait_for(all_of(1, NULL));
	turn_times(2);
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

START_TEST(all_fails_with_the_first_failure_and_cancels_the_rest)
{
	wait_for(all_of(4, on_each));
	sn_promise_resolve(&ops[0].promise, SN_OK);
	sn_promise_resolve(&ops[1].promise, SN_EDENIED);
	sn_promise_resolve(&ops[2].promise, SN_EBUSY); /* resolved, not heard any more */
	turn_times(2);
	ck_assert_str_eq(each, "0+1-");
	ck_assert_int_eq(heard.code, SN_EDENIED);
	ck_assert_int_eq(ops[2].canceled, 0);
	ck_assert_int_eq(ops[3].canceled, 1);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(ops[i].freed, 1);
}
END_TEST

static void cancel_heard(void)
{
	sn_waiter_cancel(&heard.waiter);
}

START_TEST(canceling_all_cancels_each)
{
	wait_for(all_of(3, on_each));
	sn_promise_resolve(&ops[0].promise, SN_OK);
	if (_i == 0)
		turn();
	else
		on_each_then = cancel_heard;
	turn_times(1 - _i);
	cancel_heard();
	turn_times(2);
	ck_assert_str_eq(each, _i == 0 ? "0+" : "");
	ck_assert_int_eq(heard.calls, 0);
	ck_assert_int_eq(ops[1].canceled + ops[2].canceled, 2);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ops[i].freed, 1);
}
END_TEST

START_TEST(on_each_may_cancel_all)
{
	wait_for(all_of(2, on_each));
	on_each_then = cancel_heard;
	sn_promise_resolve(&ops[0].promise, _i == 0 ? SN_OK : SN_EBUSY);
	turn_times(3);
	ck_assert_int_eq(heard.calls, 0);
	ck_assert_int_eq(ops[1].canceled, 1);
	ck_assert_int_eq(ops[0].freed + ops[1].freed, 2);
}
END_TEST

/* Timeout */

static struct sn_promise *limited;
static struct sn_promise *inner_seen;
static int inner_value;

static void look_inside(struct heard *h)
{
	(void)h;
	inner_seen = sn_promise_inner(limited);
	inner_value = inner_seen != NULL ? to_op(inner_seen)->value : -1;
	ck_assert(inner_seen == NULL || to_op(inner_seen)->freed == 0);
}

static void limit(void)
{
	limited = sn_promise_timeout(loop, &ops[0].promise, SN_MS(100));
	heard.then = look_inside;
	inner_value = 0;
}

START_TEST(a_timeout_hands_on_the_answer_and_keeps_the_value)
{
	limit();
	wait_for(limited);
	advance_and_turn(SN_MS(99));
	sn_promise_resolve(&ops[0].promise, _i == 0 ? SN_OK : SN_EDENIED);
	turn_times(2);
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(heard.code, _i == 0 ? SN_OK : SN_EDENIED);
	ck_assert_int_eq(inner_value, 100);
	ck_assert_int_eq(ops[0].freed, 1);
	ck_assert_int_eq(sn_loop_timeout(loop), -1); /* the timer is cleared */
}
END_TEST

START_TEST(the_value_is_kept_until_somebody_waits)
{
	limit();
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn_times(5);
	ck_assert_int_eq(ops[0].freed, 0);
	wait_for(limited);
	turn();
	ck_assert_int_eq(inner_value, 100);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

START_TEST(a_timeout_expires)
{
	limit();
	wait_for(limited);
	advance_and_turn(SN_MS(100));
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(heard.code, SN_ETIMEOUT);
	ck_assert_int_eq(inner_value, -1);
	ck_assert_int_eq(ops[0].canceled, 1);
	ck_assert_int_eq(ops[0].freed, 1);
}
END_TEST

/* Pending, answered but not heard, and heard but not delivered. */
START_TEST(canceling_a_timeout_cancels_the_inner)
{
	limit();
	wait_for(limited);
	if (_i > 0)
		sn_promise_resolve(&ops[0].promise, SN_OK);
	if (_i > 1)
		turn();
	sn_waiter_cancel(&heard.waiter);
	turn_times(2);
	ck_assert_int_eq(heard.calls, 0);
	ck_assert_int_eq(ops[0].canceled, _i == 0 ? 1 : 0);
	ck_assert_int_eq(ops[0].freed, 1);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

START_TEST(combinators_nest)
{
	struct sn_promise *both[2];

	both[0] = sn_promise_timeout(loop, &ops[0].promise, SN_SEC(1));
	both[1] = sn_promise_timeout(loop, &ops[1].promise, SN_SEC(2));
	wait_for(sn_promise_timeout(loop, sn_promise_all(loop, both, 2, NULL), SN_SEC(5)));
	sn_promise_resolve(&ops[0].promise, SN_OK);
	turn_times(3);
	advance_and_turn(SN_SEC(2));
	turn_times(3);
	ck_assert_int_eq(heard.code, SN_ETIMEOUT);
	ck_assert_int_eq(ops[0].freed, 1);
	ck_assert_int_eq(ops[1].canceled, 1);
	ck_assert_int_eq(ops[1].freed, 1);
	ck_assert_int_eq(sn_loop_timeout(loop), -1);
}
END_TEST

Suite *promise_suite(void);
Suite *promise_suite(void)
{
	Suite *s = suite_create("promise");
	TCase *tc = tcase_create("promise"), *combined = tcase_create("combinators");

	tcase_add_checked_fixture(tc, setup, loop_teardown);
	tcase_add_checked_fixture(combined, setup, loop_teardown);
	tcase_add_test(tc, the_answer_comes_in_the_deferred_phase_then_the_memory_goes);
	tcase_add_test(tc, a_failure_is_an_answer_too);
	tcase_add_test(tc, an_answer_waits_for_its_waiter);
	tcase_add_loop_test(tc, breaking_a_rule_is_a_programmer_error, 0, 6);
	tcase_add_test(tc, canceling_a_pending_promise_stops_the_work_and_frees);
	tcase_add_test(tc, canceling_what_is_resolved_drops_the_answer);
	tcase_add_test(tc, cancel_may_have_nothing_to_stop);
	tcase_add_test(tc, in_its_call_a_waiter_may_cancel_or_wait_again);
	tcase_add_test(combined, all_resolves_when_all_have);
	tcase_add_test(combined, all_takes_what_had_resolved_before);
	tcase_add_test(combined, all_fails_with_the_first_failure_and_cancels_the_rest);
	tcase_add_loop_test(combined, canceling_all_cancels_each, 0, 2);
	tcase_add_loop_test(combined, on_each_may_cancel_all, 0, 2);
	tcase_add_loop_test(combined, a_timeout_hands_on_the_answer_and_keeps_the_value, 0, 2);
	tcase_add_test(combined, the_value_is_kept_until_somebody_waits);
	tcase_add_test(combined, a_timeout_expires);
	tcase_add_loop_test(combined, canceling_a_timeout_cancels_the_inner, 0, 3);
	tcase_add_test(combined, combinators_nest);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, combined);
	return s;
}
