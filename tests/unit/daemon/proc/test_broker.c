/* What the broker does with each verb, through the face that workers have. */
#include "daemon/proc/broker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/loop/timer.h"
#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/broker_rig.h"

static struct sn_str key_paths[] = { { "/mnt/keys/%u", 12 } };
static struct sn_layout layout;

static void setup(void)
{
	machine_setup();
	layout = (struct sn_layout){
		.auth_timeout = SN_SEC(20),
		.auth_children = 2,
		.spawns_users = true,
		.key_paths = key_paths,
		.key_path_count = 1,
	};
	machine_start_broker(&layout);
}

static void teardown(void)
{
	machine_stop_broker();
}

/* --- passwords ---------------------------------------------------------------------------------
 */

static struct sn_promise *verify(const char *service, const char *user, const char *password)
{
	return sn_broker_verify_password(
		worker, sn_str(service), sn_str(user), sn_str(password), NULL);
}

START_TEST(verifies_passwords)
{
	static const struct {
		const char *service, *user, *password;
		int code;
	} rows[] = {
		{ "sennit", "alice", "pencil", SN_OK },
		{ "sennit", "alice", "Secret", SN_EDENIED },
		{ "sennit", "alice", "", SN_EDENIED },
		{ "sennit", "nobody-here", "pencil", SN_ENOTFOUND },
		{ "sennit", "", "pencil", SN_ENOTFOUND },
		{ "permit", "alice", "whatever", SN_OK },
		{ "closed", "alice", "whatever", SN_EDISABLED },
		{ "other", "alice", "pencil", SN_EDENIED },
		{ "no-such-service", "alice", "pencil", SN_EDENIED },
		{ "../etc/sennit", "alice", "pencil", SN_EDENIED },
		{ "", "alice", "pencil", SN_EDENIED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct heard heard = { .kind = HEARD_CODE };
		const int code =
			hear_now(&heard, verify(rows[i].service, rows[i].user, rows[i].password));

		ck_assert_msg(code == rows[i].code, "row %zu: %s", i, sn_errname(code));
	}
}
END_TEST

START_TEST(an_expired_account_is_disabled)
{
	struct heard heard = { .kind = HEARD_CODE };

	ck_assert_int_eq(hear_now(&heard, verify("sennit", "bob", "pencil")), SN_EDISABLED);
}
END_TEST

START_TEST(a_password_with_a_nul_is_wrong)
{
	struct heard heard = { .kind = HEARD_CODE };
	const struct sn_str password = { "pencil\0", 7 };

	ck_assert_int_eq(hear_now(&heard,
				 sn_broker_verify_password(worker, SN_STR("sennit"),
					 SN_STR("alice"), password, NULL)),
		SN_EDENIED);
}
END_TEST

/* How many processes of this name are there below us? */
static unsigned count_processes(const char *name)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(dir)) != NULL) {
		char path[300], comm[32] = "";
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		file = sn_ascii_digit(entry->d_name[0]) ? fopen(path, "r") : NULL;
		if (file == NULL)
			continue;
		count += fread(comm, 1, sizeof(comm) - 1, file) > 0 && strcmp(comm, name) == 0 &&
			memcmp(&comm[strlen(name) + 1], "1000", 4) == 0;
		(void)fclose(file);
	}
	(void)closedir(dir);
	return count;
}

/* Two hang, as many as may work at once: a third is refused, keys and names go on, and in the end
 * all that hung is gone. */
