#include <unistd.h>

#include "daemon/cli/cli.h"

enum mode { CHECK, EFFECTIVE, MANUAL };

static int print_manual(void)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1 << 20);
	sn_conf_schema_man(sn_registry_schema(), &out);
	fputs(sn_strbuf_cstr(&out), stdout);
	sn_strbuf_fini(&out);
	return EX_OK;
}

static void print_result(struct sn_conf *conf, const char *path, enum mode mode)
{
	struct sn_strbuf out;
	size_t services = 0;

	if (mode == CHECK) {
		while (sn_conf_named_at(conf, "service", services) != NULL)
			services++;
		printf("%s: fine, %zu service%s\n", path, services, services == 1 ? "" : "s");
		return;
	}
	sn_strbuf_init(&out, 1 << 20);
	sn_conf_effective(conf, &out);
	fputs(sn_strbuf_cstr(&out), stdout);
	sn_strbuf_fini(&out);
}

/* What the configuration names: certificates, files of users, messages of the day. */
static int check_beyond_the_text(struct sn_conf *conf, struct sn_conf_diags *diags)
{
	struct sn_loop *loop;
	int code = sn_loop_new(NULL, &loop);

	if (code != SN_OK)
		return code;
	code = sn_host_check(loop, conf, diags);
	sn_loop_turn(loop, 0);
	sn_loop_free(&loop);
	return code == SN_OK ? SN_OK : SN_ECONFIG; /* whatever is wrong stands in the file */
}

static int check(const char *path, enum mode mode)
{
	const struct sn_conf_request request = { .schema = sn_registry_schema(), .path = path };
	struct sn_conf_diags diags;
	struct sn_conf *conf = NULL;
	int code;

	sn_conf_diags_init(&diags);
	code = sn_conf_load(&request, &diags, &conf);
	if (code == SN_OK && mode == CHECK)
		code = check_beyond_the_text(conf, &diags);
	if (diags.errors + diags.warnings > 0)
		sn_cli_print_diags(&diags);
	if (code == SN_OK)
		print_result(conf, path, mode);
	sn_conf_unref(&conf);
	sn_conf_diags_fini(&diags);
	return sn_exit_code(code);
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	const char *path = NULL;
	enum mode mode = CHECK;
	int exit_code;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--effective") == 0)
			mode = EFFECTIVE;
		else if (strcmp(argv[i], "--manual") == 0)
			mode = MANUAL;
		else if (argv[i][0] == '-' || path != NULL)
			return sn_cli_usage(command->name, "unexpected \"%s\"", argv[i]);
		else
			path = argv[i];
	}
	if (mode == MANUAL)
		return print_manual();
	exit_code = sn_cli_find_config(command->name, path, &path);
	if (exit_code == EX_OK)
		exit_code = sn_cli_load_plugins(path);
	return exit_code == EX_OK ? check(path, mode) : exit_code;
}

const struct sn_command sn_command_check = {
	.name = "check",
	.args = "[--effective] [FILE]",
	.summary = "say everything that is wrong with a configuration",
	.help = "FILE is sennit.toml in this directory, else /etc/sennit/sennit.toml, unless given.\n"
		"All problems at once, each with file, line and column; exit 78 if there is one.\n"
		"Files that it names (certificates, users, messages) are looked at too.\n"
		"\n"
		"  --effective   print the whole configuration as understood, defaults included\n"
		"  --manual      the same as `sennit manual sennit.toml`\n"
		"\n"
		"Examples:\n"
		"  sennit check\n"
		"  sennit check --effective /etc/sennit/sennit.toml\n",
	.run = run,
};
