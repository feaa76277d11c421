/*
 * What is wrong with a configuration, for people: every problem of one load is collected, then
 * printed at once as
 *
 *   sennit.toml:12:9: error: unknown key "lisen" in [service.irc]; did you mean "listen"?
 *     12 | lisen = ["tcp:6667"]
 *        | ^~~~~
 *
 * Positions are 1-based lines and columns (columns count code points, as editors do). Text that came from the command line has
 * the option's name as its file and no line.
 */
#ifndef SN_CONFIG_CONF_DIAG_H
#define SN_CONFIG_CONF_DIAG_H

#include "daemon/base/pool.h"
#include "daemon/base/strbuf.h"

/* One input text; kept for the carets. Owned by the diags' pool. */
struct sn_conf_source {
	struct sn_conf_source *next;
	struct sn_str name; /* file path as given, or "--listen" */
	struct sn_str text;
	bool is_option;     /* came from the command line */
};

struct sn_conf_pos {
	const struct sn_conf_source *source; /* NULL: nowhere in particular */
	uint32_t line, column;               /* 1-based; 0: the whole source */
	uint32_t length;                     /* bytes to underline; 0: one caret */
};

enum sn_conf_severity { SN_CONF_ERROR, SN_CONF_WARNING };

struct sn_conf_problem {
	struct sn_conf_problem *next;
	enum sn_conf_severity severity;
	struct sn_conf_pos pos;
	struct sn_str text;
};

/* Pool-backed list in the order found; printing sorts by source, line, column. */
struct sn_conf_diags {
	struct sn_pool *pool;
	struct sn_conf_problem *first, **last;
	struct sn_conf_source *sources;
	size_t errors, warnings;
};

void sn_conf_diags_init(struct sn_conf_diags *d);
void sn_conf_diags_fini(struct sn_conf_diags *d);
void sn_conf_report(struct sn_conf_diags *d, enum sn_conf_severity severity, struct sn_conf_pos pos,
	const char *fmt, ...) SN_PRINTF(4, 5);
/* Everything, with source lines and carets; colour codes only if asked for. */
void sn_conf_diags_print(const struct sn_conf_diags *d, struct sn_strbuf *out, bool color);

#endif
