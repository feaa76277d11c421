#include "config/conf_schema.h"

#include "tests/support/unit.h"
#include "tests/unit/config/conf_fixture.h"

Suite *sn_suite_conf_man(void);

static struct sn_strbuf out;

static void set_up(void)
{
	sn_strbuf_init(&out, 1 << 20);
}

static void tear_down(void)
{
	sn_strbuf_fini(&out);
}

static void expect_part(const char *part)
{
	ck_assert_msg(sn_str_find_str(sn_strbuf_str(&out), sn_str(part)) < out.n,
		"no \"%s\" in:\n%s", part, sn_strbuf_cstr(&out));
}

START_TEST(test_rows)
{
	static const char *const parts[] = {
		".TH SENNIT.TOML 5 ",
		".SS [every]\nEverything there is.\n",
		".TP\n\\fBname\\fR = \\fIstring\\fR\nWhat it is called.\nLimits: 1 to 16 bytes.\n"
		"Default: \"nobody\".\nA change takes effect at a reload, at once.\n",
		"Limits: \\-5 to 100.\nDefault: 10.\n",
		"Limits: 512 to 1MiB.\nDefault: \"16KiB\".\n"
		"A change takes effect at a reload, which restarts the service.\n",
		"One of \"off\", \"slow\", \"fast\".\nDefault: \"slow\".\n",
		"Limits: at most 3 entries.\nDefault: [\"one\", \"two\"].\n",
		"Also on the command line: \\fB\\-\\-listen\\fR.\n",
		".SS [service.NAME]\nWhat is served.\n.TP\n\\fBtype\\fR",
		".SS [service.NAME] of type chat\nPeople talk.\n",
		"\\fBuse\\fR = \\fIstrings\\fR\nCheckers, in order.\nLimits: at least 1 entries.\n"
		"Required.\n",
		".SH SEE ALSO\n",
	};

	sn_conf_schema_man(&full_schema, &out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_part(parts[i]);
}
END_TEST

/* Text of a row is text, whatever groff would make of it. */
START_TEST(test_escapes)
{
	static const struct sn_conf_item item = { .key = "a",
		.type = SN_CONF_STRING,
		.def = "\\n'~",
		.doc = ".TH x\n.SS y\n'br - \\fB^`" };
	static const struct sn_conf_section section = {
		.name = "s", .items = &item, .count = 1, .size = 16, .doc = "'x"
	};
	static const struct sn_conf_table table = { .name = "s", .section = &section, .doc = ".x" };
	static const struct sn_conf_schema schema = { .tables = &table, .count = 1 };

	sn_conf_schema_man(&schema, &out);
	expect_part(".SS [s]\n\\&.x\n");
	expect_part("\n\\&.TH x\n\\&.SS y\n\\(aqbr \\- \\efB\\(ha\\(ga\n");
	expect_part("Default: \"\\en\\(aq\\(ti\".\n");
}
END_TEST

Suite *sn_suite_conf_man(void)
{
	Suite *suite = suite_create("conf_man");
	TCase *tc = tcase_create("conf_man");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_rows);
	tcase_add_test(tc, test_escapes);
	return suite;
}
