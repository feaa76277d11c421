#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/text.h"
#include "tests/unit/daemon/auth/broker_fixture.h"

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define OTHER "AAAAC3NzaC1lZDI1NTE5AAAAIHAgtxIshx6Q6emnTlOfxpYXpSyVhb2RMXgansClfOme"
#define LINE "ssh-ed25519 " KEY " alice@laptop\n"
#define FILE_1 ALICE_HOME "/.ssh/authorized_keys"

static struct answer login_from(const char *spec, const char *account, const char *ip)
{
	static char wire[64];
	struct sn_checker *checker = open_checker("%s", spec);
	struct sn_creds creds = {
		.kind = SN_CREDS_PUBLICKEY,
		.account = sn_str(account),
		.key_type = SN_STR("ssh-ed25519"),
	};
	struct sn_addr peer;
	struct answer answer;
	size_t n;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), 22, &peer), SN_OK);
	ck_assert_int_eq(sn_base64_decode(SN_STR(KEY), wire, sizeof(wire), &n), SN_OK);
	creds.key = sn_str_n(wire, n);
	creds.peer = &peer;
	answer = check_creds(checker, &creds);
	sn_checker_close(&checker);
	return answer;
}

static int login(const char *account)
{
	struct answer answer = login_from("sshkey", account, "192.0.2.7");

	sn_session_unref(&answer.session);
	return answer.code;
}

START_TEST(lets_in_who_is_in_the_file)
{
	static const struct {
		const char *text, *options;
		int code;
	} rows[] = {
		{ LINE, "", SN_OK },
		{ "ssh-ed25519 " KEY, "", SN_OK },
		{ "# keys\n\nssh-ed25519 " OTHER "\n" LINE, "", SN_OK },
		{ "this is no line\nssh-rsa AAAA\n" LINE, "", SN_OK },
		{ "no-pty,command=\"date\",from=\"192.0.2.0/24\" " LINE, "no-pty,command=\"date\"",
			SN_OK },
		/* The first line that lets in, though another one has the key. */
		{ "from=\"198.51.100.1\" " LINE "restrict " LINE, "restrict", SN_OK },
		{ "expiry-time=\"20200101\" " LINE "pty " LINE, "pty", SN_OK },
		{ "no-such-option " LINE "no-pty " LINE, "no-pty", SN_OK },
		{ "", NULL, SN_EDENIED },
		{ "ssh-ed25519 " OTHER "\n", NULL, SN_EDENIED },
		{ "# " LINE, NULL, SN_EDENIED },
		{ "from=\"198.51.100.1\" " LINE, NULL, SN_EDENIED },
		{ "expiry-time=\"20200101\" " LINE, NULL, SN_EDENIED },
		{ "cert-authority " LINE, NULL, SN_EDENIED },
		{ "no-such-option " LINE, NULL, SN_EDENIED },
	};
	struct answer answer;

	machine_write(FILE_1, rows[_i].text, machine_alice(), 0600);
	answer = login_from("sshkey", "alice", "192.0.2.7");
	ck_assert_int_eq(answer.code, rows[_i].code);
	if (answer.code == SN_OK) {
		ck_assert_str_view(answer.session->account, "alice");
		ck_assert_str_eq(answer.session->checker, "sshkey");
		ck_assert_str_view(answer.session->options, rows[_i].options);
	}
	sn_session_unref(&answer.session);
}
END_TEST

/* Without a file nothing is known of the user: the next checker may. */
START_TEST(no_file_is_no_answer)
{
	ck_assert_int_eq(login("alice"), SN_ENOTFOUND);
	ck_assert_int_eq(login("nobody-here"), SN_ENOTFOUND);
	ck_assert_int_eq(login(""), SN_ENOTFOUND);
}
END_TEST

START_TEST(there_is_a_second_file)
{
	machine_write(ALICE_HOME "/.ssh/authorized_keys2", LINE, machine_alice(), 0600);
	ck_assert_int_eq(login("alice"), SN_OK);
	machine_write(FILE_1, "ssh-ed25519 " OTHER "\n", machine_alice(), 0600);
	ck_assert_int_eq(login("alice"), SN_OK);
	ck_assert_int_eq(unlink(ALICE_HOME "/.ssh/authorized_keys2"), 0);
	ck_assert_int_eq(login("alice"), SN_EDENIED);
}
END_TEST

START_TEST(what_others_may_write_lets_nobody_in)
{
	machine_write(FILE_1, LINE, machine_alice(), 0666);
	ck_assert_int_eq(login("alice"), SN_EDENIED);
}
END_TEST

START_TEST(a_path_may_be_chosen)
{
	struct answer answer;

	broker_stop();
	broker_start("%h/keys");
	machine_write(ALICE_HOME "/keys", LINE, machine_alice(), 0600);
	answer = login_from("sshkey:%h/keys", "alice", "192.0.2.7");
	ck_assert_int_eq(answer.code, SN_OK);
	sn_session_unref(&answer.session);
	/* One that the layout does not speak of is refused by the broker. */
	machine_write(ALICE_HOME "/others", LINE, machine_alice(), 0600);
	ck_assert_int_eq(login_from("sshkey:%h/others", "alice", "192.0.2.7").code, SN_EDENIED);
}
END_TEST

START_TEST(refuses_what_is_no_path)
{
	struct sn_auth_context without = context;
	struct sn_checker *checker = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_checker_open(&context, SN_STR("sshkey:keys"), &checker, &diag), SN_ESYNTAX);
	ck_assert_ptr_nonnull(strstr(diag.text, "%h"));
	without.broker = NULL;
	ck_assert_int_eq(
		sn_checker_open(&without, SN_STR("sshkey"), &checker, &diag), SN_EUNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(diag.text, "broker"));
}
END_TEST

Suite *suite_checker_sshkey(void);
Suite *suite_checker_sshkey(void)
{
	Suite *suite = suite_create("checker_sshkey");
	TCase *tc = tcase_create("checker_sshkey");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_tags(tc, "no-valgrind");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lets_in_who_is_in_the_file, 0, 15);
	tcase_add_test(tc, no_file_is_no_answer);
	tcase_add_test(tc, there_is_a_second_file);
	tcase_add_test(tc, what_others_may_write_lets_nobody_in);
	tcase_add_test(tc, a_path_may_be_chosen);
	tcase_add_test(tc, refuses_what_is_no_path);
	suite_add_tcase(suite, tc);
	return suite;
}
