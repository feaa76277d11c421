#include "daemon/proc/utmp.h"

#include <fcntl.h>
#include <lastlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmpx.h>

#include "daemon/base/clock.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/machine.h"

static const struct sn_utmp_login row = {
	.pid = 1234,
	.uid = 3,
	.line = "pts/17",
	.user = "a-name-that-fills-the-whole-field-and-more",
	.host = "2001:db8::7",
};

static struct utmpx read_entry(const char *path, unsigned index)
{
	struct utmpx entry;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		pread(fd, &entry, sizeof(entry), (off_t)(index * sizeof(entry))), sizeof(entry));
	(void)close(fd);
	return entry;
}

START_TEST(writes_all_three)
{
	static const uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };
	struct lastlog last;
	struct utmpx entry;
	int fd;

	sn_utmp_login(&row, SN_SEC(1700000000) + SN_US(5));
	entry = read_entry("/run/utmp", 0);
	ck_assert_int_eq(entry.ut_type, USER_PROCESS);
	ck_assert_str_eq(entry.ut_line, "pts/17");
	ck_assert_mem_eq(entry.ut_id, "s/17", 4);
	ck_assert_mem_eq(entry.ut_user, row.user, sizeof(entry.ut_user));
	ck_assert_mem_eq(entry.ut_addr_v6, address, 16);
	ck_assert_int_eq(entry.ut_tv.tv_sec, 1700000000);
	ck_assert_int_eq(entry.ut_tv.tv_usec, 5);
	ck_assert_int_eq(read_entry("/var/log/wtmp", 0).ut_type, USER_PROCESS);
	fd = open("/var/log/lastlog", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &last, sizeof(last), 3 * sizeof(last)), sizeof(last));
	(void)close(fd);
	ck_assert_str_eq(last.ll_host, "2001:db8::7");
	ck_assert_int_eq(last.ll_time, 1700000000);
}
END_TEST

START_TEST(logging_out_replaces_the_entry)
{
	struct stat st;
	struct utmpx entry;

	sn_utmp_login(&row, SN_SEC(1700000000));
	sn_utmp_logout(&row, SN_SEC(1700000060));
	ck_assert_int_eq(stat("/run/utmp", &st), 0);
	ck_assert_int_eq(st.st_size, sizeof(struct utmpx));
	entry = read_entry("/run/utmp", 0);
	ck_assert_int_eq(entry.ut_type, DEAD_PROCESS);
	ck_assert_str_eq(entry.ut_user, "");
	entry = read_entry("/var/log/wtmp", 1);
	ck_assert_int_eq(entry.ut_type, DEAD_PROCESS);
	ck_assert_int_eq(entry.ut_tv.tv_sec, 1700000060);
}
END_TEST

START_TEST(missing_files_stay_missing)
{
	struct stat st;

	ck_assert_int_eq(unlink("/run/utmp"), 0);
	ck_assert_int_eq(unlink("/var/log/wtmp"), 0);
	ck_assert_int_eq(unlink("/var/log/lastlog"), 0);
	sn_utmp_login(&row, SN_SEC(1));
	sn_utmp_logout(&row, SN_SEC(2));
	ck_assert_int_eq(stat("/run/utmp", &st), -1);
	ck_assert_int_eq(stat("/var/log/wtmp", &st), -1);
	ck_assert_int_eq(stat("/var/log/lastlog", &st), -1);
}
END_TEST

Suite *utmp_suite(void);

Suite *utmp_suite(void)
{
	Suite *suite = suite_create("utmp");
	TCase *tc = tcase_create("utmp");

	tcase_add_checked_fixture(tc, machine_setup, NULL);
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, writes_all_three);
	tcase_add_test(tc, logging_out_replaces_the_entry);
	tcase_add_test(tc, missing_files_stay_missing);
	suite_add_tcase(suite, tc);
	return suite;
}
