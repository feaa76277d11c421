#include "daemon/net/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/unit.h"

static struct sn_pool *pool;
static struct sn_listen_plan plan;
static struct sn_diag diag;

static void setup(void)
{
	pool = sn_pool_new(0);
	sn_endpoints_init();
	sn_net_init();
}

static void teardown(void)
{
	sn_listen_plan_fini(&plan);
	sn_pool_free(&pool);
}

static int make(const char *text)
{
	struct sn_endpoint *ep;

	sn_listen_plan_fini(&plan);
	diag = (struct sn_diag){ .code = SN_OK };
	ck_assert_msg(sn_endpoint_parse(pool, SN_SERVER, sn_str(text), &ep, &diag) == SN_OK, "%s",
		diag.text);
	return sn_listen_plan_make(ep, &plan, &diag);
}

static void check_failure(const char *text, int code, size_t column, const char *words)
{
	ck_assert_int_eq(make(text), code);
	ck_assert_msg(strstr(diag.text, words) != NULL, "\"%s\" lacks \"%s\"", diag.text, words);
	ck_assert_uint_eq(diag.column, column);
}

START_TEST(addresses)
{
	static const struct {
		const char *text, *addr;
		int socktype, backlog;
		bool v6_only;
	} rows[] = {
		{ "tcp:80", "[::]:80", SOCK_STREAM, 0, false },
		{ "8080", "[::]:8080", SOCK_STREAM, 0, false },
		{ "tcp:80:127.0.0.1:5", "127.0.0.1:80", SOCK_STREAM, 5, false },
		{ "tcp:0:interface=\\:\\:1", "[::1]:0", SOCK_STREAM, 0, false },
		{ "tcp6:80", "[::]:80", SOCK_STREAM, 0, true },
		{ "tcp6:80:7:\\:\\:1", "[::1]:80", SOCK_STREAM, 7, true },
		{ "udp:53", "[::]:53", SOCK_DGRAM, 0, false },
		{ "udp:53:127.0.0.1", "127.0.0.1:53", SOCK_DGRAM, 0, false },
		{ "unix:/run/x.sock", "unix:/run/x.sock", SOCK_STREAM, 0, false },
		{ "unix:@x:backlog=3", "unix:@x", SOCK_STREAM, 3, false },
	};
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	ck_assert_int_eq(make(rows[_i].text), SN_OK);
	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format(&plan.addr, &out);
	ck_assert_str_eq(text, rows[_i].addr);
	ck_assert_int_eq(plan.kind, SN_LISTEN_ADDR);
	ck_assert_int_eq(plan.socktype, rows[_i].socktype);
	ck_assert_int_eq(plan.backlog, rows[_i].backlog);
	ck_assert_int_eq(plan.v6_only, rows[_i].v6_only);
}
END_TEST

START_TEST(wrong_addresses)
{
	char text[300] = "unix:/";

	check_failure("tcp:80:eth0", SN_ESYNTAX, 8, "interface must be an IPv4 or IPv6 address");
	check_failure("udp:80:interface=x", SN_ESYNTAX, 18, "udp: interface");
	check_failure("tcp6:80:interface=127.0.0.1", SN_ESYNTAX, 19, "for IPv4 use tcp");
	check_failure("unix:", SN_EMISSING, 6, "missing");
	memset(text + 6, 'x', 200);
	check_failure(text, SN_ELIMIT, 6, "path is 201 bytes long, the system allows 107");
}
END_TEST

START_TEST(unix_details)
{
	ck_assert_int_eq(make("unix:/run/x"), SN_OK);
	ck_assert_uint_eq(plan.mode, 0666);
	ck_assert(plan.lock);
	ck_assert_ptr_null(plan.user);
	ck_assert_int_eq(make("unix:/run/x:mode=660:lockfile=0:user=web:group=www"), SN_OK);
	ck_assert_uint_eq(plan.mode, 0660);
	ck_assert(!plan.lock);
	sn_pool_free(&pool); /* the plan stands alone */
	pool = sn_pool_new(0);
	ck_assert_str_eq(plan.user, "web");
	ck_assert_str_eq(plan.group, "www");
}
END_TEST

START_TEST(inherited)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char text[32];

	snprintf(text, sizeof(text), "fd:%d", fd);
	ck_assert_int_eq(make(text), SN_OK);
	ck_assert_int_eq(plan.kind, SN_LISTEN_FD);
	ck_assert_int_eq(plan.fd, fd);
	ck_assert_int_eq(plan.socktype, SOCK_DGRAM);
	close(fd);
	ck_assert_int_eq(make("stdio:"), SN_OK);
	ck_assert_int_eq(plan.kind, SN_LISTEN_PAIR);
	ck_assert_int_eq(plan.fd, 0);
	ck_assert_int_eq(plan.wfd, 1);
}
END_TEST

