#include <stdio.h>

#include "daemon/base/mem.h"
#include "daemon/store/pq_private.h"
#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/pq_server.h"

static void assert_refused(const char *url, int code, const char *text)
{
	ck_assert_int_eq(try_open(url, NULL), code);
	ck_assert_int_eq(diag.code, code);
	ck_assert_msg(strstr(diag.text, text) != NULL, "%s", diag.text);
	ck_assert_ptr_null(strchr(diag.text, '\n'));
	ck_assert_ptr_null(strstr(diag.text, "secret"));
	ck_assert_ptr_null(store);
}

START_TEST(nobody_there_is_said)
{
	char url[160];

	snprintf(url, sizeof(url), "postgresql://me:secret@/db?host=%s", folder);
	assert_refused(url, SN_EUNAVAILABLE, "not reachable");
	ck_assert_ptr_nonnull(strstr(diag.text, "PostgreSQL database db at /tmp/"));
	ck_assert_ptr_nonnull(strstr(diag.text, "that the server runs"));
}
END_TEST

START_TEST(a_refused_login_is_said)
{
	assert_refused(pq_server_url_of("no_such_database"), SN_EDENIED, "the server refuses");
	ck_assert_ptr_nonnull(strstr(diag.text, "no_such_database"));
	ck_assert_ptr_nonnull(strstr(diag.text, "check user, password and database"));
}
END_TEST

START_TEST(a_url_that_is_none_is_said)
{
	assert_refused("postgresql://host:port:x/%zz", SN_ESYNTAX, "not a URL");
}
END_TEST

START_TEST(another_encoding_is_refused)
{
	pq_server_does("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' "
		       "TEMPLATE template0");
	assert_refused(pq_server_url_of("latin"), SN_EUNAVAILABLE, "createdb -E UTF8");
	pq_server_does("DROP DATABASE latin");
}
END_TEST

START_TEST(a_user_without_rights_is_told)
{
	char url[256];

	snprintf(url, sizeof(url), "%s", url_of(ENGINE_PQ));
	pq_server_does("CREATE ROLE guest LOGIN");
	memcpy(strstr(url, "postgres@"), "   guest@", 9);
	memmove(strstr(url, "   guest@"), strstr(url, "guest@"), strlen(strstr(url, "guest@")) + 1);
	assert_refused(url, SN_ESQL, "GRANT");
	pq_server_does("DROP ROLE guest");
}
END_TEST

START_TEST(sessions_keep_our_promises)
{
	PGconn *conn;
	PGresult *result;

	pq_server_does("DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || "
		       "' SET synchronous_commit = off'; END $$");
	for (int write = 0; write < 2; write++) {
		ck_assert_int_eq(sn_pq_connect(url_of(ENGINE_PQ), write == 1, &conn, &diag), SN_OK);
		result = PQexec(conn,
			write ? "SHOW synchronous_commit" : "SHOW default_transaction_read_only");
		ck_assert_str_eq(PQgetvalue(result, 0, 0), "on");
		PQclear(result);
		PQfinish(conn);
	}
}
END_TEST

START_TEST(messages_become_one_line)
{
	char buf[20];

	ck_assert_str_eq(sn_pq_message("one\n\ttwo\n", buf, sizeof(buf)), "one two");
	ck_assert_str_eq(sn_pq_message("", buf, sizeof(buf)), "");
	ck_assert_uint_eq(strlen(sn_pq_message("longer than what there is room for", buf,
				  sizeof(buf))) < sizeof(buf),
		1);
}
END_TEST

Suite *pq_open_suite(void);
Suite *pq_open_suite(void)
{
	Suite *s = suite_create("pq_open");
	TCase *tc = tcase_create("pq_open");

	tcase_add_unchecked_fixture(tc, server_setup, NULL);
	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nobody_there_is_said);
	tcase_add_test(tc, a_refused_login_is_said);
	tcase_add_test(tc, a_url_that_is_none_is_said);
	tcase_add_test(tc, another_encoding_is_refused);
	tcase_add_test(tc, a_user_without_rights_is_told);
	tcase_add_test(tc, sessions_keep_our_promises);
	tcase_add_test(tc, messages_become_one_line);
	suite_add_tcase(s, tc);
	return s;
}
