#include "daemon/cli/cli.h"

static int load(const char *path, struct sn_conf_diags *diags, struct sn_conf **conf_r)
{
	const struct sn_conf_request request = { .schema = sn_registry_schema(), .path = path };
	const int code = sn_conf_load(&request, diags, conf_r);

	if (diags->errors + diags->warnings > 0)
		sn_cli_print_diags(diags);
	return code;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	const char *path = sn_cli_config_path(argc > 1 ? argv[1] : NULL);
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	int exit_code;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return sn_cli_usage(command->name, "unexpected \"%s\"", argv[argc > 2 ? 2 : 1]);
	if (path == NULL)
		return sn_cli_usage(command->name,
			"which configuration? There is no sennit.toml here and no "
			"/etc/sennit/sennit.toml");
	sn_conf_diags_init(&diags);
	exit_code = sn_cli_exit_code(load(path, &diags, &conf));
	sn_conf_diags_fini(&diags);
	if (exit_code != EX_OK)
		return exit_code;
	sn_conf_diags_init(&diags);
	exit_code = sn_cli_serve(conf, &diags);
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	return exit_code;
}

const struct sn_command sn_command_run = {
	.name = "run",
	.args = "[FILE]",
	.summary = "run every service that a configuration names",
	.help = "FILE is sennit.toml in this directory, else /etc/sennit/sennit.toml, unless given.\n"
		"It runs in the foreground; SIGTERM or Ctrl-C tells clients and ends it, a second\n"
		"one ends it at once.\n"
		"\n"
		"Examples:\n"
		"  sennit run\n"
		"  sennit run /srv/chat/sennit.toml\n",
	.run = run,
};
