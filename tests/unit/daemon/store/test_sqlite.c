#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/sqlite_private.h"
#include "tests/unit/daemon/store/fixture.h"

static struct sn_metric_set metrics;

/* Another program's connection to the test's database. */
static sqlite3 *other;

static void setup(void)
{
	store_setup();
	sn_metrics_init(&metrics, sn_store_metrics, SN_STORE_METRICS, NULL);
	options.metrics = &metrics;
	other = NULL;
}

static void teardown(void)
{
	sqlite3_close(other);
	store_teardown();
	sn_metrics_fini(&metrics);
}

static void other_does(const char *sql)
{
	if (other == NULL)
		ck_assert_int_eq(sqlite3_open(in_folder("test.db"), &other), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void insert(struct pending *pending, int64_t id)
{
	const struct sn_sql sql = SQL("INSERT INTO things (id) VALUES ($1)", INT(id));

	follow(pending, sn_store_write(store, &sql, 1));
}

/* The writer is held up by another program's transaction. */
START_TEST(the_queue_holds_what_it_may_and_no_more)
{
	static struct pending pending[6];

	options.queue_max = 4;
	open_things(ENGINE_SQLITE);
	other_does("BEGIN IMMEDIATE");
	for (int i = 0; i < 6; i++)
		insert(&pending[i], i);
	sn_test_turn_until(loop, pending[5].calls > 0);
	ck_assert_int_eq(pending[4].code, SN_EBUSY);
	ck_assert_int_eq(pending[5].code, SN_EBUSY);
	ck_assert_int_eq(ask(SQL("SELECT count(*) FROM things")), SN_OK); /* reads go on */
	ck_assert_str_eq(rows(), "0\n");
	ck_assert_int_eq(pending[0].calls, 0);
	other_does("COMMIT");
	sn_test_turn_until(loop, pending[3].calls > 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pending[i].code, SN_OK);
}
END_TEST

START_TEST(what_waits_is_committed_at_once)
{
	enum { COUNT = 500 };
	static struct pending pending[COUNT];
	uint64_t commits;

	open_things(ENGINE_SQLITE);
	other_does("BEGIN IMMEDIATE");
	insert(&pending[0], 0);
	/* The writer has it now, or takes it with the others. */
	for (int i = 1; i < COUNT; i++)
		insert(&pending[i], i);
	other_does("COMMIT");
	sn_test_turn_until(loop, pending[COUNT - 1].calls > 0);
	commits = sn_metric_get(&metrics, SN_STORE_COMMITS);
	ck_assert_msg(commits <= 3, "%llu commits", (unsigned long long)commits);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_TRANSACTIONS), COUNT);
}
END_TEST

START_TEST(a_writer_may_wait_for_company)
{
	enum { COUNT = 20 };
	static struct pending pending[COUNT];

	options.group_wait = SN_SEC(20); /* closing ends it */
	open_things(ENGINE_SQLITE);
	for (int i = 0; i < COUNT; i++)
		insert(&pending[i], i);
	sn_loop_turn(loop, 0);
	ck_assert_int_eq(pending[0].calls, 0);
	close_store();
	ck_assert_int_eq(pending[COUNT - 1].code, SN_OK);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_COMMITS), 1);
}
END_TEST

/* A constraint that is looked at only when the whole group is committed. */
static const char *const deferred_1[] = {
	"CREATE TABLE parents (id INTEGER PRIMARY KEY)",
	"CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES "
	"parents (id) DEFERRABLE INITIALLY DEFERRED)",
	"CREATE TABLE things (id INTEGER PRIMARY KEY)",
	"CREATE TRIGGER bomb BEFORE INSERT ON things WHEN new.id = 13 "
	"BEGIN SELECT RAISE(ROLLBACK, 'boom'); END",
	NULL,
};
static const char *const *const deferred_steps[] = { deferred_1, NULL };
static const struct sn_store_schema deferred = { "deferred", deferred_steps };
static const struct sn_store_schema *const deferred_schemas[] = { &deferred, NULL };

