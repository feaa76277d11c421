#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/sqlite_private.h"
#include "tests/unit/daemon/store/fixture.h"

#define NOBODY 65534

static char path[128];

static void setup(void)
{
	store_setup();
	snprintf(path, sizeof(path), "%s", in_folder("test.db"));
}

/* A database of several pages, closed. */
static void make_database(void)
{
	open_things(ENGINE_SQLITE);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(run1(SQL("INSERT INTO things (id, data) VALUES ($1, "
					  "zeroblob(2000))",
					 INT(i))),
			SN_OK);
	close_store();
}

static void overwrite(off_t at, size_t size)
{
	char noise[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 37 + 11);
	for (size_t done = 0; done < size; done += sizeof(noise))
		ck_assert_int_gt(pwrite(fd, noise, sizeof(noise), at + (off_t)done), 0);
	close(fd);
}

static void assert_refused(int code, const char *why, const char *what_to_do)
{
	ck_assert_int_eq(try_open(url_of(ENGINE_SQLITE), NULL), code);
	ck_assert_int_eq(diag.code, code);
	ck_assert_msg(strstr(diag.text, path) != NULL && strstr(diag.text, why) != NULL &&
			strstr(diag.text, what_to_do) != NULL,
		"%s", diag.text);
	ck_assert_ptr_null(store);
}

START_TEST(a_new_file_is_the_owners_alone)
{
	static const char *const names[] = { "test.db", "test.db-wal", "test.db-shm" };
	struct stat st;
	mode_t before = umask(0);

	open_things(ENGINE_SQLITE);
	ck_assert_int_eq(add_thing(1, "one"), SN_OK);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(stat(in_folder(names[i]), &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
	}
	umask(before);
}
END_TEST

START_TEST(it_is_set_up_to_lose_nothing)
{
	static const struct {
		const char *text;
		int64_t value;
	} settings[] = {
		{ "PRAGMA synchronous", 2 },
		{ "PRAGMA foreign_keys", 1 },
		{ "PRAGMA busy_timeout", SN_SQLITE_BUSY_MS },
		{ "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'", 1 },
	};
	struct sn_sqlite c;
	int64_t value;

	ck_assert_int_eq(sn_sqlite_open(&c, path, &diag), SN_OK);
	ck_assert_int_eq(sn_sqlite_check(&c, path, &diag), SN_OK);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		ck_assert_int_eq(sn_sqlite_integer(&c, settings[i].text, &value), SQLITE_OK);
		ck_assert_int_eq(value, settings[i].value);
	}
	sn_sqlite_fini(&c);
}
END_TEST

START_TEST(noise_is_refused)
{
	overwrite(0, 8192);
	assert_refused(SN_ECORRUPT, "not an SQLite database", "restore a backup");
}
END_TEST

START_TEST(noise_over_the_start_is_refused)
{
	make_database();
	overwrite(0, 4096);
	assert_refused(SN_ECORRUPT, "not an SQLite database", "restore a backup");
}
END_TEST

START_TEST(noise_in_the_middle_is_refused)
{
	make_database();
	overwrite(8192, 16384);
	assert_refused(SN_ECORRUPT, "damaged", "restore a backup");
}
END_TEST

/* A worker in the place of a lost one does not look through the whole file again. */
START_TEST(a_file_that_was_checked_opens_without)
{
	char text[200];
	struct sn_store_options unchecked = { .checked_before = true };
	static const struct sn_store_schema *const none[] = { NULL };

	make_database();
	overwrite(8192, 16384);
	(void)snprintf(text, sizeof(text), "sqlite:%s", path);
	unchecked.url = sn_str(text);
	unchecked.schemas = none;
	ck_assert_msg(sn_store_open(loop, &unchecked, &store, &diag) == SN_OK, "%s", diag.text);
	close_store();
	unchecked.checked_before = false;
	ck_assert_int_eq(sn_store_open(loop, &unchecked, &store, &diag), SN_ECORRUPT);
}
END_TEST

