#include "daemon/net/listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/daemon/net/nobody.h"

static struct sn_listen_plan plan;
static struct sn_listen_socket sock;
static struct sn_diag diag;
static char dir[32];
static char path[64], lock_path[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/sn-unix-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(lock_path, sizeof(lock_path), "%s/s.lock", dir);
	plan = (struct sn_listen_plan){
		.socktype = SOCK_STREAM, .fd = -1, .wfd = -1, .mode = 0666, .lock = true
	};
	ck_assert_int_eq(sn_addr_unix(sn_str(path), &plan.addr), SN_OK);
}

static void teardown(void)
{
	unlink(path);
	unlink(lock_path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void check_open(void)
{
	ck_assert_msg(sn_listen_open(&plan, &sock, &diag) == SN_OK, "%s", diag.text);
}

static void check_failure(int code, const char *words)
{
	ck_assert_int_eq(sn_listen_open(&plan, &sock, &diag), code);
	ck_assert_msg(strstr(diag.text, words) != NULL, "\"%s\" lacks \"%s\"", diag.text, words);
	ck_assert_int_eq(sock.fd, -1);
	ck_assert_ptr_null(sock.unlink_path);
}

static bool exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static bool can_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool can = connect(fd, &plan.addr.sa, plan.addr.len) == 0;

	close(fd);
	return can;
}

START_TEST(a_file_with_a_mode_and_a_lock)
{
	struct stat st;

	umask(077);
	plan.mode = 0626;
	check_open();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0626);
	ck_assert(exists(lock_path));
	ck_assert(can_connect());
	sn_listen_close(&sock);
	ck_assert(!exists(path));
	ck_assert(!exists(lock_path));
	ck_assert_int_eq(sock.lock_fd, -1);
}
END_TEST

START_TEST(an_open_socket_takes_another_mode)
{
	struct stat st;

	check_open();
	plan.mode = 0600;
	plan.backlog = 7;
	ck_assert_int_eq(sn_listen_adjust(&plan, &sock, &diag), SN_OK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(can_connect());
	plan.user = "no-such-user";
	ck_assert_int_eq(sn_listen_adjust(&plan, &sock, &diag), SN_ENOTFOUND);
	sn_listen_close(&sock);
}
END_TEST

START_TEST(no_lock_file_unless_asked_for)
{
	plan.lock = false;
	check_open();
	ck_assert(!exists(lock_path));
	sn_listen_close(&sock);
	ck_assert(!exists(path));
}
END_TEST

/* What a killed daemon leaves: both files, and nobody behind them. */
START_TEST(leftovers_are_replaced)
{
	pid_t child = fork();

	if (child == 0) {
		check_open();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(exists(path) && exists(lock_path));
	ck_assert(!can_connect());
	plan.lock = _i == 0;
	check_open();
	ck_assert(can_connect());
	sn_listen_close(&sock);
}
END_TEST

START_TEST(a_second_daemon_is_refused)
{
	struct sn_listen_socket first;

	check_open();
	first = sock;
	check_failure(-EADDRINUSE, "is in use by another daemon, which holds");
	plan.lock = false;
	check_failure(-EADDRINUSE, "is in use by another program");
	ck_assert(can_connect()); /* the first one has lost nothing */
	sn_listen_close(&first);
	check_open();
	sn_listen_close(&sock);
}
END_TEST

START_TEST(a_living_socket_without_lock_is_respected)
{
	struct sn_listen_socket first;

	plan.lock = false;
	check_open();
	first = sock;
	plan.lock = true;
	check_failure(-EADDRINUSE, "is in use by another program");
	ck_assert(!exists(lock_path));
	ck_assert(can_connect());
	sn_listen_close(&first);
}
END_TEST

START_TEST(another_file_is_not_touched)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	check_failure(-EADDRINUSE, "exists and is not a socket");
	ck_assert(exists(path));
}
END_TEST

START_TEST(no_such_folder)
{
	ck_assert_int_eq(sn_addr_unix(SN_STR("/nonexistent/x/s"), &plan.addr), SN_OK);
	check_failure(-ENOENT, "cannot lock /nonexistent/x/s.lock");
	plan.lock = false;
	check_failure(-ENOENT, "cannot listen on unix:/nonexistent/x/s");
}
END_TEST

START_TEST(abstract_names)
{
	struct sn_listen_socket first;
	char name[64];

	snprintf(name, sizeof(name), "@sn-test-%d", (int)getpid());
	ck_assert_int_eq(sn_addr_unix(sn_str(name), &plan.addr), SN_OK);
	check_open();
	first = sock;
	ck_assert_ptr_null(sock.unlink_path);
	ck_assert_int_eq(sock.lock_fd, -1);
	ck_assert(can_connect());
	check_failure(-EADDRINUSE, "is in use by another program");
	sn_listen_close(&first);
	ck_assert(!can_connect());
}
END_TEST

START_TEST(owner)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = getgrgid(getegid());

	ck_assert(user != NULL && group != NULL);
	plan.user = user->pw_name;
	plan.group = group->gr_name;
	check_open();
	sn_listen_close(&sock);
	plan.user = "no-such-user";
	check_failure(SN_ENOTFOUND, "there is no user \"no-such-user\"");
	plan.user = NULL;
	plan.group = "no-such-group";
	check_failure(SN_ENOTFOUND, "there is no group \"no-such-group\"");
	ck_assert(!exists(path) && !exists(lock_path));
}
END_TEST

START_TEST(giving_files_away_needs_root)
{
	if (geteuid() == 0)
		ck_assert_int_eq(chown(dir, NOBODY, NOBODY), 0);
	become_nobody();
	plan.user = "root";
	check_failure(-EPERM, "cannot change the owner");
	ck_assert(!exists(path));
	become_root_again();
}
END_TEST

Suite *sn_suite_listen_unix(void);
Suite *sn_suite_listen_unix(void)
{
	Suite *suite = suite_create("net/listen_unix");
	TCase *tc = tcase_create("unix");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_file_with_a_mode_and_a_lock);
	tcase_add_test(tc, an_open_socket_takes_another_mode);
	tcase_add_test(tc, no_lock_file_unless_asked_for);
	tcase_add_loop_test(tc, leftovers_are_replaced, 0, 2);
	tcase_add_test(tc, a_second_daemon_is_refused);
	tcase_add_test(tc, a_living_socket_without_lock_is_respected);
	tcase_add_test(tc, another_file_is_not_touched);
	tcase_add_test(tc, no_such_folder);
	tcase_add_test(tc, abstract_names);
	tcase_add_test(tc, owner);
	tcase_add_test(tc, giving_files_away_needs_root);
	suite_add_tcase(suite, tc);
	return suite;
}
