#include "daemon/proc/pam.h"

#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/support/unit.h"
#include "tests/unit/daemon/proc/jail.h"
#include "tests/unit/daemon/proc/machine.h"

static int verify(const char *service, const char *user, const char *password)
{
	return sn_pam_verify(&(struct sn_ask_verify){
		sn_str(service), sn_str(user), sn_str(password), SN_STR("192.0.2.1") });
}

START_TEST(understands_what_modules_say)
{
	static const struct {
		const char *auth, *account;
		int code;
	} rows[] = {
		{ "success", "success", SN_OK },
		{ "auth_err", "success", SN_EDENIED },
		{ "user_unknown", "success", SN_ENOTFOUND },
		{ "maxtries", "success", SN_EDENIED },
		{ "perm_denied", "success", SN_EDENIED },
		{ "acct_expired", "success", SN_EDISABLED },
		{ "authinfo_unavail", "success", SN_EUNAVAILABLE },
		{ "system_err", "success", SN_EUNAVAILABLE },
		{ "success", "acct_expired", SN_EDISABLED },
		{ "success", "new_authtok_reqd", SN_EDISABLED },
		{ "success", "perm_denied", SN_EDISABLED },
		{ "success", "user_unknown", SN_ENOTFOUND },
		{ "success", "system_err", SN_EUNAVAILABLE },
	};
	char text[256];

	(void)snprintf(text, sizeof(text),
		"auth [default=die success=ok] pam_debug.so auth=%s\n"
		"account [default=die success=ok] pam_debug.so acct=%s\n",
		rows[_i].auth, rows[_i].account);
	machine_write("/etc/pam.d/says", text, 0, 0644);
	ck_assert_int_eq(verify("says", "alice", "x"), rows[_i].code);
}
END_TEST

/* Where the stack hides that there is no such user, and what that costs. */
START_TEST(an_unknown_user_is_not_found_whatever_the_stack_says)
{
	machine_write("/etc/pam.d/hides",
		"auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n"
		"auth required pam_permit.so\naccount required pam_permit.so\n",
		0, 0644);
	ck_assert_int_eq(verify("hides", "nobody-here", "x"), SN_ENOTFOUND);
	ck_assert_int_eq(verify("hides", "alice", "x"), SN_EDENIED);
	ck_assert_int_eq(verify("hides", "alice", "pencil"), SN_OK);
}
END_TEST

/* pam_unix asks for two seconds after a failure; nobody sleeps them. */
START_TEST(failures_are_not_delayed)
{
	struct timespec before, after;

	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	ck_assert_int_eq(verify("sennit", "alice", "wrong"), SN_EDENIED);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_le(after.tv_sec - before.tv_sec, 1);
}
END_TEST

START_TEST(questions_with_echo_are_not_answered)
{
	machine_write("/etc/pam.d/asks",
		"auth required pam_exec.so expose_authtok quiet /bin/true\n"
		"account required pam_permit.so\n",
		0, 0644);
	ck_assert_int_eq(verify("asks", "alice", "x"), SN_OK);
	/* Without a user, modules ask for the name, with echo. */
	ck_assert_int_ne(verify("sennit", "", "x"), SN_OK);
}
END_TEST

START_TEST(a_session_brings_its_environment)
{
	struct sn_pam_session *session;
	const char *const *env;
	bool found = false;

	ck_assert_int_eq(sn_pam_session_open("sennit", "alice", "/dev/pts/0", "", &session), SN_OK);
	for (env = sn_pam_session_env(session); *env != NULL; env++)
		found = found || strcmp(*env, "FROM_PAM=yes") == 0;
	ck_assert(found);
	sn_pam_session_close(&session);
	ck_assert_ptr_null(session);
	sn_pam_session_close(&session);
	ck_assert_int_eq(
		sn_pam_session_open("closed", "alice", "sennit", "", &session), SN_EDISABLED);
}
END_TEST

Suite *pam_suite(void);

Suite *pam_suite(void)
{
	Suite *suite = suite_create("pam");
	TCase *tc = tcase_create("pam");

	tcase_add_checked_fixture(tc, machine_setup, NULL);
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_loop_test(tc, understands_what_modules_say, 0, 13);
	tcase_add_test(tc, an_unknown_user_is_not_found_whatever_the_stack_says);
	tcase_add_test(tc, failures_are_not_delayed);
	tcase_add_test(tc, questions_with_echo_are_not_answered);
	tcase_add_test(tc, a_session_brings_its_environment);
	suite_add_tcase(suite, tc);
	return suite;
}
