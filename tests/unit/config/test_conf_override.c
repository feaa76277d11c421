#include "config/conf.h"

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_override(void);

static struct fixture f;

static void tear_down(void)
{
	fixture_fini(&f);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EVERY(k, v) \
	{ \
		.table = "every", .key = (k), .value = SN_STR(v), .option = "--" k \
	}
#define CHAT(k, v) \
	{ \
		.table = "service", .name = "chat", .key = (k), .value = SN_STR(v), \
		.option = "--" k \
	}

START_TEST(test_every_type)
{
	const struct sn_conf_override overrides[] = { EVERY("name", "you"), EVERY("open", "false"),
		EVERY("limit", "-3"), EVERY("buffer", "1024"), EVERY("timeout", "5m"),
		EVERY("mode", "off"), EVERY("motd", "here/motd"), EVERY("password", "four"),
		EVERY("words", "x"), EVERY("listen", "7005"), EVERY("peers", "unix:/p") };
	const struct every_conf *every;

	fixture_overrides(&f, "[every]\nname = 'me'\nlimit = 5\n", overrides, COUNT(overrides));
	fixture_expect_clean(&f);
	every = sn_conf_plain(f.conf, "every");
	ck_assert_str_view(every->name, "you");
	ck_assert(!every->open);
	ck_assert_int_eq(every->limit, -3);
	ck_assert_uint_eq(every->buffer, 1024);
	ck_assert_int_eq(every->timeout, 300000000000);
	ck_assert_int_eq(every->mode, 0);
	ck_assert_str_view(every->motd, "here/motd");
	ck_assert_str_view(every->password, "four");
	ck_assert_uint_eq(every->words.count, 1);
	ck_assert_int_eq(sn_endpoint_get(every->listen.items[0].endpoint, "port")->number, 7005);
	ck_assert_str_eq(every->peers.items[0].endpoint->type->word, "unix");
}
END_TEST

/* One command, no file: the table is made, its type is its name. */
START_TEST(test_makes_tables)
{
	const struct sn_conf_override overrides[] = { CHAT("network", "Net"),
		CHAT("listen", "7001"), CHAT("listen", "tcp:7002") };
	const struct sn_conf_named *chat;

	fixture_overrides(&f, "", overrides, COUNT(overrides));
	fixture_expect_clean(&f);
	chat = sn_conf_named_at(f.conf, "service", 0);
	ck_assert_ptr_eq(chat->section, &chat_section);
	ck_assert_str_view(((const struct chat_conf *)chat->settings)->network, "Net");
	ck_assert_uint_eq(((const struct service_conf *)chat->common)->listen.count, 2);
	ck_assert_ptr_null(sn_conf_named_at(f.conf, "service", 1));
}
END_TEST

START_TEST(test_type)
{
	const struct sn_conf_override overrides[] = {
		{ .table = "service",
			.name = "x",
			.key = "type",
			.value = SN_STR("echo"),
			.option = "--type" },
		{ .table = "service",
			.name = "x",
			.key = "twice",
			.value = SN_STR("true"),
			.option = "--twice" },
	};

	fixture_overrides(&f, "", overrides, COUNT(overrides));
	fixture_expect_clean(&f);
	ck_assert_ptr_eq(sn_conf_named_at(f.conf, "service", 0)->section, &echo_section);
}
END_TEST

START_TEST(test_lists_replace_the_file)
{
	const struct sn_conf_override overrides[] = { EVERY("words", "a"), EVERY("words", "b") };
	const struct every_conf *every;

	fixture_overrides(&f, "[every]\nwords = ['x', 'y']\n", overrides, COUNT(overrides));
	fixture_expect_clean(&f);
	every = sn_conf_plain(f.conf, "every");
	ck_assert_uint_eq(every->words.count, 2);
	ck_assert_str_view(every->words.items[0], "a");
	ck_assert_str_view(every->words.items[1], "b");
}
END_TEST

START_TEST(test_secret_replaces_its_file)
{
	const struct sn_conf_override overrides[] = { EVERY("password", "sesame") };

	fixture_overrides(&f, "[every]\npassword_file = '/nonexistent'\n", overrides, 1);
	fixture_expect_clean(&f);
	ck_assert_str_view(
		((const struct every_conf *)sn_conf_plain(f.conf, "every"))->password, "sesame");
}
END_TEST

START_TEST(test_secret_file_replaces_the_secret)
{
	struct sn_conf_override override = {
		.table = "every", .key = "password_file", .option = "--password-file"
	};
	char folder[256];

	(void)folder_new(folder, sizeof(folder));
	folder_write(folder, "secret", "sesame\n");
	override.value = sn_str(folder_path(folder, "secret"));
	fixture_overrides(&f, "[every]\npassword = 'other'\n", &override, 1);
	folder_remove(folder);
	fixture_expect_clean(&f);
	ck_assert_str_view(
		((const struct every_conf *)sn_conf_plain(f.conf, "every"))->password, "sesame");
}
END_TEST

/* The shell has had its turn: a dollar sign is one. */
START_TEST(test_no_expansion)
{
	const struct sn_conf_override overrides[] = { EVERY("name", "$$${HOME}") };

	fixture_overrides(&f, "", overrides, 1);
	fixture_expect_clean(&f);
	ck_assert_str_view(
		((const struct every_conf *)sn_conf_plain(f.conf, "every"))->name, "$$${HOME}");
}
END_TEST

static const struct {
	struct sn_conf_override override;
	const char *report;
} faults[] = {
	{ EVERY("limit", "many"),
		"--limit: error: \"limit\" in [every] must be an integer, found \"many\"\n"
		"    many\n    ^~~~\n" },
	{ EVERY("limit", "500"),
		"--limit: error: \"limit\" in [every] must be -5 to 100, not 500\n"
		"    500\n    ^~~\n" },
	{ EVERY("open", "yes"),
		"--open: error: \"open\" in [every] must be true or false, found "
		"\"yes\"\n    yes\n    ^~~\n" },
	{ EVERY("password", "x"),
		"--password: error: \"password\" in [every] must be at least 4 "
		"bytes long, not 1\n" },
	{ EVERY("nmae", "x"),
		"--nmae: error: unknown key \"nmae\" in [every]; did you mean \"name\"?\n"
		"    x\n    ^\n" },
	{ EVERY("name", "\xff"), "--name: error: not valid UTF-8\n    ?\n    ^\n" },
};

START_TEST(test_faults)
{
	fixture_overrides(&f, "", &faults[_i].override, 1);
	fixture_expect_report(&f, faults[_i].report);
}
END_TEST

START_TEST(test_endpoint_fault)
{
	const struct sn_conf_override overrides[] = { CHAT("listen", "tcp:80"),
		CHAT("listen", "tcp:99999") };

	fixture_overrides(&f, "", overrides, COUNT(overrides));
	ck_assert_uint_eq(f.diags.errors, 1);
	ck_assert_msg(sn_str_starts(sn_strbuf_str(&f.report), SN_STR("--listen: error: ")) &&
			sn_str_ends(
				sn_strbuf_str(&f.report), SN_STR("\n    tcp:99999\n        ^\n")),
		"%s", sn_strbuf_cstr(&f.report));
}
END_TEST

/* Something else stands where the table would be: that is what is reported. */
START_TEST(test_no_table)
{
	const struct sn_conf_override overrides[] = { CHAT("network", "x") };

	fixture_overrides(&f, "service = 5\n", overrides, 1);
	ck_assert_uint_eq(f.diags.errors, 1);
	ck_assert_uint_eq(f.diags.first->pos.line, 1);
}
END_TEST

Suite *sn_suite_conf_override(void)
{
	Suite *suite = suite_create("conf_override");
	TCase *tc = tcase_create("conf_override");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, test_every_type);
	tcase_add_test(tc, test_makes_tables);
	tcase_add_test(tc, test_type);
	tcase_add_test(tc, test_lists_replace_the_file);
	tcase_add_test(tc, test_secret_replaces_its_file);
	tcase_add_test(tc, test_secret_file_replaces_the_secret);
	tcase_add_test(tc, test_no_expansion);
	tcase_add_loop_test(tc, test_faults, 0, (int)COUNT(faults));
	tcase_add_test(tc, test_endpoint_fault);
	tcase_add_test(tc, test_no_table);
	return suite;
}