START_TEST(a_module_that_hangs_holds_up_nobody)
{
	const unsigned before = count_processes("/bin/sleep");
	struct heard hanging[2] = { { .kind = HEARD_CODE }, { .kind = HEARD_CODE } };
	struct heard heard = { .kind = HEARD_CODE }, lookup = { .kind = HEARD_PASSWD };

	layout.auth_timeout = SN_SEC(2);
	sn_broker_set_limits(sn_broker_process_client(broker_process), &layout);
	hear(&lookup, sn_broker_lookup(worker, SN_STR("alice"), 0));
	sn_test_turn_until(loop, lookup.done);
	hear(&hanging[0], verify("hangs", "alice", "x"));
	hear(&hanging[1], verify("hangs", "alice", "x"));
	sn_test_turn_until(loop, count_processes("/bin/sleep") == before + 2);
	ck_assert_int_eq(hear_now(&heard, verify("sennit", "alice", "pencil")), SN_EBUSY);
	ck_assert_int_eq(hear_now(&lookup, sn_broker_lookup(worker, SN_STR("alice"), 0)), SN_OK);
	sn_test_turn_until(loop, hanging[0].done && hanging[1].done);
	ck_assert_int_eq(hanging[0].code, SN_ETIMEOUT);
	ck_assert_int_eq(hanging[1].code, SN_ETIMEOUT);
	ck_assert_int_eq(hear_now(&heard, verify("sennit", "alice", "pencil")), SN_OK);
	sn_test_turn_until(loop, count_processes("/bin/sleep") == before);
}
END_TEST

START_TEST(a_canceled_question_frees_its_place)
{
	struct heard hanging[2] = { { .kind = HEARD_CODE }, { .kind = HEARD_CODE } };
	struct heard heard = { .kind = HEARD_CODE };

	hear(&hanging[0], verify("hangs", "alice", "x"));
	hear(&hanging[1], verify("hangs", "alice", "x"));
	ck_assert_int_eq(hear_now(&heard, verify("sennit", "alice", "pencil")), SN_EBUSY);
	sn_waiter_cancel(&hanging[0].waiter);
	ck_assert_int_eq(hear_now(&heard, verify("sennit", "alice", "pencil")), SN_OK);
	ck_assert(!hanging[0].done && !hanging[1].done);
	sn_waiter_cancel(&hanging[1].waiter);
}
END_TEST

/* --- users -------------------------------------------------------------------------------------
 */

START_TEST(looks_up_users)
{
	struct heard heard = { .kind = HEARD_PASSWD };

	ck_assert_int_eq(hear_now(&heard, sn_broker_lookup(worker, SN_STR("alice"), 0)), SN_OK);
	ck_assert_uint_eq(heard.passwd.uid, machine_alice());
	ck_assert_str_eq(heard.home, ALICE_HOME);
	ck_assert_str_eq(heard.shell, "/bin/sh");
	ck_assert_int_eq(
		hear_now(&heard, sn_broker_lookup(worker, SN_STR_NULL, machine_alice())), SN_OK);
	ck_assert_str_eq(heard.name, "alice");
	ck_assert_int_eq(
		hear_now(&heard, sn_broker_lookup(worker, SN_STR("nobody-here"), 0)), SN_ENOTFOUND);
	ck_assert_int_eq(
		hear_now(&heard, sn_broker_lookup(worker, SN_STR_NULL, 31337)), SN_ENOTFOUND);
}
END_TEST

/* --- files -------------------------------------------------------------------------------------
 */

#define KEYS ALICE_HOME "/.ssh/authorized_keys"
#define PATTERN "%h/.ssh/authorized_keys"

static int open_keys(const char *user, const char *pattern, char *text, size_t size)
{
	struct heard heard = { .kind = HEARD_FD };
	const int code =
		hear_now(&heard, sn_broker_open_as_user(worker, sn_str(user), sn_str(pattern)));

	if (code == SN_OK) {
		read_to_end(heard.fd, text, size);
		(void)close(heard.fd);
	}
	return code;
}

START_TEST(opens_key_files)
{
	char text[64];

	ck_assert_int_eq(open_keys("alice", PATTERN, text, sizeof(text)), SN_ENOTFOUND);
	machine_write(KEYS, "ssh-ed25519 AAAA", machine_alice(), 0600);
	ck_assert_int_eq(open_keys("alice", PATTERN, text, sizeof(text)), SN_OK);
	ck_assert_str_eq(text, "ssh-ed25519 AAAA");
	ck_assert_int_eq(open_keys("nobody-here", PATTERN, text, sizeof(text)), SN_ENOTFOUND);
}
END_TEST

