/* `sennit plugin list` and loading for the other verbs; `sennit plugin new` is cli_plugin_new.c. */
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/table.h"
#include "daemon/service/plugin_host.h"

static struct sn_strbuf written; /* to the end of the process */

struct sn_str sn_cli_plugins_written(void)
{
	return sn_strbuf_str(&written);
}

int sn_cli_load_plugins(const char *path)
{
	const struct sn_conf_request request = { .path = path };
	struct sn_plugins plugins;
	struct sn_conf_diags diags;
	int exit_code = EX_OK;

	sn_plugins_find(path != NULL ? &request : NULL, &plugins);
	(void)sn_plugins_load(&plugins);
	sn_strbuf_init(&written, 1 << 20);
	sn_plugins_write(&plugins, &written);
	sn_conf_diags_init(&diags);
	sn_plugins_report(&plugins, &diags);
	if (diags.errors + diags.warnings > 0)
		sn_cli_print_diags(&diags);
	if (diags.errors > 0)
		exit_code = EX_CONFIG;
	sn_conf_diags_fini(&diags);
	sn_plugins_fini(&plugins);
	return exit_code;
}

/* --- list ----------------------------------------------------------------------------------- */

static void add_json_text(struct sn_strbuf *out, const char *key, const char *text)
{
	sn_strbuf_addf(out, "\"%s\": ", key);
	if (text == NULL) {
		sn_strbuf_adds(out, "null");
		return;
	}
	sn_strbuf_addc(out, '"');
	sn_strbuf_add_json(out, sn_str(text));
	sn_strbuf_addc(out, '"');
}

/* "service echo, checker ldap" */
static void add_json_kinds(struct sn_strbuf *out, const char *kinds)
{
	struct sn_str rest = sn_str(kinds), kind;
	const char *before = "";

	sn_strbuf_adds(out, "\"kinds\": [");
	while (rest.n > 0 && sn_str_split(&rest, ',', &kind)) {
		sn_strbuf_addf(out, "%s\"", before);
		sn_strbuf_add_json(out, sn_str_trim(kind));
		sn_strbuf_addc(out, '"');
		before = ", ";
	}
	sn_strbuf_addc(out, ']');
}

static void add_json(struct sn_strbuf *out, const struct sn_plugin_info *info)
{
	sn_strbuf_addc(out, '{');
	add_json_text(out, "path", info->path);
	sn_strbuf_adds(out, ", ");
	add_json_text(out, "id", info->id);
	sn_strbuf_adds(out, ", ");
	add_json_text(out, "version", info->version);
	sn_strbuf_adds(out, ", ");
	add_json_text(out, "license", info->license);
	sn_strbuf_adds(out, ", ");
	add_json_kinds(out, info->kinds);
	sn_strbuf_addf(out, ", \"required\": %s, ", info->required ? "true" : "false");
	add_json_text(out, "refused", info->refused);
	sn_strbuf_addc(out, '}');
}

static void print_json(const struct sn_plugins *plugins)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 16 << 20);
	for (size_t i = 0; i < plugins->count; i++) {
		sn_strbuf_adds(&out, i > 0 ? ",\n " : "[");
		add_json(&out, &plugins->items[i]);
	}
	printf("%s]\n", plugins->count > 0 ? sn_strbuf_cstr(&out) : "[");
	sn_strbuf_fini(&out);
}

static void print_table(const struct sn_plugins *plugins)
{
	static const struct sn_table_column columns[] = {
		{ .title = "PLUGIN" },
		{ .title = "VERSION" },
		{ .title = "FILE" },
		{ .title = "BRINGS" },
	};
	struct sn_table table;

	sn_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < plugins->count; i++) {
		const struct sn_plugin_info *info = &plugins->items[i];

		sn_table_add(&table, info->id != NULL ? sn_str(info->id) : SN_STR("-"));
		sn_table_add(&table, info->version != NULL ? sn_str(info->version) : SN_STR("-"));
		sn_table_add(&table, sn_str(info->path));
		if (info->refused != NULL)
			sn_table_addf(&table, "refused: %s", info->refused);
		else
			sn_table_add(&table, sn_str(info->kinds));
	}
	sn_table_print(&table, stdout, sn_cli_color(STDOUT_FILENO));
	sn_table_fini(&table);
}

static void print_none(void)
{
	struct sn_plugin_places places;
	char installed[SN_PLUGIN_FOLDER_MAX];

	sn_plugin_places_here(NULL, installed, &places);
	printf("No plugins%s%s. `sennit plugin new NAME service` begins one.\n",
		places.installed != NULL ? " in " : "",
		places.installed != NULL ? places.installed : "");
}

static int list(const char *path, bool json)
{
	const struct sn_conf_request request = { .path = path };
	struct sn_plugins plugins;

	sn_plugins_find(path != NULL ? &request : NULL, &plugins);
	if (json)
		print_json(&plugins);
	else if (plugins.count > 0)
		print_table(&plugins);
	else
		print_none();
	sn_plugins_fini(&plugins);
	return EX_OK;
}

static int run_list(const struct sn_command *command, int argc, char **argv)
{
	const char *path = NULL;
	bool json = false;
	int exit_code = EX_OK;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (argv[i][0] == '-' || path != NULL)
			return sn_cli_usage(command->name, "unexpected \"%s\"", argv[i]);
		else
			path = argv[i];
	}
	if (path != NULL)
		exit_code = sn_cli_find_config(command->name, path, &path);
	else
		path = sn_cli_default_config();
	return exit_code == EX_OK ? list(path, json) : exit_code;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return run_list(command, argc - 2, argv + 2);
	if (argc > 1 && strcmp(argv[1], "new") == 0)
		return sn_cli_plugin_new(command, argc - 2, argv + 2);
	return sn_cli_usage(command->name, "plugin what? list, or new NAME KIND");
}

const struct sn_command sn_command_plugin = {
	.name = "plugin",
	.args = "list [--json] [FILE] | new NAME KIND",
	.summary = "which plugins there are, and why one is refused; begin a new one",
	.help = "list looks at every plugin of the installed folder, of the configuration FILE\n"
		"(sennit.toml in this directory, else /etc/sennit/sennit.toml, if there is one) and\n"
		"of the folders in SENNIT_PLUGIN_PATH (not as root), in a process of its own.\n"
		"\n"
		"  --json        the same as a JSON array\n"
		"\n"
		"new makes a folder NAME here with a plugin that builds and runs. KIND is service,\n"
		"endpoint or checker. The guide is docs/plugins.md.\n"
		"\n"
		"Examples:\n"
		"  sennit plugin list\n"
		"  sennit plugin new hello service && cd hello && make check\n",
	.run = run,
};
