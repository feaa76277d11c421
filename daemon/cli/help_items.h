/*
 * A command's help text, read back: the one table of its words and options, from which the manual
 * page and shell completion are made too. Two blanks begin a word or an option, with what it takes;
 * two or more end that, and the rest says what it does; deeper lines go on; "Examples:" begins
 * lines that are to be typed.
 */
#ifndef SN_DAEMON_CLI_HELP_ITEMS_H
#define SN_DAEMON_CLI_HELP_ITEMS_H

#include "daemon/base/str.h"

enum sn_help_kind {
	SN_HELP_TEXT,
	SN_HELP_BLANK,
	SN_HELP_ITEM,
	SN_HELP_MORE, /* of the item before */
	SN_HELP_EXAMPLES,
	SN_HELP_EXAMPLE,
};

struct sn_help {
	struct sn_str rest;
	bool examples;
};

struct sn_help_line {
	enum sn_help_kind kind;
	struct sn_str text; /* ITEM: "start|stop GROUP"; others: the line without indentation */
	struct sn_str doc;  /* ITEM */
};

static inline struct sn_help sn_help(const char *text)
{
	return (struct sn_help){ .rest = sn_str(text) };
}
bool sn_help_next(struct sn_help *help, struct sn_help_line *line_r);

/*
 * The next name of an item ("start", then "stop"; "--json") off *text; false when only what it
 * takes is left.
 */
bool sn_help_name(struct sn_str *text, struct sn_str *name_r);

#endif