/* In a namespace without root the folders above are a stranger's, and the answer is no. */
START_TEST(opens_configured_files_elsewhere)
{
	char text[64];
	struct stat st;

	machine_write("/mnt/keys/alice", "central", 0, 0644);
	ck_assert_int_eq(stat("/", &st), 0);
	ck_assert_int_eq(open_keys("alice", "/mnt/keys/%u", text, sizeof(text)),
		st.st_uid == 0 || st.st_uid == machine_alice() ? SN_OK : SN_EDENIED);
}
END_TEST

START_TEST(opens_nothing_else)
{
	static const char *const patterns[] = {
		"/etc/shadow",
		"/etc/passwd",
		"%h/.profile",
		"%h/.ssh/id_ed25519",
		"%h/.ssh/../.profile",
		"/mnt/keys/alice",
		"",
	};
	char text[64];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		ck_assert_msg(open_keys("alice", patterns[i], text, sizeof(text)) == SN_EDENIED,
			"%s", patterns[i]);
}
END_TEST

/* --- listeners ---------------------------------------------------------------------------------
 */

static struct sn_layout_listener listeners[3];

static void set_listeners(void)
{
	static struct sn_layout_group groups[] = { { { "main", 4 }, 1 } };
	static struct sn_layout_service services[] = { { .name = { "x", 1 },
		.module = { "x", 1 } } };

	listeners[0] = (struct sn_layout_listener){ .socktype = SOCK_STREAM };
	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 0, &listeners[0].addr), SN_OK);
	listeners[1] = (struct sn_layout_listener){
		.socktype = SOCK_STREAM,
		.mode = 0660,
		.lock = true,
		.user = machine_is_root ? SN_STR("alice") : SN_STR_NULL,
		.group = machine_is_root ? SN_STR("wheel") : SN_STR_NULL,
	};
	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/sennit.sock"), &listeners[1].addr), SN_OK);
	listeners[2] = (struct sn_layout_listener){ .socktype = SOCK_STREAM };
	ck_assert_int_eq(sn_addr_parse(SN_STR("127.0.0.1"), 81, &listeners[2].addr), SN_OK);
	layout.groups = groups;
	layout.group_count = 1;
	layout.services = services;
	layout.service_count = 1;
	layout.listeners = listeners;
	layout.listener_count = 2;
	sn_broker_set_limits(sn_broker_process_client(broker_process), &layout);
}

static int bind_now(struct heard *heard, const struct sn_layout_listener *listener)
{
	*heard = (struct heard){ .kind = HEARD_BOUND };
	return hear_now(heard, sn_broker_bind(sn_broker_process_client(broker_process), listener));
}

