/*
 * What is wrong with a configuration, for people: every problem of one load is collected, then
 * printed at once as
 *
 *   sennit.toml:12:9: error: unknown key "lisen" in [service.irc]; did you mean "listen"?
 *     12 | lisen = ["tcp:6667"]
 *        | ^~~~~
 *
 * Positions are 1-based lines and columns (columns count code points, as editors do). Text that
 * came from the command line has the option's name as its file and no line.
 */
#ifndef SN_CONFIG_CONF_DIAG_H
#define SN_CONFIG_CONF_DIAG_H

#include "daemon/base/pool.h"
#include "daemon/base/strbuf.h"

/*
 * One input text; kept for the carets. It belongs to a pool and is in that pool's list: the one of
 * a struct sn_conf_diags, or of a loaded configuration (whose positions outlive the diags).
 */
struct sn_conf_source {
	struct sn_conf_source *next;
	struct sn_str name; /* file path as given, or "--listen" */
	struct sn_str text;
	bool is_option; /* came from the command line */
};

/* line 0: the whole source; column 0: the line, of which no text is shown (it holds a secret). */
struct sn_conf_pos {
	const struct sn_conf_source *source; /* NULL: nowhere in particular */
	uint32_t line, column;               /* 1-based */
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

/* Append a source; text must live as long as the pool, name is copied. */
struct sn_conf_source *sn_conf_source_add(
	struct sn_pool *pool, struct sn_conf_source **list, const char *name, struct sn_str text);
/* All of a source of one line, such as an option's. */
struct sn_conf_pos sn_conf_whole_text(const struct sn_conf_source *source);
/* The list's own copy of a source, made at the first call; NULL gives NULL. */
const struct sn_conf_source *sn_conf_source_import(
	struct sn_pool *pool, struct sn_conf_source **list, const struct sn_conf_source *source);
/*
 * The place of byte `offset` of `text`, which is what a string at pos means: exact where it stands
 * in the source as it is (no escapes, nothing expanded), else pos.
 */
struct sn_conf_pos sn_conf_pos_within(struct sn_conf_pos pos, struct sn_str text, size_t offset);

/* pos may be of a source from elsewhere: the diags take a copy. */
void sn_conf_report(struct sn_conf_diags *d, enum sn_conf_severity severity, struct sn_conf_pos pos,
	const char *fmt, ...) SN_PRINTF(4, 5);
/* Everything, with source lines and carets; colour codes only if asked for. */
void sn_conf_diags_print(const struct sn_conf_diags *d, struct sn_strbuf *out, bool color);

#endif
