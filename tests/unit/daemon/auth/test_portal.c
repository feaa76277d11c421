#include "daemon/auth/portal.h"

#include <stdio.h>

#include "daemon/auth/limiter.h"
#include "daemon/base/mem.h"
#include "tests/unit/daemon/auth/fixture.h"

static void add(struct sn_portal *portal, const char *spec)
{
	struct sn_checker *checker = NULL;
	struct sn_diag diag;

	ck_assert_int_eq(sn_checker_open(&context, sn_str(spec), &checker, &diag), SN_OK);
	sn_portal_add(portal, checker);
}

static void add_file(struct sn_portal *portal, const char *text)
{
	char *spec = sn_asprintf("file:%s", write_file(text));

	add(portal, spec);
	sn_free(spec);
}

START_TEST(without_checkers_nobody_gets_in)
{
	struct sn_portal *portal = sn_portal_new(&context);

	ck_assert_uint_eq(sn_portal_kinds(portal), 0);
	ck_assert_int_eq(login_now(portal, "alice", "secret", NULL), SN_EDENIED);
	sn_portal_free(&portal);
	ck_assert_ptr_null(portal);
	sn_portal_free(&portal);
}
END_TEST

/* The first that knows the account decides, also to refuse. */
START_TEST(asks_in_order)
{
	static const struct {
		const char *account, *password, *checker;
		int code;
	} rows[] = {
		{ "alice", "one", "memory", SN_OK },
		{ "alice", "two", NULL, SN_EDENIED },
		{ "bob", "two", "file", SN_OK },
		{ "bob", "one", NULL, SN_EDENIED },
		{ "carol", "three", "memory", SN_OK },
		{ "carol", "one", NULL, SN_EDENIED },
		{ "dave", "one", NULL, SN_EDENIED },
	};
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_session *session = NULL;

	add(portal, "memory:alice:one");
	add_file(portal, "alice:two\nbob:two\n");
	add(portal, "memory:bob:three:carol:three");
	ck_assert_uint_eq(sn_portal_kinds(portal), SN_CREDS_PASSWORD | SN_CREDS_SCRAM);
	ck_assert_int_eq(
		login_now(portal, rows[_i].account, rows[_i].password, &session), rows[_i].code);
	if (rows[_i].checker != NULL)
		ck_assert_str_eq(session->checker, rows[_i].checker);
	else
		ck_assert_ptr_null(session);
	sn_session_unref(&session);
	sn_portal_free(&portal);
}
END_TEST

START_TEST(kinds_nobody_takes_are_refused)
{
	struct sn_portal *portal = sn_portal_new(&context);
	const struct sn_creds creds = { .kind = SN_CREDS_ANONYMOUS };
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;

	add(portal, "memory:alice:one");
	ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_EDENIED);
	sn_portal_free(&portal);
}
END_TEST

struct pending {
	struct sn_waiter waiter;
	int code;
};

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	(void)p;
	sn_container_of(waiter, struct pending, waiter)->code = code;
}

/* The caller's copy of the password may be wiped as soon as login returned. */
START_TEST(keeps_what_it_needs)
{
	char account[] = "carol", password[] = "three";
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_creds creds = password_creds(account, password);
	struct sn_session *session = NULL;
	struct sn_promise *promise = NULL;
	struct pending answer = { .code = SN_PENDING };

	add_file(portal, "alice:two\n");
	add(portal, "memory:carol:three");
	ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_PENDING);
	memset(account, 'x', sizeof(account) - 1);
	memset(password, 'x', sizeof(password) - 1);
	sn_promise_wait(promise, &answer.waiter, on_answer);
	while (answer.code == SN_PENDING)
		sn_loop_turn(loop, -1);
	ck_assert_int_eq(answer.code, SN_OK);
	sn_portal_free(&portal);
}
END_TEST

/* --- roles ---------------------------------------------------------------------------------- */

START_TEST(a_role_may_be_needed)
{
	static const struct {
		const char *account;
		int code;
	} rows[] = {
		{ "op", SN_OK },
		{ "admin", SN_OK },
		{ "guest", SN_EDENIED },
		{ "none", SN_EDENIED },
	};
	const struct sn_str roles[] = { SN_STR("operator"), SN_STR("admin") };
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_creds creds = { .kind = SN_CREDS_SCRAM, .account = sn_str(rows[_i].account) };
	struct answer answer;

	add_file(portal, "op:x:operator\nadmin:x:guest,admin\nguest:x:guest\nnone:x\n");
	ck_assert_int_eq(login_now(portal, rows[_i].account, "x", NULL), SN_OK);
	sn_portal_require_roles(portal, roles, 2);
	ck_assert_int_eq(login_now(portal, rows[_i].account, "x", NULL), rows[_i].code);
	/* A question is answered, but there is no session at its end. */
	answer = login_creds(portal, &creds);
	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert((answer.session != NULL) == (rows[_i].code == SN_OK));
	sn_session_unref(&answer.session);
	sn_portal_free(&portal);
}
END_TEST

/* --- SCRAM ---------------------------------------------------------------------------------- */

