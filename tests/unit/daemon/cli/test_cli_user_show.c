#include <jansson.h>

#include "tests/unit/daemon/cli/runner.h"

#define ST "--state", "st"

static void make_people(void)
{
	static const char *const words[] = { "import", "accounts", "in", ST, NULL };

	runner_write("in",
		"{\"name\":\"alice\",\"roles\":[\"ops\",\"admin\"],\"last_login\":\"2026-11-20\","
		"\"certificates\":[\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
		"\"]}\n"
		"{\"name\":\"bob\",\"disabled\":true,\"crypt\":\"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gR"
		"stiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1\"}\n");
	ck_assert_msg(runner_run(words) == EX_OK, "%s", runner_err());
}

START_TEST(for_people)
{
	static const struct runner_case cases[] = {
		{ { "user", "list", ST }, EX_OK,
			"NAME   PASSWORD  KEYS  CERTS  TOKENS  LAST LOGIN  ROLES\n"
			"alice  none         0      1       0  2026-11-20  admin, ops\n"
			"bob    crypt        0      0       0  never       (disabled)\n",
			"" },
		{ { "user", "show", "ALICE", ST }, EX_OK, "last login    2026-11-20T00:00:00Z\n",
			"" },
		{ { "user", "show", "bob", ST }, EX_OK,
			"name          bob\nstate         disabled\npassword      a crypt(3) hash",
			"" },
		{ { "user", "show", "carol", ST }, EX_NOUSER, "",
			"carol: there is no such account" },
	};

	make_people();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		runner_check(&cases[i]);
}
END_TEST

START_TEST(for_programs)
{
	static const char *const list[] = { "user", "list", ST, "--json", NULL };
	static const char *const show[] = { "user", "show", "bob", ST, "--json", NULL };
	json_t *value;

	make_people();
	ck_assert_int_eq(runner_run(list), EX_OK);
	value = json_loads(runner_out(), 0, NULL);
	ck_assert_uint_eq(json_array_size(value), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(value, 0), "roles")), 2);
	json_decref(value);
	ck_assert_int_eq(runner_run(show), EX_OK);
	value = json_loads(runner_out(), 0, NULL);
	ck_assert(json_is_true(json_object_get(value, "disabled")));
	ck_assert_ptr_null(strstr(runner_out(), "$6$"));
	json_decref(value);
}
END_TEST

START_TEST(nobody_for_programs)
{
	static const struct runner_case none = { { "user", "list", ST, "--json" }, EX_OK, "[]\n",
		"" };

	runner_check(&none);
}
END_TEST

/* More than one page. */
START_TEST(many)
{
	static const char *const words[] = { "import", "accounts", "in", ST, NULL };
	static const char *const list[] = { "user", "list", ST, "--json", NULL };
	static char text[450 * 24];
	size_t n = 0;
	json_t *value;

	for (int i = 0; i < 450; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"name\":\"user%d\"}\n", i);
	runner_write("in", text);
	ck_assert_int_eq(runner_run(words), EX_OK);
	ck_assert_int_eq(runner_run(list), EX_OK);
	value = json_loads(runner_out(), 0, NULL);
	ck_assert_uint_eq(json_array_size(value), 450);
	json_decref(value);
}
END_TEST

Suite *suite_cli_user_show(void);
Suite *suite_cli_user_show(void)
{
	Suite *suite = suite_create("cli_user_show");
	TCase *tc = tcase_create("cli_user_show");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_add_test(tc, for_people);
	tcase_add_test(tc, for_programs);
	tcase_add_test(tc, nobody_for_programs);
	tcase_add_test(tc, many);
	suite_add_tcase(suite, tc);
	return suite;
}
