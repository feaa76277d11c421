/* What every engine must do alike. */
#include "daemon/store/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/versions.h"

#define ALL_THINGS SQL("SELECT id, name FROM things ORDER BY id")

START_TEST(what_was_written_is_read)
{
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(changed(), 1);
	ck_assert_str_eq(rows(), "");
	ck_assert_int_eq(add_thing(2, "two"), SN_OK);
	assert_rows(ALL_THINGS, "1|one\n2|two\n");
	ck_assert_int_eq(changed(), 0);
	assert_rows(SQL("SELECT name FROM things WHERE id = $1", INT(7)), "");
}
END_TEST

START_TEST(arguments_go_where_their_number_says)
{
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(
		run1(SQL("UPDATE things SET name = $2 WHERE id = $1", INT(1), TEXT("uno"))), SN_OK);
	ck_assert_int_eq(changed(), 1);
	assert_rows(SQL("SELECT name FROM things WHERE id = $1 OR id + 1 = $1", INT(1)), "uno\n");
	assert_rows(SQL("SELECT $10 || $9 || $8 || $7 || $6 || $5 || $4 || $3 || $2 || $1",
			    TEXT("a"), TEXT("b"), TEXT("c"), TEXT("d"), TEXT("e"), TEXT("f"),
			    TEXT("g"), TEXT("h"), TEXT("i"), TEXT("j")),
		"jihgfedcba\n");
}
END_TEST

START_TEST(every_value_comes_back_as_it_was)
{
	static const int64_t numbers[] = { 0, -1, INT32_MAX, (int64_t)INT32_MAX + 1, INT64_MAX,
		INT64_MIN };
	char text[64];

	open_things(_i);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), "%lld\n", (long long)numbers[i]);
		ck_assert_int_eq(
			run1(SQL("INSERT INTO things (id) VALUES ($1)", INT(numbers[i]))), SN_OK);
		assert_rows(SQL("SELECT id FROM things WHERE id = $1", INT(numbers[i])), text);
		assert_rows(SQL("SELECT $1", INT(numbers[i])), text);
	}
}
END_TEST

START_TEST(bytes_and_text_come_back_as_they_were)
{
	static const struct sn_str texts[] = { SN_STR(""), SN_STR("plain"),
		SN_STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89"), SN_STR("it's \"quoted\" \\ $1 %") };
	char expected[128];

	open_things(_i);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(expected, sizeof(expected), "%s|x00ff0061|x\n", texts[i].p);
		ck_assert_int_eq(run1(SQL("INSERT INTO things (id, name, data) VALUES ($1, $2, $3)",
					 INT((int64_t)i), sn_sql_text(texts[i]),
					 sn_sql_blob(SN_STR("\0\xff\0a")))),
			SN_OK);
		assert_rows(SQL("SELECT name, data, $2 FROM things WHERE id = $1", INT((int64_t)i),
				    sn_sql_blob(SN_STR_NULL)),
			expected);
	}
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id, name, data) VALUES ($1, $2, $3)", INT(9),
				 sn_sql_null(), sn_sql_null())),
		SN_OK);
	assert_rows(SQL("SELECT name, data FROM things WHERE id = 9"), "-|-\n");
}
END_TEST

START_TEST(large_values_come_back)
{
	const size_t size = 3 << 20;
	char *bytes = malloc(size);

	open_things(_i);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id, data) VALUES (1, $1)",
				 sn_sql_blob(sn_str_n(bytes, size)))),
		SN_OK);
	assert_rows(SQL("SELECT length(data) FROM things WHERE data = $1",
			    sn_sql_blob(sn_str_n(bytes, size))),
		"3145728\n");
	free(bytes);
}
END_TEST

START_TEST(text_that_is_none_is_refused)
{
	open_things(_i);
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id, name) VALUES (1, $1)",
				 sn_sql_text(SN_STR("\xff")))),
		SN_ESQL);
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id, name) VALUES (1, $1)",
				 sn_sql_text(SN_STR("a\0b")))),
		SN_ESQL);
	assert_rows(ALL_THINGS, "");
}
END_TEST

START_TEST(numbers_are_numbers_in_sums_too)
{
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(add_thing(2, "two"), SN_OK);
	assert_rows(SQL("SELECT count(*), sum(id), max(id), 1.5 FROM things"), "2|3|2|1.5\n");
	assert_rows(
		SQL("SELECT id FROM things ORDER BY id LIMIT $1 OFFSET $2", INT(1), INT(1)), "2\n");
}
END_TEST

