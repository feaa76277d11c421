#include "config/conf_read.h"

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_read(void);

static struct fixture f;
static struct sn_strbuf text;

static void set_up(void)
{
	sn_strbuf_init(&text, 1 << 20);
}

static void tear_down(void)
{
	sn_strbuf_fini(&text);
	fixture_fini(&f);
}

/* key = value in [every]; the message, the column and the length of what is underlined. */
static const struct {
	const char *line, *message;
	uint32_t column, length;
} faults[] = {
	{ "name = 5", "\"name\" in [every] must be a string, found an integer", 8, 1 },
	{ "name = 1.5", "\"name\" in [every] must be a string, found a float", 8, 3 },
	{ "name = 2026-11-20", "\"name\" in [every] must be a string, found a local date", 8, 10 },
	{ "name = ['x']", "\"name\" in [every] must be a string, found an array", 8, 5 },
	{ "name = {}", "\"name\" in [every] must be a string, found a table", 8, 2 },
	{ "name = ''", "\"name\" in [every] must be 1 to 16 bytes long, not 0", 8, 2 },
	{ "name = '12345678901234567'", "\"name\" in [every] must be 1 to 16 bytes long, not 17", 8,
		19 },
	{ "name = \"a\\u0000\"", "\"name\" in [every] must not contain a NUL character", 8, 9 },
	{ "open = 'yes'", "\"open\" in [every] must be true or false, found \"yes\"", 8, 5 },
	{ "open = 1", "\"open\" in [every] must be true or false, found an integer", 8, 1 },
	{ "limit = '5'", "\"limit\" in [every] must be an integer, found \"5\"", 9, 3 },
	{ "limit = 5.0", "\"limit\" in [every] must be an integer, found a float", 9, 3 },
	{ "limit = 101", "\"limit\" in [every] must be -5 to 100, not 101", 9, 3 },
	{ "limit = -6", "\"limit\" in [every] must be -5 to 100, not -6", 9, 2 },
	{ "buffer = '1 bucket'",
		"\"buffer\" in [every] must be a size such as \"16KiB\", found \"1 bucket\"", 10,
		10 },
	{ "buffer = -1", "\"buffer\" in [every] must be a size such as \"16KiB\", found an integer",
		10, 2 },
	{ "buffer = 100", "\"buffer\" in [every] must be 512 to 1MiB, not 100", 10, 3 },
	{ "buffer = '2MiB'", "\"buffer\" in [every] must be 512 to 1MiB, not 2MiB", 10, 6 },
	{ "timeout = 30",
		"\"timeout\" in [every] must be a duration such as \"30s\", found an integer", 11,
		2 },
	{ "timeout = '30'",
		"\"timeout\" in [every] must be a duration such as \"30s\", found \"30\"", 11, 4 },
	{ "timeout = '2h'", "\"timeout\" in [every] must be at most 1h, not 2h", 11, 4 },
	{ "mode = 'fats'",
		"\"mode\" in [every] must be one of \"off\", \"slow\", \"fast\", found \"fats\"; did "
		"you mean \"fast\"?",
		8, 6 },
	{ "mode = 'SLOW?'",
		"\"mode\" in [every] must be one of \"off\", \"slow\", \"fast\", found \"SLOW?\"",
		8, 7 },
	{ "mode = true",
		"\"mode\" in [every] must be one of \"off\", \"slow\", \"fast\", found a boolean",
		8, 4 },
	{ "motd = 1", "\"motd\" in [every] must be a path in quotes, found an integer", 8, 1 },
	{ "motd = \"x\\u0000\"", "\"motd\" in [every] must not contain a NUL character", 8, 9 },
	{ "words = 1",
		"\"words\" in [every] must be a string or a list of strings, found an integer", 9,
		1 },
	{ "words = ['a', 1, 'b']",
		"\"words\" in [every] must be a string or a list of strings, found an integer", 15,
		1 },
	{ "words = ['a', 'b', 'c', 'd']", "\"words\" in [every] must have at most 3 entries, not 4",
		9, 20 },
	{ "peers = 80",
		"\"peers\" in [every] must be an endpoint string or a list of them, found an integer",
		9, 2 },
	{ "listen = true",
		"\"listen\" in [every] must be an endpoint string, a port number, or a list of "
		"them, found a boolean",
		10, 4 },
	/* Nothing of a secret's line is shown. */
	{ "password = 5", "\"password\" in [every] must be a string, found an integer", 0, 1 },
	{ "password = 'abc'", "\"password\" in [every] must be at least 4 bytes long, not 3", 0,
		5 },
	{ "password_file = 5",
		"\"password_file\" in [every] must be a path in quotes, found integer", 17, 1 },
	{ "password_file = '/nonexistent/x'",
		"/nonexistent/x cannot be read: No such file or directory", 17, 16 },
	{ "password = 'abcd'\npassword_file = 'x'",
		"\"password\" and \"password_file\" are both set in [every]", 1, 13 },
};

