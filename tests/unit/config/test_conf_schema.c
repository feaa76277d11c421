#include "config/conf_schema.h"

#include "config/conf_read.h"
#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_schema(void);

struct pair {
	int64_t a, b;
	struct sn_str text;
};

static const char *const choices[] = { "one", NULL };
static const char *const no_choices[] = { NULL };

#define AT(member) .offset = offsetof(struct pair, member)
#define GOOD .key = "a", .type = SN_CONF_INT, AT(a), .doc = "Good."

/* Two rows, what is wrong with them, if anything. */
static const struct {
	struct sn_conf_item items[2];
	size_t count;
	const char *fault; /* NULL: none */
} rows[] = {
	{ { { GOOD } }, 1, NULL },
	{ { { GOOD }, { .key = "b", .type = SN_CONF_INT, AT(b), .doc = "Good." } }, 2, NULL },
	{ { { .key = "a", .type = SN_CONF_INT, AT(a) } }, 1, "\"a\" in section has no doc" },
	{ { { .key = "a", .type = SN_CONF_INT, AT(a), .doc = "" } }, 1,
		"\"a\" in section has no doc" },
	{ { { .key = NULL, .doc = "x" } }, 1, "\"\" in section is no bare key" },
	{ { { .key = "A b", .doc = "x" } }, 1, "\"A b\" in section is no bare key" },
	{ { { .key = "a", .type = SN_CONF_STRING, .offset = sizeof(struct pair) - 8, .doc = "x" } },
		1, "\"a\" in section does not lie within the struct" },
	{ { { .key = "a", .type = SN_CONF_INT, .offset = 4, .doc = "x" } }, 1,
		"\"a\" in section does not lie within the struct" },
	{ { { .key = "a", .type = SN_CONF_INT, .offset = SIZE_MAX - 7, .doc = "x" } }, 1,
		"\"a\" in section does not lie within the struct" },
	{ { { .key = "a", .type = SN_CONF_ENUM, .doc = "x" } }, 1,
		"\"a\" in section has no choices" },
	{ { { .key = "a", .type = SN_CONF_ENUM, .choices = no_choices, .doc = "x" } }, 1,
		"\"a\" in section has no choices" },
	{ { { GOOD, .min = 5, .max = 4 } }, 1, "\"a\" in section has a minimum above its maximum" },
	{ { { GOOD, .flags = SN_CONF_REQUIRED, .def = "1" } }, 1,
		"\"a\" in section is required and has a default" },
	{ { { GOOD }, { .key = "a", .type = SN_CONF_INT, AT(b), .doc = "x" } }, 2,
		"\"a\" in section is there twice" },
	{ { { GOOD }, { .key = "b", .type = SN_CONF_BOOL, AT(a), .doc = "x" } }, 2,
		"\"b\" in section shares memory with another row" },
	{ { { GOOD, .option = "x" },
		  { .key = "b", .type = SN_CONF_INT, AT(b), .doc = "x", .option = "x" } },
		2, "\"b\" in section has another row's option" },
	{ { { .key = "s", .type = SN_CONF_SECRET, AT(text), .doc = "x" },
		  { .key = "s_file", .type = SN_CONF_INT, AT(a), .doc = "x" } },
		2, "\"s_file\" in section is the file key of a secret" },
	{ { { .key = "s_file", .type = SN_CONF_INT, AT(a), .doc = "x" },
		  { .key = "s", .type = SN_CONF_SECRET, AT(text), .doc = "x" } },
		2, "\"s\" in section is the file key of a secret" },
	/* Defaults that do not parse or are outside the row's own limits. */
	{ { { GOOD, .def = "five" } }, 1, "\"a\" in section must be an integer, found \"five\"" },
	{ { { GOOD, .def = "5", .max = 4 } }, 1, "\"a\" in section must be 0 to 4, not 5" },
	{ { { .key = "a", .type = SN_CONF_ENUM, .choices = choices, .def = "two", .doc = "x" } }, 1,
		"\"a\" in section must be one of \"one\", found \"two\"" },
	{ { { .key = "a", .type = SN_CONF_DURATION, .def = "30", .doc = "x" } }, 1,
		"\"a\" in section must be a duration such as \"30s\", found \"30\"" },
	{ { { .key = "a", .type = SN_CONF_STRINGS, .def = "[1]", .doc = "x" } }, 1,
		"\"a\" in section must be a string or a list of strings, found an integer" },
	{ { { .key = "a", .type = SN_CONF_STRINGS, .def = "[", .doc = "x" } }, 1,
		"this array is never closed" },
};

START_TEST(test_verify)
{
	const struct sn_conf_section section = { .name = "section",
		.items = rows[_i].items,
		.count = rows[_i].count,
		.size = sizeof(struct pair),
		.doc = "A section." };
	struct sn_diag diag = { 0 };
	int err = sn_conf_section_verify(&section, &diag);

	ck_assert_str_eq(diag.text, rows[_i].fault != NULL ? rows[_i].fault : "");
	ck_assert_int_eq(err, rows[_i].fault != NULL ? SN_ECONFIG : SN_OK);
}
END_TEST

START_TEST(test_verify_section)
{
	const struct sn_conf_section nameless = { .doc = "x" }, silent = { .name = "x" };

	ck_assert_int_eq(sn_conf_section_verify(&nameless, NULL), SN_ECONFIG);
	ck_assert_int_eq(sn_conf_section_verify(&silent, NULL), SN_ECONFIG);
}
END_TEST

START_TEST(test_verify_fixture)
{
	const struct sn_conf_section *const sections[] = { &every_section, &strict_section,
		&service_section, &echo_section, &chat_section, &auth_section };
	struct sn_diag diag;

	sn_endpoints_init();
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		ck_assert_msg(sn_conf_section_verify(sections[i], &diag) == SN_OK, "%s: %s",
			sections[i]->name, diag.text);
}
END_TEST

START_TEST(test_find_item)
{
	bool is_file;

	ck_assert_ptr_eq(sn_conf_find_item(&chat_section, SN_STR("network"), &is_file),
		&chat_section.items[0]);
	ck_assert(!is_file);
	ck_assert_ptr_eq(sn_conf_find_item(&chat_section, SN_STR("password_file"), &is_file),
		&chat_section.items[2]);
	ck_assert(is_file);
	ck_assert_ptr_null(sn_conf_find_item(&chat_section, SN_STR("network_file"), &is_file));
	ck_assert_ptr_null(sn_conf_find_item(&chat_section, SN_STR("_file"), &is_file));
	ck_assert_ptr_null(sn_conf_find_item(NULL, SN_STR("network"), &is_file));
}
END_TEST

Suite *sn_suite_conf_schema(void)
{
	Suite *suite = suite_create("conf_schema");
	TCase *tc = tcase_create("conf_schema");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_verify, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_verify_section);
	tcase_add_test(tc, test_verify_fixture);
	tcase_add_test(tc, test_find_item);
	return suite;
}
