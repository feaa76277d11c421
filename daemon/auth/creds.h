/*
 * Credentials: what somebody claims, in the form one protocol exchange yields it. Borrowed views
 * only: whoever holds them past the call copies them, and wipes the copy after use.
 */
#ifndef SN_DAEMON_AUTH_CREDS_H
#define SN_DAEMON_AUTH_CREDS_H

#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/net/addr.h"

/* Bits, so that a checker can say which kinds it takes. */
enum sn_creds_kind {
	SN_CREDS_PASSWORD = 1,
	SN_CREDS_CERTIFICATE = 2,
	SN_CREDS_ANONYMOUS = 4,
};

struct sn_creds {
	enum sn_creds_kind kind;
	struct sn_str account;      /* who they say they are; empty for ANONYMOUS */
	struct sn_str password;     /* PASSWORD */
	const uint8_t *fingerprint; /* CERTIFICATE: SHA-256, 32 bytes */
	const struct sn_addr *peer; /* where from; NULL: not known */
	const char *service;        /* "irc": for logs and limits */
};

#endif
