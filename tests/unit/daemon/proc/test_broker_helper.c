/* Role @pam, asked directly. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/broker_wire.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/jail.h"

static char mem[SN_PACKET_MAX];

static pid_t start_helper(const char *role, int fd)
{
	const pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (fd >= 0)
		(void)dup2(fd, SN_IPC_FD);
	else
		(void)close(SN_IPC_FD);
	(void)close_range(SN_IPC_FD + 1, ~0u, 0);
	execl("/proc/self/exe", "sennit", role, (char *)NULL);
	_exit(99);
}

static int exit_code(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The code that comes back. */
static int ask(unsigned verb, struct sn_str body)
{
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_packet packet;
	struct sn_reader r;
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	pid = start_helper("@pam", fds[1]);
	(void)close(fds[1]);
	sn_write_u16(&w, (uint16_t)verb);
	sn_write_str16(&w, SN_STR_NULL);
	sn_write_bytes(&w, body);
	ck_assert_int_eq(sn_packet_send(fds[0], sn_writer_str(&w), NULL, 0), SN_OK);
	ck_assert_int_eq(sn_packet_receive(fds[0], mem, &packet), SN_OK);
	(void)exit_code(pid);
	(void)close(fds[0]);
	r = sn_reader(sn_str_n(mem, packet.size));
	return (int)sn_read_u32(&r);
}

START_TEST(parts_are_not_for_people)
{
	ck_assert_int_eq(exit_code(start_helper("@pam", -1)), 64);
	ck_assert_int_eq(exit_code(start_helper("@broker", -1)), 64);
	ck_assert_int_eq(exit_code(start_helper("@pam", STDERR_FILENO)), 64);
}
END_TEST

START_TEST(nonsense_is_a_violation)
{
	static const unsigned verbs[] = { SN_IPC_VERIFY, SN_IPC_OPEN, SN_IPC_LOOKUP, SN_IPC_SPAWN,
		SN_IPC_BIND, 0 };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		ck_assert_int_eq(ask(verbs[i], SN_STR("nonsense")), SN_EPROTO);
}
END_TEST

START_TEST(ends_without_a_question)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	pid = start_helper("@pam", fds[1]);
	(void)close(fds[1]);
	(void)close(fds[0]);
	ck_assert_int_eq(exit_code(pid), 1);
}
END_TEST

START_TEST(ends_when_told)
{
	struct sn_packet packet;
	int fds[2];
	pid_t pid;

	(void)signal(SIGTERM, SIG_DFL); /* Check's own handler must not be inherited */
	ck_assert_int_eq(sn_ipc_pair(fds), SN_OK);
	pid = start_helper("@pam", fds[1]);
	(void)close(fds[1]);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(sn_packet_receive(fds[0], mem, &packet), SN_CLOSE);
	ck_assert_int_ne(exit_code(pid), 0);
	(void)close(fds[0]);
}
END_TEST

Suite *broker_helper_suite(void);

Suite *broker_helper_suite(void)
{
	Suite *suite = suite_create("broker_helper");
	TCase *tc = tcase_create("broker_helper");

	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, parts_are_not_for_people);
	tcase_add_test(tc, nonsense_is_a_violation);
	tcase_add_test(tc, ends_without_a_question);
	tcase_add_test(tc, ends_when_told);
	suite_add_tcase(suite, tc);
	return suite;
}
