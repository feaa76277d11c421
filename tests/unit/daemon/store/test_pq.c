#include "daemon/store/pq_private.h"
#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/pq_server.h"

START_TEST(it_comes_back_by_itself_again_and_again)
{
	open_things(ENGINE_PQ);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(add_thing(i, NULL), SN_OK);
		pq_server_kick();
		/* The loss may be noticed by the first one sent over the dead connection. */
		ck_assert_int_eq(ask(SQL("SELECT 1")), SN_OK);
	}
	while (add_thing(100, NULL) == SN_EUNAVAILABLE)
		continue;
	assert_rows(SQL("SELECT count(*) FROM things"), "4\n");
}
END_TEST

START_TEST(backups_are_the_servers_business)
{
	open_things(ENGINE_PQ);
	ck_assert_int_eq(sn_store_backup(store, "x", &diag), SN_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(diag.text, "pg_dump"));
}
END_TEST

START_TEST(closing_while_connecting_leaves_nothing)
{
	open_things(ENGINE_PQ);
	pq_server_kick();
	for (int i = 0; i < 10; i++)
		sn_loop_turn(loop, SN_MS(20));
	close_store(); /* a sanitizer sees what is left */
}
END_TEST

Suite *pq_suite(void);
Suite *pq_suite(void)
{
	Suite *s = suite_create("pq");
	TCase *tc = tcase_create("pq");

	tcase_add_unchecked_fixture(tc, server_setup, NULL);
	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, it_comes_back_by_itself_again_and_again);
	tcase_add_test(tc, backups_are_the_servers_business);
	tcase_add_test(tc, closing_while_connecting_leaves_nothing);
	suite_add_tcase(s, tc);
	return s;
}