START_TEST(truncated_files_are_refused)
{
	static const off_t sizes[] = { 50, 100, 4096, 5000, 12288, 40000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_database();
		ck_assert_int_eq(truncate(path, sizes[i]), 0);
		assert_refused(SN_ECORRUPT, "", "restore a backup");
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

START_TEST(an_emptied_file_is_refused)
{
	make_database();
	ck_assert_int_eq(truncate(path, 0), 0);
	assert_refused(SN_ECORRUPT, "empty", "restore a backup");
}
END_TEST

START_TEST(another_programs_database_is_refused)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_refused(SN_ECONFIG, "another program", "another path");
}
END_TEST

START_TEST(a_missing_folder_is_named)
{
	snprintf(path, sizeof(path), "%s/none/test.db", folder);
	options.url = sn_str(path);
	ck_assert_int_eq(sn_store_open(loop, &options, &store, &diag), -ENOENT);
	ck_assert_ptr_nonnull(strstr(diag.text, "/none"));
	ck_assert_ptr_nonnull(strstr(diag.text, "create it first"));
}
END_TEST

/* Permissions do not hold for root: it looks at them as somebody else. */
static void become_nobody(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
}

static void become_root_again(void)
{
	ck_assert_int_eq(seteuid(getuid()), 0);
}

START_TEST(a_read_only_folder_is_refused)
{
	make_database();
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(chmod(folder, 0555), 0);
	become_nobody();
	assert_refused(SN_EDENIED, "may not write in folder", "make it writable");
	become_root_again();
	ck_assert_int_eq(chmod(folder, 0755), 0);
}
END_TEST

START_TEST(a_read_only_file_is_refused)
{
	make_database();
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	become_nobody();
	assert_refused(SN_EDENIED, "may not write here", "must be writable");
	become_root_again();
}
END_TEST

START_TEST(every_failure_has_a_text)
{
	static const struct {
		int rc, code;
		const char *text;
	} cases[] = {
		{ SQLITE_FULL, SN_EUNAVAILABLE, "x: the disk is full: free some space" },
		{ SQLITE_BUSY, SN_ELOCKED, "x: locked by another program" },
		{ SQLITE_IOERR_READ, SN_EUNAVAILABLE, "x: input or output failed" },
		{ SQLITE_CANTOPEN, SN_EDENIED, "may not write here" },
		{ SQLITE_CORRUPT, SN_ECORRUPT, "x: damaged" },
		{ SQLITE_ERROR, SN_ESQL, "x: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(sn_sqlite_explain(NULL, cases[i].rc, "x", &diag), cases[i].code);
		ck_assert_ptr_nonnull(strstr(diag.text, cases[i].text));
	}
}
END_TEST

Suite *sqlite_open_suite(void);
Suite *sqlite_open_suite(void)
{
	Suite *s = suite_create("sqlite_open");
	TCase *tc = tcase_create("sqlite_open");

	tcase_add_checked_fixture(tc, setup, store_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_new_file_is_the_owners_alone);
	tcase_add_test(tc, it_is_set_up_to_lose_nothing);
	tcase_add_test(tc, noise_is_refused);
	tcase_add_test(tc, noise_over_the_start_is_refused);
	tcase_add_test(tc, noise_in_the_middle_is_refused);
	tcase_add_test(tc, a_file_that_was_checked_opens_without);
	tcase_add_test(tc, truncated_files_are_refused);
	tcase_add_test(tc, an_emptied_file_is_refused);
	tcase_add_test(tc, another_programs_database_is_refused);
	tcase_add_test(tc, a_missing_folder_is_named);
	tcase_add_test(tc, a_read_only_folder_is_refused);
	tcase_add_test(tc, a_read_only_file_is_refused);
	tcase_add_test(tc, every_failure_has_a_text);
	suite_add_tcase(s, tc);
	return s;
}
