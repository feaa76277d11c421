#include "daemon/proc/broker_open.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/jail.h"
#include "tests/unit/daemon/proc/machine.h"

#define SSH ALICE_HOME "/.ssh"
#define KEYS SSH "/authorized_keys"

START_TEST(expands_paths)
{
	static const struct {
		const char *pattern, *path;
		int code;
	} rows[] = {
		{ "%h/.ssh/authorized_keys", "/home/al/.ssh/authorized_keys", SN_OK },
		{ ".ssh/authorized_keys", "/home/al/.ssh/authorized_keys", SN_OK },
		{ "/etc/keys/%u", "/etc/keys/al", SN_OK },
		{ "/etc/keys/%U.pub", "/etc/keys/1000.pub", SN_OK },
		{ "/a%%b", "/a%b", SN_OK },
		{ "%u", "/home/al/al", SN_OK },
		{ "/%x", NULL, SN_ESYNTAX },
		{ "/%", NULL, SN_ESYNTAX },
		{ "", NULL, SN_EMISSING },
	};
	struct passwd pw = {
		.pw_name = (char[]){ "al" }, .pw_dir = (char[]){ "/home/al" }, .pw_uid = 1000
	};
	char text[64];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	ck_assert_int_eq(sn_broker_expand_path(sn_str(rows[_i].pattern), &pw, &out), rows[_i].code);
	if (rows[_i].path != NULL)
		ck_assert_str_eq(text, rows[_i].path);
}
END_TEST

START_TEST(a_path_too_long_is_refused)
{
	struct passwd pw = { .pw_name = (char[]){ "al" }, .pw_dir = (char[]){ "/home/al" } };
	char text[8];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	ck_assert_int_eq(sn_broker_expand_path(SN_STR("%h/x"), &pw, &out), SN_ELIMIT);
}
END_TEST

/* In a process of its own: it becomes alice for good. */
static int open_keys(const void *arg)
{
	const struct passwd *pw = getpwnam("alice");
	int fd, code;

	(void)arg;
	code = pw != NULL ? sn_broker_open_file(pw, KEYS, &fd) : SN_ENOTFOUND;
	switch (code) {
	case SN_OK:
		return geteuid() == pw->pw_uid ? 0 : 9;
	case SN_EDENIED:
		return 1;
	case SN_ENOTFOUND:
		return 2;
	case SN_ELIMIT:
		return 3;
	default:
		return 4;
	}
}

enum { OPENED, DENIED, NOT_FOUND, TOO_LARGE };

static void expect(int outcome, const char *said)
{
	struct jail_end end;

	jail_run(open_keys, NULL, &end);
	ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == outcome, "%d: %s",
		WEXITSTATUS(end.status), end.said);
	if (said != NULL)
		ck_assert_msg(strstr(end.said, said) != NULL, "%s", end.said);
}

static void own(const char *path)
{
	if (machine_is_root)
		ck_assert_int_eq(chown(path, machine_alice(), machine_alice()), 0);
}

static void setup(void)
{
	machine_setup();
	machine_write(KEYS, "key", machine_alice(), 0600);
	own(SSH);
}

START_TEST(opens_what_is_safe)
{
	expect(OPENED, NULL);
	ck_assert_int_eq(chmod(KEYS, 0644), 0);
	expect(OPENED, NULL);
}
END_TEST

START_TEST(refuses_what_others_may_write)
{
	static const char *const paths[] = { KEYS, SSH, ALICE_HOME };

	for (size_t i = 0; i < 3; i++) {
		struct stat st;

		ck_assert_int_eq(stat(paths[i], &st), 0);
		ck_assert_int_eq(chmod(paths[i], st.st_mode | 020), 0);
		expect(DENIED, "chmod go-w it");
		ck_assert_int_eq(chmod(paths[i], (st.st_mode & 0777) | 002), 0);
		expect(DENIED, paths[i]);
		ck_assert_int_eq(chmod(paths[i], st.st_mode & 0777), 0);
	}
	expect(OPENED, NULL);
	ck_assert_int_eq(chmod("/mnt/home", 0777), 0); /* above the home: not looked at */
	expect(OPENED, NULL);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
	ck_assert_int_eq(unlink(KEYS), 0);
	expect(NOT_FOUND, NULL);
	ck_assert_int_eq(mkfifo(KEYS, 0600), 0); /* would block */
	own(KEYS);
	expect(DENIED, "not a plain file");
	ck_assert_int_eq(unlink(KEYS), 0);
	ck_assert_int_eq(mkdir(KEYS, 0700), 0);
	own(KEYS);
	expect(DENIED, "not a plain file");
}
END_TEST

/* A link leads where the user may read anyway; the folders on the way there count. */
START_TEST(follows_links_with_the_users_rights)
{
	machine_write("/mnt/shared/keys", "key", machine_alice(), 0600);
	ck_assert_int_eq(unlink(KEYS), 0);
	ck_assert_int_eq(symlink("/mnt/shared/keys", KEYS), 0);
	ck_assert_int_eq(chmod("/mnt/shared", 0777), 0);
	expect(DENIED, "/mnt/shared");
	machine_write("/etc/secret", "x", 0, 0600);
	ck_assert_int_eq(chmod("/etc/secret", 0), 0);
	ck_assert_int_eq(unlink(KEYS), 0);
	ck_assert_int_eq(symlink("/etc/secret", KEYS), 0);
	expect(DENIED, NULL);
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
	ck_assert_int_eq(truncate(KEYS, SN_BROKER_FILE_MAX), 0);
	expect(OPENED, NULL);
	ck_assert_int_eq(truncate(KEYS, SN_BROKER_FILE_MAX + 1), 0);
	expect(TOO_LARGE, NULL);
}
END_TEST

Suite *broker_open_suite(void);

Suite *broker_open_suite(void)
{
	Suite *suite = suite_create("broker_open");
	TCase *paths = tcase_create("paths"), *files = tcase_create("files");

	tcase_add_loop_test(paths, expands_paths, 0, 9);
	tcase_add_test(paths, a_path_too_long_is_refused);
	suite_add_tcase(suite, paths);
	tcase_add_checked_fixture(files, setup, NULL);
	tcase_set_tags(files, "no-valgrind");
	tcase_add_test(files, opens_what_is_safe);
	tcase_add_test(files, refuses_what_others_may_write);
	tcase_add_test(files, refuses_what_is_no_file);
	tcase_add_test(files, follows_links_with_the_users_rights);
	tcase_add_test(files, refuses_what_is_too_large);
	suite_add_tcase(suite, files);
	return suite;
}