START_TEST(everybody_has_a_record)
{
	struct sn_portal *portal = sn_portal_new(&context);
	struct sn_creds creds = {
		.kind = SN_CREDS_SCRAM, .hash = SN_SCRAM_SHA_256, .account = SN_STR("alice")
	};
	struct sn_scram_record fake;
	struct answer answer;

	ck_assert_int_eq(login_creds(portal, &creds).code, SN_EDENIED); /* nobody takes it */
	add_file(portal, "alice:one\n");
	add(portal, "memory:bob:two");
	answer = login_creds(portal, &creds);
	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert_str_eq(answer.session->checker, "file");
	ck_assert(sn_scram_verify(&answer.scram, SN_STR("one")));
	sn_session_unref(&answer.session);
	creds.account = SN_STR("bob");
	answer = login_creds(portal, &creds);
	ck_assert_str_eq(answer.session->checker, "memory");
	ck_assert(sn_scram_verify(&answer.scram, SN_STR("two")));
	sn_session_unref(&answer.session);
	creds.account = SN_STR("carol");
	answer = login_creds(portal, &creds);
	ck_assert(answer.waited);
	ck_assert_int_eq(answer.code, SN_OK);
	ck_assert_ptr_null(answer.session);
	sn_scram_fake(SN_SCRAM_SHA_256, context.secret, creds.account, &fake);
	ck_assert_mem_eq(&answer.scram, &fake, sizeof(fake));
	sn_portal_free(&portal);
}
END_TEST

/* --- the limiter ---------------------------------------------------------------------------- */

static struct sn_fake_clock fake;
static struct sn_metric_set metrics;

static struct sn_portal *limited_portal(const struct sn_limiter_options *options)
{
	static char memory[1 << 16];
	struct sn_limiter_options with_clock = *options;
	struct sn_portal *portal = sn_portal_new(&context);

	sn_fake_clock_init(&fake);
	with_clock.clock = &fake.clock;
	memset(memory, 0, sizeof(memory));
	ck_assert_int_eq(
		sn_limiter_new(memory, sizeof(memory), &with_clock, &context.limiter), SN_OK);
	sn_metrics_init(&metrics, sn_auth_metrics, SN_AUTH_METRICS, NULL);
	sn_portal_set_metrics(portal, &metrics);
	return portal;
}

static void free_limited(struct sn_portal *portal)
{
	sn_portal_free(&portal);
	sn_limiter_free(&context.limiter);
	sn_metrics_fini(&metrics);
}

static int try_from(
	struct sn_portal *portal, const char *from, const char *account, const char *password)
{
	struct sn_creds creds = password_creds(account, password);
	struct sn_addr peer;
	struct answer answer;

	ck_assert_int_eq(sn_addr_parse(sn_str(from), 1, &peer), SN_OK);
	creds.peer = &peer;
	answer = login_creds(portal, &creds);
	sn_session_unref(&answer.session);
	return answer.code;
}

static void guess(struct sn_portal *portal, const char *from, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		char password[16];

		snprintf(password, sizeof(password), "wrong%u", i);
		ck_assert_int_eq(try_from(portal, from, "alice", password), SN_EDENIED);
	}
}

START_TEST(guessers_wait_then_are_refused)
{
	struct sn_portal *portal = limited_portal(&(struct sn_limiter_options){
		.free_points = 3, .refuse_points = 6, .delay = SN_MS(1), .delay_max = SN_MS(2) });

	add(portal, "memory:alice:one:bob:two");
	guess(portal, "192.0.2.1", 3);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_DELAYED), 0);
	guess(portal, "192.0.2.1", 3); /* the same again: not counted */
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_DELAYED), 0);
	ck_assert_int_eq(try_from(portal, "192.0.2.1", "bob", "x"), SN_EDENIED);
	ck_assert_int_eq(try_from(portal, "192.0.2.1", "bob", "y"), SN_EDENIED);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_DELAYED), 1);
	ck_assert_int_eq(try_from(portal, "192.0.2.1", "bob", "z"), SN_EDENIED);
	ck_assert_int_eq(try_from(portal, "192.0.2.1", "carol", "z"), SN_EDENIED);
	/* Now also with the right one: whether it is right is not looked at. */
	ck_assert_int_eq(try_from(portal, "192.0.2.1", "alice", "one"), SN_EBUSY);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_LIMITED), 1);
	/* Elsewhere nobody notices but that the accounts wait. */
	ck_assert_int_eq(try_from(portal, "192.0.2.2", "alice", "one"), SN_OK);
	ck_assert_int_eq(try_from(portal, "192.0.2.2", "bob", "two"), SN_OK);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_OK), 2);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_DENIED), 10);
	free_limited(portal);
}
END_TEST

