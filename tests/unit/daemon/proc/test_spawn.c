/* Programs, as workers start them. */
#include "daemon/proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmpx.h>

#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/broker_rig.h"

static struct sn_layout layout;
static char out[4096];

static void setup(void)
{
	machine_setup();
	layout = (struct sn_layout){
		.auth_timeout = SN_SEC(20),
		.auth_children = 4,
		.spawns_users = true,
		.user = machine_is_root ? SN_STR("carol") : SN_STR_NULL,
	};
	machine_start_broker(&layout);
}

static void teardown(void)
{
	machine_stop_broker();
}

static const char *const *script(const char *text)
{
	static const char *argv[4];

	argv[0] = "/bin/sh";
	argv[1] = "-c";
	argv[2] = text;
	argv[3] = NULL;
	return argv;
}

static int start(struct heard *heard, const struct sn_spawn *spawn)
{
	*heard = (struct heard){ .kind = HEARD_SPAWNED };
	return hear_now(heard, sn_broker_spawn(worker, spawn));
}

static void close_fds(struct sn_spawned *spawned)
{
	for (size_t i = 0; i < 3; i++) {
		if (spawned->fds[i] >= 0)
			(void)close(spawned->fds[i]);
	}
}

static int wait_for_exit(struct sn_spawned *spawned)
{
	struct heard end = { .kind = HEARD_EXIT };

	ck_assert_int_eq(hear_now(&end, spawned->exit), SN_OK);
	return end.status;
}

/* Standard output of the whole run; returns the status. */
static int run(const struct sn_spawn *spawn)
{
	struct heard heard;
	int status;

	ck_assert_int_eq(start(&heard, spawn), SN_OK);
	ck_assert_int_gt(heard.spawned.pid, 0);
	read_to_end(heard.spawned.fds[spawn->pty ? 0 : 1], out, sizeof(out));
	status = wait_for_exit(&heard.spawned);
	close_fds(&heard.spawned);
	return status;
}

static struct sn_spawn as_alice(const char *text)
{
	return (struct sn_spawn){
		.user = SN_STR("alice"),
		.pam_service = SN_STR("sennit"),
		.argv = script(text),
	};
}

/* --- who, where, with what ----------------------------------------------------------------------
 */

START_TEST(runs_as_the_user)
{
	struct sn_spawn spawn = as_alice("id -u; id -ru; pwd; ls /proc/self/fd | wc -l; exit 3");
	char want[128];
	const int status = run(&spawn);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	/* 0, 1, 2 and the one that ls reads the folder by. */
	(void)snprintf(want, sizeof(want), "%u\n%u\n" ALICE_HOME "\n4\n", (unsigned)machine_alice(),
		(unsigned)machine_alice());
	ck_assert_str_eq(out, want);
}
END_TEST

START_TEST(has_the_groups_of_the_user)
{
	struct sn_spawn spawn = as_alice("id -G");

	ck_assert_int_eq(run(&spawn), 0);
	if (machine_is_root)
		ck_assert_str_eq(out, "20001 20010\n");
	else
		ck_assert_ptr_null(
			strstr(out, "20010")); /* who may not change groups keeps theirs */
}
END_TEST

