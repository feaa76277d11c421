#include "daemon/auth/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/support/unit.h"

static char folder[64];
static struct sn_diag diag;

static const char *in_folder(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void setup(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/sennit-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	diag = (struct sn_diag){ 0 };
}

static void teardown(void)
{
	static const char *const names[] = { "state/lock", "state/boot.key", "state/sennit.db",
		"home/.local/state/sennit", "home/.local/state", "home/.local", "home", "state",
		"file", "lock", "boot.key" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)remove(in_folder(names[i]));
	ck_assert_int_eq(rmdir(folder), 0);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static const char *found(const char *given)
{
	static char path[200];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, path, sizeof(path));
	return sn_state_dir_find(sn_str(given), &b, &diag) == SN_OK ? path : diag.text;
}

/* As whoever runs this, then as somebody who is not root. */
START_TEST(where_it_is)
{
	ck_assert_str_eq(found("/srv/state"), "/srv/state");
	if (geteuid() == 0) {
		ck_assert_str_eq(found(""), "/var/lib/sennit");
		ck_assert_int_eq(seteuid(65534), 0);
	}
	ck_assert_int_eq(setenv("HOME", "/home/alice", 1), 0);
	ck_assert_int_eq(setenv("XDG_STATE_HOME", "/srv/xdg", 1), 0);
	ck_assert_str_eq(found(""), "/srv/xdg/sennit");
	ck_assert_int_eq(setenv("XDG_STATE_HOME", "relative", 1), 0);
	ck_assert_str_eq(found(""), "/home/alice/.local/state/sennit");
	ck_assert_int_eq(unsetenv("HOME"), 0);
	ck_assert_ptr_nonnull(strstr(found(""), "--state DIR"));
	(void)!seteuid(getuid());
}
END_TEST

START_TEST(is_made_for_its_owner_alone)
{
	struct stat st;

	ck_assert_int_eq(sn_state_dir_make(in_folder("state"), &diag), SN_OK);
	ck_assert_int_eq(stat(in_folder("state"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(sn_state_dir_make(in_folder("state"), &diag), SN_OK);
}
END_TEST

START_TEST(the_parent_must_exist)
{
	ck_assert_int_eq(sn_state_dir_make(in_folder("none/state"), &diag), -ENOENT);
	ck_assert_ptr_nonnull(strstr(diag.text, "the folder above it does not exist"));
}
END_TEST

START_TEST(refuses)
{
	write_text("file", "");
	ck_assert_int_eq(sn_state_dir_make(in_folder("file"), &diag), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(diag.text, "cannot be used"));
	ck_assert_int_eq(mkdir(in_folder("state"), 0700), 0);
	ck_assert_int_eq(chmod(in_folder("state"), 0770), 0);
	ck_assert_int_eq(sn_state_dir_make(in_folder("state"), &diag), -EPERM);
	ck_assert_ptr_nonnull(strstr(diag.text, "mode 0770"));
	ck_assert_ptr_nonnull(strstr(diag.text, "chmod 0700"));
}
END_TEST

/* The rest needs a user without rights; a child is one, for good. */
static int as_nobody(int (*act)(void))
{
	const pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int make_in_foreign(void)
{
	if (getuid() != 65534)
		return 0; /* not started as root: everything here is ours */
	if (sn_state_dir_make(in_folder("state"), &diag) != -EPERM ||
		strstr(diag.text, "belongs to") == NULL)
		return 1;
	return sn_state_dir_make(in_folder("state2"), &diag) == -EACCES ? 0 : 2;
}

START_TEST(belongs_to_somebody_else)
{
	ck_assert_int_eq(mkdir(in_folder("state"), 0755), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(as_nobody(make_in_foreign), 0);
}
END_TEST

static int make_in_home(void)
{
	struct sn_strbuf path;
	char text[200];

	(void)setenv("HOME", in_folder("home"), 1);
	(void)unsetenv("XDG_STATE_HOME");
	sn_strbuf_fixed(&path, text, sizeof(text));
	if (sn_state_dir_find(SN_STR_NULL, &path, &diag) != SN_OK)
		return 1;
	return sn_state_dir_make(text, &diag) == SN_OK ? 0 : 2;
}

START_TEST(the_default_is_made_with_its_parents)
{
	struct stat st;

	ck_assert_int_eq(mkdir(in_folder("home"), 0777), 0);
	ck_assert_int_eq(chmod(in_folder("home"), 0777), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(as_nobody(make_in_home), 0);
	ck_assert_int_eq(stat(in_folder("home/.local/state/sennit"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

static int become(void)
{
	struct stat st;

	if (sn_state_dir_become_owner(in_folder("state"), &diag) != SN_OK)
		return 1;
	return stat(in_folder("state"), &st) == 0 && st.st_uid == geteuid() ? 0 : 2;
}

START_TEST(root_becomes_its_owner)
{
	const pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (mkdir(in_folder("state"), 0700) != 0 ||
			(geteuid() == 0 && chown(in_folder("state"), 65534, 65534) != 0) ||
			chmod(folder, 0755) != 0)
			_exit(3);
		_exit(become());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(sn_state_dir_become_owner(in_folder("none"), &diag), -ENOENT);
}
END_TEST

START_TEST(locks)
{
	char pid[32], expected[64];
	int fd = -1, other = -1;
	FILE *file;

	ck_assert_int_eq(sn_state_dir_lock(folder, &fd, &diag), SN_OK);
	file = fopen(in_folder("lock"), "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(pid, sizeof(pid), file));
	(void)fclose(file);
	ck_assert_int_eq(atoi(pid), getpid());
	ck_assert_int_eq(sn_state_dir_lock(folder, &other, &diag), SN_ELOCKED);
	(void)snprintf(expected, sizeof(expected), "another daemon (pid %d)", (int)getpid());
	ck_assert_ptr_nonnull(strstr(diag.text, expected));
	ck_assert_ptr_nonnull(strstr(diag.text, "--state DIR"));
	(void)close(fd);
	ck_assert_int_eq(sn_state_dir_lock(folder, &other, &diag), SN_OK);
	(void)close(other);
	ck_assert_int_eq(sn_state_dir_lock(in_folder("none"), &other, &diag), -ENOENT);
	ck_assert_ptr_nonnull(strstr(diag.text, "cannot lock"));
}
END_TEST

/* A lock whose holder's text is not to be read is one all the same. */
START_TEST(a_lock_without_pid)
{
	int fd = -1, other = -1;

	ck_assert_int_eq(sn_state_dir_lock(folder, &fd, &diag), SN_OK);
	write_text("lock", "noise");
	ck_assert_int_eq(sn_state_dir_lock(folder, &other, &diag), SN_ELOCKED);
	ck_assert_ptr_nonnull(strstr(diag.text, "another daemon uses"));
	(void)close(fd);
}
END_TEST

START_TEST(the_key_stays)
{
	uint8_t one[SN_BOOT_KEY_SIZE] = { 0 }, other[SN_BOOT_KEY_SIZE] = { 0 };
	const uint8_t zeros[SN_BOOT_KEY_SIZE] = { 0 };
	struct stat st;

	ck_assert_int_eq(sn_state_dir_boot_key(folder, one, &diag), SN_OK);
	ck_assert_int_eq(sn_state_dir_boot_key(folder, other, &diag), SN_OK);
	ck_assert_mem_eq(one, other, sizeof(one));
	ck_assert_mem_ne(one, zeros, sizeof(one));
	ck_assert_int_eq(stat(in_folder("boot.key"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	write_text("boot.key", "short");
	ck_assert_int_eq(sn_state_dir_boot_key(folder, one, &diag), SN_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(diag.text, "remove it"));
	ck_assert_int_eq(sn_state_dir_boot_key(in_folder("none"), one, &diag), -ENOENT);
}
END_TEST

START_TEST(urls)
{
	static const struct {
		const char *path, *store, *url;
	} rows[] = {
		{ "/srv/state", "", "sqlite:/srv/state/sennit.db" },
		{ "/srv/state", "postgresql://db/sennit", "postgresql://db/sennit" },
		{ NULL, "", "sqlite::memory:" },
		{ NULL, "sqlite:x.db", "sqlite:x.db" },
	};
	struct sn_strbuf url;

	sn_strbuf_init(&url, 1000);
	sn_state_dir_store_url(rows[_i].path, sn_str(rows[_i].store), &url);
	ck_assert_str_eq(sn_strbuf_cstr(&url), rows[_i].url);
	sn_strbuf_fini(&url);
}
END_TEST

Suite *suite_state_dir(void);
Suite *suite_state_dir(void)
{
	Suite *suite = suite_create("state_dir");
	TCase *tc = tcase_create("state_dir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, where_it_is);
	tcase_add_test(tc, is_made_for_its_owner_alone);
	tcase_add_test(tc, the_parent_must_exist);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, belongs_to_somebody_else);
	tcase_add_test(tc, the_default_is_made_with_its_parents);
	tcase_add_test(tc, root_becomes_its_owner);
	tcase_add_test(tc, locks);
	tcase_add_test(tc, a_lock_without_pid);
	tcase_add_test(tc, the_key_stays);
	tcase_add_loop_test(tc, urls, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
