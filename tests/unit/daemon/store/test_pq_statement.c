#include "daemon/base/log.h"
#include "daemon/store/pq_private.h"
#include "tests/unit/daemon/store/fixture.h"

static struct sn_pq_statements all;

static void setup(void)
{
	sn_log_set_level("store", SN_LOG_OFF);
	all = (struct sn_pq_statements){ .count = 0 };
}

static void teardown(void)
{
	sn_pq_statements_fini(&all);
}

static struct sn_pq_statement *find(struct sn_sql sql)
{
	const struct sn_store_statement statement = {
		.text = sql.text, .args = sql.args, .arg_count = sql.arg_count
	};

	return sn_pq_statement(&all, &statement);
}

START_TEST(a_statement_is_one_text_with_types)
{
	static const char text[] = "SELECT $1";
	struct sn_pq_statement *of_integer = find(SQL(text, INT(1)));

	ck_assert_ptr_nonnull(of_integer);
	ck_assert(!sn_pq_is_prepared(of_integer));
	sn_pq_set_prepared(of_integer, true);
	ck_assert_ptr_eq(find(SQL(text, INT(2))), of_integer);
	ck_assert_ptr_ne(find(SQL(text, TEXT("x"))), of_integer);
	ck_assert_ptr_ne(find(SQL(text, sn_sql_null())), of_integer);
	ck_assert_uint_eq(all.count, 3);
	sn_pq_statements_forget(&all);
	ck_assert(!sn_pq_is_prepared(of_integer));
}
END_TEST

START_TEST(another_text_at_the_same_place_is_another_statement)
{
	char text[] = "SELECT 1";
	struct sn_pq_statement *s = find(SQL(text));

	sn_pq_set_prepared(s, true);
	text[7] = '2';
	ck_assert_ptr_eq(find(SQL(text)), s);
	ck_assert(!sn_pq_is_prepared(s));
	ck_assert_uint_eq(all.count, 2);
}
END_TEST

START_TEST(arguments_are_counted)
{
	ck_assert_ptr_null(find(SQL("SELECT $1")));
	ck_assert_ptr_null(find(SQL("SELECT $1", INT(1), INT(2))));
	ck_assert_ptr_null(find(SQL("SELECT $2", INT(1))));
	ck_assert_ptr_nonnull(find(SQL("SELECT '$2', $1", INT(1))));
}
END_TEST

START_TEST(what_may_be_committed_unseen_is_known)
{
	static const struct {
		const char *text;
		int expect;
		bool unseen;
	} cases[] = {
		{ "INSERT INTO t VALUES (1)", -1, true },
		{ " update t SET a = 1", -1, true },
		{ "DELETE FROM t", -1, true },
		{ "DELETE FROM t", 0, false },
		{ "INSERT INTO t VALUES (1)", 1, false },
		{ "INSERT INTO t VALUES (1) returning a", -1, false },
		{ "SELECT 1", -1, false },
		{ "WITH x AS (DELETE FROM t) SELECT 1", -1, false },
		{ "", -1, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sn_store_statement s = { .text = cases[i].text,
			.expect = cases[i].expect };

		ck_assert_msg(sn_pq_needs_no_answer(&s) == cases[i].unseen, "%s", cases[i].text);
	}
}
END_TEST

START_TEST(states_of_the_server_become_our_codes)
{
	static const struct {
		const char *state;
		bool write;
		int code;
	} cases[] = {
		{ "23505", true, SN_EDUPLICATE },
		{ "23503", true, SN_ESQL },
		{ "42601", true, SN_ESQL },
		{ "08006", true, SN_EUNAVAILABLE },
		{ "08P01", true, SN_ESQL },
		{ "40001", true, SN_EUNAVAILABLE },
		{ "53100", true, SN_EUNAVAILABLE },
		{ "57P01", true, SN_EUNAVAILABLE },
		{ "58030", true, SN_EUNAVAILABLE },
		{ "25006", true, SN_EUNAVAILABLE },
		{ "25006", false, SN_ESQL },
		{ "XX001", true, SN_ECORRUPT },
		{ "XX000", true, SN_ESQL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(sn_pq_code(cases[i].state, cases[i].write) == cases[i].code, "%s",
			cases[i].state);
}
END_TEST

Suite *pq_statement_suite(void);
Suite *pq_statement_suite(void)
{
	Suite *s = suite_create("pq_statement");
	TCase *tc = tcase_create("pq_statement");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_statement_is_one_text_with_types);
	tcase_add_test(tc, another_text_at_the_same_place_is_another_statement);
	tcase_add_test(tc, arguments_are_counted);
	tcase_add_test(tc, what_may_be_committed_unseen_is_known);
	tcase_add_test(tc, states_of_the_server_become_our_codes);
	suite_add_tcase(s, tc);
	return s;
}
