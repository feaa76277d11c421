#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/sqlite_private.h"
#include "tests/unit/daemon/store/fixture.h"

static char from[128], to[128];

static void setup(void)
{
	store_setup();
	snprintf(from, sizeof(from), "%s", in_folder("test.db"));
	snprintf(to, sizeof(to), "%s", in_folder("copy.db"));
}

static int64_t count_in_copy(void)
{
	struct sn_sqlite c;
	int64_t count = -1;

	ck_assert_int_eq(sn_sqlite_open(&c, to, &diag), SN_OK);
	ck_assert_int_eq(sn_sqlite_check(&c, to, &diag), SN_OK);
	ck_assert_int_eq(sn_sqlite_integer(&c, "SELECT count(*) FROM things", &count), SQLITE_OK);
	sn_sqlite_fini(&c);
	return count;
}

START_TEST(a_copy_is_whole_private_and_alone)
{
	struct stat st;
	mode_t before = umask(0);

	open_things(ENGINE_SQLITE);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(sn_sqlite_copy(from, to, false, &diag), SN_OK);
	umask(before);
	ck_assert_int_eq(stat(to, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(count_in_copy(), 1);
	ck_assert_int_ne(access(in_folder("copy.db.part"), F_OK), 0);
}
END_TEST

START_TEST(an_existing_file_is_replaced_only_when_told)
{
	open_things(ENGINE_SQLITE);
	ck_assert_int_eq(sn_sqlite_copy(from, to, false, &diag), SN_OK);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	ck_assert_int_eq(sn_sqlite_copy(from, to, false, &diag), -EEXIST);
	ck_assert_ptr_nonnull(strstr(diag.text, "give another name"));
	ck_assert_int_eq(count_in_copy(), 0);
	ck_assert_int_eq(sn_sqlite_copy(from, to, true, &diag), SN_OK);
	ck_assert_int_eq(count_in_copy(), 1);
}
END_TEST

START_TEST(a_copy_that_fails_leaves_nothing)
{
	ck_assert_int_ne(sn_sqlite_copy(from, to, false, &diag), SN_OK); /* there is no source */
	ck_assert_int_ne(access(to, F_OK), 0);
	ck_assert_int_ne(access(in_folder("copy.db.part"), F_OK), 0);
	ck_assert_int_eq(sn_sqlite_copy(from, "/nowhere/copy.db", false, &diag), -ENOENT);
	ck_assert_ptr_nonnull(strstr(diag.text, "/nowhere/copy.db"));
}
END_TEST

Suite *sqlite_copy_suite(void);
Suite *sqlite_copy_suite(void)
{
	Suite *s = suite_create("sqlite_copy");
	TCase *tc = tcase_create("sqlite_copy");

	tcase_add_checked_fixture(tc, setup, store_teardown);
	tcase_add_test(tc, a_copy_is_whole_private_and_alone);
	tcase_add_test(tc, an_existing_file_is_replaced_only_when_told);
	tcase_add_test(tc, a_copy_that_fails_leaves_nothing);
	suite_add_tcase(s, tc);
	return s;
}
