#include "daemon/cli/help_items.h"

#include "daemon/cli/cli.h"
#include "tests/support/unit.h"

static const char text[] = "Verbs:\n"
			   "  one               the first\n"
			   "  two | three NAME  others,\n"
			   "                    and more of it\n"
			   "  key NAME add KEY|FILE\n"
			   "  --json\n"
			   "\n"
			   "Plain words.\n"
			   "\n"
			   "Examples:\n"
			   "  sennit one  # two\n";

static const struct {
	enum sn_help_kind kind;
	const char *text, *doc;
} lines[] = {
	{ SN_HELP_TEXT, "Verbs:", "" },
	{ SN_HELP_ITEM, "one", "the first" },
	{ SN_HELP_ITEM, "two | three NAME", "others," },
	{ SN_HELP_MORE, "and more of it", "" },
	{ SN_HELP_ITEM, "key NAME add KEY|FILE", "" },
	{ SN_HELP_ITEM, "--json", "" },
	{ SN_HELP_BLANK, "", "" },
	{ SN_HELP_TEXT, "Plain words.", "" },
	{ SN_HELP_BLANK, "", "" },
	{ SN_HELP_EXAMPLES, "Examples:", "" },
	{ SN_HELP_EXAMPLE, "sennit one  # two", "" },
};

START_TEST(kinds_of_lines)
{
	struct sn_help help = sn_help(text);
	struct sn_help_line line;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert(sn_help_next(&help, &line));
		ck_assert_int_eq(line.kind, lines[i].kind);
		ck_assert_str_view(line.text, lines[i].text);
		ck_assert_str_view(line.doc, lines[i].doc);
	}
	ck_assert(!sn_help_next(&help, &line));
	help = sn_help("");
	ck_assert(!sn_help_next(&help, &line));
}
END_TEST

static const struct {
	const char *text, *names[4], *rest;
} items[] = {
	{ "one", { "one" }, "" },
	{ "start|stop GROUP|SERVICE", { "start", "stop" }, " GROUP|SERVICE" },
	{ "disable | enable NAME...", { "disable", "enable" }, " NAME..." },
	{ "key NAME add KEY|FILE", { "key" }, " NAME add KEY|FILE" },
	{ "key|cert|token NAME remove WHICH", { "key", "cert", "token" }, " NAME remove WHICH" },
	{ "--socket PATH|NAME", { "--socket" }, " PATH|NAME" },
	{ "sennit|sennit.toml", { "sennit", "sennit.toml" }, "" },
	{ "token add", { "token" }, " add" },
	{ "log [NAME=LEVEL ...]", { "log" }, " [NAME=LEVEL ...]" },
	{ "FILE", { NULL }, "FILE" },
	{ "[FILE]", { NULL }, "[FILE]" },
	{ "", { NULL }, "" },
};

START_TEST(names_of_items)
{
	struct sn_str rest = sn_str(items[_i].text), name;

	for (size_t i = 0; items[_i].names[i] != NULL; i++) {
		ck_assert(sn_help_name(&rest, &name));
		ck_assert_str_view(name, items[_i].names[i]);
	}
	ck_assert(!sn_help_name(&rest, &name));
	ck_assert_str_view(rest, items[_i].rest);
}
END_TEST

/* Whoever adds a command writes its help so that it can be read. */
START_TEST(every_command)
{
	const struct sn_command *command;

	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		struct sn_help help = sn_help(command->help);
		struct sn_help_line line;
		enum sn_help_kind before = SN_HELP_TEXT;

		while (sn_help_next(&help, &line)) {
			ck_assert_msg(line.kind != SN_HELP_MORE || before == SN_HELP_ITEM ||
					before == SN_HELP_MORE,
				"%s: \"%.*s\" goes on from nothing", command->name,
				SN_STR_ARG(line.text));
			ck_assert_msg(line.kind != SN_HELP_ITEM || line.text.n < 40,
				"%s: \"%.*s\" is no name", command->name, SN_STR_ARG(line.text));
			before = line.kind;
		}
		ck_assert_msg(help.examples, "%s has no examples", command->name);
	}
}
END_TEST

Suite *sn_suite_help_items(void);
Suite *sn_suite_help_items(void)
{
	Suite *suite = suite_create("cli/help_items");
	TCase *tc = tcase_create("help_items");

	tcase_add_test(tc, kinds_of_lines);
	tcase_add_loop_test(tc, names_of_items, 0, (int)(sizeof(items) / sizeof(items[0])));
	tcase_add_test(tc, every_command);
	suite_add_tcase(suite, tc);
	return suite;
}
