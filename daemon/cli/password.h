/* A password from a person or a file, never from the command line, where everybody can read it. */
#ifndef SN_DAEMON_CLI_PASSWORD_H
#define SN_DAEMON_CLI_PASSWORD_H

#include <stdbool.h>

#include "daemon/base/strbuf.h"

struct sn_cli_password {
	bool from_stdin;  /* --password-stdin */
	const char *file; /* --password-file FILE */
	bool hashed;      /* --hashed: what comes is a hash already */
};

/*
 * Into out (of sn_strbuf_init; the caller wipes and frees it with sn_cli_password_fini): all of the
 * file or standard input but one line end, or what is typed twice, unseen, at the terminal.
 * EX_OK, or the exit code after saying what is wrong.
 */
int sn_cli_password_get(const char *verb, const struct sn_cli_password *from, const char *prompt,
	struct sn_strbuf *out);
void sn_cli_password_fini(struct sn_strbuf *password);

#endif
