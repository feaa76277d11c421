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

static void print_checker(const struct sn_checker_type *type)
{
	const char *separator = "";

	printf("%s%s%s\n    %s\n    Takes: ", type->name, type->arg_help[0] != '\0' ? ":" : "",
		type->arg_help, type->doc);
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
