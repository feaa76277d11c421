/*
 * What the options of an authorized_keys(5) line mean for one login. The rules are sshd's: one
 * unknown or malformed option makes the whole line void; `from` and `expiry-time` are decided here;
 * what is left restricts the session and goes with it.
 *
 * Differences from sshd: `from` is compared with addresses only (as with UseDNS no), and ports are
 * numbers. Certificates are not supported: lines with cert-authority never match.
 */
#ifndef SN_DAEMON_AUTH_AUTHORIZED_KEYS_H
#define SN_DAEMON_AUTH_AUTHORIZED_KEYS_H

#include "daemon/base/strbuf.h"
#include "daemon/net/addr.h"

/*
 * SN_OK: the key lets in, with *session_options appended to (names as the manual spells them,
 * values as written, in the line's order). SN_EDENIED: not from there, or not any more.
 * SN_EUNSUPPORTED: cert-authority. SN_ESYNTAX: void. All with text in *diag. peer NULL or a unix
 * socket: no address, so that `from` never matches.
 */
int sn_authorized_options(struct sn_str options, const struct sn_addr *peer, int64_t wall_ns,
	struct sn_strbuf *session_options, struct sn_diag *diag) SN_WARN_UNUSED;

/* A pattern list of `from`: "192.0.2.0/24,!192.0.2.66,2001:db8:*". SN_OK: it matches; SN_EDENIED:
 * it does not, or a negated pattern does; SN_ESYNTAX: a network with bits beyond its mask. */
int sn_authorized_from(struct sn_str patterns, const struct sn_addr *peer) SN_WARN_UNUSED;
/* "20301231", "203012312359", "20301231235959", with or without Z (UTC, else the machine's time
 * zone). */
int sn_authorized_expiry(struct sn_str text, int64_t *wall_ns_r) SN_WARN_UNUSED;

#endif
