/*
 * `sennit manual PAGE`: the manual pages, made from the tables that the program itself works by.
 */
#include "daemon/cli/cli.h"
#include "daemon/cli/help_items.h"

static const char head[] = ".TH SENNIT 8 \"\" \"sennit\" \"System administration\"\n"
			   ".SH NAME\n"
			   "sennit \\- one daemon for a shelf of servers\n"
			   ".SH SYNOPSIS\n"
			   ".B sennit\n"
			   ".I SERVICE\n"
			   ".RI [ options ]\n";

static const char description[] =
	".SH DESCRIPTION\n"
	".B sennit\n"
	"runs network services that share accounts, certificates, limits, and one way to say where\n"
	"to listen.\n"
	"With the name of a service it runs that one, set up by its options;\n"
	".B sennit run\n"
	"runs every service that a configuration file names, see\n"
	".BR sennit.toml (5).\n"
	"It stays in the foreground. The first lines on standard output say what listens where and\n"
	"how to connect.\n"
	"A service run by one command listens on the loopback address unless\n"
	".B \\-\\-listen\n"
	"says otherwise.\n";

static const char tail[] =
	".SH SIGNALS\n"
	".TP\n"
	".BR SIGINT \", \" SIGTERM\n"
	"Accept no more, tell the clients, end when they have gone or after\n"
	".BR drain_timeout ;\n"
	"a second one ends at once.\n"
	".TP\n"
	".B SIGHUP\n"
	"Read the configuration again, as\n"
	".B sennit ctl reload\n"
	"does.\n"
	".SH EXIT STATUS\n"
	"As in\n"
	".IR sysexits.h :\n"
	"0 fine, 64 wrong usage, 65 wrong data, 66 a file is missing, 69 an address is taken,\n"
	"70 internal error, 71 system error, 74 input or output error, 77 no permission,\n"
	"78 wrong configuration.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	".B NO_COLOR\n"
	"No colours, even on a terminal.\n"
	".TP\n"
	".BR LISTEN_PID \", \" LISTEN_FDS \", \" LISTEN_FDNAMES\n"
	"Sockets handed over by a service manager, for\n"
	".B systemd:\n"
	"endpoints.\n"
	".TP\n"
	".B NOTIFY_SOCKET\n"
	"Where a service manager hears of readiness, reloads and the end.\n"
	".TP\n"
	".B JOURNAL_STREAM\n"
	"Tells that the journal reads standard error: lines then have a priority and no time.\n"
	".TP\n"
	".B SENNIT_PLUGIN_PATH\n"
	"Further folders of plugins, split at colons; not for root.\n"
	".SH FILES\n"
	".TP\n"
	".I /etc/sennit/sennit.toml\n"
	"The configuration, unless there is a\n"
	".I sennit.toml\n"
	"in the current directory or one is named.\n"
	".TP\n"
	".I /var/lib/sennit\n"
	"Accounts and what services keep.\n"
	".TP\n"
	".I /run/sennit\n"
	"Control sockets.\n"
	".SH SEE ALSO\n"
	".BR sennit.toml (5),\n"
	".BR systemd.socket (5)\n";

/* A heading's or an item's text on a line of its own, in bold. */
static void add_bold(struct sn_strbuf *out, struct sn_str text)
{
	sn_strbuf_adds(out, ".B ");
	sn_conf_man_text(out, text);
	sn_strbuf_addc(out, '\n');
}

static void add_line(struct sn_strbuf *out, struct sn_str text)
{
	sn_conf_man_text(out, text);
	sn_strbuf_addc(out, '\n');
}

/* --- services ------------------------------------------------------------------------------- */

static void add_option(struct sn_strbuf *out, const struct sn_conf_item *item)
{
	char text[100];
	struct sn_strbuf left;

	sn_strbuf_fixed(&left, text, sizeof(text));
	sn_strbuf_addf(&left, "--%s %s", item->option, sn_cli_option_meta(item));
	sn_strbuf_adds(out, ".TP\n");
	add_bold(out, sn_str_trim(sn_strbuf_str(&left)));
	add_line(out, sn_str(item->doc));
	if (item->def != NULL && item->def[0] != '\0') {
		sn_strbuf_adds(out, "Default: ");
		add_line(out, sn_str(item->def));
	}
}

static void add_source(struct sn_strbuf *out, const struct sn_option_source *source)
{
	for (size_t i = 0; i < source->section->count; i++) {
		if (source->section->items[i].option != NULL)
			add_option(out, &source->section->items[i]);
	}
}

/* A service's own options under its name; those that all have under a heading, once. */
static void add_services(struct sn_strbuf *out)
{
	struct sn_option_source sources[SN_OPTION_SOURCES];
	const struct sn_service *service = sn_registry_at(0);

	if (service == NULL)
		return;
	sn_strbuf_adds(out, ".SH SERVICES\n");
	for (size_t i = 0; service != NULL; service = sn_registry_at(++i)) {
		sn_strbuf_adds(out, ".SS ");
		add_line(out, sn_str(service->name));
		add_line(out, sn_str(service->summary));
		sn_cli_option_sources(service, sources);
		add_source(out, &sources[0]);
	}
	for (size_t s = 1; s < SN_OPTION_SOURCES; s++) {
		sn_strbuf_adds(out, ".SS ");
		add_line(out, sn_str(sources[s].title));
		add_source(out, &sources[s]);
		if (sources[s].section == &sn_service_common)
			sn_strbuf_adds(out,
				".TP\n.B \\-o KEY=VALUE\nAny other key of its table in\n"
				".BR sennit.toml (5).\n");
	}
}