START_TEST(rows_without_an_id_are_numbered)
{
	open_things(_i);
	ck_assert_int_eq(
		run1(SQL("INSERT INTO things (name) VALUES ($1) RETURNING id", TEXT("one"))),
		SN_OK);
	ck_assert_str_eq(rows(), "1\n");
	ck_assert_int_eq(changed(), 1);
	ck_assert_int_eq(
		run1(SQL("INSERT INTO things (name) VALUES ($1) RETURNING id", TEXT("two"))),
		SN_OK);
	ck_assert_str_eq(rows(), "2\n");
}
END_TEST

START_TEST(text_sorts_by_its_bytes)
{
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "b"), SN_OK);
	ck_assert_int_eq(add_thing(2, "B"), SN_OK);
	ck_assert_int_eq(add_thing(3, "a"), SN_OK);
	ck_assert_int_eq(add_thing(4, "_"), SN_OK);
	assert_rows(SQL("SELECT name FROM things ORDER BY name"), "B\n_\na\nb\n");
}
END_TEST

START_TEST(a_second_of_the_same_is_a_duplicate)
{
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(add_thing(1, "other"), SN_EDUPLICATE);
	ck_assert_int_eq(add_thing(2, "one"), SN_EDUPLICATE);
	assert_rows(ALL_THINGS, "1|one\n");
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id, name) VALUES (1, 'new') ON CONFLICT "
				  "(id) DO UPDATE SET name = excluded.name")),
		SN_OK);
	ck_assert_int_eq(
		run1(SQL("INSERT INTO things (id, name) VALUES (1, 'no') ON CONFLICT DO NOTHING")),
		SN_OK);
	ck_assert_int_eq(changed(), 0);
	assert_rows(ALL_THINGS, "1|new\n");
}
END_TEST

START_TEST(a_transaction_is_all_or_nothing)
{
	open_things(_i);
	ck_assert_int_eq(run2(SQL("INSERT INTO things (id) VALUES (1)"),
				 SQL("INSERT INTO things (id) VALUES (1)")),
		SN_EDUPLICATE);
	ck_assert_int_eq(
		run2(SQL("INSERT INTO things (id) VALUES (1)"), SQL("INSERT nonsense")), SN_ESQL);
	assert_rows(ALL_THINGS, "");
	ck_assert_int_eq(
		run2(SQL("INSERT INTO things (id) VALUES (1)"), SQL("SELECT count(*) FROM things")),
		SN_OK);
	ck_assert_str_eq(rows(), "1\n");
}
END_TEST

START_TEST(what_was_expected_must_have_happened)
{
	struct sn_sql update = SQL("UPDATE things SET name = 'x' WHERE id = $1", INT(1));
	struct sn_sql select = SQL("SELECT id FROM things WHERE id = $1", INT(2));

	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	update.expect = 1;
	select.expect = 1;
	ck_assert_int_eq(run2(update, select), SN_ENOTFOUND);
	assert_rows(ALL_THINGS, "1|one\n");
	select.expect = 0;
	ck_assert_int_eq(run2(update, select), SN_OK);
	assert_rows(ALL_THINGS, "1|x\n");
	update.expect = 0;
	ck_assert_int_eq(run1(update), SN_ENOTFOUND);
	update.args[0] = INT(9);
	ck_assert_int_eq(run1(update), SN_OK);
}
END_TEST

START_TEST(statements_that_are_wrong_are_refused)
{
	static const char *const wrong[] = { "SELEC 1", "SELECT nothing FROM things",
		"SELECT 1; SELECT 2", "", "INSERT INTO things (id) VALUES ('text')", "SELECT $1",
		"SELECT \"text\"" };

	open_things(_i);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(run1(SQL(wrong[i])) == SN_ESQL, "%s", wrong[i]);
	ck_assert_int_eq(ask(SQL("SELECT $2", INT(1))), SN_ESQL);
	ck_assert_int_eq(ask(SQL("SELECT $1", INT(1), INT(2))), SN_ESQL);
	ck_assert_int_eq(add_thing(1, "fine"), SN_OK);
}
END_TEST

START_TEST(a_read_changes_nothing)
{
	open_things(_i);
	ck_assert_int_eq(ask(SQL("INSERT INTO things (id) VALUES (1)")), SN_ESQL);
	ck_assert_int_eq(ask(SQL("DROP TABLE things")), SN_ESQL);
	assert_rows(ALL_THINGS, "");
}
END_TEST

