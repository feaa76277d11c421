/* Options of the verbs: --name, --name VALUE, --name=VALUE, in any place; "--" ends them. */
#ifndef SN_DAEMON_CLI_OPTIONS_H
#define SN_DAEMON_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct sn_cli_option {
	const char *name;   /* without its dashes; NULL: end of the table */
	const char *meta;   /* "FILE"; NULL: a flag */
	bool *flag;         /* set to true */
	const char **value; /* the last one given wins */
};

/*
 * Sort argv[1..argc) into options (the last entry has no name) and words; words (at least argc
 * entries) keep their order. EX_OK, or EX_USAGE after saying what is wrong (verb: what to ask for
 * help).
 */
int sn_cli_options(const char *verb, const struct sn_cli_option *options, int argc, char **argv,
	const char **words, size_t *word_count_r);

#endif
