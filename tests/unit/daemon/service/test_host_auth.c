#include <stdio.h>
#include <unistd.h>

#include "daemon/auth/accounts.h"
#include "tests/support/certs.h"
#include "tests/support/turn.h"
#include "tests/unit/daemon/service/fixture.h"

static struct sn_test_dir dir;

static void setup(void)
{
	service_setup();
	sn_test_dir_make(&dir);
}

static void teardown(void)
{
	service_teardown();
	sn_test_dir_remove(&dir);
}

static struct sn_instance *tapped(void)
{
	return sn_host_find(host, SN_STR("tap"));
}

static unsigned kinds(void)
{
	return sn_portal_kinds(tapped()->portal);
}

static struct sn_host_options with_state(void)
{
	return (struct sn_host_options){ .state = sn_str(dir.path) };
}

static const struct {
	const char *toml;
	enum sn_state_need need;
} needs[] = {
	{ "[service.tap]\n", SN_STATE_WANTED },
	{ "[service.echo]\n", SN_STATE_UNUSED },
	{ "[service.tap]\nauth = \"memory:a:b\"\n", SN_STATE_UNUSED },
	{ "[service.tap]\nauth = [\"memory:a:b\", \"accounts\"]\n", SN_STATE_REQUIRED },
	{ "[service.tap]\n[service.echo]\nauth = \"accounts\"\n", SN_STATE_REQUIRED },
	{ "[server]\nephemeral = true\n[service.tap]\n", SN_STATE_UNUSED },
	{ "[server]\nstore = \"sqlite:/x\"\n[service.tap]\n", SN_STATE_UNUSED },
};

START_TEST(who_needs_a_state_directory)
{
	struct sn_conf *conf = load(needs[_i].toml);

	ck_assert_int_eq(sn_host_state_need(conf), needs[_i].need);
	sn_conf_unref(&conf);
}
END_TEST

START_TEST(checkers_of_a_service)
{
	host_up("[service.tap]\nauth = [\"memory:alice:secret\"]\n");
	ck_assert_uint_ne(kinds() & SN_CREDS_PASSWORD, 0);
	ck_assert(!tapped()->guests);
}
END_TEST

START_TEST(one_that_needs_what_is_not_there)
{
	ck_assert_int_eq(host_try("[service.tap]\nauth = \"accounts\"\n"), SN_ECONFIG);
	ck_assert_msg(
		strstr(reported(), "this process keeps no accounts") != NULL, "%s", reported());
}
END_TEST

START_TEST(and_why)
{
	const struct sn_host_options options = { .state_missing = "/x is read-only" };

	ck_assert_int_eq(
		host_try_with(options, "[service.tap]\nauth = \"accounts\"\n"), SN_ECONFIG);
	ck_assert_msg(strstr(reported(), "/x is read-only") != NULL, "%s", reported());
}
END_TEST

START_TEST(unasked_it_goes_on_without)
{
	host_up("[service.tap]\n");
	ck_assert_uint_eq(kinds(), 0);
	ck_assert(tapped()->guests);
}
END_TEST

START_TEST(accounts_are_known_unasked)
{
	char path[200];

	ck_assert_msg(host_try_with(with_state(), "[service.tap]\n") == SN_OK, "%s", reported());
	ck_assert_uint_ne(kinds() & SN_CREDS_SCRAM, 0);
	ck_assert(tapped()->guests);
	(void)snprintf(path, sizeof(path), "%s/boot.key", dir.path);
	ck_assert_int_eq(access(path, R_OK), 0);
}
END_TEST

START_TEST(who_needs_a_role_is_no_guest)
{
	ck_assert_int_eq(host_try_with(with_state(), "[service.tap]\nroles = \"staff\"\n"), SN_OK);
	ck_assert_uint_ne(kinds(), 0);
	ck_assert(!tapped()->guests);
}
END_TEST

START_TEST(ephemeral_ones_live_in_memory)
{
	ck_assert_msg(host_try("[server]\nephemeral = true\n[service.tap]\n"
			       "auth = \"accounts\"\n") == SN_OK,
		"%s", reported());
	ck_assert_uint_ne(kinds() & SN_CREDS_SCRAM, 0);
}
END_TEST

/* Not to be taken for "no accounts": guests would come in where people had passwords. */
START_TEST(a_damaged_database_is_no_reason_to_go_on)
{
	char path[200];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/sennit.db", dir.path);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 20000; i++)
		ck_assert_int_ne(fputc(i % 251, file), EOF);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_ne(host_try_with(with_state(), "[service.tap]\n"), SN_OK);
	ck_assert_msg(
		strstr(reported(), "accounts: ") != NULL && strstr(reported(), "sennit.db") != NULL,
		"%s", reported());
	ck_assert_str_eq(tap_read(), ""); /* nothing started */
}
END_TEST

START_TEST(a_reload_opens_what_it_needs_first)
{
	ck_assert_int_eq(
		host_try_with(with_state(), "[service.tap]\nauth = \"memory:a:b\"\n"), SN_OK);
	ck_assert_uint_eq(kinds() & SN_CREDS_TOKEN, 0);
	ck_assert_int_eq(host_reload("[service.tap]\nauth = \"accounts\"\n"), SN_OK);
	ck_assert_uint_ne(kinds() & SN_CREDS_TOKEN, 0);
}
END_TEST

Suite *sn_suite_host_auth(void);
Suite *sn_suite_host_auth(void)
{
	Suite *suite = suite_create("service/host_auth");
	TCase *tc = tcase_create("host_auth");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
		tc, who_needs_a_state_directory, 0, (int)(sizeof(needs) / sizeof(needs[0])));
	tcase_add_test(tc, checkers_of_a_service);
	tcase_add_test(tc, one_that_needs_what_is_not_there);
	tcase_add_test(tc, and_why);
	tcase_add_test(tc, unasked_it_goes_on_without);
	tcase_add_test(tc, accounts_are_known_unasked);
	tcase_add_test(tc, who_needs_a_role_is_no_guest);
	tcase_add_test(tc, ephemeral_ones_live_in_memory);
	tcase_add_test(tc, a_damaged_database_is_no_reason_to_go_on);
	tcase_add_test(tc, a_reload_opens_what_it_needs_first);
	suite_add_tcase(suite, tc);
	return suite;
}
