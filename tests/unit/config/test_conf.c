#include "config/conf.h"

#include <stdio.h>

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf(void);

static struct fixture f;

static void tear_down(void)
{
	fixture_fini(&f);
}

START_TEST(test_defaults)
{
	const struct every_conf *every;

	fixture_text(&f, "");
	fixture_expect_clean(&f);
	every = sn_conf_plain(f.conf, "every");
	ck_assert_str_view(every->name, "nobody");
	ck_assert(every->open);
	ck_assert_int_eq(every->limit, 10);
	ck_assert_uint_eq(every->buffer, 16384);
	ck_assert_int_eq(every->timeout, 30000000000);
	ck_assert_int_eq(every->mode, 1);
	ck_assert_str_view(every->motd, "");
	ck_assert_str_eq(every->motd.p, "");
	ck_assert_str_view(every->password, "");
	ck_assert_uint_eq(every->words.count, 2);
	ck_assert_str_view(every->words.items[1], "two");
	ck_assert_uint_eq(every->listen.count, 1);
	ck_assert_str_eq(every->listen.items[0].endpoint->type->word, "tcp");
	ck_assert_uint_eq(every->peers.count, 0);
	ck_assert_ptr_null(sn_conf_named_at(f.conf, "service", 0));
}
END_TEST

START_TEST(test_every_type)
{
	const struct every_conf *every;

	fixture_text(&f,
		"[every]\n"
		"name = 'me'\nopen = false\nlimit = -5\nbuffer = '2KiB'\n"
		"timeout = '1m30s'\nmode = 'fast'\nmotd = 'motd.txt'\npassword = 'sesame'\n"
		"words = 'alone'\nlisten = [7001, 'tcp:7002']\npeers = 'tcp:example.net:80'\n");
	fixture_expect_clean(&f);
	every = sn_conf_plain(f.conf, "every");
	ck_assert_str_view(every->name, "me");
	ck_assert(!every->open);
	ck_assert_int_eq(every->limit, -5);
	ck_assert_uint_eq(every->buffer, 2048);
	ck_assert_int_eq(every->timeout, 90000000000);
	ck_assert_int_eq(every->mode, 2);
	ck_assert_str_view(every->motd, "motd.txt");
	ck_assert_str_view(every->password, "sesame");
	ck_assert_uint_eq(every->words.count, 1);
	ck_assert_str_view(every->words.items[0], "alone");
	ck_assert_uint_eq(every->listen.count, 2);
	ck_assert_int_eq(sn_endpoint_get(every->listen.items[0].endpoint, "port")->number, 7001);
	ck_assert_int_eq(sn_endpoint_get(every->listen.items[1].endpoint, "port")->number, 7002);
	ck_assert_int_eq(every->peers.items[0].endpoint->type->side, SN_CLIENT);
}
END_TEST

START_TEST(test_named)
{
	const struct sn_conf_named *named;

	fixture_text(&f,
		"[service.chat]\nnetwork = 'Net'\nlisten = 6667\n"
		"[service.\"two words\"]\ntype = 'echo'\ntwice = true\n"
		"[auth.people]\nuse = 'memory:a:b'\n");
	fixture_expect_clean(&f);
	named = sn_conf_named_at(f.conf, "service", 0);
	ck_assert_str_view(named->name, "chat");
	ck_assert_ptr_eq(named->section, &chat_section);
	ck_assert_str_view(((const struct chat_conf *)named->settings)->network, "Net");
	ck_assert_uint_eq(((const struct service_conf *)named->common)->listen.count, 1);
	ck_assert_uint_eq(named->pos.line, 1);
	ck_assert_str_view(named->type, "chat");
	ck_assert_uint_eq(sn_conf_key_pos(named, "listen").line, 3);
	ck_assert_uint_eq(sn_conf_key_pos(named, "listen").column, 10);
	ck_assert_uint_eq(sn_conf_key_pos(named, "motd").line, 1); /* not given: the table */
	named = sn_conf_named_at(f.conf, "service", 1);
	ck_assert_str_view(named->name, "two words");
	ck_assert_str_view(named->type, "echo");
	ck_assert_ptr_eq(named->section, &echo_section);
	ck_assert(((const struct echo_conf *)named->settings)->twice);
	ck_assert_ptr_null(sn_conf_named_at(f.conf, "service", 2));
	named = sn_conf_named_at(f.conf, "auth", 0);
	ck_assert_ptr_eq(named->section, &auth_section);
	ck_assert_ptr_eq(named->common, named->settings);
}
END_TEST

