/*
 * Shell completion: what may stand where the cursor is, from the tables of commands, services,
 * configuration rows, endpoint types and checkers. The shells' parts are thin and ask this.
 */
#ifndef SN_DAEMON_CLI_COMPLETE_H
#define SN_DAEMON_CLI_COMPLETE_H

#include "daemon/base/strbuf.h"

/*
 * words: the command line after `sennit`, up to the word being completed, which is the last one and
 * may be empty. Appends lines "WORD<tab>WHAT IT IS"; then ":nospace" if the word may go on after
 * that, and ":files" if names of files would do as well.
 */
void sn_cli_complete(const char *const *words, size_t count, struct sn_strbuf *out);

#endif