START_TEST(has_no_privilege_left)
{
	struct sn_spawn spawn = as_alice("grep -E '^Cap(Prm|Eff|Inh|Amb)' /proc/self/status");

	ck_assert_int_eq(run(&spawn), 0);
	ck_assert_str_eq(out,
		"CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
		"CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}
END_TEST

START_TEST(has_a_fresh_environment)
{
	static const char *const env[] = { "LANG=C.UTF-8", "SHELL=/bin/other", "FROM_PAM=ours",
		"malformed", NULL };
	struct sn_spawn spawn = as_alice("env | grep -v -e ^PWD= -e ^_= -e ^OLDPWD= | sort");

	(void)setenv("SECRET_OF_THE_DAEMON", "x", 1);
	spawn.env = env;
	ck_assert_int_eq(run(&spawn), 0);
	ck_assert_str_eq(out,
		"FROM_PAM=ours\nHOME=" ALICE_HOME "\nHOME_OF_PAM=/x\nLANG=C.UTF-8\nLOGNAME=alice\n"
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/games\nSHELL=/bin/other\nUSER=alice\n");
}
END_TEST

START_TEST(goes_to_the_folder_it_is_told)
{
	struct sn_spawn spawn = as_alice("pwd");
	struct heard heard;

	spawn.dir = "/usr";
	ck_assert_int_eq(run(&spawn), 0);
	ck_assert_str_eq(out, "/usr\n");
	spawn.dir = "/no-such-folder";
	ck_assert_int_eq(start(&heard, &spawn), -ENOENT);
}
END_TEST

START_TEST(without_a_home_it_starts_at_the_root)
{
	struct sn_spawn spawn = as_alice("pwd");

	ck_assert_int_eq(rename(ALICE_HOME, "/mnt/home/gone"), 0);
	ck_assert_int_eq(run(&spawn), 0);
	ck_assert_str_eq(out, "/\n");
}
END_TEST

START_TEST(three_pipes_carry_three_streams)
{
	struct sn_spawn spawn = as_alice("read line; echo got $line; echo problem >&2");
	struct heard heard;

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(write(heard.spawned.fds[0], "word\n", 5), 5);
	read_to_end(heard.spawned.fds[1], out, sizeof(out));
	ck_assert_str_eq(out, "got word\n");
	read_to_end(heard.spawned.fds[2], out, sizeof(out));
	ck_assert_str_eq(out, "problem\n");
	ck_assert_int_eq(wait_for_exit(&heard.spawned), 0);
	close_fds(&heard.spawned);
}
END_TEST

/* --- terminal -----------------------------------------------------------------------------------
 */

START_TEST(a_terminal_has_owner_size_and_type)
{
	struct sn_spawn spawn = as_alice("stty size; echo $TERM; stat -c '%U %a' $(tty); "
					 "stty -a | grep -c speed; ps -o tty= -p $$ | grep -c pts");

	spawn.pty = true;
	spawn.rows = 33;
	spawn.columns = 101;
	spawn.term = "xterm-256color";
	ck_assert_int_eq(run(&spawn), 0);
	/* Only root can give it to the group of terminals. */
	ck_assert_str_eq(out,
		machine_is_root ? "33 101\r\nxterm-256color\r\nalice 620\r\n1\r\n1\r\n"
				: "33 101\r\nxterm-256color\r\nalice 600\r\n1\r\n1\r\n");
}
END_TEST

START_TEST(a_login_shell_knows_that_it_is_one)
{
	struct sn_spawn spawn = {
		.user = SN_STR("alice"), .pam_service = SN_STR("sennit"), .pty = true
	};
	struct heard heard;

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_gt(write(heard.spawned.fds[0], "echo I am $0; exit 5\n", 21), 0);
	read_to_end(heard.spawned.fds[0], out, sizeof(out));
	ck_assert_msg(strstr(out, "I am -sh\r\n") != NULL, "%s", out);
	ck_assert_int_eq(WEXITSTATUS(wait_for_exit(&heard.spawned)), 5);
	close_fds(&heard.spawned);
}
END_TEST

static unsigned count_entries(const char *path, short type)
{
	struct utmpx entry;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned count = 0;

	ck_assert_int_ge(fd, 0);
	while (read(fd, &entry, sizeof(entry)) == (ssize_t)sizeof(entry))
		count += entry.ut_type == type;
	(void)close(fd);
	return count;
}

START_TEST(a_login_is_recorded)
{
	struct sn_spawn spawn = as_alice("read line");
	struct heard heard;
	struct utmpx entry;
	int fd;

	spawn.pty = true;
	spawn.peer = SN_STR("192.0.2.7");
	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	sn_test_turn_until(loop, count_entries("/var/log/wtmp", USER_PROCESS) == 1);
	fd = open("/run/utmp", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, &entry, sizeof(entry)), sizeof(entry));
	(void)close(fd);
	ck_assert_int_eq(entry.ut_type, USER_PROCESS);
	ck_assert_str_eq(entry.ut_user, "alice");
	ck_assert_str_eq(entry.ut_host, "192.0.2.7");
	ck_assert_int_eq(entry.ut_pid, heard.spawned.pid);
	ck_assert_int_eq(write(heard.spawned.fds[0], "\n", 1), 1);
	ck_assert_int_eq(wait_for_exit(&heard.spawned), 0);
	ck_assert_uint_eq(count_entries("/run/utmp", DEAD_PROCESS), 1);
	ck_assert_uint_eq(count_entries("/run/utmp", USER_PROCESS), 0);
	ck_assert_uint_eq(count_entries("/var/log/wtmp", DEAD_PROCESS), 1);
	close_fds(&heard.spawned);
}
END_TEST

START_TEST(no_record_without_a_peer)
{
	struct sn_spawn spawn = as_alice("true");

	spawn.pty = true;
	ck_assert_int_eq(run(&spawn), 0);
	ck_assert_uint_eq(count_entries("/var/log/wtmp", USER_PROCESS), 0);
}
END_TEST

/* --- the end ------------------------------------------------------------------------------------
 */

START_TEST(signals_reach_the_program)
{
	struct sn_spawn spawn = as_alice("echo ready; exec sleep 1000");
	struct heard heard;
	char text[8] = "";
	int status;

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(read(heard.spawned.fds[1], text, 6), 6);
	sn_broker_signal(worker, heard.spawned.pid + 1, SIGKILL); /* not ours: nothing happens */
	sn_broker_signal(worker, heard.spawned.pid, SIGTERM);
	status = wait_for_exit(&heard.spawned);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	close_fds(&heard.spawned);
}
END_TEST

static const char hup_script[] = "trap 'echo hangup; exit 0' HUP; echo ready; "
				 "while :; do sleep 0.05; done";

START_TEST(canceling_hangs_up)
{
	struct sn_spawn spawn = as_alice(hup_script);
	struct heard heard, end = { .kind = HEARD_EXIT };
	char text[8] = "";

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(read(heard.spawned.fds[1], text, 6), 6);
	hear(&end, heard.spawned.exit);
	sn_waiter_cancel(&end.waiter);
	read_to_end(heard.spawned.fds[1], out, sizeof(out));
	ck_assert_str_eq(out, "hangup\n");
	close_fds(&heard.spawned);
}
END_TEST

/* Asking and canceling makes no more of them at once than waiting does. */
START_TEST(what_is_canceled_counts_until_it_is_gone)
{
	struct sn_spawn spawn = as_alice("true");
	struct heard slow[4], heard;

	spawn.pam_service = SN_STR("slow");
	for (size_t i = 0; i < 4; i++) {
		slow[i] = (struct heard){ .kind = HEARD_SPAWNED };
		hear(&slow[i], sn_broker_spawn(worker, &spawn));
		sn_waiter_cancel(&slow[i].waiter);
	}
	ck_assert_int_eq(start(&heard, &spawn), SN_EBUSY);
	spawn.pam_service = SN_STR("permit");
	while (start(&heard, &spawn) == SN_EBUSY)
		continue;
	ck_assert_int_eq(heard.code, SN_OK);
	ck_assert_int_eq(wait_for_exit(&heard.spawned), 0);
	close_fds(&heard.spawned);
}
END_TEST

START_TEST(the_end_of_its_client_hangs_up)
{
	struct sn_spawn spawn = as_alice(hup_script);
	struct heard heard, end = { .kind = HEARD_EXIT };
	char text[8] = "";

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(read(heard.spawned.fds[1], text, 6), 6);
	hear(&end, heard.spawned.exit);
	sn_broker_disconnect(&worker);
	sn_test_turn_until(loop, end.done);
	ck_assert_int_eq(end.code, SN_EUNAVAILABLE);
	read_to_end(heard.spawned.fds[1], out, sizeof(out));
	ck_assert_str_eq(out, "hangup\n");
	close_fds(&heard.spawned);
}
END_TEST

START_TEST(who_ignores_the_hangup_is_killed)
{
	struct sn_spawn spawn = as_alice("trap '' HUP; echo ready; while :; do sleep 0.05; done");
	struct heard heard, end = { .kind = HEARD_EXIT };
	char text[8] = "";

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(read(heard.spawned.fds[1], text, 6), 6);
	hear(&end, heard.spawned.exit);
	sn_waiter_cancel(&end.waiter);
	sn_loop_turn(loop, 0);
	read_to_end(heard.spawned.fds[1], out, sizeof(out)); /* ends when it and its sleep do */
	sn_test_turn_until(loop, kill(heard.spawned.pid, 0) != 0);
	close_fds(&heard.spawned);
}
END_TEST

START_TEST(the_end_of_the_broker_hangs_up)
{
	struct sn_spawn spawn = as_alice(hup_script);
	struct heard heard, end = { .kind = HEARD_EXIT };
	char text[8] = "";

	ck_assert_int_eq(start(&heard, &spawn), SN_OK);
	ck_assert_int_eq(read(heard.spawned.fds[1], text, 6), 6);
	hear(&end, heard.spawned.exit);
	sn_broker_process_stop(&broker_process);
	sn_test_turn_until(loop, end.done);
	ck_assert_int_eq(end.code, SN_EUNAVAILABLE);
	read_to_end(heard.spawned.fds[1], out, sizeof(out));
	ck_assert_str_eq(out, "hangup\n");
	close_fds(&heard.spawned);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------------------
 */

START_TEST(refuses)
{
	static const char *const no_program[] = { "no-such-program", NULL };
	static const struct {
		const char *user, *service;
		const char *const *argv;
		int code;
	} rows[] = {
		{ "root", "permit", NULL, SN_EDENIED },
		{ "nobody-here", "permit", NULL, SN_ENOTFOUND },
		{ "alice", "closed", NULL, SN_EDISABLED },
		{ "alice", "other", NULL, SN_EDISABLED },
		{ "alice", "../sennit", NULL, SN_EDENIED },
		{ "alice", "sennit", no_program, -ENOENT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sn_spawn spawn = {
			.user = sn_str(rows[i].user),
			.pam_service = sn_str(rows[i].service),
			.argv = rows[i].argv,
		};
		struct heard heard;
		const int code = start(&heard, &spawn);

		ck_assert_msg(code == rows[i].code, "row %zu: %s", i, sn_errname(code));
	}
}
END_TEST

START_TEST(users_of_daemons_start_nothing)
{
	struct sn_spawn spawn = { .user = SN_STR("carol"), .argv = script("true") };
	struct heard heard;

	layout.user = SN_STR_NULL;
	sn_broker_set_limits(sn_broker_process_client(broker_process), &layout);
	ck_assert_int_eq(hear_now(&(struct heard){ .kind = HEARD_PASSWD },
				 sn_broker_lookup(worker, SN_STR("alice"), 0)),
		SN_OK);
	ck_assert_int_eq(start(&heard, &spawn), SN_EDENIED);
}
END_TEST

START_TEST(nothing_is_started_for_users_unless_configured)
{
	struct sn_spawn spawn = as_alice("true");
	struct heard heard;

	layout.spawns_users = false;
	sn_broker_set_limits(sn_broker_process_client(broker_process), &layout);
	do /* limits come by another channel */
		ck_assert_int_le(start(&heard, &spawn), SN_OK);
	while (heard.code == SN_OK && wait_for_exit(&heard.spawned) == 0);
	ck_assert_int_eq(heard.code, SN_EDENIED);
	/* Nor as the daemon's own user: what is started is in nobody's sandbox. */
	spawn = (struct sn_spawn){ .argv = script("true") };
	ck_assert_int_eq(start(&heard, &spawn), SN_EDENIED);
	if (machine_is_root) {
		spawn.user = SN_STR("carol");
		ck_assert_int_eq(start(&heard, &spawn), SN_EDENIED);
	}
}
END_TEST

START_TEST(nologin_keeps_users_out)
{
	struct sn_spawn spawn = as_alice("true");
	struct heard heard;

	machine_write("/etc/nologin", "maintenance\n", 0, 0644);
	spawn.pam_service = SN_STR_NULL;
	ck_assert_int_eq(start(&heard, &spawn), machine_is_root ? SN_EDISABLED : SN_OK);
	if (heard.code == SN_OK) {
		ck_assert_int_eq(wait_for_exit(&heard.spawned), 0);
		close_fds(&heard.spawned);
	}
}
END_TEST

Suite *spawn_suite(void);

Suite *spawn_suite(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tc = tcase_create("spawn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, runs_as_the_user);
	tcase_add_test(tc, has_the_groups_of_the_user);
	tcase_add_test(tc, has_no_privilege_left);
	tcase_add_test(tc, has_a_fresh_environment);
	tcase_add_test(tc, goes_to_the_folder_it_is_told);
	tcase_add_test(tc, without_a_home_it_starts_at_the_root);
	tcase_add_test(tc, three_pipes_carry_three_streams);
	tcase_add_test(tc, a_terminal_has_owner_size_and_type);
	tcase_add_test(tc, a_login_shell_knows_that_it_is_one);
	tcase_add_test(tc, a_login_is_recorded);
	tcase_add_test(tc, no_record_without_a_peer);
	tcase_add_test(tc, signals_reach_the_program);
	tcase_add_test(tc, canceling_hangs_up);
	tcase_add_test(tc, what_is_canceled_counts_until_it_is_gone);
	tcase_add_test(tc, the_end_of_its_client_hangs_up);
	tcase_add_test(tc, who_ignores_the_hangup_is_killed);
	tcase_add_test(tc, the_end_of_the_broker_hangs_up);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, users_of_daemons_start_nothing);
	tcase_add_test(tc, nothing_is_started_for_users_unless_configured);
	tcase_add_test(tc, nologin_keeps_users_out);
	suite_add_tcase(suite, tc);
	return suite;
}
