/*
 * The log of a process from the settings of [log]: levels, target, file, format. Every process of
 * the daemon starts its own log from the same settings and writes whole lines to the same place.
 */
#ifndef SN_DAEMON_BASE_LOG_SETUP_H
#define SN_DAEMON_BASE_LOG_SETUP_H

#include "daemon/base/log.h"
#include "daemon/base/strbuf.h"

/* The words of `format` in a configuration. */
enum sn_log_choice {
	SN_LOG_CHOOSE,      /* colour on a terminal, priorities for the journal, else JSON */
	SN_LOG_CHOOSE_TEXT, /* priorities for the journal, else text */
	SN_LOG_CHOOSE_JSON,
};

/* Lent for the call. */
struct sn_log_setup {
	enum sn_log_level level;
	const struct sn_str *levels; /* "net.tls=debug", checked by sn_log_parse_rule */
	size_t level_count;
	enum sn_log_choice format;
	enum sn_log_target target;
	const char *file;   /* SN_LOG_TO_FD: appended to; NULL: standard error */
	const char *socket; /* the others; NULL: the usual one */
	bool color;         /* standard error may be coloured if it is a terminal */
};

/*
 * Set the levels and start the log. *fd_r: the log file, to be closed after sn_log_stop, or -1.
 * -errno: the file cannot be opened; nothing was started.
 */
int sn_log_set_up(const struct sn_log_setup *setup, int *fd_r) SN_WARN_UNUSED;

/* The levels alone, instead of all that were set before: a reload. */
void sn_log_set_levels(const struct sn_log_setup *setup);
/* Nobody asked for no colour (https://no-color.org). */
bool sn_log_color_wanted(void);

#define SN_LOG_NS_SIZE 64
/* "NAMESPACE=LEVEL": the namespace into ns (of SN_LOG_NS_SIZE bytes). SN_ESYNTAX, SN_EUNKNOWN
 * (level). */
int sn_log_parse_rule(
	struct sn_str entry, struct sn_strbuf *ns, enum sn_log_level *level_r) SN_WARN_UNUSED;

#endif
