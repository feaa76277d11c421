/*
 * One line of authorized_keys(5): [OPTIONS] TYPE BASE64 [COMMENT]. Views into the line; pure
 * functions.
 *
 *   options   'no-pty,command="date; echo \"hi\"",from="10.0.0.*"': names with or without a value,
 *             separated by commas (more than needed do no harm); a value stands in double quotes,
 * and holds one as \" wire      the key as SSH sends it (RFC 4253 6.6); its first string repeats
 * the type
 */
#ifndef SN_DAEMON_AUTH_AUTHORIZED_KEYS_PARSE_H
#define SN_DAEMON_AUTH_AUTHORIZED_KEYS_PARSE_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"

#define SN_SSH_KEY_MAX 4096 /* bytes on the wire: RSA of 16384 bits is half of it */

struct sn_authorized_key {
	struct sn_str options; /* as written; empty: none */
	struct sn_str type;    /* "ssh-ed25519" */
	struct sn_str comment;
	uint8_t wire[SN_SSH_KEY_MAX];
	size_t wire_n;
};

/* SN_ESYNTAX (no key in it, options malformed, base64 of another type), SN_EUNSUPPORTED (DSA), with
 * text in *diag. Blank lines and comments are SN_EMISSING. */
int sn_authorized_key_parse(
	struct sn_str line, struct sn_authorized_key *key_r, struct sn_diag *diag) SN_WARN_UNUSED;

/* Take the first option off *rest: its name, and its value without the quotes (escapes kept) or
 * p NULL. False: there is none, or (rest->n > 0) it is malformed. */
bool sn_authorized_key_option(struct sn_str *rest, struct sn_str *name_r, struct sn_str *value_r);

#endif
