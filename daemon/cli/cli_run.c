#include "daemon/cli/cli.h"

#include "daemon/proc/supervisor.h"

static int load(const char *path, struct sn_conf_diags *diags, struct sn_conf **conf_r)
{
	const struct sn_conf_request request = { .schema = sn_registry_schema(), .path = path };
	const int code = sn_conf_load(&request, diags, conf_r);

	if (diags->errors + diags->warnings > 0)
		sn_cli_print_diags(diags);
	return code;
}

static int load_and_serve(const char *path, sn_cli_serve_fn serve)
{
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	int exit_code;

	sn_conf_diags_init(&diags);
	exit_code = sn_exit_code(load(path, &diags, &conf));
	sn_conf_diags_fini(&diags);
	if (exit_code != EX_OK)
		return exit_code;
	sn_conf_diags_init(&diags);
	exit_code = serve(conf, &diags);
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	/* Whatever is wrong with an endpoint stands in the file, not on the command line. */
	return exit_code == EX_USAGE ? EX_CONFIG : exit_code;
}

int sn_cli_run_file(int argc, char **argv, sn_cli_serve_fn serve)
{
	const char *path;
	int exit_code;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return sn_cli_usage(argv[0], "unexpected \"%s\"", argv[argc > 2 ? 2 : 1]);
	exit_code = sn_cli_find_config(argv[0], argc > 1 ? argv[1] : NULL, &path);
	if (exit_code == EX_OK)
		exit_code = sn_cli_load_plugins(path);
	return exit_code == EX_OK ? load_and_serve(path, serve) : exit_code;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	(void)command;
	return sn_cli_take_single(&argc, argv) ? sn_cli_run_file(argc, argv, sn_cli_serve)
					       : sn_supervisor_main(argc, argv);
}

const struct sn_command sn_command_run = {
	.name = "run",
	.args = "[--single] [FILE]",
	.summary = "run every service that a configuration names",
	.help = "FILE is sennit.toml in this directory, else /etc/sennit/sennit.toml, unless given.\n"
		"It runs in the foreground, services in worker processes of their own. SIGTERM or\n"
		"Ctrl-C tells clients and ends it, a second one ends it at once; SIGHUP reads FILE\n"
		"again: a file with an error changes nothing.\n"
		"\n"
		"  --single   everything in this one process, for a debugger: no restart, no reload\n"
		"\n"
		"Examples:\n"
		"  sennit run\n"
		"  sennit run /srv/chat/sennit.toml\n",
	.run = run,
};
