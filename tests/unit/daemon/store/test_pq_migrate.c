/* What only a server can show: programs that migrate at the same time. The rules are tested in
 * test_migrate.c, their results on every engine in test_store.c. */
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/pq_private.h"
#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/pq_server.h"
#include "tests/unit/daemon/store/versions.h"

#define PROGRAMS 4

static int migrate_once(const char *url)
{
	PGconn *conn;
	int err = sn_pq_connect(url, true, &conn, &diag);

	if (err != SN_OK)
		return err;
	err = sn_pq_migrate(conn, "db", versions_up_to_3, &diag);
	PQfinish(conn);
	return err;
}

START_TEST(programs_that_start_at_once_migrate_once)
{
	const char *url = url_of(ENGINE_PQ);
	pid_t pids[PROGRAMS];
	int status;

	for (int i = 0; i < PROGRAMS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(migrate_once(url) == SN_OK ? 0 : 1);
	}
	for (int i = 0; i < PROGRAMS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(try_open(url, versions_up_to_3), SN_OK);
	assert_rows(SQL("SELECT owner, version FROM sn_schema"), "notes|3\n");
}
END_TEST

START_TEST(types_are_the_widest)
{
	ck_assert_int_eq(try_open(url_of(ENGINE_PQ), versions_up_to_1), SN_OK);
	assert_rows(SQL("SELECT data_type, collation_name FROM information_schema.columns WHERE "
			"table_name = 'notes' ORDER BY column_name"),
		"text|C\nbigint|-\n");
}
END_TEST

Suite *pq_migrate_suite(void);
Suite *pq_migrate_suite(void)
{
	Suite *s = suite_create("pq_migrate");
	TCase *tc = tcase_create("pq_migrate");

	tcase_add_unchecked_fixture(tc, server_setup, NULL);
	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, programs_that_start_at_once_migrate_once);
	tcase_add_test(tc, types_are_the_widest);
	suite_add_tcase(s, tc);
	return s;
}
