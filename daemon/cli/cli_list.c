#include "daemon/cli/cli.h"

static void list_modules(void)
{
	const struct sn_service *service;

	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++)
		printf("%-10s %-8s %-14s %s\n", service->name,
			service->flags & SN_SERVICE_SINGLE ? "single" : "sharded",
			(service->flags & (SN_SERVICE_STREAM | SN_SERVICE_DGRAM)) ==
					(SN_SERVICE_STREAM | SN_SERVICE_DGRAM)
				? "stream,dgram"
				: (service->flags & SN_SERVICE_STREAM ? "stream" : "dgram"),
			service->summary);
}

static void list_param(const struct sn_param *param)
{
	printf("      %-16s %s", param->name, param->doc);
	if (param->def != NULL && param->def[0] != '\0')
		printf(" (default: %s)", param->def);
	putchar('\n');
}

static void list_side(enum sn_endpoint_side side)
{
	const struct sn_endpoint_type *type;

	for (size_t i = 0; (type = sn_endpoint_type_at(i)) != NULL; i++) {
		if (type->side != side)
			continue;
		printf("  %s\n      %s\n", type->example, type->doc);
		for (size_t p = 0; p < type->param_count; p++)
			list_param(&type->params[p]);
	}
}

static void list_endpoints(void)
{
	puts("Where to listen:\n");
	list_side(SN_SERVER);
	puts("\nWhere to connect:\n");
	list_side(SN_CLIENT);
}

#define INDENT 4
#define WIDTH 80

static void print_indented(const char *text)
{
	size_t column = WIDTH;
	struct sn_str rest = sn_str(text), word;

	while (sn_str_split(&rest, ' ', &word)) {
		const bool fits = column + 1 + word.n <= WIDTH;

		if (!fits && word.p != text)
			putchar('\n');
		column = (fits ? column + 1 : INDENT) + word.n;
		printf("%*s%.*s", fits ? 1 : INDENT, "", SN_STR_ARG(word));
	}
	putchar('\n');
}

/* An argument that may be left out takes the colon with it: "unix[:SERVICE]". */
void sn_cli_checker_usage(const struct sn_checker_type *type, struct sn_strbuf *out)
{
	const char *arg = type->arg_help;

	sn_strbuf_adds(out, type->name);
	if (arg[0] == '[')
		sn_strbuf_addf(out, "[:%s", arg + 1);
	else if (arg[0] != '\0')
		sn_strbuf_addf(out, ":%s", arg);
}

static void print_checker(const struct sn_checker_type *type)
{
	const char *separator = "";

	char usage[200];
	struct sn_strbuf b;

	sn_strbuf_fixed(&b, usage, sizeof(usage));
	sn_cli_checker_usage(type, &b);
	printf("%s\n", usage);
	print_indented(type->doc);
	fputs("    Takes: ", stdout);
	for (size_t i = 0; i < SN_CREDS_KINDS; i++) {
		const enum sn_creds_kind kind = (enum sn_creds_kind)(1u << i);

		if ((type->kinds & kind) == 0)
			continue;
		printf("%s%s", separator, sn_creds_kind_name(kind));
		separator = ", ";
	}
	puts("");
}

static void list_auth(void)
{
	const struct sn_checker_type *type;

	for (size_t i = 0; (type = sn_checker_type_at(i)) != NULL; i++)
		print_checker(type);
}

static const struct {
	const char *name;
	void (*print)(void);
} lists[] = {
	{ "modules", list_modules },
	{ "endpoints", list_endpoints },
	{ "auth", list_auth },
};
#define LIST_COUNT (sizeof(lists) / sizeof(lists[0]))

static int run(const struct sn_command *command, int argc, char **argv)
{
	if (argc == 2) {
		(void)sn_cli_load_plugins(NULL);
		for (size_t i = 0; i < LIST_COUNT; i++) {
			if (strcmp(lists[i].name, argv[1]) != 0)
				continue;
			lists[i].print();
			return EX_OK;
		}
	}
	return sn_cli_usage(command->name, "list what? modules, endpoints or auth");
}

const struct sn_command sn_command_list = {
	.name = "list",
	.args = "modules|endpoints|auth",
	.summary = "what this program knows: services, endpoint types, kinds of authentication",
	.help = "Examples:\n"
		"  sennit list endpoints\n",
	.run = run,
};
