#include "daemon/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/proc/supervisor.h"
#include "daemon/service/plugin_host.h"

#define WORDS_MAX 128

static const struct sn_command *const commands[] = {
	&sn_command_run,
	&sn_command_ctl,
	&sn_command_check,
	&sn_command_list,
	&sn_command_user,
	&sn_command_hash,
	&sn_command_backup,
	&sn_command_export,
	&sn_command_import,
	&sn_command_plugin,
	&sn_command_completion,
	&sn_command_manual,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct sn_command *sn_cli_command_at(size_t i)
{
	return i < COMMAND_COUNT ? commands[i] : NULL;
}

bool sn_cli_color(int fd)
{
	return isatty(fd) && sn_log_color_wanted();
}

void sn_cli_nearest(
	struct sn_strbuf *out, struct sn_str word, const char *const *names, size_t count)
{
	const char *nearest = sn_str_nearest(word, names, count);

	if (nearest != NULL)
		sn_strbuf_addf(out, "; did you mean \"%s\"?", nearest);
}

int sn_cli_usage(const char *verb, const char *fmt, ...)
{
	va_list args;

	fputs("sennit: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry `sennit%s%s --help`.\n", verb != NULL ? " " : "",
		verb != NULL ? verb : "");
	return EX_USAGE;
}

bool sn_cli_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
		if (strcmp(argv[i], "--") == 0)
			return false;
	}
	return false;
}

void sn_cli_print_help(const struct sn_command *command)
{
	printf("Usage: sennit %s%s%s\n\n%s\n\n%s", command->name,
		command->args[0] != '\0' ? " " : "", command->args, command->summary,
		command->help);
}

void sn_cli_print_diags(const struct sn_conf_diags *diags)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1 << 20);
	sn_conf_diags_print(diags, &out, sn_cli_color(STDERR_FILENO));
	fputs(sn_strbuf_cstr(&out), stderr);
	sn_strbuf_fini(&out);
}

const char *sn_cli_default_config(void)
{
	static const char *const places[] = { "sennit.toml", "/etc/sennit/sennit.toml" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], F_OK) == 0)
			return places[i];
	}
	return NULL;
}

int sn_cli_find_config(const char *verb, const char *given, const char **path_r)
{
	*path_r = given != NULL ? given : sn_cli_default_config();
	if (*path_r == NULL)
		return sn_cli_usage(verb,
			"which configuration? There is no sennit.toml here and no "
			"/etc/sennit/sennit.toml");
	if (access(*path_r, R_OK) == 0)
		return EX_OK;
	fprintf(stderr, "sennit: %s: cannot be read: %s\n", *path_r, sn_strerror(-errno));
	return EX_NOINPUT;
}

static int print_version(void)
{
	puts(PACKAGE_STRING);
	return EX_OK;
}

static int print_overview(void)
{
	const struct sn_service *service;

	(void)sn_cli_load_plugins(NULL);
	puts("Usage: sennit SERVICE [options]     run one service now\n"
	     "       sennit run [FILE]            run everything a configuration names\n"
	     "\n"
	     "One daemon for chat, web, names and shells: services that share accounts,\n"
	     "certificates, limits, and one way to say where to listen.\n"
	     "\n"
	     "Services:");
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL; i++)
		printf("  %-10s %s\n", service->name, service->summary);
	puts("\nCommands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n`sennit WORD --help` tells more of each; `sennit --version` prints the version.\n"
	     "\n"
	     "Examples:\n"
	     "  sennit irc                                  a chat server on this machine\n"
	     "  sennit irc --listen tls:certs:tcp:6697      the same for the world, with TLS\n"
	     "  sennit check sennit.toml                    what is wrong with a configuration\n"
	     "  sennit list endpoints                       what --listen takes");
	return EX_OK;
}

static int unknown_verb(const char *word)
{
	const char *names[WORDS_MAX];
	const struct sn_service *service;
	struct sn_strbuf hint;
	size_t count = 0;
	int exit_code;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[count++] = commands[i]->name;
	for (size_t i = 0; (service = sn_registry_at(i)) != NULL && count < WORDS_MAX; i++)
		names[count++] = service->name;
	sn_strbuf_init(&hint, 200);
	sn_cli_nearest(&hint, sn_str(word), names, count);
	exit_code = sn_cli_usage(
		NULL, "there is no service or command \"%s\"%s", word, sn_strbuf_cstr(&hint));
	sn_strbuf_fini(&hint);
	return exit_code;
}

bool sn_cli_take_single(int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--single") != 0)
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	if (kept == *argc)
		return false;
	*argc = kept;
	return true;
}

int sn_cli_configure(int argc, char **argv, sn_cli_serve_fn serve)
{
	const struct sn_service *service;

	if (strcmp(argv[0], sn_command_run.name) == 0)
		return sn_cli_run_file(argc, argv, serve);
	(void)sn_cli_load_plugins(NULL);
	service = sn_registry_find(sn_str(argv[0]));
	return service != NULL ? sn_cli_service(service, argc, argv, serve) : unknown_verb(argv[0]);
}

static int dispatch(int argc, char **argv)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i]->name, argv[0]) != 0)
			continue;
		if (sn_cli_wants_help(argc, argv)) {
			sn_cli_print_help(commands[i]);
			return EX_OK;
		}
		return commands[i]->run(commands[i], argc, argv);
	}
	/* A service, for all we know: what plugins bring is not for this process to load. */
	if (sn_cli_take_single(&argc, argv) ||
		(sn_cli_wants_help(argc, argv) && sn_registry_find(sn_str(argv[0])) != NULL))
		return sn_cli_configure(argc, argv, sn_cli_serve);
	return sn_supervisor_main(argc, argv);
}

/* `sennit help WORD`: as `sennit WORD --help`. */
static int help_of(char *word)
{
	char option[] = "--help";
	char *argv[] = { word, option, NULL };

	return dispatch(2, argv);
}

int sn_cli_main(int argc, char **argv)
{
	int exit_code;

	/* Root's code comes from no variable, nor does that of the user it becomes. */
	if (geteuid() == 0)
		(void)unsetenv("SENNIT_PLUGIN_PATH");
	sn_cli_register();
	if (argc < 2) {
		(void)print_overview();
		return EX_USAGE;
	}
	if (argv[1][0] == '@')
		return sn_cli_role(argc, argv);
	if (strcmp(argv[1], "help") == 0 && argc > 2)
		exit_code = help_of(argv[2]);
	else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0)
		exit_code = print_overview();
	else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		exit_code = print_version();
	else if (argv[1][0] == '-')
		exit_code = sn_cli_usage(NULL, "unknown option %s", argv[1]);
	else
		exit_code = dispatch(argc - 1, argv + 1);
	sn_plugins_end();
	if (fflush(stdout) != 0 && exit_code == EX_OK) {
		fprintf(stderr, "sennit: cannot write to standard output: %s\n",
			sn_strerror(-errno));
		return EX_IOERR;
	}
	return exit_code;
}