START_TEST(a_text_from_reused_memory_is_a_new_statement)
{
	char text[64];

	open_things(_i);
	for (int i = 0; i < 3; i++) {
		char expected[8];

		snprintf(text, sizeof(text), "SELECT %d", i);
		snprintf(expected, sizeof(expected), "%d\n", i);
		assert_rows(SQL(text), expected);
	}
}
END_TEST

START_TEST(hundreds_of_statements_are_kept)
{
	static char texts[300][32];

	open_things(_i);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 300; i++) {
			char expected[16];

			snprintf(texts[i], sizeof(texts[i]), "SELECT %d", i);
			snprintf(expected, sizeof(expected), "%d\n", i);
			assert_rows(SQL(texts[i]), expected);
		}
}
END_TEST

START_TEST(a_member_of_a_group_fails_alone)
{
	enum { COUNT = 50 };
	static struct pending pending[COUNT];

	open_things(_i);
	for (int i = 0; i < COUNT; i++) {
		/* Every fifth one takes the number of the one before. */
		const struct sn_sql two[] = {
			SQL("INSERT INTO things (id) VALUES ($1)", INT(1000 + i)),
			SQL("INSERT INTO things (id) VALUES ($1)", INT(i % 5 == 4 ? i - 1 : i)),
		};

		follow(&pending[i], sn_store_write(store, two, 2));
	}
	sn_test_turn_until(loop, pending[COUNT - 1].calls > 0);
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(pending[i].calls, 1);
		ck_assert_int_eq(pending[i].code, i % 5 == 4 ? SN_EDUPLICATE : SN_OK);
	}
	assert_rows(SQL("SELECT count(*) FROM things"), "80\n");
	assert_rows(SQL("SELECT id FROM things WHERE id > 1000 AND id < 1006 ORDER BY id"),
		"1001\n1002\n1003\n1005\n");
}
END_TEST

START_TEST(writes_run_in_the_order_given)
{
	enum { COUNT = 300 };
	static struct pending pending[COUNT];

	open_things(_i);
	ck_assert_int_eq(add_thing(1, "-"), SN_OK);
	for (int i = 0; i < COUNT; i++) {
		char from[16], to[16];
		struct sn_sql sql;

		snprintf(from, sizeof(from), "%d", i - 1);
		snprintf(to, sizeof(to), "%d", i);
		sql = SQL("UPDATE things SET name = $2 WHERE name = $1",
			sn_sql_text(i ? sn_str(from) : SN_STR("-")), TEXT(to));
		sql.expect = 1;
		follow(&pending[i], sn_store_write(store, &sql, 1));
	}
	sn_test_turn_until(loop, pending[COUNT - 1].calls > 0);
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(pending[i].code, SN_OK);
		ck_assert_uint_eq(pending[i].order, (unsigned)i + 1);
	}
	assert_rows(ALL_THINGS, "1|299\n");
}
END_TEST

START_TEST(a_full_queue_answers_at_once)
{
	static struct pending pending[6];

	options.queue_max = 4;
	open_things(_i);
	for (int i = 0; i < 6; i++) {
		struct sn_sql sql = SQL("INSERT INTO things (id) VALUES ($1)", INT(i));

		/* Nothing is answered before the loop turns, but threads may take their work. */
		follow(&pending[i], sn_store_write(store, &sql, 1));
	}
	for (int i = 0; i < 6; i++)
		sn_test_turn_until(loop, pending[i].calls > 0);
	for (int i = 0; i < 6; i++)
		ck_assert(pending[i].code == SN_OK || (i >= 4 && pending[i].code == SN_EBUSY));
	ck_assert_int_eq(add_thing(100, "later"), SN_OK);
}
END_TEST

START_TEST(too_many_rows_are_refused)
{
	const struct sn_sql returning =
		SQL("INSERT INTO things (id) VALUES (4), (5), (6), (7) RETURNING id");

	options.rows_max = 3;
	open_things(_i);
	ck_assert_int_eq(run1(SQL("INSERT INTO things (id) VALUES (1), (2), (3)")), SN_OK);
	ck_assert_int_eq(changed(), 3);
	assert_rows(SQL("SELECT id FROM things ORDER BY id"), "1\n2\n3\n");
	ck_assert_int_eq(run1(returning), SN_ELIMIT);
	ck_assert_int_eq(add_thing(4, "four"), SN_OK);
	ck_assert_int_eq(ask(ALL_THINGS), SN_ELIMIT);
	assert_rows(SQL("SELECT id FROM things WHERE id > 2 ORDER BY id"), "3\n4\n");
}
END_TEST

