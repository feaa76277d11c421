/* A lane and the server: what happens to requests when the connection breaks, or says nothing. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/pq_private.h"
#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/pq_server.h"

#define COUNT 100

static struct pending pending[COUNT];
static struct sn_fake_clock fake;

static void setup_fake(void)
{
	const struct sn_loop_options loop_options = { .clock = &fake.clock };

	store_setup();
	sn_loop_free(&loop);
	sn_fake_clock_init(&fake);
	ck_assert_int_eq(sn_loop_new(&loop_options, &loop), SN_OK);
}

static void insert_all(int from)
{
	for (int i = from; i < COUNT; i++) {
		const struct sn_sql sql = SQL("INSERT INTO things (id) VALUES ($1)", INT(i));

		follow(&pending[i], sn_store_write(store, &sql, 1));
	}
}

static bool all_answered(void)
{
	for (int i = 0; i < COUNT; i++)
		if (pending[i].calls == 0)
			return false;
	return true;
}

/* A quarter of a second for the loop, a moment for the server. */
static void pass_time(void)
{
	struct pollfd p = { .fd = sn_loop_fd(loop), .events = POLLIN };

	poll(&p, 1, 5);
	sn_fake_clock_advance(&fake, SN_MS(250));
	sn_loop_turn(loop, 0);
}

static bool are_blocked(int count)
{
	PGconn *conn = PQconnectdb(pq_server_url_of("postgres"));
	PGresult *result = PQexec(
		conn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
	const bool blocked = atoi(PQgetvalue(result, 0, 0)) == count;

	PQclear(result);
	PQfinish(conn);
	sn_loop_turn(loop, 0);
	return blocked;
}

/* A statement that expects something is not committed before its answer: it runs again. */
START_TEST(what_was_not_decided_runs_again)
{
	const struct sn_sql all_ids = SQL("SELECT id FROM things");
	struct sn_sql sql = SQL("INSERT INTO things (id) VALUES (1)");
	PGconn *other;

	sql.expect = 1;
	open_things(ENGINE_PQ);
	other = PQconnectdb(url_of(ENGINE_PQ));
	PQclear(PQexec(other, "BEGIN; LOCK TABLE things"));
	follow(&pending[0], sn_store_write(store, &sql, 1));
	follow(&pending[1], sn_store_read(store, &all_ids));
	sn_test_turn_until(loop, are_blocked(2));
	pq_server_kick();
	sn_test_turn_until(loop, pending[0].calls && pending[1].calls);
	ck_assert_int_eq(pending[0].code, SN_OK);
	ck_assert_int_eq(pending[1].code, SN_OK);
	assert_rows(all_ids, "1\n");
	PQfinish(other);
}
END_TEST

START_TEST(what_is_called_committed_is_there)
{
	open_things(ENGINE_PQ);
	insert_all(0);
	for (int i = 0; i < 3; i++)
		sn_loop_turn(loop, 0);
	pq_server_kick();
	sn_test_turn_until(loop, all_answered());
	for (int i = 0; i < COUNT; i++)
		ck_assert(pending[i].code == SN_OK || pending[i].code == SN_EUNAVAILABLE);
	for (int i = 0; i < COUNT; i++) {
		char one[8];

		snprintf(one, sizeof(one), "%d\n", i);
		if (pending[i].code != SN_OK)
			continue;
		assert_rows(SQL("SELECT id FROM things WHERE id = $1", INT(i)), one);
	}
}
END_TEST

START_TEST(requests_wait_for_the_server_to_come_back)
{
	open_things(ENGINE_PQ);
	pq_server_refuse(true);
	pq_server_kick();
	insert_all(0);
	for (int i = 0; i < 20; i++) /* the loss is noticed, a try is made */
		sn_loop_turn(loop, SN_MS(20));
	pq_server_refuse(false);
	sn_test_turn_until(loop, all_answered());
	for (int i = SN_PQ_WINDOW; i < COUNT; i++) /* those before may have been under way */
		ck_assert_int_eq(pending[i].code, SN_OK);
}
END_TEST

START_TEST(but_not_forever)
{
	open_things(ENGINE_PQ);
	pq_server_refuse(true);
	pq_server_kick();
	sn_loop_turn(loop, 0);
	insert_all(0);
	for (int i = 0; i < 4000 && !all_answered(); i++)
		pass_time();
	ck_assert(all_answered());
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pending[i].code, SN_EUNAVAILABLE);
}
END_TEST

