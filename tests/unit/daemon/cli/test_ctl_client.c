#include "daemon/cli/ctl_client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/unit/daemon/cli/control_fixture.h"
#include "tests/unit/daemon/cli/runner.h"

static unsigned objects;

static void count(void *context, const json_t *object)
{
	ck_assert_ptr_eq(context, &objects);
	ck_assert(json_is_object(object));
	objects++;
}

/* What a daemon could say, written before it is asked. */
static int answered(const char *text)
{
	static const char *const words[] = { "status" };
	int fds[2], code;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
	objects = 0;
	code = sn_ctl_request(fds[0], words, 1, count, &objects);
	close(fds[0]);
	close(fds[1]);
	return code;
}

static const struct {
	const char *text;
	int code;
	unsigned objects;
} answers[] = {
	{ "{\"code\":0}\n", EX_OK, 1 },
	{ "{\"event\":\"x\"}\n{\"event\":\"y\"}\n{\"code\":78}\n{\"code\":0}\n", EX_CONFIG, 3 },
	{ "", EX_UNAVAILABLE, 0 },
	{ "{\"code\":0}", EX_UNAVAILABLE, 0 },
	{ "{\"event\":\"x\"}\n", EX_UNAVAILABLE, 1 },
	{ "[]\n", EX_UNAVAILABLE, 0 },
	{ "no json\n", EX_UNAVAILABLE, 0 },
	{ "\n", EX_UNAVAILABLE, 0 },
};

START_TEST(objects_until_the_last)
{
	ck_assert_int_eq(answered(answers[_i].text), answers[_i].code);
	ck_assert_uint_eq(objects, answers[_i].objects);
}
END_TEST

START_TEST(the_only_daemon_is_found)
{
	char dir[256], path[300];
	const bool root = geteuid() == 0; /* whose runtime folder is the machine's */

	if (root)
		ck_assert_int_eq(seteuid(65534), 0);
	snprintf(dir, sizeof(dir), "/tmp/sn-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
	ck_assert_int_eq(sn_ctl_connect(NULL), -EX_UNAVAILABLE);
	snprintf(path, sizeof(path), "%s/sennit", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sennit/irc.sock", dir);
	control_fixture_start(path);
	for (unsigned named = 0; named < 2; named++) {
		const int fd = sn_ctl_connect(named ? "irc" : NULL);

		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	control_fixture_stop();
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/sennit/irc.sock.lock", dir);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/sennit", dir);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

Suite *sn_suite_ctl_client(void);
Suite *sn_suite_ctl_client(void)
{
	Suite *suite = suite_create("cli/ctl_client");
	TCase *tc = tcase_create("ctl_client");

	tcase_add_loop_test(
		tc, objects_until_the_last, 0, (int)(sizeof(answers) / sizeof(answers[0])));
	tcase_add_test(tc, the_only_daemon_is_found);
	suite_add_tcase(suite, tc);
	return suite;
}