START_TEST(canceling_a_waiter_does_not_cancel_the_write)
{
	static struct pending pending[3];

	open_things(_i);
	for (int i = 0; i < 3; i++) {
		const struct sn_sql insert = SQL("INSERT INTO things (id) VALUES ($1)", INT(i));

		follow(&pending[i], sn_store_write(store, &insert, 1));
	}
	sn_waiter_cancel(&pending[0].waiter);
	sn_waiter_cancel(&pending[1].waiter);
	sn_test_turn_until(loop, pending[2].calls > 0);
	ck_assert_int_eq(pending[0].calls + pending[1].calls, 0);
	assert_rows(SQL("SELECT id FROM things ORDER BY id"), "0\n1\n2\n");
}
END_TEST

START_TEST(reads_may_be_canceled)
{
	static struct pending pending[20];
	const struct sn_sql sql = SQL("SELECT 1");

	open_things(_i);
	for (int i = 0; i < 20; i++)
		follow(&pending[i], sn_store_read(store, &sql));
	for (int i = 0; i < 19; i++)
		sn_waiter_cancel(&pending[i].waiter);
	sn_test_turn_until(loop, pending[19].calls > 0);
	for (int i = 0; i < 19; i++)
		ck_assert_int_eq(pending[i].calls, 0);
	assert_rows(SQL("SELECT 2"), "2\n");
}
END_TEST

START_TEST(closing_finishes_what_was_accepted)
{
	enum { COUNT = 100 };
	static struct pending pending[COUNT];

	open_things(_i);
	for (int i = 0; i < COUNT; i++) {
		const struct sn_sql insert = SQL("INSERT INTO things (id) VALUES ($1)", INT(i));

		follow(&pending[i], sn_store_write(store, &insert, 1));
	}
	sn_waiter_cancel(&pending[7].waiter);
	close_store();
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(pending[i].calls, i == 7 ? 0 : 1);
		ck_assert_int_eq(pending[i].code, i == 7 ? 1 : SN_OK);
	}
	if (_i == ENGINE_MEMORY)
		return;
	open_things(_i);
	assert_rows(SQL("SELECT count(*) FROM things"), "100\n");
}
END_TEST

START_TEST(what_happens_is_counted)
{
	struct sn_metric_set metrics;

	sn_metrics_init(&metrics, sn_store_metrics, SN_STORE_METRICS, NULL);
	options.metrics = &metrics;
	open_things(_i);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(add_thing(1, "one"), SN_EDUPLICATE);
	ck_assert_int_eq(ask(ALL_THINGS), SN_OK);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_TRANSACTIONS), 1);
	ck_assert_uint_ge(sn_metric_get(&metrics, SN_STORE_COMMITS), 1);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_FAILED), 1);
	ck_assert_uint_eq(sn_metric_get(&metrics, SN_STORE_READS), 1);
	close_store();
	sn_metrics_fini(&metrics);
}
END_TEST

/* Migrations */

START_TEST(versions_are_made_one_after_the_other)
{
	const char *url = url_of(_i);

	ck_assert_int_eq(try_open(url, versions_up_to_1), SN_OK);
	ck_assert_int_eq(run1(SQL("INSERT INTO notes (id, body) VALUES (1, 'old')")), SN_OK);
	ck_assert_int_eq(ask(SQL("SELECT author FROM notes")), SN_ESQL);
	close_store();
	ck_assert_int_eq(try_open(url, versions_up_to_3), SN_OK);
	assert_rows(SQL("SELECT body, author FROM notes"), "old|somebody\n");
	assert_rows(SQL("SELECT owner, version FROM sn_schema"), "notes|3\n");
	ck_assert_int_eq(run1(SQL("INSERT INTO notes (id, body) VALUES (2, 'new')")), SN_OK);
	close_store();
	ck_assert_int_eq(try_open(url, versions_up_to_3), SN_OK);
	assert_rows(SQL("SELECT author FROM notes ORDER BY id"), "somebody\nnobody\n");
}
END_TEST