START_TEST(binds_what_is_configured)
{
	struct heard heard;
	struct stat st;

	set_listeners();
	ck_assert_int_eq(bind_now(&heard, &listeners[0]), SN_OK);
	ck_assert_uint_ne(sn_addr_port(&heard.sock.local), 0);
	ck_assert_ptr_null(heard.sock.unlink_path);
	sn_listen_close(&heard.sock);
	ck_assert_int_eq(bind_now(&heard, &listeners[1]), SN_OK);
	ck_assert_int_eq(stat("/run/sennit.sock", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_uint_eq(st.st_uid, machine_alice());
	ck_assert_int_ge(heard.sock.lock_fd, 0);
	ck_assert_str_eq(heard.sock.unlink_path, "/run/sennit.sock");
	sn_listen_close(&heard.sock);
	ck_assert_int_eq(stat("/run/sennit.sock", &st), -1);
}
END_TEST

START_TEST(binds_nothing_else)
{
	struct sn_layout_listener other;
	struct heard heard;

	set_listeners();
	ck_assert_int_eq(bind_now(&heard, &listeners[2]), SN_EDENIED);
	ck_assert_ptr_nonnull(strstr(heard.diag.text, "not configured"));
	other = listeners[0];
	other.socktype = SOCK_DGRAM;
	ck_assert_int_eq(bind_now(&heard, &other), SN_EDENIED);
	other = listeners[1];
	other.mode = 0666;
	ck_assert_int_eq(bind_now(&heard, &other), SN_EDENIED);
}
END_TEST

START_TEST(says_why_it_cannot_bind)
{
	struct heard first, second;

	set_listeners();
	ck_assert_int_eq(bind_now(&first, &listeners[0]), SN_OK);
	listeners[2].addr = first.sock.local;
	layout.listener_count = 3;
	sn_broker_set_limits(sn_broker_process_client(broker_process), &layout);
	ck_assert_int_eq(bind_now(&second, &listeners[2]), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(second.diag.text, "in use"));
	sn_listen_close(&first.sock);
}
END_TEST

/* --- who may ask -------------------------------------------------------------------------------
 */

/* A worker that asks what is the supervisor's loses its channel; others do not notice. */
START_TEST(a_worker_cannot_bind)
{
	struct sn_broker *rogue;
	struct heard heard = { .kind = HEARD_BOUND }, other = { .kind = HEARD_PASSWD };
	int fd;

	set_listeners();
	ck_assert_int_eq(sn_broker_process_channel(broker_process, SN_IPC_WORKER, &fd), SN_OK);
	/* It claims to be what it is not; the broker knows the role it was introduced with. */
	ck_assert_int_eq(sn_broker_connect(loop, fd, SN_IPC_SUPERVISOR, &rogue), SN_OK);
	ck_assert_int_eq(hear_now(&heard, sn_broker_bind(rogue, &listeners[0])), SN_EUNAVAILABLE);
	ck_assert_int_eq(hear_now(&other, sn_broker_lookup(worker, SN_STR("alice"), 0)), SN_OK);
	sn_broker_disconnect(&rogue);
}
END_TEST

START_TEST(a_supervisor_cannot_ask_for_passwords)
{
	struct sn_broker *rogue;
	struct heard heard = { .kind = HEARD_CODE };
	int fd;

	ck_assert_int_eq(sn_broker_process_channel(broker_process, SN_IPC_SUPERVISOR, &fd), SN_OK);
	ck_assert_int_eq(sn_broker_connect(loop, fd, SN_IPC_WORKER, &rogue), SN_OK);
	ck_assert_int_eq(hear_now(&heard,
				 sn_broker_verify_password(rogue, SN_STR("permit"), SN_STR("alice"),
					 SN_STR("x"), NULL)),
		SN_EUNAVAILABLE);
	sn_broker_disconnect(&rogue);
}
END_TEST

START_TEST(only_workers_and_supervisors_are_introduced)
{
	struct sn_broker *rogue;
	struct heard heard = { .kind = HEARD_PASSWD };
	int fd;

	ck_assert_int_eq(sn_broker_process_channel(broker_process, SN_IPC_CONFIG, &fd), SN_OK);
	ck_assert_int_eq(sn_broker_connect(loop, fd, SN_IPC_WORKER, &rogue), SN_OK);
	ck_assert_int_eq(
		hear_now(&heard, sn_broker_lookup(rogue, SN_STR("alice"), 0)), SN_EUNAVAILABLE);
	sn_broker_disconnect(&rogue);
}
END_TEST

Suite *broker_suite(void);

Suite *broker_suite(void)
{
	Suite *suite = suite_create("broker");
	TCase *tc = tcase_create("broker");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, verifies_passwords);
	tcase_add_test(tc, an_expired_account_is_disabled);
	tcase_add_test(tc, a_password_with_a_nul_is_wrong);
	tcase_add_test(tc, a_module_that_hangs_holds_up_nobody);
	tcase_add_test(tc, a_canceled_question_frees_its_place);
	tcase_add_test(tc, looks_up_users);
	tcase_add_test(tc, opens_key_files);
	tcase_add_test(tc, opens_configured_files_elsewhere);
	tcase_add_test(tc, opens_nothing_else);
	tcase_add_test(tc, binds_what_is_configured);
	tcase_add_test(tc, binds_nothing_else);
	tcase_add_test(tc, says_why_it_cannot_bind);
	tcase_add_test(tc, a_worker_cannot_bind);
	tcase_add_test(tc, a_supervisor_cannot_ask_for_passwords);
	tcase_add_test(tc, only_workers_and_supervisors_are_introduced);
	suite_add_tcase(suite, tc);
	return suite;
}