/* --- commands ------------------------------------------------------------------------------- */

static void add_synopsis(struct sn_strbuf *out)
{
	const struct sn_command *command;

	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		sn_strbuf_adds(out, ".br\n.B sennit ");
		add_line(out, sn_str(command->name));
		if (command->args[0] != '\0')
			add_line(out, sn_str(command->args));
	}
}

static void add_help_line(struct sn_strbuf *out, const struct sn_help_line *line)
{
	switch (line->kind) {
	case SN_HELP_ITEM:
		sn_strbuf_adds(out, ".TP\n");
		add_bold(out, line->text);
		if (line->doc.n > 0)
			add_line(out, line->doc);
		break;
	case SN_HELP_BLANK:
		sn_strbuf_adds(out, ".PP\n");
		break;
	case SN_HELP_EXAMPLES:
		sn_strbuf_adds(out, "Examples:\n.PP\n.EX\n");
		break;
	case SN_HELP_EXAMPLE:
		sn_strbuf_adds(out, "  ");
		add_line(out, line->text);
		break;
	case SN_HELP_TEXT:
	case SN_HELP_MORE:
		add_line(out, line->text);
		break;
	}
}

static void add_commands(struct sn_strbuf *out)
{
	const struct sn_command *command;

	sn_strbuf_adds(out, ".SH COMMANDS\n");
	for (size_t i = 0; (command = sn_cli_command_at(i)) != NULL; i++) {
		struct sn_help help = sn_help(command->help);
		struct sn_help_line line;

		sn_strbuf_adds(out, ".SS ");
		sn_conf_man_text(out, sn_str(command->name));
		sn_strbuf_adds(out, command->args[0] != '\0' ? " " : "");
		sn_conf_man_text(out, sn_str(command->args));
		sn_strbuf_addc(out, '\n');
		add_line(out, sn_str(command->summary));
		sn_strbuf_adds(out, ".PP\n");
		while (sn_help_next(&help, &line))
			add_help_line(out, &line);
		sn_strbuf_adds(out, help.examples ? ".EE\n" : "");
	}
}

/* --- endpoints and checkers ----------------------------------------------------------------- */

static void add_endpoint_types(struct sn_strbuf *out, enum sn_endpoint_side side)
{
	const struct sn_endpoint_type *type;

	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		if (type->side != side)
			continue;
		sn_strbuf_adds(out, ".TP\n");
		add_bold(out, sn_str(type->example));
		add_line(out, sn_str(type->doc));
		for (size_t p = 0; p < type->param_count; p++) {
			sn_strbuf_adds(out, ".br\n.I ");
			add_line(out, sn_str(type->params[p].name));
			sn_strbuf_adds(out, "\\(en ");
			add_line(out, sn_str(type->params[p].doc));
		}
	}
}

static void add_endpoints(struct sn_strbuf *out)
{
	sn_strbuf_adds(out, ".SH ENDPOINTS\nWhere to listen:\n");
	add_endpoint_types(out, SN_SERVER);
	sn_strbuf_adds(out, ".PP\nWhere to connect:\n");
	add_endpoint_types(out, SN_CLIENT);
}

static void add_checkers(struct sn_strbuf *out)
{
	const struct sn_checker_type *type;

	sn_strbuf_adds(out, ".SH AUTHENTICATION\nWhat\n.B \\-\\-auth\ntakes:\n");
	for (size_t i = 0; (type = sn_checker_type_at(i)) != NULL; i++) {
		char text[200];
		struct sn_strbuf left;

		sn_strbuf_fixed(&left, text, sizeof(text));
		sn_cli_checker_usage(type, &left);
		sn_strbuf_adds(out, ".TP\n");
		add_bold(out, sn_strbuf_str(&left));
		add_line(out, sn_str(type->doc));
	}
}

static void make_program(struct sn_strbuf *out)
{
	sn_strbuf_adds(out, head);
	add_synopsis(out);
	sn_strbuf_adds(out, description);
	add_services(out);
	add_commands(out);
	add_endpoints(out);
	add_checkers(out);
	sn_strbuf_adds(out, tail);
}

static void make_configuration(struct sn_strbuf *out)
{
	sn_conf_schema_man(sn_registry_schema(), out);
}

static const struct {
	const char *name;
	void (*make)(struct sn_strbuf *out);
} pages[] = {
	{ "sennit", make_program },
	{ "sennit.toml", make_configuration },
};

static int run(const struct sn_command *command, int argc, char **argv)
{
	struct sn_strbuf out;

	for (size_t i = 0; argc == 2 && i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(pages[i].name, argv[1]) != 0)
			continue;
		sn_strbuf_init(&out, 1 << 20);
		pages[i].make(&out);
		fputs(sn_strbuf_cstr(&out), stdout);
		sn_strbuf_fini(&out);
		return EX_OK;
	}
	return sn_cli_usage(command->name, "which page? sennit or sennit.toml");
}

const struct sn_command sn_command_manual = {
	.name = "manual",
	.args = "sennit|sennit.toml",
	.summary = "print a manual page, made from the same tables as the program",
	.help = "These are sennit(8) and sennit.toml(5) of this very program, for man(1).\n"
		"\n"
		"Examples:\n"
		"  sennit manual sennit.toml | man -l -\n",
	.run = run,
};