/* Many at once gain nothing over one after the other: who waited is asked again. */
START_TEST(waiting_in_parallel_gains_nothing)
{
	struct sn_portal *portal = limited_portal(&(struct sn_limiter_options){
		.free_points = 1, .refuse_points = 4, .delay = SN_MS(1), .delay_max = SN_MS(5) });
	struct pending answers[20] = { 0 };
	struct sn_addr peer;
	unsigned denied = 0, busy = 0;

	add(portal, "memory:alice:one");
	guess(portal, "192.0.2.1", 2);
	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.1"), 1, &peer), SN_OK);
	for (unsigned i = 0; i < 20; i++) {
		char password[16];
		struct sn_creds creds = password_creds("alice", password);
		struct sn_session *session = NULL;
		struct sn_promise *promise = NULL;

		snprintf(password, sizeof(password), "try %u", i);
		creds.password = sn_str(password);
		creds.peer = &peer;
		ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_PENDING);
		answers[i].code = SN_PENDING;
		sn_promise_wait(promise, &answers[i].waiter, on_answer);
	}
	for (unsigned i = 0; i < 20; i++) {
		while (answers[i].code == SN_PENDING)
			sn_loop_turn(loop, -1);
		denied += answers[i].code == SN_EDENIED;
		busy += answers[i].code == SN_EBUSY;
	}
	ck_assert_uint_eq(denied, 3);
	ck_assert_uint_eq(busy, 17);
	free_limited(portal);
}
END_TEST

START_TEST(who_leaves_early_is_counted)
{
	struct sn_portal *portal =
		limited_portal(&(struct sn_limiter_options){ .free_points = 3, .delay = SN_MS(1) });
	struct sn_limiter_entry entry;
	struct sn_addr peer;

	add_file(portal, "alice:one\n");
	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.1"), 1, &peer), SN_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct sn_creds creds = password_creds("alice", i == 0 ? "x" : "y");
		struct sn_session *session = NULL;
		struct sn_promise *promise = NULL;
		struct pending answer = { 0 };

		creds.peer = &peer;
		ck_assert_int_eq(sn_portal_login(portal, &creds, &session, &promise), SN_PENDING);
		sn_promise_wait(promise, &answer.waiter, on_answer);
		sn_waiter_cancel(&answer.waiter);
	}
	ck_assert_uint_eq(sn_limiter_worst(context.limiter, &entry, 1), 1);
	ck_assert_uint_eq(entry.points, 2);
	sn_loop_turn(loop, 0);
	free_limited(portal);
}
END_TEST

static unsigned proved_count;

static void count_proved(struct sn_checker *checker, const struct sn_session *session)
{
	(void)checker;
	ck_assert_str_view(session->account, "alice");
	proved_count++;
}

static void close_nothing(struct sn_checker *checker)
{
	(void)checker;
}

/* Also to the checker that gave the record, and to no other. */
START_TEST(scram_reports_its_end)
{
	static const struct sn_checker_type counting = {
		.size = sizeof(counting),
		.name = "counting",
		.close = close_nothing,
		.proved = count_proved,
	};
	struct sn_checker checker = { .type = &counting };
	struct sn_session *mine = sn_session_new(SN_STR("alice"), "counting");
	struct sn_session *other = sn_session_new(SN_STR("alice"), "other");
	struct sn_portal *portal = limited_portal(&(struct sn_limiter_options){ 0 });
	struct sn_limiter_entry entry;
	struct sn_addr peer;
	const struct sn_creds creds = {
		.kind = SN_CREDS_SCRAM, .account = SN_STR("alice"), .peer = &peer
	};

	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.1"), 1, &peer), SN_OK);
	for (unsigned i = 0; i < 3; i++)
		sn_portal_scram_done(portal, &creds, NULL);
	ck_assert_uint_eq(sn_limiter_worst(context.limiter, &entry, 1), 1);
	ck_assert_uint_eq(entry.points, 3);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_DENIED), 3);
	proved_count = 0;
	sn_portal_add(portal, &checker);
	sn_portal_scram_done(portal, &creds, mine);
	ck_assert_uint_eq(proved_count, 1);
	ck_assert_uint_eq(sn_limiter_worst(context.limiter, &entry, 1), 0);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_AUTH_OK), 1);
	sn_portal_scram_done(portal, &creds, other);
	ck_assert_uint_eq(proved_count, 1);
	sn_session_unref(&mine);
	sn_session_unref(&other);
	free_limited(portal);
}
END_TEST

Suite *suite_portal(void);
Suite *suite_portal(void)
{
	Suite *suite = suite_create("portal");
	TCase *tc = tcase_create("portal");

	tcase_add_checked_fixture(tc, auth_setup, auth_teardown);
	tcase_add_test(tc, without_checkers_nobody_gets_in);
	tcase_add_loop_test(tc, asks_in_order, 0, 7);
	tcase_add_test(tc, kinds_nobody_takes_are_refused);
	tcase_add_test(tc, keeps_what_it_needs);
	tcase_add_loop_test(tc, a_role_may_be_needed, 0, 4);
	tcase_add_test(tc, everybody_has_a_record);
	tcase_add_test(tc, guessers_wait_then_are_refused);
	tcase_add_test(tc, waiting_in_parallel_gains_nothing);
	tcase_add_test(tc, who_leaves_early_is_counted);
	tcase_add_test(tc, scram_reports_its_end);
	suite_add_tcase(suite, tc);
	return suite;
}
