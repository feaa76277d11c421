#include "daemon/proc/runtime_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/net/plan.h"
#include "daemon/proc/control.h"
#include "tests/support/unit.h"

static char dir[64], path[128];
static struct sn_diag diag;

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/sn-runtime-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run", dir);
}

static void teardown(void)
{
	(void)rmdir(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void check_default(const char *configured, const char *want)
{
	struct sn_strbuf b;

	sn_strbuf_init(&b, 4096);
	sn_runtime_dir_path(sn_str(configured), &b);
	ck_assert_str_eq(sn_strbuf_cstr(&b), want);
	sn_strbuf_fini(&b);
}

START_TEST(where_it_is)
{
	const pid_t other = fork();
	int status;

	if (other == 0) { /* a user who is not root */
		char own[64];

		if (geteuid() == 0)
			ck_assert_int_eq(setuid(65534), 0);
		ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
		check_default("", "/run/user/7/sennit");
		ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
		snprintf(own, sizeof(own), "/tmp/sennit-%u", (unsigned)geteuid());
		check_default("", own);
		ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", "/run/of/unit", 1), 0);
		check_default("", "/run/of/unit");
		check_default("/srv/x", "/srv/x");
		ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", "/run/of/unit:/run/other", 1), 0);
		check_default("", own);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(status, 0);
	check_default("/srv/x", "/srv/x");
	if (geteuid() == 0)
		check_default("", "/run/sennit");
}
END_TEST

START_TEST(made_once_and_kept)
{
	struct stat st;

	ck_assert_msg(
		sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag) == SN_OK, "%s", diag.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag), SN_OK);
}
END_TEST

START_TEST(what_is_not_ours_is_refused)
{
	FILE *file;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_eq(sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag), SN_EDENIED);
	ck_assert_ptr_nonnull(strstr(diag.text, "mode 777"));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("/tmp", path), 0);
	ck_assert_int_lt(sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag), 0);
	ck_assert_int_eq(unlink(path), 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_lt(sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag), 0);
	ck_assert_ptr_nonnull(strstr(diag.text, "no directory"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_lt(sn_runtime_dir_make("/nowhere/at/all", (uid_t)-1, (gid_t)-1, &diag), 0);
	ck_assert_ptr_nonnull(strstr(diag.text, "[server] runtime"));
}
END_TEST

START_TEST(only_daemons_that_answer_are_listed)
{
	static const char *const names[] = { "web", "irc" };
	struct sn_listen_socket socks[2];
	struct sn_runtime_names found;
	char dead[160];
	FILE *file;

	ck_assert_int_eq(sn_runtime_dir_make(path, (uid_t)-1, (gid_t)-1, &diag), SN_OK);
	for (size_t i = 0; i < 2; i++) {
		struct sn_strbuf b;

		sn_strbuf_init(&b, 4096);
		sn_runtime_socket(sn_str(path), sn_str(names[i]), &b);
		ck_assert_int_eq(sn_control_bind(sn_strbuf_cstr(&b), &socks[i], &diag), SN_OK);
		sn_strbuf_fini(&b);
	}
	snprintf(dead, sizeof(dead), "%s/dead.sock", path);
	file = fopen(dead, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fclose(file), 0);
	sn_runtime_list(path, &found);
	ck_assert_uint_eq(found.count, 2);
	ck_assert_str_eq(found.names[0], "irc");
	ck_assert_str_eq(found.names[1], "web");
	sn_runtime_free(&found);
	for (size_t i = 0; i < 2; i++)
		sn_listen_close(&socks[i]);
	ck_assert_int_eq(unlink(dead), 0);
	sn_runtime_list("/nowhere/at/all", &found);
	ck_assert_uint_eq(found.count, 0);
	sn_runtime_free(&found);
}
END_TEST

Suite *runtime_dir_suite(void);
Suite *runtime_dir_suite(void)
{
	Suite *suite = suite_create("proc/runtime_dir");
	TCase *tc = tcase_create("runtime_dir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, where_it_is);
	tcase_add_test(tc, made_once_and_kept);
	tcase_add_test(tc, what_is_not_ours_is_refused);
	tcase_add_test(tc, only_daemons_that_answer_are_listed);
	suite_add_tcase(suite, tc);
	return suite;
}