START_TEST(newer_versions_are_refused)
{
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_3), SN_OK);
	close_store();
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_1), SN_EVERSION);
	ck_assert_ptr_nonnull(strstr(diag.text, "notes is at 3, this program knows 1"));
	ck_assert_ptr_null(store);
	ck_assert_int_eq(try_open(url_of(_i), NULL), SN_OK); /* not interested in notes */
}
END_TEST

START_TEST(a_broken_migration_is_undone)
{
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_1), SN_OK);
	close_store();
	ck_assert_int_eq(try_open(url_of(_i), versions_broken), SN_ESQL);
	ck_assert_ptr_nonnull(strstr(diag.text, "nothing"));
	ck_assert_ptr_null(store);
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_1), SN_OK);
	ck_assert_int_eq(ask(SQL("SELECT author FROM notes")), SN_ESQL);
	close_store();
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_3), SN_OK); /* mended */
}
END_TEST

START_TEST(owners_come_one_by_one)
{
	ck_assert_int_eq(try_open(url_of(_i), versions_up_to_1), SN_OK);
	close_store();
	ck_assert_int_eq(try_open(url_of(_i), versions_of_two), SN_OK);
	assert_rows(
		SQL("SELECT owner, version FROM sn_schema ORDER BY owner"), "notes|1\nothers|1\n");
	ck_assert_int_eq(run1(SQL("INSERT INTO others (id) VALUES (1)")), SN_OK);
}
END_TEST

/* Without an engine */

START_TEST(urls_of_nothing_known_are_refused)
{
	static const char *const urls[] = { "", "sqlite:", "mysql://host/db", "redis://x" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		ck_assert_int_eq(try_open(urls[i], NULL), SN_EUNKNOWN);
		ck_assert_ptr_nonnull(strstr(diag.text, "sqlite:PATH"));
		ck_assert_ptr_null(store);
	}
}
END_TEST

START_TEST(a_bare_path_is_sqlite)
{
	ck_assert_int_eq(try_open(in_folder("bare.db"), NULL), SN_OK);
	assert_rows(SQL("SELECT 1"), "1\n");
}
END_TEST

START_TEST(closing_nothing_is_fine)
{
	sn_store_close(&store);
}
END_TEST

Suite *store_suite(void);
Suite *store_suite(void)
{
	const TTest *const on_each[] = {
		what_was_written_is_read,
		arguments_go_where_their_number_says,
		every_value_comes_back_as_it_was,
		bytes_and_text_come_back_as_they_were,
		large_values_come_back,
		text_that_is_none_is_refused,
		numbers_are_numbers_in_sums_too,
		rows_without_an_id_are_numbered,
		text_sorts_by_its_bytes,
		a_second_of_the_same_is_a_duplicate,
		a_transaction_is_all_or_nothing,
		what_was_expected_must_have_happened,
		statements_that_are_wrong_are_refused,
		a_read_changes_nothing,
		a_text_from_reused_memory_is_a_new_statement,
		hundreds_of_statements_are_kept,
		a_member_of_a_group_fails_alone,
		writes_run_in_the_order_given,
		a_full_queue_answers_at_once,
		too_many_rows_are_refused,
		canceling_a_waiter_does_not_cancel_the_write,
		reads_may_be_canceled,
		closing_finishes_what_was_accepted,
		what_happens_is_counted,
	};
	const TTest *const on_each_file[] = {
		versions_are_made_one_after_the_other,
		newer_versions_are_refused,
		a_broken_migration_is_undone,
		owners_come_one_by_one,
	};
	Suite *s = suite_create("store");
	TCase *each = tcase_create("each"), *urls = tcase_create("urls");

	tcase_add_unchecked_fixture(each, server_setup, NULL);
	tcase_add_checked_fixture(each, store_setup, store_teardown);
	tcase_set_timeout(each, 60);
	for (size_t i = 0; i < sizeof(on_each) / sizeof(on_each[0]); i++)
		tcase_add_loop_test(each, on_each[i], 0, ENGINES);
	for (size_t i = 0; i < sizeof(on_each_file) / sizeof(on_each_file[0]); i++)
		tcase_add_loop_test(each, on_each_file[i], 0, LASTING_ENGINES);
	suite_add_tcase(s, each);
	tcase_add_checked_fixture(urls, store_setup, store_teardown);
	tcase_add_test(urls, urls_of_nothing_known_are_refused);
	tcase_add_test(urls, a_bare_path_is_sqlite);
	tcase_add_test(urls, closing_nothing_is_fine);
	suite_add_tcase(s, urls);
	return s;
}