/* Positions and strings outlive the diags they were read with. */
START_TEST(test_outlives_diags)
{
	const struct every_conf *every;
	struct sn_conf_diags later;
	struct sn_strbuf out;

	fixture_text(&f, "[every]\nlisten = ['tcp:7001']\n");
	fixture_expect_clean(&f);
	sn_conf_diags_fini(&f.diags);
	sn_conf_diags_init(&later);
	every = sn_conf_plain(f.conf, "every");
	sn_conf_report(&later, SN_CONF_ERROR, every->listen.items[0].pos, "port taken");
	sn_strbuf_init(&out, 1000);
	sn_conf_diags_print(&later, &out, false);
	ck_assert_str_eq(sn_strbuf_cstr(&out),
		"configuration:2:11: error: port taken\n"
		"  2 | listen = ['tcp:7001']\n"
		"    |           ^~~~~~~~~~\n");
	sn_strbuf_fini(&out);
	sn_conf_diags_fini(&later);
}
END_TEST

START_TEST(test_default_has_a_place)
{
	const struct every_conf *every;

	fixture_text(&f, "");
	every = sn_conf_plain(f.conf, "every");
	sn_conf_report(&f.diags, SN_CONF_ERROR, every->listen.items[0].pos, "port taken");
	sn_strbuf_reset(&f.report);
	sn_conf_diags_print(&f.diags, &f.report, false);
	ck_assert_str_eq(sn_strbuf_cstr(&f.report),
		"default of \"listen\" in [every]: error: port taken\n"
		"    tcp:7000\n"
		"    ^~~~~~~~\n");
}
END_TEST

START_TEST(test_references)
{
	struct sn_conf *second;

	fixture_text(&f, "");
	second = sn_conf_ref(f.conf);
	sn_conf_unref(&f.conf);
	ck_assert_ptr_null(f.conf);
	ck_assert_str_view(
		((const struct every_conf *)sn_conf_plain(second, "every"))->name, "nobody");
	sn_conf_unref(&second);
	sn_conf_unref(&second);
}
END_TEST

static const struct {
	const char *text, *report;
} faults[] = {
	{ "[evry]\n",
		"configuration:1:2: error: unknown table [evry]; did you mean \"every\"?\n"
		"  1 | [evry]\n    |  ^~~~\n" },
	{ "includes = 'x'\n",
		"configuration:1:1: error: unknown key \"includes\" outside of any "
		"table; did you mean \"include\"?\n"
		"  1 | includes = 'x'\n    | ^~~~~~~~\n" },
	{ "every = 5\n",
		"configuration:1:1: error: \"every\" is a table: write [every] on a line of "
		"its own\n"
		"  1 | every = 5\n    | ^~~~~\n" },
	{ "[[every]]\n",
		"configuration:1:3: error: \"every\" is a table: write [every] on a line of "
		"its own\n"
		"  1 | [[every]]\n    |   ^~~~~\n" },
	{ "service = 5\n",
		"configuration:1:1: error: \"service\" takes named tables: "
		"[service.NAME]\n"
		"  1 | service = 5\n    | ^~~~~~~\n" },
	{ "[service]\nport = 5\n",
		"configuration:2:1: error: \"port\" is no table: [service] takes "
		"only tables [service.NAME]\n"
		"  2 | port = 5\n    | ^~~~\n" },
	{ "[service.'']\n",
		"configuration:1:10: error: [service.NAME] needs a name that is not empty\n"
		"  1 | [service.'']\n    |          ^~\n" },
	{ "[service.chatt]\n",
		"configuration:1:1: error: [service.chatt] needs a \"type\"; did you "
		"mean \"chat\"? (there are: echo, chat)\n"
		"  1 | [service.chatt]\n    | ^~~~~~~~~~~~~~~\n" },
	{ "[service.x]\ntype = 'web'\n",
		"configuration:2:8: error: unknown type \"web\" (there are: "
		"echo, chat)\n"
		"  2 | type = 'web'\n    |        ^~~~~\n" },
	{ "[service.x]\ntype = 1\n",
		"configuration:2:8: error: \"type\" in [service.x] must be a "
		"string (there are: echo, chat)\n"
		"  2 | type = 1\n    |        ^\n" },
	{ "[service.chat]\nlisen = 1\n",
		"configuration:2:1: error: unknown key \"lisen\" in "
		"[service.chat]; did you mean \"listen\"?\n"
		"  2 | lisen = 1\n    | ^~~~~\n" },
	{ "[service.chat.room]\n",
		"configuration:1:15: error: unknown table \"room\" in "
		"[service.chat]\n"
		"  1 | [service.chat.room]\n    |               ^~~~\n" },
	{ "[service.chat]\npasword_file = 'x'\n",
		"configuration:2:1: error: unknown key \"pasword_file\" in [service.chat]; did you "
		"mean \"password_file\"?\n"
		"  2 | pasword_file = 'x'\n    | ^~~~~~~~~~~~\n" },
	{ "[auth.x]\ntype = 'x'\nuse = 'y'\n",
		"configuration:2:1: error: unknown key \"type\" in "
		"[auth.x]\n"
		"  2 | type = 'x'\n    | ^~~~\n" },
	{ "[auth.x]\n",
		"configuration:1:1: error: [auth.x] needs \"use\" (a string or a list of "
		"strings)\n"
		"  1 | [auth.x]\n    | ^~~~~~~~\n" },
	/* Every problem of a file at once; what is malformed is reported once. */
	{ "[every]\nlimit = many\nnmae = 'x'\nopen = 1\n[service.chat]\nlisten = true\n",
		"configuration:2:9: error: many is not a value: text needs quotes\n"
		"  2 | limit = many\n    |         ^~~~\n"
		"configuration:3:1: error: unknown key \"nmae\" in [every]; did you mean \"name\"?\n"
		"  3 | nmae = 'x'\n    | ^~~~\n"
		"configuration:4:8: error: \"open\" in [every] must be true or false, found an "
		"integer\n"
		"  4 | open = 1\n    |        ^\n"
		"configuration:6:10: error: \"listen\" in [service.chat] must be an endpoint string, a "
		"port number, or a list of them, found a boolean\n"
		"  6 | listen = true\n    |          ^~~~\n" },
	/* What is missing may be what could not be read. */
	{ "[auth.x]\nuse x\n",
		"configuration:2:5: error: expected '=' after the key, found 'x'\n"
		"  2 | use x\n    |     ^\n" },
};