START_TEST(whoever_spoils_a_group_fails_alone)
{
	static const char *const spoilers[] = { "INSERT INTO children (id, parent) VALUES (1, 9)",
		"INSERT INTO things (id) VALUES (13)" };

	for (size_t k = 0; k < 2; k++) {
		static struct pending pending[5];

		ck_assert_int_eq(try_open(url_of(ENGINE_SQLITE), deferred_schemas), SN_OK);
		other_does("BEGIN IMMEDIATE; DELETE FROM things");
		for (int i = 0; i < 5; i++) {
			const struct sn_sql bad = SQL(spoilers[k]);

			if (i == 2)
				follow(&pending[i], sn_store_write(store, &bad, 1));
			else
				insert(&pending[i], i);
		}
		other_does("COMMIT");
		sn_test_turn_until(loop, pending[4].calls > 0);
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(pending[i].code, i == 2 ? SN_ESQL : SN_OK);
		assert_rows(SQL("SELECT id FROM things ORDER BY id"), "0\n1\n3\n4\n");
		assert_rows(SQL("SELECT count(*) FROM children"), "0\n");
		close_store();
	}
}
END_TEST

static int add_many(int first, int count)
{
	int failures = 0;

	open_things(ENGINE_SQLITE);
	for (int i = 0; i < count; i++)
		failures += add_thing(first + i, NULL) != SN_OK;
	close_store();
	return failures;
}

/* In the child. valgrind wants to see the parent's loop again. */
static int add_many_elsewhere(void)
{
	struct sn_loop *parents = loop;
	int failures;

	store_setup_child();
	failures = add_many(1000, 200);
	sn_loop_free(&loop);
	loop = parents;
	return failures;
}

START_TEST(two_programs_may_write_the_same_file)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(add_many_elsewhere());
	ck_assert_int_eq(add_many(2000, 200), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	open_things(ENGINE_SQLITE);
	assert_rows(SQL("SELECT count(*) FROM things"), "400\n");
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_FAILED), 0);
}
END_TEST

START_TEST(a_backup_is_a_whole_database)
{
	const char *copy = in_folder("copy.db");
	char url[160];

	open_things(ENGINE_SQLITE);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(sn_store_backup(store, copy, &diag), SN_OK);
	ck_assert_int_eq(add_thing(2, "two"), SN_OK);
	ck_assert_int_eq(sn_store_backup(store, copy, &diag), -EEXIST);
	close_store();
	snprintf(url, sizeof(url), "sqlite:%s", copy);
	ck_assert_int_eq(try_open(url, NULL), SN_OK);
	assert_rows(SQL("SELECT name FROM things"), "one\n");
}
END_TEST

START_TEST(memory_has_no_backup)
{
	open_things(ENGINE_MEMORY);
	ck_assert_int_eq(sn_store_backup(store, in_folder("x"), &diag), SN_EUNSUPPORTED);
}
END_TEST

START_TEST(stores_in_memory_are_separate)
{
	struct sn_store *first;

	open_things(ENGINE_MEMORY);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	first = store;
	open_things(ENGINE_MEMORY);
	assert_rows(SQL("SELECT count(*) FROM things"), "0\n");
	close_store();
	store = first;
	assert_rows(SQL("SELECT count(*) FROM things"), "1\n");
}
END_TEST

Suite *sqlite_suite(void);
Suite *sqlite_suite(void)
{
	Suite *s = suite_create("sqlite");
	TCase *tc = tcase_create("sqlite");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_queue_holds_what_it_may_and_no_more);
	tcase_add_test(tc, what_waits_is_committed_at_once);
	tcase_add_test(tc, a_writer_may_wait_for_company);
	tcase_add_test(tc, whoever_spoils_a_group_fails_alone);
	tcase_add_test(tc, two_programs_may_write_the_same_file);
	tcase_add_test(tc, a_backup_is_a_whole_database);
	tcase_add_test(tc, memory_has_no_backup);
	tcase_add_test(tc, stores_in_memory_are_separate);
	suite_add_tcase(s, tc);
	return s;
}
