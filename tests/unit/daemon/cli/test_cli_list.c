#include "tests/unit/daemon/cli/runner.h"

static const struct runner_case cases[] = {
	{ { "list", "modules" }, EX_OK, "irc        single   stream         a chat server", "" },
	{ { "list", "auth" }, EX_OK, "memory:NAME:PASSWORD", "" },
	{ { "list", "endpoints" }, EX_OK, "(default: 666)", "" },
	{ { "list" }, EX_USAGE, "", "list what? modules, endpoints or auth\n" },
	{ { "list", "everything" }, EX_USAGE, "", "list what?" },
	{ { "list", "modules", "auth" }, EX_USAGE, "", "list what?" },
};

START_TEST(words_and_answers)
{
	runner_check(&cases[_i]);
}
END_TEST

/* Where the text of a type begins, in the half of its side. */
static const char *place_of(const struct sn_endpoint_type *type)
{
	const char *clients = strstr(runner_out(), "\nWhere to connect:\n");
	char line[256];
	const char *at;

	ck_assert_ptr_nonnull(clients);
	(void)snprintf(line, sizeof(line), "\n  %s\n      %s\n", type->example, type->doc);
	at = strstr(type->side == SN_CLIENT ? clients : runner_out(), line);
	ck_assert_msg(at != NULL, "not in the list:%s", line);
	ck_assert(type->side == SN_CLIENT || at < clients);
	return at;
}

START_TEST(every_type_with_every_parameter)
{
	static const char *const list[] = { "list", "endpoints", NULL };
	const struct sn_endpoint_type *type;
	size_t i = 0;

	ck_assert_int_eq(runner_run(list), EX_OK);
	sn_endpoints_init();
	for (; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		const char *at = place_of(type);

		for (size_t p = 0; p < type->param_count; p++) {
			char name[64];

			(void)snprintf(name, sizeof(name), "\n      %s ", type->params[p].name);
			ck_assert_ptr_nonnull(strstr(at, name));
			ck_assert_ptr_nonnull(strstr(at, type->params[p].doc));
		}
	}
	ck_assert_uint_gt(i, 10);
}
END_TEST

START_TEST(every_example_is_one)
{
	struct sn_pool *pool = sn_pool_new(0);
	const struct sn_endpoint_type *type;

	sn_endpoints_init();
	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		struct sn_endpoint *endpoint;
		struct sn_diag diag = { 0 };

		ck_assert_msg(sn_endpoint_parse(pool, type->side, sn_str(type->example), &endpoint,
				      &diag) == SN_OK,
			"%s: %s", type->example, diag.text);
		ck_assert_ptr_eq(endpoint->type, type);
	}
	sn_pool_free(&pool);
}
END_TEST

/* Its words, whatever is between them: lines are broken for people. */
static const char *find_words(const char *text, const char *words)
{
	for (; *text != '\0'; text++) {
		const char *at = text, *word = words;

		while (*word != '\0' && (*at == *word || (*word == ' ' && *at == '\n')))
			at += *word++ == ' ' ? strspn(at, " \n") : 1;
		if (*word == '\0')
			return text;
	}
	return NULL;
}

START_TEST(every_kind_of_authentication)
{
	static const char *const list[] = { "list", "auth", NULL };
	const struct sn_checker_type *type;
	size_t i = 0;

	ck_assert_int_eq(runner_run(list), EX_OK);
	sn_checkers_init();
	for (; (type = sn_checker_type_at(i)) != NULL; i++)
		ck_assert_ptr_nonnull(find_words(runner_out(), type->doc));
	ck_assert_uint_ge(i, 2);
}
END_TEST

Suite *sn_suite_cli_list(void);
Suite *sn_suite_cli_list(void)
{
	Suite *suite = suite_create("cli/list");
	TCase *tc = tcase_create("cli_list");

	tcase_add_checked_fixture(tc, runner_setup, runner_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, words_and_answers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, every_type_with_every_parameter);
	tcase_add_test(tc, every_example_is_one);
	tcase_add_test(tc, every_kind_of_authentication);
	suite_add_tcase(suite, tc);
	return suite;
}