START_TEST(test_faults)
{
	fixture_text(&f, faults[_i].text);
	fixture_expect_report(&f, faults[_i].report);
}
END_TEST

START_TEST(test_check)
{
	const char *text = "[strict]\nlow = 5\nhigh = 4\n";
	struct sn_conf_request request = { .schema = &full_schema, .text = sn_str(text) };

	fixture_load(&f, &request);
	fixture_expect_report(&f,
		"configuration:1:1: error: low is above high\n"
		"  1 | [strict]\n    | ^~~~~~~~\n");
}
END_TEST

/* A relation between keys is looked at only where the keys themselves are right. */
START_TEST(test_check_of_broken)
{
	const char *text = "[strict]\nlow = 500\nhigh = 'x'\n";
	struct sn_conf_request request = { .schema = &full_schema, .text = sn_str(text) };

	fixture_load(&f, &request);
	ck_assert_uint_eq(f.diags.errors, 1);
}
END_TEST

START_TEST(test_required_table_is_absent)
{
	struct sn_conf_request request = { .schema = &full_schema, .text = SN_STR("\n") };

	fixture_load(&f, &request);
	fixture_expect_report(&f, "configuration: error: [strict] needs \"low\" (an integer)\n");
}
END_TEST

START_TEST(test_no_file_at_all)
{
	struct sn_conf_request request = { .schema = &small_schema };

	fixture_load(&f, &request);
	fixture_expect_clean(&f);
}
END_TEST

/* Whatever else is there, and whatever is wrong: what can be read of the asked tables is. */
START_TEST(test_peek)
{
	const struct sn_conf_request request = { .schema = &full_schema,
		.text = SN_STR(
			"[every]\nname = 'me'\nlimit = 'many'\nwords = ['a', 'b']\n"
			"[unknown]\nkey = 1\n[auth.one]\nuse = 'x'\nspeed = 2\n[service\n") };
	struct sn_conf *conf = sn_conf_peek(&request);
	const struct every_conf *every = sn_conf_plain(conf, "every");
	const struct auth_conf *auth;

	ck_assert_str_view(every->name, "me");
	ck_assert_uint_eq(every->words.count, 2);
	ck_assert_str_view(every->words.items[1], "b");
	ck_assert_ptr_nonnull(sn_conf_named_at(conf, "auth", 0));
	auth = sn_conf_named_at(conf, "auth", 0)->common;
	ck_assert_str_view(auth->use.items[0], "x");
	sn_conf_unref(&conf);
}
END_TEST

START_TEST(test_peek_at_nothing)
{
	const struct sn_conf_request request = { .schema = &full_schema, .path = "/no/such.toml" };
	struct sn_conf *conf = sn_conf_peek(&request);

	ck_assert_ptr_nonnull(sn_conf_plain(conf, "every"));
	ck_assert_ptr_null(sn_conf_named_at(conf, "auth", 0));
	sn_conf_unref(&conf);
}
END_TEST

Suite *sn_suite_conf(void)
{
	Suite *suite = suite_create("conf");
	TCase *tc = tcase_create("conf");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, test_defaults);
	tcase_add_test(tc, test_every_type);
	tcase_add_test(tc, test_named);
	tcase_add_test(tc, test_outlives_diags);
	tcase_add_test(tc, test_default_has_a_place);
	tcase_add_test(tc, test_references);
	tcase_add_loop_test(tc, test_faults, 0, (int)(sizeof(faults) / sizeof(faults[0])));
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_check_of_broken);
	tcase_add_test(tc, test_required_table_is_absent);
	tcase_add_test(tc, test_no_file_at_all);
	tcase_add_test(tc, test_peek);
	tcase_add_test(tc, test_peek_at_nothing);
	return suite;
}