START_TEST(a_silent_server_is_given_up)
{
	open_things(ENGINE_PQ);
	ck_assert_int_eq(ask(SQL("SELECT 1")), SN_OK);
	pq_server_freeze();
	insert_all(0);
	for (int i = 0; i < 200 && !all_answered(); i++)
		pass_time();
	pq_server_thaw();
	ck_assert(all_answered());
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pending[i].code, SN_EUNAVAILABLE);
}
END_TEST

START_TEST(the_queue_has_an_end)
{
	options.queue_max = 10;
	open_things(ENGINE_PQ);
	insert_all(0);
	sn_test_turn_until(loop, all_answered());
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pending[i].code, i < 10 ? SN_OK : SN_EBUSY);
}
END_TEST

START_TEST(closing_without_a_server_fails_what_waits)
{
	open_things(ENGINE_PQ);
	pq_server_refuse(true);
	pq_server_kick();
	for (int i = 0; i < 5; i++)
		sn_loop_turn(loop, SN_MS(10));
	insert_all(0);
	close_store();
	ck_assert(all_answered());
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(pending[i].code, SN_EUNAVAILABLE);
}
END_TEST

START_TEST(what_is_broken_at_commit_is_refused)
{
	static const char *const tables[] = {
		"CREATE TABLE parents (id INTEGER PRIMARY KEY)",
		"CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL "
		"REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
		NULL,
	};
	static const char *const *const steps[] = { tables, NULL };
	static const struct sn_store_schema schema = { "family", steps };
	static const struct sn_store_schema *const schemas[] = { &schema, NULL };

	ck_assert_int_eq(try_open(url_of(ENGINE_PQ), schemas), SN_OK);
	ck_assert_int_eq(run1(SQL("INSERT INTO children (parent) VALUES (9)")), SN_ESQL);
	ck_assert_int_eq(run2(SQL("INSERT INTO children (parent) VALUES (9)"),
				 SQL("INSERT INTO parents (id) VALUES (9)")),
		SN_OK);
	assert_rows(SQL("SELECT count(*) FROM children"), "1\n");
}
END_TEST

Suite *pq_lane_suite(void);
Suite *pq_lane_suite(void)
{
	Suite *s = suite_create("pq_lane");
	TCase *real = tcase_create("real"), *clock = tcase_create("clock");

	tcase_add_unchecked_fixture(real, server_setup, NULL);
	tcase_add_checked_fixture(real, store_setup, store_teardown);
	tcase_set_timeout(real, 60);
	tcase_add_test(real, what_was_not_decided_runs_again);
	tcase_add_test(real, what_is_called_committed_is_there);
	tcase_add_test(real, requests_wait_for_the_server_to_come_back);
	tcase_add_test(real, the_queue_has_an_end);
	tcase_add_test(real, closing_without_a_server_fails_what_waits);
	tcase_add_test(real, what_is_broken_at_commit_is_refused);
	suite_add_tcase(s, real);
	tcase_add_unchecked_fixture(clock, server_setup, NULL);
	tcase_add_checked_fixture(clock, setup_fake, store_teardown);
	tcase_set_timeout(clock, 60);
	tcase_add_test(clock, but_not_forever);
	tcase_add_test(clock, a_silent_server_is_given_up);
	suite_add_tcase(s, clock);
	return s;
}
