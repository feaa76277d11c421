#include "daemon/store/sqlite_private.h"
#include "tests/unit/daemon/store/fixture.h"

static struct sn_sqlite c;

static void setup(void)
{
	store_setup();
	ck_assert_int_eq(sn_sqlite_open(&c, ":memory:", &diag), SN_OK);
}

static void teardown(void)
{
	sn_sqlite_fini(&c);
	store_teardown();
}

START_TEST(codes_of_the_engine_become_ours)
{
	static const struct {
		int rc, code;
	} cases[] = {
		{ SQLITE_OK, SN_OK },
		{ SQLITE_ROW, SN_OK },
		{ SQLITE_CONSTRAINT_UNIQUE, SN_EDUPLICATE },
		{ SQLITE_CONSTRAINT_PRIMARYKEY, SN_EDUPLICATE },
		{ SQLITE_CONSTRAINT_NOTNULL, SN_ESQL },
		{ SQLITE_CONSTRAINT_FOREIGNKEY, SN_ESQL },
		{ SQLITE_CONSTRAINT_CHECK, SN_ESQL },
		{ SQLITE_ERROR, SN_ESQL },
		{ SQLITE_BUSY_SNAPSHOT, SN_EUNAVAILABLE },
		{ SQLITE_IOERR_WRITE, SN_EUNAVAILABLE },
		{ SQLITE_FULL, SN_EUNAVAILABLE },
		{ SQLITE_CANTOPEN, SN_EUNAVAILABLE },
		{ SQLITE_CORRUPT_INDEX, SN_ECORRUPT },
		{ SQLITE_NOTADB, SN_ECORRUPT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(sn_sqlite_code(cases[i].rc), cases[i].code);
}
END_TEST

START_TEST(fixed_texts_run_and_answer)
{
	int64_t value = 0;

	ck_assert_int_eq(sn_sqlite_exec(&c, "CREATE TABLE t (a INTEGER UNIQUE)"), SQLITE_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sn_sqlite_exec(&c, "INSERT INTO t VALUES (NULL)"), SQLITE_OK);
	ck_assert_int_eq(sn_sqlite_integer(&c, "SELECT count(*) FROM t", &value), SQLITE_OK);
	ck_assert_int_eq(value, 3);
	ck_assert_int_eq(
		sn_sqlite_integer(&c, "SELECT a FROM t WHERE a = 1", &value), SQLITE_EMPTY);
	ck_assert_int_eq(sn_sqlite_exec(&c, "nonsense"), SQLITE_ERROR);
	ck_assert_int_eq(sn_sqlite_exec(&c, "INSERT INTO t VALUES (5)"), SQLITE_OK);
	ck_assert_int_eq(sn_sqlite_exec(&c, "INSERT INTO t VALUES (5)"), SQLITE_CONSTRAINT_UNIQUE);
}
END_TEST

START_TEST(a_statement_is_prepared_once)
{
	static const char text[] = "SELECT 1";
	sqlite3_stmt *first;
	int64_t value;

	ck_assert_int_eq(sn_sqlite_integer(&c, text, &value), SQLITE_OK);
	first = sqlite3_next_stmt(c.db, NULL);
	ck_assert_ptr_nonnull(first);
	ck_assert_int_eq(sn_sqlite_integer(&c, text, &value), SQLITE_OK);
	ck_assert_ptr_eq(sqlite3_next_stmt(c.db, NULL), first);
	ck_assert_ptr_null(sqlite3_next_stmt(c.db, first));
}
END_TEST

Suite *sqlite_statement_suite(void);
Suite *sqlite_statement_suite(void)
{
	Suite *s = suite_create("sqlite_statement");
	TCase *tc = tcase_create("sqlite_statement");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, codes_of_the_engine_become_ours);
	tcase_add_test(tc, fixed_texts_run_and_answer);
	tcase_add_test(tc, a_statement_is_prepared_once);
	suite_add_tcase(s, tc);
	return s;
}
