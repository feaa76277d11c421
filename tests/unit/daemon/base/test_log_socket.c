#include "daemon/base/log_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/unit.h"

Suite *sn_suite_log_socket(void);

static char directory[64], path[80];
static struct sn_log_socket sender;

/* A log service: a datagram socket under the path. */
static int listen_at_path(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(fd, 0);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void expect_datagram(int fd, const char *expected)
{
	char mem[256];
	const ssize_t n = recv(fd, mem, sizeof(mem), 0);
	ck_assert_int_ge(n, 0);
	ck_assert_str_view(sn_str_n(mem, (size_t)n), expected);
}

static void setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/sn-log-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	sn_log_socket_init(&sender, path);
}

static void teardown(void)
{
	sn_log_socket_fini(&sender);
	(void)unlink(path);
	(void)rmdir(directory);
}

START_TEST(test_send)
{
	const int fd = listen_at_path();
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("one")), SN_OK);
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("two")), SN_OK);
	expect_datagram(fd, "one");
	expect_datagram(fd, "two");
	close(fd);
}
END_TEST

START_TEST(test_nobody)
{
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("x")), -ENOENT);
	ck_assert_int_eq(sender.fd, -1);
	const int fd = listen_at_path();
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("x")), SN_OK);
	close(fd);
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("x")), -ECONNREFUSED);
	ck_assert_int_eq(sender.fd, -1);
}
END_TEST

/* The service is started anew: not one message is lost. */
START_TEST(test_replaced)
{
	int fd = listen_at_path();
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("x")), SN_OK);
		expect_datagram(fd, "x");
		close(fd);
		ck_assert_int_eq(unlink(path), 0);
		fd = listen_at_path();
	}
	close(fd);
}
END_TEST

START_TEST(test_behind)
{
	const int fd = listen_at_path();
	int err, sent = 0;
	while ((err = sn_log_socket_send(&sender, SN_STR("x"))) == SN_OK && sent < 1000000)
		sent++;
	ck_assert_int_eq(err, -EAGAIN);
	ck_assert_int_ge(sender.fd, 0);
	while (sent-- > 0)
		expect_datagram(fd, "x");
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("y")), SN_OK);
	expect_datagram(fd, "y");
	close(fd);
}
END_TEST

/* What the journal gets then: an empty datagram with the text in a sealed file. */
START_TEST(test_too_large)
{
	static char large[100000], mem[sizeof(large) + 1];
	union {
		char mem[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = mem, .iov_len = sizeof(mem) };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.mem,
		.msg_controllen = sizeof(control) };
	const int fd = listen_at_path(), small = 1;
	int file;
	memset(large, 'x', sizeof(large));
	ck_assert_int_eq(sn_log_socket_send(&sender, SN_STR("x")), SN_OK);
	expect_datagram(fd, "x");
	ck_assert_int_eq(setsockopt(sender.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	ck_assert_int_eq(sn_log_socket_send(&sender, sn_str_n(large, sizeof(large))), SN_OK);
	ck_assert_int_eq(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 0);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(file));
	ck_assert_int_eq(pread(file, mem, sizeof(mem), 0), sizeof(large));
	ck_assert_int_eq(memcmp(mem, large, sizeof(large)), 0);
	ck_assert_int_ne(fcntl(file, F_GET_SEALS) & F_SEAL_WRITE, 0);
	close(file);
	close(fd);
}
END_TEST

START_TEST(test_path_too_long)
{
	struct sn_log_socket s;
	char name[200];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	sn_log_socket_init(&s, name);
	ck_assert_int_eq(sn_log_socket_send(&s, SN_STR("x")), -ENAMETOOLONG);
	sn_log_socket_fini(&s);
}
END_TEST

Suite *sn_suite_log_socket(void)
{
	Suite *suite = suite_create("base/log_socket");
	TCase *tc = tcase_create("log_socket");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_send);
	tcase_add_test(tc, test_nobody);
	tcase_add_test(tc, test_replaced);
	tcase_add_test(tc, test_behind);
	tcase_add_test(tc, test_too_large);
	tcase_add_test(tc, test_path_too_long);
	suite_add_tcase(suite, tc);
	return suite;
}