START_TEST(test_faults)
{
	const struct sn_conf_problem *problem;

	sn_strbuf_addf(&text, "[every]\n%s\n", faults[_i].line);
	fixture_text(&f, sn_strbuf_cstr(&text));
	problem = f.diags.first;
	ck_assert_ptr_nonnull(problem);
	ck_assert_str_eq(problem->text.p, faults[_i].message);
	ck_assert_uint_eq(problem->pos.column, faults[_i].column);
	ck_assert_uint_eq(problem->pos.length, faults[_i].length);
	ck_assert_uint_eq(f.diags.errors, 1);
	ck_assert_int_eq(f.result, SN_ECONFIG);
}
END_TEST

/* What is underlined in an endpoint string is what the endpoint's own parser points at. */
static const struct {
	const char *line, *place;
} endpoint_faults[] = {
	{ "listen = 'tcp:99999'", "2:15" },
	{ "listen = ['tcp:80', \"tpc:80\"]", "2:22" },
	{ "listen = 'tcp:80:bogus=1'", "2:18" },
	{ "listen = 99_999", "2:10" },
	{ "listen = \"tcp\\u003a99999\"", "2:10" },
	{ "peers = 'tcp:h:http'", "2:16" },
};

START_TEST(test_endpoint_faults)
{
	struct sn_strbuf place;

	sn_strbuf_addf(&text, "[every]\n%s\n", endpoint_faults[_i].line);
	fixture_text(&f, sn_strbuf_cstr(&text));
	ck_assert_uint_eq(f.diags.errors, 1);
	sn_strbuf_init(&place, 100);
	sn_strbuf_addf(&place, "%u:%u", f.diags.first->pos.line, f.diags.first->pos.column);
	ck_assert_str_eq(sn_strbuf_cstr(&place), endpoint_faults[_i].place);
	sn_strbuf_fini(&place);
}
END_TEST

START_TEST(test_all_entries_are_looked_at)
{
	fixture_text(&f, "[every]\nlisten = [true, 'tcp:80', 'tcp:x', 1.5]\nwords = [1, 2]\n");
	ck_assert_uint_eq(f.diags.errors, 5);
}
END_TEST

START_TEST(test_zero_duration_needs_no_unit)
{
	fixture_text(&f, "[every]\ntimeout = 0\n");
	fixture_expect_clean(&f);
	ck_assert_int_eq(((const struct every_conf *)sn_conf_plain(f.conf, "every"))->timeout, 0);
}
END_TEST

static const struct {
	const char *content, *secret;
} secret_files[] = {
	{ "sesame", "sesame" },
	{ "sesame\n", "sesame" },
	{ "sesame\r\n", "sesame" },
	{ "sesame\n\n", "sesame\n" },
	{ " se same ", " se same " },
};

START_TEST(test_secret_file)
{
	struct sn_conf_request request = { .schema = &small_schema };
	char folder[256];

	(void)folder_new(folder, sizeof(folder));
	folder_write(folder, "secret", secret_files[_i].content);
	folder_write(folder, "a.toml", "[every]\npassword_file = 'secret'\n");
	request.path = folder_path(folder, "a.toml");
	fixture_load(&f, &request);
	fixture_expect_clean(&f);
	ck_assert_str_view(((const struct every_conf *)sn_conf_plain(f.conf, "every"))->password,
		secret_files[_i].secret);
	folder_remove(folder);
}
END_TEST

static const struct {
	struct sn_conf_item item;
	const char *range; /* NULL: none */
} ranges[] = {
	{ { .type = SN_CONF_INT }, NULL },
	{ { .type = SN_CONF_INT, .max = 5 }, "0 to 5" },
	{ { .type = SN_CONF_INT, .min = -5, .max = 5 }, "-5 to 5" },
	{ { .type = SN_CONF_INT, .min = 5 }, "at least 5" },
	{ { .type = SN_CONF_STRING, .max = 5 }, "at most 5" },
	{ { .type = SN_CONF_SIZE, .min = 1024 }, "at least 1KiB" },
	{ { .type = SN_CONF_DURATION, .min = 1000000000, .max = 60000000000 }, "1s to 1m" },
};

START_TEST(test_range)
{
	bool limited = sn_conf_add_range(&text, &ranges[_i].item);

	ck_assert_str_eq(sn_strbuf_cstr(&text), ranges[_i].range != NULL ? ranges[_i].range : "");
	ck_assert(limited == (ranges[_i].range != NULL));
}
END_TEST

Suite *sn_suite_conf_read(void)
{
	Suite *suite = suite_create("conf_read");
	TCase *tc = tcase_create("conf_read");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_faults, 0, (int)(sizeof(faults) / sizeof(faults[0])));
	tcase_add_loop_test(tc, test_endpoint_faults, 0,
		(int)(sizeof(endpoint_faults) / sizeof(endpoint_faults[0])));
	tcase_add_test(tc, test_all_entries_are_looked_at);
	tcase_add_test(tc, test_zero_duration_needs_no_unit);
	tcase_add_loop_test(
		tc, test_secret_file, 0, (int)(sizeof(secret_files) / sizeof(secret_files[0])));
	tcase_add_loop_test(tc, test_range, 0, (int)(sizeof(ranges) / sizeof(ranges[0])));
	return suite;
}
