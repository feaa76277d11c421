/* Migrations of files: copies before each, and what is left when one fails. The rules themselves
 * are tested in test_migrate.c, their results on every engine in test_store.c. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/store/sqlite_private.h"
#include "tests/unit/daemon/store/fixture.h"
#include "tests/unit/daemon/store/versions.h"

static bool exists(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

START_TEST(a_copy_is_made_before_each_migration)
{
	char url[160];

	ck_assert_int_eq(try_open(url_of(ENGINE_SQLITE), versions_up_to_1), SN_OK);
	ck_assert_int_eq(run1(SQL("INSERT INTO notes (id, body) VALUES (1, 'old')")), SN_OK);
	close_store();
	ck_assert(!exists("test.db.before-notes-1"));
	ck_assert_int_eq(try_open(url_of(ENGINE_SQLITE), versions_up_to_3), SN_OK);
	close_store();
	ck_assert(exists("test.db.before-notes-2"));
	ck_assert(exists("test.db.before-notes-3"));
	/* It is what was there before, and the older program can go on with it. */
	snprintf(url, sizeof(url), "sqlite:%s", in_folder("test.db.before-notes-2"));
	ck_assert_int_eq(try_open(url, versions_up_to_1), SN_OK);
	assert_rows(SQL("SELECT body FROM notes"), "old\n");
}
END_TEST

START_TEST(nothing_is_copied_without_need)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(try_open(url_of(ENGINE_SQLITE), versions_up_to_1), SN_OK);
		close_store();
	}
	ck_assert(!exists("test.db.before-notes-1"));
	ck_assert(!exists("test.db.before-notes-2"));
}
END_TEST

START_TEST(memory_needs_no_copy)
{
	ck_assert_int_eq(try_open("sqlite::memory:", versions_up_to_3), SN_OK);
	ck_assert(!exists(":memory:.before-notes-2"));
}
END_TEST

Suite *sqlite_migrate_suite(void);
Suite *sqlite_migrate_suite(void)
{
	Suite *s = suite_create("sqlite_migrate");
	TCase *tc = tcase_create("sqlite_migrate");

	tcase_add_checked_fixture(tc, store_setup, store_teardown);
	tcase_add_test(tc, a_copy_is_made_before_each_migration);
	tcase_add_test(tc, nothing_is_copied_without_need);
	tcase_add_test(tc, memory_needs_no_copy);
	suite_add_tcase(s, tc);
	return s;
}
