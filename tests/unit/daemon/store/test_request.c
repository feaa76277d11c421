#include "daemon/store/store_private.h"
#include "tests/support/turn.h"
#include "tests/unit/daemon/store/fixture.h"

static struct sn_store fake;

static void setup(void)
{
	store_setup();
	fake = (struct sn_store){ .loop = loop, .rows_max = 3 };
}

static struct sn_store_request *make(bool write)
{
	struct sn_sql sql = SQL("x", TEXT("one"), INT(2), sn_sql_blob(SN_STR("\0b")));

	sql.expect = 2;
	return sn_store_request_new(&fake, &sql, 1, write);
}

START_TEST(arguments_are_copies)
{
	char text[] = "one";
	const struct sn_sql two[] = { SQL("a", TEXT(text)), SQL("b", INT(5), TEXT(text)) };
	struct sn_store_request *r = sn_store_request_new(&fake, two, 2, true);
	struct pending pending;

	text[0] = 'X';
	ck_assert_uint_eq(r->count, 2);
	ck_assert_str_view(r->statements[0].args[0].bytes, "one");
	ck_assert_int_eq(r->statements[1].args[0].integer, 5);
	ck_assert_str_view(r->statements[1].args[1].bytes, "one");
	follow(&pending, &r->promise);
	sn_store_request_finish(r, SN_OK);
	sn_test_turn_until(loop, pending.calls > 0);
}
END_TEST

START_TEST(the_last_of_both_parties_frees)
{
	struct sn_store_request *r = make(true), *other = make(true);
	struct pending pending;

	follow(&pending, &r->promise);
	sn_waiter_cancel(&pending.waiter);
	sn_loop_turn(loop, 0);
	ck_assert(r->released && atomic_load(&r->unwanted));
	sn_store_request_finish(r, SN_OK); /* a sanitizer sees whether it is freed, once */
	follow(&pending, &other->promise);
	sn_waiter_cancel(&pending.waiter);
	sn_store_request_finish(other, SN_OK); /* canceled, but not closed yet */
	sn_loop_turn(loop, 0);
	ck_assert_int_eq(pending.calls, 0);
}
END_TEST

START_TEST(a_posted_answer_arrives)
{
	struct sn_store_request *r = make(false);
	struct pending pending;

	follow(&pending, &r->promise);
	sn_store_request_post(r, SN_ELIMIT);
	sn_test_turn_until(loop, pending.calls > 0);
	ck_assert_int_eq(pending.code, SN_ELIMIT);
}
END_TEST

START_TEST(rows_and_bytes_have_limits)
{
	struct sn_store_request *r = make(false);
	struct sn_sql_value *cells;
	struct pending pending;
	char *bytes;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sn_store_result_add(r, 0, 20, &cells), SN_OK);
		for (int j = 0; j < 20; j++) {
			ck_assert_int_eq(cells[j].type, SN_SQL_NULL);
			cells[j] = INT(i * 20 + j);
		}
	}
	ck_assert_int_eq(sn_store_result_add(r, 0, 20, &cells), SN_ELIMIT);
	ck_assert_int_eq(sn_sql_cell(&r->results[0].rows, 2, 19)->integer, 59);
	ck_assert_int_eq(sn_store_result_bytes(r, 10, &bytes), SN_OK);
	ck_assert_int_eq(bytes[10], '\0');
	ck_assert_int_eq(
		sn_store_result_bytes(r, SN_STORE_RESULT_BYTES_MAX - 9, &bytes), SN_ELIMIT);
	sn_store_result_reset(r);
	ck_assert_uint_eq(r->results[0].rows.rows, 0);
	ck_assert_uint_eq(r->result_bytes, 0);
	ck_assert_int_eq(sn_store_result_add(r, 0, 1, &cells), SN_OK);
	follow(&pending, &r->promise);
	sn_store_request_finish(r, SN_OK);
	sn_test_turn_until(loop, pending.calls > 0);
}
END_TEST

START_TEST(what_is_expected_is_compared)
{
	struct sn_store_request *r = make(true);
	struct sn_sql_rows *rows = &r->results[0].rows;
	struct pending pending;

	ck_assert_int_eq(sn_store_result_expect(r, 0), SN_ENOTFOUND);
	rows->changed = 2;
	ck_assert_int_eq(sn_store_result_expect(r, 0), SN_OK);
	rows->columns = 1; /* now rows are returned, and those count */
	ck_assert_int_eq(sn_store_result_expect(r, 0), SN_ENOTFOUND);
	rows->rows = 2;
	ck_assert_int_eq(sn_store_result_expect(r, 0), SN_OK);
	r->statements[0].expect = -1;
	rows->rows = 7;
	ck_assert_int_eq(sn_store_result_expect(r, 0), SN_OK);
	follow(&pending, &r->promise);
	sn_store_request_finish(r, SN_OK);
	sn_test_turn_until(loop, pending.calls > 0);
}
END_TEST

Suite *request_suite(void);
Suite *request_suite(void)
{
	Suite *s = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_checked_fixture(tc, setup, store_teardown);
	tcase_add_test(tc, arguments_are_copies);
	tcase_add_test(tc, the_last_of_both_parties_frees);
	tcase_add_test(tc, a_posted_answer_arrives);
	tcase_add_test(tc, rows_and_bytes_have_limits);
	tcase_add_test(tc, what_is_expected_is_compared);
	suite_add_tcase(s, tc);
	return s;
}