/* --- systemd ---------------------------------------------------------------------------------- */

static void pass(pid_t pid, unsigned count, const char *names)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%u", count);
	setenv("LISTEN_FDS", text, 1);
	if (names != NULL)
		setenv("LISTEN_FDNAMES", names, 1);
}

/* The test program needs its low descriptors: what lies between is passed, but never asked for. */
#define FIRST_OURS 60

static void pass_two_sockets(char names[300])
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(dup2(tcp, FIRST_OURS), FIRST_OURS);
	ck_assert_int_eq(dup2(local, FIRST_OURS + 1), FIRST_OURS + 1);
	close(tcp);
	close(local);
	names[0] = '\0';
	for (int fd = 3; fd < FIRST_OURS; fd++)
		strcat(names, "-:");
	strcat(names, "web:admin");
	pass(getpid(), FIRST_OURS + 2 - 3, names);
}

START_TEST(systemd_by_index_and_name)
{
	char names[300];

	pass_two_sockets(names);
	ck_assert_int_eq(make("systemd:INET:index=57"), SN_OK);
	ck_assert_int_eq(plan.kind, SN_LISTEN_FD);
	ck_assert_int_eq(plan.fd, FIRST_OURS);
	ck_assert_int_eq(make("systemd:domain=UNIX:name=admin"), SN_OK);
	ck_assert_int_eq(plan.fd, FIRST_OURS + 1);
	ck_assert_int_ne(fcntl(FIRST_OURS, F_GETFD) & FD_CLOEXEC, 0);
	check_failure(
		"systemd:INET:index=59", SN_ERANGE, 20, "there is no socket 59, 59 were passed");
	check_failure("systemd:INET:name=mail", SN_ENOTFOUND, 19, "no socket named \"mail\"");
	check_failure("systemd:INET6:name=web", SN_ECONFIG, 9, "is of domain INET");
}
END_TEST

/*
 * The one socket that is passed has number 3, where the test program may keep something of its own:
 * no assertion while it is put aside.
 */
static int make_with_one_socket(const char *text)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), kept = dup(3), rc;
	struct sn_endpoint *ep;

	ck_assert_int_eq(sn_endpoint_parse(pool, SN_SERVER, sn_str(text), &ep, &diag), SN_OK);
	sn_listen_plan_fini(&plan);
	dup2(fd, 3);
	rc = sn_listen_plan_make(ep, &plan, &diag);
	if (kept >= 0)
		dup2(kept, 3);
	close(kept);
	close(fd);
	return rc;
}

START_TEST(systemd_cleans_up_when_all_are_taken)
{
	pass(getpid(), 1, "web");
	ck_assert_int_eq(make_with_one_socket("systemd:INET:name=web"), SN_OK);
	ck_assert_int_eq(plan.fd, 3);
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
}
END_TEST

START_TEST(systemd_again_after_a_reload)
{
	pass(getpid(), 1, "web");
	ck_assert_int_eq(make_with_one_socket("systemd:INET:name=web"), SN_OK);
	ck_assert_int_eq(make_with_one_socket("systemd:INET:index=0"), SN_OK);
	ck_assert_int_eq(plan.fd, 3);
}
END_TEST

START_TEST(systemd_keeps_what_is_for_others)
{
	char names[300];

	pass_two_sockets(names);
	ck_assert_int_eq(make("systemd:INET:index=57"), SN_OK);
	ck_assert_ptr_nonnull(getenv("LISTEN_FDS"));
}
END_TEST

START_TEST(systemd_of_another_process)
{
	pass(getppid(), 1, NULL);
	check_failure("systemd:INET:index=0", SN_EUNAVAILABLE, 1, "no sockets were passed");
	unsetenv("LISTEN_PID");
	check_failure("haproxy:systemd:INET:index=0", SN_EUNAVAILABLE, 9, ".socket unit");
}
END_TEST

Suite *sn_suite_plan_server(void);
Suite *sn_suite_plan_server(void)
{
	Suite *suite = suite_create("net/plan_server");
	TCase *tc = tcase_create("types"), *systemd = tcase_create("systemd");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, addresses, 0, 10);
	tcase_add_test(tc, wrong_addresses);
	tcase_add_test(tc, unix_details);
	tcase_add_test(tc, inherited);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(systemd, setup, teardown);
	tcase_set_tags(systemd, "no-valgrind"); /* each needs a process with other descriptors */
	tcase_add_test(systemd, systemd_by_index_and_name);
	tcase_add_test(systemd, systemd_cleans_up_when_all_are_taken);
	tcase_add_test(systemd, systemd_again_after_a_reload);
	tcase_add_test(systemd, systemd_keeps_what_is_for_others);
	tcase_add_test(systemd, systemd_of_another_process);
	suite_add_tcase(suite, systemd);
	return suite;
}
