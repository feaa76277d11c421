#include "daemon/proc/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/jail.h"

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			return 1; \
		} \
	} while (0)

static void run(int (*fn)(const void *arg), const void *arg)
{
	struct jail_end end;

	jail_run(fn, arg, &end);
	ck_assert_msg(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0, "%s", end.said);
}

/* In a namespace of one user there is nobody else to become, but capabilities to lose. */
static const char *somebody(void)
{
	return geteuid() == 0 ? "nobody" : "";
}

static bool has(cap_value_t cap, cap_flag_t set)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;
	const int failed = cap_get_flag(caps, cap, set, &value);

	(void)cap_free(caps);
	return failed == 0 && value == CAP_SET;
}

static int become_somebody(const void *arg)
{
	const char *user = arg;
	struct sn_diag diag = { 0 };
	const struct passwd *pw;

	jail_be_root();
	REQUIRE(sn_privs_become(sn_str(user), SN_STR_NULL, &diag) == SN_OK);
	pw = getpwnam(user[0] != '\0' ? user : "root");
	REQUIRE(pw != NULL && getuid() == pw->pw_uid && geteuid() == pw->pw_uid);
	REQUIRE(getgid() == pw->pw_gid && getegid() == pw->pw_gid);
	REQUIRE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		REQUIRE(!has(cap, CAP_PERMITTED) && !has(cap, CAP_EFFECTIVE));
		REQUIRE(!has(cap, CAP_INHERITABLE) && cap_get_bound(cap) != CAP_SET);
	}
	return 0;
}

START_TEST(becomes_a_user_without_any_capability)
{
	run(become_somebody, somebody());
}
END_TEST

static int try_ways_back(const void *arg)
{
	const char *user = arg;
	const cap_value_t cap = CAP_NET_BIND_SERVICE;
	cap_t caps = cap_init();
	struct sn_diag diag = { 0 };
	uid_t uid;

	jail_be_root();
	REQUIRE(sn_privs_become(sn_str(user), SN_STR_NULL, &diag) == SN_OK);
	uid = getuid();
	REQUIRE(uid == 0 || (setuid(0) == -1 && setresuid(0, 0, 0) == -1 && seteuid(0) == -1));
	REQUIRE(setuid(12345) == -1 && setgid(12345) == -1);
	REQUIRE(cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET) == 0);
	REQUIRE(cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET) == 0);
	REQUIRE(cap_set_proc(caps) == -1 && errno == EPERM);
	REQUIRE(chroot("/") == -1 && errno == EPERM);
	(void)cap_free(caps);
	return 0;
}

START_TEST(there_is_no_way_back)
{
	run(try_ways_back, somebody());
}
END_TEST

static int become_nobody_known(const void *arg)
{
	const struct sn_str *names = arg;
	struct sn_diag diag = { 0 };

	jail_be_root();
	REQUIRE(sn_privs_become(names[0], names[1], &diag) == SN_ENOTFOUND);
	REQUIRE(strstr(diag.text, "\"no-such-name\"") != NULL);
	REQUIRE(geteuid() == 0 && has(CAP_SETUID, CAP_EFFECTIVE)); /* nothing has changed */
	return 0;
}

START_TEST(unknown_names_change_nothing)
{
	static const struct sn_str rows[][2] = {
		{ { "no-such-name", 12 }, { NULL, 0 } },
		{ { "root", 4 }, { "no-such-name", 12 } },
	};

	run(become_nobody_known, rows[_i]);
}
END_TEST

/* Who may not change groups (the namespace forbids it) must hear of it. */
static int become_member(const void *arg)
{
	struct sn_diag diag = { 0 };
	const bool is_root = geteuid() == 0;
	int code;

	(void)arg;
	jail_be_root();
	code = sn_privs_become(SN_STR("root"), SN_STR("nogroup"), &diag);
	if (is_root) {
		REQUIRE(code == SN_OK && getegid() == 65534);
		return 0;
	}
	REQUIRE(code == -EPERM && strstr(diag.text, "groups of user root") != NULL);
	return 0;
}

START_TEST(a_group_may_be_chosen)
{
	run(become_member, NULL);
}
END_TEST

/* Whoever is not root stays who they are; the user named is not even looked up. */
static int stay(const void *arg)
{
	struct sn_diag diag = { 0 };
	uid_t before;

	(void)arg;
	if (geteuid() == 0)
		REQUIRE(setresuid(65534, 65534, 65534) == 0);
	before = geteuid();
	REQUIRE(sn_privs_become(SN_STR("no-such-name"), SN_STR_NULL, &diag) == SN_OK);
	REQUIRE(geteuid() == before && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

START_TEST(who_is_not_root_stays)
{
	run(stay, NULL);
}
END_TEST

static int be_broker(const void *arg)
{
	static const cap_value_t kept[] = { CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_KILL,
		CAP_NET_BIND_SERVICE };
	static const cap_value_t lost[] = { CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN,
		CAP_SETPCAP, CAP_SYS_MODULE };
	struct sn_diag diag = { 0 };

	(void)arg;
	jail_be_root();
	REQUIRE(sn_privs_keep_broker(&diag) == SN_OK);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		REQUIRE(has(kept[i], CAP_EFFECTIVE) && cap_get_bound(kept[i]) == CAP_SET);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		REQUIRE(!has(lost[i], CAP_PERMITTED) && cap_get_bound(lost[i]) != CAP_SET);
	REQUIRE(unshare(CLONE_NEWNS) == -1 && errno == EPERM);
	return 0;
}

START_TEST(the_broker_keeps_its_list)
{
	run(be_broker, NULL);
}
END_TEST

static int be_plain_broker(const void *arg)
{
	struct sn_diag diag = { 0 };

	(void)arg;
	if (geteuid() == 0)
		REQUIRE(setresuid(65534, 65534, 65534) == 0);
	REQUIRE(sn_privs_keep_broker(&diag) == SN_OK);
	REQUIRE(!has(CAP_SETUID, CAP_PERMITTED));
	return 0;
}

START_TEST(a_broker_without_root_has_nothing_to_keep)
{
	run(be_plain_broker, NULL);
}
END_TEST

static int hide(const void *arg)
{
#ifdef __SANITIZE_ADDRESS__
	const int dumpable = 1;
#else
	const int dumpable = 0;
#endif

	(void)arg;
	REQUIRE(sn_privs_hide() == SN_OK);
	REQUIRE(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == dumpable);
	return 0;
}

START_TEST(nobody_looks_into_it)
{
	run(hide, NULL);
}
END_TEST

Suite *privs_suite(void);

Suite *privs_suite(void)
{
	Suite *suite = suite_create("privs");
	TCase *tc = tcase_create("privs");

	tcase_add_test(tc, becomes_a_user_without_any_capability);
	tcase_add_test(tc, there_is_no_way_back);
	tcase_add_loop_test(tc, unknown_names_change_nothing, 0, 2);
	tcase_add_test(tc, a_group_may_be_chosen);
	tcase_add_test(tc, who_is_not_root_stays);
	tcase_add_test(tc, the_broker_keeps_its_list);
	tcase_add_test(tc, nobody_looks_into_it);
	tcase_add_test(tc, a_broker_without_root_has_nothing_to_keep);
	suite_add_tcase(suite, tc);
	return suite;
}
