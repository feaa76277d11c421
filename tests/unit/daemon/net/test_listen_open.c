#include "daemon/net/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/daemon/net/nobody.h"

static struct sn_listen_plan plan;
static struct sn_listen_socket sock;
static struct sn_diag diag;

static void setup(void)
{
	plan = (struct sn_listen_plan){ .socktype = SOCK_STREAM, .fd = -1, .wfd = -1 };
}

static void plan_ip(const char *ip, uint16_t port)
{
	ck_assert_int_eq(sn_addr_parse(sn_str(ip), port, &plan.addr), SN_OK);
}

static void check_open(void)
{
	ck_assert_msg(sn_listen_open(&plan, &sock, &diag) == SN_OK, "%s", diag.text);
}

static void check_failure(int code, const char *text)
{
	ck_assert_int_eq(sn_listen_open(&plan, &sock, &diag), code);
	ck_assert_str_eq(diag.text, text);
	ck_assert_int_eq(sock.fd, -1);
}

static int get_option(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

START_TEST(listens)
{
	plan_ip("127.0.0.1", 0);
	check_open();
	ck_assert_int_eq(get_option(sock.fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	ck_assert_int_eq(get_option(sock.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_ne(fcntl(sock.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(sock.fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_uint_ne(sn_addr_port(&sock.local), 0);
	ck_assert_int_eq(sock.wfd, -1);
	sn_listen_close(&sock);
	ck_assert_int_eq(sock.fd, -1);
}
END_TEST

START_TEST(one_socket_for_both_families)
{
	sn_addr_any6(0, &plan.addr);
	plan.v6_only = _i == 1;
	check_open();
	ck_assert_int_eq(get_option(sock.fd, IPPROTO_IPV6, IPV6_V6ONLY), _i);
	sn_listen_close(&sock);
}
END_TEST

START_TEST(datagrams)
{
	plan.socktype = SOCK_DGRAM;
	plan_ip("127.0.0.1", 0);
	check_open();
	ck_assert_int_eq(get_option(sock.fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	sn_listen_close(&sock);
}
END_TEST

START_TEST(address_in_use)
{
	struct sn_listen_socket first;
	char text[200];

	plan_ip("127.0.0.1", 0);
	check_open();
	first = sock;
	sn_addr_set_port(&plan.addr, sn_addr_port(&first.local));
	snprintf(text, sizeof(text),
		"address 127.0.0.1:%u is in use by another program: stop it or choose another "
		"port",
		sn_addr_port(&first.local));
	check_failure(-EADDRINUSE, text);
	sn_listen_close(&first);
	check_open(); /* at once, whatever connections it had */
	sn_listen_close(&sock);
}
END_TEST

START_TEST(address_of_another_machine)
{
	plan_ip("192.0.2.1", 0);
	check_failure(-EADDRNOTAVAIL,
		"192.0.2.1 is not an address of this machine: choose one of its own, or leave the "
		"interface out to listen on all");
}
END_TEST

/* The lowest port that anyone may bind is the system's choice: the one below it. */
START_TEST(privileged_port)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	unsigned start = 1024;
	char text[200];

	if (f != NULL) {
		ck_assert_int_eq(fscanf(f, "%u", &start), 1);
		fclose(f);
	}
	become_nobody();
	plan_ip("127.0.0.1", start > 1 ? (uint16_t)(start - 1) : 0);
	snprintf(text, sizeof(text),
		"permission denied to bind port %u: ports below 1024 need root or "
		"CAP_NET_BIND_SERVICE",
		start - 1);
	if (start > 1) {
		check_failure(-EACCES, text);
	} else {
		check_open();
		sn_listen_close(&sock);
	}
	become_root_again();
}
END_TEST

START_TEST(inherited_socket)
{
	struct sn_listen_socket first;

	plan_ip("127.0.0.1", 0);
	check_open();
	first = sock;
	plan.kind = SN_LISTEN_FD;
	plan.fd = dup(first.fd);
	check_open();
	ck_assert_int_eq(sock.fd, plan.fd);
	ck_assert(sn_addr_eq(&sock.local, &first.local));
	ck_assert_int_ne(fcntl(sock.fd, F_GETFD) & FD_CLOEXEC, 0);
	sn_listen_close(&sock);
	sn_listen_close(&first);
}
END_TEST

START_TEST(inherited_nonsense)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), null = open("/dev/null", O_RDONLY);
	char text[100];

	plan.kind = SN_LISTEN_FD;
	plan.fd = fd;
	snprintf(text, sizeof(text), "descriptor %d is a socket, but nothing listens on it", fd);
	check_failure(-EINVAL, text);
	close(fd);
	snprintf(text, sizeof(text), "descriptor %d is not a socket that this process inherited",
		fd);
	check_failure(-EBADF, text);
	plan.fd = null;
	snprintf(text, sizeof(text), "descriptor %d is not a socket that this process inherited",
		null);
	check_failure(-ENOTSOCK, text);
	close(null);
}
END_TEST

START_TEST(pair)
{
	int in[2], out[2];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	plan.kind = SN_LISTEN_PAIR;
	plan.fd = in[0];
	plan.wfd = out[1];
	check_open();
	ck_assert_int_eq(sock.fd, in[0]);
	ck_assert_int_eq(sock.wfd, out[1]);
	sn_listen_close(&sock);
	check_failure(-EBADF, "standard input or output is closed");
	plan.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	plan.wfd = plan.fd;
	check_failure(-EINVAL,
		"standard input is a file or a device that cannot be waited for: stdio: needs a "
		"pipe, a socket or a terminal");
	close(plan.fd);
	close(in[1]);
	close(out[0]);
}
END_TEST

Suite *sn_suite_listen_open(void);
Suite *sn_suite_listen_open(void)
{
	Suite *suite = suite_create("net/listen_open");
	TCase *tc = tcase_create("open");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, listens);
	tcase_add_loop_test(tc, one_socket_for_both_families, 0, 2);
	tcase_add_test(tc, datagrams);
	tcase_add_test(tc, address_in_use);
	tcase_add_test(tc, address_of_another_machine);
	tcase_add_test(tc, privileged_port);
	tcase_add_test(tc, inherited_socket);
	tcase_add_test(tc, inherited_nonsense);
	tcase_add_test(tc, pair);
	suite_add_tcase(suite, tc);
	return suite;
}
