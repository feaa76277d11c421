/*
 * Command line: `sennit VERB ...`. One file per verb; a verb that is no command is the name of a
 * service module and runs it with a configuration made from its options (cli_service.c).
 *
 * Exit codes are sysexits': 0 fine, 64 usage, 65 input wrong, 66 input file missing, 67 no such
 * account, 69 cannot be had (port taken), 70 internal, 71 system, 73 output file cannot be made,
 * 74 I/O, 75 try again, 77 permission, 78 configuration.
 */
#ifndef SN_DAEMON_CLI_CLI_H
#define SN_DAEMON_CLI_CLI_H

#include <sysexits.h>

#include "daemon/proc/exit_code.h"
#include "daemon/service/host.h"

struct sn_command {
	const char *name;
	const char *args;    /* "[FILE]" */
	const char *summary; /* one line */
	const char *help; /* the rest of --help: options and examples, as help_items.h reads it */
	/* argv[0] is the verb. Returns the exit code. */
	int (*run)(const struct sn_command *command, int argc, char **argv);
};

extern const struct sn_command sn_command_backup, sn_command_check, sn_command_completion,
	sn_command_ctl, sn_command_export, sn_command_hash, sn_command_import, sn_command_list,
	sn_command_manual, sn_command_plugin, sn_command_run, sn_command_user;

/* All commands, in the order of the overview; NULL at the end. */
const struct sn_command *sn_cli_command_at(size_t i);

/* argv as main got it. */
int sn_cli_main(int argc, char **argv);

/*
 * `sennit run` and `sennit NAME` make a configuration of their arguments; what is then done with it
 * depends on the process: run it here (--single), or offer it to the supervisor (@config). Returns
 * the exit code.
 */
typedef int (*sn_cli_serve_fn)(struct sn_conf *conf, struct sn_conf_diags *diags);

/* argv[0] is "run" or the name of a module. Help, unknown words and mistakes too. */
int sn_cli_configure(int argc, char **argv, sn_cli_serve_fn serve);
int sn_cli_run_file(int argc, char **argv, sn_cli_serve_fn serve);
/* `sennit NAME [options]` for a module. */
int sn_cli_service(const struct sn_service *service, int argc, char **argv, sn_cli_serve_fn serve);
/* Take --single out of argv: was it there? */
bool sn_cli_take_single(int *argc, char **argv);
/* As main got them; argv[1] is a role ("@worker"): a process that the daemon starts. */
int sn_cli_role(int argc, char **argv);

/* Where the options of a service come from, in the order of its help. */
struct sn_option_source {
	const char *title, *table;
	bool named; /* the table is [TABLE.NAME] */
	const struct sn_conf_section *section;
};
#define SN_OPTION_SOURCES 4
void sn_cli_option_sources(
	const struct sn_service *service, struct sn_option_source out[SN_OPTION_SOURCES]);
/* What the option takes: "EP", "FILE"; "" if nothing. */
const char *sn_cli_option_meta(const struct sn_conf_item *item);

/* Register built-in endpoint types, checkers and modules (modules.c); once. */
void sn_cli_register(void);

/* Load the plugins of the folders and those that this configuration (NULL: none) names; a line on
 * standard error for each that is refused. EX_OK, or EX_CONFIG: a required one is among them. */
int sn_cli_load_plugins(const char *path);
/* What was loaded, for the top of a snapshot (sn_plugins_write). */
struct sn_str sn_cli_plugins_written(void);
/* `sennit plugin new`: argv is what follows. */
int sn_cli_plugin_new(const struct sn_command *command, int argc, char **argv);

/* Run the services of conf until a signal ends it; the front door's lines go to standard
 * output, or to standard error when a client is at the other end of standard output. */
int sn_cli_serve(struct sn_conf *conf, struct sn_conf_diags *diags);

/* --- helpers of the verbs ------------------------------------------------------------------- */

/* "sennit: TEXT" and where to look, on standard error; EX_USAGE. */
int sn_cli_usage(const char *verb, const char *fmt, ...) SN_PRINTF(2, 3);
/* How a checker is written: "file:PATH", "unix[:SERVICE]", "accounts". */
void sn_cli_checker_usage(const struct sn_checker_type *type, struct sn_strbuf *out);
/* Did you mean: "; did you mean \"X\"?" appended to out when one of names is near. */
void sn_cli_nearest(
	struct sn_strbuf *out, struct sn_str word, const char *const *names, size_t count);
bool sn_cli_wants_help(int argc, char **argv);
void sn_cli_print_help(const struct sn_command *command);
/* Everything in diags, coloured on a terminal, to standard error. */
void sn_cli_print_diags(const struct sn_conf_diags *diags);
/* Colour wanted on this stream? A terminal, and no NO_COLOR (https://no-color.org). */
bool sn_cli_color(int fd);
/* ./sennit.toml or /etc/sennit/sennit.toml, or NULL. */
const char *sn_cli_default_config(void);
/* The configuration to read: given, or (NULL) ./sennit.toml or /etc/sennit/sennit.toml. EX_OK, or
 * the exit code after saying what is missing. */
int sn_cli_find_config(const char *verb, const char *given, const char **path_r);

#endif
